//! Run command: a script sent to a machine, in both of Azure's forms. Not for what the script says: it comes back as text.

use super::{Azure, AzureError, MachineId, machines::COMPUTE};
use crate::base::http::Method;
use crate::base::{Secret, text};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The most bytes of output that come back; what is longer is cut at its front, mid-line, perhaps mid-character (`facts/wire.md` 25).
pub const TAIL: usize = 4096;
/// The longest script that is sent.
pub const LONGEST: usize = 64 * 1024;

/// What a script printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The last [`TAIL`] bytes of standard output; hostile text.
    pub out: String,
    /// The same of standard error.
    pub err: String,
    /// How it ended. The plain form loses this: `exit 1` succeeds there, so a script needs a marker of its own.
    pub state: State,
}

impl Output {
    /// Whether the front of the output may be missing.
    #[must_use]
    pub fn may_be_cut(&self) -> bool {
        // Three bytes of a character that was cut in two may be gone with it.
        self.out.len() + 3 >= TAIL
    }
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It ran; how it ended is not told.
    Ran,
    /// It ended by itself with this code.
    Exited(i64),
    /// Azure gave up waiting for it.
    TimedOut,
    /// It did not run to its end, in Azure's words.
    Failed(String),
}

/// Another account than SYSTEM, for the managed form.
#[derive(Clone)]
pub struct RunAs {
    /// The account, such as `TESTLAB\User1`.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// A managed run command: it may hold secrets and run as another account, and is a thing in Azure that must be removed after.
pub struct Managed<'a> {
    /// Its name in Azure.
    pub name: &'a str,
    /// The machine's location.
    pub location: &'a str,
    /// The script.
    pub script: &'a str,
    /// Values that Azure does not show again.
    pub secrets: &'a [(&'a str, &'a Secret)],
    /// Who runs it; SYSTEM when `None`.
    pub run_as: Option<&'a RunAs>,
    /// When Azure ends it.
    pub time: Duration,
}

impl Azure {
    /// Runs a script as SYSTEM and waits for its end; one at a time on a machine, and it cannot be called back.
    ///
    /// # Errors
    /// Why it did not run, or cannot be told.
    pub async fn run(&self, machine: &MachineId, script: &str) -> Result<Output, AzureError> {
        short_enough(script)?;
        let what = format!("run a script on `{}`", text::short(&machine.name, 64));
        let url = self.address(&machine.below(&["runCommand"]), COMPUTE)?;
        // Without `script` Azure runs a sample of its own and calls that a success.
        let body = json!({"commandId": "RunPowerShellScript", "script": script.lines().collect::<Vec<_>>()});
        let accepted = self.change(&what, Method::POST, url, Some(&body)).await?;
        let end = self.finished(&what, accepted).await?;
        output(&end).ok_or_else(|| AzureError::NotUnderstood { what, why: "it holds no output".to_owned() })
    }

    /// Runs a managed run command, waits for its end, and removes it in any case.
    ///
    /// # Errors
    /// Why it did not run, cannot be told, or was not removed.
    pub async fn run_managed(&self, machine: &MachineId, managed: &Managed<'_>) -> Result<Output, AzureError> {
        short_enough(managed.script)?;
        let result = self.create_and_watch(machine, managed).await;
        let removed = self.remove(machine, managed.name).await;
        // The script's fate matters more than that of its remains.
        let output = result?;
        removed.map(|()| output).map_err(|why| AzureError::Unwatched { why: Box::new(why) })
    }

