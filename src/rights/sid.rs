//! Security identifiers, as bytes and as `S-1-…`. Not for looking up whose they are.

use std::fmt;
use std::str::FromStr;

/// How many sub-authorities a SID has at most (MS-DTYP 2.4.2).
const MOST: usize = 15;

/// Who: an account, a group, or one of the well-known; held in place, so that reading a thousand allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    authority: [u8; 6],
    count: u8,
    /// Those beyond `count` are 0, so that comparing whole values is right.
    parts: [u32; MOST],
}

/// A text that is no SID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SID; one looks like `S-1-5-21-1111111111-2222222222-3333333333-1105`")]
pub struct BadSid(pub String);

impl Sid {
    /// Nobody (`S-1-0-0`); stands where an ACE names no trustee that can be read.
    pub const NOBODY: Self = Self::known(0, &[0]);
    /// Everyone (`S-1-1-0`).
    pub const EVERYONE: Self = Self::known(1, &[0]);
    /// Whoever creates the child; replaced when it is inherited.
    pub const CREATOR_OWNER: Self = Self::known(3, &[0]);
    /// The primary group of whoever creates the child; replaced when it is inherited.
    pub const CREATOR_GROUP: Self = Self::known(3, &[1]);
    /// The object's owner; an ACE for it takes the owner's implicit rights away (MS-DTYP 2.5.3.2).
    pub const OWNER_RIGHTS: Self = Self::known(3, &[4]);
    /// The object itself, when it is the one that asks.
    pub const SELF: Self = Self::known(5, &[10]);
    /// Every account that signed in with a name.
    pub const AUTHENTICATED_USERS: Self = Self::known(5, &[11]);
    /// The operating system.
    pub const SYSTEM: Self = Self::known(5, &[18]);
    /// The domain's own Administrators group.
    pub const ADMINISTRATORS: Self = Self::known(5, &[32, 544]);

    /// `S-1-authority-parts…`; `parts` beyond the fifteenth are not taken.
    #[must_use]
    pub const fn known(authority: u8, parts: &[u32]) -> Self {
        let mut sid = Self { authority: [0, 0, 0, 0, 0, authority], count: 0, parts: [0; MOST] };
        let mut at = 0;
        while at < parts.len() && at < MOST {
            sid.parts[at] = parts[at];
            sid.count += 1;
            at += 1;
        }
        sid
    }

