//! The program's own sign-in and Graph client in the practice lab: the same code as in a real one.

use crate::{
    browser::Browser,
    lab::{ASSIGNMENTS, Lab, USER1, wish},
};
use guidepost::{
    base::{
        Secret,
        clock::SystemClock,
        http::{Http, HttpSettings, Method, WireLog},
    },
    services::{
        entra::{EntraSettings, Graph, GraphGet, GraphWrite, Prompt, Purpose, Session, SignInError, Way},
        vault::Vault,
    },
};
use std::sync::Arc;

async fn session(lab: &Lab, refresh_token: Option<String>) -> (Http, Session) {
    let settings = EntraSettings {
        authority: lab.text("authority").parse().unwrap(),
        tenant: lab.text("tenant_id").to_owned(),
        client_id: lab.text("client_id").to_owned(),
        write_client_id: None,
        graph: lab.text("graph").parse().unwrap(),
        read_scopes: ["Organization.Read.All", "User.Read.All", "RoleManagement.Read.Directory"].map(str::to_owned).to_vec(),
        write_scopes: vec!["RoleManagement.ReadWrite.Directory".to_owned()],
    };
    let http = HttpSettings { ca_file: Some(lab.text("ca_file").into()), ..HttpSettings::default() };
    let http = Http::new(http, WireLog::default()).unwrap();
    let vault = Vault::memory();
    if let Some(token) = refresh_token {
        vault.put("practice", Secret::new(token)).await.unwrap();
    }
    (http.clone(), Session::new(http, settings, vault, "practice".to_owned(), Arc::new(SystemClock)))
}

#[tokio::test]
async fn our_client_resumes_reads_writes_and_takes_back() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let (http, session) = session(&lab, Some(lab.seed())).await;
    let account = session.resume().await.unwrap();
    assert_eq!(account.upn.reveal(), lab.ready["admin"]["upn"].as_str().unwrap());
    assert_eq!(account.tenant_id, lab.text("tenant_id"));
    let graph = Graph::new(http, session);
    let query = [("$filter", "onPremisesSamAccountName eq 'User1'"), ("$select", "id,userPrincipalName")];
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let found = graph.get(GraphGet { path: "/v1.0/users".to_owned(), query, eventual: true }).await.unwrap();
    assert_eq!(found.body["value"][0]["id"], USER1);
    assert!(found.date.is_some() && found.request_id.is_some());
    let pages = GraphGet { path: "/v1.0/users".to_owned(), query: vec![("$top".to_owned(), "2".to_owned())], eventual: false };
    assert_eq!(graph.get(pages).await.unwrap().body["value"].as_array().unwrap().len(), 5);
    let post = GraphWrite { method: Method::POST, path: ASSIGNMENTS.to_owned(), body: Some(wish(USER1)) };
    let made = graph.write(post.clone()).await.unwrap();
    assert_eq!(made.status, 201);
    let twice = graph.write(post).await.unwrap_err();
    assert!(twice.is_conflict() && twice.outcome_known(), "{twice}");
    let path = format!("{ASSIGNMENTS}/{}", made.body["id"].as_str().unwrap());
    assert_eq!(graph.write(GraphWrite { method: Method::DELETE, path, body: None }).await.unwrap().status, 204);
}

#[tokio::test]
async fn our_client_signs_in_by_browser_and_hears_a_denial() {
    let lab = Lab::start(&[]).await;
    for act in ["next", "cancel"] {
        let (_, session) = session(&lab, None).await;
        let waiting = session.begin().await.unwrap();
        let mut browser = Browser::at(&lab, waiting.address.clone()).await;
        if act == "next" {
            browser.log_in("admin@contoso.onmicrosoft.com").await;
        } else {
            browser.submit("login", &[("act", "cancel")]).await;
        }
        let back = browser.sent_to.clone().unwrap();
        let plain = reqwest::Client::builder().no_proxy().build().unwrap();
        let (account, shown) = tokio::join!(waiting.finish(), plain.get(back).send());
        assert!(shown.is_ok());
        match act {
            "next" => assert_eq!(account.unwrap().upn.reveal(), "admin@contoso.onmicrosoft.com"),
            _ => assert!(account.unwrap_err().to_string().contains("declined")),
        }
    }
}

/// A code that was decided on before it is asked for the first time.
async fn by_code(lab: &Lab, deed: Option<&str>) -> Result<String, SignInError> {
    let (_, session) = session(lab, None).await;
    let sign_in = session.start(Way::Device, Purpose::Read).await?;
    let Prompt::DeviceCode { user_code, .. } = sign_in.prompt() else { panic!("{:?}", sign_in.prompt()) };
    if let Some(deed) = deed {
        let address = format!("{}/practice/{deed}", lab.text("authority"));
        let decided = lab.http.post(address).form(&[("user_code", user_code)]).send().await.unwrap();
        assert_eq!(decided.status(), 200);
    }
    let (_, mut pasted) = tokio::sync::mpsc::channel(1);
    sign_in.finish(&mut pasted, |_| {}).await.map(|account| account.upn.reveal().to_owned())
}

#[tokio::test]
async fn our_client_signs_in_by_a_code_and_hears_a_denial_and_a_policy() {
    let lab = Lab::start(&[]).await;
    assert_eq!(by_code(&lab, Some("approve")).await.unwrap(), "admin@contoso.onmicrosoft.com");
    let denied = by_code(&lab, Some("deny")).await.unwrap_err();
    assert!(denied.needs_person() && denied.hint().unwrap().contains("accept"), "{denied}");
    assert_eq!(lab.control("faults", &serde_json::json!({"break": "device-code-blocked"})).await.0, 200);
    let blocked = by_code(&lab, Some("approve")).await.unwrap_err();
    assert!(blocked.to_string().contains("a Conditional Access policy blocks this sign-in"), "{blocked}");
    assert!(blocked.hint().unwrap().contains("`browser` or `paste`"), "{blocked}");
}

#[tokio::test]
async fn our_client_takes_the_address_that_a_browser_elsewhere_ended_at() {
    let lab = Lab::start(&[]).await;
    let (_, session) = session(&lab, None).await;
    let sign_in = session.start(Way::Paste, Purpose::Read).await.unwrap();
    let Prompt::PasteAddress { address } = sign_in.prompt() else { panic!("{:?}", sign_in.prompt()) };
    let mut browser = Browser::at(&lab, address).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    let (paste, mut pasted) = tokio::sync::mpsc::channel(1);
    paste.send(Secret::new(browser.sent_to.clone().unwrap().to_string())).await.unwrap();
    let account = sign_in.finish(&mut pasted, |why| panic!("{why}")).await.unwrap();
    assert_eq!(account.upn.reveal(), "admin@contoso.onmicrosoft.com");
    assert!(!session.granted(Purpose::Read).is_empty());
}
