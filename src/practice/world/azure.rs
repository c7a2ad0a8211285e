//! Azure in the world: machines, who may do what with them, what is under way. No HTTP, no shapes, no scripts.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The subscription that holds the lab.
pub(in crate::practice) const SUBSCRIPTION: &str = "8d4e1f6a-2b93-4c75-a0de-5f17c3b86942";
/// Its resource group.
pub(in crate::practice) const GROUP: &str = "TLG-RG";
/// Where the machines stand.
pub(in crate::practice) const LOCATION: &str = "westeurope";
/// The machine that Entra Connect runs on.
pub(in crate::practice) const APP1: &str = "APP1";
/// The domain controller.
pub(in crate::practice) const DC1: &str = "DC1";
/// The machine for trying things out.
pub(in crate::practice) const CLIENT1: &str = "CLIENT1";
/// What has ended long ago is forgotten when there is more.
const MOST: usize = 64;

/// What Resource Manager shows, and more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Azure {
    /// The machines of the resource group.
    pub(in crate::practice) machines: Vec<Machine>,
    /// Role assignments in Azure, which have nothing to do with roles in the tenant.
    pub(in crate::practice) grants: Vec<Grant>,
    /// Asynchronous operations, oldest first.
    pub(in crate::practice) operations: Vec<Operation>,
    /// Managed run commands that were not removed.
    pub(in crate::practice) commands: Vec<Command>,
}

impl Default for Azure {
    fn default() -> Self {
        let machine = |name: &str, address: &str, power| Machine {
            name: name.to_owned(),
            address: address.to_owned(),
            power,
            since: Timestamp::UNIX_EPOCH,
            runs: Timestamp::UNIX_EPOCH,
            ready: Timestamp::UNIX_EPOCH,
            mute: false,
        };
        Self {
            machines: vec![
                machine(DC1, "10.0.0.4", Power::On),
                machine(APP1, "10.0.0.5", Power::On),
                machine(CLIENT1, "10.0.0.6", Power::Deallocated),
            ],
            grants: Vec::new(),
            operations: Vec::new(),
            commands: Vec::new(),
        }
    }
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Machine {
    /// As the service writes it.
    pub(in crate::practice) name: String,
    /// Its address in the lab's network.
    pub(in crate::practice) address: String,
    /// Whether it was told to run.
    pub(in crate::practice) power: Power,
    /// When it was told so.
    pub(in crate::practice) since: Timestamp,
    /// From when it runs, if it was told to.
    runs: Timestamp,
    /// From when its agent answers, if it was told to run.
    ready: Timestamp,
    /// Whether a person ended the agent's service on it.
    #[serde(default)]
    pub(in crate::practice) mute: bool,
}

/// What a machine was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Power {
    /// To run.
    On,
    /// Shut down from within: Azure keeps its place, and bills it.
    Stopped,
    /// Stopped in Azure, which costs nothing.
    Deallocated,
}

impl Machine {
    /// Starts it; it runs after `span`, and its agent answers after another.
    pub(in crate::practice) fn start(&mut self, now: Timestamp, span: SignedDuration) {
        if self.power == Power::On {
            return;
        }
        self.power = Power::On;
        self.since = now;
        self.runs = later(now, span);
        self.ready = later(self.runs, span);
    }

    /// Stops it in this way.
    pub(in crate::practice) fn stop(&mut self, how: Power, now: Timestamp) {
        self.power = how;
        self.since = now;
    }

    /// Whether it runs now.
    pub(in crate::practice) fn runs(&self, now: Timestamp) -> bool {
        self.power == Power::On && now >= self.runs
    }

    /// Whether its agent takes what Azure sends.
    pub(in crate::practice) fn is_ready(&self, now: Timestamp) -> bool {
        self.power == Power::On && now >= self.ready && !self.mute
    }

    /// From when it runs, if it was told to.
    pub(in crate::practice) fn runs_from(&self) -> Timestamp {
        self.runs
    }

    /// The word behind `PowerState/`.
    pub(in crate::practice) fn state(&self, now: Timestamp) -> &'static str {
        match self.power {
            Power::On if now >= self.runs => "running",
            Power::On => "starting",
            Power::Stopped => "stopped",
            Power::Deallocated => "deallocated",
        }
    }
}

/// So much later.
pub(in crate::practice) fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(now)
}

