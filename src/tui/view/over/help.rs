//! The help, made from the key map: each key, what it does, and why it cannot be used now; then what the signs mean.

use super::{Ink, Over, Role, keys, text};
use crate::{
    engine::check::Verdict,
    tui::{
        keys::{Action, Binding, Context},
        model::Model,
    },
};
use ratatui::text::{Line, Span};

/// What each verdict means, in few words.
const MEANINGS: [(Verdict, &str); 7] = [
    (Verdict::Pass, "looked, and it holds"),
    (Verdict::Fail, "looked, and it does not hold"),
    (Verdict::Pending, "looked, not yet: a change needs time to show"),
    (Verdict::Blocked, "another check or step must pass first"),
    (Verdict::Unknown, "could not look: a right or a connection is missing"),
    (Verdict::NotApplicable, "does not apply to this lab"),
    (Verdict::Waived, "set aside by a person"),
];

pub(super) fn over(ink: &Ink, model: &Model, width: usize) -> Over {
    let mut lines = Vec::new();
    let groups = [
        (Context::Screen, "On the page"),
        (Context::Wizard, "In the wizard"),
        (Context::Dialog, "In a box like this one"),
        (Context::Global, "Everywhere"),
    ];
    let groups = groups.into_iter().filter(|(context, _)| *context != Context::Wizard || !model.page().step.pages.is_empty());
    let groups: Vec<_> = groups.collect();
    let names = |binding: &Binding| binding.keys.join(", ");
    let column = groups.iter().flat_map(|(context, _)| model.keys.of(*context)).map(|b| text::width(&names(b))).max().unwrap_or(0) + 2;
    for (context, title) in groups {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(ink.line(Role::Section, title));
        for binding in model.keys.of(context) {
            let why_not = binding.action.act().filter(|_| context == Context::Screen).and_then(|act| model.page().why_not(act));
            lines.extend(binding_lines(ink, &names(binding), column, binding, why_not.as_deref(), width));
        }
    }
    if let Some(meter) = &model.page().lab.meter {
        lines.push(Line::default());
        lines.push(ink.line(Role::Section, "This sign-in, as the service named it"));
        for words in meter.words() {
            lines.extend(ink.wrapped(Role::Text, &words, 0, width));
        }
    }
    lines.push(Line::default());
    lines.push(ink.line(Role::Section, "Verdicts"));
    for (verdict, meaning) in MEANINGS {
        let sign = text::pad(&format!("{} {}", ink.glyphs.verdict(Some(verdict)), verdict.word()), column.max(19), ink.glyphs.cut);
        lines.push(Line::from(vec![ink.span(Role::Verdict(Some(verdict)), sign), Span::raw(meaning)]));
    }
    Over {
        title: "Help".to_owned(),
        lines,
        foot: Vec::new(),
        keys: keys(ink, &model.keys, &[(Action::Close, "close")]),
        width,
        follow: None,
    }
}

fn binding_lines(ink: &Ink, names: &str, column: usize, binding: &Binding, why_not: Option<&str>, width: usize) -> Vec<Line<'static>> {
    let name = text::pad(names, column, ink.glyphs.cut);
    let (first, pieces) = match why_not {
        None => (ink.piece(Role::Key, name), vec![ink.piece(Role::Text, &*binding.help)]),
        Some(why) => (ink.piece(Role::Dim, name), vec![ink.piece(Role::Dim, format!("{} (not now: {why})", binding.help))]),
    };
    text::wrap(&pieces, &[first], width)
}
