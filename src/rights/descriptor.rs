//! Self-relative security descriptors, as bytes and as a value. What was read and not changed is written back byte for byte.

use super::acl::{BadAcl, RawAcl};
use super::{Acl, Sid};

const HEADER: usize = 20;

/// The control word (MS-DTYP 2.4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Control(pub u16);

impl Control {
    /// A DACL is there, even if it is a NULL one.
    pub const DACL_PRESENT: Self = Self(0x0004);
    /// A SACL is there, even if it is a NULL one.
    pub const SACL_PRESENT: Self = Self(0x0010);
    /// Whoever writes it asks for inheritance to be computed.
    pub const DACL_AUTO_INHERIT_REQUIRED: Self = Self(0x0100);
    /// The same for the SACL.
    pub const SACL_AUTO_INHERIT_REQUIRED: Self = Self(0x0200);
    /// The DACL was inherited automatically.
    pub const DACL_AUTO_INHERITED: Self = Self(0x0400);
    /// The SACL was inherited automatically.
    pub const SACL_AUTO_INHERITED: Self = Self(0x0800);
    /// The DACL takes nothing from above.
    pub const DACL_PROTECTED: Self = Self(0x1000);
    /// The SACL takes nothing from above.
    pub const SACL_PROTECTED: Self = Self(0x2000);
    /// One block of bytes with offsets.
    pub const SELF_RELATIVE: Self = Self(0x8000);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// With the bits of `other` cleared.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Why bytes are no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescriptor {
    /// Shorter than its header, or an offset beyond the end.
    #[error("the security descriptor is cut off")]
    Cut,
    /// Not revision 1.
    #[error("the security descriptor has revision {0}, not 1")]
    Revision(u8),
    /// The owner or the group cannot be read.
    #[error("the security descriptor names an owner or a group that is no SID")]
    Sid,
    /// A list cannot be read.
    #[error("an access list of the security descriptor cannot be read: {0}")]
    Acl(#[from] BadAcl),
    /// Two parts lie over each other.
    #[error("parts of the security descriptor lie over each other")]
    Overlap,
}

/// The DACL's three states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dacl<'a> {
    /// No DACL was sent; nothing is limited (MS-DTYP 2.5.3.2).
    Absent,
    /// A NULL DACL: nothing is limited.
    Null,
    /// A list; an empty one allows nobody.
    List(&'a Acl),
}

/// Who owns an object and who may do what with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Descriptor {
    /// The control word. `write` adds "present" for each list that is there.
    pub control: Control,
    /// The owner; `None` when it was not sent.
    pub owner: Option<Sid>,
    /// The primary group; `None` when it was not sent.
    pub group: Option<Sid>,
    /// What is reported.
    pub sacl: Option<Acl>,
    /// Who may do what; see [`Descriptor::dacl`] for what `None` means.
    pub dacl: Option<Acl>,
    /// The resource manager's byte, kept.
    pub reserved: u8,
    layout: Layout,
}

/// A part of a descriptor; the number is its place among the four offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Owner = 0,
    Group = 1,
    Sacl = 2,
    Dacl = 3,
}

/// Order and gaps as read, so that writing gives the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Layout {
    /// Each part with the bytes that lie before it.
    order: Vec<(Vec<u8>, Part)>,
    /// What follows the last part.
    end: Vec<u8>,
    /// Owner and group are the same bytes.
    shared: bool,
    /// The offset field of a part that is not there: not 0 only for a list without its "present" bit.
    stray: [u32; 4],
}

impl Default for Layout {
    /// The order in which Windows makes a block of it: lists first, then owner and group.
    fn default() -> Self {
        let order = [Part::Sacl, Part::Dacl, Part::Owner, Part::Group].map(|part| (Vec::new(), part)).into();
        Self { order, end: Vec::new(), shared: false, stray: [0; 4] }
    }
}

impl Default for Descriptor {
    fn default() -> Self {
        Self { control: Control::SELF_RELATIVE, owner: None, group: None, sacl: None, dacl: None, reserved: 0, layout: Layout::default() }
    }
}

