//! Tokens for Resource Manager beside those for Graph: the same refresh token where the application may have both, never another person's.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/rude.rs"]
mod rude;
#[path = "support/tenant.rs"]
mod tenant;

use guidepost::base::Secret;
use guidepost::services::azure::Tokens as _;
use guidepost::services::entra::{AzureSession, AzureTarget, Purpose, SignInError};
use rude::json;
use serde_json::json as value;
use tenant::{Lab, tokens};
use url::Url;

fn target(client_id: Option<&str>, resource: Option<&str>) -> AzureTarget {
    let base = Url::parse("https://management.example/").unwrap();
    AzureTarget { base, resource: resource.map(str::to_owned), client_id: client_id.map(str::to_owned) }
}

#[tokio::test]
async fn one_refresh_token_brings_both_and_each_is_asked_for_by_its_own_scope() {
    let lab = Lab::remembered().await;
    let azure = AzureSession::beside(&lab.session, &target(None, None));
    lab.session.token(Purpose::Read).await.unwrap();
    let token = azure.token().await.unwrap();
    azure.token().await.unwrap();
    let asked = lab.token_requests();
    assert_eq!(asked.len(), 2, "a token that is good is not asked for again");
    let (graph, own) = (asked[0].form(), asked[1].form());
    assert!(graph["scope"].contains("User.Read.All") && !graph["scope"].contains("management"), "{}", graph["scope"]);
    assert_eq!(own["scope"], "https://management.example/user_impersonation offline_access openid profile");
    assert_eq!((own["client_id"].as_str(), own["grant_type"].as_str()), ("reader", "refresh_token"));
    // What the first renewal brought is what the second one uses.
    assert_ne!(own["refresh_token"], graph["refresh_token"]);
    assert_eq!(lab.vault.get("lab/azure").await.map(|_| ()), None);
    // Another one than this, when Azure does not accept it.
    azure.instead_of(&token).await.unwrap();
    assert_eq!(lab.token_requests().len(), 3);
}

#[tokio::test]
async fn another_application_for_azure_has_a_refresh_token_of_its_own_and_asks_by_the_clouds_own_name() {
    let lab = Lab::remembered().await;
    let azure = AzureSession::beside(&lab.session, &target(Some("azure-app"), Some("https://management.core.example/")));
    assert_eq!(azure.token().await.unwrap_err(), SignInError::SignedOut);
    lab.vault.put("lab/azure", Secret::new("refresh-azure")).await.unwrap();
    azure.token().await.unwrap();
    let asked = lab.token_requests();
    let form = asked.last().unwrap().form();
    assert_eq!((form["client_id"].as_str(), form["refresh_token"].as_str()), ("azure-app", "refresh-azure"));
    assert!(form["scope"].starts_with("https://management.core.example/user_impersonation "), "{}", form["scope"]);
    azure.sign_out().await;
    assert!(lab.vault.get("lab/azure").await.is_none() && lab.vault.get("lab").await.is_some());
}

#[tokio::test]
async fn whoever_looks_at_azure_is_who_looks_at_the_tenant() {
    let lab = Lab::remembered().await;
    let azure = AzureSession::beside(&lab.session, &target(Some("azure-app"), None));
    lab.vault.put("lab/azure", Secret::new("refresh-azure")).await.unwrap();
    lab.session.token(Purpose::Read).await.unwrap();
    lab.token_answers([tokens(7, 3600, "99999999-0000-0000-0000-000000000009")]);
    assert_eq!(azure.token().await.unwrap_err(), SignInError::OtherAccount);
}

#[tokio::test]
async fn an_application_that_azure_refuses_is_not_asked_for_again_until_somebody_signed_in() {
    let lab = Lab::remembered().await;
    let azure = AzureSession::beside(&lab.session, &target(None, None));
    let refusal = value!({"error": "invalid_request", "error_description": "AADSTS65002: Consent between first party application", "error_codes": [65002]});
    lab.token_answers([json(400, &refusal)]);
    let why = azure.token().await.unwrap_err();
    assert!(why.needs_person() && why.hint().unwrap().contains("azure_client_id"), "{why}: {:?}", why.hint());
    assert_eq!(azure.token().await.unwrap_err(), why);
    assert_eq!(lab.token_requests().len(), 1);
    azure.try_again().await;
    azure.token().await.unwrap();
    // Graph was never refused.
    lab.session.token(Purpose::Read).await.unwrap();
}
