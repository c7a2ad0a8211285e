//! Signing in: discovery, pages, codes, refresh, and every refusal.

use crate::browser::{Browser, redeem};
use crate::lab::{CLI_TOOLS, Lab, VERIFIER};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

#[tokio::test]
async fn discovery_names_endpoints_under_the_authority() {
    let lab = Lab::start(&[]).await;
    for tenant in [lab.text("tenant_id"), "contoso.onmicrosoft.com", "common"] {
        let address = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", lab.text("authority"));
        let body: Value = lab.http.get(address).send().await.unwrap().json().await.unwrap();
        assert_eq!(body["token_endpoint"], format!("{}/{tenant}/oauth2/v2.0/token", lab.text("authority")));
        let keys: Value = lab.http.get(body["jwks_uri"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
        assert_eq!(keys["keys"][0]["crv"], "P-256");
    }
    let unknown =
        lab.http.get(format!("{}/nobody.example/v2.0/.well-known/openid-configuration", lab.text("authority"))).send().await.unwrap();
    assert_eq!(unknown.status(), 400);
    assert_eq!(unknown.json::<Value>().await.unwrap()["error_codes"], json!([90_002]));
}

#[tokio::test]
async fn a_refresh_gives_a_new_token_and_the_old_one_stays_good_for_others() {
    let lab = Lab::start(&[]).await;
    let seed = lab.seed();
    let (_, first) = lab.refresh(&seed, "openid offline_access User.Read.All").await;
    let fresh = first["refresh_token"].as_str().unwrap();
    assert_ne!(fresh, seed);
    let life = first["expires_in"].as_i64().unwrap();
    assert!((3_600..=5_400).contains(&life), "{life}");
    assert!(first["scope"].as_str().unwrap().starts_with("openid User.Read.All "), "{first}");
    let info: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(first["client_info"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(info["utid"], lab.ready["tenant_id"]);
    let parts: Vec<&str> = first["id_token"].as_str().unwrap().split('.').collect();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!((&claims["oid"], &claims["tid"], &claims["aud"]), (&info["uid"], &lab.ready["tenant_id"], &lab.ready["client_id"]));
    assert_eq!(claims["preferred_username"], lab.ready["admin"]["upn"]);
    for token in [&seed, fresh] {
        assert_eq!(lab.refresh(token, "User.Read").await.0, 200);
    }
}

#[tokio::test]
async fn each_refusal_of_the_token_endpoint_has_entras_body() {
    let lab = Lab::start(&[]).await;
    let (seed, client) = (lab.seed(), lab.text("client_id").to_owned());
    let unknown = "00000000-0000-4000-8000-000000000000";
    let refresh = |client: &str, token: &str, more: (&str, &str)| {
        [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token), more]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let cases = [
        (refresh(unknown, &seed, ("scope", "User.Read")), "unauthorized_client", 700_016),
        (refresh(&client, "wrong", ("scope", "User.Read")), "invalid_grant", 9_002_313),
        (refresh(CLI_TOOLS, &seed, ("scope", "User.Read")), "invalid_grant", 700_005),
        (refresh(&client, &seed, ("scope", "Fly.All")), "invalid_scope", 70_011),
        (refresh(&client, &seed, ("scope", "https://vault.azure.net/.default")), "invalid_resource", 500_011),
        (refresh(&client, &seed, ("scope", "Directory.ReadWrite.All")), "invalid_grant", 65_001),
        (refresh(&client, &seed, ("client_secret", "x")), "invalid_client", 700_025),
        (refresh(&client, "", ("scope", "User.Read")), "invalid_request", 900_144),
    ];
    for (form, error, code) in cases {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (status, body) = lab.token_request(&form).await;
        assert!(status == 400 || status == 401, "{status}");
        assert_eq!((&body["error"], &body["error_codes"]), (&json!(error), &json!([code])), "{body}");
        let (trace, correlation) = (body["trace_id"].as_str().unwrap(), body["correlation_id"].as_str().unwrap());
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        let end = format!("\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {}", body["timestamp"].as_str().unwrap());
        assert!(text.ends_with(&end), "{text}");
    }
    let (status, body) = lab.token_request(&[("grant_type", "password")]).await;
    assert_eq!((status.as_u16(), &body["error"]), (400, &json!("unsupported_grant_type")));
}

#[tokio::test]
async fn a_person_approves_by_page_and_the_consent_is_kept() {
    let lab = Lab::start(&[]).await;
    let admin = lab.ready["admin"]["upn"].as_str().unwrap().to_owned();
    let mut browser = Browser::open(&lab, CLI_TOOLS, "openid offline_access User.Read Domain.Read.All", &[("login_hint", &admin)]).await;
    assert_eq!(browser.field("account"), admin);
    assert!(browser.page.contains("Microsoft Graph Command Line Tools") && browser.page.contains("Domain.Read.All"), "{}", browser.page);
    browser.submit("login", &[("account", &admin), ("password", "wrong"), ("act", "next")]).await;
    assert!(browser.page.contains("AADSTS50126"), "{}", browser.page);
    browser.log_in(&admin).await;
    assert!(browser.page.contains("Permissions requested"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!(browser.answer("state").unwrap(), "s&t=1");
    let code = browser.answer("code").unwrap();
    let (status, body) = redeem(&lab, CLI_TOOLS, &code, VERIFIER).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["scope"], "openid User.Read Domain.Read.All");
    assert!(body["refresh_token"].is_string());
    let (status, again) = redeem(&lab, CLI_TOOLS, &code, VERIFIER).await;
    assert_eq!((status.as_u16(), &again["error_codes"]), (400, &json!([54_005])));
    // The second time nobody is asked, and the token carries the older consent.
    let mut second = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    second.log_in(&admin).await;
    let (_, body) = redeem(&lab, CLI_TOOLS, &second.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(body["scope"], "User.Read Domain.Read.All");
    assert_eq!(body.get("refresh_token"), None, "nobody asked for offline access");
}

#[tokio::test]
async fn a_person_denies_or_cancels_and_the_application_hears_it() {
    let lab = Lab::start(&[]).await;
    let mut denied = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    denied.log_in("admin@contoso.onmicrosoft.com").await;
    denied.submit("consent", &[("act", "deny")]).await;
    let mut cancelled = Browser::open(&lab, CLI_TOOLS, "User.Read", &[]).await;
    cancelled.submit("login", &[("act", "cancel")]).await;
    for browser in [denied, cancelled] {
        assert_eq!(browser.answer("error").unwrap(), "access_denied");
        assert!(browser.answer("error_description").unwrap().starts_with("AADSTS65004"));
        assert_eq!((browser.answer("state").unwrap().as_str(), browser.answer("code")), ("s&t=1", None));
    }
}

#[tokio::test]
async fn only_an_administrator_gives_what_needs_an_administrator() {
    let lab = Lab::start(&[]).await;
    let mut browser = Browser::open(&lab, CLI_TOOLS, "RoleManagement.ReadWrite.Directory", &[]).await;
    browser.log_in("user2@contoso.onmicrosoft.com").await;
    assert!(browser.page.contains("AADSTS90094"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!((browser.answer("error").unwrap().as_str(), browser.answer("code")), ("access_denied", None));
}

#[tokio::test]
async fn a_stolen_code_or_form_is_worth_nothing() {
    let lab = Lab::start(&[]).await;
    let admin = "admin@contoso.onmicrosoft.com";
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, "User.Read", &[]).await;
    browser.log_in(admin).await;
    let (status, body) = redeem(&lab, &client, &browser.answer("code").unwrap(), "another-verifier-0123456789-0123456789-0123456789").await;
    assert_eq!((status.as_u16(), &body["error"], &body["error_codes"]), (400, &json!("invalid_grant"), &json!([501_481])));
    let mut forged = Browser::open(&lab, &client, "User.Read", &[]).await;
    forged.submit("login", &[("csrf", "guess"), ("account", admin), ("password", "x"), ("act", "next")]).await;
    assert!(forged.sent_to.is_none() && forged.page.contains("This sign-in is over"), "{}", forged.page);
    let mut late = Browser::open(&lab, &client, "User.Read", &[]).await;
    late.log_in(admin).await;
    lab.clock("2m").await;
    let (_, body) = redeem(&lab, &client, &late.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(body["error_codes"], json!([70_008]));
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_is_said_on_the_page_until_the_redirect_is_trusted() {
    let lab = Lab::start(&[]).await;
    let client = lab.text("client_id").to_owned();
    for more in [("redirect_uri", "https://evil.example/"), ("redirect_uri", "http://localhost.evil.example/"), ("client_id", "<script>")] {
        let browser = Browser::open(&lab, &client, "User.Read", &[more]).await;
        assert!(browser.sent_to.is_none() && browser.page.contains("AADSTS"), "{more:?}: {}", browser.page);
        assert!(!browser.page.contains("<script>"), "{}", browser.page);
    }
    for (more, code) in [
        (("code_challenge_method", "plain"), "AADSTS9002325"),
        (("code_challenge", "short"), "AADSTS9002325"),
        (("response_type", "token"), "AADSTS700051"),
        (("prompt", "none"), "AADSTS50058"),
        (("scope", "Fly.All"), "AADSTS70011"),
        (("response_mode", "form_post"), "AADSTS90014"),
    ] {
        let browser = Browser::open(&lab, &client, "User.Read", &[more]).await;
        assert!(browser.answer("error_description").unwrap().starts_with(code), "{more:?}");
        assert_eq!(browser.answer("state").unwrap(), "s&t=1");
    }
}

#[tokio::test]
async fn tokens_die_by_the_labs_clock_and_by_revocation() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    assert_eq!(lab.get(&token, "/v1.0/me").await.0, 200);
    lab.clock("+2h").await;
    let reply = lab.http.get(format!("{}/v1.0/me", lab.text("graph"))).bearer_auth(&token).send().await.unwrap();
    assert_eq!(reply.status(), 401);
    assert!(reply.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer realm=\"\", authorization_uri="));
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    assert_eq!(body["error"]["message"], "Access token has expired or is not yet valid.");
    let fresh = lab.admin().await;
    lab.person("revoke-tokens", &[]).await;
    assert_eq!(lab.get(&fresh, "/v1.0/me").await.0, 401);
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.1["error_codes"], json!([50_173]));
}

#[tokio::test]
async fn a_consent_taken_back_is_missed_at_the_next_refresh() {
    let lab = Lab::start(&[]).await;
    lab.person("revoke-consent", &["Domain.Read.All"]).await;
    let (status, body) = lab.refresh(&lab.seed(), "User.Read Domain.Read.All").await;
    assert_eq!((status.as_u16(), &body["error"], &body["suberror"]), (400, &json!("invalid_grant"), &json!("consent_required")));
    let (_, body) = lab.refresh(&lab.seed(), "User.Read").await;
    assert_eq!(lab.get(body["access_token"].as_str().unwrap(), "/v1.0/domains").await.0, 403);
    lab.person("grant-consent", &["domain.read.all"]).await;
    assert_eq!(lab.get(&lab.admin().await, "/v1.0/domains").await.0, 200);
}
