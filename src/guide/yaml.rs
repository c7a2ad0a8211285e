//! YAML into our types by serde-saphyr, and its errors into findings that an author understands.

use super::finding::{Finding, Mark, known_names};
use super::outline::{self, Node, Shape};
use super::source::Text;
use serde::de::DeserializeOwned;
use serde_saphyr::{
    Error,
    options::{DuplicateKeyPolicy, MergeKeyPolicy},
};

/// A file that was understood, with the places of everything in it.
#[derive(Clone, Debug)]
pub(super) struct Read<T> {
    /// The file.
    pub(super) text: Text,
    /// Where everything stands.
    pub(super) node: Node,
    /// What it says.
    pub(super) value: T,
    /// Parts of the value that stand elsewhere in the file: where they seem to stand, and where they do.
    pub(super) moved: Vec<(Vec<String>, Vec<String>)>,
}

impl<T> Read<T> {
    /// A finding about the value at a path.
    #[must_use]
    pub(super) fn at(&self, path: &[&str], what: impl AsRef<str>) -> Finding {
        self.text.finding(self.node.place(&self.written(path)), what)
    }

    /// A finding about the key at the end of a path.
    #[must_use]
    pub(super) fn at_key(&self, path: &[&str], what: impl AsRef<str>) -> Finding {
        self.text.finding(self.node.key_place(&self.written(path)), what)
    }

    /// A finding about `needle` inside the text at a path.
    #[must_use]
    pub(super) fn inside(&self, path: &[&str], needle: &str, what: impl AsRef<str>) -> Finding {
        self.text.finding(self.text.seek(self.node.place(&self.written(path)), needle), what)
    }

    /// The path at which something stands in the file.
    fn written<'p>(&'p self, path: &[&'p str]) -> Vec<&'p str> {
        let here = self.moved.iter().filter(|(seems, _)| path.len() >= seems.len() && seems.iter().zip(path).all(|(a, b)| a == b));
        let Some((seems, is)) = here.max_by_key(|(seems, _)| seems.len()) else { return path.to_vec() };
        is.iter().map(String::as_str).chain(path.iter().skip(seems.len()).copied()).collect()
    }
}

/// Reads a whole file.
///
/// # Errors
/// All that could be found in one go.
pub(super) fn read<T: DeserializeOwned>(text: Text) -> Result<Read<T>, Vec<Finding>> {
    let node = outline::read(&text, &text.text)?;
    let value = typed(&text, &text.text, &node).map_err(|finding| vec![*finding])?;
    Ok(Read { text, node, value, moved: Vec::new() })
}

/// Reads `yaml`, whose lines are those of `text` and whose outline is `node`.
///
/// # Errors
/// The first thing that does not fit the type.
pub(super) fn typed<T: DeserializeOwned>(text: &Text, yaml: &str, node: &Node) -> Result<T, Box<Finding>> {
    let Shape::Map(_) = node.value else {
        return Err(Box::new(text.finding(node.at, "this is not a mapping").hint("the file must begin with `key: value`")));
    };
    // The outline has refused anchors, tags, keys that stand twice and what is too deep: no need to pay for looking again.
    // What is left is strictness about scalars.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        no_schema: true,
        merge_keys: MergeKeyPolicy::Error,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        budget: None,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| Box::new(finding(text, node, &error)))
}

fn finding(text: &Text, node: &Node, error: &Error) -> Finding {
    let at = error.location().and_then(|place| {
        let (line, column) = (usize::try_from(place.line()).ok()?, usize::try_from(place.column()).ok()?);
        (line > 0).then_some(Mark { line, column: column.max(1) })
    });
    let at = at.unwrap_or(Mark::START);
    let told = Told { text, node, at, found: node.scalar_at(at) };
    match error {
        Error::SerdeUnknownField { field, expected, .. } => told.unknown("key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => told.unknown("value", variant, expected),
        Error::SerdeMissingField { field, .. } => told.missing(field),
        Error::InvalidBooleanStrict { .. } => told.wrong("a boolean", Some("write `true` or `false`")),
        Error::QuotingRequired { .. } => told.wrong("text", Some("put it in quotes")),
        Error::Unexpected { expected, .. } => told.wrong(word(expected), None),
        Error::InvalidScalar { ty, .. } => told.wrong(ty, None),
        Error::NullIntoString { .. } => told.wrong("text", Some("write the text after the colon, or take the key out")),
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => told.wrong(expected, None),
        Error::ExpectedStringKeyForExternallyTaggedEnum { .. }
        | Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. }
        | Error::UnexpectedValueForUnitEnumVariant { .. } => told.wrong("one known name", None),
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            told.say("only one key may stand here", Some("write a second entry for the other"))
        }
        Error::Message { msg, .. } => told.message(msg),
        other => told.message(strip_place(&other.to_string())),
    }
}

/// serde-saphyr ends its sentences with the place, which a finding shows anyway.
fn strip_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what)
}

/// serde-saphyr's names of events, in an author's words.
fn word(expected: &str) -> &str {
    match expected {
        "mapping start" => "a mapping (`key: value`)",
        "sequence start" => "a list",
        "string scalar" | "scalar" => "text",
        other => other,
    }
}

struct Told<'a> {
    text: &'a Text,
    node: &'a Node,
    at: Mark,
    found: Option<&'a str>,
}

impl Told<'_> {
    fn say(&self, what: impl AsRef<str>, hint: Option<&str>) -> Finding {
        self.text.finding(self.at, what).hint(hint.unwrap_or("`guidepost guide schema` prints what may stand where"))
    }

    fn unknown(&self, word: &str, name: &str, known: &[&str]) -> Finding {
        self.say(format!("unknown {word} `{name}`"), Some(&known_names(name, known, word)))
    }

    /// serde notices a missing key at the end of the mapping; the author looks for its beginning.
    fn missing(&self, field: &str) -> Finding {
        let at = self.node.mapping_at(self.at).map_or(self.at, |mapping| mapping.at);
        let hint = match field {
            "undo" => "say how the op is taken back: `undo: {graph: {delete: …}}`, or why it cannot be: `undo: {none: \"…\"}`".to_owned(),
            "doubt" => "say how doubt after a crash is settled: `doubt: look`, `doubt: repeat` (harmless twice) or `doubt: ask`".to_owned(),
            "settle" | "expect" | "fail" | "probe" => format!("a check needs `probe`, `expect` and `fail`; write `{field}: …`"),
            other => format!("write `{other}: …` here"),
        };
        self.text.finding(at, format!("the key `{field}` is missing")).hint(hint)
    }

    fn wrong(&self, expected: &str, hint: Option<&str>) -> Finding {
        match self.found {
            Some("") => self.say(format!("{expected} is expected, nothing stands here"), hint),
            Some(found) => self.say(format!("{expected} is expected, found `{found}`"), hint),
            None => self.say(format!("{expected} is expected"), hint),
        }
    }

    /// Our own types put their hint behind a line break.
    ///
    /// They speak of the mapping as a whole; what they quote first is looked for in its first line.
    fn message(&self, message: &str) -> Finding {
        let quoted = message.split('`').nth(1).filter(|quoted| !quoted.is_empty());
        let at = quoted.map_or(self.at, |quoted| self.text.seek(self.at, quoted));
        Told { at, ..*self }.say("", None).told(message)
    }
}
