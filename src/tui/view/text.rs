//! Setting type: styled words into lines of a width. Widths by `unicode-width`; words break at spaces, too long ones are cut.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A piece of text in one style.
pub(crate) type Piece = (String, Style);

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts a text to a width, with `cut` at the end when something was lost.
pub(crate) fn clip(text: &str, most: usize, cut: &str) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(width(cut));
    let mut out = take(text, room).0.to_owned();
    if most >= width(cut) {
        out.push_str(cut);
    }
    out
}

/// Pads a text with spaces to a width; a longer one is cut.
pub(crate) fn pad(text: &str, to: usize, cut: &str) -> String {
    let text = clip(text, to, cut);
    let gap = to.saturating_sub(width(&text));
    text + &" ".repeat(gap)
}

/// Splits off as many characters as fit a width; at least one when `text` is not empty and `most` is not 0.
fn take(text: &str, most: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        let wide = c.width().unwrap_or(0);
        if used + wide > most {
            return text.split_at(at);
        }
        used += wide;
    }
    (text, "")
}

/// A word: pieces that no space parts.
#[derive(Default)]
struct Word {
    pieces: Vec<Piece>,
    width: usize,
}

impl Word {
    fn push(&mut self, text: &str, style: Style) {
        self.width += width(text);
        self.pieces.push((text.to_owned(), style));
    }
}

/// Sets pieces into lines of `most` columns: the first begins with `first`, the others with as many spaces.
pub(crate) fn wrap(pieces: &[Piece], first: &[Piece], most: usize) -> Vec<Line<'static>> {
    let indent: usize = first.iter().map(|(text, _)| width(text)).sum();
    let mut setter = Setter { lines: Vec::new(), line: first.iter().map(span).collect(), used: indent, indent, most, bare: true };
    let paragraph = pieces.iter().map(|(text, _)| text.len()).sum::<usize>();
    if paragraph == 0 {
        return vec![Line::from(setter.line)];
    }
    for word in words(pieces) {
        setter.word(&word);
    }
    setter.end()
}

fn span((text, style): &Piece) -> Span<'static> {
    Span::styled(text.clone(), *style)
}

fn words(pieces: &[Piece]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::default();
    for (text, style) in pieces {
        let mut parts = text.split([' ', '\n', '\t']);
        if let Some(part) = parts.next() {
            word.push(part, *style);
        }
        for part in parts {
            words.push(std::mem::take(&mut word));
            word.push(part, *style);
        }
    }
    words.push(word);
    words.retain(|word| word.width > 0);
    words
}

/// Fewer columns are not worth a piece of a long word.
const CRUMBS: usize = 8;

struct Setter {
    lines: Vec<Line<'static>>,
    line: Vec<Span<'static>>,
    used: usize,
    indent: usize,
    most: usize,
    /// Nothing but the indent stands on the line.
    bare: bool,
}

impl Setter {
    fn word(&mut self, word: &Word) {
        let never_fits = self.indent + word.width > self.most;
        let room = self.most.saturating_sub(self.used + 1);
        // A word that is cut anyway starts where it stands, unless only crumbs would fit.
        if !self.bare && word.width > room && (!never_fits || room < CRUMBS) {
            self.feed();
        }
        if !self.bare {
            // The space takes its word's style only within one style, so that underlines and reverse do not leak.
            let style = match (self.line.last(), word.pieces.first()) {
                (Some(last), Some((_, next))) if last.style == *next => *next,
                _ => Style::new(),
            };
            self.put(" ", style);
        }
        for (text, style) in &word.pieces {
            self.cut_to_fit(text, *style);
        }
    }

    /// Long words go on in the next line wherever the room ends.
    fn cut_to_fit(&mut self, text: &str, style: Style) {
        let mut rest = text;
        while !rest.is_empty() {
            let (now, later) = take(rest, self.most.saturating_sub(self.used));
            if now.is_empty() {
                if self.bare {
                    // Not even one character fits: give up on this line's width rather than loop.
                    self.put("", style);
                    return;
                }
                self.feed();
                continue;
            }
            self.put(now, style);
            rest = later;
        }
    }

