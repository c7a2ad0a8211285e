//! Scripts on the lab's machines as the engine asks them: looks become facts, changes become answers, trouble becomes sentences. Judges nothing.

mod facts;

use super::azure;
use super::probe::{Answer, LookError, Request, ScriptCall, SendError};
use crate::base::text;
use crate::guide::scripts::known;
use crate::guide::step::{MachinePart, ScriptRun, ScriptValue};
use crate::lab::connect::{HostWay, NoHost};
use crate::services::host::app1::{self, App1, Held, Started, Switched};
use crate::services::host::script::{HostError, Script};
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// What running a script needs in Azure.
pub(super) const RIGHT: &str = "Microsoft.Compute/virtualMachines/runCommand/action";

/// The hosts of a lab.
pub(super) struct Scripts(HostWay);

impl Scripts {
    /// Over this way; nothing is asked yet.
    pub(super) fn new(way: HostWay) -> Self {
        Self(way)
    }

    /// Where scripts of a machine run.
    pub(super) fn address(&self, part: MachinePart) -> String {
        match self.0.address(part) {
            nowhere if nowhere.is_empty() => part.key().to_owned(),
            address => address,
        }
    }

    /// One read.
    pub(super) async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        let Request::Script { run, within } = request else { return Err(plain("this is no script".to_owned())) };
        let app1 = self.0.app1().map_err(|error| no_host(&error))?;
        look(&app1, run, *within).await
    }

    /// Waits for a password on its way; one script at a time, as all others.
    pub(super) async fn watch(&self, watch: &app1::Watch) -> Result<app1::Watched, LookError> {
        let app1 = self.0.app1().map_err(|error| no_host(&error))?;
        app1.watch(watch).await.map_err(|error| look_error(&error))
    }

    /// What the watch is, and where it runs.
    pub(super) fn watcher(&self) -> String {
        format!("watch.ps1 (SHA-256 {}) on {}", app1::WATCH.sha256(), self.address(MachinePart::App1))
    }

    /// One change.
    pub(super) async fn send(&self, call: &ScriptCall) -> Result<Answer, SendError> {
        let app1 = self.0.app1().map_err(|error| SendError::Refused(no_host(&error)))?;
        send(&app1, call).await
    }
}

/// Runs a script that only reads; what it says are the facts.
///
/// # Errors
/// What could not be read, and why.
pub async fn look(app1: &App1, run: &str, within: Option<Duration>) -> Result<Answer, LookError> {
    let began = Instant::now();
    let failed = |error: HostError| look_error(&error);
    let body = match run {
        "connect-service" => facts::plain(&app1.service().await.map_err(failed)?),
        "scheduler" => facts::plain(&app1.scheduler().await.map_err(failed)?),
        "connectors" => facts::plain(&app1.connectors().await.map_err(failed)?),
        "writeback" => facts::plain(&app1.writeback().await.map_err(failed)?),
        "hash-sync" => facts::plain(&app1.hash_sync().await.map_err(failed)?),
        "connect-events" => facts::events(&app1.events(app1::Since::Within(within.unwrap_or(DAY)), LOOK).await.map_err(failed)?),
        "tls" => facts::plain(&app1.tls().await.map_err(failed)?),
        "clock" => facts::clock(&app1.clock().await.map_err(failed)?),
        "memory" => facts::memory(&app1.memory().await.map_err(failed)?),
        "rsat" => facts::plain(&app1.rsat().await.map_err(failed)?),
        other => return Err(unknown(other)),
    };
    let date = facts::time(&body);
    Ok(Answer { status: 200, body, date, request_id: None, took: began.elapsed() })
}

/// How far a look goes back that does not say.
const DAY: Duration = Duration::from_hours(24);
/// The most events of one provider that a look brings: what is longer than 4096 bytes comes from Azure in parts, each of which takes 20 s.
const LOOK: u32 = 40;

/// Runs a script that changes something.
///
/// # Errors
/// [`SendError`] tells a refusal from doubt.
pub async fn send(app1: &App1, call: &ScriptCall) -> Result<Answer, SendError> {
    if !call.is_known() {
        let what =
            format!("the script `{}` is not the one that was confirmed: the program is another one by now", text::short(&call.run, 40));
        return Err(SendError::Refused(LookError { hint: Some("plan again".to_owned()), ..plain(what) }));
    }
    let began = Instant::now();
    let body = match call.run.as_str() {
        "sync-delta" => begun(&app1.sync_delta().await.map_err(|error| send_error(&error))?)?,
        "set-writeback" => {
            let enable = call.values.get("enable").and_then(Value::as_bool);
            let seconds = call.values.get("seconds").and_then(Value::as_u64);
            let (Some(enable), Some(seconds)) = (enable, seconds) else {
                return Err(SendError::Refused(plain("the script `set-writeback` needs `enable` and `seconds`".to_owned())));
            };
            let done = app1.set_writeback(enable, Duration::from_secs(seconds)).await.map_err(|error| send_error(&error))?;
            switched(&done, enable)?
        }
        other => return Err(SendError::Refused(unknown(other))),
    };
    Ok(Answer { status: 200, body, date: None, request_id: None, took: began.elapsed() })
}

