//! What the terminal app knows between two keys: the newest view and where the person is in it. No I/O, no clock.

pub(crate) mod mirror;

use super::keys::{Context, KeyMap};
use crate::base::Typing;
use crate::engine::{
    page::{CheckPane, Notice, Overlay, Page, SignInAsk, SignInPane, words},
    run::View,
};
use std::{sync::Arc, time::Duration};

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Our own frame in ASCII only.
    pub(crate) ascii: bool,
    /// With colours; without: bold, dim and reverse only.
    pub(crate) colour: bool,
}

/// Which pane scrolling keys move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pane {
    /// The step in the middle.
    Step,
    /// The live verification.
    Checks,
}

/// What the app itself lays over the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// The keys.
    Help,
    /// The wire log.
    Wire,
    /// Leave although something is being sent?
    Leave,
    /// The wizard, page by page.
    Wizard,
}

/// How far a pane is scrolled, and how far it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    /// Lines above the window.
    pub(crate) top: usize,
    /// The largest `top`, as of the last frame.
    pub(crate) most: usize,
    /// Lines in the window, as of the last frame.
    pub(crate) window: usize,
}

impl Scroll {
    /// Moves by lines, within what the last frame could show.
    pub(crate) fn by(&mut self, lines: isize) {
        self.top = self.top.saturating_add_signed(lines).min(self.most);
    }

    /// A window's height less one line, so that the eye keeps its place.
    #[must_use]
    pub(crate) fn page(&self) -> isize {
        isize::try_from(self.window.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    /// Takes what a frame found out; a pane that shrank is scrolled back.
    pub(crate) fn measured(&mut self, lines: usize, window: usize) {
        self.window = window;
        self.most = lines.saturating_sub(window);
        self.top = self.top.min(self.most);
    }
}

/// Everything the app knows.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    /// The newest view.
    pub(crate) view: Arc<View>,
    /// Since the view came.
    pub(crate) elapsed: Duration,
    /// How it is drawn.
    pub(crate) look: Look,
    /// Which key does what.
    pub(crate) keys: Arc<KeyMap>,
    /// Which pane scrolling keys move.
    pub(crate) pane: Pane,
    /// The selected task of the step in view.
    pub(crate) task: usize,
    /// The next frame scrolls so that the selected task is seen.
    pub(crate) follow: bool,
    /// The step's scrolling.
    pub(crate) step: Scroll,
    /// The verification's scrolling.
    pub(crate) checks: Scroll,
    /// The scrolling of what lies over the page.
    pub(crate) over: Scroll,
    /// What the app itself lays over the page.
    pub(crate) layer: Option<Layer>,
    /// What comes back when that is closed.
    pub(crate) below: Option<Layer>,
    /// Where the person is in the wizard.
    pub(crate) mirror: mirror::Place,
    /// The step that was asked for and is not in view yet: keys typed ahead wait for it, or they would act on another step.
    pub(crate) heading: Option<String>,
    /// What was pasted into the sign-in.
    pub(crate) pasted: Typing,
    /// What was typed into a plan that asks for a word.
    pub(crate) typed: String,
    /// The plan that was confirmed here, so that a second Enter is not a second confirmation.
    pub(crate) confirmed: Option<String>,
    /// What the app itself has to say, until the next key.
    pub(crate) said: Option<Notice>,
    /// The next frame differs from the last.
    pub(crate) dirty: bool,
}

impl Model {
    /// The app at its first frame.
    #[must_use]
    pub(crate) fn new(view: Arc<View>, look: Look, keys: Arc<KeyMap>) -> Self {
        Self {
            task: first_open_task(&view.page),
            view,
            elapsed: Duration::ZERO,
            look,
            keys,
            pane: Pane::Step,
            follow: false,
            step: Scroll::default(),
            checks: Scroll::default(),
            over: Scroll::default(),
            layer: None,
            below: None,
            mirror: mirror::Place::default(),
            heading: None,
            pasted: Typing::default(),
            typed: String::new(),
            confirmed: None,
            said: None,
            dirty: true,
        }
    }

    /// The page of the newest view.
    #[must_use]
    pub(crate) fn page(&self) -> &Page {
        &self.view.page
    }

