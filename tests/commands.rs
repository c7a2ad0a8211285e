//! The commands as a person or a pipeline runs them: the real binary, a real practice lab, exit codes, shapes, and what the lab saw.
#![expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{ASSIGNMENTS, GLOBAL_ADMINISTRATOR, Home, Lab, USER1, forge, in_doubt, open, ran, until};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::Stdio,
};

const STEP: [&str; 2] = ["--step", "global-administrator"];

/// A home with a running lab and the guide with a short settle window.
fn bench() -> (Home, Lab, String) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    let pack = home.pack("50ms", "1500ms");
    (home, lab, pack)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Every verdict of a report by `step/check`.
fn verdicts(report: &Value) -> BTreeMap<String, String> {
    let step = |step: &Value| {
        let id = step["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let checks = step["checks"].as_array().unwrap().clone();
        checks
            .into_iter()
            .map(move |check| (format!("{id}/{}", check["id"].as_str().unwrap()), check["verdict"].as_str().unwrap().to_owned()))
    };
    report["steps"].as_array().unwrap().iter().flat_map(step).collect()
}

/// All files below a directory, by content.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
    found
}

/// What Guidepost keeps, without what the lab keeps for itself.
fn kept(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let world = home.dir().join("world").display().to_string();
    files(home.path()).into_iter().filter(|(path, _)| !path.starts_with(&world)).collect()
}

// check

#[test]
fn check_says_of_each_check_what_was_expected_and_what_was_found() {
    let home = Home::new();
    let _lab = Lab::start(&home, "100ms");
    let report = home.run(&["check", "password-writeback", "--format", "json"]).exits(1).json();
    assert_eq!(keys(&report), ["at", "format", "guide", "lab", "steps", "summary"]);
    assert_eq!((&report["format"], &report["guide"], &report["lab"]), (&json!(1), &json!("password-writeback"), &json!("practice")));
    assert!(report["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 10);
    for step in steps {
        assert!(step["id"].as_str().unwrap().starts_with("password-writeback/"), "{step}");
        for key in ["title", "phase", "verdict"] {
            assert!(step[key].as_str().is_some_and(|text| !text.is_empty()), "{step}");
        }
        for check in step["checks"].as_array().unwrap() {
            if check["verdict"] == "blocked" {
                assert!(check["why"].as_str().unwrap().starts_with("waits for: ") && check["age_ms"].is_null(), "{check}");
                continue;
            }
            for key in ["id", "title", "verdict", "expected", "found"] {
                assert!(check[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {check}");
            }
            assert!(check["age_ms"].is_u64() && check["took_ms"].is_u64(), "{check}");
            if check["verdict"] != "pass" {
                for key in ["code", "why", "hint"] {
                    assert!(check[key].as_str().is_some_and(|text| !text.is_empty()), "{key} in {check}");
                }
            }
        }
        for task in step["tasks"].as_array().unwrap() {
            assert!(task["id"].is_string() && task["attested"].is_null(), "{task}");
        }
    }
    let covered: Vec<_> =
        steps.iter().flat_map(|step| step["tasks"].as_array().unwrap()).filter_map(|task| task["covers"].as_str()).collect();
    assert_eq!(covered.len(), 26, "each action of the source once");
    assert_eq!(keys(&report["summary"]), ["blocked", "fail", "not_applicable", "pass", "pending", "unknown", "waived"]);
    let found = verdicts(&report);
    let expected = [
        ("delegate-reset-rights/effective", "blocked"),
        ("delegate-reset-rights/granted", "fail"),
        ("delegate-reset-rights/target-found", "pass"),
        ("delegate-reset-rights/trustee-found", "pass"),
        ("entra-connect-writeback/hash-sync-on", "pass"),
        ("entra-connect-writeback/heartbeat", "fail"),
        ("entra-connect-writeback/no-other-feature", "pass"),
        ("entra-connect-writeback/scheduler-ready", "pass"),
        ("entra-connect-writeback/service-running", "pass"),
        ("entra-connect-writeback/switched-on", "fail"),
        ("entra-connect-writeback/writeback-on", "fail"),
        ("global-administrator/role-active", "fail"),
        ("global-administrator/synced", "pass"),
        ("machines/app1-agent", "pass"),
        ("machines/app1-runs", "pass"),
        ("machines/client1", "pass"),
        ("machines/dc1-agent", "pass"),
        ("machines/dc1-runs", "pass"),
        ("prove-writeback/confirmed", "blocked"),
        ("prove-writeback/reset-arrived", "blocked"),
        ("prove-writeback/unexpire-right", "pass"),
        ("prove-writeback/usable", "blocked"),
        ("prove-writeback/user-ready", "fail"),
        ("prove-writeback/written", "blocked"),
        ("self-service-reset/administrators", "pass"),
        ("self-service-reset/in-scope", "blocked"),
        ("self-service-reset/methods", "pass"),
        ("self-service-reset/minimum-age", "fail"),
        ("self-service-reset/registered", "blocked"),
        ("self-service-reset/test-user", "fail"),
        ("subscription/plan", "pass"),
        ("sync/app1-clock", "pass"),
        ("sync/app1-memory", "pass"),
        ("sync/app1-tls", "pass"),
        ("sync/app1-tools", "pass"),
        ("sync/domain", "pass"),
        ("sync/enabled", "pass"),
        ("sync/recent", "pass"),
        ("sync/scheduler", "pass"),
        ("sync/user1", "pass"),
        ("take-back/nothing-open", "pass"),
        ("take-back/policy-back", "pass"),
        ("take-back/rights-back", "pass"),
        ("take-back/role-back", "pass"),
        ("take-back/user-back", "pass"),
        ("writeback-test-user/exists", "fail"),
        ("writeback-test-user/licensed", "fail"),
        ("writeback-test-user/located", "fail"),
        ("writeback-test-user/synchronised", "fail"),
    ];
    assert_eq!(found, expected.map(|(check, verdict)| (check.to_owned(), verdict.to_owned())).into());
    assert_eq!((&report["summary"]["pass"], &report["summary"]["fail"]), (&json!(30), &json!(12)));
}

#[test]
fn check_of_one_step_exits_0_when_it_passes_and_shows_nothing_else() {
    let (home, _lab, _) = bench();
    let report = home.run(&["check", "--step", "password-writeback/sync", "--format", "json"]).exits(0).json();
    assert_eq!(report["steps"].as_array().unwrap().len(), 1);
    assert_eq!(report["steps"][0]["id"], "password-writeback/sync");
}

/// A reader of XML as far as JUnit needs it: what opens closes, attributes are quoted, entities are known. Element names with their attributes.
fn xml(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        plain(&rest[..at]);
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closes what is open");
            continue;
        }
        let (tag, alone) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut found = BTreeMap::new();
        while !attributes.trim().is_empty() {
            let (key, value) = attributes.trim_start().split_once("=\"").expect("a quoted attribute");
            let (value, next) = value.split_once('"').expect("a closing quote");
            plain(value);
            assert!(found.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice");
            attributes = next;
        }
        seen.push((name.to_owned(), found));
        if !alone {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new());
    assert_eq!(rest.trim(), "");
    seen
}

fn plain(text: &str) {
    assert!(!text.contains(['<', '>']));
    for entity in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)), "&{entity}");
    }
}

