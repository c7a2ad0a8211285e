//! What a pack must keep beyond its form: names that exist, words for everything, least rights, an order without circles.
//! Reads what the loader understood; changes nothing.

mod cycles;
mod domain;
mod names;
mod rehearsal;
mod rights;
mod scripts;
mod step;
mod uses;
mod words;

use super::finding::{Finding, known_names};
use super::load::Parts;
use super::pack::Pack;
use super::source::Files;
use super::variables::{check_value, is_name};
use super::yaml::Read;
use std::collections::{BTreeMap, HashSet};

/// All findings about a pack, in no order.
#[must_use]
pub(super) fn pack(parts: &Parts, files: &Files) -> Vec<Finding> {
    let mut out = Vec::new();
    identity(&parts.pack, files, &mut out);
    variables(&parts.pack, &mut out);
    phases(&parts.pack, files, &mut out);
    for (id, step) in &parts.steps {
        for variant in &step.variants {
            step::lint(parts, id, variant, &mut out);
            cycles::probes(variant, &mut out);
        }
        step::options(&step.step, &mut out);
        words::lint(step, &mut out);
        rehearsal::lint(parts, step, &mut out);
    }
    cycles::needs(parts, &mut out);
    // With a step missing, what it covers and uses would be missed too.
    if parts.complete {
        coverage(parts, &mut out);
        rights::lint(parts, &mut out);
    }
    // Beside a misspelt name, its declaration is unused only because of it.
    if parts.complete && !out.iter().any(Finding::is_error) {
        unused(parts, &mut out);
    }
    once(out)
}

/// What the options of a step have in common is looked at with each of them.
fn once(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        if !kept.contains(&finding) {
            kept.push(finding);
        }
    }
    kept
}

/// The names of the directories under `steps`.
pub(super) fn step_directories(files: &Files) -> Vec<&str> {
    let mut names: Vec<&str> =
        files.paths().filter_map(|path| path.strip_prefix("steps/")?.split_once('/').map(|(name, _)| name)).collect();
    names.dedup();
    names
}