    /// Removes a managed run command; one that is not there is removed.
    ///
    /// # Errors
    /// Why it could not be removed.
    pub async fn remove(&self, machine: &MachineId, name: &str) -> Result<(), AzureError> {
        let what = format!("remove run command `{}` from `{}`", text::short(name, 80), text::short(&machine.name, 64));
        let url = self.address(&machine.below(&["runCommands", name]), COMPUTE)?;
        match self.change(&what, Method::DELETE, url, None).await {
            Ok(accepted) => self.finished(&what, accepted).await.map(drop),
            Err(AzureError::Refused(refusal)) if refusal.status == 404 => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn create_and_watch(&self, machine: &MachineId, managed: &Managed<'_>) -> Result<Output, AzureError> {
        let what = format!("run a script on `{}`", text::short(&machine.name, 64));
        let url = self.address(&machine.below(&["runCommands", managed.name]), COMPUTE)?;
        let began = Instant::now();
        let accepted = self.change(&what, Method::PUT, url.clone(), Some(&request(managed))).await?;
        self.finished(&what, accepted).await?;
        let mut view = url;
        view.query_pairs_mut().append_pair("$expand", "instanceView");
        let limit = self.patience.operation.max(managed.time);
        let mut waited = Duration::ZERO;
        loop {
            let answer = self.look_at(&what, &view).await?;
            if let Some(output) = managed_output(&answer.body) {
                return Ok(output);
            }
            let wait = answer.after.unwrap_or(self.patience.every);
            if began.elapsed().max(waited) + wait > limit {
                return Err(AzureError::StillRunning { what, after: limit });
            }
            self.pause.pause(wait).await;
            waited += wait;
        }
    }
}

fn short_enough(script: &str) -> Result<(), AzureError> {
    if script.len() > LONGEST {
        return Err(AzureError::TooLong { bytes: script.len(), most: LONGEST });
    }
    Ok(())
}

fn request(managed: &Managed<'_>) -> Value {
    let secrets: Vec<_> = managed.secrets.iter().map(|(name, value)| json!({"name": name, "value": value.expose()})).collect();
    let mut properties = json!({
        "source": {"script": managed.script},
        "protectedParameters": secrets,
        "asyncExecution": false,
        "timeoutInSeconds": managed.time.as_secs(),
    });
    if let (Some(run_as), Some(fields)) = (managed.run_as, properties.as_object_mut()) {
        fields.insert("runAsUser".to_owned(), run_as.user.clone().into());
        fields.insert("runAsPassword".to_owned(), run_as.password.expose().into());
    }
    json!({"location": managed.location, "properties": properties})
}

/// The plain form's output: two entries from Windows, one with both in it from Linux (`facts/wire.md` 23).
fn output(end: &Value) -> Option<Output> {
    let entries = end.get("value")?.as_array()?;
    let of = |part: &str| {
        let code = |entry: &&Value| entry.get("code").and_then(Value::as_str).is_some_and(|code| code.contains(part));
        entries.iter().find(code).and_then(|entry| entry.get("message")?.as_str())
    };
    if let Some(out) = of("/StdOut/") {
        return Some(Output { out: out.to_owned(), err: of("/StdErr/").unwrap_or_default().to_owned(), state: State::Ran });
    }
    let both = of("ProvisioningState/")?;
    let (_, both) = both.split_once("[stdout]\n")?;
    let (out, err) = both.split_once("\n[stderr]\n").unwrap_or((both, ""));
    Some(Output { out: out.to_owned(), err: err.to_owned(), state: State::Ran })
}

/// The managed form's output; `None` while it runs.
fn managed_output(body: &Value) -> Option<Output> {
    let view = body.pointer("/properties/instanceView")?;
    let said = |name: &str| view.get(name).and_then(Value::as_str).unwrap_or_default();
    let state = match said("executionState") {
        "Succeeded" => view.get("exitCode").and_then(Value::as_i64).map_or(State::Ran, State::Exited),
        "Failed" => match view.get("exitCode").and_then(Value::as_i64) {
            Some(code) if code != 0 => State::Exited(code),
            _ => State::Failed(text::short(said("executionMessage"), 300)),
        },
        "TimedOut" => State::TimedOut,
        "Canceled" => State::Failed("it was cancelled".to_owned()),
        // `Pending`, `Running`, `Unknown`, and words that are yet to come.
        _ => return None,
    };
    Some(Output { out: said("output").to_owned(), err: said("error").to_owned(), state })
}
