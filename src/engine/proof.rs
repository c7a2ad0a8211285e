//! The round trip: one password that travels from the tenant into the domain, hop by hop, and what the journal keeps of it. Not for how the
//! systems are reached, nor for which step of a guide it proves.

mod cause;
pub mod live;
pub mod look;
mod password;
pub mod plan;
pub mod road;
pub mod seen;
#[cfg(test)]
mod table;
pub mod travel;

use super::check::Verdict;
use crate::guide::step::TripBy;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The password among a user's authentication methods: the same id for everybody (`facts/domain.md` 2.8).
const PASSWORD_METHOD: &str = "28c10230-6103-485e-b985-444c60001490";
/// The place of a trip among what a line of the journal captured.
pub const CAPTURED: &str = "trip";

/// Where the reset of this user is sent. The id is a GUID; anything else is written as one segment.
#[must_use]
pub fn reset_path(user: &str) -> String {
    let user = crate::base::encode::path_segment(user).unwrap_or_default();
    format!("/v1.0/users/{user}/authentication/methods/{PASSWORD_METHOD}/resetPassword")
}

/// A round trip, as the journal keeps it and checks see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// Whose hand set the password.
    pub by: TripBy,
    /// The user's object id in the tenant.
    pub user: String,
    /// When it began, by this machine's clock.
    pub at: Timestamp,
    /// The hops, in the order in which they happen.
    pub hops: Vec<Hop>,
    /// The hop that took longest; `None` where fewer than two have a time.
    pub slowest: Option<HopName>,
    /// The hop at which it stopped; `None` for one that arrived, or that stopped nowhere in particular.
    pub stopped_at: Option<HopName>,
    /// The cause, if one was found.
    pub code: Option<Code>,
    /// How the whole stands: fail if a hop failed, else unknown if one is unknown, else pass.
    pub verdict: Verdict,
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Which.
    pub name: HopName,
    /// How it stands: `pass`, `fail`, `unknown` or `not-applicable`.
    pub verdict: Verdict,
    /// When, by the clock of the system where it happened; `None` where nobody saw it.
    pub at: Option<Timestamp>,
    /// Whose clock that is; `None` without a time.
    pub clock: Option<ClockOf>,
    /// By how much that clock is ahead of this machine's, in milliseconds; `None` where it could not be told.
    pub offset_ms: Option<i64>,
    /// How long it took since the hop before it, clocks reckoned with; `None` where it could not be told.
    pub took_ms: Option<i64>,
    /// What was seen, in words; clean text.
    pub says: String,
}

/// The hops, in the order in which they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HopName {
    /// The tenant took the request.
    Asked,
    /// Entra Connect has it: 31009, 31001 or 31006.
    Received,
    /// The domain has another password: `pwdLastSet` moved.
    Written,
    /// Entra Connect says so: 31010, 31002 or 31007.
    Confirmed,
    /// The tenant's operation has ended.
    Finished,
    /// The domain takes the new password.
    Usable,
}

impl HopName {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [Self::Asked, Self::Received, Self::Written, Self::Confirmed, Self::Finished, Self::Usable];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Received => "received",
            Self::Written => "written",
            Self::Confirmed => "confirmed",
            Self::Finished => "finished",
            Self::Usable => "usable",
        }
    }
}

/// Whose clock a time is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockOf {
    /// Microsoft Graph's.
    Graph,
    /// That of the machine with Entra Connect.
    App1,
    /// The domain controller's.
    Domain,
}

impl ClockOf {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::App1 => "app1",
            Self::Domain => "domain",
        }
    }
}

/// Why a trip did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// Password writeback is off in Entra Connect.
    WritebackOff,
    /// Password hash synchronisation is off.
    HashSyncOff,
    /// The wizard is open and holds the scheduler.
    WizardOpen,
    /// The server only rehearses.
    StagingMode,
    /// The connector account lacks a right.
    RightsMissing,
    /// The user is protected by AdminSDHolder.
    UserProtected,
    /// The password was changed too short a time ago.
    MinimumAge,
    /// The password was used before.
    History,
    /// The account is locked.
    AccountLocked,
    /// The service of Entra Connect does not run.
    ServiceStopped,
    /// Entra Connect cannot reach the service bus.
    BusUnreachable,
    /// Entra Connect does not know the user.
    UserNotSynced,
    /// The clock of the machine with Entra Connect is wrong.
    ClockWrong,
    /// The machine with Entra Connect is off.
    MachineStopped,
    /// Another script runs on the machine.
    RunCommandBusy,
    /// What the machine answered was cut off.
    OutputCut,
    /// The account may not run scripts on the machine.
    AzureRightMissing,
    /// The sign-in lacks a permission in the tenant.
    ReadConsentMissing,
    /// The password was set where only the cloud sees it.
    WrongTool,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::WritebackOff,
        Self::HashSyncOff,
        Self::WizardOpen,
        Self::StagingMode,
        Self::RightsMissing,
        Self::UserProtected,
        Self::MinimumAge,
        Self::History,
        Self::AccountLocked,
        Self::ServiceStopped,
        Self::BusUnreachable,
        Self::UserNotSynced,
        Self::ClockWrong,
        Self::MachineStopped,
        Self::RunCommandBusy,
        Self::OutputCut,
        Self::AzureRightMissing,
        Self::ReadConsentMissing,
        Self::WrongTool,
    ];

    /// As it stands in facts and in the guide's diagnosis.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::WritebackOff => "WRITEBACK_OFF",
            Self::HashSyncOff => "HASH_SYNC_OFF",
            Self::WizardOpen => "WIZARD_OPEN",
            Self::StagingMode => "STAGING_MODE",
            Self::RightsMissing => "RIGHTS_MISSING",
            Self::UserProtected => "USER_PROTECTED",
            Self::MinimumAge => "MINIMUM_AGE",
            Self::History => "HISTORY",
            Self::AccountLocked => "ACCOUNT_LOCKED",
            Self::ServiceStopped => "SERVICE_STOPPED",
            Self::BusUnreachable => "BUS_UNREACHABLE",
            Self::UserNotSynced => "USER_NOT_SYNCED",
            Self::ClockWrong => "CLOCK_WRONG",
            Self::MachineStopped => "MACHINE_STOPPED",
            Self::RunCommandBusy => "RUN_COMMAND_BUSY",
            Self::OutputCut => "OUTPUT_CUT",
            Self::AzureRightMissing => "AZURE_RIGHT_MISSING",
            Self::ReadConsentMissing => "READ_CONSENT_MISSING",
            Self::WrongTool => "WRONG_TOOL",
        }
    }
}

/// The facts of a probe of kind `trip`: the newest trip, or that there was none yet.
#[must_use]
pub fn facts(by: TripBy, newest: Option<&Trip>) -> Value {
    let none = json!({
        "by": by, "user": null, "at": null, "hops": [], "slowest": null, "stopped_at": null, "code": null, "verdict": null
    });
    newest.and_then(|trip| serde_json::to_value(trip).ok()).unwrap_or(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_in_facts_as_it_stands_in_the_guide() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
        for hop in HopName::ALL {
            assert_eq!(serde_json::to_value(hop).unwrap(), hop.word());
        }
    }

    #[test]
    fn before_the_first_trip_the_facts_say_so_without_a_verdict() {
        let facts = facts(TripBy::Person, None);
        assert_eq!((&facts["by"], &facts["verdict"], &facts["hops"]), (&json!("person"), &json!(null), &json!([])));
    }
}
