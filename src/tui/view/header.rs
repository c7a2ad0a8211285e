//! The first line: the guide, where it happens, who is signed in, what is open. The least needed part goes first when it is narrow.

use super::{
    Ink,
    text::{self, Piece},
    theme::Role,
};
use crate::engine::page::{Connection, LabLine, Page};
use ratatui::text::Line;

/// The header line.
pub(crate) fn line(ink: &Ink, page: &Page, width: usize) -> Line<'static> {
    let left = [ink.piece(Role::Title, format!(" {}", page.guide))];
    text::ends(&left, &facts(ink, &page.lab, width), width, ink.glyphs.cut)
}

/// The lab's facts at the right end; at most two thirds of the line.
fn facts(ink: &Ink, lab: &LabLine, width: usize) -> Vec<Piece> {
    let mut parts: Vec<(u8, Piece)> =
        vec![(0, ink.piece(Role::Banner, format!(" {} lab ", text::clip(&lab.environment, 16, ink.glyphs.cut))))];
    let who = lab.account.as_ref().or(lab.tenant.as_ref());
    parts.extend(who.map(|who| (3, ink.piece(Role::Text, text::clip(who, 44, ink.glyphs.cut)))));
    let role = match lab.connection {
        Connection::Ready => Role::Dim,
        Connection::Connecting(_) => Role::Text,
        Connection::SignedOut | Connection::Failed { .. } => Role::Warning,
    };
    // By what was named only: a sign-in of which nothing is known says nothing here.
    let may_write = lab.meter.as_ref().map(|meter| if meter.write.is_empty() { "may read" } else { "may write" });
    parts.extend(may_write.map(|may| (5, ink.piece(Role::Dim, may))));
    let importance = if lab.connection == Connection::Ready { 4 } else { 1 };
    parts.push((importance, ink.piece(role, lab.connection.word())));
    parts.extend(lab.open_words().map(|open| (2, ink.piece(Role::Warning, open))));
    parts.extend(lab.clock_words().map(|clock| (2, ink.piece(Role::Warning, clock))));
    parts.extend(lab.read_only.as_ref().map(|_| (1, ink.piece(Role::Warning, "read-only"))));
    while length(&parts) > width * 2 / 3 && parts.len() > 1 {
        let least = parts.iter().map(|(importance, _)| *importance).max();
        parts.retain(|(importance, _)| Some(*importance) != least);
    }
    let dot = ink.piece(Role::Dim, format!(" {} ", ink.glyphs.dot));
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, (_, part)) in parts.into_iter().enumerate() {
        match at {
            0 => {}
            1 => pieces.push(ink.piece(Role::Text, " ")),
            _ => pieces.push(dot.clone()),
        }
        pieces.push(part);
    }
    pieces.push(ink.piece(Role::Text, " "));
    pieces
}

fn length(parts: &[(u8, Piece)]) -> usize {
    parts.iter().map(|(_, (text, _))| text::width(text) + 3).sum()
}
