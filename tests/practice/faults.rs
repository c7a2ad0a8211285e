//! Each fault as a client sees it, and that healing ends it.

use crate::{
    browser::{Browser, redeem},
    lab::{CLI_TOOLS, Lab, USER1, VERIFIER, run, wish},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ME: &str = "/v1.0/me";

async fn break_it(lab: &Lab, code: &str) {
    let (status, body) = lab.control("faults", &json!({"break": code})).await;
    assert_eq!(status, 200, "{body}");
}

async fn heal(lab: &Lab) {
    let (status, body) = lab.control("faults", &json!({"heal": null})).await;
    assert_eq!((status.as_u16(), body["healed"].as_array().unwrap().len()), (200, 1), "{body}");
}

#[tokio::test]
async fn faults_are_listed_made_and_mended_by_commands() {
    let lab = Lab::start(&["--break", "slow-down"]).await;
    assert!(run(&["break", "throttled"], &lab.dir).await.status.success());
    let list = String::from_utf8(run(&["break", "--list"], &lab.dir).await.stdout).unwrap();
    let since: Vec<&str> = list.lines().filter(|line| line.contains("(since ")).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!((since, list.lines().count()), (vec!["throttled", "slow-down"], guidepost::practice::fault_codes().len()), "{list}");
    assert!(run(&["heal", "throttled"], &lab.dir).await.status.success());
    assert!(run(&["heal"], &lab.dir).await.status.success());
    let faults: Value = lab.http.get(format!("{}/faults", lab.text("control"))).send().await.unwrap().json().await.unwrap();
    assert!(faults["faults"].as_array().unwrap().iter().all(|line| line["since"].is_null() && line["about"].is_string()), "{faults}");
    let wrong = run(&["break", "everything"], &lab.dir).await;
    assert_eq!(wrong.status.code(), Some(64));
    for body in
        [json!({"break": "nothing"}), json!({"heal": "nothing"}), json!({"break": "slow", "delay": "long"}), json!({"mend": "slow"})]
    {
        let (status, reply) = lab.control("faults", &body).await;
        assert!(status.is_client_error() && reply["error"].is_string(), "{body}: {status} {reply}");
    }
}

#[tokio::test]
async fn throttled_asks_for_patience_in_decimals_and_passes() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    break_it(&lab, "throttled").await;
    let reply = lab.http.get(format!("{}{ME}", lab.text("graph"))).bearer_auth(&token).send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers()["retry-after"].to_str().unwrap()), (429, "2.128"));
    let body: Value = reply.json().await.unwrap();
    assert_eq!(body["error"]["code"], "TooManyRequests");
    lab.clock("30s").await;
    assert_eq!(lab.get(&token, ME).await.0, 200);
}

#[tokio::test]
async fn slow_delays_graph_and_sign_in_but_not_the_steering() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    assert_eq!(lab.control("faults", &json!({"break": "slow", "delay": "2s"})).await.0, 200);
    let begun = Instant::now();
    let (read, refreshed) = tokio::join!(lab.get(&token, ME), lab.admin());
    assert!(begun.elapsed() >= Duration::from_secs(2) && read.0 == 200 && !refreshed.is_empty());
    let begun = Instant::now();
    heal(&lab).await;
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn cut_does_the_write_and_breaks_off_the_reply() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = lab.admin().await;
    break_it(&lab, "cut").await;
    let address = format!("{}{}", lab.text("graph"), crate::lab::ASSIGNMENTS);
    let reply = lab.http.post(address).bearer_auth(&token).json(&wish(USER1)).send().await;
    let whole = match reply {
        Ok(reply) => reply.bytes().await,
        Err(error) => Err(error),
    };
    assert!(whole.is_err(), "the reply came whole");
    heal(&lab).await;
    assert!(lab.administrators(&token).await.contains(&USER1.to_owned()));
}

#[tokio::test]
async fn revoked_tokens_are_dead_and_new_ones_live() {
    let lab = Lab::start(&[]).await;
    let token = lab.admin().await;
    break_it(&lab, "token-revoked").await;
    let (status, body) = lab.get(&token, ME).await;
    assert_eq!((status.as_u16(), &body["error"]["code"]), (401, &json!("InvalidAuthenticationToken")));
    let (_, body) = lab.refresh(&lab.seed(), "User.Read").await;
    assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_grant"), &json!([50_173])));
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, "User.Read", &[]).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    let (_, body) = redeem(&lab, &client, &browser.answer("code").unwrap(), VERIFIER).await;
    assert_eq!(lab.get(body["access_token"].as_str().unwrap(), ME).await.0, 200);
    heal(&lab).await;
    assert_eq!(lab.get(&token, ME).await.0, 200);
}

