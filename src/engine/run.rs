//! A walk through one guide in one lab: takes commands, gives views, never waits for a screen.

mod walk;

use super::{
    consent::NewConsent,
    page::{Page, SignInPane, Way, mirror::Operation},
    probe::Systems,
};
use crate::base::{Problem, Secret, http::WireLine};
use crate::services::entra::Purpose;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

pub use walk::{Begin, kept_options, start};

/// What a face asks of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put a step in view: its probes come first.
    View(String),
    /// Look again now at everything in view.
    CheckAgain,
    /// Say that a task is done, or take that back.
    Attest {
        /// The step.
        step: String,
        /// The task.
        task: String,
    },
    /// Make the plan of the step's action and show it.
    PlanApply(String),
    /// Make the plan that takes the step's changes back and show it.
    PlanUndo(String),
    /// Send the plan with this id; it is planned again first and refused if it changed.
    Confirm(String),
    /// Close what the engine laid over the page.
    Dismiss,
    /// Sign in, in the lab's usual way.
    SignIn,
    /// Sign in in this way, in place of one that is under way.
    SignInBy(Way),
    /// What a person pasted into the sign-in.
    Paste(Pasted),
    /// What the person does with the wizard, where the lab shows it.
    Operate(Operation),
    /// Answer an op in doubt: it happened, or it did not.
    Settle {
        /// Whether it happened.
        happened: bool,
    },
}

/// A secret that a person gave to a face; never seen in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Pasted(pub Secret);

impl std::fmt::Debug for Pasted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("‹pasted›")
    }
}

/// A sign-in's end of the talk with a person.
#[derive(Debug)]
pub struct Talk {
    /// What to show now; a newer one replaces it.
    pub show: mpsc::Sender<SignInPane>,
    /// What the person pastes.
    pub pasted: mpsc::Receiver<Secret>,
}

/// What a face draws from: everything of one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The page of the step in view.
    pub page: Page,
    /// The newest requests, oldest first.
    pub wire: Arc<[WireLine]>,
}

/// A face's end of a walk.
#[derive(Debug)]
pub struct Handle {
    /// Bounded; a face that finds it full drops the command and says so.
    pub commands: mpsc::Sender<Command>,
    /// The newest view; older ones that nobody took are gone.
    pub views: watch::Receiver<Arc<View>>,
}

/// Why a lab is not connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotConnected {
    /// It is there, but nobody is signed in; why, if the service refused the sign-in that was kept.
    SignedOut(Option<Problem>),
    /// It cannot be reached, or refuses.
    Failed(Problem),
}

/// What a sign-in brought.
pub struct SignedIn {
    /// The lab's systems.
    pub systems: Arc<dyn Systems>,
    /// The application that signed in; empty where none did.
    pub app: String,
    /// What it gave applications in the tenant; to be written down before anything else is done.
    pub given: Vec<NewConsent>,
}

/// The way into a lab, so that the walk can begin before the lab is reached.
#[async_trait]
pub trait Door: Send + Sync {
    /// Reaches the lab and signs in with what is kept.
    ///
    /// # Errors
    /// [`NotConnected`] says why not.
    async fn connect(&self) -> Result<Arc<dyn Systems>, NotConnected>;

    /// The lab's usual way to sign in.
    fn usual_way(&self) -> Way;

    /// Signs in anew, for reading or for writing as well; dropping it cancels it.
    ///
    /// # Errors
    /// [`NotConnected`] says why not.
    async fn sign_in(&self, way: Way, purpose: Purpose, talk: Talk) -> Result<SignedIn, NotConnected>;

    /// Signs in to the lab's machines in Azure, for somebody who is signed in to its tenant; dropping it cancels it.
    ///
    /// # Errors
    /// [`NotConnected`] says why not; a lab without Azure always does.
    async fn sign_in_to_azure(&self, _way: Way, _talk: Talk) -> Result<SignedIn, NotConnected> {
        Err(NotConnected::Failed(Problem::new("this lab has no machines in Azure")))
    }

    /// Something to be said once, such as that nothing is kept beyond this run.
    fn notice(&self) -> Option<Problem>;

    /// The newest requests, oldest first.
    fn wire(&self) -> Arc<[WireLine]>;
}
