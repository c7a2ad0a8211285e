//! An access list, as bytes and as a value; order and slack are kept.

use super::{Ace, AceFlags};

/// The revision of a list with object ACEs (`ACL_REVISION_DS`, MS-DTYP 2.4.5).
pub const REVISION_DS: u8 = 4;

/// How many bytes a list can have, header included: its size field has 16 bits.
pub const MOST: usize = u16::MAX as usize;

const HEADER: usize = 8;

/// An access list in the order in which it is judged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acl {
    /// 2, or 4 when object ACEs are inside.
    pub revision: u8,
    /// First judged first.
    pub aces: Vec<Ace>,
    /// The header's two reserved fields, kept.
    pub reserved: (u8, u16),
    /// Bytes between the last ACE and the end, kept.
    pub slack: Vec<u8>,
}

/// Why a list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAcl {
    /// The header or its size field goes beyond the end.
    #[error("the list is cut off")]
    Cut,
    /// An ACE's size field is under 4 or goes beyond the end of the list.
    #[error("entry {0} is cut off")]
    Ace(usize),
}

impl Default for Acl {
    fn default() -> Self {
        Self { revision: REVISION_DS, aces: Vec::new(), reserved: (0, 0), slack: Vec::new() }
    }
}

/// An ACE still in its bytes: type, flags and body without the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawAce<'a> {
    /// The type byte.
    pub number: u8,
    /// How it is inherited.
    pub flags: AceFlags,
    /// What follows the header.
    pub body: &'a [u8],
}

impl RawAce<'_> {
    /// The same taken apart.
    #[must_use]
    pub fn ace(&self) -> Ace {
        Ace::read(self.number, self.flags, self.body)
    }
}

impl Acl {
    /// Reads one from the beginning of `bytes`; the second value is how many bytes it took.
    ///
    /// # Errors
    /// When a size field goes beyond the end. What is inside an ACE never makes it fail.
    pub fn take(bytes: &[u8]) -> Result<(Self, usize), BadAcl> {
        let mut raw = RawAcl::take(bytes)?;
        // Grows as entries are really there: the count field alone must not make us allocate.
        let mut aces = Vec::new();
        for ace in raw.by_ref() {
            aces.push(ace?.ace());
        }
        let acl = Self { revision: raw.revision, aces, reserved: raw.reserved, slack: raw.rest.to_vec() };
        Ok((acl, raw.size))
    }

    /// How many bytes it takes.
    #[expect(clippy::len_without_is_empty, reason = "a list has a header always; `aces` says whether it is empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        HEADER + self.aces.iter().map(Ace::len).sum::<usize>() + self.slack.len()
    }

    /// Whether it fits its 16-bit size field. Whatever was read does; ask before writing one that you made longer.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.len() <= MOST
    }

    /// Appends its bytes. One that does not fit ([`Acl::fits`]) is written with the largest size, and a DC refuses it.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let field = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        out.extend([self.revision, self.reserved.0]);
        out.extend(field(self.len()));
        out.extend(field(self.aces.len()));
        out.extend(self.reserved.1.to_le_bytes());
        for ace in &self.aces {
            ace.write_to(out);
        }
        out.extend(&self.slack);
    }

    /// Raises the revision when object ACEs are inside (MS-DTYP 2.4.5); never lowers it.
    pub fn settle_revision(&mut self) {
        if self.aces.iter().any(|ace| ace.kind.is_object()) {
            self.revision = self.revision.max(REVISION_DS);
        }
    }
}

/// A list still in its bytes, for those who look at many and keep none.
#[derive(Clone, Debug)]
pub struct RawAcl<'a> {
    revision: u8,
    reserved: (u8, u16),
    size: usize,
    count: u16,
    next: usize,
    rest: &'a [u8],
}

impl<'a> RawAcl<'a> {
    /// Looks at the one at the beginning of `bytes`.
    ///
    /// # Errors
    /// When the header or its size field goes beyond the end.
    pub fn take(bytes: &'a [u8]) -> Result<Self, BadAcl> {
        let (header, _) = bytes.split_first_chunk::<HEADER>().ok_or(BadAcl::Cut)?;
        let [revision, sbz1, s0, s1, c0, c1, z0, z1] = *header;
        let size = usize::from(u16::from_le_bytes([s0, s1]));
        let rest = bytes.get(HEADER..size).ok_or(BadAcl::Cut)?;
        let reserved = (sbz1, u16::from_le_bytes([z0, z1]));
        Ok(Self { revision, reserved, size, count: u16::from_le_bytes([c0, c1]), next: 0, rest })
    }

    fn take_ace(&mut self) -> Option<RawAce<'a>> {
        let ([number, flags, s0, s1], _) = self.rest.split_first_chunk::<4>()?;
        let size = usize::from(u16::from_le_bytes([*s0, *s1]));
        let (ace, rest) = self.rest.split_at_checked(size)?;
        self.rest = rest;
        Some(RawAce { number: *number, flags: AceFlags(*flags), body: ace.get(4..)? })
    }
}

impl<'a> Iterator for RawAcl<'a> {
    type Item = Result<RawAce<'a>, BadAcl>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= usize::from(self.count) {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let ace = self.take_ace().ok_or(BadAcl::Ace(index));
        if ace.is_err() {
            self.next = usize::from(self.count);
        }
        Some(ace)
    }
}
