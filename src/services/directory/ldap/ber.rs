//! The part of BER that LDAP uses (RFC 4511 5.1): definite lengths, tags below 31. Not for what the bytes mean.
//!
//! Why not a crate? `ldap3` 0.12.1 panics on an empty message (`tags.pop().expect("element")`), recurses as deep as the sender likes and
//! buffers as much as it likes; `ldap3_proto` 0.9.0 knows no bytes in filters and no result code it has no name for, and builds our
//! practice DC already: with a codec of our own on this side, each side checks the other.

use zeroize::Zeroizing;

/// `BOOLEAN`.
pub(super) const BOOLEAN: u8 = 0x01;
/// `INTEGER`.
pub(super) const INTEGER: u8 = 0x02;
/// `OCTET STRING`.
pub(super) const OCTETS: u8 = 0x04;
/// `ENUMERATED`.
pub(super) const ENUMERATED: u8 = 0x0a;
/// `SEQUENCE`.
pub(super) const SEQUENCE: u8 = 0x30;
/// `SET`.
pub(super) const SET: u8 = 0x31;

/// Builds a message; its bytes are wiped when dropped, because some hold passwords.
#[derive(Default)]
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// Room for a message with a secret: a buffer that grows leaves copies behind that nobody wipes.
    pub(super) fn with_room(bytes: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(bytes)))
    }

    /// A tag with its content, which `content` writes; lengths always take five bytes, which BER allows and every server reads.
    pub(super) fn nest(&mut self, tag: u8, content: impl FnOnce(&mut Self)) {
        self.0.extend([tag, 0x84, 0, 0, 0, 0]);
        let start = self.0.len();
        content(self);
        let length = u32::try_from(self.0.len() - start).unwrap_or(u32::MAX);
        if let Some(place) = self.0.get_mut(start - 4..start) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    /// A tag with these bytes.
    pub(super) fn bytes(&mut self, tag: u8, content: &[u8]) {
        self.nest(tag, |w| w.0.extend_from_slice(content));
    }

    /// A number, at its shortest (X.690 8.3.2).
    pub(super) fn number(&mut self, tag: u8, value: i64) {
        let bytes = value.to_be_bytes();
        let spare = |pair: &[u8]| matches!(pair, [0, next] if next & 0x80 == 0) || matches!(pair, [0xff, next] if next & 0x80 != 0);
        let skip = bytes.windows(2).take_while(|pair| spare(pair)).count();
        self.bytes(tag, bytes.get(skip..).unwrap_or_default());
    }

    /// Yes or no.
    pub(super) fn boolean(&mut self, value: bool) {
        self.bytes(BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    /// Bytes that are BER already.
    pub(super) fn raw(&mut self, ber: &[u8]) {
        self.0.extend_from_slice(ber);
    }

    /// The message.
    pub(super) fn done(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// Why bytes are no LDAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadBer {
    #[error("it ends in the middle of a value")]
    Short,
    #[error("a length is written in a way that LDAP does not allow")]
    Length,
    #[error("another value was expected there")]
    Tag,
    #[error("a number is too large")]
    Number,
    #[error("a text is not UTF-8")]
    Text,
    #[error("it holds too many values")]
    Many,
}

/// Reads values one after the other out of borrowed bytes; never allocates, never recurses.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value's tag.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value, whatever it is.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), BadBer> {
        let Some((tag, head, length)) = header(self.0)? else { return Err(BadBer::Short) };
        let end = head.checked_add(length).ok_or(BadBer::Length)?;
        let content = self.0.get(head..end).ok_or(BadBer::Short)?;
        self.0 = self.0.get(end..).unwrap_or_default();
        Ok((tag, content))
    }

    /// The next value's content, which must have this tag.
    pub(super) fn bytes(&mut self, tag: u8) -> Result<&'a [u8], BadBer> {
        if self.peek() != Some(tag) {
            return Err(if self.is_empty() { BadBer::Short } else { BadBer::Tag });
        }
        Ok(self.any()?.1)
    }

    /// The values within the next value.
    pub(super) fn inner(&mut self, tag: u8) -> Result<Reader<'a>, BadBer> {
        self.bytes(tag).map(Reader)
    }

    /// The next value's content, if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BadBer> {
        if self.peek() == Some(tag) { self.bytes(tag).map(Some) } else { Ok(None) }
    }

    pub(super) fn text(&mut self, tag: u8) -> Result<&'a str, BadBer> {
        std::str::from_utf8(self.bytes(tag)?).map_err(|_| BadBer::Text)
    }

    /// A number that is not negative and fits.
    pub(super) fn number(&mut self, tag: u8) -> Result<u32, BadBer> {
        let bytes = self.bytes(tag)?;
        if bytes.is_empty() || bytes.len() > 5 || bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(BadBer::Number);
        }
        let value = bytes.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        u32::try_from(value).map_err(|_| BadBer::Number)
    }
}

