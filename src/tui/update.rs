//! What follows from a key, a new view or passing time: a pure function from model and message to model and effects.

mod mirror;

use super::{
    keys::{Action, Code, Key},
    model::{Layer, Model, Pane, first_open_task},
};
use crate::base::{Secret, Typing};
use crate::engine::{
    page::{Act, Notice, Overlay, SignInAsk},
    run::{Command, Pasted, View},
};
use std::{sync::Arc, time::Duration};

/// What can happen to the app.
#[derive(Clone, Debug)]
pub(crate) enum Msg {
    /// A key was pressed or repeats.
    Key(Key),
    /// A text was pasted.
    Pasted(Pasted),
    /// The engine has a newer view.
    View(Arc<View>),
    /// So much time passed since the view came.
    Elapsed(Duration),
    /// The step that was asked for did not come in time.
    Late,
    /// The terminal has another size, or was away.
    Redraw,
    /// A command found the engine's queue full and was dropped.
    Dropped,
}

/// What the app wants done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Ask the engine.
    Send(Command),
    /// Give the terminal to the shell for a while.
    Suspend,
    /// Draw every cell again.
    RedrawAll,
    /// Leave.
    Leave,
}

/// The longest word that can be typed into a plan.
const TYPED_MOST: usize = 64;

/// What follows from a message.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(key) => on_key(model, key),
        Msg::Pasted(Pasted(text)) => {
            on_paste(model, &text);
            Vec::new()
        }
        Msg::View(view) => {
            on_view(model, view);
            Vec::new()
        }
        Msg::Elapsed(elapsed) => {
            model.elapsed = elapsed;
            model.dirty = true;
            Vec::new()
        }
        Msg::Late => {
            model.heading = None;
            model.mirror.sent = None;
            Vec::new()
        }
        Msg::Redraw => {
            model.dirty = true;
            vec![Effect::RedrawAll]
        }
        Msg::Dropped => {
            model.heading = None;
            model.mirror.sent = None;
            say(model, "the engine is busy, the key was dropped", Some("press it again"));
            Vec::new()
        }
    }
}

fn on_view(model: &mut Model, view: Arc<View>) {
    let window = model.open_page().map(|open| open.page.id.clone());
    let old = std::mem::replace(&mut model.view, view);
    model.elapsed = Duration::ZERO;
    model.dirty = true;
    if model.heading.as_deref() == Some(model.page().step.id.as_str()) {
        model.heading = None;
    }
    if old.page.step.id != model.page().step.id {
        model.task = first_open_task(model.page());
        model.step.top = 0;
        model.checks.top = 0;
        model.pane = Pane::Step;
    }
    mirror::on_view(model, window.as_deref());
    model.task = model.task.min(model.page().step.tasks.len().saturating_sub(1));
    if !same_overlay(old.page.overlay.as_ref(), model.page().overlay.as_ref()) {
        model.typed.clear();
        model.pasted = Typing::default();
        model.confirmed = None;
        model.over.top = 0;
    }
}

/// Whether two overlays ask the same, so that what was typed stays.
fn same_overlay(old: Option<&Overlay>, new: Option<&Overlay>) -> bool {
    match (old, new) {
        (Some(Overlay::Plan(old)), Some(Overlay::Plan(new))) => old.id == new.id,
        (Some(Overlay::SignIn(old)), Some(Overlay::SignIn(new))) => same_sign_in(&old.ask, &new.ask),
        (old, new) => old == new,
    }
}

/// Time passes, and what was pasted may have been wrong: the field stays.
fn same_sign_in(old: &SignInAsk, new: &SignInAsk) -> bool {
    match (old, new) {
        (SignInAsk::Code { user_code: old, .. }, SignInAsk::Code { user_code: new, .. }) => old == new,
        (old, new) => old == new,
    }
}

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    if model.said.take().is_some() {
        model.dirty = true;
    }
    if type_into(model, key) || paste_into(model, key) {
        model.dirty = true;
        return Vec::new();
    }
    let Some(action) = model.keys.action(model.context(), key) else { return Vec::new() };
    model.dirty = true;
    match action.act() {
        Some(act) => on_act(model, act),
        None => on_action(model, action),
    }
}

