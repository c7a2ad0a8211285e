//! Tables: a screen state, keys, and what must be asked of the engine and shown.

use super::*;
use crate::{
    engine::page::{
        Way,
        mirror::Operation,
        scenes::{self, window},
    },
    tui::{keys::KeyMap, model::Look},
};

type Scene = fn() -> View;

const STEP: &str = "global-administrator";
const PLAN: &str = "3fa2c9d0b1e4f56788990a1b2c3d4e5f60718293a4b5c6d7e8f9011223344556";

fn model(view: View) -> Model {
    let mut model = Model::new(Arc::new(view), Look { ascii: false, colour: true }, Arc::new(KeyMap::built_in().unwrap()));
    for scroll in [&mut model.step, &mut model.checks, &mut model.over] {
        scroll.measured(60, 20);
    }
    model
}

/// Presses keys by name, characters one by one after `type:`.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let names = keys.split(' ').flat_map(|word| match word.strip_prefix("type:") {
        Some(text) => text.chars().map(|c| c.to_string()).collect(),
        None => vec![word.to_owned()],
    });
    names.flat_map(|name| update(model, Msg::Key(Key::parse(&name).unwrap()))).collect()
}

fn send(command: Command) -> Vec<Effect> {
    vec![Effect::Send(command)]
}

#[test]
fn keys_ask_the_engine_for_what_they_say() {
    let attest = |task: &str| send(Command::Attest { step: STEP.to_owned(), task: task.to_owned() });
    let view = |id: &str| send(Command::View(id.to_owned()));
    let table: Vec<(Scene, &str, Vec<Effect>)> = vec![
        (scenes::fail, "a", send(Command::PlanApply(STEP.to_owned()))),
        (scenes::pass, "u", send(Command::PlanUndo(STEP.to_owned()))),
        (scenes::fail, "r", send(Command::CheckAgain)),
        (scenes::fail, "space", attest("open-admin-center")),
        (scenes::fail, "j down space", attest("pick-user")),
        (scenes::fail, "j k k k space", attest("open-admin-center")),
        (scenes::fail, "j j j j j j j space", attest("assign-role")),
        (scenes::pass, "space", attest("active-users")),
        (scenes::fail, "n", view("delegate-reset-rights")),
        (scenes::fail, "right", view("delegate-reset-rights")),
        (scenes::fail, "b", view("sync")),
        (scenes::fail, "left", view("sync")),
        (scenes::sign_in, "esc", send(Command::Dismiss)),
        (scenes::sign_in, "enter", vec![]),
        (scenes::sign_in, "tab", send(Command::SignInBy(Way::Paste))),
        (scenes::code, "tab", send(Command::SignInBy(Way::Browser))),
        (scenes::pasting, "type:http://localhost/?q enter", send(Command::Paste(Pasted(Secret::new("http://localhost/?q"))))),
        (scenes::pasting, "type:q? backspace enter", send(Command::Paste(Pasted(Secret::new("q"))))),
        (scenes::pasting, "type:q esc", send(Command::Dismiss)),
        (scenes::pasting, "type:q ctrl-c", vec![Effect::Leave]),
        (scenes::sign_in_ended, "enter", send(Command::SignInBy(Way::Device))),
        (scenes::sign_in_ended, "esc", send(Command::Dismiss)),
        (scenes::plan, "esc", send(Command::Dismiss)),
        (scenes::plan, "enter", vec![]),
        (scenes::plan, "type:global enter", vec![]),
        (scenes::plan, "type:global-administrator enter", send(Command::Confirm(PLAN.to_owned()))),
        (scenes::plan, "type:global-administratorx backspace enter", send(Command::Confirm(PLAN.to_owned()))),
        (scenes::plan, "type:global-administrator enter enter enter", send(Command::Confirm(PLAN.to_owned()))),
        (scenes::plan, "type:q", vec![]),
        (scenes::plan, "ctrl-c", vec![Effect::Leave]),
        (scenes::sending, "enter esc", vec![]),
        (scenes::sending, "ctrl-c", vec![]),
        (scenes::sending, "ctrl-c y", vec![Effect::Leave]),
        (scenes::sending, "ctrl-c n", vec![]),
        (scenes::sending, "ctrl-c ctrl-c", vec![Effect::Leave]),
        (scenes::doubt, "y", send(Command::Settle { happened: true })),
        (scenes::doubt, "n", send(Command::Settle { happened: false })),
        (scenes::fail, "y", vec![]),
        (scenes::fail, "enter", vec![]),
        (scenes::fail, "q", vec![Effect::Leave]),
        (scenes::fail, "ctrl-z", vec![Effect::Suspend]),
        (scenes::fail, "ctrl-l", vec![Effect::RedrawAll]),
        (scenes::fail, "? q q", vec![Effect::Leave]),
        (scenes::fail, "w a w a", send(Command::PlanApply(STEP.to_owned()))),
    ];
    for (scene, keys, wanted) in table {
        assert_eq!(press(&mut model(scene()), keys), wanted, "{keys}");
    }
}