    /// Whether keys go to something that lies over the page.
    #[must_use]
    pub(crate) fn in_dialog(&self) -> bool {
        self.layer.is_some() || self.page().overlay.is_some()
    }

    /// Where a key is pressed.
    #[must_use]
    pub(crate) fn context(&self) -> Context {
        match self.layer {
            Some(Layer::Wizard) => Context::Wizard,
            Some(Layer::Help | Layer::Wire | Layer::Leave) => Context::Dialog,
            None if self.page().overlay.is_some() => Context::Dialog,
            None => Context::Screen,
        }
    }

    /// Whether keys typed ahead wait: for the step that was asked for, or for the wizard's answer.
    #[must_use]
    pub(crate) fn waits(&self) -> bool {
        self.heading.is_some() || self.mirror.sent.is_some()
    }

    /// The word that the plan in view asks for, while it can be typed.
    #[must_use]
    pub(crate) fn asked_word(&self) -> Option<&str> {
        match (&self.layer, &self.page().overlay) {
            (None, Some(Overlay::Plan(plan))) if !self.is_sent(&plan.id, plan.sending) => plan.typed.as_deref(),
            _ => None,
        }
    }

    /// The sign-in in view, while keys go to it.
    #[must_use]
    pub(crate) fn sign_in(&self) -> Option<&SignInPane> {
        match (&self.layer, &self.page().overlay) {
            (None, Some(Overlay::SignIn(pane))) => Some(pane),
            _ => None,
        }
    }

    /// Whether a plan is on its way, so that it can be neither confirmed nor closed.
    #[must_use]
    pub(crate) fn is_sent(&self, id: &str, sending: bool) -> bool {
        sending || self.confirmed.as_deref() == Some(id)
    }

    /// Whether something is being sent.
    #[must_use]
    pub(crate) fn sending(&self) -> bool {
        matches!(&self.page().overlay, Some(Overlay::Plan(plan)) if self.is_sent(&plan.id, plan.sending))
    }

    /// What is said above the hint line: the app's own word first.
    #[must_use]
    pub(crate) fn notice(&self) -> Option<&Notice> {
        self.said.as_ref().or(self.page().notice.as_ref())
    }

    /// When the screen reads differently by time alone, counted from when the view came; `None` for never.
    ///
    /// Only the next minute of an age, a countdown and a look that takes long, all in view: a still screen does no work.
    #[must_use]
    pub(crate) fn next_change(&self) -> Option<Duration> {
        let checks = self.page().checks.iter().filter_map(|pane| next_change(pane, self.elapsed));
        checks.chain(self.code_changes()).chain(self.trip_changes()).min()
    }

    /// When the time of a trip under way reads differently: each second.
    fn trip_changes(&self) -> Option<Duration> {
        let waiting = self.page().step.trip.as_ref()?.waiting.as_ref()?;
        let waited = waiting.waited + self.elapsed;
        Some(self.elapsed + Duration::from_secs(waited.as_secs() + 1).saturating_sub(waited))
    }

    /// When the time that is left for a code reads differently.
    fn code_changes(&self) -> Option<Duration> {
        let SignInAsk::Code { left, .. } = &self.sign_in()?.ask else { return None };
        Some(self.elapsed + words::until_countdown_changes(left.saturating_sub(self.elapsed))?)
    }
}

/// The first task nobody attested, else the first.
pub(super) fn first_open_task(page: &Page) -> usize {
    page.step.tasks.iter().position(|task| task.attested.is_none()).unwrap_or(0)
}

fn next_change(pane: &CheckPane, elapsed: Duration) -> Option<Duration> {
    let age = pane.age.map(|age| elapsed + words::until_age_changes(age + elapsed));
    let countdown = pane.next_look.filter(|_| pane.counts_down()).and_then(|next| {
        let left = words::ceil_seconds(next.checked_sub(elapsed)?);
        // The shown second ends when one less remains.
        (left > 0).then(|| next.saturating_sub(Duration::from_secs(left - 1)).max(elapsed + Duration::from_millis(1)))
    });
    let looking = pane.until_look_counts(elapsed).map(|left| elapsed + left);
    [age, countdown, looking].into_iter().flatten().min()
}
