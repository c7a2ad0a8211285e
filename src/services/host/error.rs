//! Why a script gave no answer, in words. What hosts said is clean and short in here.

use crate::base::Problem;
use crate::services::azure::AzureError;
use std::time::Duration;

/// Why a script gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It was not started.
    #[error("the script `{script}` could not be started on `{host}`: {why}")]
    NotStarted {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// Why, cleaned.
        why: String,
    },
    /// It was not started, because another one is at work there.
    #[error("the script `{script}` could not be started on `{host}`: another script is running there")]
    Busy {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
    },
    /// It was not started, because the machine is off.
    #[error("the script `{script}` could not be started on `{host}`: the machine is not running")]
    Off {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
    },
    /// It was not sent: with its request it is longer than a host takes.
    #[error("the script `{script}` with its request for `{host}` is {bytes} bytes long, and {most} is the most that can be sent")]
    TooLong {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// How long it is.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// It was not started: there is nothing here that runs it.
    #[error("there is no Windows PowerShell on this machine: {why}")]
    NoPowerShell {
        /// What there is instead.
        why: String,
    },
    /// Azure refused or failed.
    #[error("the script `{script}`: {error}")]
    Azure {
        /// Which script.
        script: &'static str,
        /// What Azure said.
        error: Box<AzureError>,
    },
    /// It was started and did not end in time.
    #[error("the script `{script}` on `{host}` did not end within {} s", after.as_secs())]
    TimedOut {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// The limit.
        after: Duration,
    },
    /// It printed more than the host brings back, and the front of it is lost.
    #[error("the front of what the script `{script}` printed on `{host}` was cut off: {most} bytes come back")]
    Cut {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// How much comes back.
        most: usize,
    },
    /// It ran, and met trouble.
    #[error("the script `{script}` on `{host}` says: {said}")]
    Said {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// Its words, cleaned.
        said: String,
    },
    /// It was started, and what came back is no answer.
    #[error("the script `{script}` on `{host}` gave no answer that can be read: {why}")]
    NoAnswer {
        /// The host.
        host: String,
        /// Which script.
        script: &'static str,
        /// What is wrong with it, cleaned.
        why: String,
    },
}

impl HostError {
    /// Whether it surely did nothing.
    #[must_use]
    pub fn not_run(&self) -> bool {
        match self {
            Self::NotStarted { .. } | Self::Busy { .. } | Self::Off { .. } | Self::TooLong { .. } | Self::NoPowerShell { .. } => true,
            Self::Azure { error, .. } => error.outcome_known(),
            Self::TimedOut { .. } | Self::Cut { .. } | Self::Said { .. } | Self::NoAnswer { .. } => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotStarted { .. } => "check that the machine runs and that scripts can be run on it",
            Self::Busy { .. } => "wait until it has ended; one that waits for input blocks the machine for 90 minutes",
            Self::Off { .. } => "start it",
            Self::TooLong { .. } => "ask for less at once",
            Self::NoPowerShell { .. } => "run Guidepost on the machine itself, or reach it through Azure",
            Self::Azure { error, .. } => error.hint().unwrap_or("look at the machine in the Azure portal"),
            Self::TimedOut { .. } => "it may still be running there; look again in a few minutes",
            Self::Cut { .. } => "look again; if it happens again, something else prints on that machine after the script",
            Self::Said { .. } => {
                "if it is about rights: commands of Entra Connect work for members of `ADSyncAdmins` and the machine's own administrators"
            }
            Self::NoAnswer { .. } => "look at the machine's own log of scripts",
        }
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::unknown(error.to_string()).hint(error.hint())
    }
}
