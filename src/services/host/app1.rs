//! What the scripts for the machine with Entra Connect read and change, typed. Not for how they get there, nor for what it means to a guide.

mod events;
mod watch;

pub use events::{Meaning, meaning};
pub use watch::{LONGEST_WATCH, Watch, Watched};

use super::ask::{Asker, NoResult};
use super::script::{Host, HostError, Script};
use crate::base::text;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

macro_rules! script {
    ($name:literal, $changes:literal) => {
        Script { name: $name, text: include_str!(concat!("../../../assets/scripts/", $name, ".ps1")), changes: $changes }
    };
}

/// Its service and version.
pub const CONNECT_SERVICE: Script = script!("connect-service", false);
/// Its scheduler.
pub const SCHEDULER: Script = script!("scheduler", false);
/// Its connectors and accounts in the domain.
pub const CONNECTORS: Script = script!("connectors", false);
/// Whether writeback is on.
pub const WRITEBACK: Script = script!("writeback", false);
/// Whether hash synchronisation is on.
pub const HASH_SYNC: Script = script!("hash-sync", false);
/// What it wrote to the event log.
pub const CONNECT_EVENTS: Script = script!("connect-events", false);
/// TLS and .NET.
pub const TLS: Script = script!("tls", false);
/// Its clock and the domain's.
pub const CLOCK: Script = script!("clock", false);
/// Its memory.
pub const MEMORY: Script = script!("memory", false);
/// Whether the AD tools are there.
pub const RSAT: Script = script!("rsat", false);
/// Waits for a password on its way into the domain.
pub const WATCH: Script = script!("watch", false);
/// Starts a delta cycle.
pub const SYNC_DELTA: Script = script!("sync-delta", true);
/// Switches writeback, by a command that is not documented any more.
pub const SET_WRITEBACK: Script = script!("set-writeback", true);

/// All of them.
pub const SCRIPTS: [Script; 13] = [
    CONNECT_SERVICE,
    SCHEDULER,
    CONNECTORS,
    WRITEBACK,
    HASH_SYNC,
    CONNECT_EVENTS,
    TLS,
    CLOCK,
    MEMORY,
    RSAT,
    WATCH,
    SYNC_DELTA,
    SET_WRITEBACK,
];

/// What scripts say where Entra Connect is not.
pub const NOT_INSTALLED: &str = "Entra Connect is not installed on this machine";
/// The most events of one provider that are asked for.
pub const MOST_EVENTS: u32 = 200;
/// The longest that the switch of writeback may take: a host gives a script three minutes in all.
pub const LONGEST_SWITCH: Duration = Duration::from_mins(2);

/// A value that may be null and must be there: what a script forgot to say is not what it found missing.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(value)
}

/// Whether Entra Connect is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The machine's clock.
    pub time: Timestamp,
    /// `Running`, `Stopped`, …; `None` when there is no such service.
    #[serde(deserialize_with = "told")]
    pub service: Option<String>,
    /// The version of its program; `None` when it is not where the installer puts it.
    #[serde(deserialize_with = "told")]
    pub version: Option<String>,
}

/// How it is scheduled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheduler {
    /// The machine's clock.
    pub time: Timestamp,
    /// Whether cycles run by themselves.
    pub enabled: bool,
    /// Whether they are held up, as by the open wizard.
    pub suspended: bool,
    /// Whether this server only rehearses: it writes nothing, passwords included.
    pub staging: bool,
    /// Whether maintenance runs.
    pub maintenance: bool,
    /// The seconds between two cycles.
    #[serde(deserialize_with = "told")]
    pub interval: Option<u64>,
    /// When the next one is due.
    #[serde(deserialize_with = "told")]
    pub next: Option<Timestamp>,
    /// Whether a connector is at work right now.
    pub running: bool,
}

/// Its connectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connectors {
    /// The machine's clock.
    pub time: Timestamp,
    /// To the tenant and to each forest.
    pub connectors: Vec<Connector>,
    /// By which accounts it works in the domain; `None` when that cannot be read.
    #[serde(deserialize_with = "told")]
    pub accounts: Option<Vec<Account>>,
    /// Why there are no accounts; hostile text.
    #[serde(deserialize_with = "told")]
    pub why: Option<String>,
}

/// One connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Its name; the tenant's ends in ` - AAD`.
    pub name: String,
    /// Its GUID.
    pub id: String,
}

