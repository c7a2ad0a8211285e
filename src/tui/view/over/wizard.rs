//! The wizard's mirror: its window as it stands, or as the guide wants it, and beside it what is to be done on the page.

use super::{Ink, Over, Role, text, text::Piece};
use crate::{
    engine::page::{
        OpenPage, Showing, Todo, WizardLine,
        mirror::{Operation, WindowPage},
    },
    guide::prose::plain_text,
    tui::{
        keys::{Action, Context},
        model::Model,
    },
};
use ratatui::text::{Line, Span};
use std::ops::Range;

/// From here on the guide stands beside the window, else below it.
const BESIDE: usize = 100;
/// The guide's column then, and the space before it.
const GUIDE: usize = 32;
const GAP: usize = 2;
/// From here on the window has its list of pages.
const LISTED: usize = 60;
/// Columns of that list, and of a wide window's.
const LIST: usize = 25;
const WIDE_LIST: usize = 33;
/// From here on a window is wide.
const WIDE: usize = 76;
/// From here on the lower edge has room for all keys.
const ALL_KEYS: usize = 70;
/// Columns of a field.
const FIELD: usize = 18;
/// The column of the guide's verbs.
const VERB: usize = 8;

pub(super) fn over(ink: &Ink, model: &Model, width: usize) -> Over {
    let beside = width >= BESIDE;
    let window = if beside { width - GUIDE - GAP } else { width };
    let (mut lines, follow) = framed(ink, model, window, beside);
    let guide = guide(ink, model, if beside { GUIDE } else { width }, beside);
    if beside {
        lines = joined(lines, window + GAP, guide);
    } else {
        lines.extend(guide);
    }
    Over { title: title(model), lines, foot: foot(ink, model, width), keys: keys(ink, model, width), width, follow }
}

fn title(model: &Model) -> String {
    let pages = &model.page().step.pages;
    let attested = pages.iter().filter(|page| page.attested.is_some()).count();
    format!("Wizard mirror: {attested} of {} pages attested", pages.len())
}

/// The columns side by side.
fn joined(left: Vec<Line<'static>>, to: usize, right: Vec<Line<'static>>) -> Vec<Line<'static>> {
    let count = left.len().max(right.len());
    let mut left = left.into_iter().chain(std::iter::repeat_with(Line::default));
    let mut right = right.into_iter().chain(std::iter::repeat_with(Line::default));
    (0..count)
        .map(|_| {
            let mut line = padded(left.next().unwrap_or_default(), to);
            line.spans.extend(right.next().unwrap_or_default().spans);
            line
        })
        .collect()
}

fn padded(mut line: Line<'static>, to: usize) -> Line<'static> {
    let gap = to.saturating_sub(line.width());
    line.spans.push(Span::raw(" ".repeat(gap)));
    line
}

/// The window with its frame, and which of its lines have the keys.
fn framed(ink: &Ink, model: &Model, width: usize, tall: bool) -> (Vec<Line<'static>>, Option<Range<usize>>) {
    let inner = width.saturating_sub(4);
    let (body, focus) = body(ink, model, inner, tall);
    let [top_left, top_right, bottom_left, bottom_right] = ink.glyphs.corners;
    let rule = |count: usize| ink.glyphs.rule.repeat(count);
    let name = text::clip(" Microsoft Entra Connect ", width.saturating_sub(4), ink.glyphs.cut);
    let mut lines = vec![Line::from(vec![
        ink.span(Role::Rule, format!("{top_left}{}", rule(1))),
        ink.span(Role::Label, name.clone()),
        ink.span(Role::Rule, format!("{}{top_right}", rule(width.saturating_sub(text::width(&name) + 3)))),
    ])];
    let bar = || ink.span(Role::Rule, ink.glyphs.bar);
    for line in body {
        let mut spans = vec![bar(), Span::raw(" ")];
        spans.extend(padded(line, inner).spans);
        spans.extend([Span::raw(" "), bar()]);
        lines.push(Line::from(spans));
    }
    lines.push(ink.line(Role::Rule, format!("{bottom_left}{}{bottom_right}", rule(width.saturating_sub(2)))));
    // The frame's line above.
    (lines, focus.map(|lines| lines.start + 1..lines.end + 1))
}

/// What stands in the window: the list of pages at the left where there is room, the page, its buttons at the lower right.
fn body(ink: &Ink, model: &Model, width: usize, tall: bool) -> (Vec<Line<'static>>, Option<Range<usize>>) {
    let listed = width >= LISTED;
    let column = if width >= WIDE { WIDE_LIST } else { LIST };
    let room = if listed { width - column - 3 } else { width };
    let (mut lines, mut focus) = content(ink, model, room);
    let (buttons, pressed) = buttons(ink, model, room);
    let list = if listed { list(ink, model, column) } else { Vec::new() };
    let least = if tall { list.len() + 2 } else { list.len() };
    while lines.len() + 2 < least {
        lines.push(Line::default());
    }
    lines.push(Line::default());
    if pressed {
        focus = Some(lines.len()..lines.len() + 1);
    }
    lines.push(buttons);
    if listed {
        let bar = ink.span(Role::Rule, ink.glyphs.bar);
        let count = lines.len().max(list.len());
        let mut list = list.into_iter().chain(std::iter::repeat_with(Line::default));
        let left = (0..count).map(|_| {
            let mut line = padded(list.next().unwrap_or_default(), column + 1);
            line.spans.extend([bar.clone(), Span::raw(" ")]);
            line
        });
        lines = joined(left.collect(), column + 3, lines);
    }
    (lines, focus)
}

/// The guide's pages by their titles; those that are attested are ticked.
fn list(ink: &Ink, model: &Model, column: usize) -> Vec<Line<'static>> {
    let current = model.guide_page().map(|page| page.id.as_str());
    let line = |page: &WizardLine| {
        let here = current == Some(page.id.as_str());
        let marker = if here { ink.glyphs.marker } else { " " };
        let sign = if page.attested.is_some() { "x" } else { " " };
        let role = if here { Role::Selected } else { Role::Dim };
        let title = text::clip(&plain_text(&page.title), column - 4, ink.glyphs.cut);
        Line::from(vec![ink.span(Role::Selected, format!("{marker} ")), ink.span(Role::Dim, format!("{sign} ")), ink.span(role, title)])
    };
    model.page().step.pages.iter().map(line).collect()
}

