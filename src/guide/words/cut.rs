//! Cuts the body of `en.md` into headings and blocks of spans, and refuses what no face can draw.

use crate::base::text;
use crate::guide::finding::{Finding, Mark};
use crate::guide::prose::{Block, Span, SpanStyle};
use crate::guide::source::Text;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// After so many findings no more are gathered: the author has enough to do.
const ENOUGH: usize = 50;

/// A piece of the body: a heading or a block, with where it begins.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) at: Mark,
    pub(super) what: PieceKind,
}

#[derive(Debug)]
pub(super) enum PieceKind {
    Heading { level: u8, spans: Vec<Span> },
    Block(Block),
}

/// Cuts the body into headings and blocks; `base` is where it begins in the file.
pub(super) fn pieces(text: &Text, body: &str, base: usize, findings: &mut Vec<Finding>) -> Vec<Piece> {
    let mut cutter = Cutter {
        text,
        base,
        findings,
        pieces: Vec::new(),
        open: Vec::new(),
        spans: Vec::new(),
        styles: Vec::new(),
        link: None,
        code: None,
    };
    for (event, range) in Parser::new_ext(body, Options::empty()).into_offset_iter() {
        cutter.take(event, &range);
    }
    cutter.pieces
}

/// What the spans being gathered will become.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    Heading(u8, Mark),
    Paragraph(Mark),
    Item(Mark),
}

struct Cutter<'t> {
    text: &'t Text,
    base: usize,
    findings: &'t mut Vec<Finding>,
    pieces: Vec<Piece>,
    open: Vec<Holder>,
    spans: Vec<Span>,
    styles: Vec<SpanStyle>,
    link: Option<String>,
    code: Option<(Mark, String)>,
}

impl Cutter<'_> {
    fn take(&mut self, event: Event<'_>, range: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(words) => match &mut self.code {
                Some((_, code)) => code.push_str(&words),
                None => self.push(&words, None),
            },
            Event::Code(words) => self.push(&words, Some(SpanStyle::Code)),
            Event::SoftBreak | Event::HardBreak => self.push(" ", None),
            Event::Html(_) | Event::InlineHtml(_) => self.refuse(range, "HTML"),
            Event::Rule => self.refuse(range, "a rule"),
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {
                self.refuse(range, "this");
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: &Range<usize>) {
        let at = self.mark(range);
        match tag {
            Tag::Heading { level, .. } => self.open(Holder::Heading(depth(level), at)),
            Tag::Paragraph if matches!(self.open.last(), Some(Holder::Item(_))) => self.space(),
            Tag::Paragraph => self.open(Holder::Paragraph(at)),
            Tag::Item => self.open(Holder::Item(at)),
            Tag::List(_) if self.open.is_empty() => {}
            Tag::List(_) => self.refuse(range, "a list inside an item"),
            Tag::CodeBlock(_) if self.open.is_empty() => self.code = Some((at, String::new())),
            Tag::CodeBlock(_) => self.refuse(range, "a code block inside an item"),
            Tag::Emphasis => self.styles.push(SpanStyle::Emphasis),
            Tag::Strong => self.styles.push(SpanStyle::Strong),
            Tag::Link { dest_url, .. } => self.link(&dest_url, range),
            Tag::Image { .. } => self.refuse(range, "an image"),
            Tag::BlockQuote(_) => self.refuse(range, "a quotation"),
            Tag::HtmlBlock => {}
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => self.refuse(range, "this"),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::Item => self.close(),
            TagEnd::Paragraph if matches!(self.open.last(), Some(Holder::Paragraph(_))) => self.close(),
            TagEnd::Emphasis | TagEnd::Strong => {
                self.styles.pop();
            }
            TagEnd::Link => self.link = None,
            TagEnd::CodeBlock => {
                if let Some((at, code)) = self.code.take() {
                    let code = text::block(code.trim_end()).into_owned();
                    self.pieces.push(Piece { at, what: PieceKind::Block(Block::Code(code)) });
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, holder: Holder) {
        // An item inside an item was refused with its list; its words go to the outer one.
        if self.open.is_empty() {
            self.spans.clear();
        } else {
            self.space();
        }
        self.open.push(holder);
    }

    fn close(&mut self) {
        let Some(holder) = self.open.pop() else { return };
        if !self.open.is_empty() {
            return;
        }
        let spans = trimmed(std::mem::take(&mut self.spans));
        let (at, what) = match holder {
            Holder::Heading(level, at) => (at, PieceKind::Heading { level, spans }),
            Holder::Paragraph(at) => (at, PieceKind::Block(Block::Paragraph(spans))),
            Holder::Item(at) => (at, PieceKind::Block(Block::Item(spans))),
        };
        self.pieces.push(Piece { at, what });
    }

    /// A space between two paragraphs of one item.
    fn space(&mut self) {
        if !self.spans.is_empty() {
            self.push(" ", None);
        }
    }

    /// Adds text; an HTML entity may bring characters that the file itself may not hold.
    fn push(&mut self, words: &str, style: Option<SpanStyle>) {
        let clean = text::block(words).replace('\n', " ");
        let style = style.or_else(|| self.styles.last().copied()).unwrap_or_default();
        match self.spans.last_mut() {
            Some(last) if last.style == style && last.link == self.link => last.text.push_str(&clean),
            _ => self.spans.push(Span { text: clean, style, link: self.link.clone() }),
        }
    }

    fn link(&mut self, target: &str, range: &Range<usize>) {
        let clean = text::line(target);
        if clean.starts_with("https://") {
            self.link = Some(clean);
            return;
        }
        if self.findings.len() >= ENOUGH {
            return;
        }
        let finding = self.text.finding(self.mark(range), format!("the link `{clean}` does not begin with `https://`"));
        self.findings.push(finding.hint("link to a page by its whole address"));
    }

    fn refuse(&mut self, range: &Range<usize>, what: &str) {
        if self.findings.len() >= ENOUGH {
            return;
        }
        let finding = self.text.finding(self.mark(range), format!("{what} has no place here"));
        self.findings.push(finding.hint("paragraphs, lists, code blocks, **strong**, *emphasis*, `code` and links can be shown"));
    }

    fn mark(&self, range: &Range<usize>) -> Mark {
        self.text.mark(self.base + range.start)
    }
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// Without white space at both ends and without empty spans.
fn trimmed(mut spans: Vec<Span>) -> Vec<Span> {
    if let Some(first) = spans.first_mut() {
        first.text = first.text.trim_start().to_owned();
    }
    if let Some(last) = spans.last_mut() {
        last.text.truncate(last.text.trim_end().len());
    }
    spans.retain(|span| !span.text.is_empty());
    spans
}