#[test]
fn check_as_junit_is_whole_xml_that_counts_what_it_holds() {
    let (home, _lab, _) = bench();
    let elements = xml(&home.run(&["check", "--format", "junit"]).exits(1).out);
    let named =
        |name: &str| elements.iter().filter(|(element, _)| element == name).map(|(_, attributes)| attributes.clone()).collect::<Vec<_>>();
    assert_eq!(named("testsuites").first().unwrap()["tests"], "49");
    let cases = named("testcase");
    assert_eq!(cases.len(), 49);
    assert!(cases.iter().any(|case| case["classname"] == "password-writeback/global-administrator" && case["name"] == "role-active"));
    let suites = named("testsuite");
    let sum = |key: &str| suites.iter().map(|suite| suite[key].parse::<usize>().unwrap()).sum::<usize>();
    assert_eq!((sum("tests"), sum("failures"), sum("errors"), sum("skipped")), (49, 19, 0, 0));
    let failures = named("failure");
    assert_eq!(failures.len(), 19);
    assert!(failures[0]["message"].starts_with("fail: "), "{failures:?}");
}

#[test]
fn check_as_text_shows_glyph_word_expected_and_found_within_its_width() {
    let (home, _lab, _) = bench();
    let ran = home.run(&["check"]).exits(1).says(&[
        "✗ Global Administrator role  fail",
        "expected",
        "found     an empty list",
        "30 pass, 12 fail, 7 blocked",
    ]);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    let ascii = home.run(&["--ascii", "check"]).exits(1).says(&["NO Global Administrator role  fail"]);
    assert!(!ascii.out.contains(['✗', '✓', '…']), "{}", ascii.out);
}

