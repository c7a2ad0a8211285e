//! Why Resource Manager gave no answer that can be used, in words. Server text in here is clean and short.

use crate::base::http::{HttpError, Reply};
use crate::base::{Problem, text};
use crate::services::entra::SignInError;
use serde_json::Value;
use std::time::Duration;

/// What Resource Manager said when it refused or failed; all of it clean text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmRefusal {
    /// What was asked for.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The code, such as `AuthorizationFailed`.
    pub code: String,
    /// The message.
    pub message: String,
    /// `x-ms-request-id`: the body has none (`facts/wire.md` 20).
    pub request_id: Option<String>,
    /// How long to wait, if it said so.
    pub retry_after: Option<Duration>,
}

impl ArmRefusal {
    pub(super) fn read(what: &str, reply: &Reply, body: &Value, retry_after: Option<Duration>) -> Self {
        let said = |name: &str, most| body.pointer(&format!("/error/{name}")).and_then(Value::as_str).map(|said| text::short(said, most));
        Self {
            what: what.to_owned(),
            status: reply.status,
            code: said("code", 80).unwrap_or_else(|| "(no code)".to_owned()),
            message: said("message", 400).unwrap_or_else(|| "(no message)".to_owned()),
            request_id: reply.header("x-ms-request-id"),
            retry_after,
        }
    }

    /// What it means and what to do, where that is known.
    #[must_use]
    pub fn known(&self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.code == self.code && known.says.is_none_or(|part| self.message.contains(part)))
    }
}

impl std::fmt::Display for ArmRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, status, code, message, .. } = self;
        match self.known() {
            Some(known) => write!(f, "cannot {what}: {} ({status} {code}: {message})", known.means)?,
            None => write!(f, "cannot {what}: {status} {code}: {message}")?,
        }
        self.request_id.as_ref().map_or(Ok(()), |id| write!(f, " (request-id `{id}`)"))
    }
}

/// A code in plain words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Resource Manager's code.
    pub code: &'static str,
    /// A part of the message, where the code alone does not tell.
    pub says: Option<&'static str>,
    /// What it means.
    pub means: &'static str,
    /// What to do.
    pub todo: &'static str,
}

/// Codes worth own words (`facts/wire.md` 20–27).
const KNOWN: [Known; 11] = [
    Known {
        code: "AuthorizationFailed",
        says: None,
        // Resource Manager answers the same for a resource group that does not exist.
        means: "this account has no right to it in Azure, or the name is wrong",
        todo: "check subscription, resource group and machine in the lab's profile; an Entra role gives no right in Azure: ask for Virtual Machine Contributor on the resource group",
    },
    Known {
        code: "Conflict",
        says: Some("Run command extension execution is in progress"),
        means: "another script is running on the machine",
        todo: "wait until it has ended; one that waits for input blocks the machine for 90 minutes",
    },
    Known { code: "OperationNotAllowed", says: Some("when the VM is not running"), means: "the machine is not running", todo: "start it" },
    Known {
        code: "ResourceGroupNotFound",
        says: None,
        means: "there is no such resource group",
        todo: "check `resource_group` in the lab's profile",
    },
    Known { code: "ResourceNotFound", says: None, means: "there is no such machine", todo: "check `machines` in the lab's profile" },
    Known {
        code: "SubscriptionNotFound",
        says: None,
        means: "there is no such subscription",
        todo: "check `subscription` in the lab's profile",
    },
    Known { code: "InvalidAuthenticationToken", says: None, means: "Azure does not accept the sign-in", todo: "sign in again" },
    Known {
        code: "InvalidAuthenticationTokenTenant",
        says: None,
        means: "the subscription belongs to another tenant",
        todo: "check `tenant` and `subscription` in the lab's profile",
    },
    Known { code: "ExpiredAuthenticationToken", says: None, means: "the sign-in has expired", todo: "sign in again" },
    Known { code: "AuthenticationFailed", says: None, means: "Azure does not accept the sign-in", todo: "sign in again" },
    Known {
        code: "RequestDisallowedByPolicy",
        says: None,
        means: "a policy of the subscription forbids it",
        todo: "ask whoever keeps the subscription's policies; changes in Azure also ask for multifactor authentication",
    },
];

