//! Values that must not be seen. `Secret` cannot be formatted or serialised; `Personal` can only be revealed on purpose.

use serde::{Deserialize, Deserializer};
use std::fmt;
use zeroize::Zeroizing;

/// A password, token or code. No `Debug`, no `Display`, no `Serialize`; zeroed when dropped.
///
/// ```
/// assert_eq!(guidepost::base::Secret::new("x").expose(), "x");
/// ```
/// ```compile_fail,E0277
/// format!("{}", guidepost::base::Secret::new("x"));
/// ```
/// ```compile_fail,E0277
/// format!("{:?}", guidepost::base::Secret::new("x"));
/// ```
/// ```compile_fail,E0277
/// serde_json::to_string(&guidepost::base::Secret::new("x"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of the text; the caller's copies are the caller's to wipe.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// A secret while it is typed, a character at a time; bounded, and never seen in debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typing(Zeroizing<String>);

impl Typing {
    /// The most bytes; a longer text stops growing.
    pub const MOST: usize = 20 * 1024;

    /// Takes one more character.
    pub fn push(&mut self, c: char) {
        if self.0.capacity() == 0 {
            // At once, because a text that grows leaves copies behind that nobody wipes.
            self.0.reserve_exact(Self::MOST);
        }
        if self.0.len() + c.len_utf8() <= Self::MOST {
            self.0.push(c);
        }
    }

    /// Takes the last character back.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// How many characters there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.chars().count()
    }

    /// What was typed; empty afterwards.
    #[must_use]
    pub fn take(&mut self) -> Secret {
        Secret(std::mem::take(&mut self.0))
    }
}

impl fmt::Debug for Typing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹typing›")
    }
}

/// A name or identifier of a person or tenant: shown on screens, kept out of logs and debug output.
///
/// ```compile_fail,E0277
/// format!("{}", guidepost::base::Personal::new("x"));
/// ```
/// ```compile_fail,E0277
/// serde_json::to_string(&guidepost::base::Personal::new("x"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Personal(String);

impl Personal {
    /// Marks the text as personal.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for a screen or a request.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹personal›")
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Personal, Secret, Typing};

    #[test]
    fn a_personal_name_is_not_in_debug_output() {
        let name = Personal::new("user1@contoso.example");
        assert_eq!(format!("{name:?} {:?}", Some(&name)), "‹personal› Some(‹personal›)");
        assert_eq!(name.reveal(), "user1@contoso.example");
    }

    #[test]
    fn what_is_typed_is_bounded_hidden_and_gone_once_taken() {
        let mut typing = Typing::default();
        (0..Typing::MOST).for_each(|_| typing.push('x'));
        typing.push('y');
        typing.pop();
        assert_eq!((typing.count(), format!("{typing:?}").as_str()), (Typing::MOST - 1, "‹typing›"));
        assert!(!typing.take().expose().contains('y'));
        assert_eq!(typing.count(), 0);
    }

    #[test]
    fn secrets_and_names_are_read_from_json() {
        let secret: Secret = serde_json::from_str("\"x\"").unwrap();
        let name: Personal = serde_json::from_str("\"y\"").unwrap();
        assert!(secret == Secret::new("x") && name == Personal::new("y"));
    }
}