/// A built-in role of Azure.
#[derive(Debug)]
pub(in crate::practice) struct AzureRole {
    /// Its name.
    pub(in crate::practice) name: &'static str,
    allows: fn(&str) -> bool,
}

/// The role that the practice administrator has, and the guide asks for.
pub(in crate::practice) const MACHINE_CONTRIBUTOR: &str = "Virtual Machine Contributor";

/// The roles that this lab knows; actions come in small letters.
pub(in crate::practice) const AZURE_ROLES: &[AzureRole] = &[
    AzureRole { name: "Reader", allows: |action| action.ends_with("/read") },
    AzureRole {
        name: MACHINE_CONTRIBUTOR,
        allows: |action| {
            action.starts_with("microsoft.compute/virtualmachines/")
                || action.starts_with("microsoft.compute/locations/")
                || action == "microsoft.resources/subscriptions/resourcegroups/read"
        },
    },
    AzureRole { name: "Contributor", allows: |_| true },
    AzureRole { name: "Owner", allows: |_| true },
];

/// The role of this name, in any case.
pub(in crate::practice) fn azure_role(name: &str) -> Option<&'static AzureRole> {
    AZURE_ROLES.iter().find(|role| role.name.eq_ignore_ascii_case(name))
}

/// A role assignment on the lab's resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Grant {
    /// Object id of the account.
    pub(in crate::practice) principal: String,
    /// Name of the role.
    pub(in crate::practice) role: String,
}

/// Something that was accepted and takes time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Operation {
    /// Its id.
    pub(in crate::practice) id: String,
    /// What the signature of its address is made from.
    pub(in crate::practice) key: String,
    /// What is done.
    pub(in crate::practice) deed: Deed,
    /// On which machine.
    pub(in crate::practice) machine: String,
    /// When it was accepted.
    pub(in crate::practice) began: Timestamp,
    /// When to see whether it has ended.
    pub(in crate::practice) due: Timestamp,
    /// How it ended; `None` while it runs.
    pub(in crate::practice) end: Option<End>,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Deed {
    /// Starts the machine.
    Start,
    /// Runs a script, one at a time on a machine.
    Script {
        /// Its text.
        text: String,
        /// Parameters by name.
        parameters: Vec<(String, String)>,
    },
    /// Runs the managed run command of this name.
    Managed(String),
    /// Removes the managed run command of this name.
    Remove(String),
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct End {
    /// When.
    pub(in crate::practice) at: Timestamp,
    /// What it printed, if it was a script.
    pub(in crate::practice) printed: Option<Printed>,
    /// Code and message, if it failed.
    pub(in crate::practice) failure: Option<(String, String)>,
}

/// What a script printed, as much of it as Azure keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Printed {
    /// Standard output.
    pub(in crate::practice) out: String,
    /// Standard error.
    pub(in crate::practice) err: String,
    /// Its exit code, which only the managed form tells.
    pub(in crate::practice) code: i32,
}

/// A managed run command: a thing in Azure. Its secrets are kept in memory only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Command {
    /// Its name.
    pub(in crate::practice) name: String,
    /// The machine that it belongs to.
    pub(in crate::practice) machine: String,
    /// Its script.
    pub(in crate::practice) script: String,
    /// The properties that are shown again.
    pub(in crate::practice) shown: Map<String, Value>,
    /// Who runs it, if not SYSTEM.
    pub(in crate::practice) account: Option<String>,
    /// Azure ends it after so many seconds.
    pub(in crate::practice) patience: i64,
    /// When it was made or changed.
    pub(in crate::practice) began: Timestamp,
    /// How it ended; `None` while it runs.
    pub(in crate::practice) end: Option<CommandEnd>,
}

/// How a managed run command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct CommandEnd {
    /// `Succeeded`, `Failed`, `TimedOut`.
    pub(in crate::practice) state: String,
    /// When.
    pub(in crate::practice) at: Timestamp,
    /// What it printed.
    pub(in crate::practice) printed: Printed,
    /// Azure's words on it.
    pub(in crate::practice) message: String,
}

