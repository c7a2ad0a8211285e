//! Why rights were not granted or taken back, as sentences with hints.

use crate::base::{Problem, text};
use crate::rights::BadDescriptor;
use crate::rights::delegation::Full;
use crate::services::directory::DirectoryError;

/// Why rights were not granted or taken back, or why that is not sure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The directory refused or did not answer.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// There is no such object.
    #[error("there is no object `{}`", text::line(dn))]
    NotThere {
        /// Its name.
        dn: String,
    },
    /// The object's access list is not shown to the account.
    #[error("the access list of `{}` is not shown to this account", text::line(dn))]
    Hidden {
        /// The object's name.
        dn: String,
    },
    /// What came as its descriptor is none.
    #[error("the access list of `{}` cannot be read: {why}", text::line(dn))]
    Unreadable {
        /// The object's name.
        dn: String,
        /// What is wrong with it.
        why: BadDescriptor,
    },
    /// It has no access list at all; nothing was written.
    #[error(
        "`{}` has no access list: everybody may do everything with it, and a list with new entries would take all that away",
        text::line(dn)
    )]
    NoList {
        /// The object's name.
        dn: String,
    },
    /// There is no room for more entries; nothing was written.
    #[error("`{}` has no room for more entries: {why}", text::line(dn))]
    Full {
        /// The object's name.
        dn: String,
        /// How large the list would be.
        why: Full,
    },
    /// Somebody changed the list since the plan was made; nothing was written.
    #[error(
        "the access list of `{}` has changed since the plan was made; nothing was written. What changed:\n{difference}",
        text::line(dn)
    )]
    Changed {
        /// The object's name.
        dn: String,
        /// What changed, in SDDL.
        difference: String,
    },
    /// Written, but it could not be read again.
    #[error("the access list of `{}` was written, but could not be read again: {why}", text::line(dn))]
    Unverified {
        /// The object's name.
        dn: String,
        /// Why not.
        why: Box<GrantError>,
    },
    /// Written, but the list is not what was written.
    #[error("the access list of `{}` was written, but does not hold what was written: {}", text::line(dn), entries.join(" "))]
    NotKept {
        /// The object's name.
        dn: String,
        /// The entries that are missing, or still there, in SDDL.
        entries: Vec<String>,
    },
}

impl GrantError {
    /// Whether it is certain that nothing was changed.
    #[must_use]
    pub fn outcome_known(&self) -> bool {
        match self {
            Self::Directory(error) => error.outcome_known(),
            Self::NotThere { .. }
            | Self::Hidden { .. }
            | Self::Unreadable { .. }
            | Self::NoList { .. }
            | Self::Full { .. }
            | Self::Changed { .. } => true,
            Self::Unverified { .. } | Self::NotKept { .. } => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Directory(error) => error.hint(),
            Self::NotThere { .. } => "check the name, and that the account that signs in may see the object",
            Self::Hidden { .. } => "sign in with an account that may read permissions there, for example a member of Domain Admins",
            Self::Unreadable { .. } => "look at the object's security with Windows' own tools; nothing was changed",
            Self::NoList { .. } => "restore the object's permissions first, for example with `dsacls <object> /S`",
            Self::Full { .. } => "remove entries that nobody needs, for example those of deleted accounts",
            Self::Changed { .. } => "make the plan again and look at it",
            Self::Unverified { .. } => "look again before it is repeated; what was written may be there",
            Self::NotKept { .. } => "somebody may have written at the same time; look at the list and make the plan again",
        }
    }
}

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        let (what, hint) = (error.to_string(), error.hint());
        let problem = match error {
            GrantError::Directory(error) => return error.into(),
            GrantError::Unverified { .. } | GrantError::Hidden { .. } | GrantError::Unreadable { .. } => Self::unknown(what),
            GrantError::NotThere { .. }
            | GrantError::NoList { .. }
            | GrantError::Full { .. }
            | GrantError::Changed { .. }
            | GrantError::NotKept { .. } => Self::new(what),
        };
        problem.hint(hint)
    }
}