/// What a key does to a line that is being typed.
enum Edit {
    Put(char),
    Erase,
}

/// `None` for a key that does nothing to it.
fn edit(key: Key) -> Option<Edit> {
    if key.ctrl || key.alt {
        return None;
    }
    match key.code {
        Code::Char(c) => Some(Edit::Put(c)),
        Code::Backspace => Some(Edit::Erase),
        Code::Enter
        | Code::Esc
        | Code::Tab
        | Code::Up
        | Code::Down
        | Code::Left
        | Code::Right
        | Code::PageUp
        | Code::PageDown
        | Code::Home
        | Code::End
        | Code::F(_) => None,
    }
}

/// Whether the key was a letter of the word that a plan asks for.
fn type_into(model: &mut Model, key: Key) -> bool {
    let Some(edit) = edit(key).filter(|_| model.asked_word().is_some()) else { return false };
    match edit {
        Edit::Put(c) if model.typed.chars().count() < TYPED_MOST => model.typed.push(c),
        Edit::Put(_) => {}
        Edit::Erase => drop(model.typed.pop()),
    }
    true
}

/// A pasted text goes into the sign-in that asks for one and nowhere else: it must not act as keys.
fn on_paste(model: &mut Model, text: &Secret) {
    if matches!(model.sign_in().map(|pane| &pane.ask), Some(SignInAsk::Paste { .. })) {
        text.expose().trim().chars().for_each(|c| model.pasted.push(c));
        model.dirty = true;
    }
}

/// Whether the key was a character of the address that a sign-in asks for.
fn paste_into(model: &mut Model, key: Key) -> bool {
    let asked = matches!(model.sign_in().map(|pane| &pane.ask), Some(SignInAsk::Paste { .. }));
    let Some(edit) = edit(key).filter(|_| asked) else { return false };
    match edit {
        Edit::Put(c) => model.pasted.push(c),
        Edit::Erase => model.pasted.pop(),
    }
    true
}

fn on_act(model: &mut Model, act: Act) -> Vec<Effect> {
    if let Some(why) = model.page().why_not(act) {
        say(model, why, None);
        return Vec::new();
    }
    let step = model.page().step.id.clone();
    let command = match act {
        Act::Apply => Command::PlanApply(step),
        Act::Undo => Command::PlanUndo(step),
        Act::CheckAgain => Command::CheckAgain,
        Act::SignIn => Command::SignIn,
        Act::Wizard => {
            mirror::open(model);
            return Vec::new();
        }
        Act::Next => return go(model, 1),
        Act::Back => return go(model, -1),
        Act::Attest => match model.page().step.tasks.get(model.task) {
            Some(task) => Command::Attest { step, task: task.id.clone() },
            None => return Vec::new(),
        },
    };
    vec![Effect::Send(command)]
}

fn go(model: &mut Model, by: isize) -> Vec<Effect> {
    if let Some(id) = model.page().neighbour(by).map(str::to_owned) {
        model.heading = Some(id.clone());
        return vec![Effect::Send(Command::View(id))];
    }
    say(model, if by > 0 { "this is the last step" } else { "this is the first step" }, None);
    Vec::new()
}

fn on_action(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(effects) = mirror::on_action(model, action) {
        return effects;
    }
    match action {
        Action::Down => down(model, 1),
        Action::Up => down(model, -1),
        Action::PageDown => scroll(model).by_page(1),
        Action::PageUp => scroll(model).by_page(-1),
        Action::Top => scroll(model).top = 0,
        Action::Bottom => scroll(model).go_to_end(),
        Action::OtherPane => {
            model.pane = match model.pane {
                Pane::Step => Pane::Checks,
                Pane::Checks => Pane::Step,
            };
        }
        Action::Wire => toggle(model, Layer::Wire),
        Action::Help => toggle(model, Layer::Help),
        Action::Confirm => return confirm(model),
        Action::Close => return close(model),
        Action::OtherWay => return model.sign_in().map(|pane| Effect::Send(Command::SignInBy(pane.other_way()))).into_iter().collect(),
        Action::Yes => return answer(model, true),
        Action::No => return answer(model, false),
        Action::Quit => return quit(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::RedrawAll],
        Action::Apply
        | Action::Undo
        | Action::CheckAgain
        | Action::Attest
        | Action::Next
        | Action::Back
        | Action::SignIn
        | Action::Wizard
        | Action::Toggle
        | Action::Press
        | Action::PageBefore
        | Action::PageAfter
        | Action::AttestPage
        | Action::CloseWindow => {}
    }
    Vec::new()
}