const WIZARD: &str = "entra-connect-writeback";

/// A model whose engine answered: keys typed ahead do not wait.
fn answered(model: &mut Model, view: View) {
    update(model, Msg::View(Arc::new(view)));
    assert!(!model.waits());
}

#[test]
fn the_window_is_opened_operated_and_closed_by_keys_and_each_key_waits_for_the_answer() {
    let operate = |operation: Operation| send(Command::Operate(operation));
    let label = str::to_owned;
    let mut model = model(window::closed());
    assert_eq!(press(&mut model, "m"), []);
    assert_eq!((model.layer, press(&mut model, "enter")), (Some(Layer::Wizard), operate(Operation::Open)));
    assert!(model.waits());
    // The keys stand on what the guide would do.
    answered(&mut model, window::tasks("", 1));
    assert_eq!(press(&mut model, "space"), operate(Operation::Choose(label("Customize synchronization options"))));
    answered(&mut model, window::tasks("Customize synchronization options", 2));
    assert_eq!(press(&mut model, "enter"), operate(Operation::Press(label("Next"))));
    answered(&mut model, window::features(true, false, 3));
    assert_eq!(press(&mut model, "up space"), operate(Operation::Tick(label("Password hash synchronization"))));
    answered(&mut model, window::features(false, false, 4));
    assert_eq!(press(&mut model, "down space"), operate(Operation::Tick(label("Password writeback"))), "the place stays on a page");
    answered(&mut model, window::features(false, true, 5));
    assert_eq!(press(&mut model, "down down down down down down down left enter"), operate(Operation::Press(label("Previous"))));
    answered(&mut model, window::tasks("", 6));
    assert_eq!(press(&mut model, "x"), operate(Operation::Close));
    answered(&mut model, window::closed_after(7));
    assert_eq!(press(&mut model, "x"), []);
    assert_eq!(model.notice().unwrap().text, "the wizard is not open");
    assert_eq!(press(&mut model, "w w ? esc esc n"), send(Command::View("self-service-reset".to_owned())));
}

#[test]
fn a_view_that_is_no_answer_lets_keys_wait_on_and_a_late_one_frees_them() {
    let mut model = model(window::tasks("", 4));
    press(&mut model, "enter space");
    assert!(model.waits());
    update(&mut model, Msg::View(Arc::new(window::tasks("", 4))));
    assert!(model.waits());
    update(&mut model, Msg::Late);
    assert!(!model.waits());
    press(&mut model, "space");
    update(&mut model, Msg::Dropped);
    assert!(!model.waits());
}

#[test]
fn without_a_window_keys_turn_the_pages_of_the_guide_and_attest_each() {
    let attest = |page: &str| send(Command::Attest { step: WIZARD.to_owned(), task: page.to_owned() });
    let table: [(&str, Vec<Effect>); 7] = [
        ("m space", attest("connect-to-entra")),
        ("m a", attest("connect-to-entra")),
        ("enter enter a", attest("optional-features")),
        ("m right right right a", attest("configuration-complete")),
        ("m left left left left a", attest("welcome")),
        ("m x", vec![]),
        ("m esc space", send(Command::Attest { step: WIZARD.to_owned(), task: "run-connect".to_owned() })),
    ];
    for (keys, wanted) in table {
        assert_eq!(press(&mut model(window::pages()), keys), wanted, "{keys}");
    }
    let mut model = model(window::pages());
    press(&mut model, "m right right right");
    assert_eq!(model.notice().unwrap().text, "this is the wizard's last page");
}

#[test]
fn a_step_without_a_wizard_opens_no_mirror() {
    let mut model = model(scenes::fail());
    assert_eq!(press(&mut model, "m"), []);
    assert_eq!((model.layer, model.notice().unwrap().text.as_str()), (None, "wizard has no meaning in this step"));
}

