//! Drawing: a model onto a buffer. Widgets take data, not the model; nothing here decides what is so or does I/O.

mod checks;
mod foot;
mod glyphs;
mod header;
mod layout;
mod over;
mod rail;
pub(crate) mod screen;
mod step;
mod text;
mod theme;
mod trip;

#[cfg(test)]
pub(crate) mod tests;

use super::model::{Model, Pane, Scroll};
use crate::engine::page::Overlay;
use crate::guide::prose::{self, Block};
use glyphs::Glyphs;
use layout::Places;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Clear, Widget as _},
};
use std::{sync::Arc, time::Duration};
use text::Piece;
use theme::{Role, Theme};

/// What every widget draws with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    theme: Theme,
    glyphs: Glyphs,
    /// Since the page was built; ages grow by it, countdowns shrink.
    elapsed: Duration,
}

impl Ink {
    fn of(model: &Model) -> Self {
        Self { theme: Theme::new(model.look), glyphs: Glyphs::new(model.look.ascii), elapsed: model.elapsed }
    }

    fn piece(&self, role: Role, text: impl Into<String>) -> Piece {
        (text.into(), self.theme.style(role))
    }

    fn span(&self, role: Role, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.theme.style(role))
    }

    fn line(&self, role: Role, text: impl Into<String>) -> Line<'static> {
        Line::from(self.span(role, text))
    }

    /// Running text of one role, wrapped and indented.
    fn wrapped(&self, role: Role, text: &str, indent: usize, width: usize) -> Vec<Line<'static>> {
        text::wrap(&[self.piece(role, text)], &[self.piece(Role::Text, " ".repeat(indent))], width)
    }

    /// Spans of a guide as pieces; a link that is not its own text follows in parentheses.
    fn prose(&self, spans: &[prose::Span]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for span in spans {
            pieces.push((span.text.clone(), self.theme.span(span.style)));
            if let Some(link) = span.link.as_ref().filter(|link| !link.contains(&span.text)) {
                pieces.push(self.piece(Role::Dim, format!(" ({link})")));
            }
        }
        pieces
    }

    /// Blocks of a guide, a blank line between paragraphs.
    fn blocks(&self, blocks: &[Block], indent: usize, width: usize) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let margin = self.piece(Role::Text, " ".repeat(indent));
        let mut item_before = false;
        for block in blocks {
            let is_item = matches!(block, Block::Item(_));
            let close = item_before && is_item;
            if !lines.is_empty() && !close {
                lines.push(Line::default());
            }
            item_before = is_item;
            match block {
                Block::Paragraph(spans) => lines.extend(text::wrap(&self.prose(spans), std::slice::from_ref(&margin), width)),
                Block::Item(spans) => {
                    let first = [margin.clone(), self.piece(Role::Dim, format!("{} ", self.glyphs.bullet))];
                    lines.extend(text::wrap(&self.prose(spans), &first, width));
                }
                Block::Code(code) => lines.extend(text::verbatim(code, self.theme.style(Role::Code), indent + 2, width)),
            }
        }
        lines
    }

    /// A named value: the names of a list stand in one column, long values hang beside it.
    fn field(&self, name: &str, column: usize, indent: usize, value: &[Piece], width: usize) -> Vec<Line<'static>> {
        let name = text::pad(name, column, self.glyphs.cut);
        let first = [self.piece(Role::Text, " ".repeat(indent)), self.piece(Role::Dim, name)];
        text::wrap(value, &first, width)
    }
}

/// Draws the whole screen, and takes down how far each pane can be scrolled.
pub(crate) fn draw(model: &mut Model, area: Rect, buf: &mut Buffer) {
    let ink = Ink::of(model);
    if !layout::fits(area) {
        draw_too_small(&ink, area, buf);
        return;
    }
    let view = Arc::clone(&model.view);
    let page = &view.page;
    // A plan that lies over the page says itself what the app has to say.
    let said_above = matches!((&model.layer, &page.overlay), (None, Some(Overlay::Plan(_))));
    let notice = if said_above { page.notice.as_ref() } else { model.notice() };
    let notice = notice.map(|notice| foot::notice(&ink, notice, usize::from(area.width))).unwrap_or_default();
    let places = layout::places(area, notice.len(), |width| checks::lines(&ink, page, true, usize::from(width)).len());
    draw_rules(&ink, &places, buf);
    put(buf, places.header, &[header::line(&ink, page, usize::from(places.header.width))]);
    draw_rail(&ink, model, &places, buf);
    draw_step(&ink, model, &places, buf);
    draw_checks(&ink, model, &places, buf);
    put(buf, places.notice, &notice);
    put(buf, places.activity, &[foot::activity(&ink, page, usize::from(places.activity.width))]);
    put(buf, places.hints, &[foot::hints(&ink, model, usize::from(places.hints.width))]);
    if let Some(over) = over::over(&ink, model, area) {
        draw_over(&ink, model, &over, area, buf);
    }
}

fn draw_too_small(ink: &Ink, area: Rect, buf: &mut Buffer) {
    let (w, h) = layout::LEAST;
    let sentence =
        format!("the terminal is {}x{}, Guidepost needs {w}x{h}: make it larger, or use guidepost walk --plain", area.width, area.height);
    put(buf, area, &ink.wrapped(Role::Text, &sentence, 0, usize::from(area.width)));
}