fn begun(started: &Started) -> Result<Value, SendError> {
    let (why, hint) = match started.why {
        None if started.started => return Ok(facts::plain(started)),
        Some(Held::Running) => ("another one is at work", "wait until it has ended, then try again"),
        Some(Held::Suspended) => ("the scheduler is suspended, as by the open wizard", "close the wizard on APP1, then try again"),
        Some(Held::Staging) => ("this server is in staging mode and writes nothing", "switch staging mode off in the wizard"),
        None => ("APP1 does not say why", "look at the scheduler on APP1"),
    };
    Err(SendError::Refused(LookError { hint: Some(hint.to_owned()), ..plain(format!("the cycle was not started: {why}")) }))
}

/// What was read afterwards decides; a command that did not end by itself may still have done it.
fn switched(done: &Switched, wanted: bool) -> Result<Value, SendError> {
    let said = text::short(&done.said, 200);
    let beside = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
    match (done.ended, done.enabled) {
        (_, Some(now)) if now == wanted => Ok(facts::plain(done)),
        (true, Some(_)) => Err(SendError::Refused(plain(format!("the command ended, and writeback is as it was{beside}")))),
        (false, _) => Err(SendError::InDoubt(plain(format!("the command did not end by itself, and was ended{beside}")))),
        (true, None) => Err(SendError::InDoubt(plain(format!("the command ended, and nothing tells whether writeback changed{beside}")))),
    }
}

impl ScriptCall {
    /// What is run in one line, values and all.
    #[must_use]
    pub fn line(&self) -> String {
        let values = self.values.iter().map(|(name, value)| format!("{name}={value}"));
        let words: Vec<String> = std::iter::once(self.run.clone()).chain(values).collect();
        format!("run the script {}", words.join(" "))
    }

    /// What a person reads of it before saying yes.
    #[must_use]
    pub fn carries(&self) -> String {
        let about = found(&self.run).map_or("the program has no such script", |script| script.about());
        format!("{about}\nscript {}.ps1, SHA-256 {}", self.run, self.sha256)
    }

    /// Where it runs.
    #[must_use]
    pub fn machine(&self) -> MachinePart {
        known(&self.run).map_or(MachinePart::App1, |script| script.machine)
    }

    /// Whether its text is the one that this program has.
    #[must_use]
    pub fn is_known(&self) -> bool {
        found(&self.run).is_some_and(|script| script.changes && script.sha256() == self.sha256)
    }

    /// The same with the text that this program has.
    #[must_use]
    pub fn of_this_program(&self) -> Self {
        let sha256 = found(&self.run).map_or_else(|| self.sha256.clone(), Script::sha256);
        Self { sha256, ..self.clone() }
    }
}

/// A pack's script as it would be sent; `None` when the program has none of that name that changes something.
#[must_use]
pub fn call(run: &ScriptRun) -> Option<ScriptCall> {
    let script = found(&run.run).filter(|script| script.changes)?;
    let value = |value: &ScriptValue| match value {
        ScriptValue::Flag(flag) => Value::from(*flag),
        ScriptValue::Number(number) => Value::from(*number),
    };
    let values: Map<_, _> = run.values.iter().map(|(name, given)| (name.clone(), value(given))).collect();
    Some(ScriptCall { run: run.run.clone(), sha256: script.sha256(), values })
}

/// A pack's script in one line.
#[must_use]
pub fn line(run: &ScriptRun) -> String {
    call(run).map_or_else(|| format!("run the script {}", run.run), |call| call.line())
}

fn found(name: &str) -> Option<&'static Script> {
    app1::SCRIPTS.iter().find(|script| script.name == name)
}

fn plain(what: String) -> LookError {
    LookError { what, hint: None, status: None, code: None }
}

fn unknown(name: &str) -> LookError {
    plain(format!("the program has no script `{}` for this", text::short(name, 40)))
}

fn no_host(error: &NoHost) -> LookError {
    LookError { hint: Some(error.hint().to_owned()), code: Some(error.code().to_owned()), ..plain(error.to_string()) }
}

fn send_error(error: &HostError) -> SendError {
    if error.not_run() { SendError::Refused(look_error(error)) } else { SendError::InDoubt(look_error(error)) }
}

/// The codes by which a guide's diagnosis knows why a script gave no answer.
fn look_error(error: &HostError) -> LookError {
    let code = match error {
        HostError::Azure { error: azure, .. } => {
            return LookError { what: error.to_string(), hint: Some(error.hint().to_owned()), ..azure::look_error(azure) };
        }
        HostError::Off { .. } => "MACHINE_STOPPED",
        HostError::Busy { .. } => "RUN_COMMAND_BUSY",
        HostError::Cut { .. } => "OUTPUT_CUT",
        HostError::TimedOut { .. } => "HOST_TIMED_OUT",
        HostError::Said { said, .. } if said == app1::NOT_INSTALLED => "NO_CONNECT",
        HostError::Said { .. } => "HOST_SAID",
        HostError::NoPowerShell { .. } => "NO_POWERSHELL",
        HostError::NotStarted { .. } | HostError::TooLong { .. } | HostError::NoAnswer { .. } => "NO_ANSWER",
    };
    LookError { hint: Some(error.hint().to_owned()), code: Some(code.to_owned()), ..plain(error.to_string()) }
}