/// Tag, length of tag and length, and length of the content of the first value; `None` while these are not all there.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, BadBer> {
    let [tag, first, rest @ ..] = bytes else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(BadBer::Tag);
    }
    if first & 0x80 == 0 {
        return Ok(Some((*tag, 2, usize::from(*first))));
    }
    let count = usize::from(first & 0x7f);
    // 0x80, the indefinite form, is not allowed in LDAP; more than four bytes would be more than 4 GiB.
    if !(1..=4).contains(&count) {
        return Err(BadBer::Length);
    }
    let Some(length) = rest.get(..count) else { return Ok(None) };
    let length = length.iter().fold(0_u32, |length, &byte| length << 8 | u32::from(byte));
    Ok(Some((*tag, 2 + count, usize::try_from(length).map_err(|_| BadBer::Length)?)))
}

#[cfg(test)]
mod tests {
    use super::{BadBer, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, Writer, header};
    use proptest::prelude::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, bytes) in [(0, &[0][..]), (127, &[127]), (128, &[0, 128]), (256, &[1, 0]), (-1, &[0xff]), (-129, &[0xff, 0x7f])] {
            let mut w = Writer::default();
            w.number(INTEGER, value);
            assert_eq!(Reader::new(&w.done()).bytes(INTEGER), Ok(bytes), "{value}");
        }
    }

    #[test]
    fn lengths_that_ldap_does_not_allow_are_refused() {
        assert_eq!(header(&[0x30, 0x80, 0, 0]), Err(BadBer::Length));
        assert_eq!(header(&[0x30, 0x85, 1, 1, 1, 1, 1]), Err(BadBer::Length));
        assert_eq!(header(&[0x1f, 0x01, 0]), Err(BadBer::Tag));
        assert_eq!(header(&[0x30, 0x82, 1]), Ok(None));
        assert_eq!(header(&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]), Ok(Some((0x30, 6, 0x7fff_ffff))));
        assert_eq!(Reader::new(&[0x04, 0x05, 1]).bytes(OCTETS), Err(BadBer::Short));
        assert_eq!(Reader::new(&[]).bytes(OCTETS), Err(BadBer::Short));
        assert_eq!(Reader::new(&[0x0a, 6, 0, 0, 0, 0, 0, 1]).number(ENUMERATED), Err(BadBer::Number));
        assert_eq!(Reader::new(&[0x0a, 1, 0x80]).number(ENUMERATED), Err(BadBer::Number));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..400), number in 0..=u32::MAX) {
            let mut w = Writer::default();
            w.nest(SEQUENCE, |w| {
                w.bytes(OCTETS, &bytes);
                w.number(INTEGER, i64::from(number));
            });
            let written = w.done();
            let mut outer = Reader::new(&written);
            let mut inner = outer.inner(SEQUENCE).unwrap();
            prop_assert_eq!(inner.bytes(OCTETS).unwrap(), &bytes[..]);
            prop_assert_eq!(inner.number(INTEGER).unwrap(), number);
            prop_assert!(inner.is_empty() && outer.is_empty());
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_turn_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            let mut left = bytes.len();
            while reader.any().is_ok() {
                prop_assert!(reader.0.len() < left);
                left = reader.0.len();
            }
        }
    }
}
