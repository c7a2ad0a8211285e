//! A running practice lab as its own process, and the pages of its sign-in as a browser fills them in. Not for what Guidepost does with it.

#![allow(dead_code, clippy::allow_attributes, clippy::unwrap_used, clippy::panic, reason = "tests; each binary uses its own part of it")]
#![expect(clippy::disallowed_methods, reason = "the lab is another process, and tests start it")]

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

pub(crate) const USER1: &str = "b7e25f90-1d4c-4a83-8c6f-92e0a4d13578";
pub(crate) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub(crate) const CLI_TOOLS: &str = "14d82eec-204b-4c2f-b7e8-296a70dab67e";
pub(crate) const VERIFIER: &str = "canary-verifier-0123456789-0123456789-0123456789";
pub(crate) const REDIRECT: &str = "http://localhost:1/done";
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A running lab; dropped, it is killed.
pub(crate) struct Lab {
    pub(crate) child: Child,
    pub(crate) dir: PathBuf,
    pub(crate) ready: Value,
    pub(crate) http: Client,
    pub(crate) temp: Option<TempDir>,
}

pub(crate) fn guidepost(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
    command.arg("practice").args(args).arg("--state").arg(dir).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) async fn run(args: &[&str], dir: &Path) -> Output {
    timeout(LONG, guidepost(args, dir).output()).await.unwrap().unwrap()
}