/// The fixed head of a descriptor.
struct Head {
    reserved: u8,
    control: Control,
    offsets: [u32; 4],
}

impl Head {
    fn read(bytes: &[u8]) -> Result<Self, BadDescriptor> {
        let (head, _) = bytes.split_first_chunk::<HEADER>().ok_or(BadDescriptor::Cut)?;
        let [revision, reserved, c0, c1, offsets @ ..] = head;
        if *revision != 1 {
            return Err(BadDescriptor::Revision(*revision));
        }
        let (fields, _) = offsets.as_chunks::<4>();
        let mut offsets = [0; 4];
        for (offset, field) in offsets.iter_mut().zip(fields) {
            *offset = u32::from_le_bytes(*field);
        }
        Ok(Self { reserved: *reserved, control: Control(u16::from_le_bytes([*c0, *c1])), offsets })
    }

    /// Where a part begins; `None` when it is not there.
    fn start(&self, part: Part) -> Option<usize> {
        let present = match part {
            Part::Owner | Part::Group => true,
            Part::Sacl => self.control.has(Control::SACL_PRESENT),
            Part::Dacl => self.control.has(Control::DACL_PRESENT),
        };
        let offset = self.offsets[part as usize];
        (present && offset != 0).then_some(offset).and_then(|offset| usize::try_from(offset).ok())
    }
}

impl Descriptor {
    /// Reads `nTSecurityDescriptor`.
    ///
    /// # Errors
    /// When an offset or a size goes beyond the end, parts lie over each other, or owner or group is no SID. What is inside an ACE never
    /// makes it fail.
    pub fn read(bytes: &[u8]) -> Result<Self, BadDescriptor> {
        let head = Head::read(bytes)?;
        let mut new = Self { control: head.control, reserved: head.reserved, ..Self::default() };
        let mut places = Vec::with_capacity(4);
        for part in [Part::Owner, Part::Group, Part::Sacl, Part::Dacl] {
            let Some(start) = head.start(part) else { continue };
            let rest = bytes.get(start..).ok_or(BadDescriptor::Cut)?;
            places.push((start, new.take(part, rest)?, part));
        }
        new.layout = Layout::of(bytes, places, &head)?;
        Ok(new)
    }

    /// Reads one part; gives back how many bytes it took.
    fn take(&mut self, part: Part, bytes: &[u8]) -> Result<usize, BadDescriptor> {
        match part {
            Part::Owner | Part::Group => {
                let (sid, _) = Sid::take(bytes).ok_or(BadDescriptor::Sid)?;
                *(if part == Part::Owner { &mut self.owner } else { &mut self.group }) = Some(sid);
                Ok(sid.len())
            }
            Part::Sacl | Part::Dacl => {
                let (acl, size) = Acl::take(bytes)?;
                *(if part == Part::Sacl { &mut self.sacl } else { &mut self.dacl }) = Some(acl);
                Ok(size)
            }
        }
    }

    /// Its bytes: those that were read, when nothing was changed.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let mut offsets = self.layout.stray;
        for (gap, part) in &self.layout.order {
            out.extend(gap);
            let at = out.len();
            if self.write_part(*part, &mut out) {
                offsets[*part as usize] = u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
        out.extend(&self.layout.end);
        if self.shares_owner() {
            offsets[Part::Group as usize] = offsets[Part::Owner as usize];
        }
        self.write_head(offsets, &mut out);
        out
    }

    fn shares_owner(&self) -> bool {
        self.layout.shared && self.owner.is_some() && self.owner == self.group
    }

    /// Whether there was something to write.
    fn write_part(&self, part: Part, out: &mut Vec<u8>) -> bool {
        match part {
            Part::Group if self.shares_owner() => return false,
            Part::Owner => self.owner.iter().for_each(|sid| sid.write_to(out)),
            Part::Group => self.group.iter().for_each(|sid| sid.write_to(out)),
            Part::Sacl => self.sacl.iter().for_each(|acl| acl.write_to(out)),
            Part::Dacl => self.dacl.iter().for_each(|acl| acl.write_to(out)),
        }
        match part {
            Part::Owner => self.owner.is_some(),
            Part::Group => self.group.is_some(),
            Part::Sacl => self.sacl.is_some(),
            Part::Dacl => self.dacl.is_some(),
        }
    }

    fn write_head(&self, offsets: [u32; 4], out: &mut [u8]) {
        let [c0, c1] = self.full_control().0.to_le_bytes();
        let head = [1, self.reserved, c0, c1].into_iter().chain(offsets.into_iter().flat_map(u32::to_le_bytes));
        out.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    }

    fn full_control(&self) -> Control {
        let dacl = if self.dacl.is_some() { Control::DACL_PRESENT } else { Control(0) };
        let sacl = if self.sacl.is_some() { Control::SACL_PRESENT } else { Control(0) };
        self.control.with(dacl).with(sacl)
    }

    /// Which of the three states the DACL is in.
    #[must_use]
    pub fn dacl(&self) -> Dacl<'_> {
        match &self.dacl {
            Some(acl) => Dacl::List(acl),
            None if self.control.has(Control::DACL_PRESENT) => Dacl::Null,
            None => Dacl::Absent,
        }
    }

