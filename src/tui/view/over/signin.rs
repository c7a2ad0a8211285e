//! The sign-in: where to go, what to enter or paste, how long it is good for, and the way out when it ended.

use super::{Ink, Over, Role, keys, text};
use crate::{
    base::text as clean,
    engine::page::{SignInAsk, SignInPane, words},
    tui::{keys::Action, model::Model},
};
use qrcode::{Color as Module, EcLevel, QrCode};
use ratatui::{
    style::{Color, Style},
    text::{Line, Span},
};

/// The most dots that stand for a pasted address.
const DOTS: usize = 40;
/// Light modules round a QR code; the standard's four, less two that the terminal's own ground gives.
const QUIET: usize = 2;

pub(super) fn over(ink: &Ink, pane: &SignInPane, model: &Model, width: usize) -> Over {
    let other = format!("sign in {} instead", words::way(pane.other_way()));
    let mut verbs = vec![(Action::Close, "cancel the sign-in"), (Action::OtherWay, other.as_str())];
    let (lines, foot) = match &pane.ask {
        SignInAsk::Open { address } => (open(ink, address, width), Vec::new()),
        SignInAsk::Paste { address } => {
            verbs.insert(0, (Action::Confirm, "take it"));
            (paste(ink, address, width), paste_foot(ink, pane, model, width))
        }
        SignInAsk::Code { user_code, address, left, .. } => {
            let left = left.saturating_sub(model.elapsed);
            (code(ink, user_code, address, model.look.ascii, width), code_foot(ink, left))
        }
        SignInAsk::Ended { why, hint } => {
            verbs = vec![(Action::Confirm, "start again"), (Action::OtherWay, other.as_str()), (Action::Close, "close")];
            (ended(ink, why, hint.as_deref(), width), Vec::new())
        }
    };
    let title = match &pane.ask {
        SignInAsk::Ended { .. } => "The sign-in ended".to_owned(),
        SignInAsk::Open { .. } | SignInAsk::Paste { .. } | SignInAsk::Code { .. } if pane.azure => {
            format!("Sign in to Azure {}", words::way(pane.way))
        }
        SignInAsk::Open { .. } | SignInAsk::Paste { .. } | SignInAsk::Code { .. } if pane.writing.is_some() => {
            format!("Sign in for writing {}", words::way(pane.way))
        }
        SignInAsk::Open { .. } | SignInAsk::Paste { .. } | SignInAsk::Code { .. } => format!("Sign in {}", words::way(pane.way)),
    };
    // Below, so that the address or code to act on stays first.
    let mut lines = lines;
    if let Some(writing) = &pane.writing {
        lines.push(Line::default());
        lines.extend(ink.wrapped(Role::Dim, &format!("It asks for {writing}."), 0, width));
    }
    Over { title, lines, foot, keys: keys(ink, &model.keys, &verbs), width, follow: None }
}

fn address_lines(ink: &Ink, address: &str, width: usize) -> Vec<Line<'static>> {
    text::verbatim(&clean::line(address), ink.theme.style(Role::Code), 0, width)
}

fn open(ink: &Ink, address: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = ink.wrapped(Role::Text, "The sign-in page opens in your browser. Sign in there; this box closes by itself.", 0, width);
    lines.push(Line::default());
    lines.extend(ink.wrapped(Role::Dim, "If no browser opens, open this address on this machine:", 0, width));
    lines.extend(address_lines(ink, address, width));
    lines
}

fn paste(ink: &Ink, address: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = numbered(ink, "1", "Open this address in a browser, on any machine, and sign in:", width);
    lines.extend(address_lines(ink, address, width));
    lines.push(Line::default());
    let end = "At the end the browser shows an address that begins with http://localhost, and most likely that it cannot be opened. \
               Copy all of that address.";
    lines.extend(numbered(ink, "2", end, width));
    lines.push(Line::default());
    lines.extend(numbered(ink, "3", "Paste it here, then Enter. It is not shown, and good for about a minute.", width));
    lines
}

/// One thing to do, its further lines below its first word.
fn numbered(ink: &Ink, number: &str, what: &str, width: usize) -> Vec<Line<'static>> {
    text::wrap(&[ink.piece(Role::Text, what)], &[ink.piece(Role::Text, format!("{number}  "))], width)
}