#[test]
fn check_plan_and_ledger_write_nothing() {
    let (home, lab, pack) = bench();
    for args in [vec!["check"], vec!["check", &pack], vec!["plan", &pack, STEP[0], STEP[1]], vec!["ledger"], vec!["doctor"]] {
        let before = kept(&home);
        home.run(&args);
        assert_eq!(kept(&home), before, "{args:?} on a fresh machine");
    }
    assert!(!home.journal_path().exists() && !home.dir().join("lock").exists());
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    for args in [vec!["check"], vec!["check", &pack], vec!["plan", &pack, STEP[0], STEP[1]], vec!["ledger"], vec!["doctor"]] {
        let before = kept(&home);
        home.run(&args);
        assert_eq!(kept(&home), before, "{args:?} beside a journal");
    }
    assert_eq!(lab.changes(), ["POST 201"]);
}

#[test]
fn check_wait_waits_until_nothing_is_pending() {
    let home = Home::new();
    let _lab = Lab::start(&home, "2s");
    let pack = home.pack("50ms", "4s");
    let mut child = home.command(&["apply", &pack, STEP[0], STEP[1], "--yes"]).stdout(Stdio::null()).spawn().unwrap();
    until("done", || fs::read_to_string(home.journal_path()).ok().filter(|text| text.contains(r#""kind":"done""#)));
    child.kill().unwrap();
    child.wait().unwrap();
    // Another process sees the same: not yet.
    let now = home.run(&["check", &pack, STEP[0], STEP[1], "--format", "json"]).exits(1).json();
    assert_eq!(verdicts(&now)["global-administrator/role-active"], "pending", "{now}");
    let later = home.run(&["check", &pack, STEP[0], STEP[1], "--format", "json", "--wait"]).exits(0).json();
    assert_eq!(verdicts(&later)["global-administrator/role-active"], "pass");
}

// plan, apply, undo, ledger

#[test]
fn the_first_block_is_done_proved_and_taken_back_in_the_built_in_guide() {
    let home = Home::new();
    let lab = Lab::start(&home, "3s");
    let role = |code: i32| {
        verdicts(&home.run(&["check", "password-writeback", STEP[0], STEP[1], "--format", "json"]).exits(code).json())
            ["global-administrator/role-active"]
            .clone()
    };
    assert_eq!(role(1), "fail");
    home.run(&["apply", STEP[0], STEP[1], "--yes"]).exits(0).says(&["done; its check is now: pass"]);
    assert!(home.user1_is_administrator());
    assert_eq!(role(0), "pass");
    home.run(&["apply", STEP[0], STEP[1], "--yes"]).exits(0).says(&["nothing to do"]);
    assert_eq!(lab.changes(), ["POST 201"], "a second apply sends nothing");
    home.run(&["undo", STEP[0], STEP[1], "--yes"]).exits(0).says(&["taken back; its check is now: fail"]);
    assert_eq!(role(1), "fail");
    assert!(!home.user1_is_administrator());
    assert_eq!(lab.changes(), ["POST 201", "DELETE 204"]);
    assert_eq!(home.kinds(), ["started", "intended", "done", "settled", "started", "started", "intended", "undone", "settled"]);
}

#[test]
fn plan_shows_each_request_and_sends_none() {
    let (home, lab, pack) = bench();
    let plan = home.run(&["plan", &pack, STEP[0], STEP[1], "--format", "json"]).exits(0).json();
    assert_eq!(keys(&plan), ["format", "plan"]);
    let plan = &plan["plan"];
    assert_eq!(keys(plan), ["direction", "format", "guide", "high_risk", "id", "lab", "ops", "skipped", "step"]);
    assert_eq!(plan["id"].as_str().unwrap().len(), 64);
    assert_eq!(plan["high_risk"], true);
    let op = &plan["ops"][0];
    assert_eq!(op["request"]["method"], "POST");
    assert_eq!(op["request"]["path"], ASSIGNMENTS);
    assert_eq!(op["request"]["body"], json!({"principalId": USER1, "roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/"}));
    assert_eq!(op["before"], "an empty list");
    assert_eq!(op["undo"], format!("DELETE {ASSIGNMENTS}/‹known after assign›"));
    assert_eq!(op["needs"], "RoleManagement.ReadWrite.Directory");
    let again = home.run(&["plan", &pack, STEP[0], STEP[1], "--format", "json"]).exits(0).json();
    assert_eq!(&again["plan"], plan, "the same plan has the same id");
    assert_eq!(lab.changes(), Vec::<String>::new());
}

#[test]
fn plan_all_shows_what_can_be_done_up_to_the_first_step_that_needs_a_person() {
    let (home, lab, pack) = bench();
    let plan = home.run(&["plan", &pack, "--all"]).exits(1).says(&[
        "apply password-writeback/global-administrator",
        "apply password-writeback/delegate-reset-rights",
        "`entra-connect-writeback`",
    ]);
    assert!(!plan.out.contains("entra-connect-writeback"), "{}", plan.out);
    // A word is not enough: the wizard's step is proved.
    lab.person("tick-feature", &["Password writeback"]);
    let further = home.run(&["plan", &pack, "--all"]).says(&["apply password-writeback/writeback-test-user"]);
    assert!(!further.err.contains("entra-connect-writeback"), "{}", further.err);
    assert_eq!(lab.changes(), Vec::<String>::new());
}

#[test]
fn the_ledger_holds_a_change_until_it_is_taken_back() {
    let (home, _lab, pack) = bench();
    let nothing = json!({"format": 1, "lab": "practice", "open": [], "consents": [], "in_doubt": [], "closed": []});
    assert_eq!(home.run(&["ledger", "--format", "json"]).exits(0).json(), nothing);
    home.run(&["ledger"]).exits(0).says(&["nothing of Guidepost's is open in practice"]);
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    let ledger = home.run(&["ledger", "--format", "json"]).exits(0).json();
    let entry = &ledger["open"][0];
    assert_eq!(ledger["open"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&entry["guide"], &entry["step"], &entry["op"]),
        (&json!("password-writeback"), &json!("global-administrator"), &json!("assign"))
    );
    assert_eq!(entry["before"], "an empty list");
    assert_eq!(entry["undo"]["method"], "DELETE");
    let path = entry["undo"]["path"].as_str().unwrap();
    assert_eq!(path, format!("{ASSIGNMENTS}/{}", entry["captured"]["assignment"].as_str().unwrap()));
    assert_eq!(json!(open(&home.journal())), json!([entry["n"]]));
    home.run(&["ledger"]).exits(0).says(&["password-writeback global-administrator/assign  done", "undo: DELETE", path]);
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    assert_eq!(home.run(&["ledger", "--format", "json"]).exits(0).json(), nothing);
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    home.run(&["undo", &pack, STEP[0], STEP[1], "--yes"]).exits(0).says(&["nothing to do"]);
    home.journal();
}

#[test]
fn apply_as_json_is_one_document_with_plan_outcome_and_verdict() {
    let (home, _lab, pack) = bench();
    let done = home.run(&["apply", &pack, STEP[0], STEP[1], "--yes", "--format", "json"]).exits(0).json();
    assert_eq!(keys(&done), ["format", "outcome", "plan", "verdict"]);
    assert_eq!((&done["outcome"], &done["verdict"]), (&json!("done"), &json!("pass")));
    let again = home.run(&["apply", &pack, STEP[0], STEP[1], "--yes", "--format", "json"]).exits(0).json();
    assert_eq!((&again["outcome"], &again["plan"]["ops"]), (&json!("nothing"), &json!([])));
    let undone = home.run(&["undo", &pack, STEP[0], STEP[1], "--yes", "--format", "json"]).exits(0).json();
    assert_eq!(
        (&undone["outcome"], &undone["verdict"], &undone["plan"]["direction"]),
        (&json!("taken back"), &json!("fail"), &json!("undo"))
    );
}

#[test]
fn without_yes_and_without_a_person_nothing_is_sent() {
    let (home, lab, pack) = bench();
    let refused = ["`apply` needs a confirmation, and nobody can be asked here", "hint: read `guidepost plan`, then give `--yes`"];
    home.run(&["apply", &pack, STEP[0], STEP[1]]).exits(1).says(&refused);
    home.run(&["apply", &pack, STEP[0], STEP[1], "--no-input"]).exits(1).says(&refused);
    assert_eq!(lab.changes(), Vec::<String>::new());
    assert_eq!(home.kinds(), ["started", "started"], "nothing was intended");
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    home.run(&["undo", &pack, STEP[0], STEP[1]]).exits(1).says(&["`undo` needs a confirmation"]);
    assert!(home.user1_is_administrator());
    let intended = home.journal().into_iter().find(|line| line["kind"] == "intended").unwrap();
    assert_eq!(intended["confirmed"], "yes", "the journal says how it was confirmed");
}

#[test]
fn apply_all_stops_at_the_first_step_that_needs_a_person_and_goes_on_once_it_is_proved() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, "--all", "--yes"]).exits(1).says(&[
        "done; its check is now: pass",
        "`entra-connect-writeback`",
        "a person does it",
        "guidepost attest entra-connect-writeback",
    ]);
    assert_eq!(lab.changes(), ["POST 201"]);
    home.run(&["attest", "entra-connect-writeback"]).exits(0).says(&["entra-connect-writeback/", ": attested"]);
    home.run(&["plan", &pack, "--all"]).exits(1).says(&["`entra-connect-writeback`"]);
    lab.person("tick-feature", &["Password writeback"]);
    home.run(&["plan", &pack, "--all"]).says(&["apply password-writeback/writeback-test-user"]);
    assert_eq!(lab.changes(), ["POST 201"]);
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    assert!(!home.user1_is_administrator());
    home.journal();
}

