//! Distinguished names as RFC 4514 writes them: read, compared, and put together from values that may hold anything.

use std::fmt::{self, Write as _};

/// Longer names are refused; AD's own limit for one part is 255 characters (MS-ADTS 3.1.1.2.3).
const LONGEST: usize = 8 * 1024;

/// Why a text is no distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDn {
    /// A part has no `=`.
    #[error("a part of the name has no `=`")]
    NoEquals,
    /// The word before `=` is no attribute.
    #[error("`{0}` is no attribute of a name")]
    Attribute(String),
    /// A character stands bare that must be escaped.
    #[error("`{0}` must be written with a backslash before it")]
    Bare(char),
    /// A backslash is followed by nothing that it could escape.
    #[error("a backslash is followed by neither two hexadecimal digits nor a special character")]
    Escape,
    /// The bytes of a value are no text.
    #[error("a value is no text")]
    Text,
    /// It is too long to be one.
    #[error("the name is longer than {LONGEST} bytes")]
    Long,
}

/// The name of an object: from itself up to the domain. Compared without regard to case and escapes, as a DC does.
#[derive(Clone)]
pub struct Dn(Vec<Vec<Part>>);

/// `CN=User1`.
#[derive(Clone, Debug)]
struct Part {
    attribute: String,
    value: String,
}

impl Dn {
    /// Reads a name as a person or a DC writes it. An empty text is the name of the tree's root.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadDn> {
        if text.len() > LONGEST {
            return Err(BadDn::Long);
        }
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut levels = Vec::new();
        for level in split(text, ',') {
            levels.push(split(level, '+').into_iter().map(part).collect::<Result<_, _>>()?);
        }
        Ok(Self(levels))
    }

    /// The name of what lies directly below: `CN` and any value make `CN=<value, escaped>,<this>`.
    ///
    /// # Errors
    /// `attribute` is no attribute's name.
    pub fn child(&self, attribute: &str, value: &str) -> Result<Self, BadDn> {
        let part = Part { attribute: checked(attribute)?, value: value.to_owned() };
        Ok(Self([vec![part]].into_iter().chain(self.0.iter().cloned()).collect()))
    }

    /// What it lies directly below; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_first()?;
        Some(Self(above.to_vec()))
    }

    /// The value of its first part, not escaped: `User1` of `CN=User1,DC=…`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        Some(self.0.first()?.first()?.value.as_str())
    }

    /// Whether it lies anywhere below `other`; not when they are the same.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        let (mine, other) = (self.key(), other.key());
        mine.len() > other.len() && mine.ends_with(&other)
    }

    /// Whether it is the tree's root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// For comparing: lower case, and the parts of one level in one order.
    fn key(&self) -> Vec<Vec<(String, String)>> {
        let level = |level: &Vec<Part>| {
            let mut parts: Vec<_> = level.iter().map(|part| (part.attribute.to_lowercase(), part.value.to_lowercase())).collect();
            parts.sort();
            parts
        };
        self.0.iter().map(level).collect()
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Dn {}

impl std::hash::Hash for Dn {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, level) in self.0.iter().enumerate() {
            for (inner, part) in level.iter().enumerate() {
                if inner > 0 {
                    f.write_char('+')?;
                } else if place > 0 {
                    f.write_char(',')?;
                }
                write!(f, "{}={}", part.attribute, escape(&part.value))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dn({self})")
    }
}

/// A value as it may stand in a name (RFC 4514 2.4); `=` and control characters are escaped too, which it allows and AD does.
#[must_use]
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (place, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => out.extend(['\\', c]),
            '#' if place == 0 => out.extend(['\\', c]),
            ' ' if place == 0 || place == last => out.extend(['\\', c]),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:02X}");
                }
            }
            plain => out.push(plain),
        }
    }
    out
}

/// The pieces between separators that no backslash stands before.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut escaped = false;
    text.split(|c| {
        let cut = c == separator && !escaped;
        escaped = c == '\\' && !escaped;
        cut
    })
    .collect()
}

fn part(text: &str) -> Result<Part, BadDn> {
    let (attribute, value) = text.split_once('=').ok_or(BadDn::NoEquals)?;
    Ok(Part { attribute: checked(attribute.trim())?, value: unescape(value)? })
}

fn checked(attribute: &str) -> Result<String, BadDn> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if attribute.is_empty() || !attribute.chars().all(fits) {
        return Err(BadDn::Attribute(crate::base::text::short(attribute, 40)));
    }
    Ok(attribute.to_owned())
}

/// Spaces around a value that no backslash stands before do not belong to it.
fn unescape(text: &str) -> Result<String, BadDn> {
    let text = text.trim_start_matches(' ');
    if text.starts_with('#') {
        return hex(text.trim_end_matches(' '));
    }
    let mut bytes = Vec::with_capacity(text.len());
    // Up to here a space at the end would be a real one.
    let mut kept = 0;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                bytes.push(escaped(&mut rest)?);
                kept = bytes.len();
                continue;
            }
            '"' | ';' | '<' | '>' | '\0' => return Err(BadDn::Bare(c)),
            plain => bytes.extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        if c != ' ' {
            kept = bytes.len();
        }
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).map_err(|_| BadDn::Text)
}

