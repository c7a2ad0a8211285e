//! Order follows from references, so they must not run in a circle.

use super::uses;
use crate::guide::finding::Finding;
use crate::guide::load::Parts;
use crate::guide::step::Step;
use crate::guide::variables::Reference;
use crate::guide::yaml::Read;
use std::collections::{BTreeMap, HashMap};

/// Probes whose requests need each other's facts.
pub(super) fn probes(read: &Read<Step>, out: &mut Vec<Finding>) {
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, probe) in &read.value.probes {
        let uses = uses::of_probe(name, probe);
        let targets =
            uses.iter().flat_map(|used| used.template.references().flat_map(|reference| probes_behind(&read.value, reference))).collect();
        edges.insert(name.clone(), targets);
    }
    for circle in circles(&edges) {
        let finding = read.at_key(&["probes", &circle[0]], format!("probes ask each other in a circle: {}", arrows(&circle)));
        out.push(finding.hint("a probe can use facts only of a probe that does not wait for it"));
    }
}

/// The probes whose facts a reference takes its value from; what a check compares with is looked at as well.
fn probes_behind(step: &Step, reference: &Reference) -> Vec<String> {
    match reference {
        Reference::Probe { probe, .. } => vec![probe.clone()],
        Reference::Found { check, .. } => {
            let Some(found) = step.checks.get(check) else { return Vec::new() };
            // Statements hold no such reference themselves, so this ends.
            let stated = uses::of_statements(&found.expect);
            let compared = stated.iter().flat_map(|used| {
                used.template.references().filter_map(|reference| match reference {
                    Reference::Probe { probe, .. } => Some(probe.clone()),
                    Reference::Variable(_) | Reference::Constant(_) | Reference::Captured(_) | Reference::Found { .. } => None,
                })
            });
            compared.chain([found.probe.clone()]).collect()
        }
        Reference::Variable(_) | Reference::Constant(_) | Reference::Captured(_) => Vec::new(),
    }
}

/// Checks that need each other, in one step or across steps.
pub(super) fn needs(parts: &Parts, out: &mut Vec<Finding>) {
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (step_id, step) in &parts.steps {
        // With several options, all that any of them needs.
        for (check_id, check) in step.variants.iter().flat_map(|variant| &variant.value.checks) {
            let full = |need: &String| if need.contains('/') { need.clone() } else { format!("{step_id}/{need}") };
            edges.entry(format!("{step_id}/{check_id}")).or_default().extend(check.needs.iter().map(full));
        }
    }
    for circle in circles(&edges) {
        let Some((step_id, check_id)) = circle[0].split_once('/') else { continue };
        let Some(step) = parts.steps.get(step_id) else { continue };
        let Some(variant) = step.variants.iter().find(|variant| variant.value.checks.contains_key(check_id)) else { continue };
        let finding = variant.at(&["checks", check_id, "needs"], format!("checks need each other in a circle: {}", arrows(&circle)));
        out.push(finding.hint("take out the `needs` that is not needed"));
    }
}

fn arrows(circle: &[String]) -> String {
    circle.iter().chain(circle.first()).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ")
}

/// How far a name has been followed.
#[derive(Clone, Copy, PartialEq)]
enum Trail {
    Under,
    Done,
}

/// One circle for each place where following the edges comes back to itself. Not recursive: a hostile pack can have a
/// chain of thousands.
fn circles(edges: &BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let (mut trails, mut found) = (HashMap::<&str, Trail>::new(), Vec::new());
    for start in edges.keys() {
        if trails.contains_key(start.as_str()) {
            continue;
        }
        trails.insert(start, Trail::Under);
        let mut stack = vec![(start.as_str(), 0)];
        while let Some((name, next)) = stack.last_mut() {
            let target = edges.get(*name).and_then(|targets| targets.get(*next));
            *next += 1;
            let Some(target) = target else {
                trails.insert(name, Trail::Done);
                stack.pop();
                continue;
            };
            match trails.get(target.as_str()) {
                Some(Trail::Done) => {}
                Some(Trail::Under) => {
                    let path = stack.iter().map(|(name, _)| *name);
                    found.push(path.skip_while(|name| name != target).map(str::to_owned).collect());
                }
                None => {
                    trails.insert(target, Trail::Under);
                    stack.push((target, 0));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_once_and_a_diamond_is_none() {
        let edges = |list: &[(&str, &[&str])]| -> BTreeMap<String, Vec<String>> {
            list.iter().map(|(from, to)| ((*from).to_owned(), to.iter().map(|t| (*t).to_owned()).collect())).collect()
        };
        assert_eq!(circles(&edges(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])), [["b", "c"]]);
        assert_eq!(circles(&edges(&[("a", &["a"])])), [["a"]]);
        assert!(circles(&edges(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])])).is_empty());
    }
}
