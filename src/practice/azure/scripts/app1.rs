//! What the scripts for the machine with Entra Connect answer, in the shape that the head of each .ps1 tells. On another machine they find no Entra
//! Connect, as they would.

use super::Job;
use super::answer::Trouble;
use crate::practice::{
    chance,
    connect::CYCLE,
    domain::generalized,
    world::{APP1, CONNECTOR, Connect, DC1, Holdup, INITIAL_DOMAIN, LAB_DOMAIN, LogEvent, MOST_EVENTS, Provider, later},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The connector to the tenant has the same id everywhere (`facts/domain.md` 2.11).
const ENTRA_CONNECTOR: &str = "b891884f-051e-4a83-95af-2544101c9083";
/// .NET 4.8 on Windows Server 2022 (MIR dotnet how-to-determine-which-versions-are-installed.md).
const RELEASE: i64 = 528_449;
/// What the other machines of the lab have.
const OTHER_MEMORY: u64 = 4 << 30;
/// The heartbeat.
const HEARTBEAT_ID: u32 = 31019;
/// The script reads so many events of a provider and no more.
const MOST_READ: usize = 2_000;
/// The longest text of an event that the script brings.
const LONGEST_TEXT: usize = 400;

type Answer = Result<Value, Trouble>;

impl Job<'_> {
    /// The clock of the machine that the script runs on.
    fn clock(&self) -> Timestamp {
        if self.machine == APP1 { self.world.connect.own_clock(self.now) } else { self.now }
    }

    /// `Get-Now`: .NET's round-trip format has seven digits.
    fn time(&self) -> String {
        iso(self.clock())
    }

    /// Entra Connect, if it is on this machine.
    fn installed(&self) -> Option<&Connect> {
        Some(&self.world.connect).filter(|connect| self.machine == APP1 && connect.is_installed())
    }

    /// `Import-Connect`, and then a command that asks the service.
    fn connect(&self) -> Result<&Connect, Trouble> {
        let connect = self.installed().ok_or_else(|| Trouble::thrown("Entra Connect is not installed on this machine"))?;
        // Not measured: that these commands fail without the service is known, their words are not.
        let said = "There was no endpoint listening at net.pipe://localhost/ADSyncManagement/syncservice that could accept the message.";
        if connect.running { Ok(connect) } else { Err(Trouble::thrown(said)) }
    }
}

fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.7fZ").to_string()
}

