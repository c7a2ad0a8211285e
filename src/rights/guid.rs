//! GUIDs of classes, attributes, property sets and extended rights, as text and as an ACE holds them.

use std::fmt;
use std::str::FromStr;

/// A GUID in the byte order of an ACE: the first three fields little endian (MS-DTYP 2.3.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid([u8; 16]);

/// A text that is no GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no GUID; one looks like `bf967aba-0de6-11d0-a285-00aa003049e2`")]
pub struct BadGuid(pub String);

impl Guid {
    /// From its text read as one number: `Guid::of(0xbf967aba_0de6_11d0_a285_00aa003049e2)`.
    #[must_use]
    pub const fn of(number: u128) -> Self {
        Self(turn(number.to_be_bytes()))
    }

    /// From the bytes of an ACE or of `objectGUID`.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes of an ACE.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Text order to ACE order, and back again.
const fn turn(b: [u8; 16]) -> [u8; 16] {
    [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in turn(self.0).iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Guid {
    type Err = BadGuid;

    fn from_str(text: &str) -> Result<Self, BadGuid> {
        parse(text).ok_or_else(|| BadGuid(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Guid> {
    let lengths = text.split('-').map(str::len);
    if !lengths.eq([8, 4, 4, 4, 12]) || !text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(&text.replace('-', ""), 16).ok().map(Guid::of)
}

#[cfg(test)]
mod tests {
    use super::Guid;

    #[test]
    fn text_and_bytes_say_the_same_guid() {
        let text = "ab721a53-1e2f-11d0-9819-00aa0040529b";
        let bytes = [0x53, 0x1a, 0x72, 0xab, 0x2f, 0x1e, 0xd0, 0x11, 0x98, 0x19, 0, 0xaa, 0, 0x40, 0x52, 0x9b];
        let guid: Guid = text.to_uppercase().parse().unwrap();
        assert_eq!((guid.to_string().as_str(), *guid.bytes(), guid), (text, bytes, Guid::from_bytes(bytes)));
        assert_eq!(guid, Guid::of(0xab72_1a53_1e2f_11d0_9819_00aa_0040_529b));
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        let text = "ab721a53-1e2f-11d0-9819-00aa0040529";
        for text in [
            "",
            text,
            &format!("{text}g"),
            &format!("{text}bb"),
            "ab721a531e2f11d0981900aa0040529b",
            "+b721a53-1e2f-11d0-9819-00aa0040529b",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }
}
