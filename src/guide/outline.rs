//! A YAML file as a tree of places, and the rules that YAML alone would not keep: one document, no anchors, aliases, merge
//! keys or tags, no key twice. What the values mean is for `yaml` and `lint`.

use super::finding::{Finding, Mark};
use super::source::Text;
use crate::base::text::is_hostile;
use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use std::borrow::Cow;

/// How deep lists and mappings may lie in each other.
pub(super) const DEPTH_LIMIT: usize = 32;
/// How many keys a mapping may have; each is compared with those before it.
const KEY_LIMIT: usize = 1_000;
/// After so many findings reading stops: the author has enough to do.
const ENOUGH: usize = 20;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its first character.
    pub(super) at: Mark,
    /// What it is.
    pub(super) value: Shape,
}

/// What stands at a [`Node`].
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Text, a number, a boolean or null, unescaped.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) at: Mark,
    /// Its value.
    pub(super) value: Node,
}

impl Node {
    /// Where the value at a path of keys and list numbers (from 0) stands, or the nearest place above it that exists.
    #[must_use]
    pub(super) fn place(&self, path: &[&str]) -> Mark {
        self.walk(path).1.at
    }

    /// Where the key at the end of a path stands; the place of the value when the path ends in a list.
    #[must_use]
    pub(super) fn key_place(&self, path: &[&str]) -> Mark {
        let (key, node) = self.walk(path);
        key.unwrap_or(node.at)
    }

    fn walk(&self, path: &[&str]) -> (Option<Mark>, &Self) {
        let (mut key, mut node) = (None, self);
        for step in path {
            let (next_key, next) = match &node.value {
                Shape::Map(entries) => match entries.iter().find(|entry| entry.key == *step) {
                    Some(entry) => (Some(entry.at), &entry.value),
                    None => break,
                },
                Shape::List(items) => match step.parse::<usize>().ok().and_then(|number| items.get(number)) {
                    Some(item) => (None, item),
                    None => break,
                },
                Shape::Scalar(_) => break,
            };
            (key, node) = (next_key, next);
        }
        (key, node)
    }

    /// The innermost mapping that has a key or a value at this place.
    #[must_use]
    pub(super) fn mapping_at(&self, at: Mark) -> Option<&Self> {
        match &self.value {
            Shape::Scalar(_) => None,
            Shape::List(items) => items.iter().find_map(|item| item.mapping_at(at)),
            Shape::Map(entries) => {
                let own = || entries.iter().any(|entry| entry.at == at || entry.value.at == at).then_some(self);
                entries.iter().find_map(|entry| entry.value.mapping_at(at)).or_else(own)
            }
        }
    }

    /// The scalar at this place.
    #[must_use]
    pub(super) fn scalar_at(&self, at: Mark) -> Option<&str> {
        match &self.value {
            Shape::Scalar(text) => (self.at == at).then_some(text),
            Shape::List(items) => items.iter().find_map(|item| item.scalar_at(at)),
            Shape::Map(entries) => entries.iter().find_map(|entry| entry.value.scalar_at(at)),
        }
    }
}

/// Reads `yaml`, whose lines are those of `text`.
///
/// # Errors
/// All that is wrong up to the first place where reading cannot go on.
pub(super) fn read(text: &Text, yaml: &str) -> Result<Node, Vec<Finding>> {
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.set_emit_comments(false);
    let mut builder = Builder { text, open: Vec::new(), root: None, findings: Vec::new() };
    for event in Parser::new_from_str_with_options(yaml, options) {
        let done = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let at = Mark { line: error.marker().line().max(1), column: error.marker().col() + 1 };
                let finding = text.finding(at, format!("this is not YAML: {}", error.info()));
                Err(finding.hint("look at the indentation and at the quotes here and in the lines before"))
            }
        };
        if let Err(finding) = done {
            builder.findings.push(finding);
            break;
        }
        if builder.findings.len() >= ENOUGH {
            break;
        }
    }
    if builder.findings.is_empty() && builder.root.is_none() {
        builder.findings.push(Finding::whole(&text.file, "this file is empty").hint("it must hold a mapping"));
    }
    match builder.root {
        Some(root) if builder.findings.is_empty() => Ok(root),
        Some(_) | None => Err(builder.findings),
    }
}

/// A list or mapping that is not closed yet.
enum Open {
    List(Mark, Vec<Node>),
    Map(Mark, Vec<Entry>, Option<(String, Mark)>),
}

struct Builder<'t> {
    text: &'t Text,
    open: Vec<Open>,
    root: Option<Node>,
    findings: Vec<Finding>,
}

