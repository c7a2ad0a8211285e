//! Scripts that a step names: there is such a script, it is of the right kind, and it gets exactly what it takes.

use crate::guide::finding::{Finding, known_names};
use crate::guide::scripts::{KnownScript, SCRIPTS, known};
use crate::guide::step::{ScriptLook, ScriptRun, Step};
use crate::guide::yaml::Read;

/// A probe: a script that only reads.
pub(super) fn look(read: &Read<Step>, name: &str, look: &ScriptLook, out: &mut Vec<Finding>) {
    let at = ["probes", name, "script"];
    let Some(script) = script(read, &[&at[..], &["run"]].concat(), &look.run, false, out) else { return };
    match look.within {
        Some(_) if !script.within => {
            let finding =
                read.at_key(&[&at[..], &["within"]].concat(), format!("`{}` does not look back, so it takes no `within`", script.name));
            out.push(finding.hint("take `within` out"));
        }
        Some(within) if within.is_zero() || within > LONGEST => {
            let finding = read.at(&[&at[..], &["within"]].concat(), "this looks back no time at all, or more than 30 days");
            out.push(finding.hint("write `within: 24h`"));
        }
        None if script.within => {
            let finding = read.at(&at, format!("how far `{}` looks back is missing", script.name));
            out.push(finding.hint("write `within: 24h`"));
        }
        Some(_) | None => {}
    }
}

/// An op, or its undo: a script that changes something.
pub(super) fn run(read: &Read<Step>, at: &[&str], run: &ScriptRun, out: &mut Vec<Finding>) {
    let Some(script) = script(read, &[at, &["run"]].concat(), &run.run, true, out) else { return };
    for (name, value) in &run.values {
        let path = [at, &["values", name.as_str()]].concat();
        match script.values.iter().find(|(known, _)| known == name) {
            None => {
                let known: Vec<&str> = script.values.iter().map(|(name, _)| *name).collect();
                let finding = read.at_key(&path, format!("`{}` takes no value `{name}`", script.name));
                out.push(finding.hint(known_names(name, &known, "value")));
            }
            Some((_, kind)) if !kind.takes(*value) => {
                let finding = read.at(&path, format!("this is no value of `{name}`"));
                out.push(finding.hint(format!("write {}", kind.words())));
            }
            Some(_) => {}
        }
    }
    for (name, kind) in script.values.iter().filter(|(name, _)| !run.values.contains_key(*name)) {
        let finding = read.at(at, format!("the value `{name}` of `{}` is missing", script.name));
        out.push(finding.hint(format!("add it under `values`: {}", kind.words())));
    }
}

/// How far a probe may look back.
const LONGEST: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// The script, where it is of the kind that is wanted there.
fn script(read: &Read<Step>, at: &[&str], name: &str, changes: bool, out: &mut Vec<Finding>) -> Option<&'static KnownScript> {
    let Some(script) = known(name) else {
        let names: Vec<&str> = SCRIPTS.iter().filter(|script| script.changes == changes).map(|script| script.name).collect();
        out.push(read.at(at, format!("there is no script `{name}` in the program")).hint(known_names(name, &names, "script")));
        return None;
    };
    match (script.changes, changes) {
        (true, true) | (false, false) => Some(script),
        (true, false) => {
            let finding = read.at(at, format!("the script `{name}` changes something, and a probe never does"));
            out.push(finding.hint("write an op for it under `apply`"));
            None
        }
        (false, true) => {
            let finding = read.at(at, format!("the script `{name}` only reads, and an op changes something"));
            out.push(finding.hint("write a probe for it"));
            None
        }
    }
}
