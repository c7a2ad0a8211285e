//! The wizard's window beside the guide's page of it: what is to be done there, what is done, and what differs. Pure; reaches no lab.

use crate::guide::{Step, step::WizardPage};
pub use crate::lab::control::wizard::{Choice, Field, Operation, TickBox, Window, WindowPage};

/// The wizard's window, where the lab shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// How many operations have come to an end: a face waits by it for its own.
    pub answered: u64,
    /// What it shows.
    pub showing: Showing,
    /// Why the last operation was not taken; `None` when it was.
    pub refused: Option<String>,
}

/// What the window shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Nobody has looked yet.
    Unseen,
    /// There is no window.
    Closed,
    /// A page.
    Page(Box<OpenPage>),
    /// The lab does not tell: why.
    Unreachable(String),
}

/// A page of the open window, judged by the guide's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPage {
    /// As it stands.
    pub page: WindowPage,
    /// The guide's page, by its place in the list; `None` for one that the guide does not go through.
    pub at: Option<usize>,
    /// What the guide asks for here.
    pub todo: Vec<Todo>,
    /// What stands otherwise than the guide leaves it.
    pub differs: Vec<String>,
    /// What the guide would do next.
    pub next: Option<Operation>,
}

/// One thing that the guide asks for on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// `choose`, `enter`, `tick`, `keep` or `press`.
    pub verb: &'static str,
    /// The label, or what the guide calls it.
    pub what: String,
    /// Whether it is so; `None` when the window cannot tell.
    pub done: Option<bool>,
}

/// What the window shows, by the guide's step.
#[must_use]
pub fn showing(step: &Step, window: &Window) -> Showing {
    match &window.page {
        Some(page) if window.open => Showing::Page(Box::new(open_page(step, page))),
        Some(_) | None => Showing::Closed,
    }
}

fn open_page(step: &Step, page: &WindowPage) -> OpenPage {
    let at = step.pages.iter().position(|known| known.id == page.id);
    let known = at.and_then(|at| step.pages.get(at));
    let todo = known.map(|known| todo(known, page)).unwrap_or_default();
    let differs = known.map_or_else(|| vec!["this page is not part of the guide".to_owned()], |known| differs(known, page));
    let next = next(known, &todo, page);
    OpenPage { page: page.clone(), at, todo, differs, next }
}

fn todo(known: &WizardPage, page: &WindowPage) -> Vec<Todo> {
    let line = |verb, what: &String, done| Todo { verb, what: what.clone(), done };
    let chosen = |label: &String| page.choices.iter().find(|one| one.label == *label).map(|one| one.chosen);
    let ticked = |label: &String| box_of(page, label).map(|one| one.ticked);
    let filled = || (!page.fields.is_empty()).then(|| page.fields.iter().all(|field| field.filled));
    let mut lines: Vec<Todo> = known.choose.iter().map(|label| line("choose", label, chosen(label))).collect();
    lines.extend(known.enter.iter().map(|what| line("enter", what, filled())));
    lines.extend(known.tick.iter().map(|label| line("tick", label, ticked(label))));
    lines.extend(known.keep.iter().map(|what| line("keep", what, kept(known, page, what))));
    lines.extend(known.press.iter().map(|label| line("press", label, None)));
    lines
}

fn box_of<'p>(page: &'p WindowPage, label: &str) -> Option<&'p TickBox> {
    page.boxes.iter().find(|one| one.label == label)
}

/// Whether a box stands as it stood; what is no box's label stands for all that the guide does not name.
fn kept(known: &WizardPage, page: &WindowPage, what: &str) -> Option<bool> {
    let same = |one: &TickBox| Some(one.was? == one.ticked);
    if let Some(one) = box_of(page, what) {
        return same(one);
    }
    let others: Vec<&TickBox> =
        page.boxes.iter().filter(|one| !known.tick.contains(&one.label) && !known.keep.contains(&one.label)).collect();
    if others.is_empty() {
        return None;
    }
    others.into_iter().map(same).collect::<Option<Vec<bool>>>().map(|all| all.into_iter().all(|same| same))
}

fn differs(known: &WizardPage, page: &WindowPage) -> Vec<String> {
    let mut found = Vec::new();
    let other = page.choices.iter().find(|one| one.chosen).filter(|one| known.choose.as_ref().is_some_and(|label| *label != one.label));
    found.extend(other.map(|one| format!("{} is chosen; the guide chooses another", one.label)));
    let touched = page.boxes.iter().filter(|one| !known.tick.contains(&one.label) && one.was.is_some_and(|was| was != one.ticked));
    found.extend(touched.map(|one| {
        let word = if one.ticked { "is ticked now" } else { "is not ticked any more" };
        format!("{} {word}; the guide leaves it as it was", one.label)
    }));
    found
}