#[test]
fn what_a_person_took_away_closes_its_ledger_entry_without_a_request() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    lab.person("remove-role", &["User1", "Global Administrator"]);
    let drifted = until("drift", || {
        let report = home.run(&["check", &pack, STEP[0], STEP[1], "--format", "json"]).json();
        (verdicts(&report)["global-administrator/role-active"] == "fail").then_some(report)
    });
    assert!(drifted["steps"][0]["checks"].as_array().unwrap().iter().any(|check| check["drifted"] == true), "{drifted}");
    home.run(&["undo", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    assert_eq!(lab.changes(), ["POST 201"]);
    let lines = home.journal();
    let undone = lines.iter().find(|line| line["kind"] == "undone").unwrap();
    assert_eq!(undone["note"], "it was gone already");
    assert_eq!((open(&lines), in_doubt(&lines)), (vec![], vec![]));
}

#[test]
fn what_is_done_again_after_a_person_took_it_away_is_taken_back_once() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    lab.person("remove-role", &["User1", "Global Administrator"]);
    until("drift", || (home.run(&["check", &pack, STEP[0], STEP[1]]).code == 1).then_some(()));
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    let ledger = home.run(&["ledger", "--format", "json"]).exits(0).json();
    assert_eq!(ledger["open"].as_array().unwrap().len(), 1, "one thing is there, so one thing is open");
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    assert!(!home.user1_is_administrator());
    assert_eq!(home.run(&["ledger", "--format", "json"]).exits(0).json()["open"], json!([]));
    assert_eq!(lab.changes(), ["POST 201", "POST 201", "DELETE 204"]);
}