    fn put(&mut self, text: &str, style: Style) {
        self.used += width(text);
        self.bare &= text.is_empty();
        match self.line.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(text),
            _ => self.line.push(Span::styled(text.to_owned(), style)),
        }
    }

    fn feed(&mut self) {
        let indent = if self.indent < self.most { self.indent } else { 0 };
        let next = if indent == 0 { Vec::new() } else { vec![Span::raw(" ".repeat(indent))] };
        self.lines.push(Line::from(std::mem::replace(&mut self.line, next)));
        self.used = indent;
        self.bare = true;
    }

    fn end(mut self) -> Vec<Line<'static>> {
        self.lines.push(Line::from(self.line));
        self.lines
    }
}

/// Lines as they stand (code, JSON): spaces kept, long lines cut to the width and gone on below.
pub(crate) fn verbatim(text: &str, style: Style, indent: usize, most: usize) -> Vec<Line<'static>> {
    let room = most.saturating_sub(indent).max(1);
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        loop {
            let (now, later) = take(rest, room);
            lines.push(Line::from(vec![Span::raw(" ".repeat(indent)), Span::styled(now.to_owned(), style)]));
            if later.is_empty() || now.is_empty() {
                break;
            }
            rest = later;
        }
    }
    lines
}

/// Left and right ends of one line; the left is cut when both do not fit.
pub(crate) fn ends(left: &[Piece], right: &[Piece], most: usize, cut: &str) -> Line<'static> {
    let right_width: usize = right.iter().map(|(text, _)| width(text)).sum();
    let room = most.saturating_sub(if right_width > 0 { right_width + 1 } else { 0 });
    let mut spans = Vec::new();
    let mut used = 0;
    for (text, style) in left {
        let text = clip(text, room.saturating_sub(used), cut);
        used += width(&text);
        spans.push(Span::styled(text, *style));
    }
    spans.push(Span::raw(" ".repeat(most.saturating_sub(used + right_width))));
    spans.extend(right.iter().map(span));
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(|line| line.spans.iter().map(|span| span.content.as_ref()).collect()).collect()
    }

    fn set(text: &str, first: &str, most: usize) -> Vec<String> {
        plain(&wrap(&[(text.to_owned(), Style::new())], &[(first.to_owned(), Style::new())], most))
    }

    #[test]
    fn words_break_at_spaces_and_hang_below_the_first() {
        assert_eq!(set("one two three four", "- ", 9), ["- one two", "  three", "  four"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_cut_and_nothing_is_lost() {
        let lines = set("a abcdefghijkl b", "", 5);
        assert_eq!(lines, ["a", "abcde", "fghij", "kl b"]);
    }

    #[test]
    fn wide_characters_never_pass_the_margin() {
        for most in 1..12 {
            for line in set("日本語 のテスト abc 🙂🙂🙂", "", most) {
                assert!(width(&line) <= most.max(2), "{line:?} in {most}");
            }
        }
    }

    #[test]
    fn a_style_change_inside_a_word_does_not_break_it() {
        let bold = Style::new().bold();
        let pieces = [("press ".to_owned(), Style::new()), ("Save".to_owned(), bold), (".".to_owned(), Style::new())];
        assert_eq!(plain(&wrap(&pieces, &[], 8)), ["press", "Save."]);
    }

    #[test]
    fn clipping_says_that_something_was_lost() {
        assert_eq!(clip("abcdef", 4, "…"), "abc…");
        assert_eq!(clip("abcd", 4, "…"), "abcd");
        assert_eq!(clip("日本語", 4, "…"), "日…");
        assert_eq!(clip("abc", 0, "…"), "");
    }
}
