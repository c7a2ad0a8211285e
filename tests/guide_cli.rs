//! `guidepost guide` as a person or a pipeline runs it: exit codes, what goes to which stream, the shape of the JSON.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::disallowed_methods, reason = "tests run the real binary")]

use serde_json::Value;
use std::process::{Command, Output};

fn guide(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_guidepost")).arg("guide").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn lint_of_a_good_pack_exits_0_and_says_nothing_but_the_sum() {
    let output = guide(&["lint", "tests/fixtures/packs/good/minimal"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "tests/fixtures/packs/good/minimal: 0 errors, 0 warnings\n");
    assert_eq!(stderr(&output), "");
}

#[test]
fn lint_of_a_bad_pack_exits_64_with_findings_on_standard_error_and_the_sum_on_standard_output() {
    let output = guide(&["lint", "tests/fixtures/packs/bad/unknown-key"]);
    assert_eq!(output.status.code(), Some(64));
    assert_eq!(stdout(&output), "tests/fixtures/packs/bad/unknown-key: 1 error, 0 warnings\n");
    assert!(stderr(&output).contains("--> steps/give-role/step.yaml:3:1"), "{}", stderr(&output));
}

#[test]
fn lint_as_json_names_file_line_and_column() {
    let output = guide(&["lint", "--format", "json", "tests/fixtures/packs/bad/unknown-key"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = serde_json::json!({"format": 1, "guides": [{"guide": "tests/fixtures/packs/bad/unknown-key", "findings": [{
        "severity": "error", "file": "steps/give-role/step.yaml", "line": 3, "column": 1,
        "what": "unknown key `rsik`", "hint": "did you mean `risk`?",
    }]}]});
    assert_eq!(json, expected);
}

#[test]
fn show_fits_into_100_columns_and_names_what_can_be_changed() {
    let output = guide(&["show", "./tests/fixtures/packs/good/minimal"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn an_unknown_guide_exits_64_and_says_how_a_directory_is_named() {
    let output = guide(&["show", "no-such-guide"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).starts_with("error: there is no guide `no-such-guide`\nhint: "), "{}", stderr(&output));
}

#[test]
fn list_and_bare_lint_take_every_built_in_guide() {
    let list: Value = serde_json::from_slice(&guide(&["list", "--format", "json"]).stdout).unwrap();
    let output = guide(&["lint", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let examined: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ids = |of: &Value, key: &str| of["guides"].as_array().unwrap().iter().map(|guide| guide[key].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&list, "id"), ids(&examined, "guide"));
}

#[test]
fn schema_prints_what_is_committed() {
    let committed = include_str!("../assets/schema/pack.schema.json").replace("\r\n", "\n");
    assert_eq!(stdout(&guide(&["schema"])), committed);
}
