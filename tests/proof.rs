//! The round trip by the real binary, over the practice lab: it arrives both ways, stops where something is wrong, and says where and why.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use home::{Home, Lab, Ran, until};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, path::Path, process::Stdio};

const STEP: [&str; 2] = ["--step", "prove-writeback"];
const PERSON: [&str; 2] = ["--option", "prove-writeback=person"];
const USER: &str = "writeback.test";

/// A lab in which writeback is on and the test user is made.
fn bench() -> (Home, Lab) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    lab.person("tick-feature", &["Password writeback"]);
    home.run(&["apply", "--step", "writeback-test-user", "--yes"]).exits(0);
    (home, lab)
}

fn practice(home: &Home, args: &[&str]) {
    let state = home.dir().join("world");
    home.run(&[&["practice"][..], args, &["--state", state.to_str().unwrap()]].concat()).exits(0);
}

/// How often a request whose path ends so was sent to the lab.
fn count(lab: &Lab, method: &str, end: &str) -> usize {
    let requests = lab.requests(0);
    requests.iter().filter(|one| one["method"] == method && one["path"].as_str().unwrap().ends_with(end)).count()
}

/// Applies the step, and does `meanwhile` once a request whose path ends so was sent once more; the lab's time moves on by minutes then.
fn apply(home: &Home, lab: &Lab, args: &[&str], (method, path, times): (&str, &str, usize), meanwhile: impl FnOnce()) -> Ran {
    let before = count(lab, method, path);
    let mut command = home.command(&[&["apply"][..], &STEP, &["--yes"], args].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the request", || (count(lab, method, path) >= before + times || child.try_wait().unwrap().is_some()).then_some(()));
    meanwhile();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// The newest trip that the journal keeps.
fn trip(home: &Home) -> Value {
    let lines = home.journal();
    let trips = lines.iter().rev().map(|line| &line["captured"]["trip"]);
    trips.into_iter().find(|trip| !trip.is_null()).cloned().unwrap_or_default()
}

fn told(trip: &Value) -> (&str, &str, &str) {
    let text = |name: &str| trip[name].as_str().unwrap_or("none");
    (text("verdict"), text("stopped_at"), text("code"))
}

/// Verdict and code of each check of the step.
fn checked(home: &Home, args: &[&str]) -> BTreeMap<String, (String, String)> {
    let report = home.run(&[&["check"][..], &STEP, &["--format", "json"], args].concat()).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["steps"][0]["checks"].as_array().unwrap().iter();
    checks.map(|check| (text(&check["id"]), (text(&check["verdict"]), text(&check["code"])))).collect()
}

/// Every file below a directory.
fn files(dir: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), into);
        } else {
            into.extend(std::fs::read(entry.path()));
        }
    }
}

/// Whether the password whose hash the domain keeps stands in a text: each run of signs that a password may have is tried.
fn holds_password(text: &[u8], hash: &str) -> bool {
    let sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+=!#*".contains(byte);
    let runs = text.split(|byte| !sign(byte)).filter(|run| run.len() >= 24);
    runs.flat_map(|run| run.windows(24)).any(|window| BASE64_STANDARD_NO_PAD.encode(Sha256::digest(window)) == hash)
}

/// The password of the first object that names the test user, as the lab keeps it.
fn find(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            if fields.values().any(|field| field.to_string().contains(USER))
                && let Some(password) = fields.get("account").and_then(|account| account["password"].as_str())
            {
                return Some(password.to_owned());
            }
            fields.values().find_map(find)
        }
        Value::Array(items) => items.iter().find_map(find),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The hash of the test user's password in the domain, out of the lab's own file.
fn hash(home: &Home) -> String {
    let world = std::fs::read_to_string(home.dir().join("world/world.json")).unwrap();
    let world: Value = serde_json::from_str(&world).unwrap();
    find(&world["domain"]).unwrap()
}

#[test]
fn a_password_travels_every_hop_has_a_clock_and_the_password_is_nowhere() {
    let (home, _lab) = bench();
    let plan = home.run(&[&["plan"][..], &STEP].concat()).exits(0);
    let plan = plan.says(&["/resetPassword", "‹made at apply›", "watch.ps1", "cannot be taken back"]);
    assert_eq!(checked(&home, &[])["reset-arrived"], ("fail".into(), "NO_TRIP".into()), "red before");
    let ran = home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(0).says(&["its check is now: pass"]);
    let trip = trip(&home);
    assert_eq!(told(&trip), ("pass", "none", "none"));
    let hops = trip["hops"].as_array().unwrap();
    let names: Vec<_> = hops.iter().map(|hop| (hop["name"].as_str().unwrap(), hop["clock"].as_str().unwrap())).collect();
    let clocks = ["graph", "app1", "domain", "app1", "graph", "domain"];
    assert_eq!(names, ["asked", "received", "written", "confirmed", "finished", "usable"].into_iter().zip(clocks).collect::<Vec<_>>());
    assert!(hops.iter().all(|hop| hop["verdict"] == "pass" && hop["at"].is_string() && hop["offset_ms"].is_i64()), "{trip:#}");
    assert!(checked(&home, &[]).values().all(|(verdict, _)| verdict == "pass"), "green after, in another process");
    let junit = home.run(&[&["check"][..], &STEP, &["--format", "junit"]].concat()).exits(0);
    assert!(junit.out.contains("reset-arrived") && !junit.out.contains("<failure"));

    let hash = hash(&home);
    let mut all = vec![ran.out.into_bytes(), ran.err.into_bytes(), plan.out.into_bytes()];
    files(home.path(), &mut all);
    assert!(all.len() > 6 && !all.iter().any(|text| holds_password(text, &hash)));
    assert!(holds_password(b"x abcdefghijklmnopqrstuvwx y", &BASE64_STANDARD_NO_PAD.encode(Sha256::digest("abcdefghijklmnopqrstuvwx"))));

    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(1).says(&["one try in 15 min", "--force"]);
    home.run(&[&["apply"][..], &STEP, &["--yes", "--force"]].concat()).exits(0);
    assert_eq!(home.journal().iter().rfind(|line| line["kind"] == "intended").unwrap()["confirmed"], "forced");
    home.run(&[&["ledger"][..], &["--format", "json"]].concat()).exits(0).says(&["prove-writeback"]);
}

