//! Why a sign-in or a Graph request failed, in words. Server text in here is clean and short.

use super::aadsts;
use crate::base::http::HttpError;
use crate::base::{Problem, text};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// What helps where an application may not.
pub const AS_A_PERSON: &str = "sign in as a person: in a lab whose `way` is `browser`, `paste` or `device`";

/// Why nobody is signed in, or no token was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Nobody has signed in yet, or signed out.
    #[error("you are not signed in")]
    SignedOut,
    /// The sign-in service refused, in its own words.
    #[error("sign-in was refused: {}", refused_words(error, message, codes))]
    Refused {
        /// The OAuth error (`invalid_grant`, `access_denied`, …).
        error: String,
        /// The service's first line, such as `AADSTS65001: …`.
        message: String,
        /// The numbers of `error_codes`, for a hint only.
        codes: Box<[u32]>,
        /// The service's trace id.
        trace_id: Option<String>,
        /// What the service wants the next sign-in to ask for.
        claims: Option<Box<Value>>,
    },
    /// The code was not entered in time, or the service ended it sooner.
    #[error("the code was not entered in time, or is not valid any more")]
    CodeExpired,
    /// The sign-in service is busy or failing; the same request may work later.
    #[error("the sign-in service cannot answer now: {status}")]
    Busy {
        /// The status.
        status: u16,
        /// What its `Retry-After` says.
        retry_after: Option<Duration>,
    },
    /// The answer is not what a sign-in service sends.
    #[error("the sign-in service's answer was not understood: {what}")]
    NotUnderstood {
        /// What is missing or wrong.
        what: String,
    },
    /// Somebody else signed in than before.
    #[error("another account signed in than the one that reads")]
    OtherAccount,
    /// Graph does not accept a token that was just given.
    #[error("Microsoft Graph does not accept the sign-in: {message}")]
    NotAccepted {
        /// Graph's message.
        message: String,
    },
    /// No port on this machine could be opened for the browser's answer.
    #[error("no port on this machine can be opened for the browser's answer: {why}")]
    NoLoopback {
        /// The system's words.
        why: String,
    },
    /// The browser did not come back.
    #[error("the browser did not come back within {} minutes", after.as_secs() / 60)]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// The certificate is not good at this machine's time; nothing was sent.
    #[error("the certificate is good from {from:.0} until {until:.0} only, and this machine says that it is another time")]
    CertificateNotGood {
        /// Its first moment.
        from: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// An application is signed in, and this is for a person.
    #[error("this lab signs in as an application, and a change is a person's")]
    PersonNeeded,
    /// The system gives no random numbers.
    #[error("this system gives no random numbers: {why}")]
    NoRandom {
        /// The system's words.
        why: String,
    },
    /// The sign-in service could not be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl SignInError {
    /// Whether only a person can help, by signing in; else the same call may work later.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::SignedOut
            | Self::Refused { .. }
            | Self::OtherAccount
            | Self::NotAccepted { .. }
            | Self::NoAnswer { .. }
            | Self::CertificateNotGood { .. }
            | Self::PersonNeeded
            | Self::CodeExpired => true,
            Self::Busy { .. } | Self::NotUnderstood { .. } | Self::NoLoopback { .. } | Self::NoRandom { .. } | Self::Http(_) => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { error, codes, .. } => Some(refused_hint(error, codes)),
            Self::SignedOut | Self::NotAccepted { .. } | Self::NoAnswer { .. } => Some("sign in"),
            Self::CodeExpired => Some("sign in again with a new code; if that one ends at once too, sign in by `browser` or `paste`"),
            Self::OtherAccount => {
                Some("sign in with the same account, or sign out first; what the other account consented to stays in the tenant")
            }
            Self::Busy { .. } => Some("wait a moment and try again"),
            Self::NotUnderstood { .. } => Some("check `authority` and `tenant` in the lab's profile"),
            Self::NoLoopback { .. } => Some("check whether a security program forbids listening on 127.0.0.1"),
            Self::CertificateNotGood { .. } => {
                Some("make a new certificate and register it at the application, or set this machine's clock")
            }
            Self::PersonNeeded => Some(AS_A_PERSON),
            Self::NoRandom { .. } => None,
            Self::Http(error) => error.hint(),
        }
    }
}

/// Plain words first, then the service's own.
fn refused_words(error: &str, message: &str, codes: &[u32]) -> String {
    let own = if message.is_empty() { error.to_owned() } else { format!("{error}: {message}") };
    aadsts::meaning(codes).map_or(own.clone(), |known| format!("{} ({own})", known.means))
}

fn refused_hint(error: &str, codes: &[u32]) -> &'static str {
    match (aadsts::meaning(codes), error) {
        (Some(known), _) => known.todo,
        // Entra's word and that of RFC 8628.
        (None, "access_denied" | "authorization_declined") => "start the sign-in again and accept in the browser",
        // RFC 6749 5.2: the service does not know the application, or does not let it sign people in this way.
        (None, "invalid_client" | "unauthorized_client") => "check `client_id` and `tenant` in the lab's profile",
        (None, _) => "sign in again",
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        let problem = Self::unknown(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// Graph's own words when it refuses or fails; all of them clean text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub what: String,
    /// The status.
    pub status: u16,
    /// Graph's code, such as `Authorization_RequestDenied`.
    pub code: String,
    /// Graph's message.
    pub message: String,
    /// Graph's id of the request; `None` when it sent none.
    pub request_id: Option<String>,
    /// Our id of the request.
    pub client_request_id: String,
    /// How long Graph asks to wait.
    pub retry_after: Option<Duration>,
    /// On 401, what Graph wants the next token to say.
    pub challenge: Option<Value>,
    /// On 403, the permissions that were asked for at sign-in, one of which this needs.
    pub needs: Vec<String>,
    /// Whether an application asked, which has permissions of its own and no roles.
    pub app: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, status, code, message, .. } = self;
        write!(f, "cannot {what}: {status} {code}: {message}")?;
        match &self.request_id {
            Some(id) => write!(f, " (request-id `{id}`)"),
            None => write!(f, " (client-request-id `{}`)", self.client_request_id),
        }
    }
}

