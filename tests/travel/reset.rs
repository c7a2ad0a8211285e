//! An administrator's reset over Graph: how it ends, and what all the witnesses say.

use crate::dc::{self, said};
use crate::lab::Lab;
use crate::stage::{DN, FIRST, SAM, Stage, agent};
use ldap3::Mod;
use serde_json::{Value, json};
use std::collections::HashSet;

const NEW: &str = "Canary-Trip-1";
const SUCCESS: [u64; 2] = [31_009, 31_010];

#[tokio::test]
async fn a_reset_travels_to_the_domain_and_each_witness_tells_the_same() {
    let stage = Stage::new().await;
    assert_eq!((stage.bind(FIRST).await.as_str(), stage.bind(NEW).await.as_str()), ("0", "52e"));
    let before = stage.set_at().await;
    let location = stage.ask(NEW).await;
    let asked = stage.operation(&location).await;
    assert!(matches!(asked["status"].as_str(), Some("notStarted" | "running")) && asked["statusDetail"].is_null(), "{asked}");
    let mut done = asked;
    while ["notStarted", "running"].contains(&done["status"].as_str().unwrap()) {
        done = stage.operation(&location).await;
    }
    assert_eq!((&done["status"], &done["statusDetail"]), (&json!("succeeded"), &Value::Null), "{done}");
    assert!(before > 0);
    assert_eq!(stage.set_at().await, 0);
    assert_eq!((stage.bind(NEW).await.as_str(), stage.bind(FIRST).await.as_str()), ("773", "52e"));
    let events = stage.events();
    let ids: Vec<u64> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, SUCCESS);
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (asked, ended) = (at(&done["createdDateTime"]), at(&done["lastActionDateTime"]));
    let hops: Vec<i64> = events.iter().map(|event| at(&event["at"]) - asked).collect();
    // Graph's times are those of the second.
    assert!((2_000..3_000).contains(&hops[0]) && hops[1] - hops[0] == 800, "{hops:?}");
    assert!((3_000..=4_000).contains(&(ended - asked)), "{done}");
    for event in &events {
        let text = event["text"].as_str().unwrap();
        assert!(text.starts_with("TrackingId: ") && text.ends_with("UserPrincipalName: writeback.test@contoso.example"), "{text}");
    }
    let audit = stage.audits().await.remove(0);
    assert_eq!((&audit["activityDisplayName"], &audit["result"]), (&json!("Reset password (by admin)"), &json!("success")));
    assert_eq!(agent(&audit).as_deref(), Some("Microsoft Entra Connect"));
    assert_eq!(audit["initiatedBy"]["user"]["userPrincipalName"], crate::stage::ADMIN);
    let lab = stage.lab();
    let mut browser = crate::browser::Browser::open(lab, lab.text("client_id"), "User.Read", &[]).await;
    browser.submit("login", &[("account", "writeback.test@contoso.example"), ("password", NEW), ("act", "next")]).await;
    assert!(browser.page.contains("Permissions requested") || browser.page.contains("approval"), "{}", browser.page);
    stage.assert_unseen(&[NEW, FIRST]).await;
}

/// What is broken, whose event it is, and how its detail begins.
const REFUSED: &[(&str, u64, &str)] = &[
    ("rights-missing", 33_004, "OnPremisesAdminActionRequired (SSPR_0029): "),
    ("user-protected", 33_004, "OnPremisesAdminActionRequired (SSPR_0029): "),
    ("inheritance-off", 33_004, "OnPremisesAdminActionRequired (SSPR_0029): "),
    ("connect-clock", 33_001, "ADUnKnownError: "),
    ("history", 33_008, "ADPasswordPolicyError: "),
];

#[tokio::test]
async fn whatever_the_domain_refuses_leaves_both_passwords_and_names_its_reason() {
    let stage = Stage::new().await;
    let before = stage.set_at().await;
    for (code, event, detail) in REFUSED {
        stage.breaks(code).await;
        let ended = stage.reset(NEW, "4s").await;
        assert_eq!(ended.events, [31_009, 6_329, 31_011, *event], "{code}");
        assert_eq!((ended.status.as_str(), ended.result.as_str()), ("failed", "failure"), "{code}");
        assert!(ended.detail.starts_with(detail), "{code}: {}", ended.detail);
        assert_eq!(ended.agent.as_deref(), Some("Microsoft Entra Connect"), "{code}");
        stage.heal().await;
        assert_eq!((stage.set_at().await, stage.bind(FIRST).await.as_str()), (before, "0"), "{code}");
    }
    stage.assert_unseen(&[NEW, FIRST]).await;
}

