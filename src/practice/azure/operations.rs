//! Asynchronous operations: accepted now, told by two long addresses, ended when their time has come. Not what is accepted.

use super::{
    Call, Refusal, Secrets,
    machines::time,
    scripts::{self, Job},
};
use crate::practice::{
    chance,
    faults::Fault,
    wire::Answer,
    world::{CommandEnd, Deed, End, LOCATION, Operation, Printed, SUBSCRIPTION, World, later},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// What comes back of an output at most (`facts/wire.md` 25).
const TAIL: usize = 4096;
/// What [`Fault::OutputCut`] leaves of a script's own output: its end, and not its beginning.
const NOISE: usize = TAIL - 48;

/// Keeps an operation and tells where it can be watched.
pub(super) fn accept(call: &mut Call<'_>, deed: Deed, machine: &str, due: Timestamp) -> Result<Answer, Refusal> {
    let began = call.live.now();
    let operation = Operation { id: chance::guid()?, key: chance::token()?, deed, machine: machine.to_owned(), began, due, end: None };
    accepted(call, Answer::empty(202), operation)
}

/// The same, of an operation that was made already and with an answer of its own.
pub(super) fn accepted(call: &mut Call<'_>, answer: Answer, operation: Operation) -> Result<Answer, Refusal> {
    let (watch, result) = (address(call, &operation, false), address(call, &operation, true));
    call.change(|world| world.azure.accept(operation))?;
    // The description names `Retry-After` for these; run command's recording has none (`facts/wire.md` 22).
    Ok(answer.header("azure-asyncoperation", watch).header("location", result))
}

/// Where an operation is watched: signed, and long.
fn address(call: &Call<'_>, operation: &Operation, monitor: bool) -> String {
    let version = call.version();
    let path = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/{LOCATION}/operations/{}", operation.id);
    let monitor = if monitor { "monitor=true&" } else { "" };
    format!("{}?{monitor}api-version={version}&{}", call.address(&path), signature(operation))
}

/// `p`, `t`, a certificate of several kilobytes, signature and hash; some of it encoded as no client would by itself.
fn signature(operation: &Operation) -> String {
    let part = |name: &str| BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{name} {}", operation.key)));
    let certificate: String = (0..60).map(|n| part(&format!("c{n}"))).collect();
    let ticks = operation.began.as_millisecond();
    format!("p={}&t={ticks}&c={certificate}&s={}%3d%7E&h={}", part("p"), part("s"), part("h"))
}

pub(super) fn poll(call: &mut Call<'_>) -> Result<Answer, Refusal> {
    let found = call.live.world().azure.operation(call.value(2)).cloned();
    let found = found.filter(|_| call.value(1).eq_ignore_ascii_case(LOCATION));
    // The whole query as it was given out: whoever writes it anew breaks the signature.
    let signed = |one: &Operation| call.question.raw_query.ends_with(&signature(one));
    let found = found.filter(signed).ok_or_else(Refusal::no_entity)?;
    if call.question.param("monitor") == Some("true") { Ok(result(call, &found)) } else { Ok(Answer::json(200, status(&found))) }
}

/// The name that a recording shows; run command's own output stands in it.
fn status(operation: &Operation) -> Value {
    let mut body = json!({"startTime": time(operation.began), "status": "InProgress", "name": operation.id});
    let (Some(end), Some(fields)) = (&operation.end, body.as_object_mut()) else { return body };
    fields.insert("endTime".to_owned(), time(end.at).into());
    fields.insert("status".to_owned(), if end.failure.is_some() { "Failed" } else { "Succeeded" }.into());
    if let Some((code, message)) = &end.failure {
        fields.insert("error".to_owned(), json!({"code": code, "message": message}));
    } else if let Some(printed) = &end.printed {
        fields.insert("properties".to_owned(), json!({"output": output(printed)}));
    }
    body
}

/// The address of the result: 202 while it runs.
fn result(call: &Call<'_>, operation: &Operation) -> Answer {
    match &operation.end {
        None => Answer::empty(202).header("location", address(call, operation, true)),
        Some(End { failure: Some((code, message)), .. }) => Answer::json(409, json!({"error": {"code": code, "message": message}})),
        Some(End { printed: Some(printed), .. }) => Answer::json(200, output(printed)),
        Some(End { printed: None, .. }) => Answer::empty(200),
    }
}

/// Windows tells output and errors apart, and both as succeeded whatever the exit code was (`facts/wire.md` 23, 24).
fn output(printed: &Printed) -> Value {
    let entry = |stream: &str, text: &str| json!({"code": format!("ComponentStatus/{stream}/succeeded"), "level": "Info", "displayStatus": "Provisioning succeeded", "message": text});
    json!({"value": [entry("StdOut", &printed.out), entry("StdErr", &printed.err)]})
}

/// Ends what has come to its end by now.
pub(in crate::practice) fn settle(world: &mut World, now: Timestamp, span: SignedDuration, secrets: &Secrets) {
    let due = |one: &Operation| one.end.is_none() && one.due <= now;
    let waiting: Vec<Operation> = world.azure.operations.iter().filter(|one| due(one)).cloned().collect();
    for operation in waiting {
        let none: &[(String, String)] = &[];
        let secret = secrets.get(&operation.id).map_or(none, Vec::as_slice);
        let ended = end(world, &operation, (now, span), secret);
        let Some(kept) = world.azure.operations.iter_mut().find(|one| one.id == operation.id) else { continue };
        match ended {
            Ok(end) => kept.end = Some(end),
            // Never at once again: each look stores the world.
            Err(again) => kept.due = again.max(later(now, span.max(SignedDuration::from_millis(100)))),
        }
    }
}

/// How an operation ended, or when to see again.
fn end(
    world: &mut World,
    operation: &Operation,
    (now, lag): (Timestamp, SignedDuration),
    secrets: &[(String, String)],
) -> Result<End, Timestamp> {
    let (at, machine) = (operation.due, operation.machine.as_str());
    let done = End { at, printed: None, failure: None };
    if matches!(operation.deed, Deed::Script { .. } | Deed::Start) && !world.azure.runs(machine, now) {
        // The words of Azure for what something newer has overtaken.
        let failure = ("OperationPreempted".to_owned(), "The operation has been preempted by a more recent operation.".to_owned());
        return Ok(End { failure: Some(failure), ..done });
    }
    match &operation.deed {
        Deed::Start => Ok(done),
        Deed::Script { text, parameters } => {
            let began = operation.began;
            let printed = execute(world, text, &Execution { machine, account: None, parameters, began, now, lag })?;
            Ok(End { printed: Some(printed), ..done })
        }
        Deed::Managed(name) => {
            let ended = end_managed(world, (machine, name), operation, (now, lag), secrets)?;
            if let Some(command) = world.azure.commands.iter_mut().find(|one| one.machine == machine && one.name == *name) {
                command.end = Some(ended);
            }
            Ok(done)
        }
        Deed::Remove(name) => {
            world.azure.commands.retain(|one| !(one.machine == machine && one.name == *name));
            Ok(done)
        }
    }
}

fn end_managed(
    world: &mut World,
    (machine, name): (&str, &str),
    operation: &Operation,
    (now, lag): (Timestamp, SignedDuration),
    secrets: &[(String, String)],
) -> Result<CommandEnd, Timestamp> {
    let ended = |state: &str, printed, message: &str| CommandEnd {
        state: state.to_owned(),
        at: operation.due,
        printed,
        message: message.to_owned(),
    };
    let failed = |message| Ok(ended("Failed", Printed { code: -1, ..Printed::default() }, message));
    let Some(command) = world.azure.command(machine, name).cloned() else { return failed("The run command was removed.") };
    if !world.azure.runs(machine, now) {
        return failed("The virtual machine is not running.");
    }
    let secret = |name: &str| secrets.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    if command.account.is_some() && secret(super::run::PASSWORD) != Some(world.password.as_str()) {
        return failed("Failed to run as the given user: the user name or password is incorrect.");
    }
    let shown = command.shown.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let named = shown.filter_map(|one| Some((one.get("name")?.as_str()?.to_owned(), one.get("value")?.as_str()?.to_owned())));
    let given = secrets.iter().filter(|(name, _)| name != super::run::PASSWORD).cloned();
    let parameters: Vec<(String, String)> = named.chain(given).collect();
    let execution = Execution { machine, account: command.account.as_deref(), parameters: &parameters, began: command.began, now, lag };
    match execute(world, &command.script, &execution) {
        Ok(printed) if printed.code == 0 => Ok(ended("Succeeded", printed, "Execution completed")),
        Ok(printed) => Ok(ended("Failed", printed, "Execution failed")),
        Err(_) if now.duration_since(command.began).as_secs() >= command.patience => {
            Ok(ended("TimedOut", Printed::default(), "Execution timed out"))
        }
        Err(again) => Err(again),
    }
}

/// How a script is run.
struct Execution<'a> {
    machine: &'a str,
    account: Option<&'a str>,
    parameters: &'a [(String, String)],
    began: Timestamp,
    now: Timestamp,
    lag: SignedDuration,
}

fn execute(world: &mut World, text: &str, how: &Execution<'_>) -> Result<Printed, Timestamp> {
    let (text, values) = scripts::without_values(text);
    let noisy = world.is_broken(Fault::OutputCut, how.now);
    let Execution { machine, account, parameters, began, now, lag } = *how;
    let Printed { mut out, err, code } =
        scripts::ask(&text, &mut Job { world, machine, account, values: &values, parameters, began, now, lag })?;
    if noisy {
        out.push_str(&"WARNING: something on this machine prints too much.\n".repeat(NOISE.div_ceil(52)));
    }
    Ok(Printed { out: tail(&out), err: tail(&err), code })
}

/// The end of an output: cut at its front, mid-line, perhaps mid-character.
fn tail(text: &str) -> String {
    let bytes = text.as_bytes();
    String::from_utf8_lossy(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_keeps_its_last_4096_bytes_and_may_begin_in_the_middle_of_a_character() {
        assert_eq!(tail(&"x".repeat(4096)).len(), 4096);
        let long = format!("begin é{}", "y".repeat(4095));
        assert!(tail(&long).starts_with("\u{fffd}y"), "{}", tail(&long).chars().take(5).collect::<String>());
    }
}
