//! Hand-made views of the wizard's window, where a lab shows it.

use super::{spans, wizard};
use crate::engine::{
    page::{
        Attested, Mirror, Showing, WizardLine,
        mirror::{Window, showing},
    },
    run::View,
};
use crate::guide::Step;
use serde_json::{Value, json};

/// Title, and what the guide asks for.
type GuidePage = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PAGES: [GuidePage; 5] = [
    ("welcome", "Welcome to Microsoft Entra Connect", &[("press", "Configure")]),
    ("additional-tasks", "Additional tasks", &[("choose", "Customize synchronization options"), ("press", "Next")]),
    (
        "connect-to-entra",
        "Connect to Microsoft Entra ID",
        &[("enter", "Name and password of a cloud-only administrator"), ("press", "Next")],
    ),
    (
        "optional-features",
        "Optional features",
        &[("tick", "Password writeback"), ("keep", "Password hash synchronization"), ("keep", "Every other box"), ("press", "Next")],
    ),
    ("configuration-complete", "Configuration complete", &[("press", "Exit")]),
];

fn step() -> Step {
    let text = "{id: entra-connect-writeback, kind: wizard, where: APP1, pages: [\
                {id: welcome, press: [Configure]}, \
                {id: additional-tasks, choose: Customize synchronization options, press: [Next]}, \
                {id: connect-to-entra, enter: [Name and password of a cloud-only administrator], press: [Next]}, \
                {id: optional-features, tick: [Password writeback], keep: [Password hash synchronization, Every other box], press: [Next]}, \
                {id: configuration-complete, press: [Exit]}]}";
    serde_saphyr::from_str(text).unwrap()
}

/// Five pages of the wizard, the first two attested, and no window to be seen.
pub(crate) fn pages() -> View {
    let mut view = wizard();
    let attested = |at: usize| (at < 2).then(|| Attested { by: "admin".to_owned(), at: "2026-11-22T15:03:00Z".parse().unwrap() });
    let line = |(at, (id, title, lines)): (usize, GuidePage)| WizardLine {
        id: id.to_owned(),
        task: Some(at + 3),
        attested: attested(at),
        title: spans(title),
        lines: lines.iter().map(|(verb, what)| ((*verb).to_owned(), (*what).to_owned())).collect(),
    };
    view.page.step.pages = PAGES.into_iter().enumerate().map(line).collect();
    view
}

fn shows(page: &Value, answered: u64) -> View {
    let mut view = pages();
    let window: Window = serde_json::from_value(json!({"open": !page.is_null(), "page": page})).unwrap();
    view.page.step.mirror = Some(Mirror { answered, showing: showing(&step(), &window), refused: None });
    view
}

/// The lab shows the wizard, and it is not open.
pub(crate) fn closed() -> View {
    shows(&Value::Null, 0)
}

/// The same after so many operations.
pub(crate) fn closed_after(answered: u64) -> View {
    shows(&Value::Null, answered)
}

/// Eight boxes, with these two ticked or not.
pub(crate) fn features(hash_sync: bool, writeback: bool, answered: u64) -> View {
    let one = |label: &str, ticked: bool, was: bool| json!({"label": label, "ticked": ticked, "locked": false, "was": was});
    let boxes = [
        one("Exchange hybrid deployment", false, false),
        one("Exchange mail public folders", false, false),
        one("Microsoft Entra app and attribute filtering", false, false),
        one("Password hash synchronization", hash_sync, true),
        one("Password writeback", writeback, false),
        one("Group writeback", false, false),
        one("Device writeback", false, false),
        one("Directory extension attribute sync", false, false),
    ];
    shows(&json!({"id": "optional-features", "title": "Optional features", "boxes": boxes, "buttons": ["Previous", "Next"]}), answered)
}

/// A task is to be chosen.
pub(crate) fn tasks(chosen: &str, answered: u64) -> View {
    let labels = ["View or export current configuration", "Customize synchronization options", "Configure staging mode"];
    let choices = labels.map(|label| json!({"label": label, "chosen": label == chosen}));
    shows(&json!({"id": "additional-tasks", "title": "Additional tasks", "choices": choices, "buttons": ["Previous", "Next"]}), answered)
}

/// Name and password are to be given.
pub(crate) fn credentials(name: bool, password: bool) -> View {
    let fields = [("Username", name, false), ("Password", password, true)]
        .map(|(label, filled, secret)| json!({"label": label, "filled": filled, "secret": secret}));
    let says = "A Hybrid Identity Administrator that is cloud-only; in this lab admin@contoso.onmicrosoft.com.";
    shows(
        &json!({"id": "connect-to-entra", "title": "Connect to Microsoft Entra ID", "fields": fields, "buttons": ["Previous", "Next"], "says": says}),
        2,
    )
}

/// A page that the guide does not go through, and what was not taken there.
pub(crate) fn elsewhere() -> View {
    let says = "This makes a new certificate for the application by which Entra Connect signs in.";
    let mut view = shows(&json!({"id": "elsewhere", "title": "Rotate application certificate", "buttons": ["Previous"], "says": says}), 3);
    if let Some(mirror) = &mut view.page.step.mirror {
        mirror.refused = Some("the page `Rotate application certificate` has no button `Next`; there is `Previous`".to_owned());
    }
    view
}

/// The lab does not tell.
pub(crate) fn unreachable() -> View {
    let mut view = closed();
    if let Some(mirror) = &mut view.page.step.mirror {
        mirror.showing = Showing::Unreachable("cannot reach `127.0.0.1`: connection refused".to_owned());
    }
    view
}
