//! A plan as it would be sent: each op with its request, what is there now, how it is taken back, what it needs.

use super::{Ink, Over, Role, keys, text};
use crate::{
    engine::page::{PlanLine, PlanPane},
    tui::{keys::Action, model::Model},
};
use ratatui::text::Line;

/// The names of an op's facts stand in one column of this width.
const NAMES: usize = 8;

/// Digits of the plan's id that are shown.
const ID: usize = 12;

pub(super) fn over(ink: &Ink, plan: &PlanPane, model: &Model, width: usize) -> Over {
    let sending = model.is_sent(&plan.id, plan.sending);
    let mut lines = vec![summary(ink, plan, width)];
    for (at, op) in plan.ops.iter().enumerate() {
        lines.push(Line::default());
        lines.extend(op_lines(ink, at, op, width));
    }
    let keys = if sending {
        Vec::new()
    } else {
        let verb = if plan.sign_in.is_some() { "sign in, then send it" } else { "send it" };
        keys(ink, &model.keys, &[(Action::Confirm, verb), (Action::Close, "close, nothing is sent")])
    };
    Over { title: plan.title.clone(), lines, foot: foot(ink, plan, model, sending, width), keys, width, follow: None }
}

fn summary(ink: &Ink, plan: &PlanPane, width: usize) -> Line<'static> {
    let id: String = plan.id.chars().take(ID).collect();
    let count = match plan.ops.len() {
        0 => "nothing to change".to_owned(),
        1 => "1 change, not sent yet".to_owned(),
        n => format!("{n} changes, not sent yet"),
    };
    text::ends(&[ink.piece(Role::Text, count)], &[ink.piece(Role::Dim, format!("plan {id}"))], width, ink.glyphs.cut)
}

fn op_lines(ink: &Ink, at: usize, op: &PlanLine, width: usize) -> Vec<Line<'static>> {
    let number = ink.piece(Role::Dim, format!("{:>2}  ", at + 1));
    let mut title = ink.prose(&op.title);
    for (_, style) in &mut title {
        *style = style.patch(ink.theme.style(Role::Title));
    }
    let mut lines = text::wrap(&title, &[number], width);
    let mut fact = |name: &str, role: Role, value: &str| {
        if !value.is_empty() {
            lines.extend(ink.field(name, NAMES, 4, &[ink.piece(role, ink.glyphs.marks(value))], width));
        }
    };
    fact("send", Role::Code, &op.request);
    fact("now", Role::Text, &op.before);
    fact("undo", Role::Text, &op.undo);
    fact("needs", Role::Text, op.needs.as_deref().unwrap_or_default());
    if !op.body.is_empty() {
        lines.extend(ink.field("body", NAMES, 4, &[], width));
        lines.pop();
        let mut body = text::verbatim(&ink.glyphs.marks(&op.body), ink.theme.style(Role::Code), 4 + NAMES, width);
        if let Some(first) = body.first_mut() {
            // The name stands on the first line of the body.
            first.spans.splice(0..1, [ink.span(Role::Text, "    "), ink.span(Role::Dim, text::pad("body", NAMES, ""))]);
        }
        lines.extend(body);
    }
    lines
}

/// What stays in view however long the plan is: the word to type, or that it is being sent.
fn foot(ink: &Ink, plan: &PlanPane, model: &Model, sending: bool, width: usize) -> Vec<Line<'static>> {
    if sending {
        return vec![Line::default(), ink.line(Role::Notice, format!("sending{}", if model.look.ascii { "..." } else { "…" }))];
    }
    let mut lines = vec![Line::default()];
    if let Some(sign_in) = &plan.sign_in {
        lines.extend(ink.wrapped(Role::Warning, &capital(sign_in), 0, width));
    }
    if let Some(word) = &plan.typed {
        let pieces = [
            ink.piece(Role::Warning, "High risk. "),
            ink.piece(Role::Text, "To send it, type "),
            ink.piece(Role::Label, &**word),
            ink.piece(Role::Text, ", then Enter"),
        ];
        lines.extend(text::wrap(&pieces, &[], width));
        let field =
            [ink.piece(Role::Key, format!("{} ", ink.glyphs.marker)), ink.piece(Role::Text, &*model.typed), ink.piece(Role::Banner, " ")];
        lines.push(text::ends(&field, &[], width, ink.glyphs.cut));
    }
    if let Some(said) = &model.said {
        lines.extend(ink.wrapped(Role::Notice, &said.text, 0, width));
    }
    lines
}

/// A sentence that stands alone.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
