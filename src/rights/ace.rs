//! One entry of an access list, as bytes and as a value. What it is worth is `effective`'s business.

use super::{AceFlags, Guid, Mask, Sid};

/// What an ACE does (MS-DTYP 2.4.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AceKind {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
    /// Is reported.
    Audit,
    /// Allows one property, property set, extended right or class, or passes on to one class.
    AllowObject,
    /// Denies such a one.
    DenyObject,
    /// Reports such a one.
    AuditObject,
    /// Carried as it came and never judged: callback kinds, kinds not known here, and a known kind whose body cannot be read. The number
    /// is the type byte; the whole body is in the ACE's `tail`.
    Other(u8),
}

/// One entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ace {
    /// What it does.
    pub kind: AceKind,
    /// How it is inherited.
    pub flags: AceFlags,
    /// What it is about; empty for `Other`.
    pub mask: Mask,
    /// The property, property set, extended right or class of the three object kinds; `None` is all of them.
    pub object: Option<Guid>,
    /// The class that inherits it, for the three object kinds; `None` is every class.
    pub inherited_object: Option<Guid>,
    /// Whom it is about; [`Sid::NOBODY`] for `Other`.
    pub trustee: Sid,
    /// Bytes after the SID, kept; the whole body for `Other`.
    pub tail: Vec<u8>,
}

/// `ObjectType` is there (MS-DTYP 2.4.4.3).
const HAS_OBJECT: u32 = 1;
/// `InheritedObjectType` is there.
const HAS_INHERITED_OBJECT: u32 = 2;

impl AceKind {
    /// The type byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Deny => 1,
            Self::Audit => 2,
            Self::AllowObject => 5,
            Self::DenyObject => 6,
            Self::AuditObject => 7,
            Self::Other(number) => number,
        }
    }

    /// The kind of a type byte.
    #[must_use]
    pub const fn of(number: u8) -> Self {
        match number {
            0 => Self::Allow,
            1 => Self::Deny,
            2 => Self::Audit,
            5 => Self::AllowObject,
            6 => Self::DenyObject,
            7 => Self::AuditObject,
            other => Self::Other(other),
        }
    }

    /// Whether its body has room for GUIDs.
    #[must_use]
    pub const fn is_object(self) -> bool {
        matches!(self, Self::AllowObject | Self::DenyObject | Self::AuditObject)
    }

    /// Whether it allows.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::Allow | Self::AllowObject)
    }

    /// Whether it denies.
    #[must_use]
    pub const fn denies(self) -> bool {
        matches!(self, Self::Deny | Self::DenyObject)
    }
}

impl Ace {
    /// A plain ACE that allows.
    #[must_use]
    pub fn allow(flags: AceFlags, mask: Mask, trustee: Sid) -> Self {
        Self { kind: AceKind::Allow, flags, mask, object: None, inherited_object: None, trustee, tail: Vec::new() }
    }

    /// An object ACE that allows.
    #[must_use]
    pub fn allow_object(flags: AceFlags, mask: Mask, object: Option<Guid>, inherited_object: Option<Guid>, trustee: Sid) -> Self {
        Self { kind: AceKind::AllowObject, object, inherited_object, ..Self::allow(flags, mask, trustee) }
    }

    /// The same, denying instead of allowing; what does not allow stays as it is.
    #[must_use]
    pub fn denying(mut self) -> Self {
        self.kind = match self.kind {
            AceKind::Allow => AceKind::Deny,
            AceKind::AllowObject => AceKind::DenyObject,
            kind @ (AceKind::Deny | AceKind::Audit | AceKind::DenyObject | AceKind::AuditObject | AceKind::Other(_)) => kind,
        };
        self
    }

    /// An ACE of type `number` from the bytes after its header; what cannot be read becomes [`AceKind::Other`].
    #[must_use]
    pub fn read(number: u8, flags: AceFlags, body: &[u8]) -> Self {
        Self::understand(AceKind::of(number), flags, body).unwrap_or_else(|| Self {
            kind: AceKind::Other(number),
            tail: body.to_vec(),
            ..Self::allow(flags, Mask::NONE, Sid::NOBODY)
        })
    }

    fn understand(kind: AceKind, flags: AceFlags, body: &[u8]) -> Option<Self> {
        if matches!(kind, AceKind::Other(_)) {
            return None;
        }
        let (mask, rest) = body.split_first_chunk::<4>()?;
        let (object, inherited_object, rest) = if kind.is_object() { take_guids(rest)? } else { (None, None, rest) };
        let (trustee, rest) = Sid::take(rest)?;
        Some(Self { kind, flags, mask: Mask(u32::from_le_bytes(*mask)), object, inherited_object, trustee, tail: rest.to_vec() })
    }

    /// How many bytes it takes, header included.
    #[expect(clippy::len_without_is_empty, reason = "an ACE is never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        4 + self.body_len()
    }

    fn body_len(&self) -> usize {
        if matches!(self.kind, AceKind::Other(_)) {
            return self.tail.len();
        }
        let guids = usize::from(self.object.is_some()) + usize::from(self.inherited_object.is_some());
        let object = if self.kind.is_object() { 4 + 16 * guids } else { 0 };
        4 + object + self.trustee.len() + self.tail.len()
    }

    /// Appends its bytes. Only an ACE made by hand with a `tail` of more than 64 KiB does not fit its own size field: see [`super::Acl::fits`].
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend([self.kind.number(), self.flags.0]);
        out.extend(u16::try_from(self.len()).unwrap_or(u16::MAX).to_le_bytes());
        if !matches!(self.kind, AceKind::Other(_)) {
            self.write_fields(out);
        }
        out.extend(&self.tail);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        out.extend(self.mask.0.to_le_bytes());
        if self.kind.is_object() {
            let object = if self.object.is_some() { HAS_OBJECT } else { 0 };
            let inherited = if self.inherited_object.is_some() { HAS_INHERITED_OBJECT } else { 0 };
            out.extend((object | inherited).to_le_bytes());
            out.extend(self.object.iter().chain(&self.inherited_object).flat_map(Guid::bytes));
        }
        self.trustee.write_to(out);
    }

    /// Whether it came from above.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.flags.has(AceFlags::INHERITED)
    }

    /// Whether it counts on the object that holds it.
    #[must_use]
    pub fn counts_here(&self) -> bool {
        !self.flags.has(AceFlags::INHERIT_ONLY)
    }
}

/// The GUIDs of an object ACE, and what follows. `None` too when a flag is set that MS-DTYP does not name: its meaning is not ours to guess.
fn take_guids(bytes: &[u8]) -> Option<(Option<Guid>, Option<Guid>, &[u8])> {
    let (flags, rest) = bytes.split_first_chunk::<4>()?;
    let flags = u32::from_le_bytes(*flags);
    if flags & !(HAS_OBJECT | HAS_INHERITED_OBJECT) != 0 {
        return None;
    }
    let (object, rest) = take_guid(flags & HAS_OBJECT != 0, rest)?;
    let (inherited, rest) = take_guid(flags & HAS_INHERITED_OBJECT != 0, rest)?;
    Some((object, inherited, rest))
}

fn take_guid(there: bool, bytes: &[u8]) -> Option<(Option<Guid>, &[u8])> {
    if !there {
        return Some((None, bytes));
    }
    let (guid, rest) = bytes.split_first_chunk::<16>()?;
    Some((Some(Guid::from_bytes(*guid)), rest))
}