impl Lab {
    pub(crate) async fn start(args: &[&str]) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("state");
        Self { temp: Some(temp), ..Self::start_in(dir, args).await }
    }

    pub(crate) async fn start_in(dir: PathBuf, args: &[&str]) -> Self {
        guidepost::base::http::install_tls_provider();
        let mut child = guidepost(args, &dir).args(["--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        timeout(LONG, out.read_line(&mut line)).await.unwrap().unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let http = client(&std::fs::read(ready["ca_file"].as_str().unwrap()).unwrap());
        Self { child, dir, ready, http, temp: None }
    }

    pub(crate) fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    pub(crate) fn endpoint(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.dir.join("endpoint.json")).unwrap()).unwrap()
    }

    pub(crate) fn seed(&self) -> String {
        self.endpoint()["refresh_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn tenant(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.text("authority"), self.text("tenant_id"))
    }

    pub(crate) fn address(&self) -> &str {
        self.text("authority").strip_prefix("https://").unwrap()
    }

    pub(crate) async fn token_request(&self, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let reply = self.http.post(self.tenant("oauth2/v2.0/token")).form(form).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn refresh(&self, token: &str, scope: &str) -> (StatusCode, Value) {
        let client = self.text("client_id").to_owned();
        self.token_request(&[("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", token), ("scope", scope)]).await
    }

    /// An access token of the practice administrator.
    pub(crate) async fn admin(&self) -> String {
        let (status, body) = self.refresh(&self.seed(), "openid offline_access User.Read.All").await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let reply = self.http.get(format!("{}{path}", self.text("graph"))).bearer_auth(token).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn eventual(&self, token: &str, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{path}", self.text("graph"))).bearer_auth(token).header("ConsistencyLevel", "eventual");
        let reply = request.send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn assign(&self, token: &str, body: &Value) -> (StatusCode, Value) {
        let address = format!("{}{ASSIGNMENTS}", self.text("graph"));
        let reply = self.http.post(address).bearer_auth(token).json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn unassign(&self, token: &str, id: &str) -> StatusCode {
        let address = format!("{}{ASSIGNMENTS}/{id}", self.text("graph"));
        self.http.delete(address).bearer_auth(token).send().await.unwrap().status()
    }

    pub(crate) async fn control(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let reply = self.http.post(format!("{}/{path}", self.text("control"))).json(body).send().await.unwrap();
        (reply.status(), reply.json().await.unwrap())
    }

    pub(crate) async fn clock(&self, by: &str) {
        let (status, body) = self.control("clock", &json!({"advance": by})).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn person(&self, verb: &str, args: &[&str]) {
        let (status, body) = self.control("person", &json!({"verb": verb, "args": args})).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn requests(&self) -> Value {
        let reply = self.http.get(format!("{}/requests", self.text("control"))).send().await.unwrap();
        reply.json().await.unwrap()
    }

    /// Who holds Global Administrator, as reads show it.
    pub(crate) async fn administrators(&self, token: &str) -> Vec<String> {
        let (status, body) = self.get(token, &format!("{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'")).await;
        assert_eq!(status, 200, "{body}");
        body["value"].as_array().unwrap().iter().map(|one| one["principalId"].as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";

pub(crate) fn client(ca: &[u8]) -> Client {
    let ca = reqwest::Certificate::from_pem(ca).unwrap();
    Client::builder().tls_certs_only([ca]).no_proxy().redirect(Policy::none()).timeout(LONG).build().unwrap()
}

pub(crate) fn wish(principal: &str) -> Value {
    json!({"roleDefinitionId": GLOBAL_ADMINISTRATOR, "principalId": principal, "directoryScopeId": "/"})
}

/// The pages of sign-in, filled in as a browser would.
pub(crate) struct Browser<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) page: String,
    /// Where the last redirect went.
    pub(crate) sent_to: Option<url::Url>,
}

impl<'a> Browser<'a> {
    pub(crate) async fn open(lab: &'a Lab, client: &str, scope: &str, more: &[(&str, &str)]) -> Self {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut query = vec![
            ("client_id", client),
            ("response_type", "code"),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", "s&t=1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        query.extend_from_slice(more);
        let reply = lab.http.get(lab.tenant("oauth2/v2.0/authorize")).query(&query).send().await.unwrap();
        let mut browser = Self { lab, page: String::new(), sent_to: None };
        browser.take(reply).await;
        browser
    }

    pub(crate) async fn take(&mut self, reply: reqwest::Response) {
        let location = reply.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        self.sent_to = location.map(|to| to.parse().unwrap());
        self.page = reply.text().await.unwrap();
    }

    pub(crate) fn field(&self, name: &str) -> String {
        let at = self.page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {}", self.page));
        at.split('"').next().unwrap().to_owned()
    }

    pub(crate) async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) {
        let (flow, csrf) = (self.field("flow"), self.field("csrf"));
        let mut form = vec![("flow", flow.as_str()), ("csrf", csrf.as_str())];
        form.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        form.extend_from_slice(fields);
        let reply = self.lab.http.post(self.lab.tenant(action)).form(&form).send().await.unwrap();
        self.take(reply).await;
    }

    /// At an address that a program gave out.
    pub(crate) async fn at(lab: &'a Lab, address: &str) -> Self {
        let mut browser = Self { lab, page: String::new(), sent_to: None };
        browser.take(lab.http.get(address).send().await.unwrap()).await;
        browser
    }

    pub(crate) async fn log_in(&mut self, account: &str) {
        let password = self.lab.ready["admin"]["password"].as_str().unwrap().to_owned();
        self.submit("login", &[("account", account), ("password", &password), ("act", "next")]).await;
    }

    pub(crate) fn answer(&self, name: &str) -> Option<String> {
        let url = self.sent_to.as_ref().unwrap_or_else(|| panic!("no redirect but {}", self.page));
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

pub(crate) async fn redeem(lab: &Lab, client: &str, code: &str, verifier: &str) -> (StatusCode, Value) {
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier),
    ];
    lab.token_request(&fields).await
}

/// Signs in by page and approves; the access token carries these scopes only.
pub(crate) async fn token_with(lab: &Lab, account: &str, scope: &str) -> String {
    let mut browser = Browser::open(lab, CLI_TOOLS, scope, &[]).await;
    browser.log_in(account).await;
    browser.submit("consent", &[("act", "approve")]).await;
    let (status, body) = redeem(lab, CLI_TOOLS, &browser.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}
