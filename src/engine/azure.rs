//! The machines of a lab as the engine asks Azure for them: looks and starts become answers and sentences. Judges nothing.

use super::probe::{Answer, LookError, MachineCall, Request, SendError};
use crate::base::text;
use crate::guide::step::MachinePart;
use crate::lab::connect::{AzureWay, NoAzure};
use crate::services::azure::{AzureError, Instance, Machine, MachineId, Power, Seen};
use serde_json::{Value, json};
use tokio::time::Instant;

/// The code by which a guide's diagnosis knows that nobody is signed in to Azure.
pub(super) const NO_SIGN_IN: &str = "AZURE_SIGN_IN";

/// The machines of a lab.
pub(super) struct Machines(AzureWay);

impl Machines {
    /// Over this way; nothing is asked yet.
    pub(super) fn new(way: AzureWay) -> Self {
        Self(way)
    }

    /// Where a machine is.
    pub(super) fn address(&self, part: &str) -> String {
        let machine = MachinePart::of(part).and_then(|part| self.0.machine(part).ok());
        machine.map_or_else(
            || part.to_owned(),
            |MachineId { subscription, group, name }| {
                format!(
                    "{}/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}",
                    self.0.address()
                )
            },
        )
    }

    /// One read.
    pub(super) async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        match request {
            Request::Machine(part) => {
                let machine = self.0.machine(*part).map_err(|error| not_configured(&error))?;
                let seen = self.0.azure().look(&machine).await.map_err(|error| look_error(&error))?;
                Ok(answer(seen, |instance| facts(&machine.name, instance)))
            }
            Request::Machines => {
                let (subscription, group) = self.0.group().map_err(|error| not_configured(&error))?;
                let began = Instant::now();
                let machines = self.0.azure().machines(subscription, group).await.map_err(|error| look_error(&error))?;
                let body = json!({"value": machines.iter().map(listed).collect::<Vec<_>>()});
                Ok(Answer { status: 200, body, date: None, request_id: None, took: began.elapsed() })
            }
            Request::Graph { .. }
            | Request::Ldap { .. }
            | Request::Rights { .. }
            | Request::Script { .. }
            | Request::Object { .. }
            | Request::Trip(_)
            | Request::Ledger { .. } => Err(plain("this is nothing that Azure knows".into())),
        }
    }

    /// One change; ends when Azure says that it has ended.
    pub(super) async fn send(&self, call: &MachineCall) -> Result<Answer, SendError> {
        let refused = |error| SendError::Refused(error);
        let unknown = || refused(plain(format!("there is no machine `{}` in the guide", text::short(&call.start, 40))));
        let part = MachinePart::of(&call.start).ok_or_else(unknown)?;
        let machine = self.0.machine(part).map_err(|error| refused(not_configured(&error)))?;
        let began = Instant::now();
        match self.0.azure().start(&machine).await {
            Ok(()) => Ok(Answer { status: 200, body: Value::Null, date: None, request_id: None, took: began.elapsed() }),
            Err(error) if error.outcome_known() => Err(SendError::Refused(look_error(&error))),
            Err(error) => Err(SendError::InDoubt(look_error(&error))),
        }
    }
}

fn answer<T>(seen: Seen<T>, body: impl FnOnce(&T) -> Value) -> Answer {
    let Seen { it, date, request_id, took } = seen;
    Answer { status: 200, body: body(&it), date, request_id, took }
}

/// What [`crate::guide::step::AzureLook::Machine`] promises.
fn facts(name: &str, instance: &Instance) -> Value {
    let agent = match instance.agent_ready {
        Some(true) => "ready",
        Some(false) => "not-ready",
        None => "none",
    };
    json!({"name": name, "power": power(&instance.power), "agent": agent, "os": instance.os})
}

fn power(power: &Power) -> &str {
    match power {
        Power::Running => "running",
        Power::Starting => "starting",
        Power::Stopping => "stopping",
        Power::Stopped => "stopped",
        Power::Deallocated => "deallocated",
        Power::Other(other) => other,
    }
}

fn listed(machine: &Machine) -> Value {
    json!({"name": machine.name, "location": machine.location, "size": machine.size})
}

fn plain(what: String) -> LookError {
    LookError { what, hint: None, status: None, code: None }
}

fn not_configured(error: &NoAzure) -> LookError {
    LookError { hint: Some(NoAzure::HINT.to_owned()), code: Some(NoAzure::CODE.to_owned()), ..plain(error.to_string()) }
}

pub(super) fn look_error(error: &AzureError) -> LookError {
    let code = match error {
        AzureError::SignIn { .. } => Some(NO_SIGN_IN),
        other => other.code(),
    };
    LookError { what: error.to_string(), hint: error.hint().map(str::to_owned), status: error.status(), code: code.map(str::to_owned) }
}
