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
///
/// Where room is short the wire log goes first, then what cannot be used now, from the end.
pub(crate) fn hints(ink: &Ink, model: &Model, width: usize) -> Line<'static> {
    let mut left: Vec<(bool, Vec<Piece>)> =
        model.page().offers.iter().map(|offer| item(ink, model, Context::Screen, Action::of(offer.act))).collect();
    let fixed = [(Context::Screen, Action::Wire), (Context::Global, Action::Help), (Context::Global, Action::Quit)];
    let mut right: Vec<(bool, Vec<Piece>)> = fixed.into_iter().map(|(context, action)| item(ink, model, context, action)).collect();
    let too_long = |left: &[(bool, Vec<Piece>)], right: &[(bool, Vec<Piece>)]| 1 + length(left) + length(right) > width;
    if too_long(&left, &right) {
        right.remove(0);
    }
    while too_long(&left, &right) && !left.is_empty() {
        let unusable = left.iter().rposition(|(usable, _)| !usable);
        left.remove(unusable.unwrap_or(left.len() - 1));
    }
    let gap = width.saturating_sub(1 + length(&left) + length(&right));
    let mut pieces = vec![ink.piece(Role::Text, " ")];
    pieces.extend(left.into_iter().flat_map(|(_, item)| item));
    pieces.push(ink.piece(Role::Text, " ".repeat(gap)));
    pieces.extend(right.into_iter().flat_map(|(_, item)| item));
    Line::from(pieces.into_iter().map(|(text, style)| Span::styled(text, style)).collect::<Vec<_>>())
}

/// A key with its verb, and whether it can be used now.
fn item(ink: &Ink, model: &Model, context: Context, action: Action) -> (bool, Vec<Piece>) {
    let Some((key, verb)) = model.keys.hint(context, action) else { return (false, Vec::new()) };
    let usable = !model.in_dialog() && action.act().is_none_or(|act| model.page().why_not(act).is_none());
    let (key_role, role) = if usable { (Role::Key, Role::Text) } else { (Role::Dim, Role::Dim) };
    (usable, vec![ink.piece(key_role, key), ink.piece(role, format!(" {verb}  "))])
}

fn length(items: &[(bool, Vec<Piece>)]) -> usize {
    items.iter().flat_map(|(_, item)| item).map(|(text, _)| text::width(text)).sum()
}
