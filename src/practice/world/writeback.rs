//! Passwords on their way from the cloud to the domain: who asked, how far each has come, and what it came to. Not what moves them, nor what the
//! domain says. The passwords themselves are in memory only: a message whose process died in between is lost, and its sender told so in the end.

use super::{APP1, Audit, Party, World, later};
use crate::base::Secret;
use crate::practice::chance;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// More than wait at once; the relay takes no more.
pub(in crate::practice) const MOST_WAITING: usize = 64;
/// From the cloud to APP1.
const ARRIVES: SignedDuration = SignedDuration::from_secs(2);
/// From one hop to the next.
const HOP: SignedDuration = SignedDuration::from_millis(400);
/// A message that nobody took is given up. "Minutes", says Microsoft (MIR concept-sspr-writeback.md), and no figure: this one is the lab's.
const EXPIRES: SignedDuration = SignedDuration::from_secs(90);

/// Who wants the password set, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Trip {
    /// An administrator's reset, which has to be changed at the next sign-in.
    Admin,
    /// A person's own reset, at aka.ms/sspr.
    Own,
    /// A person's change from the old to a new one.
    Change,
}

impl Trip {
    /// Start, success and failure, by their numbers in APP1's log (`facts/domain.md` 3.7).
    pub(in crate::practice) fn events(self) -> [u32; 3] {
        match self {
            Self::Admin => [31_009, 31_010, 31_011],
            Self::Own => [31_001, 31_002, 31_003],
            Self::Change => [31_006, 31_007, 31_008],
        }
    }

    /// `activityDisplayName` of the audit record.
    pub(in crate::practice) fn activity(self) -> &'static str {
        match self {
            Self::Admin => "Reset password (by admin)",
            Self::Own => "Reset password (self-service)",
            Self::Change => "Change password (self-service)",
        }
    }
}

/// Why a password was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Setback {
    /// The domain, or something on the way to it, does not answer.
    #[error("ADUnKnownError: the on-premises domain could not do it.")]
    Unknown,
    /// APP1's clock is too far from the domain's for Kerberos.
    #[error("ADUnKnownError: the on-premises domain did not let Entra Connect sign in.")]
    Clock,
    /// No such account in the domain.
    #[error("ADUserNotFoundError: the account was not found on-premises.")]
    NotFound,
    /// The connector account may not.
    #[error(
        "OnPremisesAdminActionRequired (SSPR_0029): the connector account may not reset this password on-premises, or the account is protected there."
    )]
    Permissions,
    /// The account is disabled there.
    #[error("ADUserAccountDisabled: the account is disabled on-premises.")]
    Disabled,
    /// The account is locked there.
    #[error("ADUserAccountLockedOut: the account is locked on-premises.")]
    Locked,
    /// The old password is another one there.
    #[error("ADUserIncorrectPassword: the old password is not the on-premises one.")]
    WrongOld,
    /// The policy of the domain.
    #[error("ADPasswordPolicyError: the password does not meet the on-premises policy: its length, complexity, age or history.")]
    Policy,
    /// There is no connector account.
    #[error("ADConfigurationError: the connection to the on-premises domain is not configured.")]
    Configuration,
    /// Nobody took the message, or nobody answered.
    #[error("OnPremisesConnectivityError (SSPR_0030): Entra Connect did not answer.")]
    Unreachable,
    /// No agent was ever registered, or it was taken back.
    #[error("WritebackNotEnabled (SSPR_0010): password writeback is not switched on.")]
    NotEnabled,
    /// The account is gone in the cloud by now.
    #[error("OnPremisesSuccessCloudFailure: the password was set on-premises, and not in the cloud.")]
    CloudFailure,
}

impl Setback {
    /// The event that says so on APP1; `None` for what APP1 does not learn.
    pub(in crate::practice) fn event(self) -> Option<u32> {
        match self {
            Self::Unknown | Self::Clock => Some(33_001),
            Self::NotFound => Some(33_002),
            Self::Permissions => Some(33_004),
            Self::Disabled => Some(33_005),
            Self::Locked => Some(33_006),
            Self::WrongOld => Some(33_007),
            Self::Policy => Some(33_008),
            Self::Configuration => Some(33_009),
            Self::Unreachable | Self::NotEnabled | Self::CloudFailure => None,
        }
    }

    /// What the synchronisation engine writes beside it, under 6329 (`facts/domain.md` 3.7, 6 D02).
    pub(in crate::practice) fn engine(self) -> Option<&'static str> {
        match self {
            Self::Clock => Some("hr=80070576, message=There is a time and/or date difference between the client and server."),
            Self::Permissions => Some("hr=80070005, message=Access is denied."),
            Self::Policy => {
                Some("hr=80230619, message=A restriction prevents the password from being changed to the current one specified.")
            }
            Self::Unknown
            | Self::NotFound
            | Self::Disabled
            | Self::Locked
            | Self::WrongOld
            | Self::Configuration
            | Self::Unreachable
            | Self::NotEnabled
            | Self::CloudFailure => None,
        }
    }
}

/// How far a message has come, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Stage {
    /// In the relay.
    Sent,
    /// APP1 has it.
    Received(Timestamp),
    /// The domain was asked; `None` is a success.
    Written(Timestamp, Option<Setback>),
    /// APP1 has written it down, and answers.
    Confirmed(Timestamp, Option<Setback>),
}

