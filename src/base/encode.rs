//! Typed encoders: a value enters a URL path, an OData literal, an LDAP filter or a pattern only through one of these.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What RFC 3986 2.3 calls unreserved stays; everything else is escaped.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a value cannot be written where it is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Empty, `.` and `..` would change which resource a path names (RFC 3986 5.2.4).
    #[error("`{0}` cannot be a path segment")]
    Segment(String),
    /// Objects, lists and null have no literal.
    #[error("{0} cannot be written as a literal")]
    Literal(&'static str),
}

/// One segment of a URL path.
///
/// # Errors
/// [`EncodeError::Segment`] for an empty value, `.` and `..`.
pub fn path_segment(value: &str) -> Result<String, EncodeError> {
    if value.is_empty() || value == "." || value == ".." {
        return Err(EncodeError::Segment(value.to_owned()));
    }
    Ok(utf8_percent_encode(value, SEGMENT).to_string())
}

/// A value of a query parameter.
#[must_use]
pub fn query_value(value: &str) -> String {
    utf8_percent_encode(value, SEGMENT).to_string()
}

/// A literal of an OData expression: text quoted with `'` doubled (OData 4.01 URL conventions 5.1.1.6.1), numbers and booleans bare.
///
/// # Errors
/// [`EncodeError::Literal`] for null, lists and objects.
pub fn odata_literal(value: &Value) -> Result<String, EncodeError> {
    match value {
        Value::String(text) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Err(EncodeError::Literal("null")),
        Value::Array(_) => Err(EncodeError::Literal("a list")),
        Value::Object(_) => Err(EncodeError::Literal("an object")),
    }
}

/// An assertion value of an LDAP filter: `*`, `(`, `)`, `\`, NUL and everything outside ASCII as `\xx` (RFC 4515 3).
#[must_use]
pub fn ldap_filter(value: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'*' | b'(' | b')' | b'\\' | 0..=0x1f | 0x7f..=0xff => {
                let _ = write!(out, "\\{byte:02x}");
            }
            plain => out.push(char::from(plain)),
        }
    }
    out
}

/// Text as a JSON string, quotes included.
#[must_use]
pub fn json_string(value: &str) -> String {
    Value::from(value).to_string()
}

/// Text that a pattern matches literally.
#[must_use]
pub fn pattern(value: &str) -> String {
    regex_lite::escape(value)
}