impl Builder<'_> {
    /// An `Err` is a finding after which the rest makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Finding> {
        let at = mark(&span);
        match event {
            Event::DocumentStart(..) if self.root.is_none() => Ok(()),
            Event::DocumentStart(..) => Err(self.say(at, "a second document begins here", "a file holds one; take out this `---`")),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err(self.say(at, "aliases (`*name`) are not allowed", "write the value out; text that begins with `*` goes in quotes"))
            }
            Event::Anchor(..) => Err(self.say(at, "anchors (`&name`) are not allowed", "write the value out wherever it is needed")),
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, _, Some(_)) | Event::MappingStart(_, _, Some(_)) => {
                let at = span.tag_start().map_or(at, |tag| Mark { line: tag.line(), column: tag.col() + 1 });
                Err(self.say(at, "tags (`!name`) are not allowed", "text that begins with `!` goes in quotes"))
            }
            Event::Scalar(value, style, _, None) => self.scalar(at, value, style),
            Event::SequenceStart(..) => self.start(at, Open::List(at, Vec::new())),
            Event::MappingStart(..) => self.start(at, Open::Map(at, Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            // Begin and end of the file; comments exist with another feature of the parser only.
            _ => Ok(()),
        }
    }

    fn say(&self, at: Mark, what: &str, hint: &str) -> Finding {
        self.text.finding(at, what).hint(hint)
    }

    fn start(&mut self, at: Mark, open: Open) -> Result<(), Finding> {
        if let Some(Open::Map(_, _, None)) = self.open.last() {
            return Err(self.say(at, "a key must be text", "put text that begins with `[` or `{` in quotes"));
        }
        if self.open.len() >= DEPTH_LIMIT {
            let what = format!("lists and mappings lie more than {DEPTH_LIMIT} deep here");
            return Err(self.say(at, &what, "the format needs about ten levels; is a bracket not closed?"));
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Finding> {
        match self.open.pop() {
            Some(Open::List(at, items)) => self.put(Node { at, value: Shape::List(items) }),
            Some(Open::Map(at, entries, _)) => self.put(Node { at, value: Shape::Map(entries) }),
            None => Ok(()),
        }
    }

    fn scalar(&mut self, at: Mark, value: Cow<'_, str>, style: ScalarStyle) -> Result<(), Finding> {
        if let Some(c) = value.chars().find(|c| !matches!(c, '\n' | '\t') && is_hostile(*c)) {
            return Err(self.text.forbidden(at, c));
        }
        let plain = style == ScalarStyle::Plain;
        if let Some(Open::Map(_, entries, key @ None)) = self.open.last_mut() {
            if value == "<<" {
                return Err(self.say(at, "merge keys (`<<`) are not allowed", "write the keys out"));
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == *value) {
                let what = format!("the key `{value}` stands here twice");
                self.findings.push(self.text.finding(at, what).hint(format!("it stands in line {} already", first.at.line)));
            }
            if entries.len() >= KEY_LIMIT {
                return Err(self.say(at, "this mapping has more than 1000 keys", "split the step"));
            }
            *key = Some((value.into_owned(), at));
            return Ok(());
        }
        if plain && is_yaml_1_1_boolean(&value) {
            let finding = self.text.finding(at, format!("`{value}` is text here, not a boolean"));
            self.findings.push(finding.hint("write `true` or `false`, or put the text in quotes"));
        }
        self.put(Node { at, value: Shape::Scalar(value.into_owned()) })
    }

    fn put(&mut self, node: Node) -> Result<(), Finding> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, entries, key)) => match key.take() {
                Some((key, at)) => entries.push(Entry { key, at, value: node }),
                None => return Err(self.say(node.at, "a key must be text", "put it in quotes")),
            },
        }
        Ok(())
    }
}

/// The spellings that YAML 1.1 read as booleans and YAML 1.2 reads as text: whoever writes them means a boolean.
fn is_yaml_1_1_boolean(text: &str) -> bool {
    ["yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn mark(span: &Span) -> Mark {
    Mark { line: span.start.line().max(1), column: span.start.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(yaml: &str) -> Node {
        let text = Text::new("a.yaml", yaml.to_owned());
        read(&text, yaml).unwrap_or_else(|findings| panic!("{findings:?}"))
    }

    fn at(line: usize, column: usize) -> Mark {
        Mark { line, column }
    }

    #[test]
    fn every_value_and_key_has_its_place() {
        let node = tree("id: a\n\"é\": {b: [1, {c: x}]}\nlist:\n  - one\n  -   two: |\n        text\n");
        assert_eq!(node.place(&["id"]), at(1, 5));
        assert_eq!(node.key_place(&["é"]), at(2, 1));
        assert_eq!(node.place(&["é", "b", "0"]), at(2, 11));
        assert_eq!(node.place(&["é", "b", "1", "c"]), at(2, 18));
        assert_eq!(node.key_place(&["é", "b", "1", "c"]), at(2, 15));
        assert_eq!(node.place(&["list", "0"]), at(4, 5));
        assert_eq!(node.key_place(&["list", "1", "two"]), at(5, 7));
    }

    #[test]
    fn a_path_that_leads_nowhere_gives_the_nearest_place_above() {
        let node = tree("a:\n  b: 1\n");
        assert_eq!(node.place(&["a", "x", "y"]), at(2, 3));
        assert_eq!(node.place(&["a", "b", "c"]), at(2, 6));
    }

    #[test]
    fn a_missing_key_is_said_of_the_mapping_that_lacks_it() {
        let node = tree("a: {b: 1}\nops:\n  - id: x\n    graph: {post: y}\n");
        assert_eq!(node.mapping_at(at(4, 5)).map(|node| node.at), Some(at(3, 5)));
        assert_eq!(node.mapping_at(at(1, 5)).map(|node| node.at), Some(at(1, 4)));
    }
}
