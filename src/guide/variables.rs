//! `{{ }}`: text with references, parsed once. What a reference becomes is the writer's business (`base::encode`).

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt, time::Duration};

/// Text with references in it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Template {
    /// As written in the pack.
    pub source: String,
    /// The same in pieces.
    pub parts: Vec<Part>,
}

/// A piece of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Written as it stands.
    Text(String),
    /// Filled in by a typed encoder.
    Reference(Reference),
}

/// What `{{ … }}` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// `var:name`.
    Variable(String),
    /// `const:name`.
    Constant(String),
    /// `captured:name`: kept of an op's reply.
    Captured(String),
    /// `probe:/pointer`: from a probe's facts.
    Probe {
        /// The probe's name in the same step.
        probe: String,
        /// Where its body holds the value.
        pointer: Pointer,
    },
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "var:{name}"),
            Self::Constant(name) => write!(f, "const:{name}"),
            Self::Captured(name) => write!(f, "captured:{name}"),
            Self::Probe { probe, pointer } => write!(f, "{probe}:{pointer}"),
        }
    }
}

/// Why a text is no template, pointer or duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub String);

impl Template {
    /// Reads `{{ var:x }}`, `{{ const:x }}`, `{{ captured:x }}` and `{{ probe:/pointer }}`.
    ///
    /// # Errors
    /// An open `{{`, a stray `}}`, an empty or unknown reference.
    pub fn parse(source: &str) -> Result<Self, SyntaxError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            push_text(&mut parts, before)?;
            let Some((inside, behind)) = after.split_once("}}") else {
                return Err(SyntaxError("`{{` is never closed by `}}`".into()));
            };
            parts.push(Part::Reference(Reference::parse(inside.trim())?));
            rest = behind;
        }
        push_text(&mut parts, rest)?;
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The references, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), SyntaxError> {
    if text.contains("}}") {
        return Err(SyntaxError("`}}` without `{{`".into()));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

impl Reference {
    fn parse(text: &str) -> Result<Self, SyntaxError> {
        let Some((kind, name)) = text.split_once(':') else {
            return Err(SyntaxError(format!("`{text}` is no reference: write `var:`, `const:`, `captured:` or a probe's name, then `:`")));
        };
        let (kind, name) = (kind.trim(), name.trim());
        if kind.is_empty() || name.is_empty() {
            return Err(SyntaxError(format!("`{text}` names nothing")));
        }
        Ok(match kind {
            "var" => Self::Variable(name.to_owned()),
            "const" => Self::Constant(name.to_owned()),
            "captured" => Self::Captured(name.to_owned()),
            probe => Self::Probe { probe: probe.to_owned(), pointer: Pointer::parse(name)? },
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A JSON pointer (RFC 6901): empty, or `/` before each segment.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Pointer(String);

impl Pointer {
    /// Reads a pointer.
    ///
    /// # Errors
    /// Text that does not begin with `/`.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if text.is_empty() || text.starts_with('/') {
            return Ok(Self(text.to_owned()));
        }
        Err(SyntaxError(format!("`{text}` is no JSON pointer: it must begin with `/`")))
    }

    /// The value there.
    #[must_use]
    pub fn find<'v>(&self, value: &'v serde_json::Value) -> Option<&'v serde_json::Value> {
        value.pointer(&self.0)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads `500ms`, `5s`, `2m`, `3h` or `1d`.
///
/// # Errors
/// Anything else.
pub fn parse_duration(text: &str) -> Result<Duration, SyntaxError> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let wrong = || SyntaxError(format!("`{text}` is no duration: write a whole number and `ms`, `s`, `m`, `h` or `d`"));
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(wrong)
}

/// [`parse_duration`] for serde.
///
/// # Errors
/// As [`parse_duration`].
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
