//! The walk as a person does it: keys only, from nothing to the proved and taken back change, and back to where it was left.

use crate::{
    house::{ASSIGNMENTS, House, ROLE},
    pty::Pty,
};
use std::fs;

/// The step of block A in the rail, in view, with this sign.
pub(crate) fn role_is(pty: &mut Pty, sign: &str) {
    pty.sees(&format!("› {sign} {ROLE}"));
}

/// Opens the plan, which comes a moment after its key.
pub(crate) fn opens_plan(pty: &mut Pty, key: &str) {
    pty.types(key);
    pty.sees("1 change, not sent yet");
}

/// Closes whatever lies over the page.
pub(crate) fn closes(pty: &mut Pty, text: &str) {
    pty.types("\x1b");
    pty.until(&format!("{text:?} to close"), |pty| !pty.text().contains(text));
}

/// Gives the role, from the role step on, until it is proved.
pub(crate) fn applies(pty: &mut Pty) {
    role_is(pty, "✗");
    opens_plan(pty, "a");
    pty.types("apply\r");
    role_is(pty, "…");
    role_is(pty, "✓");
    pty.sees("1 change open");
}

#[test]
fn from_nothing_keys_alone_give_the_role_see_it_proved_and_take_it_back() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &[]);
    pty.sees("Step 1 of 10");
    // Typed ahead in one go, before the lab was even reached.
    pty.types("nnn");
    pty.sees("Step 4 of 10");
    role_is(&mut pty, "✗");
    pty.sees("an empty list");

    opens_plan(&mut pty, "a");
    for shown in [
        "apply: Global Administrator role",
        "POST https://127.0.0.1:",
        &format!("{ASSIGNMENTS}/‹known after assign›"),
        "\"directoryScopeId\": \"/\"",
        "\"roleDefinitionId\": \"62e90394-69f5-4237-9190-012177145e10\"",
        "now     an empty list",
        "undo    DELETE",
        "needs   RoleManagement.ReadWrite.Directory",
        "High risk. To send it, type apply, then Enter",
    ] {
        pty.sees(shown);
    }
    closes(&mut pty, "High risk");
    opens_plan(&mut pty, "a");
    pty.types("wrong\r");
    pty.sees("type `apply` first");
    assert_eq!(house.sent(), [""; 0], "nothing is sent before it is confirmed");

    pty.types("\x7f\x7f\x7f\x7f\x7fapply\r");
    role_is(&mut pty, "…");
    pty.sees("1 change open");
    pty.sees("it may take 2");
    role_is(&mut pty, "✓");
    pty.sees("done by Guidepost");
    assert_eq!(house.sent(), [format!("POST {ASSIGNMENTS}")]);

    pty.types("w");
    pty.sees("Wire log");
    pty.sees("POST");
    closes(&mut pty, "Wire log");
    pty.types("?");
    pty.sees("In a box like this one");
    pty.sees("not now: it is there");
    closes(&mut pty, "In a box like this one");

    opens_plan(&mut pty, "u");
    pty.sees("undo: Global Administrator role");
    pty.types("\r");
    role_is(&mut pty, "…");
    role_is(&mut pty, "✗");
    pty.until("no change to be open", |pty| !pty.text().contains("1 change open"));
    let sent = house.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent[1].starts_with(&format!("DELETE {ASSIGNMENTS}/")), "{sent:?}");
    pty.until("the line to speak of now", |pty| !pty.text().contains("now looking until it shows"));

    pty.types("q");
    assert_eq!(pty.ends(), 0);
    pty.is_given_back();
}

