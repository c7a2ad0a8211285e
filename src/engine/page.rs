//! The content of a screen as a value. `tui` and `plain` draw it, so what one shows the other has. Knows no terminal.

pub mod build;
pub mod mirror;
#[cfg(test)]
pub(crate) mod scenes;
pub mod trip;
pub mod words;

use super::check::Verdict;
pub use super::consent::Meter;
use crate::guide::prose::{Block, Span};
pub use crate::services::entra::Way;
use jiff::{SignedDuration, Timestamp};
pub use mirror::{Mirror, OpenPage, Showing, Todo};
use std::time::Duration;

/// The step screen.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The guide's title.
    pub guide: String,
    /// Where it happens.
    pub lab: LabLine,
    /// Chapters and steps, in walking order.
    pub rail: Vec<RailPhase>,
    /// The step in view.
    pub step: StepPage,
    /// The live verification of the step in view.
    pub checks: Vec<CheckPane>,
    /// What the person can do now, in the order of the hint line.
    pub offers: Vec<Offer>,
    /// The newest thing that happened on the wire or in the journal.
    pub activity: Option<String>,
    /// Said once, until dismissed by the next: no keyring, journal read-only, a refused command.
    pub notice: Option<Notice>,
    /// What lies over the page.
    pub overlay: Option<Overlay>,
}

/// Where it happens.
#[derive(Clone, Debug, PartialEq)]
pub struct LabLine {
    /// The lab's name.
    pub name: String,
    /// `practice`, `test` or another environment word for the banner.
    pub environment: String,
    /// The tenant's domain, once known.
    pub tenant: Option<String>,
    /// Who is signed in, once known.
    pub account: Option<String>,
    /// What the newest sign-in may do, as the sign-in service named it; `None` while it named nothing.
    pub meter: Option<Meter>,
    /// How it stands with the connection.
    pub connection: Connection,
    /// Ops and consents in the ledger that are not taken back.
    pub open_changes: usize,
    /// How far the lab's clock is ahead of this machine's (behind, if negative); `None` while they agree within
    /// [`build::CLOCK_SHOWN`] or nothing was asked yet.
    pub clock_ahead: Option<SignedDuration>,
    /// Whether this process may write the journal; if not, who does.
    pub read_only: Option<String>,
}

/// How it stands with the connection to the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// On its way: what is being done.
    Connecting(String),
    /// Reached, and somebody is signed in.
    Ready,
    /// Reached, and nobody is signed in.
    SignedOut,
    /// Not reached: why, and what to do.
    Failed {
        /// Why.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
}

/// A chapter in the rail.
#[derive(Clone, Debug, PartialEq)]
pub struct RailPhase {
    /// Its title.
    pub title: String,
    /// Its steps.
    pub steps: Vec<RailStep>,
}

/// A step in the rail.
#[derive(Clone, Debug, PartialEq)]
pub struct RailStep {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `None` until it was looked at.
    pub verdict: Option<Verdict>,
    /// It passed once and fails now.
    pub drifted: bool,
    /// It is the one in view.
    pub current: bool,
}

/// The middle of the screen.
#[derive(Clone, Debug, PartialEq)]
pub struct StepPage {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// Its place in the walk, from 1, and how many there are.
    pub position: (usize, usize),
    /// `None` until it was looked at.
    pub verdict: Option<Verdict>,
    /// The sentence for a step that nothing can prove, or that waits for something.
    pub verdict_note: Option<String>,
    /// `Low`, `Medium`, `High` in words; empty for none.
    pub risk: String,
    /// The portal, machine or console where it is done by hand.
    pub place: String,
    /// Why the step exists.
    pub why: Vec<Block>,
    /// The ways in which the step can be walked; empty when there is one only.
    pub options: Vec<OptionLine>,
    /// What a person does by hand.
    pub tasks: Vec<TaskLine>,
    /// The pages of a wizard.
    pub pages: Vec<WizardLine>,
    /// The wizard's window, where the lab shows it; `None` where a person looks at the real one.
    pub mirror: Option<Mirror>,
    /// The round trip that is made here; `None` for a step that makes none.
    pub trip: Option<trip::TripPane>,
    /// Where the source is outdated, incomplete or wrong.
    pub notes: Vec<NoteLine>,
    /// What Guidepost can do here; `None` when only a person can.
    pub action: Option<ActionLine>,
}

/// One way in which a step can be walked.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionLine {
    /// Its name.
    pub id: String,
    /// What it does.
    pub text: Vec<Span>,
    /// It is the one that is walked.
    pub walked: bool,
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskLine {
    /// Its id.
    pub id: String,
    /// The source's number, such as `A3`.
    pub covers: Option<String>,
    /// What to do.
    pub text: Vec<Span>,
    /// Who said it is done, and when.
    pub attested: Option<Attested>,
}

/// A person's word that a task is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// One page of a wizard, with its real labels.
#[derive(Clone, Debug, PartialEq)]
pub struct WizardLine {
    /// Its id.
    pub id: String,
    /// The task that it belongs to, by its number in the list, from 1; `None` for none.
    pub task: Option<usize>,
    /// Who said it is done, and when.
    pub attested: Option<Attested>,
    /// Its title.
    pub title: Vec<Span>,
    /// What to press, choose, tick, keep and enter, each with its verb.
    pub lines: Vec<(String, String)>,
}