#[test]
fn what_is_wrong_gives_the_verdict_the_hop_and_the_code() {
    let (home, lab) = bench();
    let table = [
        ("rights-missing", ("fail", "written", "RIGHTS_MISSING")),
        // A reset does not unlock: it is written, and nobody gets in.
        ("account-locked", ("fail", "usable", "ACCOUNT_LOCKED")),
        ("writeback-off", ("fail", "received", "WRITEBACK_OFF")),
        ("staging-mode", ("fail", "received", "STAGING_MODE")),
        ("service-stopped", ("fail", "received", "SERVICE_STOPPED")),
        ("bus-unreachable", ("fail", "received", "BUS_UNREACHABLE")),
        ("run-command-busy", ("unknown", "asked", "RUN_COMMAND_BUSY")),
        ("output-cut", ("unknown", "asked", "OUTPUT_CUT")),
        ("azure-forbidden", ("unknown", "asked", "AZURE_RIGHT_MISSING")),
        ("vm-stopped", ("unknown", "asked", "MACHINE_STOPPED")),
        ("connect-clock", ("fail", "written", "CLOCK_WRONG")),
    ];
    for (fault, expected) in table {
        practice(&home, &["break", fault]);
        let ran = apply(&home, &lab, &["--force"], ("POST", "/resetPassword", 1), || practice(&home, &["clock", "+2m"]));
        assert_eq!(ran.code, if expected.0 == "unknown" { 2 } else { 1 }, "{fault}: {} {}", ran.out, ran.err);
        assert_eq!(told(&trip(&home)), expected, "{fault}: {}", ran.err);
        let first = if expected.1 == "written" || expected.1 == "usable" { expected.1 } else { "reset-arrived" };
        assert_eq!(checked(&home, &[])[first], (expected.0.to_owned(), expected.2.to_owned()), "{fault}");
        practice(&home, &["heal"]);
    }
}

#[test]
fn a_protected_user_is_never_sent_on_a_trip() {
    let (home, lab) = bench();
    practice(&home, &["break", "user-protected"]);
    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(1).says(&["no ordinary user", "adminCount"]);
    assert_eq!(count(&lab, "POST", "/resetPassword"), 0);
}

#[test]
fn the_persons_own_hand_is_watched_and_nothing_is_sent() {
    let (home, lab) = bench();
    lab.person("configure-sspr", &["scope=all"]);
    lab.person("configure-sspr", &["writeback=on"]);
    lab.person("register-methods", &[USER]);
    // The user is new, and so is its password: by default the domain would have it kept for a day.
    lab.person("set-minimum-age", &["0"]);
    let own = || lab.person("reset-own-password", &[USER]);
    let ran = apply(&home, &lab, &PERSON, ("POST", "/runCommand", 2), own);
    assert_eq!((ran.code, told(&trip(&home))), (0, ("pass", "none", "none")), "{} {}", ran.out, ran.err);
    assert_eq!(count(&lab, "POST", "/resetPassword"), 0);
    let written = trip(&home)["hops"][2].clone();
    assert!(written["says"].as_str().unwrap().contains("moved to"), "{written}");
    assert_eq!(checked(&home, &PERSON)["confirmed"].0, "pass");
    // The tenant's record comes a moment after Entra Connect's.
    until("the audit record", || (checked(&home, &PERSON)["agent-named"].0 == "pass").then_some(()));
    assert!(!home.journal().iter().any(|line| line["kind"] == "done" && line["step"] == "prove-writeback" && line["no_undo"].is_null()));
}

#[test]
fn a_password_set_with_the_wrong_tool_is_told_by_the_cloud_and_the_domain() {
    let (home, lab) = bench();
    let wrong = || {
        lab.person("reset-in-admin-center", &[USER]);
        practice(&home, &["clock", "+11m"]);
    };
    let ran = apply(&home, &lab, &PERSON, ("POST", "/runCommand", 2), wrong);
    assert_eq!((ran.code, told(&trip(&home))), (1, ("fail", "received", "WRONG_TOOL")), "{} {}", ran.out, ran.err);
}

#[test]
fn killed_in_the_middle_the_domain_tells_what_became_of_the_reset() {
    let (home, lab) = bench();
    let mut command = home.command(&[&["apply"][..], &STEP, &["--yes"]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the reset", || (count(&lab, "POST", "/resetPassword") > 0).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(home.kinds().last().unwrap(), "intended");
    practice(&home, &["clock", "+1m"]);
    home.run(&[&["apply"][..], &STEP, &["--yes"]].concat()).exits(1).says(&["one try in 15 min"]);
    let journal = home.journal();
    let done = journal.iter().rfind(|line| line["kind"] == "done").unwrap();
    assert_eq!((&done["step"], &done["by_looking"]), (&Value::from("prove-writeback"), &Value::from(true)));
}
