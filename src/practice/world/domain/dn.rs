//! Distinguished names: read as clients write them (RFC 4514), compared as a directory does, written as a domain controller does.

use std::fmt::Write as _;

/// Longer names are none: the directory itself stops at 255 levels, and a request has a limit anyway.
const MOST_PARTS: usize = 64;

/// One `CN=User1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) struct Rdn {
    /// `CN`, `OU`, `DC`, as written.
    pub(in crate::practice) kind: String,
    /// The value, unescaped.
    pub(in crate::practice) value: String,
}

/// A name, the object itself first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::practice) struct Dn(pub(in crate::practice) Vec<Rdn>);

impl Rdn {
    fn key(&self) -> String {
        format!("{}={}", self.kind.to_ascii_lowercase(), self.value.to_lowercase())
    }

    /// `CN=User1`, escaped as a domain controller does (measured on Samba 4.17).
    pub(in crate::practice) fn written(&self) -> String {
        let mut out = format!("{}=", self.kind.to_ascii_uppercase());
        let last = self.value.chars().count().saturating_sub(1);
        for (at, sign) in self.value.chars().enumerate() {
            match sign {
                ',' | '+' | '"' | '\\' | '<' | '>' | '#' => out.extend(['\\', sign]),
                ' ' if at == 0 || at == last => out.push_str("\\ "),
                ';' | '=' | '\r' | '\n' | '\0' => {
                    let _ = write!(out, "\\{:02X}", u32::from(sign));
                }
                _ => out.push(sign),
            }
        }
        out
    }
}

impl Dn {
    /// Reads a name; `None` if it is none, or has a part of several values.
    pub(in crate::practice) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::default());
        }
        let parts: Vec<Rdn> = split(text)?.into_iter().map(rdn).collect::<Option<_>>()?;
        (parts.len() <= MOST_PARTS).then_some(Self(parts))
    }

    /// The same for every way to write it; an object's key begins with its parent's.
    pub(in crate::practice) fn key(&self) -> String {
        let mut key = String::new();
        for part in self.0.iter().rev() {
            key.push_str(&part.key());
            key.push(SEPARATOR);
        }
        key
    }

    /// What it lies in.
    pub(in crate::practice) fn parent(&self) -> Self {
        Self(self.0.iter().skip(1).cloned().collect())
    }

    /// The same name below another parent.
    pub(in crate::practice) fn below(&self, parent: &Self) -> Self {
        Self(self.0.iter().take(1).chain(&parent.0).cloned().collect())
    }

    /// As a domain controller writes it.
    pub(in crate::practice) fn written(&self) -> String {
        self.0.iter().map(Rdn::written).collect::<Vec<_>>().join(",")
    }
}

/// Ends each part of a key: no value holds it, since control characters are refused.
pub(in crate::practice) const SEPARATOR: char = '\u{1}';

/// The key of what an object lies in.
pub(in crate::practice) fn parent_key(key: &str) -> &str {
    let inner = key.strip_suffix(SEPARATOR).unwrap_or(key);
    inner.rfind(SEPARATOR).and_then(|at| key.get(..=at)).unwrap_or_default()
}

/// The parts between commas that are not escaped.
fn split(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, sign) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if sign == '\\' {
            escaped = true;
        } else if sign == ',' {
            parts.push(text.get(start..at)?);
            start = at + 1;
        }
    }
    parts.push(text.get(start..)?);
    (!escaped).then_some(parts)
}

fn rdn(part: &str) -> Option<Rdn> {
    let (kind, value) = part.split_once('=')?;
    let kind = kind.trim();
    let plain = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let value = unescaped(value)?;
    let clean = !value.is_empty() && !value.chars().any(|c| c < ' ' && c != '\n' && c != '\r');
    (plain && clean).then(|| Rdn { kind: kind.to_owned(), value })
}

/// Escapes taken away; white space around the value too, unless it was escaped.
fn unescaped(value: &str) -> Option<String> {
    let (mut out, mut keep) = (Vec::new(), 0);
    let mut bytes = value.trim_start_matches(' ').bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                let next = bytes.next()?;
                match (char::from(next).to_digit(16), bytes.peek().and_then(|low| char::from(*low).to_digit(16))) {
                    (Some(high), Some(low)) => {
                        bytes.next();
                        out.push(u8::try_from(high << 4 | low).ok()?);
                    }
                    _ => out.push(next),
                }
                keep = out.len();
            }
            b'+' | b'"' | b'<' | b'>' | b';' => return None,
            byte => out.push(byte),
        }
    }
    while out.len() > keep && out.last() == Some(&b' ') {
        out.pop();
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        let key = |text: &str| Dn::parse(text).unwrap().key();
        assert_eq!(key("CN=User1,CN=Users,DC=x"), key("cn=user1 , cn=USERS,dc=X"));
        assert_eq!(key(r"OU=a\,b,DC=x"), key(r"ou=A\2cB,DC=x"));
        assert_ne!(key(r"OU=a\,b,DC=x"), key("OU=a,OU=b,DC=x"));
        for wrong in ["nonsense", "=x,DC=x", "CN=,DC=x", r"CN=x\", "CN=a+SN=b,DC=x", "CN=a\u{1}b"] {
            assert_eq!(Dn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_is_written_as_the_measured_controller_writes_it() {
        let given = r#"OU=a\,b\+c\"d\\e\<f\>g\;h\=i#j\ ,DC=corp"#;
        assert_eq!(Dn::parse(given).unwrap().written(), r#"OU=a\,b\+c\"d\\e\<f\>g\3Bh\3Di\#j\ ,DC=corp"#);
    }

    #[test]
    fn a_key_begins_with_the_key_of_what_it_lies_in() {
        let name = Dn::parse("CN=User1,CN=Users,DC=x").unwrap();
        assert_eq!(parent_key(&name.key()), name.parent().key());
        assert_eq!(parent_key(&Dn::parse("DC=x").unwrap().key()), "");
    }
}