#[test]
fn a_role_that_a_person_takes_away_between_look_and_delete_is_gone_all_the_same() {
    let home = Home::new();
    // Reads lag so far behind that the guard still sees the role; only the DELETE is told the truth.
    let lab = Lab::start(&home, "2s");
    let pack = home.pack("50ms", "4s");
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    lab.person("remove-role", &["User1", "Global Administrator"]);
    home.run(&["undo", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    let lines = home.journal();
    let undone = lines.iter().find(|line| line["kind"] == "undone").unwrap();
    assert_eq!((&undone["status"], &undone["note"]), (&json!(404), &json!("it was gone already")));
    assert_eq!(lab.changes(), ["POST 201", "DELETE 404"]);
    assert_eq!(open(&lines), Vec::<u64>::new());
}

#[test]
fn undo_leaves_the_last_global_administrator() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    lab.person("assign-role", &["admin", "Privileged Role Administrator"]);
    lab.person("remove-role", &["admin", "Global Administrator"]);
    // What reads show must be there, else the guard would look at a past.
    until("the reads follow", || {
        let holders = lab.graph(&format!("{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'"));
        (holders["value"].as_array()?.len() == 1).then_some(())
    });
    home.run(&["undo", &pack, STEP[0], STEP[1], "--yes"]).exits(1).says(&["the last Global Administrator", "hint: make another account"]);
    assert!(home.user1_is_administrator());
    assert_eq!(lab.changes(), ["POST 201"]);
    assert_eq!(open(&home.journal()).len(), 1, "it stays in the ledger");
}

#[test]
fn undo_leaves_the_signed_in_account_s_role_even_if_the_journal_claims_it() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    let all = lab.graph(&format!("{ASSIGNMENTS}?$filter=roleDefinitionId eq '{GLOBAL_ADMINISTRATOR}'"));
    let mine = all["value"].as_array().unwrap().iter().find(|one| one["principalId"] != USER1).unwrap()["id"].as_str().unwrap().to_owned();
    // The chain shows damage, not authorship: whoever can write the file can write a valid line.
    let lines = home.journal();
    let mut intended = lines.iter().find(|line| line["kind"] == "intended").unwrap().clone();
    let mut done = lines.iter().find(|line| line["kind"] == "done").unwrap().clone();
    intended["run"] = json!("forged");
    done["undo"]["path"] = json!(format!("{ASSIGNMENTS}/{mine}"));
    done["intended"] = json!(lines.len() + 1);
    forge(&home.journal_path(), intended);
    forge(&home.journal_path(), done);
    home.run(&["undo", &pack, STEP[0], STEP[1], "--yes"]).exits(1).says(&["from the account that you are signed in with"]);
    assert_eq!(home.administrators().len(), 2);
    assert_eq!(lab.changes(), ["POST 201"]);
}

