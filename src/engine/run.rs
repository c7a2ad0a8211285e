//! A walk through one guide in one lab: takes commands, gives snapshots, never waits for a screen.

use super::page::Page;
use crate::base::http::WireLine;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

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
