//! A rehearsal: each check that it names exists and is proved once, each deed is one that the practice lab knows.

use crate::guide::finding::{Finding, counted, known_names};
use crate::guide::load::{Parts, StepParts};
use crate::guide::rehearsal::{Deed, LONGEST, Rehearsal, VERBS};
use crate::guide::variables::{Reference, Template};
use crate::guide::yaml::Read;
use std::{collections::HashMap, time::Duration};

pub(super) fn lint(parts: &Parts, step: &StepParts, out: &mut Vec<Finding>) {
    let Some(read) = &step.rehearsal else { return };
    if read.value.scenes.is_empty() && read.value.action.is_none() {
        out.push(read.at(&[], "this rehearsal rehearses nothing").hint("write `scenes:`, or delete the file"));
    }
    action(parts, step, read, out);
    let mut seen = HashMap::new();
    for (number, scene) in read.value.scenes.iter().enumerate() {
        let number = number.to_string();
        let at = |key: &'static str| vec!["scenes".to_owned(), number.clone(), key.to_owned()];
        proves(step, read, &number, &scene.proves, &mut seen, out);
        if scene.deeds.is_empty() {
            let finding = read.at(&keys(&at("do")), "in this scene nobody does anything");
            out.push(finding.hint("a check that turns by itself proves nothing; write what the person does"));
        }
        deeds(parts, read, &at("before"), &scene.before, out);
        deeds(parts, read, &at("do"), &scene.deeds, out);
    }
}

fn keys(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn action(parts: &Parts, step: &StepParts, read: &Read<Rehearsal>, out: &mut Vec<Finding>) {
    let Some(action) = &read.value.action else { return };
    if step.step.value.apply.is_none() {
        let finding = read.at_key(&["action"], "this step has no action that could be tried");
        out.push(finding.hint("what a person does stands under `scenes`"));
    }
    deeds(parts, read, &["action".to_owned(), "before".to_owned()], &action.before, out);
}

/// Each check stands in one scene, and in none when the step's action turns it.
fn proves<'r>(
    step: &StepParts,
    read: &Read<Rehearsal>,
    scene: &str,
    proves: &'r [String],
    seen: &mut HashMap<&'r str, usize>,
    out: &mut Vec<Finding>,
) {
    if proves.is_empty() {
        out.push(read.at(&["scenes", scene, "proves"], "this scene proves nothing").hint("name the checks that it turns"));
    }
    // As the step is walked when nobody chooses: with its first option, where it has some.
    let walked = step.variants.first().map_or(&step.step.value, |variant| &variant.value);
    for (number, check) in proves.iter().enumerate() {
        let number = number.to_string();
        let path = ["scenes", scene, "proves", &number];
        let known: Vec<&str> = walked.checks.keys().map(String::as_str).collect();
        if !known.contains(&check.as_str()) {
            let finding = read.at(&path, format!("there is no check `{check}` in this step"));
            out.push(finding.hint(known_names(check, &known, "check")));
        } else if walked.turns(check) {
            let finding = read.at(&path, format!("the step's own action turns `{check}`"));
            out.push(finding.hint("the action proves it; take it out here"));
        } else if let Some(first) = seen.insert(check, read.node.place(&path).line) {
            let finding = read.at(&path, format!("`{check}` is proved twice"));
            out.push(finding.hint(format!("line {first} names it already")));
        }
    }
}

fn deeds(parts: &Parts, read: &Read<Rehearsal>, path: &[String], deeds: &[Deed], out: &mut Vec<Finding>) {
    for (number, deed) in deeds.iter().enumerate() {
        let path = [path, &[number.to_string()]].concat();
        match deed {
            Deed::Person(words) => person(parts, read, &[&path[..], &["person".to_owned()]].concat(), words, out),
            Deed::Apply(id) => itself(parts, read, &[&path[..], &["apply".to_owned()]].concat(), id, out),
            Deed::Undo(id) => itself(parts, read, &[&path[..], &["undo".to_owned()]].concat(), id, out),
            Deed::Clock(by) => clock(read, &[&path[..], &["clock".to_owned()]].concat(), *by, out),
        }
    }
}

/// What Guidepost does itself: the action of a step that has one.
fn itself(parts: &Parts, read: &Read<Rehearsal>, path: &[String], id: &str, out: &mut Vec<Finding>) {
    let acts: Vec<&str> = parts.steps.iter().filter(|(_, step)| step.step.value.apply.is_some()).map(|(id, _)| id.as_str()).collect();
    if parts.complete && !acts.contains(&id) {
        let finding = read.at(&keys(path), format!("there is no step `{id}` with an action in this pack"));
        out.push(finding.hint(known_names(id, &acts, "step")));
    }
}

fn clock(read: &Read<Rehearsal>, path: &[String], by: Duration, out: &mut Vec<Finding>) {
    if by.is_zero() || by.subsec_nanos() != 0 || by > LONGEST {
        let finding = read.at(&keys(path), "the practice lab's clock cannot be moved by this");
        out.push(finding.hint("write whole seconds, minutes, hours or days, ten years at most: `30m`"));
    }
}

fn person(parts: &Parts, read: &Read<Rehearsal>, path: &[String], words: &[Template], out: &mut Vec<Finding>) {
    let Some((verb, args)) = words.split_first() else {
        let finding = read.at(&keys(path), "nobody does anything here");
        out.push(finding.hint("write a verb and its arguments: `[buy-license, SPE_E5]`"));
        return;
    };
    let first = [path, &["0".to_owned()]].concat();
    match VERBS.iter().find(|(name, _)| *name == verb.source) {
        None => {
            let known: Vec<&str> = VERBS.iter().map(|(name, _)| *name).collect();
            let finding = read.at(&keys(&first), format!("a person in the practice lab cannot `{}`", verb.source));
            out.push(finding.hint(known_names(&verb.source, &known, "verb")));
        }
        Some((_, wanted)) if *wanted != args.len() => {
            let what = format!("`{}` takes {}, not {}", verb.source, counted(*wanted, "argument"), args.len());
            out.push(read.at(&keys(&first), what).hint("`guidepost practice person --list` names them"));
        }
        Some(_) => {}
    }
    for (number, arg) in args.iter().enumerate() {
        let path = [path, &[(number + 1).to_string()]].concat();
        arg.references().for_each(|reference| self::reference(parts, read, &path, reference, out));
    }
}

/// A person types names that are known beforehand, never what a system answered.
fn reference(parts: &Parts, read: &Read<Rehearsal>, path: &[String], reference: &Reference, out: &mut Vec<Finding>) {
    let pack = &parts.pack.value;
    let (word, name, known): (_, _, Vec<&str>) = match reference {
        Reference::Variable(name) => ("variable", name, pack.variables.keys().map(String::as_str).collect()),
        Reference::Constant(name) => ("constant", name, pack.constants.keys().map(String::as_str).collect()),
        Reference::Captured(_) | Reference::Probe { .. } | Reference::Found { .. } => {
            let finding = read.inside(&keys(path), &reference.to_string(), format!("`{reference}` is not known to a person"));
            out.push(finding.hint("only `var:name` and `const:name` may stand in a rehearsal"));
            return;
        }
    };
    if !known.contains(&name.as_str()) {
        let finding = read.inside(&keys(path), &reference.to_string(), format!("there is no {word} `{name}`"));
        out.push(finding.hint(known_names(name, &known, word)));
    }
}