#[test]
fn a_key_that_cannot_be_used_now_says_why_and_asks_nothing() {
    let table: [(Scene, &str, &str); 6] = [
        (scenes::fail, "u", "Guidepost changed nothing here"),
        (scenes::connecting, "a", "the lab is not reached yet"),
        (scenes::read_only, "space", "process 4711 writes the journal"),
        (scenes::plan, "enter", "type `global-administrator` first, then Enter"),
        (scenes::sending, "esc", "it is being sent and cannot be called back"),
        (scenes::pass, "a", "done already"),
    ];
    for (scene, keys, why) in table {
        let mut model = model(scene());
        assert_eq!(press(&mut model, keys), []);
        assert_eq!(model.notice().unwrap().text, why);
    }
}

#[test]
fn the_ends_of_the_walk_are_said() {
    let mut view = scenes::fail();
    "take-back".clone_into(&mut view.page.step.id);
    let mut model = model(view);
    assert_eq!(press(&mut model, "n"), []);
    assert_eq!(model.notice().unwrap().text, "this is the last step");
}

#[test]
fn what_the_app_said_goes_with_the_next_key() {
    let mut model = model(scenes::fail());
    press(&mut model, "u");
    assert!(model.said.is_some());
    press(&mut model, "j");
    assert!(model.said.is_none());
}

#[test]
fn another_plan_forgets_what_was_typed() {
    let mut model = model(scenes::plan());
    press(&mut model, "type:global-admin");
    let mut other = scenes::plan();
    if let Some(Overlay::Plan(plan)) = &mut other.page.overlay {
        "beef".clone_into(&mut plan.id);
    }
    update(&mut model, Msg::View(Arc::new(scenes::plan())));
    assert_eq!(model.typed, "global-admin");
    update(&mut model, Msg::View(Arc::new(other)));
    assert_eq!(model.typed, "");
}

#[test]
fn another_step_starts_at_its_top_with_its_first_open_task() {
    let mut model = model(scenes::fail());
    press(&mut model, "j j pgdn tab");
    update(&mut model, Msg::View(Arc::new(scenes::wizard())));
    assert_eq!((model.task, model.step.top, model.pane), (0, 0, Pane::Step));
}

#[test]
fn scrolling_stays_within_what_there_is() {
    let mut model = model(scenes::fail());
    press(&mut model, "pgup");
    assert_eq!(model.step.top, 0);
    press(&mut model, "pgdn");
    assert_eq!(model.step.top, 19);
    press(&mut model, "pgdn pgdn pgdn pgdn");
    assert_eq!(model.step.top, 40);
    press(&mut model, "tab j j");
    assert_eq!((model.step.top, model.checks.top), (40, 2));
    press(&mut model, "end home");
    assert_eq!(model.checks.top, 0);
}

#[test]
fn beyond_the_last_task_the_lines_go_on() {
    let mut model = model(scenes::fail());
    press(&mut model, "j j j j");
    assert_eq!((model.task, model.step.top), (4, 0));
    press(&mut model, "j j k k");
    assert_eq!((model.task, model.step.top), (2, 2));
}

#[test]
fn a_key_without_meaning_draws_nothing() {
    let mut model = model(scenes::fail());
    model.dirty = false;
    assert_eq!(press(&mut model, "x"), []);
    assert!(!model.dirty);
}

#[test]
fn a_dropped_command_is_said() {
    let mut model = model(scenes::fail());
    update(&mut model, Msg::Dropped);
    assert_eq!(model.notice().unwrap().text, "the engine is busy, the key was dropped");
}

#[test]
fn a_pasted_text_goes_into_the_sign_in_only_and_is_never_keys() {
    let text = || Msg::Pasted(Pasted(Secret::new("http://localhost/?code=q&state=n\n")));
    for scene in [scenes::fail, scenes::plan, scenes::sign_in, scenes::doubt] {
        let mut model = model(scene());
        assert_eq!(update(&mut model, text()), vec![]);
        assert_eq!((model.pasted.count(), model.typed.as_str()), (0, ""));
    }
    let mut model = model(scenes::pasting());
    assert_eq!(update(&mut model, text()), vec![], "the line feed at its end sends nothing");
    let whole = Secret::new("http://localhost/?code=q&state=n");
    assert_eq!(press(&mut model, "enter"), send(Command::Paste(Pasted(whole))));
    assert_eq!(press(&mut model, "enter"), send(Command::Paste(Pasted(Secret::new("")))), "it is sent once");
}

#[test]
fn a_code_in_view_counts_down_and_then_stands_still() {
    let mut model = model(scenes::code());
    assert_eq!(model.next_change(), Some(Duration::from_secs(1)));
    update(&mut model, Msg::Elapsed(Duration::from_millis(2500)));
    assert_eq!(model.next_change(), Some(Duration::from_secs(3)));
    update(&mut model, Msg::Elapsed(Duration::from_hours(1)));
    assert_eq!(model.next_change(), None);
}
