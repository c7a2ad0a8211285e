//! Values that many states of the world share, and bytes as the stored world shows them.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{ops::Deref, sync::Arc};

/// Shared until it is changed: a state of the world with ten thousand objects costs as much as what differs.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::practice) struct Held<T>(Arc<T>);

impl<T: Clone> Held<T> {
    /// A new one.
    pub(in crate::practice) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    /// To be changed, without any other state seeing it.
    pub(in crate::practice) fn make_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

impl<T: Default> Default for Held<T> {
    fn default() -> Self {
        Self(Arc::new(T::default()))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize> Serialize for Held<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Held<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Arc::new(T::deserialize(from)?)))
    }
}

/// A value of an attribute. Stored as text where it is text; else as base64 behind a NUL, which no text of a directory begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::practice) struct Bytes(pub(in crate::practice) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with('\0') => to.serialize_str(text),
            Ok(_) | Err(_) => to.serialize_str(&format!("\0{}", BASE64_STANDARD.encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.strip_prefix('\0') {
            Some(coded) => BASE64_STANDARD.decode(coded).map(Self).map_err(D::Error::custom),
            None => Ok(Self(text.into_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_bytes_come_back_as_they_were() {
        for bytes in [b"text".to_vec(), vec![], vec![0], vec![0, 255, 1], "\0\u{e9}".as_bytes().to_vec()] {
            let value = Bytes(bytes);
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), value);
        }
    }
}
