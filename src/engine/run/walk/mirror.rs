//! The wizard's window in the walk: looked at while its step is in view, operated by what the person does. No plan is made of it: what
//! happens there, the person does.

use super::{Finished, Walk};
use crate::base::Problem;
use crate::engine::page::{
    Connection, Mirror, OpenPage, Showing,
    mirror::{self, Operation, Window},
};
use crate::guide::step::WizardPage;
use crate::lab::control::wizard::WindowPage;
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Somebody else may operate it too: how often it is looked at.
const EVERY: Duration = Duration::from_secs(3);
/// Operations that wait for the one under way; a person sees each answer before the next.
const MOST_WAITING: usize = 8;

/// What is known of the window.
#[derive(Debug, Default)]
pub(super) struct Seen {
    window: Option<Result<Window, Problem>>,
    refused: Option<String>,
    answered: u64,
    waiting: VecDeque<Operation>,
    /// A look or an operation is under way.
    asking: bool,
    due: Option<Instant>,
}

impl Walk {
    /// Whether the step in view has a wizard that this lab shows.
    fn shows_wizard(&self) -> bool {
        let has_pages = self.engine.guide().steps.get(&self.step).is_some_and(|step| !step.pages.is_empty());
        has_pages && self.connection == Connection::Ready && self.engine.systems().is_some_and(|systems| systems.offers_wizard())
    }

    /// When the window is looked at next; `None` while it need not be.
    pub(super) fn window_due(&self) -> Option<Instant> {
        self.seen.due.filter(|_| self.shows_wizard() && !self.seen.asking)
    }

    /// Looks at the window when it is due.
    pub(super) fn tend_window(&mut self, now: Instant) {
        if self.shows_wizard() && !self.seen.asking && self.seen.due.is_none_or(|due| due <= now) {
            self.ask_window(None);
        }
    }

    /// Looks soon: the person asked, or came back to the step.
    pub(super) fn window_is_old(&mut self) {
        self.seen.due = None;
    }

    pub(super) fn operate(&mut self, operation: Operation) {
        self.seen.refused = None;
        let why = if self.shows_wizard() { self.engine.read_only() } else { Some("the lab shows no wizard now".to_owned()) };
        if let Some(why) = why {
            self.seen.refused = Some(why);
            self.seen.answered += 1;
        } else if !self.seen.asking {
            self.ask_window(Some(operation));
        } else if self.seen.waiting.len() < MOST_WAITING {
            self.seen.waiting.push_back(operation);
        }
    }

    fn ask_window(&mut self, operation: Option<Operation>) {
        let Some(systems) = self.engine.systems() else { return };
        self.seen.asking = true;
        self.tasks.spawn(async move {
            let outcome = systems.wizard(operation.as_ref()).await;
            Finished::Window { operation, outcome }
        });
    }

    pub(super) fn window_came(&mut self, operation: Option<Operation>, outcome: Result<Window, Problem>) {
        self.seen.asking = false;
        self.seen.due = Some(Instant::now() + EVERY);
        let before = self.open_page();
        match (operation, outcome) {
            (None, outcome) => self.seen.window = Some(outcome),
            (Some(_), Err(problem)) => {
                self.seen.answered += 1;
                self.seen.refused = Some(problem.what);
                // What was typed ahead was meant for another page.
                self.seen.waiting.clear();
                self.seen.due = None;
            }
            (Some(operation), Ok(window)) => {
                self.seen.answered += 1;
                self.seen.window = Some(Ok(window));
                self.turned(&operation, before.as_deref());
            }
        }
        if let Some(next) = self.seen.waiting.pop_front() {
            self.ask_window(Some(next));
        }
    }

    /// A page that was left as the guide says is attested by that; at the wizard's end, everything is looked at.
    fn turned(&mut self, operation: &Operation, before: Option<&OpenPage>) {
        let Some(before) = before else { return };
        let Operation::Press(label) = operation else { return };
        let after = self.window_page().map(|page| page.id.clone());
        if after.as_deref() == Some(before.page.id.as_str()) {
            return;
        }
        let Some(step) = self.engine.guide().steps.get(&self.step).cloned() else { return };
        let known = before.at.and_then(|at| step.pages.get(at));
        let as_guided = |page: &&WizardPage| before.is_as_guided() && page.press.last() == Some(label);
        if let Some(page) = known.filter(as_guided)
            && !self.engine.is_attested(&step.id, &page.id)
            && let Err(problem) = self.engine.attest(&step.id, &page.id, false)
        {
            self.say(problem);
        }
        let last = step.pages.last().map(|page| page.id.clone());
        if after.is_none() || after == last {
            self.schedule.look_now(Instant::now());
        }
    }

    fn window_page(&self) -> Option<&WindowPage> {
        self.seen.window.as_ref()?.as_ref().ok()?.page.as_ref()
    }

    fn open_page(&self) -> Option<Box<OpenPage>> {
        match self.showing() {
            Showing::Page(page) => Some(page),
            Showing::Unseen | Showing::Closed | Showing::Unreachable(_) => None,
        }
    }

    fn showing(&self) -> Showing {
        let Some(step) = self.engine.guide().steps.get(&self.step) else { return Showing::Unseen };
        match &self.seen.window {
            None => Showing::Unseen,
            Some(Ok(window)) => mirror::showing(step, window),
            Some(Err(problem)) => Showing::Unreachable(problem.what.clone()),
        }
    }

    /// The window as the page shows it; `None` where the lab shows none.
    pub(super) fn mirror(&self) -> Option<Mirror> {
        let mirror = || Mirror { answered: self.seen.answered, showing: self.showing(), refused: self.seen.refused.clone() };
        self.shows_wizard().then(mirror)
    }
}