/// The page without its buttons, and which lines have the keys.
fn content(ink: &Ink, model: &Model, width: usize) -> (Vec<Line<'static>>, Option<Range<usize>>) {
    let Some(mirror) = model.window() else {
        let lines = model.guide_page().map(|page| wanted(ink, page, width)).unwrap_or_default();
        return (lines, None);
    };
    match &mirror.showing {
        Showing::Page(open) => stands(ink, model, open, width),
        Showing::Unseen => (vec![ink.line(Role::Dim, "looking at the wizard")], None),
        Showing::Closed => (
            ink.wrapped(Role::Text, "The wizard is not open. On APP1, double-click Microsoft Entra Connect on the desktop.", 0, width),
            None,
        ),
        Showing::Unreachable(why) => (ink.wrapped(Role::Notice, why, 0, width), None),
    }
}

/// A page of the window as it stands.
fn stands(ink: &Ink, model: &Model, open: &OpenPage, width: usize) -> (Vec<Line<'static>>, Option<Range<usize>>) {
    let focused = model.focused();
    let mut lines = ink.wrapped(Role::Title, &open.page.title, 0, width);
    lines.push(Line::default());
    let mut focus = None;
    for row in rows(ink, &open.page) {
        let has_keys = row.operation.is_some() && row.operation == focused;
        let start = lines.len();
        lines.extend(row_lines(ink, &row, has_keys, width));
        if has_keys {
            focus = Some(start..lines.len());
        }
    }
    if let Some(says) = &open.page.says {
        if lines.len() > 2 {
            lines.push(Line::default());
        }
        lines.extend(ink.wrapped(Role::Dim, says, 2, width));
    }
    (lines, focus)
}

/// A line of the page: its sign, its label, what the keys do on it.
struct Row {
    sign: String,
    label: String,
    after: String,
    locked: bool,
    operation: Option<Operation>,
}

fn rows(ink: &Ink, page: &WindowPage) -> Vec<Row> {
    let mut rows = Vec::new();
    for one in &page.choices {
        let sign = format!("({}) ", if one.chosen { ink.glyphs.dot_filled() } else { " " });
        let operation = Some(Operation::Choose(one.label.clone()));
        rows.push(Row { sign, label: one.label.clone(), after: String::new(), locked: false, operation });
    }
    for one in &page.boxes {
        let sign = if one.ticked { "[x] " } else { "[ ] " }.to_owned();
        let operation = (!one.locked).then(|| Operation::Tick(one.label.clone()));
        rows.push(Row { sign, label: one.label.clone(), after: String::new(), locked: one.locked, operation });
    }
    let column = page.fields.iter().map(|field| text::width(&field.label)).max().unwrap_or(0);
    for one in &page.fields {
        let inside = match (one.filled, one.secret) {
            (true, true) => "********",
            (true, false) => "filled",
            (false, _) => "",
        };
        let after = format!("  [{}]", text::pad(inside, FIELD, ""));
        let operation = Some(Operation::Enter(one.label.clone()));
        rows.push(Row { sign: String::new(), label: text::pad(&one.label, column, ""), after, locked: false, operation });
    }
    rows
}