#[tokio::test]
async fn missing_consent_is_asked_for_again_and_a_new_one_counts() {
    let lab = Lab::start(&[]).await;
    break_it(&lab, "consent-missing").await;
    let (status, body) = lab.refresh(&lab.seed(), "User.Read").await;
    assert_eq!((status.as_u16(), &body["error_codes"], &body["suberror"]), (400, &json!([65_001]), &json!("consent_required")));
    let client = lab.text("client_id").to_owned();
    let mut browser = Browser::open(&lab, &client, "User.Read", &[]).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    assert!(browser.page.contains("Permissions requested"), "{}", browser.page);
    browser.submit("consent", &[("act", "approve")]).await;
    assert_eq!(lab.refresh(&lab.seed(), "User.Read").await.0, 200);
    assert_eq!(lab.refresh(&lab.seed(), "Domain.Read.All").await.0, 400);
    heal(&lab).await;
    assert_eq!(lab.refresh(&lab.seed(), "Domain.Read.All").await.0, 200);
}

#[tokio::test]
async fn without_an_active_role_graph_denies_as_it_does_without_permission() {
    let lab = Lab::start(&["--consistency", "0s"]).await;
    let token = lab.admin().await;
    for fault in ["role-missing", "eligible-only"] {
        break_it(&lab, fault).await;
        let (status, body) = lab.assign(&token, &wish(USER1)).await;
        assert_eq!((status.as_u16(), &body["error"]["code"]), (403, &json!("Authorization_RequestDenied")), "{fault}");
        heal(&lab).await;
    }
    assert_eq!(lab.assign(&token, &wish(USER1)).await.0, 201);
}

#[tokio::test]
async fn a_replica_behind_shows_a_write_after_minutes() {
    let lab = Lab::start(&["--consistency", "0s", "--break", "replica-behind"]).await;
    let token = lab.admin().await;
    assert_eq!(lab.assign(&token, &wish(USER1)).await.0, 201);
    assert!(!lab.administrators(&token).await.contains(&USER1.to_owned()));
    lab.clock("4m").await;
    assert!(!lab.administrators(&token).await.contains(&USER1.to_owned()));
    lab.clock("1m").await;
    assert!(lab.administrators(&token).await.contains(&USER1.to_owned()));
}

#[tokio::test]
async fn a_skewed_clock_shows_in_date_and_in_id_tokens() {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let lab = Lab::start(&["--break", "clock-skewed"]).await;
    let reply = lab.http.get(format!("{}{ME}", lab.text("graph"))).send().await.unwrap();
    let date = guidepost::base::http::parse_date(reply.headers()["date"].to_str().unwrap()).unwrap();
    let (_, body) = lab.refresh(&lab.seed(), "openid User.Read").await;
    let payload = body["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    for said in [date.as_second(), claims["iat"].as_i64().unwrap()] {
        assert!((590..=660).contains(&(said - now)), "{}", said - now);
    }
    assert_eq!(lab.get(body["access_token"].as_str().unwrap(), ME).await.0, 200);
}

#[tokio::test]
async fn device_codes_are_refused_by_policy_or_slowed_down() {
    let lab = Lab::start(&["--break", "device-code-blocked", "--break", "slow-down"]).await;
    let form = [("client_id", CLI_TOOLS), ("scope", "User.Read")];
    let begun: Value = lab.http.post(lab.tenant("oauth2/v2.0/devicecode")).form(&form).send().await.unwrap().json().await.unwrap();
    let code = begun["device_code"].as_str().unwrap().to_owned();
    let poll = async || lab.token_request(&[("grant_type", "device_code"), ("client_id", CLI_TOOLS), ("device_code", &code)]).await.1;
    assert_eq!(poll().await["error"], "authorization_pending");
    assert_eq!(poll().await["error"], "slow_down");
    lab.clock("5s").await;
    assert_eq!(poll().await["error"], "authorization_pending");
    let user_code = [("user_code", begun["user_code"].as_str().unwrap())];
    assert_eq!(lab.http.post(format!("{}/practice/approve", lab.text("authority"))).form(&user_code).send().await.unwrap().status(), 200);
    let blocked = poll().await;
    assert_eq!((&blocked["error"], &blocked["error_codes"]), (&json!("invalid_grant"), &json!([53_003])), "{blocked}");
}
