//! The person's own hand: who may, what it comes to, and the wrong tool.

use crate::stage::{FIRST, SAM, Stage, agent};
use serde_json::{Value, json};

const NEW: &str = "Canary-Own-1";

/// Everything that a person needs before the first reset.
async fn prepared() -> Stage {
    let stage = Stage::new().await;
    for (verb, args) in
        [("configure-sspr", "scope=all"), ("configure-sspr", "writeback=on"), ("register-methods", SAM), ("set-minimum-age", "0")]
    {
        stage.person(verb, &[args], None).await.unwrap();
    }
    stage
}

fn ids(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_person_resets_and_changes_its_own_password_and_it_counts_as_its_own() {
    let stage = prepared().await;
    let before = stage.set_at().await;
    stage.person("reset-own-password", &[SAM], Some(NEW)).await.unwrap();
    assert_eq!(stage.set_at().await, before, "the verb returns when the message is sent");
    stage.lab().clock("4s").await;
    let reset = stage.set_at().await;
    assert!(reset > before, "{reset} {before}");
    assert_eq!((stage.bind(NEW).await.as_str(), stage.bind(FIRST).await.as_str()), ("0", "52e"));
    let audit = stage.audits().await.remove(0);
    assert_eq!((&audit["activityDisplayName"], &audit["result"]), (&json!("Reset password (self-service)"), &json!("success")));
    assert_eq!((agent(&audit).as_deref(), &audit["initiatedBy"]["user"]["id"]), (Some("Microsoft Entra Connect"), &json!(stage.user)));
    stage.person("change-own-password", &[SAM], Some("Canary-Own-2")).await.unwrap();
    stage.lab().clock("4s").await;
    assert!(stage.set_at().await > reset);
    assert_eq!(stage.bind("Canary-Own-2").await, "0");
    assert_eq!(stage.audits().await[0]["activityDisplayName"], "Change password (self-service)");
    assert_eq!(ids(&stage.events()), [31_001, 31_002, 31_006, 31_007]);
    // Without a word about the new one, nobody but the person knows it.
    stage.person("reset-own-password", &[SAM], None).await.unwrap();
    stage.lab().clock("4s").await;
    assert_eq!((ids(&stage.events()).last(), stage.bind("Canary-Own-2").await.as_str()), (Some(&31_002), "52e"));
    stage.assert_unseen(&[NEW, "Canary-Own-2", FIRST]).await;
}

#[tokio::test]
async fn the_domains_minimum_age_and_history_hold_for_a_persons_own_hand() {
    let stage = prepared().await;
    stage.person("set-minimum-age", &["1"], None).await.unwrap();
    let failed = async |verb: &str, password: &str| {
        let before = stage.events().len();
        stage.person(verb, &[SAM], Some(password)).await.unwrap();
        stage.lab().clock("4s").await;
        let audit = stage.audits().await.remove(0);
        assert!(audit["resultReason"].as_str().unwrap().starts_with("ADPasswordPolicyError: "), "{audit}");
        ids(&stage.events()[before..])
    };
    assert_eq!(failed("reset-own-password", NEW).await, [31_001, 6_329, 31_003, 33_008]);
    assert_eq!(failed("change-own-password", NEW).await, [31_006, 6_329, 31_008, 33_008]);
    stage.person("set-minimum-age", &["0"], None).await.unwrap();
    assert_eq!(failed("reset-own-password", FIRST).await, [31_001, 6_329, 31_003, 33_008]);
    assert_eq!(failed("change-own-password", FIRST).await, [31_006, 6_329, 31_008, 33_008]);
    assert_eq!(stage.bind(FIRST).await, "0");
}

#[tokio::test]
async fn each_gate_of_the_page_has_its_own_code_and_five_tries_close_it_for_a_day() {
    let stage = Stage::new().await;
    let tries = async || stage.person("reset-own-password", &[SAM], Some(NEW)).await;
    let refused = async |code: &str| {
        let why = tries().await.unwrap_err();
        assert!(why.contains(code), "{why}");
    };
    refused("SSPR_0009").await;
    stage.person("configure-sspr", &["scope=selected:user2"], None).await.unwrap();
    refused("SSPR_0013").await;
    stage.person("configure-sspr", &["scope=selected:writeback.test"], None).await.unwrap();
    refused("SSPR_0014").await;
    stage.person("register-methods", &[SAM], None).await.unwrap();
    stage.person("drop-license", &["SPE_E5"], None).await.unwrap();
    refused("SSPR_0012").await;
    stage.person("buy-license", &["SPE_E5"], None).await.unwrap();
    refused("SSPR_0010").await;
    stage.person("configure-sspr", &["writeback=on"], None).await.unwrap();
    for _ in 0..5 {
        tries().await.unwrap();
    }
    refused("lock").await;
    stage.lab().clock("23h").await;
    refused("lock").await;
    stage.lab().clock("2h").await;
    tries().await.unwrap();
    assert!(stage.person("configure-sspr", &["scope=some"], None).await.is_err());
    assert!(stage.person("configure-sspr", &["writeback=on"], None).await.unwrap_err().contains("already"));
}

#[tokio::test]
async fn the_registration_report_follows_the_portal_and_the_person() {
    let stage = Stage::new().await;
    let shown = async || {
        let path = format!("/v1.0/reports/authenticationMethods/userRegistrationDetails/{}", stage.user);
        // A token does not live as long as the report.
        let token = stage.sign_in_again().await;
        let (_, body) = stage.lab().get(&token, &path).await;
        ["isSsprEnabled", "isSsprRegistered", "isSsprCapable"].map(|name| body[name].as_bool())
    };
    stage.lab().clock("8h").await;
    assert_eq!(shown().await, [Some(false); 3]);
    stage.person("configure-sspr", &["scope=all"], None).await.unwrap();
    stage.person("register-methods", &[SAM], None).await.unwrap();
    // The lab renews it with each of these deeds, where a tenant's lags by hours: whoever practises has nothing from waiting.
    assert_eq!(shown().await, [Some(true); 3]);
}

#[tokio::test]
async fn a_locked_account_is_opened_by_its_owners_reset_and_not_by_a_change() {
    let stage = prepared().await;
    stage.person("lock-out", &[SAM], None).await.unwrap();
    stage.person("change-own-password", &[SAM], Some(NEW)).await.unwrap();
    stage.lab().clock("4s").await;
    assert_eq!((ids(&stage.events()), stage.bind(NEW).await.as_str()), (vec![31_006, 31_008, 33_006], "775"));
    stage.person("reset-own-password", &[SAM], Some(NEW)).await.unwrap();
    stage.lab().clock("4s").await;
    assert_eq!(stage.bind(NEW).await, "0");
}

#[tokio::test]
async fn the_admin_center_is_the_wrong_tool_and_the_next_change_shows_it() {
    let stage = prepared().await;
    let before = stage.set_at().await;
    stage.person("reset-in-admin-center", &[SAM], Some(NEW)).await.unwrap();
    stage.lab().clock("4s").await;
    assert_eq!((stage.set_at().await, stage.bind(FIRST).await.as_str(), stage.events().len()), (before, "0", 0));
    let audit = stage.audits().await.remove(0);
    assert_eq!((&audit["activityDisplayName"], &audit["result"], agent(&audit)), (&json!("Reset user password"), &json!("success"), None));
    // The old password that the person types is the cloud's by now.
    stage.person("change-own-password", &[SAM], Some("Canary-Own-3")).await.unwrap();
    stage.lab().clock("4s").await;
    assert_eq!(ids(&stage.events()), [31_006, 31_008, 33_007]);
    stage.assert_unseen(&[NEW, "Canary-Own-3"]).await;
}
