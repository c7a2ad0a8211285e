//! Reads `en.md` into the words of a step, and says where it does not fit. What the words belong to is for `lint`.

mod cut;

use super::finding::{Finding, Mark, known_names};
use super::outline;
use super::prose::{Block, FieldNote, Message, Span, SpanStyle, StepProse, plain_text};
use super::source::Text;
use super::yaml;
use crate::base::text;
use cut::{Piece, PieceKind};
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::HashMap;

/// A step's words and the places of their ids.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// The file.
    pub(super) text: Text,
    /// The words.
    pub(super) prose: StepProse,
    /// Where each id of a section stands.
    pub(super) marks: HashMap<(Section, String), Mark>,
    /// What does not fit.
    pub(super) findings: Vec<Finding>,
    /// Whether something that has an id was lost, so that an id may seem to be missing only because of it.
    pub(super) torn: bool,
}

/// The sections of `en.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    /// `why`.
    Why,
    /// `by-hand`: list items with the ids of tasks.
    ByHand,
    /// `pages`: list items with the ids of wizard pages.
    Pages,
    /// `checks`: list items with the ids of checks.
    Checks,
    /// `changes`: list items with the ids of ops.
    Changes,
    /// `options`: list items with the ids of the step's options.
    Options,
    /// `messages`: a heading for each code.
    Messages,
    /// `field-notes`: a heading for each note.
    FieldNotes,
}

impl Section {
    /// All, in the order in which they are usually written.
    pub(super) const ALL: [Self; 8] =
        [Self::Why, Self::Options, Self::ByHand, Self::Pages, Self::Checks, Self::Changes, Self::Messages, Self::FieldNotes];

    /// The id of its heading.
    #[must_use]
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Why => "why",
            Self::ByHand => "by-hand",
            Self::Pages => "pages",
            Self::Checks => "checks",
            Self::Changes => "changes",
            Self::Options => "options",
            Self::Messages => "messages",
            Self::FieldNotes => "field-notes",
        }
    }

    /// How an entry of it is written.
    #[must_use]
    pub(super) fn form(self, id: &str) -> String {
        match self {
            Self::Why => "a paragraph".to_owned(),
            Self::ByHand | Self::Pages | Self::Checks | Self::Changes | Self::Options => format!("- … {{#{id}}}"),
            Self::Messages | Self::FieldNotes => format!("### … {{#{id}}}"),
        }
    }

    fn has_headings(self) -> bool {
        matches!(self, Self::Messages | Self::FieldNotes)
    }

    fn has_items(self) -> bool {
        matches!(self, Self::ByHand | Self::Pages | Self::Checks | Self::Changes | Self::Options)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    summary: String,
}

/// Reads the words of a step.
#[must_use]
pub(super) fn read(text: Text) -> Words {
    let mut words = Words { text, prose: StepProse::default(), marks: HashMap::new(), findings: Vec::new(), torn: false };
    let body = words.front_matter();
    let source = words.text.text.clone();
    let pieces = cut::pieces(&words.text, source.get(body..).unwrap_or_default(), body, &mut words.findings);
    words.bind(pieces);
    words
}

impl Words {
    /// Reads what stands between the two `---`, and returns where the body begins.
    fn front_matter(&mut self) -> usize {
        let source = self.text.text.clone();
        let mut offset = 0;
        let mut lines = source.split_inclusive('\n').map(|line| {
            let from = offset;
            offset += line.len();
            (from..offset, line.trim_end())
        });
        if lines.next().is_none_or(|(_, line)| line != "---") {
            let finding = self.text.finding(Mark::START, "the front matter is missing");
            self.findings.push(finding.hint("begin the file with `---`, `title: …`, `summary: …`, `---`"));
            return 0;
        }
        let Some((end, _)) = lines.find(|(_, line)| *line == "---") else {
            let finding = self.text.finding(Mark::START, "the front matter is never closed");
            self.findings.push(finding.hint("close it with a line `---`"));
            self.torn = true;
            return source.len();
        };
        // The line feed stands for the opening `---`, so that lines keep their numbers.
        let yaml = format!("\n{}", source.get(4.min(end.start)..end.start).unwrap_or_default());
        match self.title(&yaml) {
            Ok(front) => (self.prose.title, self.prose.summary) = (text::line(&front.title), text::line(&front.summary)),
            Err(findings) => self.findings.extend(findings),
        }
        end.end
    }

