//! The last lines: what is said once, the newest thing that happened, the keys that work now.

use super::{
    Ink,
    text::{self, Piece},
    theme::Role,
};
use crate::{
    engine::page::{Connection, Notice, Page},
    tui::{
        keys::{Action, Context},
        model::Model,
    },
};
use ratatui::text::{Line, Span};

/// What is said once, with what to do about it.
pub(crate) fn notice(ink: &Ink, notice: &Notice, width: usize) -> Vec<Line<'static>> {
    let mut pieces = vec![ink.piece(Role::Notice, &*notice.text)];
    if let Some(hint) = &notice.hint {
        pieces.push(ink.piece(Role::Dim, "  hint: "));
        pieces.push(ink.piece(Role::Text, &**hint));
    }
    text::wrap(&pieces, &[ink.piece(Role::Text, " ")], width.saturating_sub(1))
}

/// The newest thing that happened; before that, how it stands with the connection.
pub(crate) fn activity(ink: &Ink, page: &Page, width: usize) -> Line<'static> {
    let text = match (&page.lab.connection, &page.activity) {
        (Connection::Failed { why, hint }, _) => {
            let hint = hint.as_ref().map(|hint| format!("  hint: {hint}")).unwrap_or_default();
            format!("{why}{hint}")
        }
        (_, Some(activity)) => activity.clone(),
        (Connection::Connecting(what), None) => what.clone(),
        (Connection::SignedOut, None) => "nobody is signed in".to_owned(),
        (Connection::Ready, None) => String::new(),
    };
    ink.line(Role::Dim, text::clip(&format!(" {text}"), width, ink.glyphs.cut))
}

/// The keys that work now in the order of the page's offers; what cannot be used now is dimmed.
pub(crate) fn hints(ink: &Ink, model: &Model, width: usize) -> Line<'static> {
    let right = group(ink, &[(Context::Screen, Action::Wire), (Context::Global, Action::Help), (Context::Global, Action::Quit)], model);
    let room = width.saturating_sub(length(&right) + 2);
    let mut left: Vec<Piece> = vec![ink.piece(Role::Text, " ")];
    for offer in &model.page().offers {
        let item = group(ink, &[(Context::Screen, Action::of(offer.act))], model);
        if length(&left) + length(&item) <= room {
            left.extend(item);
        }
    }
    let gap = width.saturating_sub(length(&left) + length(&right));
    left.push(ink.piece(Role::Text, " ".repeat(gap)));
    left.extend(right);
    Line::from(left.into_iter().map(|(text, style)| Span::styled(text, style)).collect::<Vec<_>>())
}

fn group(ink: &Ink, actions: &[(Context, Action)], model: &Model) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (context, action) in actions {
        let Some((key, verb)) = model.keys.hint(*context, *action) else { continue };
        let usable = !model.in_dialog() && action.act().is_none_or(|act| model.page().why_not(act).is_none());
        let (key_role, role) = if usable { (Role::Key, Role::Text) } else { (Role::Dim, Role::Dim) };
        pieces.push(ink.piece(key_role, key));
        pieces.push(ink.piece(role, format!(" {verb}  ")));
    }
    pieces
}

fn length(pieces: &[Piece]) -> usize {
    pieces.iter().map(|(text, _)| text::width(text)).sum()
}
