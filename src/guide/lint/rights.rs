//! The least rights: each request is covered by a declared one, and each declared one is for a request.

use super::step::path_problem;
use crate::guide::finding::Finding;
use crate::guide::load::Parts;
use crate::guide::pack::ReadWrite;
use crate::guide::rights::needed;
use crate::guide::step::{AzureChange, AzureLook, Change, LdapWrite, Probe, Step, Trip, TripBy, Undo};
use crate::guide::variables::{Part, Template};
use crate::guide::yaml::Read;
use std::collections::HashSet;
use std::sync::LazyLock;

/// The attribute that holds an object's permissions.
const PERMISSIONS: &str = "nTSecurityDescriptor";
/// The attribute by which a password is written.
const PASSWORD: &str = "unicodePwd";

/// The reset of a trip; what became of it is asked with the same permission.
static RESET: LazyLock<Template> = LazyLock::new(|| {
    let source = "/v1.0/users/x/authentication/methods/x/resetPassword".to_owned();
    Template { parts: vec![Part::Text(source.clone())], source }
});
/// What running a script on a machine needs in Azure, whether it reads or changes.
const RUN_COMMAND: &str = "virtualMachines/runCommand/action";

/// One request of a step.
struct Request<'s> {
    method: &'static str,
    path: &'s Template,
    keys: Vec<String>,
}

pub(super) fn lint(parts: &Parts, out: &mut Vec<Finding>) {
    let graph = &parts.pack.value.rights.graph;
    let (mut reading, mut writing) = (HashSet::new(), HashSet::new());
    let mut all_known = true;
    for step in parts.steps.values().flat_map(|step| &step.variants) {
        for request in probes(&step.value) {
            all_known &= covered(step, &request, "read", &graph.read, &mut reading, out);
        }
        for request in ops(&step.value) {
            all_known &= covered(step, &request, "write", &graph.write, &mut writing, out);
        }
    }
    // What a misspelt request would have needed is not known.
    if all_known {
        declared(parts, &["rights", "graph", "read"], &graph.read, &reading, "probe", out);
        declared(parts, &["rights", "graph", "write"], &graph.write, &writing, "op", out);
    }
    azure(parts, out);
    domain(parts, out);
}

/// Actions in Azure that probes and ops need, without `Microsoft.Compute/`.
fn azure(parts: &Parts, out: &mut Vec<Finding>) {
    let ReadWrite { read, write } = &parts.pack.value.rights.azure;
    let (mut reading, mut writing) = (HashSet::new(), HashSet::new());
    for step in parts.steps.values().flat_map(|step| &step.variants) {
        for (name, probe) in &step.value.probes {
            let (key, action) = match probe {
                Probe::Azure(AzureLook::Machine(_)) => ("azure", "virtualMachines/instanceView/read"),
                Probe::Azure(AzureLook::Machines) => ("azure", "virtualMachines/read"),
                Probe::Script(_) => ("script", RUN_COMMAND),
                Probe::Graph(_) | Probe::Ldap(_) | Probe::Rights(_) | Probe::Ledger(_) | Probe::Trip(_) => continue,
            };
            action_declared(step, &["probes", name, key], action, ("read", read), out);
            reading.insert(action);
        }
        for (number, op) in step.value.apply.iter().flat_map(|apply| &apply.ops).enumerate() {
            let (key, action) = match &op.change {
                Change::Azure(AzureChange::Start(_)) => ("azure", "virtualMachines/start/action"),
                // The watch on the machine with Entra Connect.
                Change::Trip(_) => ("trip", RUN_COMMAND),
                Change::Script(_) => ("script", RUN_COMMAND),
                Change::Graph(_) | Change::Grant(_) | Change::Ldap(_) => continue,
            };
            action_declared(step, &["apply", "ops", &number.to_string(), key], action, ("write", write), out);
            writing.insert(action);
        }
    }
    declared(parts, &["rights", "azure", "read"], read, &reading, "probe", out);
    declared(parts, &["rights", "azure", "write"], write, &writing, "op", out);
}