#[test]
fn the_next_start_resumes_with_attestations_and_without_any_secret_on_the_disk() {
    let house = House::new();
    let guide = house.quick_guide();
    let mut pty = house.walk(120, 40, &["walk", &guide]);
    pty.types("nnn");
    applies(&mut pty);
    pty.types(" ");
    pty.sees("1 of 5 attested");
    pty.types("jj ");
    pty.sees("2 of 5 attested");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    let seen_first = pty.written.clone();

    let mut pty = house.walk(120, 40, &["walk", &guide]);
    pty.sees("Step 4 of 10");
    pty.sees("2 of 5 attested");
    pty.sees("1 change open");
    role_is(&mut pty, "✓");
    // Taken back by the same key.
    pty.types("k ");
    pty.sees("of 5 attested");
    pty.types("q");
    assert_eq!(pty.ends(), 0);

    let endpoint = house.endpoint().unwrap();
    let secrets = [&endpoint["admin"]["password"], &endpoint["refresh_token"]].map(|secret| secret.as_str().unwrap().to_owned());
    let files = house.files();
    assert!(files.iter().any(|file| file.ends_with("journal.jsonl")), "{files:?}");
    let contents = files.iter().map(|file| (file.display().to_string(), fs::read(file).unwrap()));
    let screens = [("the first screen".to_owned(), seen_first), ("the second screen".to_owned(), pty.written.clone())];
    for (place, bytes) in contents.chain(screens) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in &secrets {
            assert!(secret.len() > 8 && !text.contains(secret), "a secret in {place}");
        }
        // A JSON web token begins so; access and refresh tokens go in such a header.
        assert!(!text.contains("eyJ") && !text.contains("Bearer "), "a token in {place}");
    }
}

#[test]
fn a_walk_begins_where_it_is_told_to_and_refuses_a_step_that_is_not_there() {
    let house = House::new();
    let mut pty = house.walk(120, 40, &["walk", "--step", "take-back"]);
    pty.sees("Step 10 of 10");
    pty.types("n");
    pty.sees("this is the last step");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    let mut pty = house.walk(120, 40, &["walk", "--step", "password-writeback/machines"]);
    pty.sees("Step 2 of 10");
    pty.types("\x03");
    assert_eq!(pty.ends(), 0);
    let mut pty = house.walk(120, 40, &[]);
    pty.sees("Step 2 of 10");
    pty.types("q");
    assert_eq!(pty.ends(), 0);

    let mut pty = house.walk(120, 40, &["walk", "--step", "wrong"]);
    assert_eq!(pty.ends(), 64);
    assert!(pty.text().contains("`password-writeback` has no step `wrong`"), "{}", pty.text());
    assert!(pty.text().contains("hint: its steps are subscription"), "{}", pty.text());
    pty.is_given_back();
    assert_eq!(house.run(&["walk", "no-such-guide"]).status.code(), Some(64));
    assert_eq!(house.run(&["walk", "--no-such-option"]).status.code(), Some(64));
}

#[test]
fn a_second_walk_reads_only_says_who_writes_and_offers_no_change() {
    let house = House::new();
    let mut first = house.walk(120, 40, &["walk", "--step", "global-administrator"]);
    role_is(&mut first, "✗");
    let mut second = house.walk(120, 40, &[]);
    second.sees("read-only");
    second.sees("nothing can be changed in this walk: `walk` (process");
    second.sees("writes this lab's journal");
    second.types("n");
    second.sees("Step 5 of 10");
    second.types("b");
    second.sees("Step 4 of 10");
    role_is(&mut second, "✗");
    second.types("a");
    second.sees("nothing is changed without a journal");
    assert!(!second.text().contains("not sent yet"), "{}", second.text());
    second.types(" ");
    second.until("attesting to be refused", |pty| pty.text().contains("writes this lab's journal"));
    assert!(second.text().contains("0 of 5 attested"), "{}", second.text());
    // What the first one does, the second one sees in the lab.
    opens_plan(&mut first, "a");
    first.types("apply\r");
    role_is(&mut first, "✓");
    second.types("r");
    role_is(&mut second, "✓");
    assert_eq!(house.sent(), [format!("POST {ASSIGNMENTS}")]);
    for mut pty in [second, first] {
        pty.types("q");
        assert_eq!(pty.ends(), 0);
    }
}