#[tokio::test]
async fn the_history_and_the_complexity_of_the_domain_hold_for_a_reset_and_its_minimum_age_does_not() {
    let stage = Stage::new().await;
    assert_eq!(stage.reset(FIRST, "4s").await.events, [31_009, 6_329, 31_011, 33_008]);
    // The cloud takes what the domain does not: it has eight characters of three kinds.
    let strict = vec![Mod::Replace("minPwdLength", HashSet::from(["20"]))];
    assert_eq!(said(stage.dc.admin().await.modify(&stage.dc.base, strict).await).0, 0);
    assert_eq!(stage.reset(NEW, "4s").await.events, [31_009, 6_329, 31_011, 33_008]);
    let lax = vec![Mod::Replace("minPwdLength", HashSet::from(["7"]))];
    assert_eq!(said(stage.dc.admin().await.modify(&stage.dc.base, lax).await).0, 0);
    stage.breaks("minimum-age").await;
    let ended = stage.reset(NEW, "4s").await;
    assert_eq!((ended.events.as_slice(), ended.status.as_str()), (&SUCCESS[..], "succeeded"));
}

#[tokio::test]
async fn a_reset_of_a_locked_account_is_written_and_leaves_it_locked() {
    let stage = Stage::new().await;
    stage.person("lock-out", &[SAM], None).await.unwrap();
    let ended = stage.reset(NEW, "4s").await;
    assert_eq!((ended.events.as_slice(), ended.status.as_str()), (&SUCCESS[..], "succeeded"));
    assert_eq!(stage.bind(NEW).await, "775");
    let mut admin = stage.dc.admin().await;
    assert_eq!(dc::set(&mut admin, DN, "lockoutTime", "0").await, (0, String::new()));
    assert_eq!(stage.bind(NEW).await, "773");
}

#[tokio::test]
async fn whoever_does_not_listen_lets_the_message_expire_and_who_comes_in_time_gets_it() {
    let stage = Stage::new().await;
    for code in ["bus-unreachable", "vm-stopped", "service-stopped", "staging-mode"] {
        stage.breaks(code).await;
        let waiting = stage.reset(NEW, "60s").await;
        assert_eq!(waiting.status, "running", "{code}");
        stage.lab().clock("40s").await;
        let audit = stage.audits().await.remove(0);
        assert_eq!((audit["result"].as_str(), agent(&audit).as_deref()), (Some("failure"), Some("None")), "{code}");
        assert!(audit["resultReason"].as_str().unwrap().starts_with("OnPremisesConnectivityError (SSPR_0030): "), "{code}: {audit}");
        assert!(stage.events().iter().all(|event| event["id"] != 31_009), "{code}");
        stage.heal().await;
    }
    assert_eq!(stage.bind(FIRST).await, "0");
    stage.breaks("bus-unreachable").await;
    assert!(stage.events().iter().any(|event| event["id"] == 31_034));
    let location = stage.ask(NEW).await;
    stage.lab().clock("30s").await;
    stage.heal().await;
    stage.lab().clock("4s").await;
    assert_eq!(stage.operation(&location).await["status"], "succeeded");
}

#[tokio::test]
async fn that_writeback_is_off_the_cloud_knows_by_itself() {
    let stage = Stage::new().await;
    stage.breaks("writeback-off").await;
    let ended = stage.reset(NEW, "4s").await;
    assert_eq!((ended.status.as_str(), ended.result.as_str(), ended.agent.as_deref()), ("failed", "failure", Some("None")));
    assert!(ended.detail.starts_with("WritebackNotEnabled (SSPR_0010): "), "{}", ended.detail);
    assert_eq!((ended.events, stage.bind(FIRST).await.as_str()), (vec![], "0"));
    let why = stage.person("change-own-password", &[SAM], None).await.unwrap_err();
    assert!(why.contains("SSPR_0010"), "{why}");
}

#[tokio::test]
async fn an_open_wizard_and_hash_synchronisation_that_is_off_do_not_stop_a_reset() {
    let stage = Stage::new().await;
    for (number, code) in ["wizard-open", "hash-sync-off"].into_iter().enumerate() {
        stage.breaks(code).await;
        assert_eq!(stage.reset(&format!("{NEW}{number}"), "4s").await.events, SUCCESS, "{code}");
        stage.heal().await;
    }
}

#[tokio::test]
async fn a_message_does_not_outlive_the_process_that_holds_its_password() {
    let mut stage = Stage::new().await;
    let location = stage.ask(NEW).await;
    stage.assert_unseen(&[NEW]).await;
    let mut lab = stage.dc.lab.take().unwrap();
    lab.child.kill().await.unwrap();
    let temp = lab.temp.take();
    let again = Lab { temp, ..Lab::start_in(lab.dir.clone(), &["--consistency", "0s"]).await };
    let location = location.replace(lab.text("graph"), again.text("graph"));
    stage.dc = crate::dc::Dc::of(again);
    stage.lab().clock("4s").await;
    assert_eq!(stage.operation(&location).await["status"], "running");
    stage.lab().clock("90s").await;
    let lost = stage.operation(&location).await;
    assert_eq!((&lost["status"], stage.bind(FIRST).await.as_str()), (&json!("failed"), "0"), "{lost}");
}
