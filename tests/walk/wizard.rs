//! The wizard's mirror in a pty: the real wizard of the practice lab, operated by keys alone, and by words alone.

use crate::{
    house::{House, wait_for},
    pty::Pty,
};
use serde_json::{Value, json};

/// Opens the mirror on its step.
fn mirror(house: &House, columns: u16, rows: u16) -> Pty {
    let mut pty = house.walk(columns, rows, &["walk", "--step", "entra-connect-writeback"]);
    pty.sees("Entra Connect wizard");
    pty.types("m");
    pty.sees("The wizard is not open.");
    pty
}

/// The boxes of the page Optional features that are ticked, as the lab's own wizard shows them when it is opened anew by a person.
fn ticked(house: &House) -> Vec<String> {
    for words in [
        vec!["open-wizard"],
        vec!["wizard-press", "Configure"],
        vec!["wizard-choose", "Customize synchronization options"],
        vec!["wizard-press", "Next"],
        vec!["wizard-enter", "Username"],
        vec!["wizard-enter", "Password"],
        vec!["wizard-press", "Next"],
        vec!["wizard-press", "Next"],
        vec!["wizard-press", "Next"],
    ] {
        person(house, &words);
    }
    let boxes = house.ask("wizard")["page"]["boxes"].clone();
    person(house, &["close-wizard"]);
    let ticked = boxes.as_array().unwrap().iter().filter(|one| one["ticked"] == true);
    ticked.map(|one| one["label"].as_str().unwrap().to_owned()).collect()
}

/// A cycle that just began may hold the wizard up for a few seconds.
fn person(house: &House, words: &[&str]) {
    let world = house.kept().join("world").display().to_string();
    let args: Vec<&str> = ["practice", "person"].iter().chain(words).copied().chain(["--state", &world]).collect();
    wait_for("a person to do it", || house.run(&args).status.success());
}

#[test]
fn keys_alone_open_the_wizard_tick_the_box_and_leave_by_exit() {
    for (columns, rows) in [(120, 40), (80, 24)] {
        let house = House::new();
        let mut pty = mirror(&house, columns, rows);
        pty.types("\r");
        pty.sees("Your synchronization");
        pty.sees("‹ Configure ›");
        pty.types("\r");
        pty.sees("( ) Customize synchronization");
        // The keys are where the guide leads: choose, then Next.
        pty.types(" ");
        pty.sees("(•) Customize synchronization");
        pty.types("\r");
        pty.sees("Username");
        pty.types("\r");
        pty.sees("`Next` is grey: the field `Username` is empty");
        pty.types(" \x1b[B ");
        pty.sees("[********");
        // Directories, domains, features: typed ahead, each waits for its page.
        pty.types("\r\r\r");
        pty.sees("[ ] Password writeback");
        pty.types("\x1b[A ");
        pty.sees("[ ] Password hash");
        pty.until("what differs", |pty| pty.text().to_lowercase().contains("differs"));
        pty.types(" \x1b[B ");
        pty.sees("[x] Password writeback");
        pty.types("\r\r");
        pty.sees("Once you press");
        assert_eq!(house.ask("wizard")["page"]["id"], json!("ready-to-configure"));
        pty.types("\r");
        pty.sees("Configuration succeeded");
        pty.types("\r");
        pty.sees("The wizard is not open.");
        pty.sees("9 of 9 pages attested");
        pty.types("\x1b");
        // A letter right behind Escape would be another key.
        pty.until("the mirror to close", |pty| !pty.text().contains("Wizard mirror"));
        // The tasks stand below the fold of the smaller screen.
        if columns == 120 {
            pty.sees("7 of 9 attested");
        }
        pty.types("q");
        assert_eq!(pty.ends(), 0);
        assert_eq!(ticked(&house), ["Password hash synchronization", "Password writeback"]);
        let attested = house.journal().iter().filter(|kind| *kind == "attested").count();
        assert_eq!(attested, 9, "each page that was left as the guide says is attested by that");
    }
}

#[test]
fn a_wrong_box_is_really_off_and_its_page_is_not_attested() {
    let house = House::new();
    let mut pty = mirror(&house, 120, 40);
    pty.types("\r");
    pty.sees("‹ Configure ›");
    pty.types("\r");
    pty.sees("( ) Customize synchronization");
    pty.types(" \r");
    pty.sees("Username");
    pty.types(" \x1b[B \r\r\r");
    pty.sees("[ ] Password writeback");
    pty.types("\x1b[A ");
    pty.sees("[ ] Password hash");
    pty.types("\r\r");
    pty.sees("Once you press");
    // The window's frame is closed: nothing happens.
    pty.types("x");
    pty.sees("The wizard is not open.");
    assert_eq!(ticked(&house), ["Password hash synchronization"]);
    pty.types("\r");
    pty.sees("‹ Configure ›");
    pty.types("\r");
    pty.sees("( ) Customize synchronization");
    pty.types(" \r");
    pty.sees("Username");
    pty.types(" \x1b[B \r\r\r");
    pty.sees("[ ] Password writeback");
    pty.types("\x1b[A \r\r\r");
    pty.sees("Configuration succeeded");
    pty.types("\r");
    pty.sees("The wizard is not open.");
    pty.sees("8 of 9 pages attested");
    pty.types("\x03");
    assert_eq!(pty.ends(), 0);
    assert_eq!(ticked(&house), Vec::<String>::new());
}

#[test]
fn a_page_is_attested_by_command_and_its_task_when_all_of_its_pages_are() {
    let house = House::new();
    let said = |args: &[&str]| {
        let output = house.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(said(&["attest", "entra-connect-writeback/connect-directories"]), "entra-connect-writeback/connect-directories: attested\n");
    let step = |house: &House| {
        let report: Value =
            serde_json::from_slice(&house.run(&["check", "--step", "entra-connect-writeback", "--format", "json"]).stdout).unwrap();
        report["steps"].as_array().unwrap().iter().find(|step| step["id"] == "password-writeback/entra-connect-writeback").unwrap().clone()
    };
    let attested = |step: &Value, list: &str, id: &str| {
        !step[list].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap()["attested"].is_null()
    };
    let found = step(&house);
    assert_eq!((attested(&found, "pages", "connect-directories"), attested(&found, "tasks", "pass-directories")), (true, false));
    assert_eq!(said(&["attest", "entra-connect-writeback/pass-directories"]), "entra-connect-writeback/domain-ou-filtering: attested\n");
    assert!(attested(&step(&house), "tasks", "pass-directories"));
    said(&["attest", "entra-connect-writeback/connect-directories", "--withdraw"]);
    assert!(!attested(&step(&house), "tasks", "pass-directories"));
    let wrong = house.run(&["attest", "entra-connect-writeback/nowhere"]);
    let why = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(64) && why.contains("its pages are welcome, additional-tasks"), "{why}");
}
