//! Live verification: each check with its verdict, what is expected and found, how old that is, and the way out.

use super::{Ink, rail, text, theme::Role};
use crate::engine::{
    check::Verdict,
    page::{CheckPane, Page, words},
};
use ratatui::text::Line;

/// Verdicts and the names of facts stand in one column of this width; what they are about stands beside it.
const NAMES: usize = 12;

/// The heading, marked while keys scroll this pane.
pub(crate) fn title(ink: &Ink, page: &Page, active: bool) -> Line<'static> {
    let marker = if active { format!("{} ", ink.glyphs.marker) } else { String::new() };
    let looking = if page.checks.iter().any(|pane| pane.looking.is_some()) { "looking " } else { "" };
    Line::from(vec![ink.span(Role::Selected, marker), ink.span(Role::Section, "Verification "), ink.span(Role::Dim, looking)])
}

/// All panes, one below the other.
pub(crate) fn lines(ink: &Ink, page: &Page, tight: bool, width: usize) -> Vec<Line<'static>> {
    if page.checks.is_empty() {
        return ink.wrapped(Role::Dim, "No check can prove this step. What a person attests is kept as attested, not as proved.", 0, width);
    }
    let mut lines = Vec::new();
    for (at, pane) in page.checks.iter().enumerate() {
        if at > 0 && !tight {
            lines.push(Line::default());
        }
        lines.extend(pane_lines(ink, pane, tight, width));
    }
    lines
}

fn pane_lines(ink: &Ink, pane: &CheckPane, tight: bool, width: usize) -> Vec<Line<'static>> {
    let mut lines = head(ink, pane, width);
    // A check that holds needs no more than what was found when room is short.
    let brief = tight && pane.verdict == Some(Verdict::Pass);
    // While a change is on its way, how long that may take matters more than what must hold at last.
    let terse = tight && matches!(pane.verdict, Some(Verdict::Pass | Verdict::Pending));
    let facts = [("expected", pane.expected.as_ref().filter(|_| !terse)), ("found", pane.found.as_ref())];
    for (name, value) in facts {
        if let Some(value) = value {
            lines.extend(ink.field(name, INNER, HANG, &[ink.piece(Role::Text, &**value)], width));
        }
    }
    if !brief {
        lines.extend(look(ink, pane, width));
    }
    if let Some(why) = &pane.why {
        lines.extend(ink.wrapped(Role::Text, why, HANG, width));
    }
    for way in &pane.way_out {
        let first = [ink.piece(Role::Text, " ".repeat(HANG)), ink.piece(Role::Key, format!("{} ", ink.glyphs.way))];
        lines.extend(text::wrap(&[ink.piece(Role::Text, &**way)], &first, width));
    }
    if let Some(code) = &pane.code {
        lines.extend(ink.field("code", INNER, HANG, &[ink.piece(Role::Dim, &**code)], width));
    }
    lines
}

/// How far the facts of a check stand in, and the rest of the column.
const HANG: usize = 2;
const INNER: usize = NAMES - HANG;

/// The verdict, then what the check states in the column of the facts; a long verdict has its own line.
fn head(ink: &Ink, pane: &CheckPane, width: usize) -> Vec<Line<'static>> {
    let mut verdict = rail::verdict(ink, pane.verdict);
    if pane.drifted {
        verdict.push(ink.piece(Role::Warning, ", drifted"));
    }
    let used: usize = verdict.iter().map(|(text, _)| text::width(text)).sum();
    let title = ink.prose(&pane.title);
    if used < NAMES {
        verdict.push(ink.piece(Role::Text, " ".repeat(NAMES - used)));
        return text::wrap(&title, &verdict, width);
    }
    let mut lines = text::wrap(&verdict, &[], width);
    lines.extend(text::wrap(&title, &[ink.piece(Role::Text, " ".repeat(NAMES))], width));
    lines
}

/// When it was looked at, how long that took where there is room to say so, when the next look is.
fn look(ink: &Ink, pane: &CheckPane, width: usize) -> Vec<Line<'static>> {
    let next = pane.look_words(ink.elapsed);
    let age = pane.age.map(|age| {
        let stale = if pane.stale { ", stale" } else { "" };
        format!("{}{stale}", words::age(age + ink.elapsed))
    });
    let took = pane.took.map(|took| format!("took {}", words::took(took)));
    let dot = format!(" {} ", ink.glyphs.dot);
    let join = |parts: [Option<&String>; 3]| parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(&dot);
    let whole = join([age.as_ref(), took.as_ref(), next.as_ref()]);
    let said = if text::width(&whole) + NAMES <= width { whole } else { join([age.as_ref(), next.as_ref(), None]) };
    if said.is_empty() {
        return Vec::new();
    }
    let role = if pane.stale { Role::Warning } else { Role::Dim };
    ink.field("looked", INNER, HANG, &[ink.piece(role, said)], width)
}
