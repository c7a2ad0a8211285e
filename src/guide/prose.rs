//! The words of a step (`en.md`) as the faces draw them: blocks of spans, bound to the ids of `step.yaml`.

use indexmap::IndexMap;

/// All words of a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepProse {
    /// Front matter `title`.
    pub title: String,
    /// Front matter `summary`, one sentence.
    pub summary: String,
    /// `## … {#why}`.
    pub why: Vec<Block>,
    /// `## … {#by-hand}`: list items by task id.
    pub tasks: IndexMap<String, Vec<Span>>,
    /// `## … {#pages}`: list items by page id, the page's title.
    pub pages: IndexMap<String, Vec<Span>>,
    /// `## … {#checks}`: list items by check id, what it states.
    pub checks: IndexMap<String, Vec<Span>>,
    /// `## … {#changes}`: list items by op id, what it changes.
    pub changes: IndexMap<String, Vec<Span>>,
    /// `## … {#options}`: list items by the name of an option, what it does.
    pub options: IndexMap<String, Vec<Span>>,
    /// `## … {#messages}`: `### … {#CODE}` by code.
    pub messages: IndexMap<String, Message>,
    /// `## … {#field-notes}`: `### … {#id}` by note id.
    pub field_notes: IndexMap<String, FieldNote>,
}

/// What is said when a check does not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The heading: what is wrong, a sentence without full stop.
    pub title: String,
    /// The first paragraph: why.
    pub reason: Vec<Block>,
    /// The rest: what to do.
    pub way_out: Vec<Block>,
}

/// Where the source guide is outdated, incomplete or wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNote {
    /// The heading.
    pub title: String,
    /// The first paragraph, set in emphasis: date and source.
    pub origin: String,
    /// What is so, and what Guidepost tests instead.
    pub blocks: Vec<Block>,
}

/// A paragraph, a list item or a code block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(Vec<Span>),
    /// An item of a list.
    Item(Vec<Span>),
    /// Lines as they stand.
    Code(String),
}

/// Text in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Clean text.
    pub text: String,
    /// How it is set.
    pub style: SpanStyle,
    /// Where it leads, if anywhere.
    pub link: Option<String>,
}

/// How a span is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStyle {
    /// Running text.
    #[default]
    Plain,
    /// A label on a screen, a name to look for.
    Strong,
    /// Stress.
    Emphasis,
    /// Something to type, or a value.
    Code,
}

impl Span {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: SpanStyle::Plain, link: None }
    }
}

/// The text of spans without their styles.
#[must_use]
pub fn plain_text(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}