// attest

#[test]
fn attest_keeps_a_person_s_word_until_it_is_withdrawn() {
    let (home, _lab, _) = bench();
    let attested = |home: &Home| {
        let report = home.run(&["check", "--step", "writeback-test-user", "--format", "json"]).exits(1).json();
        let tasks = report["steps"][0]["tasks"].as_array().unwrap().clone();
        tasks.iter().filter(|task| task["attested"]["by"].is_string() && task["attested"]["at"].is_string()).count()
    };
    home.run(&["attest", "writeback-test-user/create-user"]).exits(0).says(&["writeback-test-user/create-user: attested"]);
    assert_eq!(attested(&home), 1);
    home.run(&["attest", "password-writeback/writeback-test-user"]).exits(0);
    assert_eq!(attested(&home), 5);
    home.run(&["attest", "writeback-test-user/create-user", "--withdraw"])
        .exits(0)
        .says(&["writeback-test-user/create-user: not attested any more"]);
    assert_eq!(attested(&home), 4);
    assert_eq!(home.kinds().iter().filter(|kind| *kind == "attested").count(), 7);
}

#[test]
fn attest_of_what_is_not_there_names_what_is() {
    let home = Home::new();
    home.run(&["attest", "machine"]).exits(64).says(&["has no step `machine`", "hint: its steps are subscription, machines, sync"]);
    home.run(&["attest", "machines/dc1"]).exits(64).says(&["step `machines` has no task `dc1`", "create-dc1, promote-dc1"]);
    assert!(!home.kinds().contains(&"attested".to_owned()));
}

// Labs and profiles

fn profile(home: &Home, name: &str, source: &str) {
    let labs = home.path().join("config/guidepost/labs");
    fs::create_dir_all(&labs).unwrap();
    fs::write(labs.join(format!("{name}.toml")), source).unwrap();
}

/// A lab whose services nobody serves: the port was free a moment ago.
fn nobody() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!(
        "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"https://127.0.0.1:{port}\"\ntenant = \"contoso.example\"\n[graph]\nbase = \"https://127.0.0.1:{port}\"\n"
    )
}

#[test]
fn a_lab_that_is_not_configured_is_named_with_those_that_are() {
    let home = Home::new();
    home.run(&["check", "--lab", "nowhere"]).exits(64).says(&["there is no lab `nowhere`", "hint: no lab is configured"]);
    profile(&home, "mine", &nobody());
    home.run(&["check", "--lab", "nowhere"]).exits(64).says(&["hint: the labs are mine"]);
    home.run(&["apply", STEP[0], STEP[1], "--yes", "--lab", "../mine"]).exits(64).says(&["`../mine` is no name for a lab"]);
}