/// A password on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Message {
    /// Its tracking id.
    pub(in crate::practice) id: String,
    /// What is wanted.
    pub(in crate::practice) trip: Trip,
    /// Whose password: an account of the tenant.
    pub(in crate::practice) to: Party,
    /// Who asked.
    pub(in crate::practice) by: Party,
    /// When.
    pub(in crate::practice) asked: Timestamp,
    /// How far it is.
    pub(in crate::practice) stage: Stage,
}

impl Message {
    /// The audit record of what came of it; `agent` is whether Entra Connect had a part in it.
    pub(in crate::practice) fn audit(&self, setback: Option<Setback>, agent: bool, at: Timestamp) -> Audit {
        let name = if agent { "Microsoft Entra Connect" } else { "None" };
        Audit {
            id: format!("SSPR_{}", chance::guid_of(&format!("audit {}", self.id))),
            at,
            activity: self.trip.activity().to_owned(),
            category: "UserManagement".to_owned(),
            service: "Self-service Password Management".to_owned(),
            by: self.by.clone(),
            to: vec![self.to.clone()],
            failed: setback.map(|setback| setback.to_string()),
            details: vec![("OnPremisesAgent".to_owned(), name.to_owned())],
        }
    }
}

/// What a message carries that is never stored.
#[derive(Clone)]
pub(in crate::practice) struct Letter {
    /// The new password.
    pub(in crate::practice) new: Secret,
    /// Hash of the old one, of a change.
    pub(in crate::practice) old: Option<String>,
}

/// All that is on its way.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::practice) struct Writeback {
    /// Oldest first, at most [`MOST_WAITING`].
    pub(in crate::practice) messages: Vec<Message>,
    /// By the message's id; in the memory of this process only.
    #[serde(skip)]
    letters: HashMap<String, Letter>,
    /// What a person types next; in the memory of this process only.
    #[serde(skip)]
    pub(in crate::practice) typed: Option<Secret>,
}

impl std::fmt::Debug for Writeback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writeback").field("messages", &self.messages).finish_non_exhaustive()
    }
}

/// What happens next to a message, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Next {
    /// The next hop.
    Hop(Timestamp),
    /// It is given up.
    Expiry(Timestamp),
}

impl Next {
    /// When.
    pub(in crate::practice) fn at(self) -> Timestamp {
        match self {
            Self::Hop(at) | Self::Expiry(at) => at,
        }
    }
}

impl Writeback {
    /// Whether the relay takes another message.
    pub(in crate::practice) fn has_room(&self) -> bool {
        self.messages.len() < MOST_WAITING
    }

    /// Sends a message; whoever asks has made sure that there is room.
    pub(in crate::practice) fn send(&mut self, message: Message, letter: Letter) {
        self.letters.insert(message.id.clone(), letter);
        self.messages.push(message);
    }

    /// What a message carries; `None` when the process that sent it is gone.
    pub(in crate::practice) fn letter(&self, id: &str) -> Option<&Letter> {
        self.letters.get(id)
    }

    /// Moves a message on.
    pub(in crate::practice) fn move_on(&mut self, id: &str, to: Stage) {
        if let Some(message) = self.messages.iter_mut().find(|one| one.id == id) {
            message.stage = to;
        }
    }

    /// Takes a message and what it carries out, for good.
    pub(in crate::practice) fn end(&mut self, id: &str) -> Option<(Message, Option<Letter>)> {
        let at = self.messages.iter().position(|one| one.id == id)?;
        let letter = self.letters.remove(id);
        Some((self.messages.remove(at), letter))
    }
}

impl World {
    /// Whether the cloud knows an agent that takes passwords. That it does not listen right now is only learnt by sending.
    pub(in crate::practice) fn is_writeback_on(&self) -> bool {
        self.connect.is_installed() && self.connect.writeback
    }

    /// What is due by `now` first, and of which message.
    pub(in crate::practice) fn next_of_writeback(&self, now: Timestamp) -> Option<(String, Next)> {
        let due = self.writeback.messages.iter().map(|message| (message.id.clone(), self.next_of(message, now)));
        due.filter(|(_, next)| next.at() <= now).min_by_key(|(_, next)| next.at())
    }

    fn next_of(&self, message: &Message, now: Timestamp) -> Next {
        let works = |at| self.connect.running && self.azure.runs(APP1, at);
        let (due, goes) = match message.stage {
            Stage::Sent => {
                let due = later(message.asked, ARRIVES);
                // What nobody waited for is taken as soon as somebody does.
                let taken = if self.is_listening(due) { due } else { now.max(due) };
                (taken, self.is_listening(taken))
            }
            Stage::Received(at) | Stage::Written(at, _) => (later(at, HOP), works(later(at, HOP))),
            Stage::Confirmed(at, _) => (later(at, HOP), self.is_listening(later(at, HOP))),
        };
        let expires = later(message.asked, EXPIRES);
        let whole = self.writeback.letter(&message.id).is_some();
        if goes && whole && due < expires { Next::Hop(due) } else { Next::Expiry(expires.max(message.stage.since().unwrap_or(expires))) }
    }
}

impl Stage {
    fn since(self) -> Option<Timestamp> {
        match self {
            Self::Sent => None,
            Self::Received(at) | Self::Written(at, _) | Self::Confirmed(at, _) => Some(at),
        }
    }
}
