//! What keys do in the wizard's mirror: they operate the window where the lab shows it, else they turn the guide's pages and attest each.

use super::{Effect, close, say, scroll, toggle};
use crate::engine::{
    page::{Act, Showing, mirror::Operation},
    run::Command,
};
use crate::tui::{
    keys::Action,
    model::{Layer, Model, mirror::Place},
};

/// Opens the mirror at the first page that is still to be done.
pub(super) fn open(model: &mut Model) {
    model.layer = Some(Layer::Wizard);
    model.over.top = 0;
    model.mirror = Place { page: model.first_open_page(), ..Place::default() };
    model.lead();
}

/// What follows from a key's action; `None` when it means here what it means everywhere.
pub(super) fn on_action(model: &mut Model, action: Action) -> Option<Vec<Effect>> {
    if model.layer != Some(Layer::Wizard) {
        return None;
    }
    let operated = model.window().is_some();
    Some(match action {
        Action::Down | Action::Up if model.open_page().is_some() => {
            step(model, if action == Action::Down { 1 } else { -1 });
            Vec::new()
        }
        Action::PageAfter | Action::PageBefore => {
            let by = if action == Action::PageAfter { 1 } else { -1 };
            if operated {
                step(model, by);
            } else {
                turn(model, by);
            }
            Vec::new()
        }
        Action::Toggle if !operated => attest(model),
        Action::Toggle => operate(model, Model::focused),
        Action::Press if !operated => {
            turn(model, 1);
            Vec::new()
        }
        Action::Press => operate(model, |model| match model.focused() {
            Some(press @ Operation::Press(_)) => Some(press),
            Some(_) | None => model.open_page()?.usual_button(),
        }),
        Action::AttestPage => attest(model),
        Action::CloseWindow => close_window(model),
        Action::Close => close(model),
        Action::Wire | Action::Help => {
            let layer = if action == Action::Wire { Layer::Wire } else { Layer::Help };
            model.below = model.layer.take();
            toggle(model, layer);
            Vec::new()
        }
        Action::PageDown | Action::PageUp => {
            let page = scroll(model).page();
            scroll(model).by(if action == Action::PageDown { page } else { -page });
            Vec::new()
        }
        Action::Down
        | Action::Up
        | Action::Apply
        | Action::Undo
        | Action::CheckAgain
        | Action::Attest
        | Action::Next
        | Action::Back
        | Action::SignIn
        | Action::Wizard
        | Action::Top
        | Action::Bottom
        | Action::OtherPane
        | Action::Confirm
        | Action::OtherWay
        | Action::Yes
        | Action::No
        | Action::Quit
        | Action::Suspend
        | Action::Redraw => return None,
    })
}

/// Another thing of the window gets the keys; the frame scrolls to it.
fn step(model: &mut Model, by: isize) {
    let last = model.open_page().map_or(0, |page| page.operations().len().saturating_sub(1));
    model.mirror.focus = model.mirror.focus.saturating_add_signed(by).min(last);
    model.mirror.follow = true;
}

fn turn(model: &mut Model, by: isize) {
    let last = model.page().step.pages.len().saturating_sub(1);
    let page = model.mirror.page.saturating_add_signed(by).min(last);
    if page == model.mirror.page {
        say(model, if by > 0 { "this is the wizard's last page" } else { "this is the wizard's first page" }, None);
    }
    model.mirror.page = page;
    model.over.top = 0;
}

fn attest(model: &mut Model) -> Vec<Effect> {
    if let Some(why) = model.page().why_not(Act::Attest) {
        say(model, why, None);
        return Vec::new();
    }
    let step = model.page().step.id.clone();
    let Some(task) = model.guide_page().map(|page| page.id.clone()) else {
        say(model, "no page of the guide is in view", None);
        return Vec::new();
    };
    vec![Effect::Send(Command::Attest { step, task })]
}

/// Sends what the keys are on; without a window, it is opened.
fn operate(model: &mut Model, what: impl Fn(&Model) -> Option<Operation>) -> Vec<Effect> {
    let Some(mirror) = model.window() else { return Vec::new() };
    let operation = match &mirror.showing {
        Showing::Page(_) => what(model),
        Showing::Closed | Showing::Unreachable(_) => Some(Operation::Open),
        Showing::Unseen => None,
    };
    let answered = mirror.answered;
    let Some(operation) = operation else { return Vec::new() };
    model.mirror.sent = Some(answered);
    vec![Effect::Send(Command::Operate(operation))]
}

fn close_window(model: &mut Model) -> Vec<Effect> {
    if model.open_page().is_none() {
        say(model, "the wizard is not open", None);
        return Vec::new();
    }
    operate(model, |_| Some(Operation::Close))
}

/// A newer view: the mirror goes where the window went.
pub(super) fn on_view(model: &mut Model, old: Option<&str>) {
    if model.page().step.pages.is_empty() {
        model.below = None;
        if model.layer == Some(Layer::Wizard) {
            model.layer = None;
        }
        return;
    }
    if model.window().is_none_or(|window| model.mirror.sent.is_some_and(|sent| window.answered > sent)) {
        model.mirror.sent = None;
    }
    let page = model.open_page().map(|open| open.page.id.clone());
    if page.as_deref() != old {
        model.over.top = 0;
        model.lead();
    }
    let last = model.open_page().map_or(0, |page| page.operations().len().saturating_sub(1));
    model.mirror.focus = model.mirror.focus.min(last);
    model.mirror.page = model.mirror.page.min(model.page().step.pages.len() - 1);
}
