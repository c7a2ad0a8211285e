//! The step `machines` by the real binary: what Azure answers becomes verdicts and codes, and what is off is started after a confirmed plan.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Lab};
use serde_json::Value;
use std::collections::BTreeMap;

const STEP: [&str; 2] = ["--step", "machines"];

fn bench() -> (Home, Lab) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    (home, lab)
}

/// Verdict and code of each check, by its id.
fn found(report: &Value) -> BTreeMap<&str, (&str, &str)> {
    let checks = report["steps"][0]["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| (check["id"].as_str().unwrap(), (check["verdict"].as_str().unwrap(), check["code"].as_str().unwrap_or_default())))
        .collect()
}

fn check(home: &Home) -> Value {
    home.run(&[&["check"][..], &STEP, &["--format", "json"]].concat()).json()
}

fn practice(home: &Home, args: &[&str]) {
    let state = home.dir().join("world");
    home.run(&[&["practice"][..], args, &["--state", state.to_str().unwrap()]].concat()).exits(0);
}

#[test]
fn machines_that_are_off_are_started_after_a_confirmed_plan_and_stay_in_the_ledger_with_the_reason() {
    let (home, lab) = bench();
    home.run(&[&["check"][..], &STEP].concat()).exits(0).says(&["power = running", "agent = ready", "power = deallocated"]);
    lab.person("stop-machine", &["APP1"]);
    lab.person("shut-down", &["DC1"]);
    let report = check(&home);
    let stopped = ("fail", "MACHINE_STOPPED");
    assert_eq!(
        found(&report),
        BTreeMap::from([
            ("dc1-runs", stopped),
            ("dc1-agent", ("blocked", "")),
            ("app1-runs", stopped),
            ("app1-agent", ("blocked", "")),
            ("client1", ("pass", "")),
        ])
    );
    let since = lab.requests(0).len() as u64;
    let plan = home.run(&[&["plan"][..], &STEP, &["--format", "json"]].concat()).exits(0).json();
    let ops = plan["plan"]["ops"].as_array().unwrap();
    let sent: Vec<_> = ops.iter().map(|op| (op["op"].as_str().unwrap(), op["request"]["azure"]["start"].as_str().unwrap())).collect();
    assert_eq!(sent, [("start-dc1", "dc1"), ("start-app1", "app1")]);
    assert!(ops[1]["address"].as_str().unwrap().ends_with("/resourceGroups/TLG-RG/providers/Microsoft.Compute/virtualMachines/APP1/start"));
    assert!(ops[1]["undo"].as_str().unwrap().contains("cannot be taken back"));
    let posts = |since| lab.requests(since).iter().filter(|one| one["path"].as_str().unwrap().ends_with("/start")).count();
    assert_eq!(posts(since), 0, "a plan sends nothing");

    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(0);
    assert_eq!(posts(since), 2);
    assert_eq!(home.kinds(), ["started", "intended", "done", "intended", "done", "settled"]);
    let lines = home.journal();
    let done: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "done").collect();
    assert!(done.iter().all(|line| line["undo"].is_null() && line["no_undo"].as_str().unwrap().contains("Azure portal")), "{done:?}");
    home.run(&[&["check"][..], &STEP, &["--wait"]].concat()).exits(0);
    // Again there is nothing to do, and nothing is sent.
    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(0);
    assert_eq!(posts(since), 2);
    home.run(&["ledger"]).says(&["machines/start-app1", "cannot be taken back", "Azure portal"]);
}

#[test]
fn what_is_wrong_is_named_and_what_could_not_be_looked_at_is_no_failure() {
    let (home, lab) = bench();
    let all = ["dc1-runs", "dc1-agent", "app1-runs", "app1-agent", "client1"];
    let of = |report: &Value, check: &str| {
        let (verdict, code) = found(report)[check];
        (verdict.to_owned(), code.to_owned())
    };
    let is = |found: (String, String), verdict: &str, code: &str| assert_eq!(found, (verdict.to_owned(), code.to_owned()));

    practice(&home, &["break", "vm-stopped"]);
    is(of(&check(&home), "app1-runs"), "fail", "MACHINE_STOPPED");
    is(of(&check(&home), "dc1-runs"), "pass", "");
    practice(&home, &["heal"]);

    practice(&home, &["break", "azure-forbidden"]);
    let report = check(&home);
    for one in ["dc1-runs", "app1-runs", "client1"] {
        is(of(&report, one), "unknown", "AZURE_RIGHT_MISSING");
    }
    home.run(&[&["check"][..], &STEP].concat()).exits(1).says(&["Virtual Machine Contributor", "Global Administrator"]);
    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(2);
    practice(&home, &["heal"]);

    // Reading needs no free run command and no long output, and a role of the tenant is none in Azure.
    for fault in ["run-command-busy", "output-cut", "role-missing"] {
        practice(&home, &["break", fault]);
    }
    let report = check(&home);
    for one in all {
        is(of(&report, one), "pass", "");
    }
    practice(&home, &["heal"]);

    lab.person("stop-agent", &["APP1"]);
    lab.person("start-machine", &["CLIENT1"]);
    lab.person("shut-down", &["CLIENT1"]);
    let report = check(&home);
    is(of(&report, "app1-agent"), "fail", "AGENT_NOT_READY");
    is(of(&report, "client1"), "fail", "CLIENT1_COSTS_FOR_NOTHING");

    // Reader looks, and starts nothing: Azure refuses, and the journal says so.
    lab.person("revoke-azure", &["admin", "Virtual Machine Contributor"]);
    lab.person("grant-azure", &["admin", "Reader"]);
    lab.person("stop-machine", &["APP1"]);
    is(of(&check(&home), "app1-runs"), "fail", "MACHINE_STOPPED");
    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(1).says(&["this account has no right to it in Azure"]);
    assert_eq!(home.kinds().last().map(String::as_str), Some("failed"));
}