/// An account in the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Whose it is.
    #[serde(deserialize_with = "told")]
    pub connector: Option<String>,
    /// Its name, such as `MSOL_0123456789ab`.
    #[serde(deserialize_with = "told")]
    pub name: Option<String>,
    /// Its domain.
    #[serde(deserialize_with = "told")]
    pub domain: Option<String>,
}

/// Whether passwords are written back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Writeback {
    /// The machine's clock.
    pub time: Timestamp,
    /// The connector to the tenant.
    pub connector: String,
    /// Whether this version has the command that tells; it is not documented any more.
    pub answered: bool,
    /// What it tells; `None` when it tells nothing.
    #[serde(deserialize_with = "told")]
    pub enabled: Option<bool>,
}

/// Whether password hashes are synchronised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashSync {
    /// The machine's clock.
    pub time: Timestamp,
    /// Whether this version has the command that tells.
    pub answered: bool,
    /// Each domain connector.
    pub sources: Vec<Source>,
}

/// Hash synchronisation from one forest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The connector's name.
    pub connector: String,
    /// `None` when the command tells nothing.
    #[serde(deserialize_with = "told")]
    pub enabled: Option<bool>,
}

/// Events since a mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The machine's clock.
    pub time: Timestamp,
    /// Since when the log holds anything; what is older is gone.
    #[serde(deserialize_with = "told")]
    pub oldest: Option<Timestamp>,
    /// Sources that this machine does not know, because they never wrote.
    pub absent: Vec<String>,
    /// Whether there are more than were asked for.
    pub more: bool,
    /// The events, newest first.
    pub events: Vec<Event>,
}

/// Since when events are asked for, by the machine's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since a mark that came from there.
    Mark(Timestamp),
    /// Since so long ago.
    Within(Duration),
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its number in the log.
    pub record: u64,
    /// `PasswordResetService` or `ADSync`.
    pub provider: String,
    /// What happened; [`meaning`] has it in words.
    pub id: u32,
    /// 2 error, 3 warning, 4 information, 0 always.
    pub level: u32,
    /// When, by the machine's clock.
    pub time: Timestamp,
    /// Its words, at most 400 characters; hostile text.
    pub text: String,
}

/// TLS and .NET; `None` where a value is not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The machine's clock.
    pub time: Timestamp,
    /// The number of .NET.
    #[serde(deserialize_with = "told")]
    pub release: Option<i64>,
    /// What .NET uses, for 64 and 32 bits.
    pub framework: Vec<Framework>,
    /// What Windows allows for TLS 1.2, as client and as server.
    pub schannel: Vec<Schannel>,
}

/// .NET's switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Framework {
    /// The registry key.
    pub key: String,
    /// 1: the system's versions.
    #[serde(deserialize_with = "told")]
    pub system_default: Option<i64>,
    /// 1: no weak ciphers.
    #[serde(deserialize_with = "told")]
    pub strong_crypto: Option<i64>,
}

/// Windows' switches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Schannel {
    /// The registry key.
    pub key: String,
    /// 1: it is on.
    #[serde(deserialize_with = "told")]
    pub enabled: Option<i64>,
    /// 0: it is used unless somebody says otherwise.
    #[serde(deserialize_with = "told")]
    pub disabled_by_default: Option<i64>,
}

/// Two clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// The machine's, just before the domain controller was asked.
    pub before: Timestamp,
    /// The domain controller.
    pub host: String,
    /// Its clock, as LDAP writes it (`YYYYMMDDHHMMSS.0Z`); it knows whole seconds.
    pub domain: String,
    /// The machine's, just after.
    pub after: Timestamp,
}

/// Memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// The machine's clock.
    pub time: Timestamp,
    /// All of it.
    pub bytes: u64,
}

/// The AD tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rsat {
    /// The machine's clock.
    pub time: Timestamp,
    /// Whether the machine can tell: a server can.
    pub answered: bool,
    /// Whether they are installed.
    #[serde(deserialize_with = "told")]
    pub installed: Option<bool>,
}

/// Whether a cycle was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// The machine's clock before it.
    pub time: Timestamp,
    /// Whether it was.
    pub started: bool,
    /// Why not.
    #[serde(deserialize_with = "told")]
    pub why: Option<Held>,
}