#[test]
fn a_profile_that_is_wrong_names_file_line_column_and_value() {
    let home = Home::new();
    profile(&home, "mine", &nobody().replace("\"test\"", "\"tset\""));
    let wrong = home.run(&["check", "--lab", "mine"]).exits(64).says(&["labs/mine.toml` line 2, column 15", "tset", "hint:"]);
    assert_eq!(wrong.out, "");
    profile(&home, "broken", "format = 1\nenvironment = \n");
    home.run(&["check", "--lab", "broken"]).exits(64).says(&["labs/broken.toml` line 2, column"]);
    profile(&home, "bad", &format!("{}[variables]\nuser1_sam = \"a*b\"\n", nobody()));
    home.run(&["check", "--lab", "bad"]).exits(64).says(&["variable `user1_sam` is `a*b`"]);
}

#[test]
fn a_test_guide_is_refused_in_a_lab_that_is_marked_production() {
    let home = Home::new();
    profile(&home, "live", &nobody().replace("\"test\"", "\"production\""));
    for args in
        [["check", "--lab", "live"].as_slice(), &["apply", "--lab", "live", "--all", "--yes"], &["walk", "--plain", "--lab", "live"]]
    {
        home.run(args).exits(64).says(&["the lab `live` is marked production", "hint:"]);
    }
}

#[test]
fn a_lab_that_cannot_be_told_anything_of_is_unknown_not_failed() {
    let home = Home::new();
    profile(&home, "away", &nobody());
    let report = home.run(&["check", "--lab", "away", "--format", "json", "--no-input"]).exits(2).json();
    // What Guidepost itself has open, its own journal tells.
    let own = |step: &Value| step["id"] == "password-writeback/take-back";
    assert!(verdicts(&report).iter().all(|(check, verdict)| verdict == "unknown" || check.starts_with("take-back/")), "{report}");
    for step in report["steps"].as_array().unwrap().iter().filter(|step| !own(step)) {
        for check in step["checks"].as_array().unwrap() {
            assert!(check["why"].as_str().is_some_and(|why| !why.is_empty()) && check["hint"].is_string(), "{check}");
        }
    }
    home.run(&["plan", STEP[0], STEP[1], "--lab", "away", "--no-input"]).exits(2).says(&["hint:"]);
    home.run(&["apply", STEP[0], STEP[1], "--lab", "away", "--yes", "--no-input"]).exits(2).says(&["hint:"]);
}

// Several processes

