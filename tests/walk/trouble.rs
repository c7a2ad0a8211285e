//! Killed labs, killed walks: what is seen, and that nothing is lost or sent twice.

use crate::{
    flow::{applies, opens_plan, role_is},
    house::{House, pid, wait_for},
};
use rustix::process::Signal;

#[test]
fn a_lab_that_dies_is_started_again_by_checking_again_with_all_that_was_done() {
    let house = House::new();
    let guide = house.quick_guide();
    let mut pty = house.walk(120, 40, &["walk", &guide, "--step", "global-administrator"]);
    applies(&mut pty);
    let before = house.lab();
    house.kill_lab();
    pty.types("r");
    wait_for("one key to start the lab again", || house.endpoint().is_some_and(|endpoint| pid(&endpoint) != Some(before)));
    // The verdict on the screen may still be the old lab's: the new one knows when it was asked. The wire log is longer than the screen.
    wait_for("the new lab to be asked for the role", || house.was_asked("/v1.0/roleManagement"));
    role_is(&mut pty, "✓");
    pty.sees("1 change open");
    assert_eq!(house.sent(), [""; 0], "the new lab was only asked");
    opens_plan(&mut pty, "u");
    pty.types("\r");
    role_is(&mut pty, "✗");
    assert_eq!(house.sent().len(), 1);
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}

#[test]
fn a_walk_killed_before_it_saw_the_answer_settles_the_doubt_by_itself_and_sends_nothing_twice() {
    let house = House::new();
    let guide = house.quick_guide();
    let _slow = house.lab_behind_a_slow_line();
    let mut pty = house.walk(120, 40, &["walk", &guide, "--step", "global-administrator"]);
    // Once well, and back: then the token for changes is there, and only the change itself is on the line.
    applies(&mut pty);
    opens_plan(&mut pty, "u");
    pty.types("\r");
    role_is(&mut pty, "✗");
    opens_plan(&mut pty, "a");
    pty.types("apply\r");
    pty.sees("sending");
    wait_for("the change to be on its way", || house.journal().iter().filter(|kind| *kind == "intended").count() == 3);
    wait_for("the change to arrive", || house.sent().len() == 3);
    assert_eq!(house.journal().last().unwrap(), "intended", "its answer never came");
    pty.signal(Signal::KILL);
    assert_eq!(pty.ends(), 128 + 9);

    let mut pty = house.walk(120, 40, &["walk", &guide]);
    pty.sees("an earlier run ended before it saw an answer");
    pty.sees("what was in doubt is settled");
    role_is(&mut pty, "✓");
    pty.sees("1 change open");
    assert_eq!(house.sent().iter().filter(|sent| sent.starts_with("POST")).count(), 2, "{:?}", house.sent());
    assert_eq!(house.journal().iter().filter(|kind| *kind == "done").count(), 2, "{:?}", house.journal());
    // Ours, so it can be taken back.
    opens_plan(&mut pty, "u");
    pty.types("\r");
    role_is(&mut pty, "✗");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}

#[test]
fn a_lab_that_dies_is_unknown_with_a_reason() {
    let house = House::new();
    let guide = house.quick_guide();
    let mut pty = house.walk(120, 40, &["walk", &guide, "--step", "global-administrator"]);
    applies(&mut pty);
    house.kill_lab();
    // Nobody asks for it: the walk's own rhythm finds out.
    role_is(&mut pty, "?");
    pty.sees("cannot read `/v1.0/users`");
    pty.types("q");
    assert_eq!(pty.ends(), 0);
}
