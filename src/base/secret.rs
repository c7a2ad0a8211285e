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
    use super::{Personal, Secret};

    #[test]
    fn a_personal_name_is_not_in_debug_output() {
        let name = Personal::new("user1@contoso.example");
        assert_eq!(format!("{name:?} {:?}", Some(&name)), "‹personal› Some(‹personal›)");
        assert_eq!(name.reveal(), "user1@contoso.example");
    }

    #[test]
    fn secrets_and_names_are_read_from_json() {
        let secret: Secret = serde_json::from_str("\"x\"").unwrap();
        let name: Personal = serde_json::from_str("\"y\"").unwrap();
        assert!(secret == Secret::new("x") && name == Personal::new("y"));
    }
}
