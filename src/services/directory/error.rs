//! Why the directory gave no answer or refused, as sentences with hints. What a result code means is the table in `refusal`.

use crate::base::{Problem, http::NoWay};
use crate::services::host::script::HostError;
use std::time::Duration;

/// Why a server's certificate was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Signed by an authority that is not trusted here.
    UnknownAuthority,
    /// Past its last day.
    Expired,
    /// Before its first day.
    NotYetValid,
    /// Made out to other names.
    OtherName,
    /// Something else, in plain words, cleaned.
    Other(String),
}

/// Why there is no answer, or not the one that was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The profile's address, name, certificate file or a search is wrong; nothing was sent.
    #[error("{what}")]
    Setting {
        /// What is wrong.
        what: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// An empty password, which a server may take for "anybody" (RFC 4513 5.1.2); nothing was sent.
    #[error("the password of `{name}` is empty; it was not sent, because a server may take it for an anonymous sign-in")]
    EmptyPassword {
        /// Whose.
        name: String,
    },
    /// No connection was made; nothing was sent.
    #[error("cannot connect to `{host}`: {why}")]
    NoConnection {
        /// The host and port.
        host: String,
        /// Why.
        why: NoWay,
    },
    /// The certificate was not accepted, or no TLS connection came about; nothing but the greeting was sent.
    #[error("cannot trust `{host}`: {}", distrust(why))]
    Tls {
        /// The host and port.
        host: String,
        /// Why.
        why: Trust,
    },
    /// The server does not offer what keeps the connection secret; nothing secret was sent.
    #[error("`{host}` refused to protect the connection (StartTLS): {said}")]
    NoProtection {
        /// The host and port.
        host: String,
        /// In the server's words, cleaned.
        said: String,
    },
    /// No answer, or not all of it, within the time.
    #[error("`{host}` did not answer during {doing} within {}", seconds(*after))]
    TimedOut {
        /// The host and port.
        host: String,
        /// What was wanted, as a noun: `the sign-in of …`.
        doing: String,
        /// The limit.
        after: Duration,
        /// Whether a change may have been made all the same.
        in_doubt: bool,
    },
    /// The connection ended before the answer did.
    #[error("the connection to `{host}` was cut during {doing}: {why}")]
    Cut {
        /// The host and port.
        host: String,
        /// What was wanted, as a noun.
        doing: String,
        /// In the system's words, cleaned.
        why: String,
        /// Whether a change may have been made all the same.
        in_doubt: bool,
    },
    /// The answer is no LDAP, or breaks a limit.
    #[error("the answer of `{host}` during {doing} cannot be read: {why}")]
    Malformed {
        /// The host and port.
        host: String,
        /// What was wanted, as a noun.
        doing: String,
        /// What is wrong with it.
        why: String,
        /// Whether a change may have been made all the same.
        in_doubt: bool,
    },
    /// There are more entries than were asked for.
    #[error("the search below `{base}` finds more than {limit} entries")]
    TooMany {
        /// Where it started.
        base: String,
        /// The limit.
        limit: u64,
    },
    /// The permissions are not those any more that the change was planned for; nothing was changed.
    #[error("the permissions of `{dn}` have changed since the plan was made; nothing was written")]
    Changed {
        /// Whose.
        dn: String,
    },
    /// The script that should have asked gave no answer.
    #[error("{error}")]
    Script {
        /// Why.
        error: HostError,
        /// Whether a change may have been made all the same.
        in_doubt: bool,
    },
    /// The object is held elsewhere; that is not followed.
    #[error("`{host}` points to `{to}` during {doing}, which is not followed")]
    Referral {
        /// The host and port.
        host: String,
        /// What was wanted, as a noun.
        doing: String,
        /// Where it points, cleaned.
        to: String,
    },
    /// The server looked and said no; nothing was changed.
    #[error("`{host}` refused {doing}: {means} ({code}{})", data.map(|data| format!(", data {data:x}")).unwrap_or_default())]
    Refused {
        /// The host and port.
        host: String,
        /// What was wanted, as a noun.
        doing: String,
        /// LDAP's result code (RFC 4511 A).
        code: u32,
        /// The Windows error code in the answer, if any.
        data: Option<u32>,
        /// What it means.
        means: &'static str,
        /// What to do about it.
        hint: &'static str,
        /// In the server's words, cleaned.
        said: String,
    },
}