/// A field note.
#[derive(Clone, Debug, PartialEq)]
pub struct NoteLine {
    /// What is so.
    pub title: String,
    /// Date and source.
    pub origin: String,
    /// The text.
    pub blocks: Vec<Block>,
}

/// What Guidepost can do in this step.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionLine {
    /// What the ops change, one line each.
    pub changes: Vec<Vec<Span>>,
    /// How it stands: `done by Guidepost 3 min ago`, `not done`, `under way`, `in doubt`.
    pub state: String,
}

/// A check as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckPane {
    /// Its id.
    pub id: String,
    /// What it states.
    pub title: Vec<Span>,
    /// `None` until it was looked at.
    pub verdict: Option<Verdict>,
    /// It passed once and fails now.
    pub drifted: bool,
    /// What must hold.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The diagnosis: its code.
    pub code: Option<String>,
    /// The diagnosis: what is wrong and why.
    pub why: Option<String>,
    /// The diagnosis: what to do, a line each.
    pub way_out: Vec<String>,
    /// By the asked system's clock.
    pub looked_at: Option<Timestamp>,
    /// Since the look, at the moment the page was built.
    pub age: Option<Duration>,
    /// The look is older than twice its interval.
    pub stale: bool,
    /// How long the look took.
    pub took: Option<Duration>,
    /// Until the next look, at the moment the page was built.
    pub next_look: Option<Duration>,
    /// For how long a look has been under way, at the moment the page was built; `None` when none is.
    pub looking: Option<Duration>,
}

/// What a person can do, and whether now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What.
    pub act: Act,
    /// Why not now; `None` when it can be done.
    pub why_not: Option<String>,
}

/// What a person can do on the step screen; the key map binds keys to these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    /// Show what applying would change, then ask.
    Apply,
    /// Show what undoing would change, then ask.
    Undo,
    /// Look again now.
    CheckAgain,
    /// Say that the selected task is done, or take that back.
    Attest,
    /// The next step.
    Next,
    /// The step before.
    Back,
    /// Sign in.
    SignIn,
    /// Go through the wizard page by page.
    Wizard,
}

/// Something said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What lies over the page because the engine asks or works.
#[derive(Clone, Debug, PartialEq)]
pub enum Overlay {
    /// A plan to be confirmed.
    Plan(PlanPane),
    /// Somebody signs in.
    SignIn(SignInPane),
    /// An op whose end nobody saw, whose doubt rule is `ask`.
    Doubt {
        /// What was being sent, one line.
        what: String,
    },
}

/// A sign-in under way, or why it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInPane {
    /// In which way.
    pub way: Way,
    /// What the person has to do.
    pub ask: SignInAsk,
    /// Why what was pasted last was not taken.
    pub wrong: Option<String>,
    /// The permissions that a sign-in for writing asks for, and for which application; `None` for reading.
    pub writing: Option<String>,
    /// It opens the lab's machines in Azure, for somebody who is signed in to the tenant; `writing` then says what it asks for.
    pub azure: bool,
}

/// What a sign-in asks of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignInAsk {
    /// Open the address on this machine; the rest happens by itself.
    Open {
        /// Where, should no browser open.
        address: String,
    },
    /// Open the address anywhere, and paste the one that the browser ends at.
    Paste {
        /// Where.
        address: String,
    },
    /// Open the address anywhere and enter the code.
    Code {
        /// The code.
        user_code: String,
        /// Where.
        address: String,
        /// By this machine's clock.
        expires_at: Timestamp,
        /// At the moment the page was built.
        left: Duration,
    },
    /// Nothing any more: it can be started again, in this way or another.
    Ended {
        /// Why.
        why: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl SignInPane {
    /// The pane as it reads at this moment.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if let SignInAsk::Code { expires_at, left, .. } = &mut self.ask {
            *left = Duration::try_from(expires_at.duration_since(now)).unwrap_or(Duration::ZERO);
        }
        self
    }

    /// The way that is offered next to this one.
    #[must_use]
    pub fn other_way(&self) -> Way {
        let place = Way::ALL.iter().position(|way| *way == self.way).map_or(0, |place| place + 1);
        Way::ALL[place % Way::ALL.len()]
    }
}

/// A plan as it would be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanPane {
    /// `apply` or `undo`, with the step's title.
    pub title: String,
    /// The plan's id, lower-case hex SHA-256.
    pub id: String,
    /// Each op.
    pub ops: Vec<PlanLine>,
    /// The word to type for high risk; `None` when Enter is enough.
    pub typed: Option<String>,
    /// The sign-in for writing that comes between confirming and sending, as a sentence; `None` when none is needed.
    pub sign_in: Option<String>,
    /// It is being sent.
    pub sending: bool,
}

/// One op of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// What it changes.
    pub title: Vec<Span>,
    /// `POST https://graph…/v1.0/…`.
    pub request: String,
    /// The body, pretty JSON, empty for none.
    pub body: String,
    /// What is there now, one line.
    pub before: String,
    /// How it is taken back, or why it cannot be.
    pub undo: String,
    /// The permission that it needs.
    pub needs: Option<String>,
}
