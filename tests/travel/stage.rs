//! A lab with writeback on and an ordinary synchronised account, and what all the witnesses of a trip say. No promises.

use crate::browser::{Browser, redeem, token_with};
use crate::dc::{Dc, one, quoted, said, text};
use crate::lab::{CLI_TOOLS, Lab, VERIFIER};
use serde_json::{Value, json};

pub(crate) const SAM: &str = "writeback.test";
pub(crate) const DN: &str = "CN=Writeback Test,CN=Users,DC=testlab,DC=contoso,DC=example";
/// What the account is made with.
pub(crate) const FIRST: &str = "Canary-First-1";
pub(crate) const ADMIN: &str = "admin@contoso.onmicrosoft.com";
const SCOPES: &str = "UserAuthenticationMethod.ReadWrite.All User.Read.All AuditLog.Read.All";
const METHOD: &str = "28c10230-6103-485e-b985-444c60001490";

/// A lab, and an administrator in it.
pub(crate) struct Stage {
    pub(crate) dc: Dc,
    pub(crate) token: String,
    /// The account's id in the tenant.
    pub(crate) user: String,
}

/// What came of a reset.
pub(crate) struct Ended {
    pub(crate) status: String,
    pub(crate) detail: String,
    /// Numbers of the events on APP1, heartbeats left out.
    pub(crate) events: Vec<u64>,
    pub(crate) agent: Option<String>,
    pub(crate) result: String,
}

impl Stage {
    /// Its account is as old as its domain: younger than the minimum age of a day.
    pub(crate) async fn new() -> Self {
        let lab = Lab::start(&["--consistency", "0s"]).await;
        let mut dc = Dc::of(lab);
        let mut admin = dc.admin().await;
        let made = admin.add(
            DN,
            vec![
                (b"objectClass".to_vec(), one("user")),
                (b"sAMAccountName".to_vec(), one(SAM)),
                (b"userPrincipalName".to_vec(), one("writeback.test@contoso.example")),
                (b"unicodePwd".to_vec(), one(quoted(FIRST))),
                (b"userAccountControl".to_vec(), one("512")),
            ],
        );
        assert_eq!(said(made.await), (0, String::new()));
        let lab = dc.lab.take().unwrap();
        lab.person("tick-feature", &["Password writeback"]).await;
        lab.person("sync", &[]).await;
        lab.clock("10s").await;
        // A product that is bought is given to every account.
        lab.person("drop-license", &["SPE_E5"]).await;
        lab.person("buy-license", &["SPE_E5"]).await;
        let token = token_with(&lab, ADMIN, SCOPES).await;
        let (status, user) = lab.get(&token, "/v1.0/users/writeback.test@contoso.example?$select=id").await;
        assert_eq!(status, 200, "{user}");
        Self { token, user: user["id"].as_str().unwrap().to_owned(), dc: Dc::of(lab) }
    }

    /// Another token, with nothing left to consent to.
    pub(crate) async fn sign_in_again(&self) -> String {
        let mut browser = Browser::open(self.lab(), CLI_TOOLS, SCOPES, &[]).await;
        browser.log_in(ADMIN).await;
        let (status, body) = redeem(self.lab(), CLI_TOOLS, &browser.answer("code").unwrap(), VERIFIER).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn lab(&self) -> &Lab {
        self.dc.lab.as_ref().unwrap()
    }

    pub(crate) fn world(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.lab().dir.join("world.json")).unwrap()).unwrap()
    }

    /// Everything on APP1 but heartbeats and what it says of being switched on, oldest first.
    pub(crate) fn events(&self) -> Vec<Value> {
        let world = self.world();
        let all = world["connect"]["events"].as_array().unwrap();
        let usual = [31_004, 31_005, 31_015, 31_016, 31_018, 31_019];
        all.iter().filter(|event| event["id"].as_u64().is_none_or(|id| !usual.contains(&id))).cloned().collect()
    }

    pub(crate) async fn breaks(&self, code: &str) {
        let (status, body) = self.lab().control("faults", &json!({"break": code})).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn heal(&self) {
        assert_eq!(self.lab().control("faults", &json!({"heal": null})).await.0, 200);
    }

    /// Asks for a reset and gives the address to poll.
    pub(crate) async fn ask(&self, password: &str) -> String {
        let path = format!("{}/v1.0/users/{}/authentication/methods/{METHOD}/resetPassword", self.lab().text("graph"), self.user);
        let reply = self.lab().http.post(path).bearer_auth(&self.token).json(&json!({"newPassword": password})).send().await.unwrap();
        let location = reply.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        assert_eq!(reply.status(), 202, "{}", reply.text().await.unwrap());
        location.unwrap()
    }

    pub(crate) async fn operation(&self, location: &str) -> Value {
        self.lab().http.get(location).bearer_auth(&self.token).send().await.unwrap().json().await.unwrap()
    }

    /// Newest first.
    pub(crate) async fn audits(&self) -> Vec<Value> {
        let (status, body) = self.lab().get(&self.token, "/v1.0/auditLogs/directoryAudits").await;
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().clone()
    }

    /// A reset by the administrator, to its end after so much time.
    pub(crate) async fn reset(&self, password: &str, within: &str) -> Ended {
        let before = self.events().len();
        let location = self.ask(password).await;
        self.lab().clock(within).await;
        let operation = self.operation(&location).await;
        let audit = self.audits().await.remove(0);
        Ended {
            status: operation["status"].as_str().unwrap().to_owned(),
            detail: operation["statusDetail"].as_str().unwrap_or_default().to_owned(),
            events: self.events()[before..].iter().map(|event| event["id"].as_u64().unwrap()).collect(),
            agent: agent(&audit),
            result: audit["result"].as_str().unwrap().to_owned(),
        }
    }

    /// A person's verb; `password` is what it types.
    pub(crate) async fn person(&self, verb: &str, args: &[&str], password: Option<&str>) -> Result<(), String> {
        let (status, body) = self.lab().control("person", &json!({"verb": verb, "args": args, "password": password})).await;
        if status == 200 { Ok(()) } else { Err(body["error"].as_str().unwrap().to_owned()) }
    }

    pub(crate) async fn set_at(&self) -> i64 {
        text(&mut self.dc.admin().await, DN, "pwdLastSet").await.parse().unwrap()
    }

    pub(crate) async fn bind(&self, password: &str) -> String {
        self.dc.bind_as(SAM, password).await
    }

    /// Nothing that the lab wrote or shows holds any of these.
    pub(crate) async fn assert_unseen(&self, passwords: &[&str]) {
        let mut seen = self.lab().requests().await.to_string();
        for file in std::fs::read_dir(&self.lab().dir).unwrap() {
            seen.push_str(&String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()));
        }
        for path in ["/v1.0/auditLogs/directoryAudits", "/v1.0/users"] {
            seen.push_str(&self.lab().get(&self.token, path).await.1.to_string());
        }
        for password in passwords {
            assert!(!seen.contains(password), "`{password}` is seen");
        }
    }
}

pub(crate) fn agent(audit: &Value) -> Option<String> {
    let details = audit["additionalDetails"].as_array().unwrap();
    let found = details.iter().find(|detail| detail["key"] == "OnPremisesAgent");
    found.map(|detail| detail["value"].as_str().unwrap().to_owned())
}
