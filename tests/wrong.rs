//! Each thing that can be wrong with Entra Connect and the way to it, as an administrator meets it: broken on purpose in the practice lab, looked at by the
//! real binary, and verdict and code compared. The trip of a password has tests of its own.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Lab};
use serde_json::Value;
use std::collections::BTreeMap;

const CONNECT: &str = "entra-connect-writeback";

/// A lab in which writeback was switched on by the wizard.
fn bench() -> (Home, Lab) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    lab.person("tick-feature", &["Password writeback"]);
    (home, lab)
}

fn practice(home: &Home, args: &[&str]) {
    let state = home.dir().join("world");
    home.run(&[&["practice"][..], args, &["--state", state.to_str().unwrap()]].concat()).exits(0);
}

/// Verdict and code of each check of a step, by its id.
fn found(home: &Home, step: &str) -> BTreeMap<String, (String, String)> {
    let report: Value = home.run(&["check", "--step", step, "--format", "json"]).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["steps"][0]["checks"].as_array().unwrap();
    checks.iter().map(|check| (text(&check["id"]), (text(&check["verdict"]), text(&check["code"])))).collect()
}

/// What does not pass, with `fault` in the lab; healed afterwards, everything passes again.
fn wrong(home: &Home, fault: &str, step: &str) -> Vec<(String, String, String)> {
    practice(home, &["break", fault]);
    let broken = found(home, step);
    practice(home, &["heal"]);
    broken.into_iter().filter(|(_, (verdict, _))| verdict != "pass").map(|(id, (verdict, code))| (id, verdict, code)).collect()
}

fn is(found: &[(String, String, String)], wanted: &[(&str, &str, &str)]) {
    let found: Vec<_> = found.iter().map(|(id, verdict, code)| (id.as_str(), verdict.as_str(), code.as_str())).collect();
    assert_eq!(found, wanted);
}

/// The checks of the step that ask scripts.
const ASKED: [&str; 6] = ["hash-sync-on", "heartbeat", "scheduler-ready", "service-running", "switched-on", "writeback-on"];

#[test]
fn everything_passes_where_nothing_is_wrong() {
    let (home, _lab) = bench();
    for (id, (verdict, code)) in found(&home, CONNECT) {
        assert_eq!((verdict.as_str(), code.as_str()), ("pass", ""), "{id}");
    }
    for (id, (verdict, code)) in found(&home, "sync") {
        assert_eq!((verdict.as_str(), code.as_str()), ("pass", ""), "{id}");
    }
}

#[test]
fn what_is_wrong_in_entra_connect_is_named_by_the_check_that_is_about_it() {
    let (home, _lab) = bench();
    let off = "WRITEBACK_OFF";
    is(&wrong(&home, "writeback-off", CONNECT), &[("switched-on", "fail", off), ("writeback-on", "fail", off)]);
    is(&wrong(&home, "hash-sync-off", CONNECT), &[("hash-sync-on", "fail", "HASH_SYNC_OFF")]);
    is(&wrong(&home, "wizard-open", CONNECT), &[("scheduler-ready", "fail", "WIZARD_OPEN")]);
    is(&wrong(&home, "wizard-open", "sync"), &[("scheduler", "fail", "WIZARD_OPEN")]);
    is(&wrong(&home, "staging-mode", CONNECT), &[("scheduler-ready", "fail", "STAGING_MODE")]);
    is(&wrong(&home, "connect-clock", "sync"), &[("app1-clock", "fail", "CLOCK_WRONG")]);
}

#[test]
fn a_stopped_service_is_one_failure_and_holds_up_what_needs_it() {
    let (home, _lab) = bench();
    let mut expected: Vec<_> = ASKED.iter().map(|id| (*id, "blocked", "")).collect();
    expected[3] = ("service-running", "fail", "SERVICE_STOPPED");
    is(&wrong(&home, "service-stopped", CONNECT), &expected);
    is(&wrong(&home, "service-stopped", "sync"), &[("scheduler", "unknown", "HOST_SAID")]);
}