fn action_declared(read: &Read<Step>, keys: &[&str], action: &str, (way, declared): (&str, &[String]), out: &mut Vec<Finding>) {
    if declared.iter().any(|known| known == action) {
        return;
    }
    let finding = read.at(keys, format!("this needs `{action}` in Azure, a right that the pack does not declare"));
    out.push(finding.hint(format!("add `{action}` to `rights.azure.{way}` in pack.yaml")));
}

/// Attributes of the domain's objects: those that probes bring back, and the permissions where they are looked at or changed.
fn domain(parts: &Parts, out: &mut Vec<Finding>) {
    let rights = &parts.pack.value.rights.domain;
    let (mut reading, mut writing) = (HashSet::new(), HashSet::new());
    for read in parts.steps.values().flat_map(|step| &step.variants) {
        for (name, probe) in &read.value.probes {
            for (keys, attribute) in attributes(name, probe) {
                attribute_declared(read, &keys, attribute, ("read", &rights.read), out);
                reading.insert(attribute);
            }
        }
        for (number, op) in read.value.apply.iter().flat_map(|apply| &apply.ops).enumerate() {
            match &op.change {
                Change::Graph(_) | Change::Azure(_) | Change::Script(_) => {}
                Change::Trip(_) => {
                    for attribute in Trip::READS {
                        let keys = ["apply", "ops", &number.to_string(), "trip"].map(str::to_owned).to_vec();
                        attribute_declared(read, &keys, attribute, ("read", &rights.read), out);
                        reading.insert(attribute);
                    }
                }
                Change::Ldap(write) => {
                    for (keys, attribute) in written(number, write) {
                        attribute_declared(read, &keys, attribute, ("write", &rights.write), out);
                        writing.insert(attribute);
                    }
                }
                Change::Grant(_) => {
                    let keys = ["apply", "ops", &number.to_string(), "grant"].map(str::to_owned).to_vec();
                    attribute_declared(read, &keys, PERMISSIONS, ("write", &rights.write), out);
                    writing.insert(PERMISSIONS);
                }
            }
        }
    }
    declared(parts, &["rights", "domain", "read"], &rights.read, &reading, "probe", out);
    declared(parts, &["rights", "domain", "write"], &rights.write, &writing, "op", out);
}

/// What a probe reads of the domain's objects, each with where it is written.
fn attributes<'s>(name: &str, probe: &'s Probe) -> Vec<(Vec<String>, &'s str)> {
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
    match probe {
        Probe::Graph(_) | Probe::Azure(_) | Probe::Script(_) | Probe::Ledger(_) | Probe::Trip(_) => Vec::new(),
        Probe::Ldap(search) => {
            let one = |(number, attribute): (usize, &'s String)| {
                (keys(&["probes", name, "ldap", "attributes", &number.to_string()]), attribute.as_str())
            };
            search.attributes.iter().enumerate().map(one).collect()
        }
        Probe::Rights(_) => vec![(keys(&["probes", name, "rights"]), PERMISSIONS)],
    }
}

/// What an op writes of the domain's objects, each with where it is written: a made password is `unicodePwd`.
fn written(number: usize, write: &LdapWrite) -> Vec<(Vec<String>, &str)> {
    let number = number.to_string();
    let keys = |rest: &[&str]| ["apply", "ops", number.as_str(), "ldap"].iter().chain(rest).map(|key| (*key).to_owned()).collect();
    let (within, password) = match write {
        LdapWrite::Add(add) => ("attributes", add.password.is_some()),
        LdapWrite::Set(_) => ("set", false),
    };
    let mut all: Vec<_> = write.attributes().keys().map(|name| (keys(&[within, name]), name.as_str())).collect();
    all.extend(password.then(|| (keys(&["password"]), PASSWORD)));
    all
}

