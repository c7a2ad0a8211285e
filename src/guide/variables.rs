//! `{{ }}`: text with references, parsed once. What a reference becomes is the writer's business (`base::encode`).

use super::pack::VariableKind;
use crate::base::text::is_hostile;
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
    /// `found:check:/pointer`: from the item of a list by which a check of the same step holds.
    Found {
        /// The check, which has a statement with `any`; in an op it may be another step's, as `step/check`.
        check: String,
        /// Where the item holds the value.
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
            Self::Found { check, pointer } => write!(f, "found:{check}:{pointer}"),
        }
    }
}

/// Why a text is no template, pointer, duration or value: a sentence, and behind a line break `hint: ` and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyntaxError(pub String);

impl Template {
    /// Reads `{{ var:x }}`, `{{ const:x }}`, `{{ captured:x }}`, `{{ probe:/pointer }}` and `{{ found:check:/pointer }}`.
    ///
    /// # Errors
    /// An open `{{`, a stray `}}`, an empty or unknown reference.
    pub fn parse(source: &str) -> Result<Self, SyntaxError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            push_text(&mut parts, before)?;
            let Some((inside, behind)) = after.split_once("}}") else {
                return Err(SyntaxError("`{{` is never closed by `}}`\nhint: a reference is written `{{ var:name }}`".into()));
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

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Reference(reference) => write!(f, "{{{{ {reference} }}}}"),
        })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) -> Result<(), SyntaxError> {
    if text.contains("}}") {
        return Err(SyntaxError("`}}` without `{{`\nhint: a reference is written `{{ var:name }}`".into()));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    Ok(())
}

impl Reference {
    fn parse(text: &str) -> Result<Self, SyntaxError> {
        let Some((kind, name)) = text.split_once(':') else {
            return Err(SyntaxError(format!(
                "`{text}` is no reference\nhint: write `var:name`, `const:name`, `captured:name` or `probe:/pointer`"
            )));
        };
        let (kind, name) = (kind.trim(), name.trim());
        if kind.is_empty() || name.is_empty() {
            return Err(SyntaxError(format!(
                "`{text}` names nothing\nhint: write `var:name`, `const:name`, `captured:name` or `probe:/pointer`"
            )));
        }
        Ok(match kind {
            "var" => Self::Variable(name.to_owned()),
            "const" => Self::Constant(name.to_owned()),
            "captured" => Self::Captured(name.to_owned()),
            "found" => {
                let Some((check, pointer)) = name.split_once(':') else {
                    return Err(SyntaxError(format!("`{text}` names no value\nhint: write `found:check:/pointer`")));
                };
                Self::Found { check: check.trim().to_owned(), pointer: Pointer::parse(pointer.trim())? }
            }
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
        Err(SyntaxError(format!("`{text}` is no JSON pointer\nhint: begin it with `/`")))
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
    let wrong = || SyntaxError(format!("`{text}` is no duration\nhint: write a whole number and `ms`, `s`, `m`, `h` or `d`, such as `5s`"));
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

/// The same where it may be left out.
///
/// # Errors
/// The text is no duration.
pub(super) fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// A boolean or number that is not written as text: `"true"` is no boolean.
///
/// # Errors
/// A value of another type.
pub(super) fn strict<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let hint = if value.is_string() { "\nhint: take the quotes away" } else { "" };
    serde_json::from_value(value).map_err(|error| D::Error::custom(format!("{error}{hint}")))
}

/// Checks what a person, a profile or a pack gives for a variable.
///
/// # Errors
/// A sentence that says what does not fit, with a hint.
pub fn check_value(kind: VariableKind, value: &str) -> Result<(), SyntaxError> {
    let (fits, what, hint) = match kind {
        VariableKind::DnsName => (is_dns_name(value), "a DNS name", "letters, digits, hyphens and dots: `contoso.example`"),
        VariableKind::SamName => (is_sam_name(value), "a `sAMAccountName`", "1 to 20 characters, none of `\"/\\[]:;|=,+*?<>@`: `User1`"),
        VariableKind::Guid => (is_guid(value), "a GUID", "`62e90394-69f5-4237-9190-012177145e10`, hexadecimal digits in five groups"),
        VariableKind::Text => (is_line(value), "one line of text", "up to 256 characters, not empty"),
    };
    if fits {
        return Ok(());
    }
    Err(SyntaxError(format!("`{}` is not {what}\nhint: {hint}", crate::base::text::short(value, 80))))
}

/// RFC 1035 2.3.1 with the leading digits of RFC 1123 2.1; two labels at least, no trailing dot.
fn is_dns_name(value: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    value.len() <= 253 && value.contains('.') && value.split('.').all(label)
}

/// MS-SAMR 3.1.1.6 and MS-ADTS 3.1.1.3: at most 20 characters for a user, none that logon names forbid, no dot at the end.
fn is_sam_name(value: &str) -> bool {
    let forbidden = |c: char| is_hostile(c) || "\"/\\[]:;|=,+*?<>@".contains(c);
    (1..=20).contains(&value.chars().count()) && !value.contains(forbidden) && value.trim() == value && !value.ends_with('.')
}

fn is_guid(value: &str) -> bool {
    let groups: Vec<&str> = value.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_line(value: &str) -> bool {
    !value.trim().is_empty() && value.chars().count() <= 256 && !value.contains(is_hostile)
}

/// Small letters, digits and single hyphens, a letter first.
#[must_use]
pub fn is_id(text: &str) -> bool {
    words(text, "-", char::is_lowercase)
}

/// As [`is_id`], with single underscores too: variables, constants and captured values.
#[must_use]
pub fn is_name(text: &str) -> bool {
    words(text, "-_", char::is_lowercase)
}

/// Capital letters, digits and single underscores, a letter first.
#[must_use]
pub fn is_code(text: &str) -> bool {
    words(text, "_", char::is_uppercase)
}

fn words(text: &str, between: &str, letter: fn(char) -> bool) -> bool {
    let fits = |c: char| c.is_ascii_digit() || (c.is_ascii() && letter(c));
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii() && letter(c))
        && text.split(|c: char| between.contains(c)).all(|word| !word.is_empty() && word.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: VariableKind, value: &str) -> bool {
        check_value(kind, value).is_ok()
    }

    #[test]
    fn a_dns_name_is_one_that_can_be_asked_for() {
        for value in ["contoso.example", "a.b", "3com.example", "xn--bcher-kva.example", &format!("{}.de", "a".repeat(63))] {
            assert!(fits(VariableKind::DnsName, value), "{value}");
        }
        for value in [
            "",
            "contoso",
            "contoso.",
            ".contoso",
            "-a.b",
            "a-.b",
            "a..b",
            "a b.c",
            "a_b.c",
            "bücher.de",
            "a.b\n",
            &format!("{}.de", "a".repeat(64)),
        ] {
            assert!(!fits(VariableKind::DnsName, value), "{value}");
        }
        assert!(!fits(VariableKind::DnsName, &["abcdefg."; 32].concat()));
    }

    #[test]
    fn a_sam_name_is_one_that_a_domain_takes() {
        for value in ["User1", "o'brien", "jörg", "a.b", "svc_$", "12345678901234567890"] {
            assert!(fits(VariableKind::SamName, value), "{value}");
        }
        for value in ["", "123456789012345678901", "a@b", "a/b", "a*", "a\"b", " a", "a.", "a\u{202e}b"] {
            assert!(!fits(VariableKind::SamName, value), "{value}");
        }
    }

    #[test]
    fn a_guid_has_five_groups_of_hexadecimal_digits() {
        assert!(fits(VariableKind::Guid, "62e90394-69f5-4237-9190-012177145E10"));
        for value in
            ["", "62e9039469f542379190012177145e10", "{62e90394-69f5-4237-9190-012177145e10}", "62e90394-69f5-4237-9190-012177145e1g"]
        {
            assert!(!fits(VariableKind::Guid, value), "{value}");
        }
    }

    #[test]
    fn text_is_one_line_without_anything_invisible() {
        assert!(fits(VariableKind::Text, "any text: even 'this'"));
        for value in ["", "   ", "two\nlines", "\u{1b}[31mred", "zero\u{200b}width", &"x".repeat(257)] {
            assert!(!fits(VariableKind::Text, value), "{value:?}");
        }
    }

    #[test]
    fn ids_names_and_codes_have_one_way_to_be_written() {
        assert!(
            is_id("role-active") && is_id("user1") && !is_id("Role") && !is_id("a--b") && !is_id("a_b") && !is_id("-a") && !is_id("1a")
        );
        assert!(is_name("user1_sam") && is_name("a-b") && !is_name("a__b"));
        assert!(is_code("ROLE_NOT_ACTIVE") && !is_code("Role") && !is_code("A__B") && !is_code(""));
    }
}