/// The byte that a backslash stands for.
fn escaped(rest: &mut std::str::Chars<'_>) -> Result<u8, BadDn> {
    let first = rest.next().ok_or(BadDn::Escape)?;
    if let Some(high) = first.to_digit(16) {
        let low = rest.next().and_then(|c| c.to_digit(16)).ok_or(BadDn::Escape)?;
        return u8::try_from(high * 16 + low).map_err(|_| BadDn::Escape);
    }
    match first {
        ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#' | ' ' => u8::try_from(first).map_err(|_| BadDn::Escape),
        _ => Err(BadDn::Escape),
    }
}

/// `#` and the BER of a value; only texts up to 127 bytes, which is all that ever stands there.
fn hex(text: &str) -> Result<String, BadDn> {
    let digits: Vec<_> = text.chars().skip(1).map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or(BadDn::Escape)?;
    let bytes = digits.chunks(2).map(|pair| if let [high, low] = pair { u8::try_from(high * 16 + low).ok() } else { None });
    let bytes: Vec<u8> = bytes.collect::<Option<_>>().ok_or(BadDn::Escape)?;
    let [_, length, value @ ..] = bytes.as_slice() else { return Err(BadDn::Escape) };
    if usize::from(*length) != value.len() || *length > 127 {
        return Err(BadDn::Escape);
    }
    String::from_utf8(value.to_vec()).map_err(|_| BadDn::Text)
}

#[cfg(test)]
mod tests {
    use super::{BadDn, Dn, escape};
    use proptest::prelude::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    #[test]
    fn names_are_read_as_rfc_4514_writes_them() {
        // The examples of RFC 4514 4.
        assert_eq!(dn("UID=jsmith,DC=example,DC=net").name(), Some("jsmith"));
        assert_eq!(dn("OU=Sales+CN=J.  Smith,DC=example,DC=net"), dn("cn=J.  Smith+ou=sales,dc=example,dc=net"));
        assert_eq!(dn("CN=James \\\"Jim\\\" Smith\\, III,DC=example").name(), Some("James \"Jim\" Smith, III"));
        assert_eq!(dn("CN=Before\\0dAfter,DC=example").name(), Some("Before\rAfter"));
        assert_eq!(dn("1.3.6.1.4.1.1466.0=#04024869").name(), Some("Hi"));
        assert_eq!(dn("CN=Lu\\C4\\8Di\\C4\\87").name(), Some("Lučić"));
        // A DC escapes every special character; people put spaces behind commas.
        assert_eq!(dn("CN=a\\=b\\;c\\#d , DC=x").to_string(), "CN=a\\=b\\;c#d,DC=x");
        assert!(dn("").is_root() && dn(" ").is_root());
    }

    #[test]
    fn every_special_character_comes_back() {
        let hostile = " ,+\"\\<>;=# ";
        let name = dn("DC=contoso,DC=example").child("CN", hostile).unwrap();
        assert_eq!(name.to_string(), "CN=\\ \\,\\+\\\"\\\\\\<\\>\\;\\=#\\ ,DC=contoso,DC=example");
        assert_eq!(dn(&name.to_string()).name(), Some(hostile));
        assert_eq!(escape("#x"), "\\#x");
        assert_eq!(escape("\n"), "\\0A");
        assert_eq!(escape(" "), "\\ ");
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_reason() {
        for (text, why) in [
            ("User1", BadDn::NoEquals),
            ("CN=a,,DC=b", BadDn::NoEquals),
            ("=a", BadDn::Attribute(String::new())),
            ("C N=a", BadDn::Attribute("C N".to_owned())),
            ("CN=a;DC=b", BadDn::Bare(';')),
            ("CN=\"a\"", BadDn::Bare('"')),
            ("CN=a\\", BadDn::Escape),
            ("CN=a\\x", BadDn::Escape),
            ("CN=\\ff", BadDn::Text),
            ("CN=#0", BadDn::Escape),
        ] {
            assert_eq!(Dn::parse(text), Err(why), "{text}");
        }
        assert_eq!(Dn::parse(&"CN=a,".repeat(4000)), Err(BadDn::Long));
    }

    #[test]
    fn names_are_compared_as_a_dc_does() {
        let (user, domain) = (dn("CN=User1,CN=Users,DC=contoso,DC=example"), dn("dc=CONTOSO,dc=Example"));
        assert!(user.is_below(&domain) && !domain.is_below(&user) && !domain.is_below(&dn("DC=contoso,DC=example")));
        assert_eq!(user.parent().and_then(|users| users.parent()), Some(domain));
        assert!(!dn("CN=a,DC=xcontoso").is_below(&dn("DC=contoso")));
    }

    proptest! {
        #[test]
        fn every_value_is_one_part_and_comes_back(value in "[ ,+\"<>;=#\\\\a\\x00-\\x1f]{1,12}|\\PC{1,20}") {
            let domain = dn("DC=contoso,DC=example");
            let name = domain.child("CN", &value).unwrap();
            let read = Dn::parse(&name.to_string()).unwrap();
            prop_assert_eq!(read.name(), Some(value.as_str()));
            prop_assert_eq!(read.parent(), Some(domain));
            prop_assert_eq!(read.to_string(), name.to_string());
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-zA-Z=,+#\\\\ ;\"0-9]{0,40}|\\PC{0,30}") {
            if let Ok(name) = Dn::parse(&text) {
                prop_assert_eq!(Dn::parse(&name.to_string()).unwrap(), name);
            }
        }
    }
}
