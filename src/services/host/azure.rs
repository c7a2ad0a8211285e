//! Scripts on a machine in Azure, by run command. Not for what they say (`script`), nor for how Azure is spoken to (`services::azure`).

use super::script::{Host, HostError, Script, answer, headless};
use crate::base::{Secret, text};
use crate::services::azure::{Azure, AzureError, LONGEST_SCRIPT, MachineId, Managed, Output, RunAs, State, TAIL};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Quick};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

/// How long Azure lets a managed run command run.
const TIME: Duration = Duration::from_mins(3);
/// The markers and their line ends take less than the rest.
const ROOM: usize = TAIL - 96;

/// The machines of a lab, each with one script at a time, whoever asks.
pub struct AzureHosts {
    azure: Azure,
    /// By machine, because a second script is refused there for as long as the first one runs.
    turns: Quick<BTreeMap<String, Arc<Mutex<()>>>>,
}

impl AzureHosts {
    /// Machines that `azure` reaches.
    #[must_use]
    pub fn new(azure: Azure) -> Self {
        Self { azure, turns: Quick::default() }
    }

    /// A machine; its scripts are run by SYSTEM, or by another account. Where it stands is asked of Azure when it is needed and `location` does not say.
    #[must_use]
    pub fn host(&self, machine: MachineId, location: Option<&str>, run_as: Option<RunAs>) -> AzureHost {
        // Azure does not care for the case of names.
        let key = format!("{}/{}/{}", machine.subscription, machine.group, machine.name).to_ascii_lowercase();
        let mut turns = self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let turn = turns.entry(key).or_default().clone();
        let location = OnceCell::new_with(location.map(str::to_owned));
        AzureHost { azure: self.azure.clone(), machine, location, run_as, turn }
    }
}

/// A machine in Azure.
pub struct AzureHost {
    azure: Azure,
    machine: MachineId,
    location: OnceCell<String>,
    run_as: Option<RunAs>,
    turn: Arc<Mutex<()>>,
}

impl AzureHost {
    /// The plain form unless there is something that only the managed one keeps to itself.
    async fn send(&self, text: &str, secret: Option<&Secret>) -> Result<Output, AzureError> {
        if secret.is_none() && self.run_as.is_none() {
            return self.azure.run(&self.machine, text).await;
        }
        let secret = secret.map(|secret| Secret::new(STANDARD.encode(secret.expose())));
        let secrets: Vec<_> = secret.iter().map(|secret| ("Secret", secret)).collect();
        let managed = Managed {
            name: &unused_name()?,
            location: self.location.get_or_try_init(|| self.azure.location(&self.machine)).await?,
            script: text,
            secrets: &secrets,
            run_as: self.run_as.as_ref(),
            time: TIME,
        };
        self.azure.run_managed(&self.machine, &managed).await
    }

    fn host(&self) -> String {
        text::short(&self.machine.name, 64)
    }

    fn failed(&self, script: &Script, error: AzureError) -> HostError {
        let (host, script) = (self.host(), script.name);
        // Both codes mean other things elsewhere; `known` has looked at the words too.
        let known = match &error {
            AzureError::Refused(refusal) => refusal.known().map(|known| known.code),
            _ => None,
        };
        match (known, error) {
            (Some("Conflict"), _) => HostError::Busy { host, script },
            (Some("OperationNotAllowed"), _) => HostError::Off { host, script },
            (_, AzureError::TooLong { bytes, most }) => HostError::TooLong { host, script, bytes, most },
            (_, AzureError::StillRunning { after, .. }) => HostError::TimedOut { host, script, after },
            (_, error) => HostError::Azure { script, error: Box::new(error) },
        }
    }

    /// The answer; where there is none, the best reason that the output gives.
    fn judge(&self, script: &Script, output: &Output) -> Result<Value, HostError> {
        let error = match answer(&self.host(), script, &output.out) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let (host, script) = (self.host(), script.name);
        if output.may_be_cut() && headless(&output.out) {
            return Err(HostError::Cut { host, script, most: TAIL });
        }
        let none = |why: String| HostError::NoAnswer { host: host.clone(), script, why };
        let said = text::short(&output.err, 300);
        Err(match &output.state {
            State::TimedOut => HostError::TimedOut { host, script, after: TIME },
            State::Failed(why) => none(format!("Azure says `{}`{}", text::short(why, 300), beside(&said))),
            State::Exited(code) if *code != 0 => none(format!("it ended with {code}{}", beside(&said))),
            State::Ran | State::Exited(_) if !said.is_empty() => none(format!("it printed no answer{}", beside(&said))),
            State::Ran | State::Exited(_) => error,
        })
    }
}

fn beside(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(", and said on standard error: {said}") }
}

/// A name for a managed run command that no other one has; it is part of an address.
fn unused_name() -> Result<String, AzureError> {
    let number = getrandom::u64().map_err(|_| AzureError::BadName { name: "guidepost-".to_owned() })?;
    Ok(format!("guidepost-{number:016x}"))
}

#[async_trait]
impl Host for AzureHost {
    fn name(&self) -> &str {
        &self.machine.name
    }

    fn room(&self) -> usize {
        ROOM
    }

    async fn run(&self, script: &Script, request: Value, secret: Option<&Secret>) -> Result<Value, HostError> {
        let text = script.holding(&request);
        // Before the turn: what can never be sent need not wait.
        if text.len() > LONGEST_SCRIPT {
            return Err(HostError::TooLong { host: self.host(), script: script.name, bytes: text.len(), most: LONGEST_SCRIPT });
        }
        let _turn = self.turn.lock().await;
        let output = self.send(&text, secret).await.map_err(|error| self.failed(script, error))?;
        self.judge(script, &output)
    }
}