/// Why a certificate is not trusted, as the end of a sentence.
pub(crate) fn distrust(why: &Trust) -> &str {
    match why {
        Trust::UnknownAuthority => "its certificate comes from an authority that is not trusted here",
        Trust::Expired => "its certificate has expired",
        Trust::NotYetValid => "its certificate is not valid yet",
        Trust::OtherName => "its certificate is made out to other names",
        Trust::Other(why) => why,
    }
}

fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) { format!("{} ms", time.as_millis()) } else { format!("{} s", time.as_secs()) }
}

impl DirectoryError {
    /// Whether it is certain that nothing was changed; `false` when a change was sent and its answer is missing.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        match self {
            Self::Setting { .. }
            | Self::EmptyPassword { .. }
            | Self::NoConnection { .. }
            | Self::Tls { .. }
            | Self::NoProtection { .. }
            | Self::TooMany { .. }
            | Self::Changed { .. }
            | Self::Referral { .. }
            | Self::Refused { .. } => true,
            Self::Script { in_doubt, .. }
            | Self::TimedOut { in_doubt, .. }
            | Self::Cut { in_doubt, .. }
            | Self::Malformed { in_doubt, .. } => !in_doubt,
        }
    }

    /// LDAP's result code; `None` when the server did not answer.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::Referral { .. } => Some(10),
            Self::Setting { .. }
            | Self::EmptyPassword { .. }
            | Self::NoConnection { .. }
            | Self::Tls { .. }
            | Self::NoProtection { .. }
            | Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::Malformed { .. }
            | Self::Changed { .. }
            | Self::Script { .. }
            | Self::TooMany { .. } => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Setting { hint, .. } | Self::Refused { hint, .. } => hint,
            Self::EmptyPassword { .. } => "store the account's password, or sign in again",
            Self::NoConnection { why, .. } => match why {
                NoWay::NameNotFound => "check the host in the lab's profile, and that this machine asks the domain's DNS",
                NoWay::Refused => "check the port (636 for ldaps, 389 for StartTLS), and that the domain controller runs",
                NoWay::Unreachable | NoWay::Proxy | NoWay::Other(_) => "check this machine's network and VPN, and the firewall in between",
            },
            Self::Tls { why, .. } => match why {
                Trust::UnknownAuthority => "give the domain's certificate authority as `ca_file` under `[domain]` in the lab's profile",
                Trust::Expired => "renew the domain controller's certificate; and check this machine's date",
                Trust::NotYetValid => "check this machine's date, and the domain controller's",
                Trust::OtherName => "use a name that the certificate holds, usually the domain controller's full name",
                Trust::Other(_) => "check that the domain controller has a server certificate and speaks TLS 1.2 or newer",
            },
            Self::NoProtection { .. } => "give the domain controller a certificate, or use an `ldaps://` address",
            Self::TimedOut { in_doubt: true, .. }
            | Self::Cut { in_doubt: true, .. }
            | Self::Malformed { in_doubt: true, .. }
            | Self::Script { in_doubt: true, .. } => "the change may have been made; look again before it is repeated",
            Self::TimedOut { .. } | Self::Cut { .. } => "check the network and the domain controller's load, and try again",
            Self::Malformed { .. } => "something other than a domain controller may have answered; check host and port",
            Self::Changed { .. } => "make the plan again, and look at what it shows now",
            Self::Script { error, .. } => error.hint(),
            Self::TooMany { .. } => "narrow the search, or start it lower in the tree",
            Self::Referral { .. } => "use the domain controller that holds this domain",
        }
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        let what = error.to_string();
        let problem = match &error {
            DirectoryError::Setting { .. } => Self::usage(what),
            DirectoryError::Refused { .. }
            | DirectoryError::EmptyPassword { .. }
            | DirectoryError::NoProtection { .. }
            | DirectoryError::Changed { .. } => Self::new(what),
            DirectoryError::NoConnection { .. }
            | DirectoryError::Tls { .. }
            | DirectoryError::TimedOut { .. }
            | DirectoryError::Cut { .. }
            | DirectoryError::Malformed { .. }
            | DirectoryError::TooMany { .. }
            | DirectoryError::Script { .. }
            | DirectoryError::Referral { .. } => Self::unknown(what),
        };
        problem.hint(error.hint())
    }
}