    fn title(&self, yaml: &str) -> Result<FrontMatter, Vec<Finding>> {
        let node = outline::read(&self.text, yaml)?;
        let front: FrontMatter = yaml::typed(&self.text, yaml, &node).map_err(|finding| vec![*finding])?;
        let fields = [("title", &front.title), ("summary", &front.summary)];
        let empty = fields.into_iter().find(|(_, words)| words.trim().is_empty()).map(|(key, _)| key);
        let Some(key) = empty else { return Ok(front) };
        let finding = self.text.finding(node.place(&[key]), format!("the {key} says nothing"));
        Err(vec![finding.hint("write a few words")])
    }

    fn say(&mut self, at: Mark, what: impl AsRef<str>, hint: impl AsRef<str>) {
        self.findings.push(self.text.finding(at, what).hint(hint));
    }

    /// Gives each piece to the section and entry that it stands in.
    fn bind(&mut self, pieces: Vec<Piece>) {
        let mut section: Option<Section> = None;
        let mut lost = false;
        let mut entry: Option<Entry> = None;
        for piece in pieces {
            match piece.what {
                PieceKind::Heading { level: 2, spans } => {
                    self.close(section, entry.take());
                    section = self.section(piece.at, spans);
                    lost = section.is_none();
                    self.torn |= lost;
                }
                PieceKind::Heading { level: 3, spans } => {
                    self.close(section, entry.take());
                    entry = self.entry(piece.at, section, spans);
                    lost |= entry.is_none();
                    self.torn |= lost;
                }
                PieceKind::Heading { .. } => {
                    self.say(piece.at, "only headings of the second and third level have a place here", "write `## …` or `### …`");
                }
                // What follows a heading that was not understood would only say the same again.
                PieceKind::Block(_) if lost && entry.is_none() => {}
                PieceKind::Block(block) => match (section, &mut entry) {
                    (None, _) => self.say(piece.at, "text before the first section is shown nowhere", "put it under `## … {#why}`"),
                    (Some(_), Some(entry)) => entry.blocks.push((piece.at, block)),
                    (Some(Section::Why), None) => self.prose.why.push(block),
                    (Some(section), None) => self.item(piece.at, section, block),
                },
            }
        }
        self.close(section, entry);
    }

    fn section(&mut self, at: Mark, mut spans: Vec<Span>) -> Option<Section> {
        let known: Vec<&str> = Section::ALL.iter().map(|section| section.id()).collect();
        let Some(id) = take_id(&mut spans) else {
            self.say(at, "this heading has no id", format!("end it with `{{#…}}`, one of `{}`", known.join("`, `")));
            return None;
        };
        let at = self.text.seek(at, &format!("{{#{id}"));
        let Some(section) = Section::ALL.into_iter().find(|section| section.id() == id) else {
            self.say(at, format!("unknown section `{id}`"), known_names(&id, &known, "section"));
            return None;
        };
        // A section's own id is its mark, which no entry of it can have.
        if let Some(first) = self.marks.insert((section, String::new()), at) {
            self.say(at, format!("the section `{id}` stands here twice"), format!("it stands in line {} already", first.line));
        }
        Some(section)
    }

    fn entry(&mut self, at: Mark, section: Option<Section>, mut spans: Vec<Span>) -> Option<Entry> {
        let section = match section {
            Some(section) if section.has_headings() => section,
            Some(section) => {
                let hint = "only `messages` and `field-notes` have headings of the third level";
                self.say(at, format!("the section `{}` has no headings", section.id()), hint);
                return None;
            }
            None => {
                self.say(at, "a heading of the third level before the first section", "begin with `## … {#why}`");
                return None;
            }
        };
        let Some(id) = take_id(&mut spans) else {
            let example =
                if section == Section::Messages { "the code, such as `{#USER_NOT_SYNCED}`" } else { "a name, such as `{#old-labels}`" };
            self.say(at, "this heading has no id", format!("end it with {example}"));
            return None;
        };
        let at = self.text.seek(at, &format!("{{#{id}"));
        self.remember(section, &id, at).then(|| Entry { at, id, title: plain_text(&spans), blocks: Vec::new() })
    }