fn row_lines(ink: &Ink, row: &Row, has_keys: bool, width: usize) -> Vec<Line<'static>> {
    let marker = if has_keys { ink.glyphs.marker } else { " " };
    let role = match (has_keys, row.locked) {
        (true, _) => Role::Banner,
        (false, true) => Role::Dim,
        (false, false) => Role::Text,
    };
    let sign = ink.piece(if row.locked { Role::Dim } else { Role::Text }, row.sign.clone());
    let first = [ink.piece(Role::Selected, format!("{marker} ")), sign];
    if !row.after.is_empty() {
        // A field keeps its columns: wrapping would take the spaces.
        let mut line: Vec<Span<'static>> = first.iter().map(|(text, style)| Span::styled(text.clone(), *style)).collect();
        line.extend([ink.span(role, row.label.clone()), ink.span(Role::Text, row.after.clone())]);
        return vec![Line::from(line)];
    }
    text::wrap(&[ink.piece(role, row.label.clone())], &first, width)
}

/// The buttons at the right, and whether one of them has the keys.
fn buttons(ink: &Ink, model: &Model, width: usize) -> (Line<'static>, bool) {
    let operated = model.window().is_some();
    let labels: Vec<String> = match model.open_page() {
        Some(open) => open.page.buttons.clone(),
        None if operated => vec!["Open".to_owned()],
        None => labels(model.guide_page(), "press"),
    };
    let focused = match model.focused() {
        Some(Operation::Press(label)) => Some(label),
        Some(Operation::Open | Operation::Close | Operation::Choose(_) | Operation::Tick(_) | Operation::Enter(_)) => None,
        None => labels.last().filter(|_| operated && model.open_page().is_none()).cloned(),
    };
    let [open, close] = ink.glyphs.button();
    let mut pieces: Vec<Piece> = Vec::new();
    for label in &labels {
        let has_keys = focused.as_ref() == Some(label);
        let role = if has_keys { Role::Banner } else { Role::Label };
        pieces.push(ink.piece(Role::Selected, if has_keys { format!("  {} ", ink.glyphs.marker) } else { "    ".to_owned() }));
        pieces.push(ink.piece(role, format!("{open} {label} {close}")));
    }
    (text::ends(&[], &pieces, width, ink.glyphs.cut), focused.is_some())
}

fn labels(page: Option<&WizardLine>, verb: &str) -> Vec<String> {
    let lines = page.map(|page| page.lines.as_slice()).unwrap_or_default();
    lines.iter().filter(|(known, _)| known == verb).map(|(_, label)| label.clone()).collect()
}

/// A page as the guide wants it, where nobody can look at the real one.
fn wanted(ink: &Ink, page: &WizardLine, width: usize) -> Vec<Line<'static>> {
    let mut lines = ink.wrapped(Role::Title, &plain_text(&page.title), 0, width);
    lines.push(Line::default());
    for (verb, label) in &page.lines {
        let (sign, role) = match verb.as_str() {
            "choose" => (format!("({}) ", ink.glyphs.dot_filled()), Role::Label),
            "tick" => ("[x] ".to_owned(), Role::Label),
            "keep" => ("[-] ".to_owned(), Role::Dim),
            "enter" => (String::new(), Role::Text),
            _ => continue,
        };
        let first = [ink.piece(Role::Text, "  "), ink.piece(Role::Text, sign)];
        lines.extend(text::wrap(&[ink.piece(role, label.clone())], &first, width));
        if verb == "enter" {
            lines.push(ink.line(Role::Text, format!("  [{}]", " ".repeat(FIELD))));
        }
    }
    lines
}

/// What the guide says of the page: what to do, what is done, what differs, whose word stands for it.
fn guide(ink: &Ink, model: &Model, width: usize, beside: bool) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if beside {
        lines.push(ink.line(Role::Section, "On this page"));
    }
    match model.open_page() {
        Some(open) => lines.extend(todo(ink, open, beside, width)),
        None => lines.extend(by_hand(ink, model, width)),
    }
    if let Some(page) = model.guide_page() {
        if beside {
            lines.push(Line::default());
        }
        lines.extend(attested(ink, page, width));
    }
    lines
}