#[cfg(unix)]
mod configured {
    use super::*;
    use home::Ran;

    /// A lab of one's own that lies in the practice lab; its refresh token is handed over, for tests have no keyring.
    struct Own {
        home: Home,
        lab: Lab,
    }

    impl Own {
        fn with(azure: &[&str]) -> Self {
            let (home, lab) = bench();
            let endpoint: Value = serde_json::from_slice(&std::fs::read(home.dir().join("world/endpoint.json")).unwrap()).unwrap();
            let text = |key: &str| endpoint[key].as_str().unwrap().to_owned();
            let (authority, graph, tenant, client) = (text("authority"), text("graph"), text("tenant_id"), text("client_id"));
            let (ca, subscription, base) = (text("ca_file"), text("subscription_id"), text("azure"));
            let add = ["lab", "add", "own", "--environment", "test", "--tenant", &tenant, "--authority", &authority, "--graph", &graph];
            let more = ["--client-id", client.as_str(), "--ca-file", &ca, "--azure", &base, "--variable", "domain=contoso.example"];
            let azure: Vec<&str> = azure.iter().map(|word| if *word == "SUBSCRIPTION" { &subscription } else { *word }).collect();
            home.run(&[&add[..], &more, &azure].concat()).exits(0);
            let secret = format!(r#"{{"refresh-token": "{}"}}"#, text("refresh_token"));
            std::fs::write(home.path().join("secrets"), secret).unwrap();
            Self { home, lab }
        }

        fn run(&self, args: &[&str]) -> Ran {
            let args = [args, &["--lab", "own", "--secrets-fd", "3"]].concat();
            home::ran(self.home.through("sh", &["-c", "exec \"$@\" 3<secrets", "sh"], &args))
        }

        fn codes(&self) -> Vec<String> {
            let report = self.run(&[&["check"][..], &STEP, &["--format", "json"]].concat()).json();
            let mut codes: Vec<_> = found(&report).into_values().map(|(verdict, code)| format!("{verdict} {code}")).collect();
            codes.dedup();
            codes
        }

        fn edit(&self, from: &str, to: &str) {
            let path = self.home.path().join("config/guidepost/labs/own.toml");
            let profile = std::fs::read_to_string(&path).unwrap();
            assert!(profile.contains(from), "{profile}");
            std::fs::write(path, profile.replace(from, to)).unwrap();
        }
    }

    #[test]
    fn a_profile_says_where_the_machines_are_and_each_wrong_word_in_it_has_its_own_code() {
        let own = Own::with(&["--azure-subscription", "SUBSCRIPTION", "--azure-group", "tlg-rg"]);
        assert_eq!(own.codes(), ["pass "]);
        own.home.run(&["lab", "show", "own"]).exits(0).says(&["resource group tlg-rg", "DC1, APP1, CLIENT1"]);
        home::ran(own.home.through("sh", &["-c", "exec \"$@\" 3<secrets", "sh"], &["lab", "test", "own", "--secrets-fd", "3"]))
            .says(&["azure", "knows APP1"]);
        own.edit("\"tlg-rg\"", "\"other\"");
        assert_eq!(own.codes(), ["blocked ", "unknown AZURE_RIGHT_MISSING", "blocked ", "unknown AZURE_RIGHT_MISSING"]);
        own.edit("\"other\"", "\"tlg-rg\"\nmachines = {app1 = \"APP9\"}");
        assert_eq!(own.codes(), ["blocked ", "unknown MACHINE_NOT_FOUND", "pass "]);
        drop(own.lab);
    }

    #[test]
    fn a_lab_without_azure_stays_unknown_and_says_what_to_configure() {
        let own = Own::with(&[]);
        assert_eq!(own.codes(), ["blocked ", "unknown AZURE_NOT_CONFIGURED", "blocked ", "unknown AZURE_NOT_CONFIGURED"]);
        own.run(&[&["check"][..], &STEP].concat()).says(&["AZURE_NOT_CONFIGURED", "[azure]"]);
        own.run(&["doctor"]).says(&["azure"]);
    }

    #[test]
    fn an_application_that_azure_refuses_is_named_as_such() {
        let own = Own::with(&[
            "--azure-subscription",
            "SUBSCRIPTION",
            "--azure-group",
            "TLG-RG",
            "--azure-client-id",
            "14d82eec-204b-4c2f-b7e8-296a70dab67e",
        ]);
        // Microsoft's Graph tools have no refresh token here, and could not get a token for Azure with one.
        assert_eq!(own.codes(), ["blocked ", "unknown AZURE_SIGN_IN", "blocked ", "unknown AZURE_SIGN_IN"]);
        own.run(&[&["check"][..], &STEP].concat()).says(&["guidepost signin --azure"]);
    }
}
