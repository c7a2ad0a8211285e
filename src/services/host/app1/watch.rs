//! What the watch for a travelling password brings back, typed. Not what it means for a trip.

use super::{Event, told};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest that one watch may wait: a host gives a script three minutes in all.
pub const LONGEST_WATCH: Duration = Duration::from_mins(2);

/// Whose password is watched for, since when, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// By the machine's own clock; `None` for now.
    pub since: Option<Timestamp>,
    /// The user in the domain.
    pub dn: String,
    /// `pwdLastSet` as it was read before; `None` when it was not.
    pub before: Option<String>,
    /// How long to wait, at most [`LONGEST_WATCH`]; zero looks once.
    pub patience: Duration,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watched {
    /// The machine's clock when it began; the mark for a watch after this one.
    pub time: Timestamp,
    /// The domain's clock then, as LDAP writes it (`YYYYMMDDHHMMSS.0Z`); `None` when the domain could not be read.
    #[serde(deserialize_with = "told")]
    pub domain: Option<String>,
    /// `pwdLastSet` at the end, as the domain writes it; `None` when it could not be read or is not set.
    #[serde(deserialize_with = "told")]
    pub set: Option<String>,
    /// `whenChanged` at the end, as LDAP writes it.
    #[serde(deserialize_with = "told")]
    pub changed: Option<String>,
    /// The machine's clock when another `pwdLastSet` than before was first seen.
    #[serde(deserialize_with = "told")]
    pub moved: Option<Timestamp>,
    /// Why the domain could not be read; hostile text.
    #[serde(deserialize_with = "told")]
    pub why: Option<String>,
    /// Whether this machine knows `PasswordResetService`, which it does once writeback was switched on.
    pub known: bool,
    /// Whether an event came that ends a trip.
    pub ended: bool,
    /// The machine's clock at the end.
    pub until: Timestamp,
    /// The events since the mark, oldest first.
    pub events: Vec<Event>,
}