/// Why Graph gave no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// There is no token for it.
    #[error("cannot {what}: {why}")]
    SignIn {
        /// `read /v1.0/users`, …
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
    /// Graph refused or failed.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The reply is not JSON: something other than Graph answered.
    #[error("cannot {what}: {status}, and the reply is not Graph's but {kind}: {excerpt}")]
    NotJson {
        /// What was asked for.
        what: String,
        /// The status.
        status: u16,
        /// What `content-type` says.
        kind: String,
        /// The reply's first words.
        excerpt: String,
    },
    /// The reply is JSON, but not of the shape that Graph sends.
    #[error("cannot {what}: the reply is not understood: {why}")]
    NotUnderstood {
        /// What was asked for.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The list does not end.
    #[error("cannot {what}: the list is longer than {items} items or {pages} pages")]
    TooMany {
        /// What was asked for.
        what: String,
        /// The most items.
        items: usize,
        /// The most pages.
        pages: usize,
    },
    /// A page of the list points to another host; it was not asked.
    #[error("cannot {what}: the next page is on another host, `{host}`")]
    Elsewhere {
        /// What was asked for.
        what: String,
        /// That host, cleaned.
        host: String,
    },
    /// The path is not one of Graph's, or holds `..`, `?` or `$batch`; nothing was sent.
    #[error("`{path}` is not a path of Microsoft Graph")]
    BadPath {
        /// The path.
        path: String,
    },
}

impl GraphError {
    /// After a write: whether it is sure that nothing was changed. `false` means that only looking can tell.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        match self {
            Self::SignIn { .. } | Self::BadPath { .. } => true,
            Self::Http { why, .. } => !why.sent() || matches!(why, HttpError::Redirected { .. }),
            Self::Refused(refusal) => is_refusal(refusal.status) || (refusal.status == 503 && refusal.retry_after.is_some()),
            Self::NotJson { status, .. } => is_refusal(*status),
            Self::NotUnderstood { .. } | Self::TooMany { .. } | Self::Elsewhere { .. } => false,
        }
    }

    /// The status, if a reply came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::NotJson { status, .. } => Some(*status),
            Self::SignIn { .. }
            | Self::Http { .. }
            | Self::NotUnderstood { .. }
            | Self::TooMany { .. }
            | Self::Elsewhere { .. }
            | Self::BadPath { .. } => None,
        }
    }

    /// Whether Graph says that what was to be made is there already.
    ///
    /// By code where there is one of its own, else by message: today's duplicate role assignment is a plain
    /// `Request_BadRequest` (`facts/wire.md` 10).
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        let Self::Refused(refusal) = self else { return false };
        let Refusal { code, message, .. } = &**refusal;
        matches!(code.as_str(), "Request_MultipleObjectsWithSameKeyValue" | "RoleAssignmentExists")
            || message.contains("A conflicting object with one or more of the specified property values is present")
            || message.contains("Role assignment already exists")
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SignIn { why, .. } => why.hint().map(str::to_owned),
            Self::Http { why, .. } => why.hint().map(str::to_owned),
            Self::Refused(refusal) if refusal.status == 403 && refusal.app => Some(app_hint(&refusal.needs)),
            Self::Refused(refusal) => status_hint(refusal.status, &refusal.needs),
            Self::NotJson { .. } | Self::NotUnderstood { .. } => {
                Some("check `[graph] base`: something else, such as a proxy, answered".to_owned())
            }
            Self::TooMany { .. } => Some("narrow the query".to_owned()),
            Self::Elsewhere { .. } => Some("check `[graph] base` in the lab's profile".to_owned()),
            Self::BadPath { .. } => None,
        }
    }
}

impl From<GraphError> for Problem {
    fn from(error: GraphError) -> Self {
        let text = error.to_string();
        let problem = if error.status().is_some_and(is_refusal) { Self::new(text) } else { Self::unknown(text) };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// A status by which the server says that it did not do it. 408 is none: a proxy may send it after passing the request on.
fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && status != 408
}

/// An application has no consent of a person, and needs no role.
fn app_hint(needs: &[String]) -> String {
    let needs = needs.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(", ");
    format!("an administrator must give the application the application permission for it, one of {needs}; or {AS_A_PERSON}")
}

fn status_hint(status: u16, needs: &[String]) -> Option<String> {
    let hint = match status {
        401 => "sign in again".to_owned(),
        403 if needs.is_empty() => "sign in with a role that may do this, for example Global Reader to read".to_owned(),
        403 => format!(
            "the signed-in account needs a role that may do this, for example Global Reader to read, and consent to {}",
            needs.iter().map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(", ")
        ),
        404 => "it may not exist yet: what was made a moment ago can take minutes to show".to_owned(),
        429 => "Graph asks to slow down; wait a minute".to_owned(),
        500.. => "this is Graph's own trouble; try again in a few minutes".to_owned(),
        _ => return None,
    };
    Some(hint)
}

/// The first line of an `error_description`; the others are trace id, correlation id and time.
pub(super) fn first_line(description: &str) -> String {
    text::short(description.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), 300)
}