/// Why there is no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AzureError {
    /// There is no token for it.
    #[error("cannot {what}: {why}")]
    SignIn {
        /// What was asked for.
        what: String,
        /// Why there is none.
        why: SignInError,
    },
    /// No reply came.
    #[error("cannot {what}: {why}")]
    Http {
        /// What was asked for.
        what: String,
        /// Why no reply came.
        why: HttpError,
    },
    /// Resource Manager refused or failed.
    #[error("{0}")]
    Refused(Box<ArmRefusal>),
    /// The reply is not JSON.
    #[error("cannot {what}: something other than Azure answered ({status}, no JSON)")]
    NotJson {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
    },
    /// The reply is not what it should be.
    #[error("cannot {what}: the answer was not understood: {why}")]
    NotUnderstood {
        /// What was asked for.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// An address in the reply points to another host; it was not followed.
    #[error("cannot {what}: its answer points to `{host}`, which is not followed")]
    Elsewhere {
        /// What was asked for.
        what: String,
        /// Where it points.
        host: String,
    },
    /// A name that no address can hold; nothing was sent.
    #[error("`{name}` is no name of anything in Azure")]
    BadName {
        /// The name.
        name: String,
    },
    /// More than can be meant.
    #[error("cannot {what}: there are more than {most}")]
    TooMany {
        /// What was asked for.
        what: String,
        /// The limit.
        most: usize,
    },
    /// A script that run command does not take; nothing was sent.
    #[error("the script is {bytes} bytes long, and {most} is the most that can be sent")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The operation was accepted, and ended without success.
    #[error("cannot {what}: it ended as {status}{}", detail(code.as_deref(), message.as_deref()))]
    Failed {
        /// What was asked for.
        what: String,
        /// `Failed`, `Canceled`, …
        status: String,
        /// The code, if any.
        code: Option<String>,
        /// The message, if any.
        message: Option<String>,
    },
    /// It was accepted, and then there was no looking at it: whatever the reason says, it may have been done.
    #[error("{why} (Azure had accepted it)")]
    Unwatched {
        /// Why it could not be looked at.
        why: Box<AzureError>,
    },
    /// The operation had not ended when the time was over.
    #[error("cannot {what}: it was still running after {} s", after.as_secs())]
    StillRunning {
        /// What was asked for.
        what: String,
        /// How long was waited.
        after: Duration,
    },
}

fn detail(code: Option<&str>, message: Option<&str>) -> String {
    let words: Vec<_> = [code, message].into_iter().flatten().collect();
    if words.is_empty() { String::new() } else { format!(": {}", words.join(": ")) }
}

impl AzureError {
    /// The status, if Azure answered with one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::NotJson { status, .. } => Some(*status),
            Self::Unwatched { why } => why.status(),
            Self::SignIn { .. }
            | Self::Http { .. }
            | Self::NotUnderstood { .. }
            | Self::Elsewhere { .. }
            | Self::BadName { .. }
            | Self::TooMany { .. }
            | Self::TooLong { .. }
            | Self::Failed { .. }
            | Self::StillRunning { .. } => None,
        }
    }

    /// Azure's own code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            Self::Failed { code, .. } => code.as_deref(),
            Self::Unwatched { why } => why.code(),
            Self::SignIn { .. }
            | Self::Http { .. }
            | Self::NotJson { .. }
            | Self::NotUnderstood { .. }
            | Self::Elsewhere { .. }
            | Self::BadName { .. }
            | Self::TooMany { .. }
            | Self::TooLong { .. }
            | Self::StillRunning { .. } => None,
        }
    }

    /// Whether it is sure that nothing was changed.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        match self {
            Self::SignIn { .. } | Self::BadName { .. } | Self::TooLong { .. } => true,
            Self::Http { why, .. } => !why.sent(),
            Self::Refused(refusal) => (400..500).contains(&refusal.status),
            Self::NotJson { .. }
            | Self::NotUnderstood { .. }
            | Self::Elsewhere { .. }
            | Self::TooMany { .. }
            | Self::Failed { .. }
            | Self::Unwatched { .. }
            | Self::StillRunning { .. } => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::SignIn { why, .. } => why.hint(),
            Self::Http { why, .. } => why.hint(),
            Self::Refused(refusal) => refusal.known().map(|known| known.todo),
            Self::Unwatched { why } => why.hint(),
            Self::NotJson { .. } | Self::NotUnderstood { .. } => Some("check `base` under `[azure]` in the lab's profile"),
            Self::BadName { .. } => Some("check the names under `[azure]` in the lab's profile"),
            Self::StillRunning { .. } => Some("a script cannot be called back; look again in some minutes"),
            Self::Elsewhere { .. } | Self::TooMany { .. } | Self::TooLong { .. } | Self::Failed { .. } => None,
        }
    }
}

impl From<AzureError> for Problem {
    fn from(error: AzureError) -> Self {
        let problem = Self::unknown(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}
