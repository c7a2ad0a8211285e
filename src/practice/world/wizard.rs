//! The wizard of Entra Connect while it is open on APP1. Not what it changes: that is Entra Connect's own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An open wizard: while there is one, the scheduler is suspended (MIR how-to-connect-sync-feature-scheduler.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Wizard {
    /// When it was opened, in world time.
    pub(in crate::practice) opened: Timestamp,
}

impl Wizard {
    /// As it opens: nothing chosen yet.
    pub(in crate::practice) fn open(now: Timestamp) -> Self {
        Self { opened: now }
    }
}
