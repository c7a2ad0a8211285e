//! `guidepost guide test` as an author or a pipeline runs it: what counts as a proof, what is said of what is none, and what it leaves alone.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "support/home.rs"]
mod home;

use home::{Home, Ran, copy};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const FIND: &str = "steps/find-user/step.yaml";
const FOUND: &str = "steps/find-user/rehearsal.yaml";
const ROLE: &str = "steps/give-role/step.yaml";

/// The good pack of the fixtures with some of its text replaced: file, what stands there, what takes its place.
fn pack(home: &Home, edits: &[(&str, &str, &str)]) -> PathBuf {
    let pack = home.path().join("packs/minimal");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/good/minimal"), &pack);
    for (file, from, to) in edits {
        let text = std::fs::read_to_string(pack.join(file)).unwrap();
        assert!(text.contains(from), "`{from}` is not in {file}");
        std::fs::write(pack.join(file), text.replace(from, to)).unwrap();
    }
    pack
}

fn test(home: &Home, edits: &[(&str, &str, &str)]) -> Ran {
    home.run(&["guide", "test", pack(home, edits).to_str().unwrap(), "--format", "json"])
}

/// What became of a check: how it ended, how it stood before and after, and why.
fn ended(ran: &Ran, check: &str) -> (String, Value, Value, String) {
    let report = ran.json();
    let checks = report["checks"].as_array().unwrap();
    let one = checks.iter().find(|one| format!("{}/{}", one["step"].as_str().unwrap(), one["id"].as_str().unwrap()) == check).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&one["outcome"]), one["before"]["verdict"].clone(), one["after"]["verdict"].clone(), text(&one["why"]))
}

#[test]
fn every_check_of_the_built_in_guide_is_red_before_and_green_after_and_the_persons_own_lab_is_left_alone() {
    let home = Home::new();
    let ran = home.run(&["guide", "test", "--format", "json"]).exits(0);
    let report = ran.json();
    assert_eq!((&report["format"], &report["guide"]), (&json!(1), &json!("password-writeback")));
    let (checks, guide) = (report["checks"].as_array().unwrap(), guidepost::guide::load::built_in("password-writeback").unwrap());
    let all = guide.steps.iter().flat_map(|(id, step)| step.checks.keys().map(move |check| (id, check)));
    let wanted: Vec<_> = all.map(|(id, check)| (guide.full_id(id), check.as_str())).collect();
    let tested: Vec<_> = checks.iter().map(|one| (one["step"].as_str().unwrap().to_owned(), one["id"].as_str().unwrap())).collect();
    assert_eq!(tested, wanted);
    for one in checks {
        assert_eq!((&one["outcome"], &one["after"]), (&json!("proved"), &json!({"verdict": "pass"})), "{one}");
        assert!(["fail", "pending"].contains(&one["before"]["verdict"].as_str().unwrap()) && one["before"]["code"].is_string(), "{one}");
    }
    assert_eq!(report["summary"], json!({"proved": wanted.len(), "not_proved": 0, "unknown": 0}));
    let role = checks.iter().find(|one| one["id"] == "role-active").unwrap();
    assert_eq!((&role["by"], &role["undone"]["verdict"]), (&json!("action"), &json!("fail")));
    let without: Vec<_> = guide.steps.iter().filter(|(_, step)| step.checks.is_empty()).map(|(id, _)| guide.full_id(id)).collect();
    assert_eq!(report["without_checks"], json!(without));
    assert!(!home.path().join("state").exists(), "a journal or a world stands in the person's places");
}

#[test]
fn a_pack_from_a_directory_is_tested_and_shows_its_rights_first() {
    let home = Home::new();
    let ran = home.run(&["guide", "test", pack(&home, &[]).to_str().unwrap()]).exits(0);
    assert!(ran.out.ends_with("2 proved, 0 not proved, 0 unknown\n"), "{}", ran.out);
    assert!(ran.out.contains("before: fail ROLE_NOT_ACTIVE, after: pass, taken back: fail ROLE_NOT_ACTIVE"), "{}", ran.out);
    for word in ["not built in", "from a directory", "hash", "User.Read.All", "RoleManagement.ReadWrite.Directory"] {
        assert!(ran.err.contains(word), "no `{word}` in {}", ran.err);
    }
}

