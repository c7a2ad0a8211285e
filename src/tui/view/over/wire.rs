//! The wire log: every request and what came back, newest last.

use super::{Ink, Over, Role, keys, text};
use crate::{
    base::http::WireLine,
    engine::page::words,
    tui::keys::{Action, KeyMap},
};
use ratatui::text::{Line, Span};

pub(super) fn over(ink: &Ink, wire: &[WireLine], map: &KeyMap, width: usize) -> Over {
    let mut lines = Vec::new();
    if wire.is_empty() {
        lines.push(ink.line(Role::Dim, "nothing was sent yet"));
    }
    for request in wire {
        lines.extend(request_lines(ink, request, width));
    }
    let keys = keys(ink, map, &[(Action::Up, "up"), (Action::Down, "down"), (Action::Close, "close")]);
    let title = match wire.len() {
        1 => "Wire log: 1 request, times in UTC".to_owned(),
        n => format!("Wire log: {n} requests, newest last, times in UTC"),
    };
    Over { title, lines, foot: Vec::new(), keys, width, follow: None }
}

fn request_lines(ink: &Ink, request: &WireLine, width: usize) -> Vec<Line<'static>> {
    let status = request.status.map_or_else(|| "--".to_owned(), |status| status.to_string());
    // A note says what went wrong; LDAP's codes are small numbers, so the number alone does not tell.
    let well = request.note.is_none() && request.status.is_some_and(|status| status < 400);
    let role = if well { Role::Text } else { Role::Warning };
    let head = [
        ink.piece(Role::Dim, format!("{}  ", request.at.strftime("%H:%M:%S"))),
        ink.piece(role, text::pad(&status, 5, ink.glyphs.cut)),
        ink.piece(Role::Text, text::pad(&request.method, 8, ink.glyphs.cut)),
    ];
    let took = words::took(request.took);
    let used: usize = head.iter().map(|(text, _)| text::width(text)).sum();
    let target = text::clip(&request.target, width.saturating_sub(used + 10), ink.glyphs.cut);
    let mut left = head.to_vec();
    left.push(ink.piece(Role::Text, target));
    let mut lines = vec![text::ends(&left, &[ink.piece(Role::Dim, took)], width, ink.glyphs.cut)];
    let id = request.request_id.as_ref().filter(|_| !well).map(|id| format!("request-id {id}"));
    let below: Vec<String> = [request.note.clone(), id].into_iter().flatten().collect();
    if !below.is_empty() {
        let note = text::clip(&below.join("  "), width.saturating_sub(used), ink.glyphs.cut);
        lines.push(Line::from(vec![Span::raw(" ".repeat(used)), ink.span(role, note)]));
    }
    lines
}