    /// Whether the DACL takes nothing from above.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.control.has(Control::DACL_PROTECTED)
    }

    /// The same with another DACL.
    #[must_use]
    pub fn with_dacl(self, acl: Acl) -> Self {
        Self { dacl: Some(acl), ..self }
    }

    /// The DACL alone, as it is written with the SD flags control at 4; no owner, no group, no SACL.
    #[must_use]
    pub fn dacl_only(&self) -> Self {
        let kept =
            Control::DACL_PRESENT.0 | Control::DACL_AUTO_INHERITED.0 | Control::DACL_AUTO_INHERIT_REQUIRED.0 | Control::DACL_PROTECTED.0;
        let control = Control(self.full_control().0 & kept).with(Control::SELF_RELATIVE);
        Self { control, dacl: self.dacl.clone(), ..Self::default() }
    }
}

impl Layout {
    fn of(bytes: &[u8], mut places: Vec<(usize, usize, Part)>, head: &Head) -> Result<Self, BadDescriptor> {
        let mut stray = head.offsets;
        for (_, _, part) in &places {
            stray[*part as usize] = 0;
        }
        let shared = head.start(Part::Owner).is_some() && head.start(Part::Owner) == head.start(Part::Group);
        if shared {
            places.retain(|(_, _, part)| *part != Part::Group);
        }
        places.sort_by_key(|(start, _, part)| (*start, *part as usize));
        let (mut at, mut order) = (HEADER, Vec::with_capacity(4));
        for (start, size, part) in places {
            let gap = bytes.get(at..start).ok_or(BadDescriptor::Overlap)?;
            order.push((gap.to_vec(), part));
            at = start + size;
        }
        let end = bytes.get(at..).ok_or(BadDescriptor::Cut)?.to_vec();
        // What is not there yet goes last, so that a part set later is written too.
        for part in [Part::Sacl, Part::Dacl, Part::Owner, Part::Group] {
            if !order.iter().any(|(_, there)| *there == part) {
                order.push((Vec::new(), part));
            }
        }
        Ok(Self { order, end, shared, stray })
    }
}

/// What a survey needs of a descriptor, without taking it apart.
#[derive(Clone, Debug)]
pub struct Glance<'a> {
    /// The control word.
    pub control: Control,
    /// The DACL, still in its bytes; `None` when absent or NULL.
    pub dacl: Option<RawAcl<'a>>,
}

impl<'a> Glance<'a> {
    /// Looks at the control word and the DACL only; allocates nothing.
    ///
    /// # Errors
    /// As [`Descriptor::read`], for the parts that it looks at.
    pub fn at(bytes: &'a [u8]) -> Result<Self, BadDescriptor> {
        let head = Head::read(bytes)?;
        let dacl = match head.start(Part::Dacl) {
            Some(start) => Some(RawAcl::take(bytes.get(start..).ok_or(BadDescriptor::Cut)?)?),
            None => None,
        };
        Ok(Self { control: head.control, dacl })
    }
}
