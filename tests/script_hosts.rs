//! Scripts through the front door: a guide that asks APP1, in labs that lie in the practice lab, and what keeps the answer away.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Lab, Ran};
use serde_json::Value;

/// A guide of which all is asked by scripts, beside a practice lab.
struct Bench {
    home: Home,
    pack: String,
    lab: Lab,
}

impl Bench {
    fn new() -> Self {
        let home = Home::new();
        let lab = Lab::start(&home, "100ms");
        let pack = home.path().join("scripts");
        home::copy(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/good/scripts"), &pack);
        Self { pack: pack.to_str().unwrap().to_owned(), home, lab }
    }

    fn practice(&self, args: &[&str]) {
        let state = self.home.dir().join("world");
        self.home.run(&[&["practice"][..], args, &["--state", state.to_str().unwrap()]].concat()).exits(0);
    }

    /// Verdict and code of what is asked of the script `writeback`.
    fn found(&self) -> String {
        verdict(&self.home.run(&["check", &self.pack, "--format", "json"]).json(), "switched")
    }
}

fn verdict(report: &Value, id: &str) -> String {
    let checks = report["steps"][0]["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{report}"));
    format!("{} {}", check["verdict"].as_str().unwrap(), check["code"].as_str().unwrap_or_default())
}

#[test]
fn what_keeps_a_script_from_answering_through_azure_is_unknown_with_its_own_code() {
    let bench = Bench::new();
    for (fault, code) in
        [("vm-stopped", "MACHINE_STOPPED"), ("run-command-busy", "RUN_COMMAND_BUSY"), ("azure-forbidden", "AZURE_RIGHT_MISSING")]
    {
        bench.practice(&["break", fault]);
        assert_eq!(bench.found(), format!("unknown {code}"));
        bench.practice(&["heal"]);
    }
    drop(bench.lab);
}

#[test]
fn a_change_by_script_is_planned_with_its_text_s_hash_sent_once_and_taken_back() {
    let bench = Bench::new();
    assert_eq!(bench.found(), "fail NOT_SWITCHED");
    let step = |word: &'static str, more: &[&'static str]| bench.home.run(&[&[word, &bench.pack, "--step", "switch-on"], more].concat());
    let plan = step("plan", &["--format", "json"]).exits(0).json();
    let op = &plan["plan"]["ops"][0];
    let hash = guidepost::services::host::app1::SET_WRITEBACK.sha256();
    let script = serde_json::json!({"script": {"run": "set-writeback", "sha256": hash, "values": {"enable": true, "seconds": 60}}});
    assert_eq!(op["request"], script);
    assert!(op["address"].as_str().unwrap().ends_with("/virtualMachines/APP1"), "{op}");
    assert_eq!(op["needs"], "Microsoft.Compute/virtualMachines/runCommand/action, a right in Azure");
    step("plan", &[]).exits(0).says(&["Changing: switches password writeback", &hash, "/virtualMachines/APP1"]);
    assert_eq!(bench.found(), "fail NOT_SWITCHED", "a plan changes nothing");

    step("apply", &["--yes"]).exits(0).says(&["its check is now: pass"]);
    assert_eq!(bench.found(), "pass ");
    // Its events are there, and a sign of life came with it.
    assert_eq!(verdict(&bench.home.run(&["check", &bench.pack, "--format", "json"]).json(), "listens"), "pass ");
    let lines = bench.home.journal();
    let intended: Vec<_> = lines.iter().filter(|line| line["kind"] == "intended").collect();
    assert_eq!((intended.len(), &intended[0]["request"]), (1, &script));
    let done = lines.iter().find(|line| line["kind"] == "done").unwrap();
    assert_eq!(done["undo"]["script"]["values"], serde_json::json!({"enable": false, "seconds": 60}));

    step("undo", &["--yes"]).exits(0).says(&["its check is now: fail"]);
    assert_eq!(bench.found(), "fail NOT_SWITCHED");
    bench.home.run(&["ledger", "--format", "json"]).exits(0);
    drop(bench.lab);
}

#[test]
fn an_answer_whose_front_is_gone_is_known_as_such() {
    let bench = Bench::new();
    bench.practice(&["break", "output-cut"]);
    assert_eq!(bench.found(), "unknown OUTPUT_CUT");
    drop(bench.lab);
}

