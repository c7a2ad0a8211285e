//! The middle: what the step is, why, what a person does by hand, what Guidepost can do, where the guide is wrong.

use super::{Ink, rail, text, text::Piece, theme::Role};
use crate::{
    engine::page::{ActionLine, NoteLine, Page, StepPage, TaskLine, WizardLine},
    tui::keys::{Action, Context, KeyMap},
};
use ratatui::text::Line;
use std::ops::Range;

/// The lines of the middle, and where the selected task stands among them.
pub(crate) fn lines(
    ink: &Ink,
    page: &Page,
    keys: &KeyMap,
    selected: usize,
    tight: bool,
    width: usize,
) -> (Vec<Line<'static>>, Range<usize>) {
    let step = &page.step;
    let mut lines = if tight { tight_head(ink, step, width) } else { head(ink, step, width) };
    // A trip that is made is what the step is looked at for; before the first, its words come first.
    let trip = |made: bool| step.trip.as_ref().filter(move |trip| trip.is_made() == made);
    if let Some(trip) = trip(true) {
        super::trip::lines(ink, &mut lines, trip, width);
    }
    section(ink, &mut lines, "Why", ink.blocks(&step.why, 0, width));
    options(ink, &mut lines, step, width);
    if let Some(action) = &step.action {
        heading(&mut lines, ink, "Guidepost can do this", &action.state, width);
        lines.extend(action_lines(ink, page, keys, action, width));
    }
    if let Some(trip) = trip(false) {
        super::trip::lines(ink, &mut lines, trip, width);
    }
    let range = by_hand(ink, &mut lines, step, selected, width);
    if !step.pages.is_empty() {
        let attested = step.pages.iter().filter(|page| page.attested.is_some()).count();
        heading(&mut lines, ink, "Page by page", &format!("{attested} of {} attested", step.pages.len()), width);
        if let Some((key, _)) = keys.hint(Context::Screen, Action::Wizard) {
            let words =
                if step.mirror.is_some() { "the wizard's window, to be operated here" } else { "the wizard's pages, to be attested" };
            lines.extend(text::wrap(&[ink.piece(Role::Text, words)], &[ink.piece(Role::Key, format!("  {key}  "))], width));
        }
        for (at, wizard) in step.pages.iter().enumerate() {
            lines.extend(wizard_lines(ink, at, wizard, width));
        }
    }
    if !step.notes.is_empty() {
        heading(&mut lines, ink, "Field notes", "", width);
        for (at, note) in step.notes.iter().enumerate() {
            if at > 0 {
                lines.push(Line::default());
            }
            lines.extend(note_lines(ink, note, width));
        }
    }
    (lines, range)
}

/// The ways in which the step can be walked, the one that is walked first named as such.
fn options(ink: &Ink, lines: &mut Vec<Line<'static>>, step: &StepPage, width: usize) {
    if step.options.is_empty() {
        return;
    }
    heading(lines, ink, "Options", "", width);
    for option in &step.options {
        let marker = if option.walked { ink.glyphs.marker } else { " " };
        let name = ink.piece(if option.walked { Role::Label } else { Role::Dim }, format!("{marker} {}  ", option.id));
        lines.extend(text::wrap(&ink.prose(&option.text), &[name], width));
        if !option.walked {
            lines.extend(ink.wrapped(Role::Dim, &format!("start with --option {}={}", step.id, option.id), 2, width));
        }
    }
}

/// The checklist; returns where the selected task stands.
fn by_hand(ink: &Ink, lines: &mut Vec<Line<'static>>, step: &StepPage, selected: usize, width: usize) -> Range<usize> {
    if step.tasks.is_empty() {
        return 0..0;
    }
    let attested = step.tasks.iter().filter(|task| task.attested.is_some()).count();
    heading(lines, ink, "By hand", &format!("{attested} of {} attested", step.tasks.len()), width);
    if !step.place.is_empty() {
        lines.extend(ink.wrapped(Role::Dim, &format!("in: {}", step.place), 0, width));
    }
    let column = step.tasks.iter().filter_map(|task| task.covers.as_deref()).map(text::width).max().unwrap_or(0).min(NUMBER_MOST);
    let mut range = 0..0;
    for (at, task) in step.tasks.iter().enumerate() {
        let start = lines.len();
        lines.extend(task_lines(ink, task, column, at == selected, width));
        if at == selected {
            range = start..lines.len();
        }
    }
    range
}

/// The source's numbers are short; a longer one is cut.
const NUMBER_MOST: usize = 6;

fn section(ink: &Ink, lines: &mut Vec<Line<'static>>, title: &str, body: Vec<Line<'static>>) {
    if !body.is_empty() {
        heading(lines, ink, title, "", 0);
        lines.extend(body);
    }
}

/// A section's heading with a word at the right end, a blank line before it.
pub(super) fn heading(lines: &mut Vec<Line<'static>>, ink: &Ink, title: &str, right: &str, width: usize) {
    lines.push(Line::default());
    if text::width(title) + text::width(right) + 2 <= width {
        lines.push(text::ends(&[ink.piece(Role::Section, title)], &[ink.piece(Role::Dim, right)], width, ink.glyphs.cut));
        return;
    }
    lines.push(ink.line(Role::Section, title));
    if !right.is_empty() {
        lines.extend(ink.wrapped(Role::Dim, right, 0, width));
    }
}