/// Where the guide stands below the window, what differs stands in the foot.
fn todo(ink: &Ink, open: &OpenPage, beside: bool, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for Todo { verb, what, done } in &open.todo {
        let (role, state) = match done {
            Some(true) => (Role::Dim, format!(" {} done", ink.glyphs.dot)),
            Some(false) => (Role::Label, String::new()),
            None => (Role::Text, String::new()),
        };
        let value = [ink.piece(role, what.clone()), ink.piece(Role::Dim, state)];
        lines.extend(ink.field(verb, VERB, 0, &value, width));
    }
    for differs in open.differs.iter().filter(|_| beside) {
        let first = [ink.piece(Role::Notice, text::pad("differs", VERB, ""))];
        lines.extend(text::wrap(&[ink.piece(Role::Text, differs.clone())], &first, width));
    }
    lines
}

fn by_hand(ink: &Ink, model: &Model, width: usize) -> Vec<Line<'static>> {
    if model.window().is_some() {
        return ink.wrapped(Role::Text, "Open the wizard, and each of its pages stands here beside what the guide asks for.", 0, width);
    }
    let mut lines = Vec::new();
    for (verb, what) in model.guide_page().map(|page| page.lines.as_slice()).unwrap_or_default() {
        lines.extend(ink.field(verb, VERB, 0, &[ink.piece(Role::Label, what.clone())], width));
    }
    lines
}

fn attested(ink: &Ink, page: &WizardLine, width: usize) -> Vec<Line<'static>> {
    let task = page.task.map(|task| format!("belongs to task {task}; ")).unwrap_or_default();
    let words = match &page.attested {
        Some(word) => format!("{task}attested by {}, {}", word.by, word.at.strftime("%Y-%m-%d %H:%M UTC")),
        None => format!("{task}not attested"),
    };
    ink.wrapped(Role::Dim, &words, 0, width)
}

/// What stays in view: why something was not taken, and where the keys lead.
fn foot(ink: &Ink, model: &Model, width: usize) -> Vec<Line<'static>> {
    let refused = model.window().and_then(|window| window.refused.as_ref());
    let said = model.said.as_ref().map(|said| &said.text).or(refused);
    if let Some(said) = said {
        return ink.wrapped(Role::Notice, said, 0, width).into_iter().take(2).collect();
    }
    let words = match (model.window(), model.open_page()) {
        (None, _) => "Go through the wizard on APP1, and attest each page here. This lab does not show its window.".to_owned(),
        (Some(_), None) => "Nothing here is Guidepost's doing: you operate the wizard.".to_owned(),
        (Some(_), Some(open)) => match open.differs.first().filter(|_| width < BESIDE) {
            Some(differs) => return ink.wrapped(Role::Notice, &format!("Differs: {differs}"), 0, width).into_iter().take(2).collect(),
            None => open.next.as_ref().map(|next| next_words(open, next)).unwrap_or_default(),
        },
    };
    ink.wrapped(Role::Dim, &words, 0, width).into_iter().take(2).collect()
}

fn next_words(open: &OpenPage, next: &Operation) -> String {
    match next {
        Operation::Open => "The guide opens the wizard next.".to_owned(),
        Operation::Close => "The guide closes the wizard next.".to_owned(),
        Operation::Choose(label) => format!("The guide chooses {label} next."),
        Operation::Tick(label) => {
            let ticked = open.page.boxes.iter().any(|one| one.label == *label && one.ticked);
            format!("The guide {} {label} next.", if ticked { "unticks" } else { "ticks" })
        }
        Operation::Enter(label) => format!("The guide fills {label} next. What is typed there, Guidepost neither sees nor keeps."),
        Operation::Press(label) => format!("The guide presses {label} next."),
    }
}

/// The keys that work now, with what they do now.
fn keys(ink: &Ink, model: &Model, width: usize) -> Vec<Piece> {
    let wanted: Vec<(Action, &str)> = match (model.window(), model.open_page()) {
        (None, _) => vec![
            (Action::PageBefore, "page before"),
            (Action::PageAfter, "next page"),
            (Action::AttestPage, "attest"),
            (Action::Close, "close"),
        ],
        (Some(_), None) => vec![(Action::Press, "open the wizard"), (Action::Close, "close the mirror")],
        (Some(_), Some(_)) => vec![
            (Action::Toggle, "choose"),
            (Action::Press, "press"),
            (Action::AttestPage, "attest"),
            (Action::CloseWindow, "close its window"),
            (Action::Close, "close"),
        ],
    };
    let mut pieces = Vec::new();
    for (action, verb) in wanted {
        if action == Action::CloseWindow && width < ALL_KEYS {
            continue;
        }
        let Some((key, _)) = model.keys.hint(Context::Wizard, action) else { continue };
        pieces.push(ink.piece(Role::Key, key));
        pieces.push(ink.piece(Role::Text, format!(" {verb}  ")));
    }
    pieces
}
