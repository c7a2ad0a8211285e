//! The whole guide by commands alone, from phase 1 to an empty ledger: what Guidepost does, what a person does, and the proof.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Lab};
use serde_json::{Value, json};

/// The labels of the wizard, page by page, as a person meets them.
const WIZARD: &[(&str, &str)] = &[
    ("wizard-press", "Configure"),
    ("wizard-choose", "Customize synchronization options"),
    ("wizard-press", "Next"),
    ("wizard-enter", "Username"),
    ("wizard-enter", "Password"),
    ("wizard-press", "Next"),
    ("wizard-press", "Next"),
    ("wizard-press", "Next"),
    ("wizard-tick", "Password writeback"),
    ("wizard-press", "Next"),
    ("wizard-press", "Next"),
    ("wizard-press", "Configure"),
    ("wizard-press", "Exit"),
];

/// What does not pass, as `step/check verdict code`.
fn open_points(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().unwrap().iter();
    let checks = steps.flat_map(|step| step["checks"].as_array().unwrap().iter().map(move |check| (step["id"].as_str().unwrap(), check)));
    let open = checks.filter(|(_, check)| !["pass", "not-applicable"].contains(&check["verdict"].as_str().unwrap()));
    open.map(|(step, check)| format!("{step}/{} {} {}", check["id"], check["verdict"], check["code"])).collect()
}

fn check(home: &Home) -> Value {
    home.run(&["check", "password-writeback", "--format", "json"]).json()
}

#[test]
fn the_guide_is_walked_to_its_real_end_by_commands_and_taken_back() {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    let all = ["apply", "password-writeback", "--all", "--yes"];

    // Guidepost goes as far as it can, and names who must go on.
    home.run(&all).exits(1).says(&["`entra-connect-writeback`", "a person does it"]);
    lab.person("open-wizard", &[]);
    for (verb, label) in WIZARD {
        lab.person(verb, &[label]);
    }
    home.run(&["attest", "entra-connect-writeback"]).exits(0);
    // The portal's page, which no interface tells of; then all the rest is Guidepost's.
    lab.person("configure-sspr", &["scope=all"]);
    lab.person("configure-sspr", &["writeback=on"]);
    home.run(&all).exits(1).says(&["`take-back`", "a person does it"]);
    lab.person("register-methods", &["writeback.test"]);
    home.run(&["attest", "self-service-reset"]).exits(0);

    // All that can pass before anything is taken back does, and the trip has its hops.
    let report = check(&home);
    let open = open_points(&report);
    assert!(open.iter().all(|point| point.starts_with("password-writeback/take-back/")), "{open:#?}");

    // By the person's own hand as well.
    home.run(&["undo", "password-writeback", "--all", "--yes"]);
    for line in home.run(&["ledger", "--format", "json"]).json()["open"].as_array().unwrap() {
        assert!(line["no_undo"].is_string(), "only what has no undo may stay: {line}");
        home.run(&["attest", &format!("ledger/{}", line["n"])]).exits(0);
    }
    let ledger = home.run(&["ledger", "--format", "json"]).exits(0).json();
    assert_eq!(ledger["open"], json!([]));
    let report = check(&home);
    let left = open_points(&report);
    assert!(!left.iter().any(|point| point.starts_with("password-writeback/take-back/")), "{left:#?}");
    home.journal();
}