fn down(model: &mut Model, by: isize) {
    let selects = !model.in_dialog() && model.pane == Pane::Step && !model.page().step.tasks.is_empty();
    if !selects {
        scroll(model).by(by);
        return;
    }
    let last = model.page().step.tasks.len() - 1;
    let task = model.task.saturating_add_signed(by).min(last);
    if task == model.task {
        // Beyond the first and the last task the lines go on.
        scroll(model).by(by);
        return;
    }
    model.task = task;
    model.follow = true;
}

fn scroll(model: &mut Model) -> &mut super::model::Scroll {
    if model.in_dialog() {
        return &mut model.over;
    }
    match model.pane {
        Pane::Step => &mut model.step,
        Pane::Checks => &mut model.checks,
    }
}

impl super::model::Scroll {
    fn by_page(&mut self, pages: isize) {
        self.by(pages * self.page());
    }

    fn go_to_end(&mut self) {
        self.top = self.most;
    }
}

fn toggle(model: &mut Model, layer: Layer) {
    if model.layer == Some(layer) {
        model.layer = model.below.take();
    } else if model.layer.is_none() {
        model.layer = Some(layer);
        // The newest request stands last; the frame cuts this to what there is.
        model.over.top = if layer == Layer::Wire { usize::MAX } else { 0 };
        model.over.most = usize::MAX;
    }
}

fn confirm(model: &mut Model) -> Vec<Effect> {
    match model.layer {
        Some(Layer::Help | Layer::Wire) => return close(model),
        Some(Layer::Leave | Layer::Wizard) => return Vec::new(),
        None => {}
    }
    if let Some(pane) = model.sign_in() {
        return match &pane.ask {
            SignInAsk::Paste { .. } => vec![Effect::Send(Command::Paste(Pasted(model.pasted.take())))],
            SignInAsk::Ended { .. } => vec![Effect::Send(Command::SignInBy(pane.way))],
            SignInAsk::Open { .. } | SignInAsk::Code { .. } => Vec::new(),
        };
    }
    let Some(Overlay::Plan(plan)) = &model.page().overlay else { return Vec::new() };
    if model.is_sent(&plan.id, plan.sending) {
        return Vec::new();
    }
    let id = plan.id.clone();
    if let Some(word) = &plan.typed
        && model.typed.trim() != word
    {
        let why = format!("type `{word}` first, then Enter");
        say(model, why, None);
        return Vec::new();
    }
    model.confirmed = Some(id.clone());
    vec![Effect::Send(Command::Confirm(id))]
}

fn close(model: &mut Model) -> Vec<Effect> {
    if model.layer.take().is_some() {
        model.layer = model.below.take();
        model.over.top = 0;
        return Vec::new();
    }
    if model.sending() {
        say(model, "it is being sent and cannot be called back", Some("wait for the end; then undo takes it back"));
        return Vec::new();
    }
    vec![Effect::Send(Command::Dismiss)]
}

fn answer(model: &mut Model, yes: bool) -> Vec<Effect> {
    if model.layer == Some(Layer::Leave) {
        model.layer = None;
        return if yes { vec![Effect::Leave] } else { Vec::new() };
    }
    match (&model.layer, &model.page().overlay) {
        (None, Some(Overlay::Doubt { .. })) => vec![Effect::Send(Command::Settle { happened: yes })],
        _ => Vec::new(),
    }
}

fn quit(model: &mut Model) -> Vec<Effect> {
    if !model.sending() || model.layer == Some(Layer::Leave) {
        return vec![Effect::Leave];
    }
    model.layer = Some(Layer::Leave);
    Vec::new()
}

fn say(model: &mut Model, text: impl Into<String>, hint: Option<&str>) {
    model.said = Some(Notice { text: text.into(), hint: hint.map(str::to_owned) });
    model.dirty = true;
}

#[cfg(test)]
mod tests;