impl Azure {
    /// The machine of this name, in any case.
    pub(in crate::practice) fn machine(&self, name: &str) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.name.eq_ignore_ascii_case(name))
    }

    /// The same, to change it.
    pub(in crate::practice) fn machine_mut(&mut self, name: &str) -> Option<&mut Machine> {
        self.machines.iter_mut().find(|machine| machine.name.eq_ignore_ascii_case(name))
    }

    /// Whether this machine runs now.
    pub(in crate::practice) fn runs(&self, name: &str, now: Timestamp) -> bool {
        self.machine(name).is_some_and(|machine| machine.runs(now))
    }

    /// Whether an account may do this in the resource group.
    pub(in crate::practice) fn may(&self, principal: &str, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let mine = self.grants.iter().filter(|grant| grant.principal == principal);
        mine.filter_map(|grant| azure_role(&grant.role)).any(|role| (role.allows)(&action))
    }

    /// Whether an account has any right here at all.
    pub(in crate::practice) fn knows(&self, principal: &str) -> bool {
        self.grants.iter().any(|grant| grant.principal == principal)
    }

    /// Gives a role; false if it was given already.
    pub(in crate::practice) fn grant(&mut self, principal: &str, role: &str) -> bool {
        let grant = Grant { principal: principal.to_owned(), role: role.to_owned() };
        let new = !self.grants.contains(&grant);
        if new {
            self.grants.push(grant);
        }
        new
    }

    /// The operation of this id.
    pub(in crate::practice) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|one| one.id.eq_ignore_ascii_case(id))
    }

    /// Keeps an operation.
    pub(in crate::practice) fn accept(&mut self, operation: Operation) {
        self.operations.push(operation);
        if self.operations.len() > MOST
            && let Some(oldest) = self.operations.iter().position(|one| one.end.is_some())
        {
            self.operations.remove(oldest);
        }
    }

    /// Whether a script of the plain form runs on this machine.
    pub(in crate::practice) fn is_busy(&self, machine: &str) -> bool {
        let mine = |one: &&Operation| one.machine == machine && one.end.is_none();
        self.operations.iter().filter(mine).any(|one| matches!(one.deed, Deed::Script { .. }))
    }

    /// Whether something may have ended by now.
    pub(in crate::practice) fn is_due(&self, now: Timestamp) -> bool {
        self.operations.iter().any(|one| one.end.is_none() && one.due <= now)
    }

    /// The managed run command of this name on this machine, names in any case.
    pub(in crate::practice) fn command(&self, machine: &str, name: &str) -> Option<&Command> {
        self.commands.iter().find(|one| one.machine == machine && one.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    #[test]
    fn a_machine_starts_runs_and_then_its_agent_answers() {
        let mut azure = Azure::default();
        let span = SignedDuration::from_secs(3);
        let client1 = azure.machine_mut("client1").unwrap();
        client1.start(at(10), span);
        client1.start(at(11), span);
        let states = [10, 12, 13, 15, 16].map(|second| (client1.state(at(second)), client1.is_ready(at(second))));
        assert_eq!(states, [("starting", false), ("starting", false), ("running", false), ("running", false), ("running", true)]);
        client1.stop(Power::Stopped, at(20));
        assert_eq!((client1.state(at(20)), client1.runs(at(20)), client1.is_ready(at(20))), ("stopped", false, false));
    }

    #[test]
    fn a_role_in_azure_allows_what_it_is_for_and_no_role_allows_nothing() {
        let mut azure = Azure::default();
        let run = "Microsoft.Compute/virtualMachines/runCommand/action";
        let read = "Microsoft.Compute/virtualMachines/instanceView/read";
        let group = "Microsoft.Resources/subscriptions/resourceGroups/write";
        let may = |azure: &Azure| [run, read, group].map(|action| azure.may("x", action));
        assert_eq!(may(&azure), [false; 3]);
        assert!(azure.grant("x", "Reader") && !azure.grant("x", "Reader"));
        assert_eq!(may(&azure), [false, true, false]);
        azure.grant("x", MACHINE_CONTRIBUTOR);
        assert_eq!(may(&azure), [true, true, false]);
        azure.grant("x", "Owner");
        assert_eq!(may(&azure), [true; 3]);
    }

    #[test]
    fn what_has_ended_is_forgotten_first() {
        let mut azure = Azure::default();
        for n in 0..200 {
            let end = (n > 0).then(|| End { at: at(n), printed: None, failure: None });
            let id = n.to_string();
            azure.accept(Operation { id, key: String::new(), deed: Deed::Start, machine: APP1.to_owned(), began: at(n), due: at(n), end });
        }
        assert_eq!((azure.operations.len(), azure.operation("0").is_some()), (MOST, true));
    }
}