/// The first thing that is not done, else the button that leads on; back from a page that the guide does not know.
fn next(known: Option<&WizardPage>, todo: &[Todo], page: &WindowPage) -> Option<Operation> {
    let press = |label: &String| page.buttons.contains(label).then(|| Operation::Press(label.clone()));
    let Some(known) = known else { return page.buttons.first().and_then(press) };
    if let Some(changed) = page.boxes.iter().find(|one| !one.locked && !known.tick.contains(&one.label) && one.was == Some(!one.ticked)) {
        return Some(Operation::Tick(changed.label.clone()));
    }
    let open = todo.iter().find(|line| line.done == Some(false) && line.verb != "keep");
    let undone = open.and_then(|line| match line.verb {
        "choose" => Some(Operation::Choose(line.what.clone())),
        "tick" => Some(Operation::Tick(line.what.clone())),
        "enter" => page.fields.iter().find(|field| !field.filled).map(|field| Operation::Enter(field.label.clone())),
        _ => None,
    });
    undone.or_else(|| known.press.last().and_then(press)).or_else(|| page.buttons.last().and_then(press))
}

impl OpenPage {
    /// Whether the page stands as the guide wants it.
    #[must_use]
    pub fn is_as_guided(&self) -> bool {
        self.at.is_some() && self.differs.is_empty() && self.todo.iter().all(|line| line.done != Some(false))
    }

    /// What can be done on it, in the order of the page: what is grey cannot.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let page = &self.page;
        let mut all: Vec<Operation> = page.choices.iter().map(|one| Operation::Choose(one.label.clone())).collect();
        all.extend(page.boxes.iter().filter(|one| !one.locked).map(|one| Operation::Tick(one.label.clone())));
        all.extend(page.fields.iter().map(|one| Operation::Enter(one.label.clone())));
        all.extend(page.buttons.iter().map(|label| Operation::Press(label.clone())));
        all
    }

    /// The button that Enter presses when nothing else has it: the last.
    #[must_use]
    pub fn usual_button(&self) -> Option<Operation> {
        self.page.buttons.last().map(|label| Operation::Press(label.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step() -> Step {
        let text = "{id: s, kind: wizard, where: APP1, pages: [{id: tasks, choose: Customize, press: [Next]}, {id: entra, enter: [Name and password], press: [Next]}, \
                    {id: features, tick: [Writeback], keep: [Hash, Every other box], press: [Next]}, {id: ready, press: [Configure]}]}";
        serde_saphyr::from_str(text).unwrap()
    }

    fn page(page: &serde_json::Value) -> OpenPage {
        let window: Window = serde_json::from_value(json!({"open": true, "page": page})).unwrap();
        match showing(&step(), &window) {
            Showing::Page(page) => *page,
            other => panic!("{other:?}"),
        }
    }

    fn features(hash: bool, writeback: bool, device: bool) -> OpenPage {
        let one = |label, ticked, was| json!({"label": label, "ticked": ticked, "locked": false, "was": was});
        let boxes = [one("Hash", hash, true), one("Writeback", writeback, false), one("Device", device, false)];
        page(&json!({"id": "features", "title": "Features", "boxes": boxes, "buttons": ["Previous", "Next"]}))
    }

    #[test]
    fn the_guide_says_what_is_to_be_done_and_what_differs() {
        let states = |page: &OpenPage| page.todo.iter().map(|line| line.done).collect::<Vec<_>>();
        let table = [
            (features(true, false, false), vec![Some(false), Some(true), Some(true), None], 0, Operation::Tick("Writeback".to_owned())),
            (features(true, true, false), vec![Some(true), Some(true), Some(true), None], 0, Operation::Press("Next".to_owned())),
            (features(false, true, false), vec![Some(true), Some(false), Some(true), None], 1, Operation::Tick("Hash".to_owned())),
            (features(true, true, true), vec![Some(true), Some(true), Some(false), None], 1, Operation::Tick("Device".to_owned())),
        ];
        for (page, done, differ, next) in table {
            assert_eq!((states(&page), page.differs.len(), page.next.clone()), (done, differ, Some(next)), "{page:?}");
            assert_eq!(page.is_as_guided(), page.next == Some(Operation::Press("Next".to_owned())));
        }
    }

    #[test]
    fn choices_and_fields_are_judged_too_and_an_unknown_page_leads_back() {
        let tasks = |chosen: &str| {
            let choices = ["Customize", "Staging"].map(|label| json!({"label": label, "chosen": label == chosen}));
            page(&json!({"id": "tasks", "title": "Tasks", "choices": choices, "buttons": ["Previous", "Next"]}))
        };
        assert_eq!(tasks("").next, Some(Operation::Choose("Customize".to_owned())));
        assert_eq!(tasks("Staging").differs, ["Staging is chosen; the guide chooses another"]);
        assert!(tasks("Customize").is_as_guided());
        let fields = ["Username", "Password"].map(|label| json!({"label": label, "filled": label == "Username", "secret": false}));
        let entra = page(&json!({"id": "entra", "title": "Entra", "fields": fields, "buttons": ["Previous", "Next"]}));
        assert_eq!((entra.next.clone(), entra.is_as_guided()), (Some(Operation::Enter("Password".to_owned())), false));
        let lost = page(&json!({"id": "elsewhere", "title": "Rotate", "buttons": ["Previous"]}));
        assert_eq!((lost.at, lost.next.clone(), lost.is_as_guided()), (None, Some(Operation::Press("Previous".to_owned())), false));
        assert_eq!(showing(&step(), &Window::default()), Showing::Closed);
    }
}