    /// Reads one from the beginning of `bytes`; gives back what follows it.
    ///
    /// `None`: not revision 1, more than fifteen parts, or cut off.
    #[must_use]
    pub fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([revision, count], rest) = bytes.split_first_chunk::<2>()?;
        let (authority, rest) = rest.split_first_chunk::<6>()?;
        if *revision != 1 || usize::from(*count) > MOST {
            return None;
        }
        let (raw, rest) = rest.split_at_checked(usize::from(*count) * 4)?;
        let mut parts = [0; MOST];
        for (part, four) in parts.iter_mut().zip(raw.as_chunks::<4>().0) {
            *part = u32::from_le_bytes(*four);
        }
        Some((Self { authority: *authority, count: *count, parts }, rest))
    }

    /// Reads one that fills `bytes` to the end, as `objectSid` does.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        Self::take(bytes).filter(|(_, rest)| rest.is_empty()).map(|(sid, _)| sid)
    }

    /// Its bytes (MS-DTYP 2.4.2.2).
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.write_to(&mut out);
        out
    }

    /// Appends its bytes.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend([1, self.count]);
        out.extend(self.authority);
        for part in self.parts() {
            out.extend(part.to_le_bytes());
        }
    }

    /// How many bytes it takes.
    #[expect(clippy::len_without_is_empty, reason = "a SID is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        8 + 4 * usize::from(self.count)
    }

    /// The sub-authorities; the last is the relative id.
    #[must_use]
    pub fn parts(&self) -> &[u32] {
        self.parts.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The domain that issued it, for `S-1-5-21-a-b-c-rid`; `None` for every other shape.
    #[must_use]
    pub fn domain(&self) -> Option<Self> {
        match self.parts() {
            [21, a, b, c, _] if self.authority == [0, 0, 0, 0, 0, 5] => Some(Self::known(5, &[21, *a, *b, *c])),
            _ => None,
        }
    }

    /// This SID with one more part: an account of a domain. A SID of fifteen parts stays as it is.
    #[must_use]
    pub fn child(&self, rid: u32) -> Self {
        let mut sid = *self;
        if let Some(part) = sid.parts.get_mut(usize::from(sid.count)) {
            *part = rid;
            sid.count += 1;
        }
        sid
    }

    /// The relative id, the last part; `None` for a SID without parts.
    #[must_use]
    pub fn rid(&self) -> Option<u32> {
        self.parts().last().copied()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        // MS-DTYP 2.4.2.1: decimal below 2^32, else hexadecimal with all twelve digits.
        match u32::try_from(authority) {
            Ok(small) => write!(f, "S-1-{small}"),
            Err(_) => write!(f, "S-1-0x{authority:012X}"),
        }?;
        self.parts().iter().try_for_each(|part| write!(f, "-{part}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sid {
    type Err = BadSid;

    fn from_str(text: &str) -> Result<Self, BadSid> {
        parse(text).ok_or_else(|| BadSid(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Sid> {
    let mut words = text.split('-');
    if !words.next()?.eq_ignore_ascii_case("S") || words.next()? != "1" {
        return None;
    }
    let [0, 0, authority @ ..] = authority(words.next()?)?.to_be_bytes() else { return None };
    let mut sid = Sid { authority, count: 0, parts: [0; MOST] };
    for word in words {
        *sid.parts.get_mut(usize::from(sid.count))? = number(word)?;
        sid.count += 1;
    }
    Some(sid)
}

fn authority(word: &str) -> Option<u64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => number(word).map(u64::from),
    }
}

/// Digits only: `str::parse` would take a sign too.
fn number(word: &str) -> Option<u32> {
    word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::Sid;

    const DELEGATE: [u8; 28] =
        [1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 0xc7, 0x35, 0x3a, 0x42, 0x8e, 0x6b, 0x74, 0x84, 0x55, 0xa1, 0xae, 0xc6, 0x51, 4, 0, 0];

    #[test]
    fn bytes_and_text_say_the_same_sid() {
        let text = "S-1-5-21-1111111111-2222222222-3333333333-1105";
        let sid: Sid = text.parse().unwrap();
        assert_eq!((sid.write().as_slice(), sid.to_string().as_str(), sid.len()), (DELEGATE.as_slice(), text, 28));
        assert_eq!(Sid::read(&DELEGATE), Some(sid));
        assert_eq!((sid.rid(), sid.domain().map(|domain| domain.child(1105))), (Some(1105), Some(sid)));
        assert_eq!("s-1-5-32-544".parse(), Ok(Sid::ADMINISTRATORS));
        assert_eq!((Sid::ADMINISTRATORS.domain(), Sid::EVERYONE.to_string().as_str()), (None, "S-1-1-0"));
    }

    #[test]
    fn an_authority_beyond_32_bits_is_hexadecimal() {
        let text = "S-1-0x10000000000A-7";
        assert_eq!(text.parse::<Sid>().unwrap().to_string(), text);
        assert_eq!("S-1-0x5-18".parse(), Ok(Sid::SYSTEM));
    }

    #[test]
    fn what_is_no_sid_is_refused() {
        let long = format!("S-1-5{}", "-1".repeat(16));
        for text in [
            "",
            "S",
            "S-1",
            "S-2-5-18",
            "S-1--18",
            "S-1-5-",
            "S-1-5-4294967296",
            "S-1-5-+1",
            "S-1-0xg",
            "S-1-0x1000000000000",
            "X-1-5",
            &long,
        ] {
            assert!(text.parse::<Sid>().is_err(), "{text}");
        }
        for bytes in [&DELEGATE[..27], &[DELEGATE.as_slice(), &[0]].concat(), &[], &[2, 0, 0, 0, 0, 0, 0, 5], &[1, 16, 0, 0, 0, 0, 0, 5]] {
            assert_eq!(Sid::read(bytes), None, "{bytes:?}");
        }
    }
}
