//! Run command in both forms: the action, and the managed run command, which is a thing in Azure. Not what a script does.

use super::{
    Call, Refusal,
    machines::{id, page, time},
    operations, scripts,
};
use crate::practice::{
    chance,
    faults::Fault,
    wire::Answer,
    world::{Command, Deed, LOCATION, Machine, Operation, later},
};
use serde_json::{Map, Value, json};

/// The name under which a managed run command's `runAsPassword` is kept with its secrets; no parameter has a slash.
pub(super) const PASSWORD: &str = "/runAsPassword";
/// Properties of a managed run command that never come back (`facts/wire.md` 22; `examples-ext.json`).
const UNSEEN: &[&str] = &["protectedParameters", "runAsPassword"];
/// Azure ends a managed run command after 90 minutes when nothing else was said.
const PATIENCE: i64 = 5_400;

/// One script at a time; without `script` the sample runs, and that is a success.
pub(super) fn run(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let (machine, body) = (call.machine()?, call.body()?);
    let command =
        body.get("commandId").and_then(Value::as_str).ok_or_else(|| Refusal::content("Required property 'commandId' not found."))?;
    if !command.eq_ignore_ascii_case("RunPowerShellScript") {
        return Err(Refusal::no_entity());
    }
    let text = match body.get("script") {
        None | Some(Value::Null) => scripts::SAMPLE.to_owned(),
        Some(Value::Array(lines)) => {
            let lines: Option<Vec<&str>> = lines.iter().map(Value::as_str).collect();
            lines.ok_or_else(|| Refusal::parameter("script", "It is a list of texts."))?.join("\n")
        }
        Some(_) => return Err(Refusal::parameter("script", "It is a list of texts.")),
    };
    let parameters = parameters(body.get("parameters"), "parameters")?;
    reachable(call, &machine)?;
    if call.live.is_broken(Fault::RunCommandBusy) || call.live.world().azure.is_busy(&machine.name) {
        return Err(Refusal::busy());
    }
    let due = later(call.live.now(), call.live.settings.script_takes());
    let answer = operations::accept(call, Deed::Script { text, parameters }, &machine.name, due)?;
    Ok(answer.header("x-ms-ratelimit-remaining-resource", "Microsoft.Compute/UpdateVM3Min;239,Microsoft.Compute/UpdateVM30Min;1198"))
}

/// Nothing can be sent to a machine that is off or whose agent does not answer.
fn reachable(call: &Call<'_>, machine: &Machine) -> Result<(), Refusal> {
    if machine.is_ready(call.live.now()) { Ok(()) } else { Err(Refusal::off()) }
}

/// Names and values; their order stays.
fn parameters(given: Option<&Value>, what: &str) -> Result<Vec<(String, String)>, Refusal> {
    let wrong = || Refusal::parameter(what, "It is a list of names and values.");
    let list = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(given) => given.as_array().ok_or_else(wrong)?,
    };
    let one = |value: &Value| {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        text("name").zip(text("value")).filter(|(name, _)| !name.is_empty() && !name.contains('/')).ok_or_else(wrong)
    };
    list.iter().map(one).collect()
}

pub(super) fn list(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let machine = call.machine()?;
    let mine = call.live.world().azure.commands.iter().filter(|one| one.machine == machine.name);
    let shapes: Vec<Value> = mine.map(|one| shape(one, false)).collect();
    page(call, &shapes)
}

pub(super) fn one(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let command = named(call, &call.machine()?)?;
    let expand = call.question.param("$expand").unwrap_or_default();
    Ok(Answer::json(200, shape(&command, expand.eq_ignore_ascii_case("instanceView"))))
}

fn named(call: &Call<'_>, machine: &Machine) -> Result<Command, Refusal> {
    let name = call.value(3);
    let missing = || Refusal::no_resource(&format!("virtualMachines/{}/runCommands/{name}", machine.name));
    call.live.world().azure.command(&machine.name, name).cloned().ok_or_else(missing)
}

