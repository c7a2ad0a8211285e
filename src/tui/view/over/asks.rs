//! The small boxes: an op in doubt, leaving while something is being sent.

use super::{Ink, Over, Role, keys};
use crate::tui::keys::{Action, KeyMap};
use ratatui::text::Line;

/// An op whose end nobody saw.
pub(super) fn doubt(ink: &Ink, what: &str, map: &KeyMap, width: usize) -> Over {
    let mut lines = ink.wrapped(
        Role::Text,
        "Guidepost was stopped while this was being sent, and nothing that it can read tells whether it happened:",
        0,
        width,
    );
    lines.push(Line::default());
    lines.extend(ink.wrapped(Role::Code, what, 2, width));
    lines.push(Line::default());
    lines.extend(ink.wrapped(Role::Text, "Look for yourself. Did it happen?", 0, width));
    let keys = keys(ink, map, &[(Action::Yes, "it happened"), (Action::No, "it did not"), (Action::Close, "answer later")]);
    Over { title: "In doubt".to_owned(), lines, foot: Vec::new(), keys, width, follow: None }
}

/// Leave although something is being sent?
pub(super) fn leave(ink: &Ink, map: &KeyMap, width: usize) -> Over {
    let text = "A change is being sent. If you leave now, the next start finds out by looking whether it happened.";
    let lines = ink.wrapped(Role::Text, text, 0, width);
    let keys = keys(ink, map, &[(Action::Yes, "leave"), (Action::No, "stay")]);
    Over { title: "Leave while a change is being sent?".to_owned(), lines, foot: Vec::new(), keys, width, follow: None }
}