fn paste_foot(ink: &Ink, pane: &SignInPane, model: &Model, width: usize) -> Vec<Line<'static>> {
    let count = model.pasted.count();
    let dot = if model.look.ascii { "*" } else { "•" };
    let field = [
        ink.piece(Role::Key, format!("{} ", ink.glyphs.marker)),
        ink.piece(Role::Text, dot.repeat(count.min(DOTS))),
        ink.piece(Role::Banner, " "),
    ];
    let counted = if count == 0 { String::new() } else { format!("{count} characters") };
    let mut lines = vec![Line::default(), text::ends(&field, &[ink.piece(Role::Dim, counted)], width, ink.glyphs.cut)];
    if let (Some(wrong), 0) = (&pane.wrong, count) {
        lines.extend(ink.wrapped(Role::Notice, wrong, 0, width));
    }
    lines
}

fn code(ink: &Ink, user_code: &str, address: &str, ascii: bool, width: usize) -> Vec<Line<'static>> {
    let picture = if ascii { Vec::new() } else { picture(ink, address) };
    let side = picture.first().map_or(0, Line::width);
    // Beside each other where both have room, so that the code is not scrolled away.
    let beside = side > 0 && width >= side + 36;
    let column = if beside { width - side - 2 } else { width };
    let mut lines = ink.wrapped(Role::Text, "Open this address in a browser, on any device:", 0, column);
    lines.extend(address_lines(ink, address, column));
    lines.push(Line::default());
    lines.extend(ink.wrapped(Role::Text, "Enter this code there, and sign in:", 0, column));
    lines.push(Line::default());
    lines.push(ink.line(Role::Banner, format!("  {}  ", clean::short(user_code, 40))));
    lines.push(Line::default());
    lines.extend(ink.wrapped(Role::Dim, "This box closes by itself. Enter the code only at an address that you know.", 0, column));
    if beside { side_by_side(lines, picture, column) } else { lines.into_iter().chain([Line::default()]).chain(picture).collect() }
}

fn side_by_side(left: Vec<Line<'static>>, right: Vec<Line<'static>>, column: usize) -> Vec<Line<'static>> {
    let height = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    let row = |_| {
        let mut line = left.next().unwrap_or_default();
        let gap = (column + 2).saturating_sub(line.width());
        line.spans.push(Span::raw(" ".repeat(gap)));
        line.spans.extend(right.next().unwrap_or_default().spans);
        line
    };
    (0..height).map(row).collect()
}

/// The address as a QR code, two modules a cell; empty for an address that is too long for one.
fn picture(ink: &Ink, address: &str) -> Vec<Line<'static>> {
    let Ok(code) = QrCode::with_error_correction_level(address, EcLevel::L) else { return Vec::new() };
    let side = code.width() + 2 * QUIET;
    if side > 60 {
        return Vec::new();
    }
    let dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET), y.checked_sub(QUIET)) else { return false };
        x < code.width() && y < code.width() && code[(x, y)] == Module::Dark
    };
    let style = ink.theme.paper(Style::new().fg(Color::Black).bg(Color::White));
    let cell = |x: usize, y: usize| match (dark(x, y) != ink.theme.inked(), dark(x, y + 1) != ink.theme.inked()) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    let row = |y: usize| Line::from(Span::styled((0..side).map(|x| cell(x, y)).collect::<String>(), style));
    (0..side).step_by(2).map(row).collect()
}

fn code_foot(ink: &Ink, left: std::time::Duration) -> Vec<Line<'static>> {
    let role = if left.as_secs() < 60 { Role::Warning } else { Role::Dim };
    vec![Line::default(), ink.line(role, format!("the code is good for {}", words::countdown(left)))]
}

fn ended(ink: &Ink, why: &str, hint: Option<&str>, width: usize) -> Vec<Line<'static>> {
    let mut lines = ink.wrapped(Role::Warning, why, 0, width);
    if let Some(hint) = hint {
        lines.push(Line::default());
        lines.extend(ink.wrapped(Role::Text, hint, 0, width));
    }
    lines
}