fn identity(read: &Read<Pack>, files: &Files, out: &mut Vec<Finding>) {
    let pack = &read.value;
    if pack.format != 1 {
        let what = format!("format {} is not known", pack.format);
        out.push(read.at(&["format"], what).hint("write `format: 1`, or use a newer Guidepost"));
    }
    names::kebab(read, &["id"], &pack.id, "pack", out);
    if pack.id != files.name {
        let what = format!("the pack `{}` lies in a directory `{}`", pack.id, files.name);
        out.push(read.at(&["id"], what).hint("give both the same name"));
    }
    if !is_version(&pack.version) {
        out.push(read.at(&["version"], format!("`{}` is no version", pack.version)).hint("write three numbers, such as `1.0.0`"));
    }
    if pack.source.dated.parse::<jiff::civil::Date>().is_err() || pack.source.dated.len() != 10 {
        out.push(read.at(&["source", "dated"], format!("`{}` is no day", pack.source.dated)).hint("write `YYYY-MM-DD`"));
    }
    if let Some(diagram) = pack.diagram.as_deref().filter(|diagram| !files.has(diagram)) {
        out.push(read.at(&["diagram"], format!("the pack has no file `{diagram}`")).hint("take the key out, or add the file"));
    }
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.len() < 9 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn variables(read: &Read<Pack>, out: &mut Vec<Finding>) {
    for (name, variable) in &read.value.variables {
        if !is_name(name) {
            out.push(names::bad(read.at_key(&["variables", name], format!("`{name}` is no name of a variable"))));
        }
        for (key, value) in [("default", &variable.default), ("example", &variable.example)] {
            let Some(Err(error)) = value.as_deref().map(|value| check_value(variable.kind, value)) else { continue };
            out.push(read.at(&["variables", name, key], "").told(&error.0));
        }
    }
    for name in read.value.constants.keys().filter(|name| !is_name(name)) {
        out.push(names::bad(read.at_key(&["constants", name], format!("`{name}` is no name of a constant"))));
    }
}

fn phases(read: &Read<Pack>, files: &Files, out: &mut Vec<Finding>) {
    let pack = &read.value;
    if pack.phases.is_empty() {
        out.push(read.at_key(&["phases"], "there is no phase").hint("write `- {id: …, title: …, steps: […]}`"));
    }
    let mut seen = HashSet::new();
    for (number, phase) in pack.phases.iter().enumerate() {
        let number = number.to_string();
        names::kebab(read, &["phases", &number, "id"], &phase.id, "phase", out);
        if !seen.insert(&phase.id) {
            out.push(read.at(&["phases", &number, "id"], format!("there are two phases `{}`", phase.id)).hint("rename one"));
        }
        if phase.steps.is_empty() {
            let finding = read.at(&["phases", &number, "steps"], format!("the phase `{}` has no step", phase.id));
            out.push(finding.hint("name its steps, or take the phase out"));
        }
        for (step, id) in phase.steps.iter().enumerate() {
            names::kebab(read, &["phases", &number, "steps", &step.to_string()], id, "step", out);
        }
    }
    for name in step_directories(files) {
        if !pack.phases.iter().any(|phase| phase.steps.iter().any(|id| id == name)) {
            let finding = Finding::whole(&format!("steps/{name}"), format!("the step `{name}` stands in no phase"));
            out.push(finding.hint("add it to `steps` of a phase in pack.yaml, or delete the directory"));
        }
    }
}

/// Each number of the source is covered by exactly one task.
fn coverage(parts: &Parts, out: &mut Vec<Finding>) {
    let read = &parts.pack;
    let mut covered: BTreeMap<&str, String> = BTreeMap::new();
    let known: Vec<&str> = read.value.actions.iter().map(String::as_str).collect();
    for (step_id, step) in &parts.steps {
        for (number, task) in step.step.value.tasks.iter().enumerate() {
            let Some(action) = task.covers.as_deref() else { continue };
            let path = ["tasks", &number.to_string(), "covers"];
            let here = format!("{step_id}/{}", task.id);
            if !known.contains(&action) {
                let finding = step.step.at(&path, format!("`{action}` is no number of the source's actions"));
                out.push(finding.hint(known_names(action, &known, "action")));
            } else if let Some(first) = covered.insert(action, here) {
                let finding = step.step.at(&path, format!("`{action}` is covered twice"));
                out.push(finding.hint(format!("the task `{first}` covers it already")));
            }
        }
    }
    let mut seen = HashSet::new();
    for (number, action) in known.iter().enumerate() {
        let path = ["actions", &number.to_string()];
        if !seen.insert(action) {
            out.push(read.at(&path, format!("the action `{action}` stands here twice")).hint("take one out"));
        } else if !covered.contains_key(action) {
            let finding = read.at(&path, format!("no task covers the source's action `{action}`"));
            out.push(finding.hint(format!("add `covers: {action}` to a task")));
        }
    }
}

/// Variables and constants that nothing uses.
fn unused(parts: &Parts, out: &mut Vec<Finding>) {
    use super::variables::Reference;
    let (mut variables, mut constants) = (HashSet::new(), HashSet::new());
    for step in parts.steps.values().flat_map(|step| &step.variants) {
        for used in uses::of(&step.value) {
            for reference in used.template.references() {
                match reference {
                    Reference::Variable(name) => variables.insert(name.clone()),
                    Reference::Constant(name) => constants.insert(name.clone()),
                    Reference::Captured(_) | Reference::Probe { .. } | Reference::Found { .. } => false,
                };
            }
        }
    }
    let read = &parts.pack;
    for name in read.value.variables.keys().filter(|name| !variables.contains(*name)) {
        out.push(read.at_key(&["variables", name], format!("nothing uses the variable `{name}`")).hint("take it out").warning());
    }
    for name in read.value.constants.keys().filter(|name| !constants.contains(*name)) {
        out.push(read.at_key(&["constants", name], format!("nothing uses the constant `{name}`")).hint("take it out").warning());
    }
}
