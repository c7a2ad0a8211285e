//! Phases and steps with their verdicts: a column on a wide screen, one line on a narrow one.

use super::{
    Ink,
    text::{self, Piece},
    theme::Role,
};
use crate::engine::{
    check::Verdict,
    page::{Page, RailPhase, RailStep, words},
};
use ratatui::text::Line;

/// A longer title is cut: the rail shows where one is, the step shows its whole title.
const TITLE_MOST: usize = 80;

/// The column, and the line of the step in view.
pub(crate) fn lines(ink: &Ink, phases: &[RailPhase], width: usize) -> (Vec<Line<'static>>, usize) {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut current = 0;
    for phase in phases {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let title = text::clip(&phase.title, TITLE_MOST, ink.glyphs.cut);
        lines.extend(text::wrap(&[ink.piece(Role::Section, title)], &[ink.piece(Role::Text, " ")], width.saturating_sub(1)));
        for step in &phase.steps {
            if step.current {
                current = lines.len();
            }
            lines.extend(step_lines(ink, step, width));
        }
    }
    (lines, current)
}

fn step_lines(ink: &Ink, step: &RailStep, width: usize) -> Vec<Line<'static>> {
    let marker = format!(" {} ", if step.current { ink.glyphs.marker } else { " " });
    let glyph = text::pad(ink.glyphs.verdict(step.verdict), ink.glyphs.verdict_width() + 1, "");
    let first = [ink.piece(Role::Selected, marker), ink.piece(Role::Verdict(step.verdict), glyph)];
    let title = text::clip(&step.title, TITLE_MOST, ink.glyphs.cut);
    let mut pieces = vec![ink.piece(if step.current { Role::Selected } else { Role::Text }, title)];
    if step.drifted {
        pieces.push(ink.piece(Role::Warning, " drifted"));
    }
    text::wrap(&pieces, &first, width.saturating_sub(1))
}

/// One line for all: position, a sign per step, the phase.
pub(crate) fn progress(ink: &Ink, page: &Page, width: usize) -> Line<'static> {
    let (at, of) = page.step.position;
    let mut left: Vec<Piece> = vec![ink.piece(Role::Text, format!(" {at}/{of}  "))];
    for step in page.steps() {
        let glyph = ink.glyphs.verdict(step.verdict).trim_start();
        let role = Role::Verdict(step.verdict);
        let (open, close) = if step.current { ("[", "]") } else { (" ", " ") };
        left.extend([ink.piece(Role::Selected, open), ink.piece(role, glyph), ink.piece(Role::Selected, close)]);
    }
    let phase = page.rail.iter().find(|phase| phase.steps.iter().any(|step| step.current));
    let title = phase.map_or("", |phase| phase.title.as_str());
    let used: usize = left.iter().map(|(text, _)| text::width(text)).sum();
    let right = text::clip(title, width.saturating_sub(used + 4), ink.glyphs.cut);
    text::ends(&left, &[ink.piece(Role::Dim, right), ink.piece(Role::Text, " ")], width, ink.glyphs.cut)
}

/// A verdict as sign and word.
pub(crate) fn verdict(ink: &Ink, verdict: Option<Verdict>) -> Vec<Piece> {
    let role = Role::Verdict(verdict);
    vec![ink.piece(role, format!("{} {}", ink.glyphs.verdict(verdict), words::verdict_word(verdict)))]
}