fn draw_rules(ink: &Ink, places: &Places, buf: &mut Buffer) {
    let style = ink.theme.style(Role::Rule);
    for rule in &places.rules {
        put(buf, *rule, &[Line::styled(ink.glyphs.rule.repeat(usize::from(rule.width)), style)]);
    }
    for bar in &places.bars {
        for y in bar.top()..bar.bottom() {
            set(buf, bar.x, y, ink.glyphs.bar, style);
        }
        set(buf, bar.x, bar.top().saturating_sub(1), ink.glyphs.tee_down, style);
        set(buf, bar.x, bar.bottom(), ink.glyphs.tee_up, style);
    }
}

fn draw_rail(ink: &Ink, model: &Model, places: &Places, buf: &mut Buffer) {
    if let Some(area) = places.rail {
        let (lines, current) = rail::lines(ink, &model.page().rail, usize::from(area.width));
        let window = usize::from(area.height);
        let top = current.saturating_sub(window.saturating_sub(4)).min(lines.len().saturating_sub(window));
        put(buf, area, lines.get(top..).unwrap_or_default());
    }
    if let Some(area) = places.progress {
        put(buf, area, &[rail::progress(ink, model.page(), usize::from(area.width))]);
    }
}

fn draw_step(ink: &Ink, model: &mut Model, places: &Places, buf: &mut Buffer) {
    let width = usize::from(places.step.width);
    let view = Arc::clone(&model.view);
    let (lines, selected) = step::lines(ink, &view.page, &model.keys, model.task, places.tight(), width);
    let window = usize::from(places.step.height);
    model.step.measured(lines.len(), window);
    if std::mem::take(&mut model.follow) {
        follow(&mut model.step, &selected);
    }
    put(buf, places.step, lines.get(model.step.top..).unwrap_or_default());
    draw_thumb(ink, &model.step, places.step_track, model.pane == Pane::Step, buf);
}

/// Scrolls as little as needed to see a range of lines.
fn follow(scroll: &mut Scroll, lines: &std::ops::Range<usize>) {
    if lines.end > scroll.top + scroll.window {
        scroll.top = lines.end - scroll.window;
    }
    scroll.top = scroll.top.min(lines.start).min(scroll.most);
}

fn draw_checks(ink: &Ink, model: &mut Model, places: &Places, buf: &mut Buffer) {
    let view = Arc::clone(&model.view);
    let lines = checks::lines(ink, &view.page, places.tight(), usize::from(places.checks.width));
    model.checks.measured(lines.len(), usize::from(places.checks.height));
    put_over_rule(buf, places.checks_title, checks::title(ink, &view.page, model.pane == Pane::Checks));
    put(buf, places.checks, lines.get(model.checks.top..).unwrap_or_default());
    draw_thumb(ink, &model.checks, places.checks_track, model.pane == Pane::Checks, buf);
}

fn draw_over(ink: &Ink, model: &mut Model, over: &over::Over, area: Rect, buf: &mut Buffer) {
    let place = over::place(over, area);
    let window = usize::from(over::body(over, place).height);
    model.over.measured(over.lines.len(), window);
    if let Some(lines) = over.follow.as_ref().filter(|_| std::mem::take(&mut model.mirror.follow)) {
        follow(&mut model.over, lines);
    }
    over::draw(ink, over, model.over.top, place, buf);
    let track = Rect { x: place.right().saturating_sub(1), y: place.y + 1, width: 1, height: u16::try_from(window).unwrap_or(u16::MAX) };
    draw_thumb(ink, &model.over, track, true, buf);
}

/// The part of a pane that is seen, on its track; nothing when all is seen.
fn draw_thumb(ink: &Ink, scroll: &Scroll, track: Rect, active: bool, buf: &mut Buffer) {
    let height = usize::from(track.height);
    let total = scroll.most + scroll.window;
    if scroll.most == 0 || total == 0 || height == 0 {
        return;
    }
    let length = (height * scroll.window / total).clamp(1, height);
    let start = (height - length) * scroll.top.min(scroll.most) / scroll.most;
    let style = ink.theme.style(if active { Role::Text } else { Role::Dim });
    for at in start..start + length {
        let y = track.y.saturating_add(u16::try_from(at).unwrap_or(u16::MAX));
        set(buf, track.x, y, ink.glyphs.thumb, style);
    }
}

/// Lines into an area, as many as fit; outside of the buffer nothing happens.
fn put(buf: &mut Buffer, area: Rect, lines: &[Line<'_>]) {
    let area = area.intersection(buf.area);
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        line.render(Rect { y, height: 1, ..area }, buf);
    }
}

/// A line that interrupts a rule: the rule's style must not shine through.
fn put_over_rule(buf: &mut Buffer, area: Rect, line: Line<'_>) {
    let width = u16::try_from(line.width()).unwrap_or(u16::MAX).min(area.width);
    Clear.render(Rect { width, ..area }.intersection(buf.area), buf);
    put(buf, area, &[line]);
}

fn set(buf: &mut Buffer, x: u16, y: u16, symbol: &str, style: Style) {
    if let Some(cell) = buf.cell_mut((x, y)) {
        cell.set_symbol(symbol).set_style(style);
    }
}
