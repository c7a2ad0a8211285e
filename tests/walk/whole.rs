//! The whole guide by keys, from phase 1 to an empty ledger. What the portal's page Password reset asks of a person has no key: the lab's person does it.

use crate::{
    house::{House, wait_for},
    pty::Pty,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Whether the step in view passes: its verdict stands alone in the middle column.
fn passes(text: &str) -> bool {
    text.lines().any(|line| line.chars().skip(29).take(47).collect::<String>().trim() == "✓ pass")
}

/// Goes to the next step.
fn next(pty: &mut Pty, title: &str) {
    pty.types("n");
    pty.until(title, |pty| pty.text().lines().skip(2).take(3).any(|line| line.contains(title)));
}

/// Applies what the step can do; `word` where it must be typed.
fn apply(pty: &mut Pty, word: &str) {
    pty.until("something to apply", |pty| pty.text().lines().last().is_some_and(|line| line.contains("a apply")));
    // The key says what it still waits for; then a person presses it again.
    let mut asked = None::<Instant>;
    pty.until("the plan", |pty| {
        let shown = pty.text().contains("not sent yet");
        if !shown && asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(5)) {
            asked = Some(Instant::now());
            pty.types("a");
        }
        shown
    });
    pty.types(format!("{word}\r"));
    pty.until("the plan to close", |pty| !pty.text().contains("not sent yet"));
}

fn person(house: &House, words: &[&str]) {
    let world = house.kept().join("world").display().to_string();
    let args: Vec<&str> = ["practice", "person"].iter().chain(words).copied().chain(["--state", &world]).collect();
    assert!(house.run(&args).status.success(), "{words:?}");
}

fn json(house: &House, args: &[&str]) -> Value {
    serde_json::from_slice(&house.run(args).stdout).unwrap()
}

#[test]
fn keys_walk_the_guide_to_its_real_end_and_take_everything_back() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &["walk", "--step", "global-administrator"]);
    pty.sees("· connected");
    pty.sees("User1 does not hold the role");
    apply(&mut pty, "apply");
    pty.until("the role", |pty| passes(&pty.text()));
    next(&mut pty, "Step 5 of 10");
    apply(&mut pty, "apply");
    pty.until("the rights", |pty| passes(&pty.text()));
    next(&mut pty, "Step 6 of 10");
    pty.types("m");
    pty.sees("The wizard is not open.");
    pty.types("\r");
    pty.sees("‹ Configure ›");
    pty.types("\r");
    pty.sees("( ) Customize synchronization");
    pty.types(" \r");
    pty.sees("Username");
    pty.types(" \x1b[B \r");
    pty.sees("Configured directories");
    pty.types("\r\r");
    pty.sees("[ ] Password writeback");
    pty.types(" \r\r");
    pty.sees("Once you press");
    pty.types("\r");
    pty.sees("Configuration succeeded");
    pty.types("\r");
    pty.sees("9 of 9 pages attested");
    pty.types("\x1b");
    pty.until("the proof of writeback", |pty| passes(&pty.text()));
    // The cycle that the wizard began at its Exit: no other begins while it runs.
    wait_for("the cycle to end", || {
        let world: Value = serde_json::from_slice(&std::fs::read(house.kept().join("world/world.json")).unwrap()).unwrap();
        world["connect"]["cycle_until"].is_null()
    });
    next(&mut pty, "Step 7 of 10");
    apply(&mut pty, "");
    pty.sees("what comes next waits until this has shown");
    pty.until("the user in the tenant", |pty| pty.text().contains("✓ pass      The same user is in the"));
    apply(&mut pty, "");
    pty.until("the licence", |pty| passes(&pty.text()));
    next(&mut pty, "Step 8 of 10");
    person(&house, &["configure-sspr", "scope=all"]);
    person(&house, &["configure-sspr", "writeback=on"]);
    person(&house, &["register-methods", "writeback.test"]);
    apply(&mut pty, "");
    // A report is looked at once a minute by itself; a person who waits asks again.
    let mut asked = Instant::now();
    pty.until("self-service reset", |pty| {
        if asked.elapsed() > Duration::from_secs(3) {
            asked = Instant::now();
            pty.types("r");
        }
        passes(&pty.text())
    });
    next(&mut pty, "Step 9 of 10");
    apply(&mut pty, "");
    for hop in ["asked", "received", "written", "confirmed", "finished", "usable"] {
        pty.sees(&format!("✓ {hop}"));
    }
    pty.until("the trip", |pty| passes(&pty.text()));

    let report = json(&house, &["check", "--format", "json"]);
    let steps = report["steps"].as_array().unwrap();
    let open: Vec<_> = steps.iter().filter(|step| step["verdict"] != "pass").map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!(open, ["password-writeback/take-back"], "what the screen shows, the command says too");

    next(&mut pty, "Step 10 of 10");
    let open = || json(&house, &["ledger", "--format", "json"])["open"].as_array().unwrap().clone();
    while open().iter().any(|line| line["undo"].is_object()) {
        let before = open().len();
        pty.types("u");
        pty.sees("not sent yet");
        pty.types("\r");
        pty.until("it to be taken back", |_| open().len() < before);
        pty.until("the plan to close", |pty| !pty.text().contains("not sent yet"));
    }
    // What has no way back stands among the tasks, the last of them: a person says that it is done with.
    while !open().is_empty() {
        let before = open().len();
        pty.types("j".repeat(20));
        pty.types(" ");
        pty.until("it to be closed", |_| open().len() < before);
    }
    pty.sees("› ✓ Take back");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
}
