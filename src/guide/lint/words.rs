//! Words for everything that is shown, and nothing worded that is not there.

use crate::guide::finding::{Finding, known_names};
use crate::guide::load::StepParts;
use crate::guide::step::Step;
use crate::guide::words::{Section, Words};
use crate::guide::yaml::Read;
use std::collections::HashSet;

/// Ids of one section with the path of each in step.yaml, and whether the path ends in the key that is the id.
type Wanted = Vec<(String, Vec<String>, bool)>;

pub(super) fn lint(step: &StepParts, out: &mut Vec<Finding>) {
    let Some(words) = &step.words else { return };
    for section in Section::ALL {
        match section {
            Section::Why => why(words, out),
            Section::FieldNotes => {}
            Section::ByHand | Section::Pages | Section::Checks | Section::Changes | Section::Messages | Section::Options => {
                let mut all = Wanted::new();
                for variant in &step.variants {
                    let wanted = wanted(&variant.value, section);
                    if !words.torn {
                        missing(variant, words, section, &wanted, out);
                    }
                    all.extend(wanted);
                }
                surplus(words, section, &all, out);
            }
        }
    }
}

fn why(words: &Words, out: &mut Vec<Finding>) {
    if words.prose.why.is_empty() && !words.torn {
        let at = words.marks.get(&(Section::Why, String::new())).copied().unwrap_or(crate::guide::finding::Mark::START);
        let finding = words.text.finding(at, "these words do not say why the step exists");
        out.push(finding.hint("write a paragraph under `## … {#why}`"));
    }
}

fn word(section: Section) -> &'static str {
    match section {
        Section::Why => "reason",
        Section::ByHand => "task",
        Section::Pages => "page",
        Section::Checks => "check",
        Section::Changes => "op",
        Section::Messages => "code",
        Section::Options => "option",
        Section::FieldNotes => "field note",
    }
}

fn wanted(step: &Step, section: Section) -> Wanted {
    let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let listed = |list: &[&str], ids: Vec<&String>| -> Wanted {
        ids.into_iter()
            .enumerate()
            .map(|(number, id)| (id.clone(), path(&[list, &[number.to_string().as_str(), "id"]].concat()), false))
            .collect()
    };
    match section {
        Section::ByHand => listed(&["tasks"], step.tasks.iter().map(|task| &task.id).collect()),
        Section::Pages => listed(&["pages"], step.pages.iter().map(|page| &page.id).collect()),
        Section::Checks => step.checks.keys().map(|id| (id.clone(), path(&["checks", id]), true)).collect(),
        Section::Changes => listed(&["apply", "ops"], step.apply.iter().flat_map(|apply| &apply.ops).map(|op| &op.id).collect()),
        Section::Messages => codes(step),
        Section::Options => step.options.keys().map(|id| (id.clone(), path(&["options", id]), true)).collect(),
        Section::Why | Section::FieldNotes => Vec::new(),
    }
}

/// Each code once, where it is used first.
fn codes(step: &Step) -> Wanted {
    let mut list: Wanted = Vec::new();
    let mut push = |code: &String, path: Vec<String>| {
        if !list.iter().any(|(known, _, _)| known == code) {
            list.push((code.clone(), path, false));
        }
    };
    for (name, check) in &step.checks {
        push(&check.fail, vec!["checks".into(), name.clone(), "fail".into()]);
    }
    for (number, diagnosis) in step.diagnose.iter().enumerate() {
        push(&diagnosis.code, vec!["diagnose".into(), number.to_string(), "code".into()]);
    }
    list
}

fn missing(read: &Read<Step>, words: &Words, section: Section, wanted: &Wanted, out: &mut Vec<Finding>) {
    for (id, path, is_key) in wanted {
        if words.marks.contains_key(&(section, id.clone())) {
            continue;
        }
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        let what = match section {
            Section::Messages => format!("the code `{id}` has no message"),
            Section::Why
            | Section::ByHand
            | Section::Pages
            | Section::Checks
            | Section::Changes
            | Section::Options
            | Section::FieldNotes => {
                format!("the {} `{id}` has no words", word(section))
            }
        };
        let finding = if *is_key { read.at_key(&keys, what) } else { read.at(&keys, what) };
        out.push(finding.hint(format!("add `{}` under `## … {{#{}}}` in {}", section.form(id), section.id(), words.text.file)));
    }
}

fn surplus(words: &Words, section: Section, wanted: &Wanted, out: &mut Vec<Finding>) {
    let mut names: Vec<&str> = Vec::new();
    for (id, _, _) in wanted {
        if !names.contains(&id.as_str()) {
            names.push(id);
        }
    }
    let known: HashSet<&str> = names.iter().copied().collect();
    for ((_, id), at) in words.marks.iter().filter(|((of, id), _)| *of == section && !id.is_empty()) {
        if !known.contains(id.as_str()) {
            let finding = words.text.finding(*at, format!("there is no {} `{id}` in step.yaml", word(section)));
            out.push(finding.hint(known_names(id, &names, word(section))));
        }
    }
}