    /// Keeps where an id stands; `false` when it stood there already.
    fn remember(&mut self, section: Section, id: &str, at: Mark) -> bool {
        if let Some(first) = self.marks.get(&(section, id.to_owned())) {
            let hint = format!("it stands in line {} already", first.line);
            self.say(at, format!("the id `{id}` stands in `{}` twice", section.id()), hint);
            return false;
        }
        self.marks.insert((section, id.to_owned()), at);
        true
    }

    fn item(&mut self, at: Mark, section: Section, block: Block) {
        let mut spans = match block {
            Block::Item(spans) if section.has_items() => spans,
            Block::Item(_) | Block::Paragraph(_) | Block::Code(_) => {
                let what = format!("text here in `{}` is shown nowhere", section.id());
                return self.say(at, what, format!("write `{}`", section.form("id")));
            }
        };
        let Some(id) = take_id(&mut spans) else {
            self.torn = true;
            return self.say(at, "this item has no id", "end it with `{#…}`, the id in step.yaml");
        };
        let at = self.text.seek(at, &format!("{{#{id}"));
        if !self.remember(section, &id, at) {
            return;
        }
        if spans.is_empty() {
            self.say(at, format!("the item `{id}` says nothing"), "write its words before the id");
        }
        if let Some(place) = items(&mut self.prose, section) {
            place.insert(id, spans);
        }
    }

    fn close(&mut self, section: Option<Section>, entry: Option<Entry>) {
        let (Some(section), Some(entry)) = (section, entry) else { return };
        match section {
            Section::Messages => self.message(entry),
            Section::FieldNotes => self.note(entry),
            Section::Why | Section::ByHand | Section::Pages | Section::Checks | Section::Changes | Section::Options => {}
        }
    }

    fn message(&mut self, entry: Entry) {
        let mut blocks = entry.blocks.into_iter().map(|(_, block)| block);
        let Some(first @ Block::Paragraph(_)) = blocks.next() else {
            return self.say(entry.at, format!("the message `{}` does not say why", entry.id), "begin it with a paragraph: the reason");
        };
        let message = Message { title: entry.title, reason: vec![first], way_out: blocks.collect() };
        if message.way_out.is_empty() {
            let hint = "after the reason, say what to do, as a list or a paragraph";
            self.say(entry.at, format!("the message `{}` has no way out", entry.id), hint);
        }
        self.prose.messages.insert(entry.id, message);
    }

    fn note(&mut self, entry: Entry) {
        let mut blocks = entry.blocks.into_iter();
        let hint = "begin it with a paragraph in emphasis: `*2026-05-27, …*`";
        let origin = match blocks.next() {
            Some((_, Block::Paragraph(spans))) if spans.iter().all(|span| span.style == SpanStyle::Emphasis) => plain_text(&spans),
            Some((at, _)) => return self.say(at, format!("the field note `{}` has no date and source", entry.id), hint),
            None => return self.say(entry.at, format!("the field note `{}` says nothing", entry.id), hint),
        };
        let note = FieldNote { title: entry.title, origin, blocks: blocks.map(|(_, block)| block).collect() };
        if note.blocks.is_empty() {
            self.say(entry.at, format!("the field note `{}` says nothing", entry.id), "after date and source, say what is so");
        }
        self.prose.field_notes.insert(entry.id, note);
    }
}

/// A message or a field note whose end is not reached.
struct Entry {
    at: Mark,
    id: String,
    title: String,
    blocks: Vec<(Mark, Block)>,
}

fn items(prose: &mut StepProse, section: Section) -> Option<&mut IndexMap<String, Vec<Span>>> {
    match section {
        Section::ByHand => Some(&mut prose.tasks),
        Section::Pages => Some(&mut prose.pages),
        Section::Checks => Some(&mut prose.checks),
        Section::Changes => Some(&mut prose.changes),
        Section::Options => Some(&mut prose.options),
        Section::Why | Section::Messages | Section::FieldNotes => None,
    }
}

/// Takes `{#id}` off the end.
fn take_id(spans: &mut Vec<Span>) -> Option<String> {
    let last = spans.last_mut().filter(|last| last.style == SpanStyle::Plain)?;
    let (before, id) = last.text.trim_end().strip_suffix('}')?.rsplit_once("{#")?;
    let id = id.to_owned();
    if id.is_empty() || id.contains(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        return None;
    }
    last.text = before.trim_end().to_owned();
    if last.text.is_empty() {
        spans.pop();
    }
    Some(id)
}
