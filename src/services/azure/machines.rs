//! Subscriptions and machines: which there are, whether they run, starting one.

use super::{Azure, AzureError};
use crate::base::clock::Timestamp;
use crate::base::http::{Method, Reply};
use crate::base::text;
use serde_json::Value;
use std::time::Duration;

/// The version of the subscriptions' interface.
const SUBSCRIPTIONS: &str = "2021-04-01";
/// The version of the machines' interface.
pub(super) const COMPUTE: &str = "2023-03-01";
/// A lab has three; more pages than this are no lab.
const PAGES: usize = 20;

/// A subscription that the account can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `Enabled`, `Disabled`, `Warned`, …
    pub state: String,
}

/// Which machine; names are case-insensitive in Azure and come back in the service's own case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId {
    /// The subscription's id.
    pub subscription: String,
    /// The resource group.
    pub group: String,
    /// The machine's name.
    pub name: String,
}

impl MachineId {
    /// Its address below Resource Manager's, for plans and screens.
    #[must_use]
    pub fn address(&self, base: &str) -> String {
        format!("{base}/{}", self.below(&[]).join("/"))
    }

    /// The segments of its address, and more below it.
    pub(super) fn below<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let Self { subscription, group, name } = self;
        let mut segments =
            vec!["subscriptions", subscription, "resourceGroups", group, "providers", "Microsoft.Compute", "virtualMachines", name];
        segments.extend(more);
        segments
    }
}

/// A machine of a resource group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// Its size, such as `Standard_A2_v2`; empty when it is not told.
    pub size: String,
}

/// Whether a machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs.
    Running,
    /// It is coming up.
    Starting,
    /// It is going down.
    Stopping,
    /// It is off, and still paid for.
    Stopped,
    /// It is off.
    Deallocated,
    /// Azure's own word, which may be new; empty when it says none.
    Other(String),
}

/// How a machine is at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Whether it runs.
    pub power: Power,
    /// Whether its agent, which run command needs, is ready; `None` when it does not report.
    pub agent_ready: Option<bool>,
    /// The operating system, as the agent reports it.
    pub os: Option<String>,
}

impl Azure {
    /// The subscriptions that the account can see. An empty list is how Azure says that it has no rights at all (`facts/wire.md` 27).
    ///
    /// # Errors
    /// Why they cannot be read.
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, AzureError> {
        let url = self.address(&["subscriptions"], SUBSCRIPTIONS)?;
        let found = self.pages("list the subscriptions", url).await?;
        Ok(found
            .iter()
            .map(|one| Subscription { id: said(one, "/subscriptionId"), name: said(one, "/displayName"), state: said(one, "/state") })
            .collect())
    }

    /// The machines of a resource group.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub async fn machines(&self, subscription: &str, group: &str) -> Result<Vec<Machine>, AzureError> {
        let segments = ["subscriptions", subscription, "resourceGroups", group, "providers", "Microsoft.Compute", "virtualMachines"];
        let url = self.address(&segments, COMPUTE)?;
        let found = self.pages(&format!("list the machines of `{}`", text::short(group, 90)), url).await?;
        let size = |one: &Value| said(one, "/properties/hardwareProfile/vmSize");
        Ok(found.iter().map(|one| Machine { name: said(one, "/name"), location: said(one, "/location"), size: size(one) }).collect())
    }

    /// How a machine is at the moment.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn instance(&self, machine: &MachineId) -> Result<Instance, AzureError> {
        Ok(self.look(machine).await?.it)
    }

    /// Where a machine stands.
    ///
    /// # Errors
    /// There is no answer, or it does not say.
    pub async fn location(&self, machine: &MachineId) -> Result<String, AzureError> {
        let what = format!("look where machine `{}` stands", text::short(&machine.name, 64));
        let url = self.address(&machine.below(&[]), COMPUTE)?;
        let answer = self.read(&what, &url).await?;
        match said(&answer.body, "/location") {
            none if none.is_empty() => Err(AzureError::NotUnderstood { what, why: "it names no location".to_owned() }),
            location => Ok(location),
        }
    }

    /// The same, with when it was so by Azure's own clock.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub async fn look(&self, machine: &MachineId) -> Result<Seen<Instance>, AzureError> {
        let url = self.address(&machine.below(&["instanceView"]), COMPUTE)?;
        let answer = self.read(&format!("look at machine `{}`", text::short(&machine.name, 64)), &url).await?;
        let it = instance(&answer.body);
        let Reply { date, took, .. } = answer.reply;
        Ok(Seen { it, date, request_id: answer.reply.header("x-ms-request-id"), took })
    }

    /// Starts a machine, and waits until Azure says that it is started.
    ///
    /// # Errors
    /// Why it was not started, or cannot be told.
    pub async fn start(&self, machine: &MachineId) -> Result<(), AzureError> {
        let what = format!("start machine `{}`", text::short(&machine.name, 64));
        let url = self.address(&machine.below(&["start"]), COMPUTE)?;
        let accepted = self.change(&what, Method::POST, url, None).await?;
        self.finished(&what, accepted).await.map(drop)
    }

    /// A list with all its pages (`nextLink`, without `@odata`).
    async fn pages(&self, what: &str, mut url: url::Url) -> Result<Vec<Value>, AzureError> {
        let mut all = Vec::new();
        for _ in 0..PAGES {
            let mut answer = self.read(what, &url).await?;
            let Some(Value::Array(items)) = answer.body.get_mut("value").map(Value::take) else {
                return Err(AzureError::NotUnderstood { what: what.to_owned(), why: "it is no list".to_owned() });
            };
            all.extend(items);
            match answer.body.get("nextLink").and_then(Value::as_str) {
                Some(next) => url = self.own(what, next)?,
                None => return Ok(all),
            }
        }
        Err(AzureError::TooMany { what: what.to_owned(), most: all.len() })
    }
}

/// What Azure told, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    /// What.
    pub it: T,
    /// The `Date` of the reply.
    pub date: Option<Timestamp>,
    /// `x-ms-request-id`.
    pub request_id: Option<String>,
    /// How long it took.
    pub took: Duration,
}

fn instance(body: &Value) -> Instance {
    Instance { power: power(body), agent_ready: agent_ready(body), os: os(body) }
}

fn said(value: &Value, pointer: &str) -> String {
    text::short(value.pointer(pointer).and_then(Value::as_str).unwrap_or_default(), 200)
}

fn codes(body: &Value) -> impl Iterator<Item = &str> {
    body.get("statuses").and_then(Value::as_array).into_iter().flatten().filter_map(|status| status.get("code")?.as_str())
}

fn power(body: &Value) -> Power {
    match codes(body).find_map(|code| code.strip_prefix("PowerState/")).unwrap_or_default() {
        "running" => Power::Running,
        "starting" => Power::Starting,
        "stopping" | "deallocating" => Power::Stopping,
        "stopped" => Power::Stopped,
        "deallocated" => Power::Deallocated,
        other => Power::Other(text::short(other, 40)),
    }
}

fn agent_ready(body: &Value) -> Option<bool> {
    let statuses = body.pointer("/vmAgent/statuses")?.as_array()?;
    Some(statuses.iter().any(|status| status.get("displayStatus").and_then(Value::as_str) == Some("Ready")))
}

fn os(body: &Value) -> Option<String> {
    body.get("osName").and_then(Value::as_str).map(|name| text::short(name, 120))
}