#[test]
fn a_server_that_does_not_listen_says_why_once_its_heartbeat_is_old() {
    let (home, _lab) = bench();
    let heartbeat = |fault: &str| {
        practice(&home, &["break", fault]);
        practice(&home, &["clock", "+11m"]);
        let found = found(&home, CONNECT).remove("heartbeat").unwrap();
        practice(&home, &["heal"]);
        found
    };
    assert_eq!(heartbeat("writeback-off"), ("fail".into(), "WRITEBACK_OFF".into()));
    assert_eq!(heartbeat("staging-mode"), ("fail".into(), "STAGING_MODE".into()));
    assert_eq!(heartbeat("bus-unreachable"), ("fail".into(), "BUS_UNREACHABLE".into()));
}

#[test]
fn a_user_who_is_not_synchronised_is_named() {
    let (home, lab) = bench();
    lab.person("leave-out", &["User1"]);
    lab.person("sync", &[]);
    let found = found(&home, "sync");
    assert_eq!(found["user1"], ("fail".into(), "USER_NOT_SYNCED".into()));
}

#[test]
fn who_could_not_look_at_app1_is_told_why_and_nothing_is_called_failed() {
    let (home, _lab) = bench();
    for (fault, code) in [
        ("vm-stopped", "MACHINE_STOPPED"),
        ("run-command-busy", "RUN_COMMAND_BUSY"),
        ("output-cut", "OUTPUT_CUT"),
        ("azure-forbidden", "AZURE_RIGHT_MISSING"),
    ] {
        let mut expected: Vec<_> = ASKED.iter().map(|id| (*id, "blocked", "")).collect();
        expected[3] = ("service-running", "unknown", code);
        is(&wrong(&home, fault, CONNECT), &expected);
    }
}

#[test]
fn a_refusal_of_graph_is_unknown_and_app1_is_asked_all_the_same() {
    let (home, lab) = bench();
    lab.person("assign-role", &["user2", "Global Administrator"]);
    is(&wrong(&home, "role-missing", CONNECT), &[("no-other-feature", "unknown", "READ_CONSENT_MISSING")]);
}

#[test]
fn too_little_memory_tls_off_and_missing_tools_are_named_before_anybody_installs_entra_connect() {
    let (home, lab) = bench();
    lab.person("resize-app1", &["4"]);
    lab.person("disable-tls", &[]);
    lab.person("remove-rsat", &[]);
    let found = found(&home, "sync");
    let of = |check: &str| (found[check].0.as_str(), found[check].1.as_str());
    assert_eq!(
        [of("app1-memory"), of("app1-tls"), of("app1-tools")],
        [("fail", "MEMORY_SMALL"), ("fail", "TLS_OFF"), ("fail", "RSAT_MISSING")]
    );
}

#[test]
fn rights_for_an_account_that_entra_connect_does_not_use_are_named() {
    let (home, lab) = bench();
    let connector = || {
        let args = ["check", "--step", "delegate-reset-rights", "--option", "delegate-reset-rights=connector", "--format", "json"];
        let report = home.run(&args).json();
        let checks = report["steps"][0]["checks"].as_array().unwrap().clone();
        let one = checks.into_iter().find(|check| check["id"] == "in-use").unwrap();
        (one["verdict"].as_str().unwrap().to_owned(), one["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(connector(), ("pass".into(), String::new()));
    // The account is called otherwise in the domain than Entra Connect says.
    lab.person("rename-user", &["MSOL_0123456789ab", "MSOL_fedcba987654"]);
    assert_eq!(connector(), ("fail".into(), "OTHER_ACCOUNT".into()));
    lab.person("remove-rsat", &[]);
    assert_eq!(connector(), ("unknown".into(), "ACCOUNTS_HIDDEN".into()));
}
