//! What the built-in guides promise their readers, beyond what `guide lint` asks of every pack. It does not judge the form: lint does.

use guidepost::guide::{Guide, load, prose::plain_text, source::Files};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn guide() -> Guide {
    load::built_in("password-writeback").expect("the built-in guide loads")
}

#[test]
fn built_in_guides_load_without_a_single_finding() {
    let names = load::built_in_ids();
    assert!(names.contains(&"password-writeback".to_owned()), "{names:?}");
    for name in names {
        let examined = load::examine(&Files::built_in(&name).expect("it was listed"));
        assert!(examined.guide.is_some() && examined.findings.is_empty(), "{name}: {:#?}", examined.findings);
    }
}

/// The source's labels, one a number. They are facts; the sentences around them are ours.
const SOURCE_LABELS: &[(&str, &str)] = &[
    ("A1", "portal.microsoft.com"),
    ("A2", "Active users"),
    ("A3", "user1"),
    ("A4", "Edit"),
    ("A5", "Edit user roles"),
    ("B1", "portal.azure.com"),
    ("B2", "Active Directory Users and Computers"),
    ("B3", "Advanced features"),
    ("B4", "Security"),
    ("B5", "Advanced"),
    ("B6", "Permissions"),
    ("B7", "Select a principal"),
    ("B8", "Descendant User objects"),
    ("B9", "Reset password"),
    ("B10", "Write pwdLastSet"),
    ("B11", "OK"),
    ("B12", "Active Directory Users and Computers"),
    ("C1", "APP1"),
    ("C2", "Microsoft Entra Connect"),
    ("C3", "Configure"),
    ("C4", "Customize synchronization options"),
    ("C5", "Connect to Microsoft Entra ID"),
    ("C6", "Domain/OU filtering"),
    ("C7", "Password writeback"),
    ("C8", "Ready to configure"),
    ("C9", "Exit"),
];

#[test]
fn each_action_of_the_source_is_one_task_that_names_its_label() {
    let guide = guide();
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (id, step) in &guide.steps {
        for task in &step.tasks {
            let Some(action) = task.covers.as_deref() else { continue };
            texts.entry(action).or_default().push(plain_text(&guide.prose[id].tasks[&task.id]));
        }
    }
    assert_eq!(texts.len(), 26);
    assert_eq!(guide.pack.actions, SOURCE_LABELS.iter().map(|(action, _)| (*action).to_owned()).collect::<Vec<_>>());
    for (action, label) in SOURCE_LABELS {
        let [text] = texts[action].as_slice() else { panic!("{action} is covered by {:?}", texts[action]) };
        assert!(text.contains(label), "{action} does not name `{label}`: {text}");
    }
}

#[test]
fn every_step_has_field_notes_with_a_date_and_a_source() {
    let guide = guide();
    for (id, words) in &guide.prose {
        assert!(!words.field_notes.is_empty(), "{id} has no field note");
        for (note, field_note) in &words.field_notes {
            let (date, source) = field_note.origin.split_once("; ").unwrap_or_default();
            assert!(date.starts_with("20") && !source.is_empty(), "{id}/{note}: `{}` is no date and source", field_note.origin);
            assert!(!field_note.blocks.is_empty(), "{id}/{note} says nothing");
        }
    }
}

#[test]
fn every_message_says_why_and_has_a_way_out() {
    for (id, words) in guide().prose {
        for (code, message) in words.messages {
            assert!(!message.reason.is_empty() && !message.way_out.is_empty(), "{id}/{code}: {message:?}");
        }
    }
}

#[test]
fn titles_fit_the_rail_and_the_tone_is_kept() {
    for (id, words) in guide().prose {
        assert!(words.title.chars().count() <= 26, "{id}: `{}` is too long for the rail", words.title);
    }
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/packs/password-writeback/steps");
    for step in fs::read_dir(steps).unwrap() {
        let file = step.unwrap().path().join("en.md");
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let tone = line.to_lowercase();
            let found = ["please", "simply", "!"].into_iter().find(|word| tone.contains(word));
            assert_eq!(found, None, "{}:{}: {line}", file.display(), number + 1);
        }
    }
}
