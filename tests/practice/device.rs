//! The device code grant: what a device and a person see, each refusal in Entra's words.

use crate::browser::Browser;
use crate::lab::{CLI_TOOLS, Lab};
use reqwest::StatusCode;
use serde_json::{Value, json};

const LONG_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const SCOPE: &str = "openid offline_access User.Read";

async fn begin(lab: &Lab) -> Value {
    let form = [("client_id", CLI_TOOLS), ("scope", SCOPE)];
    let reply = lab.http.post(lab.tenant("oauth2/v2.0/devicecode")).form(&form).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    reply.json().await.unwrap()
}

async fn poll(lab: &Lab, begun: &Value) -> (StatusCode, Value) {
    let code = begun["device_code"].as_str().unwrap();
    lab.token_request(&[("grant_type", LONG_GRANT), ("client_id", CLI_TOOLS), ("device_code", code)]).await
}

async fn decide(lab: &Lab, deed: &str, user_code: &str) -> StatusCode {
    let address = format!("{}/practice/{deed}", lab.text("authority"));
    lab.http.post(address).form(&[("user_code", user_code)]).send().await.unwrap().status()
}

#[tokio::test]
async fn a_device_gets_what_entra_documents_and_no_complete_address() {
    let lab = Lab::start(&[]).await;
    let address = lab.tenant("v2.0/.well-known/openid-configuration");
    let discovery: Value = lab.http.get(address).send().await.unwrap().json().await.unwrap();
    assert_eq!(discovery["device_authorization_endpoint"], lab.tenant("oauth2/v2.0/devicecode"));
    let begun = begin(&lab).await;
    let mut keys: Vec<&str> = begun.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["device_code", "expires_in", "interval", "message", "user_code", "verification_uri"]);
    assert_eq!((&begun["expires_in"], &begun["interval"]), (&json!(900), &json!(5)));
    assert!(begun["message"].as_str().unwrap().contains(begun["user_code"].as_str().unwrap()));
    assert_eq!(begun["user_code"].as_str().unwrap().len(), 9);
}

#[tokio::test]
async fn an_approved_code_gives_tokens_once_under_each_name_of_the_grant() {
    let lab = Lab::start(&[]).await;
    for (grant, parameter) in [(LONG_GRANT, "device_code"), ("device_code", "code"), (LONG_GRANT, "code"), ("device_code", "device_code")] {
        let begun = begin(&lab).await;
        let (status, body) = poll(&lab, &begun).await;
        assert_eq!((status.as_u16(), &body["error"], &body["error_codes"]), (400, &json!("authorization_pending"), &json!([70_016])));
        assert_eq!(decide(&lab, "approve", &begun["user_code"].as_str().unwrap().to_lowercase()).await, 200);
        let code = begun["device_code"].as_str().unwrap();
        let form = [("grant_type", grant), ("client_id", CLI_TOOLS), (parameter, code)];
        let (status, body) = lab.token_request(&form).await;
        assert_eq!(status, 200, "{grant} {parameter}: {body}");
        assert!(body["refresh_token"].is_string() && body["id_token"].is_string());
        assert_eq!(lab.get(body["access_token"].as_str().unwrap(), "/v1.0/me").await.0, 200);
        assert_eq!(lab.token_request(&form).await.1["error_codes"], json!([54_005]));
        assert_eq!(decide(&lab, "approve", begun["user_code"].as_str().unwrap()).await, 409);
    }
}

#[tokio::test]
async fn each_end_of_a_device_code_has_its_own_error() {
    let lab = Lab::start(&[]).await;
    let declined = begin(&lab).await;
    assert_eq!(decide(&lab, "deny", declined["user_code"].as_str().unwrap()).await, 200);
    let expired = begin(&lab).await;
    let wrong = json!({"device_code": "wrong"});
    assert_eq!(poll(&lab, &declined).await.1["error"], "authorization_declined");
    assert_eq!(poll(&lab, &wrong).await.1["error"], "bad_verification_code");
    lab.clock("899s").await;
    assert_eq!(poll(&lab, &expired).await.1["error"], "authorization_pending");
    lab.clock("1s").await;
    let (status, body) = poll(&lab, &expired).await;
    assert_eq!((status.as_u16(), &body["error"], &body["error_codes"]), (400, &json!("expired_token"), &json!([70_020])));
    assert!(body["error_description"].as_str().unwrap().contains("\r\nTrace ID: "));
    assert_eq!(decide(&lab, "approve", expired["user_code"].as_str().unwrap()).await, 404);
    assert_eq!(decide(&lab, "approve", "nothing").await, 404);
}

#[tokio::test]
async fn a_person_types_the_code_in_a_browser_and_approves_or_cancels() {
    let lab = Lab::start(&[]).await;
    for approve in [true, false] {
        let begun = begin(&lab).await;
        let mut browser = Browser::at(&lab, begun["verification_uri"].as_str().unwrap().parse().unwrap()).await;
        assert!(browser.page.contains("name=\"user_code\""), "{}", browser.page);
        for (code, shown) in [("WRONGCODE", "AADSTS70018"), (begun["user_code"].as_str().unwrap(), "name=\"password\"")] {
            let reply = lab.http.post(lab.tenant("devicelogin")).form(&[("user_code", code)]).send().await.unwrap();
            browser.take(reply).await;
            assert!(browser.page.contains(shown), "{}", browser.page);
        }
        if approve {
            browser.log_in("admin@contoso.onmicrosoft.com").await;
            browser.submit("consent", &[("act", "approve")]).await;
            assert!(browser.page.contains("You have signed in"), "{}", browser.page);
            assert_eq!(poll(&lab, &begun).await.0, 200);
        } else {
            browser.submit("login", &[("act", "cancel")]).await;
            assert_eq!(poll(&lab, &begun).await.1["error"], "authorization_declined");
        }
        assert!(browser.sent_to.is_none());
    }
}

#[tokio::test]
async fn signing_out_ends_on_a_page_or_back_on_this_machine_only() {
    let lab = Lab::start(&[]).await;
    let out = async |back: &str| {
        let mut address: url::Url = lab.tenant("oauth2/v2.0/logout").parse().unwrap();
        address.query_pairs_mut().append_pair("post_logout_redirect_uri", back);
        lab.http.get(address).send().await.unwrap()
    };
    let back = out("http://localhost:1/out").await;
    assert_eq!((back.status().as_u16(), back.headers()["location"].to_str().unwrap()), (302, "http://localhost:1/out"));
    assert_eq!(out("https://evil.example/").await.status(), 200);
}