#[test]
fn while_a_walk_holds_the_journal_nobody_else_changes_anything_and_everybody_may_look() {
    let (home, lab, pack) = bench();
    let mut walk = home.command(&["walk", &pack, "--plain"]);
    let mut walk = walk.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(walk.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let holder = format!("`walk` (process {}", walk.id());
    for args in [["apply", &pack, STEP[0], STEP[1], "--yes"].as_slice(), &["undo", &pack, "--all", "--yes"]] {
        home.run(args).exits(1).says(&["nothing is changed without a journal", &holder, "hint: end the other one"]);
    }
    home.run(&["attest", "machines"]).exits(1).says(&[&holder]);
    home.run(&["check", &pack]).exits(1).says(&[" fail, "]);
    home.run(&["ledger"]).exits(0);
    assert_eq!(lab.changes(), Vec::<String>::new());
    walk.stdin.take().unwrap().write_all(b"quit\n").unwrap();
    lines.for_each(drop);
    assert!(walk.wait().unwrap().success());
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    home.journal();
}

#[test]
fn a_walk_in_lines_applies_with_the_typed_word_and_takes_back() {
    let (home, lab, pack) = bench();
    let mut walk = home.command(&["walk", &pack, "--plain", STEP[0], STEP[1]]);
    let mut walk = walk.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(walk.stdout.take().unwrap()).lines();
    let mut typed = walk.stdin.take().unwrap();
    let mut hear = |words: &str| {
        let line = said.by_ref().map(Result::unwrap).find(|line| line.contains(words));
        assert!(line.is_some(), "the walk ended without `{words}`");
    };
    hear("an empty list");
    typed.write_all(b"apply\n").unwrap();
    hear("POST https:");
    typed.write_all(b"yes\napply\n").unwrap();
    until("done", || fs::read_to_string(home.journal_path()).ok().filter(|text| text.contains(r#""kind":"settled""#)));
    typed.write_all(b"undo\n").unwrap();
    hear("DELETE https:");
    typed.write_all(b"yes\n").unwrap();
    until("undone", || fs::read_to_string(home.journal_path()).ok().filter(|text| text.contains(r#""kind":"undone""#)));
    typed.write_all(b"quit\n").unwrap();
    said.for_each(drop);
    assert!(walk.wait().unwrap().success());
    assert_eq!(lab.changes(), ["POST 201", "DELETE 204"]);
    let confirmed: Vec<_> = home.journal().iter().filter_map(|line| line["confirmed"].as_str().map(str::to_owned)).collect();
    assert_eq!(confirmed, ["typed", "key"]);
}

// The edges

#[test]
fn what_cannot_be_understood_exits_64_and_help_exits_0() {
    let home = Home::new();
    for args in [
        ["apply"].as_slice(),
        &["apply", "--all", "--step", "sync"],
        &["aply"],
        &["check", "--format", "yaml"],
        &["check", "no-such-guide"],
        &["check", "--step", "no-such-step"],
        &["plan", "--step", "no-such-step"],
        &["undo", "--step", "no-such-step", "--yes"],
        &["walk", "--step", "no-such-step"],
    ] {
        let ran = home.run(args).exits(64);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{args:?}: {}{}", ran.out, ran.err);
    }
    for args in [["--help"].as_slice(), &["apply", "--help"], &["--version"], &["practice", "person", "--list"]] {
        assert!(!home.run(args).exits(0).out.is_empty());
    }
}

#[test]
fn a_closed_pipe_is_no_panic_and_changes_no_exit_code() {
    let (home, lab, pack) = bench();
    for (args, code) in [
        (["check"].as_slice(), 1),
        (&["check", "--format", "json"], 1),
        (&["plan", &pack, STEP[0], STEP[1]], 0),
        (&["ledger"], 0),
        (&["guide", "show", "password-writeback"], 0),
        (&["guide", "schema"], 0),
        (&["--help"], 0),
        (&["practice", "person", "--list"], 0),
        (&["walk", "--plain"], 0),
        (&["apply", &pack, STEP[0], STEP[1], "--yes"], 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.command(args);
        command.stdout(writer).stderr(Stdio::piped());
        let ran = ran(command);
        assert!(!ran.err.contains("panic"), "{args:?}: {}", ran.err);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
    }
    assert_eq!(lab.changes(), ["POST 201"], "a change is carried to its end although nobody reads what is said of it");
    home.journal();
}

#[test]
fn a_reset_of_the_lab_sets_the_journal_aside_and_everything_can_be_done_again() {
    let (home, lab, pack) = bench();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    let before = fs::read(home.dir().join("journal.jsonl")).unwrap();
    home.run(&["practice", "reset"]).exits(0).says(&["begins anew from phase-1", "the old journal is kept as"]);
    assert!(!home.user1_is_administrator());
    let kept = fs::read_dir(home.dir()).unwrap().flatten().find(|entry| entry.file_name().to_string_lossy().starts_with("journal-2"));
    assert_eq!(fs::read(kept.unwrap().path()).unwrap(), before, "nothing of the old journal is lost");
    assert_eq!(home.run(&["ledger", "--format", "json"]).json()["open"].as_array().unwrap().len(), 0, "a new world has no change of ours");
    assert_eq!(lab.changes(), ["POST 201"]);
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    assert!(home.user1_is_administrator());
    assert_eq!(open(&home.journal()).len(), 1);
}

#[test]
fn doctor_says_of_each_thing_how_it_is() {
    let (home, _lab, _) = bench();
    let ran = home.run(&["doctor"]);
    assert!([0, 1, 2].contains(&ran.code), "{}{}", ran.out, ran.err);
    for what in ["terminal", "keyring", "journal", "lab        practice, signed in as", "clock      agrees"] {
        assert!(ran.out.contains(what), "no `{what}` in {}", ran.out);
    }
    home.run(&["doctor", "--lab", "nowhere"]).exits(64).says(&["there is no lab `nowhere`"]);
}

#[test]
fn the_first_command_starts_the_lab_and_the_next_one_finds_it() {
    let home = Home::new();
    let pack = home.pack("50ms", "6s");
    home.run(&["check", &pack, "--step", "sync"]).exits(0);
    let pid = || {
        let endpoint: Value = serde_json::from_slice(&fs::read(home.dir().join("world/endpoint.json")).unwrap()).unwrap();
        endpoint["pid"].as_i64().unwrap()
    };
    let first = pid();
    home.run(&["apply", &pack, STEP[0], STEP[1], "--yes"]).exits(0);
    assert_eq!(pid(), first);
    home.run(&["undo", &pack, "--all", "--yes"]).exits(0);
    #[cfg(unix)]
    {
        let pid = rustix::process::Pid::from_raw(i32::try_from(first).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }
}