#[test]
fn a_check_that_is_green_before_anything_is_done_proves_nothing() {
    let home = Home::new();
    let ran = test(&home, &[(FOUND, "from: start\n    before:\n      - clock: 1h\n    do:\n      - person: [add-domain, \"{{ var:domain }}\"]\n      - person: [start-sync]", "from: phase-1\n    do:\n      - person: [sync]")]).exits(1);
    let (outcome, before, after, why) = ended(&ran, "minimal/find-user/synced");
    assert_eq!((outcome.as_str(), before, after), ("not-proved", json!("pass"), json!("pass")));
    assert_eq!(why, "it passes from `phase-1` before anything is done: a tick that proves nothing");
}

#[test]
fn an_action_that_does_not_turn_its_check_is_no_proof() {
    let home = Home::new();
    let ran = test(&home, &[(ROLE, "directoryScopeId, equals: /}", "directoryScopeId, equals: /elsewhere}")]).exits(1);
    let (outcome, before, after, why) = ended(&ran, "minimal/give-role/role-active");
    assert_eq!((outcome.as_str(), before, after), ("not-proved", json!("fail"), json!("fail")));
    assert!(why.starts_with("it is still `fail` after what should turn it: "), "{why}");
    assert_eq!(ended(&ran, "minimal/find-user/synced").0, "proved", "one that fails does not keep the others from being tried");
}

#[test]
fn a_check_that_nothing_turns_is_named() {
    let home = Home::new();
    let path = pack(&home, &[]);
    std::fs::remove_file(path.join(FOUND)).unwrap();
    let ran = home.run(&["guide", "test", path.to_str().unwrap(), "--format", "json"]).exits(1);
    let (outcome, before, after, why) = ended(&ran, "minimal/find-user/synced");
    assert_eq!((outcome.as_str(), before, after), ("not-proved", Value::Null, Value::Null));
    assert_eq!(why, "no action and no rehearsal turns it: it cannot be proved");
    let ran = home.run(&["guide", "test", path.to_str().unwrap()]).exits(1);
    assert!(ran.out.contains("✗ minimal/find-user/synced\n    no action and no rehearsal turns it: it cannot be proved\n"), "{}", ran.out);
}

#[test]
fn an_action_is_tried_where_the_rehearsal_says_and_what_blocks_it_there_is_named() {
    let home = Home::new();
    let ran = test(&home, &[("steps/give-role/rehearsal.yaml", "phase-1", "start")]).exits(1);
    let (outcome, before, _, why) = ended(&ran, "minimal/give-role/role-active");
    assert_eq!((outcome.as_str(), before), ("not-proved", json!("blocked")));
    assert!(why.starts_with("it was not looked at before: waits for: "), "{why}");
}

#[test]
fn what_the_lab_refuses_a_person_is_said_with_its_words() {
    let home = Home::new();
    let ran = test(&home, &[(FOUND, "[add-domain, \"{{ var:domain }}\"]", "[verify-domain, fabrikam.example]")]).exits(1);
    let why = ended(&ran, "minimal/find-user/synced").3;
    assert_eq!(
        why,
        "`verify-domain fabrikam.example` in the rehearsal: the practice lab refused: no DNS record proves `fabrikam.example`; `publish-dns` publishes it"
    );
}

#[test]
fn a_check_that_could_not_look_is_unknown_and_never_called_red() {
    let home = Home::new();
    let robbed = "action: {from: phase-1, before: [{person: [assign-role, user2, Global Administrator]}, \
                  {person: [remove-role, admin, Global Administrator]}]}";
    let ran = test(&home, &[("steps/give-role/rehearsal.yaml", "action: {from: phase-1}", robbed)]).exits(2);
    let (outcome, before, _, why) = ended(&ran, "minimal/give-role/role-active");
    assert_eq!((outcome.as_str(), before), ("unknown", json!("unknown")));
    assert!(why.starts_with("it could not be looked at before: "), "{why}");
}

#[test]
fn a_lab_that_nobody_can_sign_in_to_is_unknown() {
    let home = Home::new();
    let ran = test(&home, &[(FOUND, "- clock: 1h", "- person: [revoke-consent, User.Read.All]")]).exits(2);
    let (outcome, before, _, why) = ended(&ran, "minimal/find-user/synced");
    assert_eq!((outcome.as_str(), before), ("unknown", Value::Null));
    assert!(why.contains("AADSTS65001"), "{why}");
}

#[test]
fn a_wrong_pack_and_an_unknown_guide_are_usage_errors() {
    let home = Home::new();
    home.run(&["guide", "test", "no-such-guide"]).exits(64).says(&["there is no guide `no-such-guide`"]);
    let path = pack(&home, &[(FIND, "fail: USER_NOT_SYNCED", "fial: USER_NOT_SYNCED")]);
    home.run(&["guide", "test", path.to_str().unwrap()]).exits(64).says(&["unknown key `fial`"]);
}