/// What holds a cycle up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Held {
    /// One is at work.
    Running,
    /// The scheduler is suspended, as by the open wizard.
    Suspended,
    /// The server only rehearses.
    Staging,
}

/// What became of the switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switched {
    /// The machine's clock before it.
    pub time: Timestamp,
    /// Whether the command ended by itself; else it was ended, having perhaps asked for a person.
    pub ended: bool,
    /// What it printed; hostile text.
    pub said: String,
    /// What was read after it.
    #[serde(deserialize_with = "told")]
    pub enabled: Option<bool>,
}

/// The machine with Entra Connect.
pub struct App1 {
    asker: Asker,
}

impl App1 {
    /// Asks through `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self { asker: Asker::new(host) }
    }

    /// Whether Entra Connect is there and runs.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn service(&self) -> Result<Service, HostError> {
        self.ask(&CONNECT_SERVICE, &json!({})).await
    }

    /// How it is scheduled.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn scheduler(&self) -> Result<Scheduler, HostError> {
        self.ask(&SCHEDULER, &json!({})).await
    }

    /// Its connectors.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn connectors(&self) -> Result<Connectors, HostError> {
        self.ask(&CONNECTORS, &json!({})).await
    }

    /// Whether writeback is on.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn writeback(&self) -> Result<Writeback, HostError> {
        self.ask(&WRITEBACK, &json!({})).await
    }

    /// Whether hash synchronisation is on.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn hash_sync(&self) -> Result<HashSync, HostError> {
        self.ask(&HASH_SYNC, &json!({})).await
    }

    /// What it wrote since `since`, by the machine's clock; of each provider at most `limit`, and never more than [`MOST_EVENTS`].
    ///
    /// # Errors
    /// There is no answer.
    pub async fn events(&self, since: Since, limit: u32) -> Result<Events, HostError> {
        let (mark, within) = match since {
            Since::Mark(mark) => (Some(mark.to_string()), None),
            Since::Within(within) => (None, Some(within.as_secs())),
        };
        self.ask(&CONNECT_EVENTS, &json!({"since": mark, "within": within, "limit": limit.min(MOST_EVENTS)})).await
    }

    /// TLS and .NET.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn tls(&self) -> Result<Tls, HostError> {
        self.ask(&TLS, &json!({})).await
    }

    /// Its clock beside the domain's.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn clock(&self) -> Result<Clock, HostError> {
        self.ask(&CLOCK, &json!({})).await
    }

    /// Its memory.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn memory(&self) -> Result<Memory, HostError> {
        self.ask(&MEMORY, &json!({})).await
    }

    /// Whether the AD tools are there.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn rsat(&self) -> Result<Rsat, HostError> {
        self.ask(&RSAT, &json!({})).await
    }

    /// Waits for a password on its way into the domain, or looks once.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn watch(&self, watch: &Watch) -> Result<Watched, HostError> {
        let Watch { since, dn, before, patience } = watch;
        let seconds = patience.min(&LONGEST_WATCH).as_secs();
        let values = json!({"since": since.map(|since| since.to_string()), "dn": dn, "before": before, "seconds": seconds});
        self.ask(&WATCH, &values).await
    }

    /// Starts a delta cycle, unless something holds it up.
    ///
    /// # Errors
    /// There is no answer; [`HostError::not_run`] says whether it surely did nothing.
    pub async fn sync_delta(&self) -> Result<Started, HostError> {
        self.ask(&SYNC_DELTA, &json!({})).await
    }

    /// Switches writeback, waiting up to `patience`, at most [`LONGEST_SWITCH`]. The command is not documented any more: only where a person asked for it.
    ///
    /// # Errors
    /// There is no answer; [`HostError::not_run`] says whether it surely did nothing.
    pub async fn set_writeback(&self, enable: bool, patience: Duration) -> Result<Switched, HostError> {
        let seconds = patience.min(LONGEST_SWITCH).as_secs();
        self.ask(&SET_WRITEBACK, &json!({"enable": enable, "seconds": seconds})).await
    }

    async fn ask<R: DeserializeOwned>(&self, script: &Script, values: &Value) -> Result<R, HostError> {
        self.asker.ask(script, values, None).await.map_err(|error| match error {
            NoResult::Host(error) => error,
            NoResult::Trouble(trouble) => {
                let host = text::short(self.asker.name(), 120);
                HostError::Said { host, script: script.name, said: text::short(&trouble.said, 300) }
            }
        })
    }
}