#[cfg(unix)]
mod configured {
    use super::*;

    fn run(bench: &Bench, args: &[&str]) -> Ran {
        home::ran(bench.home.through("sh", &["-c", "exec \"$@\" 3<secrets", "sh"], &[args, &["--secrets-fd", "3"]].concat()))
    }

    /// A lab of one's own that lies in the practice lab, with more in its profile.
    fn add(bench: &Bench, name: &str, more: &[&str]) {
        let endpoint = std::fs::read(bench.home.dir().join("world/endpoint.json")).unwrap();
        let endpoint: Value = serde_json::from_slice(&endpoint).unwrap();
        let text = |key: &str| endpoint[key].as_str().unwrap().to_owned();
        let (authority, graph, tenant, client) = (text("authority"), text("graph"), text("tenant_id"), text("client_id"));
        let (ca, subscription, base) = (text("ca_file"), text("subscription_id"), text("azure"));
        let add = ["lab", "add", name, "--environment", "test", "--tenant", &tenant, "--authority", &authority, "--graph", &graph];
        let own = ["--client-id", client.as_str(), "--ca-file", &ca, "--azure", &base, "--variable", "domain=contoso.example"];
        let more: Vec<&str> = more.iter().map(|word| if *word == "SUBSCRIPTION" { &subscription } else { *word }).collect();
        bench.home.run(&[&add[..], &own, &more].concat()).exits(0);
        let secret = format!(r#"{{"refresh-token": "{}"}}"#, text("refresh_token"));
        std::fs::write(bench.home.path().join("secrets"), secret).unwrap();
    }

    const AZURE: [&str; 4] = ["--azure-subscription", "SUBSCRIPTION", "--azure-group", "TLG-RG"];

    #[test]
    fn a_profile_says_where_scripts_run_and_what_is_missing_has_its_code() {
        let bench = Bench::new();
        let found = |lab: &str| verdict(&run(&bench, &["check", &bench.pack, "--lab", lab, "--format", "json"]).json(), "switched");
        add(&bench, "nowhere", &[]);
        assert_eq!(found("nowhere"), "unknown AZURE_NOT_CONFIGURED");
        // There is no Windows PowerShell where this test runs, and Azure is not asked in its place.
        add(&bench, "here", &[&AZURE[..], &["--here", "app1"]].concat());
        assert_eq!(found("here"), "unknown NO_POWERSHELL");
        bench.home.run(&["lab", "show", "here"]).exits(0).says(&["on APP1 on this machine, on DC1 through Azure"]);
        add(&bench, "scripts", &[&AZURE[..], &["--domain-by-scripts"]].concat());
        bench.home.run(&["lab", "show", "scripts"]).exits(0).says(&["by scripts on DC1", "on APP1 through Azure, on DC1 through Azure"]);
        drop(bench.lab);
    }

    #[test]
    fn a_domain_by_scripts_is_read_and_changed_as_by_ldap() {
        let bench = Bench::new();
        add(&bench, "scripts", &[&AZURE[..], &["--domain-by-scripts"]].concat());
        let step =
            |word: &str, more: &[&str]| run(&bench, &[&[word, "--lab", "scripts", "--step", "delegate-reset-rights"], more].concat());
        step("apply", &["--yes"]).exits(0).says(&["+ (OA;CIIO;CR;", "its check is now: pass"]);
        // By LDAP it is the same domain.
        bench.home.run(&["check", "--step", "delegate-reset-rights"]).exits(0).says(&["granted = all 4"]);
        run(&bench, &["survey", "--lab", "scripts"]).exits(0);
        drop(bench.lab);
    }

    #[test]
    fn a_domain_by_scripts_that_nobody_can_find_says_what_to_configure() {
        let bench = Bench::new();
        add(&bench, "lost", &["--domain-by-scripts"]);
        let step = ["check", "--lab", "lost", "--step", "delegate-reset-rights"];
        run(&bench, &step).exits(1).says(&["the domain of this lab is reached through DC1", "[azure]"]);
        drop(bench.lab);
    }
}