fn risk(ink: &Ink, step: &StepPage) -> Option<Piece> {
    if step.risk.is_empty() {
        return None;
    }
    let role = if step.risk.eq_ignore_ascii_case("high") { Role::Warning } else { Role::Dim };
    Some(ink.piece(role, format!("{} risk", step.risk.to_lowercase())))
}

/// Position, title, summary, verdict, each on its own line.
fn head(ink: &Ink, step: &StepPage, width: usize) -> Vec<Line<'static>> {
    let (at, of) = step.position;
    let left = ink.piece(Role::Dim, format!("Step {at} of {of}"));
    let mut lines = vec![text::ends(&[left], risk(ink, step).as_slice(), width, ink.glyphs.cut)];
    lines.extend(ink.wrapped(Role::Title, &step.title, 0, width));
    lines.extend(summary(ink, step, width));
    lines.push(Line::default());
    let mut verdict = rail::verdict(ink, step.verdict);
    verdict.extend(step.verdict_note.as_ref().map(|note| ink.piece(Role::Text, format!(": {note}"))));
    lines.extend(text::wrap(&verdict, &[], width));
    lines
}

/// The same in as few lines as possible; the position stands in the progress line.
fn tight_head(ink: &Ink, step: &StepPage, width: usize) -> Vec<Line<'static>> {
    let mut right: Vec<Piece> = risk(ink, step).into_iter().collect();
    if !right.is_empty() {
        right.push(ink.piece(Role::Dim, format!(" {} ", ink.glyphs.dot)));
    }
    right.extend(rail::verdict(ink, step.verdict));
    let mut lines = vec![text::ends(&[ink.piece(Role::Title, &*step.title)], &right, width, ink.glyphs.cut)];
    if let Some(note) = &step.verdict_note {
        lines.extend(ink.wrapped(Role::Text, note, 0, width));
    }
    lines.extend(summary(ink, step, width));
    lines
}

fn summary(ink: &Ink, step: &StepPage, width: usize) -> Vec<Line<'static>> {
    if step.summary.is_empty() { Vec::new() } else { ink.wrapped(Role::Text, &step.summary, 0, width) }
}

fn task_lines(ink: &Ink, task: &TaskLine, column: usize, selected: bool, width: usize) -> Vec<Line<'static>> {
    let marker = if selected { ink.glyphs.marker } else { " " };
    let tick = if task.attested.is_some() { "[x] " } else { "[ ] " };
    let mut first =
        vec![ink.piece(Role::Selected, format!("{marker} ")), ink.piece(if selected { Role::Selected } else { Role::Text }, tick)];
    if column > 0 {
        let number = text::pad(task.covers.as_deref().unwrap_or(""), column + 1, ink.glyphs.cut);
        first.push(ink.piece(Role::Dim, number));
    }
    let indent: usize = first.iter().map(|(text, _)| text::width(text)).sum();
    let mut lines = text::wrap(&ink.prose(&task.text), &first, width);
    if let Some(attested) = &task.attested {
        let at = attested.at.strftime("%Y-%m-%d %H:%M UTC");
        lines.extend(ink.wrapped(Role::Dim, &format!("attested by {}, {at}", attested.by), indent, width));
    }
    lines
}

fn wizard_lines(ink: &Ink, at: usize, wizard: &WizardLine, width: usize) -> Vec<Line<'static>> {
    let mut lines = if at > 0 { vec![Line::default()] } else { Vec::new() };
    let tick = if wizard.attested.is_some() { "[x] " } else { "[ ] " };
    let number = [ink.piece(Role::Dim, format!("{:>2}  ", at + 1)), ink.piece(Role::Text, tick)];
    let mut title = ink.prose(&wizard.title);
    for (_, style) in &mut title {
        *style = style.patch(ink.theme.style(Role::Label));
    }
    lines.extend(text::wrap(&title, &number, width));
    let column = wizard.lines.iter().map(|(verb, _)| text::width(verb)).max().unwrap_or(0) + 2;
    for (verb, what) in &wizard.lines {
        lines.extend(ink.field(verb, column, 4, &[ink.piece(Role::Label, &**what)], width));
    }
    lines
}

/// What Guidepost would change, and the keys for it; a key that cannot be used now is dimmed and says why.
fn action_lines(ink: &Ink, page: &Page, keys: &KeyMap, action: &ActionLine, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for change in &action.changes {
        let first = [ink.piece(Role::Dim, format!("{} ", ink.glyphs.bullet))];
        lines.extend(text::wrap(&ink.prose(change), &first, width));
    }
    for action in [Action::Apply, Action::Undo] {
        let (Some((key, verb)), Some(act)) = (keys.hint(Context::Screen, action), action.act()) else { continue };
        let (key_role, role, text) = match page.why_not(act) {
            None => (Role::Key, Role::Text, verb.to_owned()),
            Some(why) => (Role::Dim, Role::Dim, format!("{verb}: {why}")),
        };
        lines.extend(text::wrap(&[ink.piece(role, text)], &[ink.piece(key_role, format!("  {key}  "))], width));
    }
    lines
}

fn note_lines(ink: &Ink, note: &NoteLine, width: usize) -> Vec<Line<'static>> {
    let mut lines = ink.wrapped(Role::Label, &note.title, 0, width);
    if !note.origin.is_empty() {
        lines.extend(ink.wrapped(Role::Dim, &note.origin, 0, width));
    }
    lines.extend(ink.blocks(&note.blocks, 0, width));
    lines
}
