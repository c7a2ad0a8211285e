//! Changes: plan them, have the plan confirmed, send it, take it back. Nothing but reads leaves without a [`Confirmed`].

mod carry;
mod consent;
mod doubt;
mod guard;
mod object;
mod plan;

pub use carry::{Carried, How};
pub use plan::{Direction, Plan, PlannedOp};

use super::consent::WriteAsk;
use crate::base::Problem;

/// The right to send the ops of one confirmed plan; only this room can make one.
#[derive(Debug)]
pub struct Confirmed {
    plan: String,
}

impl Confirmed {
    /// The plan's id.
    #[must_use]
    pub fn plan(&self) -> &str {
        &self.plan
    }
}

/// Why nothing was planned or sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Something else must be done first, or a person is needed.
    Not(Problem),
    /// A person must sign in for writing first.
    SignIn(WriteAsk),
    /// It cannot be told: a system could not be read.
    Unknown(Problem),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Not(problem) => problem,
            Refusal::SignIn(ask) => Self::from(&ask),
            Refusal::Unknown(problem) => Self { exit: crate::base::Exit::Unknown, ..problem },
        }
    }
}
