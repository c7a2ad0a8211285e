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
    /// It cannot be read as a name of the directory.
    #[error("`{0}` is no distinguished name")]
    Name(String),
    /// It is no security identifier.
    #[error("`{0}` is no SID")]
    Sid(String),
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

/// A value inside a distinguished name: what would end it is escaped, and a space or `#` where it would be lost (RFC 4514 2.4).
#[must_use]
pub fn name_value(value: &str) -> String {
    use std::fmt::Write as _;
    let last = value.chars().count().saturating_sub(1);
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => out.extend(['\\', c]),
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "\\{:02x}", u32::from(c));
            }
            plain => out.push(plain),
        }
    }
    out
}

/// A whole distinguished name, as a domain controller gave it: it is taken as it stands when it can be one (RFC 4514 3).
///
/// # Errors
/// [`EncodeError::Name`] for what is none.
pub fn name(value: &str) -> Result<String, EncodeError> {
    let wrong = || EncodeError::Name(crate::base::text::short(value, 120));
    let (mut rest, mut rdn, mut escaped) = (value.chars(), String::new(), false);
    loop {
        match rest.next() {
            Some(c) if c.is_control() => return Err(wrong()),
            Some(c) if escaped => {
                rdn.push(c);
                escaped = false;
            }
            Some('\\') => escaped = true,
            Some(c) if c != ',' => rdn.push(c),
            end => {
                let named = rdn.split_once('=').is_some_and(|(name, text)| {
                    !text.is_empty() && name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(|c: char| !is_key(c))
                });
                if !named || escaped {
                    return Err(wrong());
                }
                if end.is_none() {
                    return Ok(value.to_owned());
                }
                rdn.clear();
            }
        }
    }
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// A security identifier in its textual form (MS-DTYP 2.4.2.1).
///
/// # Errors
/// [`EncodeError::Sid`] for what is none.
pub fn sid(value: &str) -> Result<String, EncodeError> {
    let numbers: Vec<&str> = value.strip_prefix("S-1-").unwrap_or_default().split('-').collect();
    let fits = (2..=16).contains(&numbers.len()) && numbers.iter().all(|number| number.parse::<u64>().is_ok() && number.len() <= 15);
    if fits { Ok(value.to_owned()) } else { Err(EncodeError::Sid(crate::base::text::short(value, 120))) }
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

#[cfg(test)]
mod tests {
    use super::{EncodeError, json_string, ldap_filter, name, name_value, odata_literal, path_segment, pattern, query_value, sid};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use url::Url;

    #[test]
    fn a_path_segment_cannot_leave_its_place() {
        for value in ["", ".", ".."] {
            assert_eq!(path_segment(value), Err(EncodeError::Segment(value.to_owned())));
        }
        for (value, written) in [
            ("a/b", "a%2Fb"),
            ("../admin", "..%2Fadmin"),
            ("%2e%2e", "%252e%252e"),
            ("a?b#c", "a%3Fb%23c"),
            ("a\\b", "a%5Cb"),
            ("a b\r\n", "a%20b%0D%0A"),
            ("x-1_~.y", "x-1_~.y"),
            ("ä", "%C3%A4"),
            ("$batch", "%24batch"),
        ] {
            assert_eq!(path_segment(value).as_deref(), Ok(written));
        }
    }

    #[test]
    fn an_odata_literal_cannot_end_its_quotes() {
        let written = |value: Value| odata_literal(&value).unwrap();
        assert_eq!(written(json!("x' or 1 eq 1 or 'a' eq 'a")), "'x'' or 1 eq 1 or ''a'' eq ''a'");
        assert_eq!(written(json!("'")), "''''");
        assert_eq!(written(json!("")), "''");
        assert_eq!((written(json!(7)), written(json!(-1.5)), written(json!(true))), ("7".to_owned(), "-1.5".to_owned(), "true".to_owned()));
        for (value, kind) in [(json!(null), "null"), (json!([1]), "a list"), (json!({"a": 1}), "an object")] {
            assert_eq!(odata_literal(&value), Err(EncodeError::Literal(kind)));
        }
    }

    #[test]
    fn an_ldap_filter_value_is_escaped_as_in_rfc_4515() {
        // The examples of RFC 4515 4, and attempts to add a clause.
        assert_eq!(ldap_filter("Parens R Us (for all your parenthetical needs)"), "Parens R Us \\28for all your parenthetical needs\\29");
        assert_eq!(ldap_filter("*"), "\\2a");
        assert_eq!(ldap_filter("C:\\MyFile"), "C:\\5cMyFile");
        assert_eq!(ldap_filter("Lučić"), "Lu\\c4\\8di\\c4\\87");
        assert_eq!(ldap_filter("\0\u{4}"), "\\00\\04");
        assert_eq!(ldap_filter("x)(|(objectClass=*)"), "x\\29\\28|\\28objectClass=\\2a\\29");
    }

    #[test]
    fn a_value_in_a_name_cannot_end_it() {
        // The examples of RFC 4514 4, and attempts to add a part.
        assert_eq!(name_value("James \"Jim\" Smith, III"), "James \\\"Jim\\\" Smith\\, III");
        assert_eq!(name_value("Before\rAfter"), "Before\\0dAfter");
        assert_eq!(name_value("#a+b<c>;d\\e=f"), "\\#a\\+b\\<c\\>\\;d\\\\e\\=f");
        assert_eq!((name_value(" a "), name_value(" ")), ("\\ a\\ ".to_owned(), "\\ ".to_owned()));
        assert_eq!(name_value("x,CN=Users,DC=evil"), "x\\,CN\\=Users\\,DC\\=evil");
    }

    #[test]
    fn only_a_whole_name_is_taken_as_one() {
        for value in ["DC=a", "CN=User 1,CN=Users,DC=a,DC=b", "CN=a\\,b\\=c,DC=d", "CN=a=b,DC=c", "OU=Ä,DC=x"] {
            assert_eq!(name(value).as_deref(), Ok(value));
        }
        for value in ["", "a", "CN=", "=a", "CN=a,", ",CN=a", "CN=a,,DC=b", "CN=a\n,DC=b", "CN=a\\", "C N=a", "1=a"] {
            assert!(name(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn only_a_sid_is_taken_as_one() {
        for value in ["S-1-1-0", "S-1-5-18", "S-1-5-21-1111111111-2222222222-3333333333-1105"] {
            assert_eq!(sid(value).as_deref(), Ok(value));
        }
        for value in ["", "S-1-5", "S-1-", "s-1-5-18", "S-1-5-x", "S-1-5--1", "User1", "S-1-5-18)(x=y", "S-1-5-18 "] {
            assert!(sid(value).is_err(), "{value:?}");
        }
    }

    #[test]
    fn json_text_cannot_end_its_quotes() {
        assert_eq!(json_string("a\",\"admin\":true,\"b\":\"\\"), "\"a\\\",\\\"admin\\\":true,\\\"b\\\":\\\"\\\\\"");
        assert_eq!(json_string("\u{1b}\n"), "\"\\u001b\\n\"");
    }

    #[test]
    fn a_pattern_matches_only_its_own_text() {
        let regex = regex_lite::Regex::new(&format!("^{}$", pattern("a.*(b)|c"))).unwrap();
        assert!(regex.is_match("a.*(b)|c") && !regex.is_match("axx(b)") && !regex.is_match("c"));
    }

    /// The reverse of `ldap_filter`.
    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            let next = |rest: &mut std::str::Bytes<'_>| char::from(rest.next().unwrap()).to_digit(16).unwrap();
            bytes.push(if byte == b'\\' { u8::try_from(next(&mut rest) * 16 + next(&mut rest)).unwrap() } else { byte });
        }
        bytes
    }

    proptest! {
        #[test]
        fn every_segment_comes_back_from_a_url_as_the_one_segment_it_was(value in "\\PC{1,30}|.{1,30}") {
            prop_assume!(value != "." && value != "..");
            let segment = path_segment(&value).unwrap();
            let url = Url::parse(&format!("https://a.example/before/{segment}/after?q")).unwrap();
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 3);
            let back = percent_encoding::percent_decode_str(segments[1]).decode_utf8().unwrap();
            prop_assert_eq!(back.as_ref(), value.as_str());
            prop_assert_eq!((segments[0], segments[2]), ("before", "after"));
        }

        #[test]
        fn every_query_value_comes_back_as_the_one_value_it_was(value in "\\PC{0,30}|.{0,30}") {
            let url = Url::parse(&format!("https://a.example/?a={}&b=1", query_value(&value))).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, vec![("a".to_owned(), value), ("b".to_owned(), "1".to_owned())]);
        }

        #[test]
        fn every_odata_text_is_one_literal(value in "['a ()\\\\]{0,20}|\\PC{0,20}") {
            let literal = odata_literal(&json!(value)).unwrap();
            let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap();
            // Within the quotes, quotes stand only in pairs: none of them ends the literal.
            prop_assert!(inner.split("''").all(|part| !part.contains('\'')));
            prop_assert_eq!(inner.replace("''", "'"), value);
        }

        #[test]
        fn every_ldap_value_is_plain_ascii_and_comes_back(value in "[*()\\\\\0a]{0,20}|\\PC{0,20}") {
            let written = ldap_filter(&value);
            prop_assert!(written.bytes().all(|byte| (0x20..0x7f).contains(&byte) && !b"*()".contains(&byte)));
            prop_assert_eq!(unescape(&written), value.into_bytes());
        }

        #[test]
        fn every_text_comes_back_from_json(value in ".{0,30}") {
            prop_assert_eq!(serde_json::from_str::<String>(&json_string(&value)).unwrap(), value);
        }

        #[test]
        fn every_text_is_matched_by_its_own_pattern(value in "\\PC{0,20}") {
            let regex = regex_lite::Regex::new(&format!("^(?:{})$", pattern(&value))).unwrap();
            prop_assert!(regex.is_match(&value));
        }
    }
}
