//! The round trip of a step: a line per hop with its own clock, what is waited for, and where it stopped.

use super::{Ink, step, text, theme::Role};
use crate::engine::page::trip::{HopLine, TripPane};
use ratatui::text::Line;

/// Hop names stand in one column of this width, and times in another.
const NAMES: usize = 11;
const TOOK: usize = 11;

/// Adds the trip's lines, a blank one before them.
pub(super) fn lines(ink: &Ink, lines: &mut Vec<Line<'static>>, trip: &TripPane, width: usize) {
    step::heading(lines, ink, "Round trip", &trip.head, width);
    for hop in &trip.hops {
        lines.extend(hop_lines(ink, hop, width));
    }
    if let Some(stopped) = &trip.stopped {
        lines.extend(ink.wrapped(Role::Warning, stopped, 0, width));
    }
    if let Some(waiting) = &trip.waiting {
        lines.extend(ink.wrapped(Role::Notice, &waiting.words(ink.elapsed), 0, width));
    }
}

fn hop_lines(ink: &Ink, hop: &HopLine, width: usize) -> Vec<Line<'static>> {
    let marker = if hop.waiting { ink.glyphs.marker } else { " " };
    let mut first =
        vec![ink.piece(Role::Label, format!("{marker} ")), ink.piece(Role::Verdict(hop.verdict), ink.glyphs.verdict(hop.verdict))];
    first.push(ink.piece(if hop.waiting { Role::Label } else { Role::Text }, format!(" {}", text::pad(hop.name, NAMES, ink.glyphs.cut))));
    first.push(ink.piece(Role::Text, text::pad(&hop.took, TOOK, ink.glyphs.cut)));
    let mut lines = text::wrap(&[ink.piece(Role::Dim, hop.clock.clone())], &first, width);
    if !hop.says.is_empty() {
        lines.extend(ink.wrapped(Role::Dim, &hop.says, 4, width));
    }
    lines
}