fn attribute_declared(read: &Read<Step>, keys: &[String], attribute: &str, (way, declared): (&str, &[String]), out: &mut Vec<Finding>) {
    // To say which right a secret would need would only mislead.
    let misleads = super::domain::is_secret(attribute) && (way, attribute) != ("write", PASSWORD);
    if declared.iter().any(|known| known == attribute) || misleads {
        return;
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let verb = if way == "read" { "reads" } else { "writes" };
    let finding = read.at(&keys, format!("this {verb} `{attribute}`, a right that the pack does not declare"));
    out.push(finding.hint(format!("add `{attribute}` to `rights.domain.{way}` in pack.yaml")));
}

fn probes(step: &Step) -> Vec<Request<'_>> {
    let mut requests = Vec::new();
    for (name, probe) in &step.probes {
        match probe {
            Probe::Graph(get) => {
                let keys = ["probes", name, "graph", "get"].map(str::to_owned).to_vec();
                requests.push(Request { method: "GET", path: &get.get, keys });
            }
            Probe::Ldap(_) | Probe::Rights(_) | Probe::Azure(_) | Probe::Script(_) | Probe::Ledger(_) | Probe::Trip(_) => {}
        }
    }
    requests
}

fn ops(step: &Step) -> Vec<Request<'_>> {
    let mut requests = Vec::new();
    for (number, op) in step.apply.iter().flat_map(|apply| &apply.ops).enumerate() {
        let number = number.to_string();
        match &op.change {
            Change::Graph(write) => {
                let keys = ["apply", "ops", &number, "graph", write.method.key()].map(str::to_owned).to_vec();
                requests.push(Request { method: write.method.as_str(), path: &write.path, keys });
            }
            Change::Trip(Trip { by: TripBy::Administrator, .. }) => {
                let keys = ["apply", "ops", &number, "trip"].map(str::to_owned).to_vec();
                requests.push(Request { method: "POST", path: &RESET, keys });
            }
            // By the person's own hand nothing is sent.
            Change::Trip(Trip { by: TripBy::Person, .. }) | Change::Grant(_) | Change::Azure(_) | Change::Script(_) | Change::Ldap(_) => {}
        }
        if let Undo::Graph(write) = &op.undo {
            let keys = ["apply", "ops", &number, "undo", "graph", write.method.key()].map(str::to_owned).to_vec();
            requests.push(Request { method: write.method.as_str(), path: &write.path, keys });
        }
    }
    requests
}

/// A path as it would be sent, with `x` for each reference: they fill one segment each.
fn sample(path: &Template) -> String {
    path.parts.iter().map(|part| if let Part::Text(text) = part { text.as_str() } else { "x" }).collect()
}

/// Says so when no declared right covers a request; `false` when nothing is known about the request.
fn covered(
    read: &Read<Step>,
    request: &Request<'_>,
    way: &str,
    declared: &[String],
    used: &mut HashSet<&'static str>,
    out: &mut Vec<Finding>,
) -> bool {
    if path_problem(request.path).is_some() {
        return false;
    }
    let keys: Vec<&str> = request.keys.iter().map(String::as_str).collect();
    let what = format!("{} {}", request.method, request.path.source);
    let Some(any) = needed(request.method, &sample(request.path)) else {
        let finding = read.at(&keys, format!("no permission is known for `{what}`"));
        out.push(finding.hint("packs can use the requests of `assets/graph-rights.toml`; is the path right?"));
        return false;
    };
    used.extend(any.iter().map(String::as_str));
    if let Some(least) = any.first().filter(|_| !any.iter().any(|right| declared.contains(right))) {
        let finding = read.at(&keys, format!("`{what}` needs a right that the pack does not declare"));
        out.push(finding.hint(format!("add `{least}` to `rights.graph.{way}` in pack.yaml")));
    }
    true
}

fn declared(parts: &Parts, path: &[&str], rights: &[String], used: &HashSet<&str>, word: &str, out: &mut Vec<Finding>) {
    for (number, right) in rights.iter().enumerate() {
        let number = number.to_string();
        let path = [path, &[number.as_str()]].concat();
        if !used.contains(right.as_str()) {
            let finding = parts.pack.at(&path, format!("no {word} needs the right `{right}`"));
            out.push(finding.hint("declare the least: take it out"));
        }
    }
}
