//! A walk through one guide in one lab: takes commands, gives views, never waits for a screen.

mod walk;

use super::{page::Page, probe::Systems};
use crate::base::{Problem, http::WireLine};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

pub use walk::{Begin, start};

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
    /// Open the sign-in page in a browser.
    SignIn,
    /// Answer an op in doubt: it happened, or it did not.
    Settle {
        /// Whether it happened.
        happened: bool,
    },
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

/// The way into a lab, so that the walk can begin before the lab is reached.
#[async_trait]
pub trait Door: Send + Sync {
    /// Reaches the lab and signs in with what is kept.
    ///
    /// # Errors
    /// [`NotConnected`] says why not.
    async fn connect(&self) -> Result<Arc<dyn Systems>, NotConnected>;

    /// Signs in anew by a browser; `show` gets the address to open.
    ///
    /// # Errors
    /// [`NotConnected`] says why not.
    async fn sign_in(&self, show: mpsc::Sender<String>) -> Result<Arc<dyn Systems>, NotConnected>;

    /// Something to be said once, such as that nothing is kept beyond this run.
    fn notice(&self) -> Option<Problem>;

    /// The newest requests, oldest first.
    fn wire(&self) -> Arc<[WireLine]>;
}
