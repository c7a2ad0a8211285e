//! The wizard's window in words: what stands on its page, what the guide asks for there, what differs. No glyph carries meaning here.

use crate::engine::page::{
    OpenPage, Page, Showing, WizardLine,
    mirror::{Mirror, Operation},
};
use crate::guide::prose::plain_text;

/// The window as it stands; without one, the pages that a person goes through.
pub(super) fn lines(page: &Page) -> Vec<String> {
    let Some(mirror) = &page.step.mirror else {
        if page.step.pages.is_empty() {
            return vec!["this step has no wizard".to_owned()];
        }
        return page.step.pages.iter().enumerate().flat_map(|(at, wizard)| guide_page(at, wizard)).collect();
    };
    window(page, mirror)
}

/// A page as the guide has it.
pub(super) fn guide_page(at: usize, wizard: &WizardLine) -> Vec<String> {
    let attested = wizard.attested.as_ref().map(|word| format!(" [attested by {}]", word.by)).unwrap_or_default();
    let mut lines = vec![format!("Page {}: {}{attested}", at + 1, plain_text(&wizard.title))];
    lines.extend(wizard.lines.iter().map(|(verb, what)| format!("  {verb}: {what}")));
    lines
}

/// What a person should hear when the window changes.
pub(super) fn changes(old: &Page, new: &Page) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, wizard) in new.step.pages.iter().enumerate() {
        if old.step.pages.get(at).is_some_and(|before| before.attested != wizard.attested) {
            let word = if wizard.attested.is_some() { "attested" } else { "not attested any more" };
            lines.push(format!("page {}, {}: {word}", at + 1, plain_text(&wizard.title)));
        }
    }
    let Some(mirror) = &new.step.mirror else { return lines };
    let before = old.step.mirror.as_ref();
    if let Some(why) = mirror.refused.as_ref().filter(|_| before.is_none_or(|before| before.answered != mirror.answered)) {
        lines.push(format!("not taken: {why}"));
    }
    if before.is_some_and(|before| before.showing != mirror.showing && before.showing != Showing::Unseen) {
        lines.extend(window(new, mirror));
    }
    lines
}

fn window(page: &Page, mirror: &Mirror) -> Vec<String> {
    match &mirror.showing {
        Showing::Unseen => vec!["wizard: looking at it".to_owned()],
        Showing::Closed => vec!["wizard: not open; type wizard open".to_owned()],
        Showing::Unreachable(why) => vec![format!("wizard: {why}")],
        Showing::Page(open) => open_page(page, open),
    }
}

fn open_page(page: &Page, open: &OpenPage) -> Vec<String> {
    let place = open.at.map(|at| format!(", page {} of {}", at + 1, page.step.pages.len())).unwrap_or_default();
    let shown = &open.page;
    let mut lines = vec![format!("wizard: {}{place}", shown.title)];
    lines.extend(shown.choices.iter().map(|one| format!("  choice, {}: {}", if one.chosen { "chosen" } else { "not chosen" }, one.label)));
    for one in &shown.boxes {
        let grey = if one.locked { ", grey" } else { "" };
        lines.push(format!("  box, {}{grey}: {}", if one.ticked { "ticked" } else { "not ticked" }, one.label));
    }
    lines.extend(shown.fields.iter().map(|one| format!("  field, {}: {}", if one.filled { "filled" } else { "empty" }, one.label)));
    lines.extend(shown.buttons.iter().map(|label| format!("  button: {label}")));
    lines.extend(shown.says.as_ref().map(|says| format!("  it says: {says}")));
    for line in &open.todo {
        let state = match line.done {
            Some(true) => ", done",
            Some(false) => ", to do",
            None => "",
        };
        lines.push(format!("  guide, {}{state}: {}", line.verb, line.what));
    }
    lines.extend(open.differs.iter().map(|differs| format!("  differs from the guide: {differs}")));
    lines.extend(open.next.as_ref().map(|next| format!("  next: {}", typed(next))));
    lines
}

/// As it is typed.
fn typed(operation: &Operation) -> String {
    match operation {
        Operation::Open => "wizard open".to_owned(),
        Operation::Close => "wizard close".to_owned(),
        Operation::Choose(label) => format!("choose {label}"),
        Operation::Tick(label) => format!("tick {label}"),
        Operation::Enter(label) => format!("enter {label}"),
        Operation::Press(label) => format!("press {label}"),
    }
}