/// Makes one, or runs one again.
pub(super) fn put(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let (machine, body) = (call.machine()?, call.body()?);
    if body.get("location").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Refusal::content("The location property is required for this definition."));
    }
    let properties =
        body.get("properties").and_then(Value::as_object).ok_or_else(|| Refusal::content("Required property 'properties' not found."))?;
    let (command, secrets) = command(call, &machine, properties)?;
    reachable(call, &machine)?;
    let is_new = call.live.world().azure.command(&machine.name, &command.name).is_none();
    let due = later(call.live.now(), call.live.settings.script_takes());
    let (deed, began) = (Deed::Managed(command.name.clone()), command.began);
    let operation = Operation { id: chance::guid()?, key: chance::token()?, deed, machine: machine.name.clone(), began, due, end: None };
    call.live.keep_secrets(&operation.id, secrets);
    let mut answer = shape(&command, false);
    if let Some(state) = answer.pointer_mut("/properties/provisioningState") {
        *state = if is_new { "Creating" } else { "Updating" }.into();
    }
    call.change(|world| {
        world.azure.commands.retain(|one| !(one.machine == command.machine && one.name.eq_ignore_ascii_case(&command.name)));
        world.azure.commands.push(command);
    })?;
    operations::accepted(call, Answer::json(if is_new { 201 } else { 200 }, answer), operation)
}

/// Reads a managed run command, and what of it is secret.
fn command(call: &Call<'_>, machine: &Machine, properties: &Map<String, Value>) -> Result<(Command, Vec<(String, String)>), Refusal> {
    let source = properties.get("source").and_then(Value::as_object);
    let script = source.and_then(|source| source.get("script")).and_then(Value::as_str);
    let script = script.ok_or_else(|| Refusal::parameter("source", "The practice lab takes 'script' only."))?;
    parameters(properties.get("parameters"), "parameters")?;
    let mut secrets = parameters(properties.get("protectedParameters"), "protectedParameters")?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str).map(str::to_owned);
    secrets.extend(text("runAsPassword").map(|password| (PASSWORD.to_owned(), password)));
    let patience = properties.get("timeoutInSeconds").and_then(Value::as_i64).unwrap_or(PATIENCE);
    if !(1..=PATIENCE).contains(&patience) {
        return Err(Refusal::parameter("timeoutInSeconds", "It is between 1 and 5400."));
    }
    let shown = properties.iter().filter(|(name, _)| !UNSEEN.contains(&name.as_str())).map(|(name, value)| (name.clone(), value.clone()));
    let command = Command {
        name: call.value(3).to_owned(),
        machine: machine.name.clone(),
        script: script.to_owned(),
        shown: shown.collect(),
        account: text("runAsUser"),
        patience,
        began: call.live.now(),
        end: None,
    };
    Ok((command, secrets))
}

/// Removing one ends it too.
pub(super) fn delete(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let machine = call.machine()?;
    let Ok(command) = named(call, &machine) else { return Ok(Answer::empty(204)) };
    let due = later(call.live.now(), call.live.settings.script_takes());
    operations::accept(call, Deed::Remove(command.name), &machine.name, due)
}

fn shape(command: &Command, with_view: bool) -> Value {
    let Command { name, machine, .. } = command;
    let mut properties = command.shown.clone();
    // `Succeeded` says nothing of the script: only the instance view does.
    properties.insert("provisioningState".to_owned(), if command.end.is_some() { "Succeeded" } else { "Updating" }.into());
    if with_view {
        properties.insert("instanceView".to_owned(), view(command));
    }
    json!({
        "name": name,
        "id": id(&format!("/providers/Microsoft.Compute/virtualMachines/{machine}/runCommands/{name}")),
        "type": "Microsoft.Compute/virtualMachines/runCommands",
        "location": LOCATION,
        "tags": {},
        "properties": properties,
    })
}

fn view(command: &Command) -> Value {
    let began = time(command.began);
    match &command.end {
        None => {
            json!({"executionState": "Running", "executionMessage": "Execution is in progress", "output": "", "error": "", "startTime": began})
        }
        Some(end) => json!({
            "executionState": end.state, "executionMessage": end.message, "exitCode": end.printed.code, "output": end.printed.out,
            "error": end.printed.err, "startTime": began, "endTime": time(end.at),
        }),
    }
}
