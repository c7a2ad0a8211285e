//! The least rights: each request is covered by a declared one, and each declared one is for a request.

use super::step::path_problem;
use crate::guide::finding::Finding;
use crate::guide::load::Parts;
use crate::guide::pack::ReadWrite;
use crate::guide::rights::needed;
use crate::guide::step::{Probe, Step, Undo};
use crate::guide::variables::{Part, Template};
use crate::guide::yaml::Read;
use std::collections::HashSet;

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
    for step in parts.steps.values() {
        for request in probes(&step.step.value) {
            all_known &= covered(&step.step, &request, "read", &graph.read, &mut reading, out);
        }
        for request in ops(&step.step.value) {
            all_known &= covered(&step.step, &request, "write", &graph.write, &mut writing, out);
        }
    }
    // What a misspelt request would have needed is not known.
    if all_known {
        declared(parts, &["rights", "graph", "read"], &graph.read, &reading, "probe", out);
        declared(parts, &["rights", "graph", "write"], &graph.write, &writing, "op", out);
    }
    let none = HashSet::new();
    for (system, rights) in [("azure", &parts.pack.value.rights.azure), ("domain", &parts.pack.value.rights.domain)] {
        let ReadWrite { read, write } = rights;
        declared(parts, &["rights", system, "read"], read, &none, "probe", out);
        declared(parts, &["rights", system, "write"], write, &none, "op", out);
    }
}

fn probes(step: &Step) -> Vec<Request<'_>> {
    let request = |(name, probe)| {
        let (name, Probe::Graph(get)): (&String, &Probe) = (name, probe);
        Request { method: "GET", path: &get.get, keys: ["probes", name, "graph", "get"].map(str::to_owned).to_vec() }
    };
    step.probes.iter().map(request).collect()
}

fn ops(step: &Step) -> Vec<Request<'_>> {
    let mut requests = Vec::new();
    for (number, op) in step.apply.iter().flat_map(|apply| &apply.ops).enumerate() {
        let number = number.to_string();
        let keys = ["apply", "ops", &number, "graph", op.graph.method.key()].map(str::to_owned).to_vec();
        requests.push(Request { method: op.graph.method.as_str(), path: &op.graph.path, keys });
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

fn declared(parts: &Parts, path: &[&str], rights: &[String], used: &HashSet<&'static str>, word: &str, out: &mut Vec<Finding>) {
    for (number, right) in rights.iter().enumerate() {
        let number = number.to_string();
        let path = [path, &[number.as_str()]].concat();
        if !used.contains(right.as_str()) {
            let finding = parts.pack.at(&path, format!("no {word} needs the right `{right}`"));
            out.push(finding.hint("declare the least: take it out"));
        }
    }
}