fn entra_connector() -> String {
    format!("{INITIAL_DOMAIN} - AAD")
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn service(job: &mut Job<'_>) -> Answer {
    let service = job.installed().map(|connect| if connect.running { "Running" } else { "Stopped" });
    let version = job.installed().and_then(|connect| connect.version.clone());
    Ok(json!({"time": job.time(), "service": service, "version": version}))
}

pub(super) fn scheduler(job: &mut Job<'_>) -> Answer {
    let connect = job.connect()?;
    let sync = &job.world.directory.sync;
    let next = sync.last.filter(|_| sync.scheduler).map(|last| iso(connect.own_clock(later(last, CYCLE))));
    Ok(json!({
        "time": job.time(),
        "enabled": sync.scheduler,
        "suspended": connect.is_suspended(),
        "staging": connect.staging,
        "maintenance": true,
        "interval": CYCLE.as_secs(),
        "next": next,
        "running": connect.is_cycling(job.now),
    }))
}

pub(super) fn connectors(job: &mut Job<'_>) -> Answer {
    let connect = job.connect()?;
    let account = json!({"connector": LAB_DOMAIN, "name": CONNECTOR, "domain": LAB_DOMAIN});
    let accounts = connect.rsat.then(|| json!([account]));
    let missing = "The specified module 'ActiveDirectory' was not loaded because no valid module file was found in any module directory.";
    let connectors = json!([
        {"name": entra_connector(), "id": ENTRA_CONNECTOR},
        {"name": LAB_DOMAIN, "id": chance::guid_of(&format!("connector {LAB_DOMAIN}"))},
    ]);
    Ok(json!({"time": job.time(), "connectors": connectors, "accounts": accounts, "why": (!connect.rsat).then_some(missing)}))
}

pub(super) fn writeback(job: &mut Job<'_>) -> Answer {
    let enabled = job.connect()?.writeback;
    Ok(json!({"time": job.time(), "connector": entra_connector(), "answered": true, "enabled": enabled}))
}

pub(super) fn hash_sync(job: &mut Job<'_>) -> Answer {
    let enabled = job.connect()?.hash_sync;
    Ok(json!({"time": job.time(), "answered": true, "sources": [{"connector": LAB_DOMAIN, "enabled": enabled}]}))
}

/// `since` is by the machine's clock; without it `within` counts back from that. Of the heartbeats only the newest is told.
pub(super) fn events(job: &mut Job<'_>) -> Answer {
    let since = since(job)?;
    let limit = job.values["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0);
    let none = VecDeque::new();
    let log = job.installed().map_or(&none, |connect| &connect.events);
    let (mut found, mut absent, mut more) = (Vec::new(), Vec::new(), false);
    for provider in Provider::ALL {
        if !is_known(job, provider) {
            absent.push(provider.name());
        }
        let mut own: Vec<&LogEvent> = log.iter().filter(|event| event.provider == provider && event.at >= since).collect();
        own.sort_by_key(|event| newest_first(event));
        let read = own.len();
        let newest_beat = own.iter().find(|event| event.id == HEARTBEAT_ID).map(|event| event.record);
        own.retain(|event| event.id != HEARTBEAT_ID || Some(event.record) == newest_beat);
        more |= read >= MOST_READ || own.len() > limit;
        found.extend(own.into_iter().take(limit));
    }
    found.sort_by_key(|event| newest_first(event));
    let begins = log.front().filter(|_| log.len() >= MOST_EVENTS).map_or(job.world.created, |first| first.at);
    let events: Vec<Value> = found.into_iter().map(told).collect();
    Ok(json!({"time": job.time(), "oldest": iso(begins), "absent": absent, "more": more, "events": events}))
}

fn newest_first(event: &LogEvent) -> std::cmp::Reverse<(Timestamp, u64)> {
    std::cmp::Reverse((event.at, event.record))
}

fn since(job: &Job<'_>) -> Result<Timestamp, Trouble> {
    match job.values["since"].as_str() {
        Some(text) => text.parse().map_err(|_| Trouble::thrown("String was not recognized as a valid DateTime.")),
        None => Ok(later(job.clock(), SignedDuration::from_secs(-job.values["within"].as_i64().unwrap_or(0)))),
    }
}

/// A source that never wrote is none to Windows; that of the synchronisation writes as it is installed.
fn is_known(job: &Job<'_>, provider: Provider) -> bool {
    job.installed().is_some_and(|connect| match provider {
        Provider::PasswordResetService => connect.events.iter().any(|event| event.provider == provider),
        Provider::ADSync => true,
    })
}

fn told(event: &LogEvent) -> Value {
    let text: String = event.text.chars().take(LONGEST_TEXT).collect();
    let LogEvent { record, provider, id, level, at, .. } = event;
    json!({"record": record, "provider": provider.name(), "id": id, "level": level, "time": iso(*at), "text": text})
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn tls(job: &mut Job<'_>) -> Answer {
    let on = job.machine != APP1 || job.world.connect.tls;
    let net = on.then_some(1);
    let software = ["SOFTWARE\\Microsoft", "SOFTWARE\\WOW6432Node\\Microsoft"];
    let framework = software.map(|part| {
        let key = format!("HKEY_LOCAL_MACHINE\\{part}\\.NETFramework\\v4.0.30319");
        json!({"key": key, "systemDefault": net, "strongCrypto": net})
    });
    let schannel = ["Client", "Server"].map(|side| {
        let key = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL\\Protocols\\TLS 1.2";
        json!({"key": format!("{key}\\{side}"), "enabled": i32::from(on), "disabledByDefault": i32::from(!on)})
    });
    Ok(json!({"time": job.time(), "release": RELEASE, "framework": framework, "schannel": schannel}))
}

pub(super) fn clock(job: &mut Job<'_>) -> Answer {
    if !job.world.azure.runs(DC1, job.now) {
        return Err(Trouble::unavailable());
    }
    // One question and its answer on the lab's network.
    let after = later(job.clock(), SignedDuration::from_millis(3));
    let domain = generalized(job.world.said(job.now));
    Ok(json!({"before": job.time(), "host": format!("dc1.{LAB_DOMAIN}"), "domain": domain, "after": iso(after)}))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn memory(job: &mut Job<'_>) -> Answer {
    let bytes = if job.machine == APP1 { job.world.connect.memory } else { OTHER_MEMORY };
    Ok(json!({"time": job.time(), "bytes": bytes}))
}

/// A domain controller has the tools; CLIENT1 is no server, and cannot tell.
#[expect(clippy::unnecessary_wraps, reason = "the shape of the table")]
pub(super) fn rsat(job: &mut Job<'_>) -> Answer {
    let installed = match job.machine {
        APP1 => Some(job.world.connect.rsat),
        DC1 => Some(true),
        _ => None,
    };
    Ok(json!({"time": job.time(), "answered": installed.is_some(), "installed": installed}))
}

pub(super) fn sync_delta(job: &mut Job<'_>) -> Answer {
    job.connect()?;
    let (time, now) = (job.time(), job.now);
    let why = match job.world.start_cycle(now) {
        Ok(()) => None,
        Err(Holdup::Suspended) => Some("suspended"),
        Err(Holdup::Staging) => Some("staging"),
        Err(Holdup::Running) => Some("running"),
        // The script runs on this machine, with the service; whoever comes here changed the order of those questions.
        Err(why @ (Holdup::NotInstalled | Holdup::MachineOff | Holdup::ServiceStopped)) => return Err(Trouble::thrown(why.to_string())),
    };
    Ok(json!({"time": time, "started": why.is_none(), "why": why}))
}

pub(super) fn set_writeback(job: &mut Job<'_>) -> Answer {
    job.connect()?;
    let (time, on, now) = (job.time(), job.values["enable"] == true, job.now);
    job.world.set_writeback(on, now);
    let said = format!("Password reset write-back is {}.", if on { "enabled" } else { "disabled" });
    Ok(json!({"time": time, "ended": true, "said": said, "enabled": job.world.connect.writeback}))
}
