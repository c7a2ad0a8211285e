//! What lies over the page: a box with a title, scrolling lines, lines that stay, and the keys that work in it.

mod asks;
mod help;
mod plan;
mod signin;
mod wire;
mod wizard;

use super::{Ink, put, put_over_rule, set, text, text::Piece, theme::Role};
use crate::{
    engine::page::Overlay,
    tui::{
        keys::{Action, Context, KeyMap},
        model::{Layer, Model},
    },
};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Widget as _},
};

/// A box over the page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Over {
    pub(crate) title: String,
    /// Scrolls.
    pub(crate) lines: Vec<Line<'static>>,
    /// Stays below the scrolling lines.
    pub(crate) foot: Vec<Line<'static>>,
    /// The keys, in the lower edge.
    pub(crate) keys: Vec<Piece>,
    /// Columns of text.
    pub(crate) width: usize,
    /// The lines that have the keys; the frame scrolls to them.
    pub(crate) follow: Option<std::ops::Range<usize>>,
}

/// What lies over the page now.
pub(crate) fn over(ink: &Ink, model: &Model, area: Rect) -> Option<Over> {
    let most = usize::from(area.width).saturating_sub(6);
    match model.layer {
        Some(Layer::Help) => return Some(help::over(ink, model, most.min(92))),
        Some(Layer::Wire) => return Some(wire::over(ink, &model.view.wire, &model.keys, most)),
        Some(Layer::Wizard) => return Some(wizard::over(ink, model, most.min(114))),
        Some(Layer::Leave) => return Some(asks::leave(ink, &model.keys, most.min(64))),
        None => {}
    }
    match model.page().overlay.as_ref()? {
        Overlay::Plan(plan) => Some(plan::over(ink, plan, model, most.min(96))),
        Overlay::SignIn(pane) => Some(signin::over(ink, pane, model, most.min(96))),
        Overlay::Doubt { what } => Some(asks::doubt(ink, what, &model.keys, most.min(70))),
    }
}

/// Where a box stands: in the middle, as high as it needs to be.
pub(crate) fn place(over: &Over, area: Rect) -> Rect {
    let wanted = over.lines.len() + over.foot.len() + 2;
    let height = u16::try_from(wanted).unwrap_or(u16::MAX).min(area.height.saturating_sub(2)).max(area.height.min(4));
    let width = u16::try_from(over.width + 4).unwrap_or(u16::MAX).min(area.width);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// The part of a box that scrolls.
pub(crate) fn body(over: &Over, place: Rect) -> Rect {
    let foot = u16::try_from(over.foot.len()).unwrap_or(u16::MAX);
    Rect {
        x: place.x.saturating_add(2),
        y: place.y.saturating_add(1),
        width: place.width.saturating_sub(4),
        height: place.height.saturating_sub(2).saturating_sub(foot),
    }
}

/// Draws a box scrolled to `top`.
pub(crate) fn draw(ink: &Ink, over: &Over, top: usize, place: Rect, buf: &mut Buffer) {
    let place = place.intersection(buf.area);
    if place.is_empty() {
        return;
    }
    dim_page(ink, buf.area, buf);
    Clear.render(place, buf);
    unwiden(place, buf);
    draw_frame(ink, over, place, buf);
    let body = body(over, place);
    put(buf, body, over.lines.get(top..).unwrap_or_default());
    put(buf, Rect { y: body.bottom(), height: place.bottom().saturating_sub(1).saturating_sub(body.bottom()), ..body }, &over.foot);
}

/// A wide character whose right half the box covers would push the box aside: it becomes a space.
fn unwiden(place: Rect, buf: &mut Buffer) {
    let Some(x) = place.x.checked_sub(1) else { return };
    for y in place.top()..place.bottom() {
        if let Some(cell) = buf.cell_mut((x, y))
            && text::width(cell.symbol()) > 1
        {
            cell.set_symbol(" ");
        }
    }
}

fn draw_frame(ink: &Ink, over: &Over, place: Rect, buf: &mut Buffer) {
    let style = ink.theme.style(Role::Rule);
    let [top_left, top_right, bottom_left, bottom_right] = ink.glyphs.corners;
    let (right, bottom) = (place.right() - 1, place.bottom() - 1);
    for x in place.left()..place.right() {
        set(buf, x, place.y, ink.glyphs.rule, style);
        set(buf, x, bottom, ink.glyphs.rule, style);
    }
    for y in place.top()..place.bottom() {
        set(buf, place.x, y, ink.glyphs.bar, style);
        set(buf, right, y, ink.glyphs.bar, style);
    }
    set(buf, place.x, place.y, top_left, style);
    set(buf, right, place.y, top_right, style);
    set(buf, place.x, bottom, bottom_left, style);
    set(buf, right, bottom, bottom_right, style);
    let inner = Rect { x: place.x + 1, width: place.width.saturating_sub(2), height: 1, ..place };
    let room = usize::from(inner.width).saturating_sub(3);
    let title = format!(" {} ", text::clip(&over.title, room, ink.glyphs.cut));
    label(buf, Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner }, vec![ink.piece(Role::Title, title)]);
    let mut keys = vec![ink.piece(Role::Text, " ")];
    keys.extend(over.keys.iter().cloned());
    if !over.keys.is_empty() {
        label(buf, Rect { x: inner.x + 1, y: bottom, width: inner.width.saturating_sub(1), ..inner }, keys);
    }
}

fn label(buf: &mut Buffer, area: Rect, pieces: Vec<Piece>) {
    let spans: Vec<_> = pieces.into_iter().map(|(text, style)| Span::styled(text, style)).collect();
    put_over_rule(buf, area, Line::from(spans));
}

/// The page steps back while something lies over it.
fn dim_page(ink: &Ink, area: Rect, buf: &mut Buffer) {
    buf.set_style(area.intersection(buf.area), ink.theme.style(Role::Behind));
}

/// Keys with what they do here, for the lower edge.
fn keys(ink: &Ink, map: &KeyMap, wanted: &[(Action, &str)]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, (action, verb)) in wanted.iter().enumerate() {
        let Some((key, _)) = map.hint(Context::Dialog, *action) else { continue };
        if at > 0 {
            pieces.push(ink.piece(Role::Text, "  "));
        }
        pieces.push(ink.piece(Role::Key, key));
        pieces.push((format!(" {verb}"), Style::new()));
    }
    pieces.push((" ".to_owned(), Style::new()));
    pieces
}
