//! Access masks and ACE flags, bit by bit.

use std::ops::{BitAnd, BitOr, Not};

/// What an ACE is about (MS-ADTS 5.1.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mask(pub u32);

impl Mask {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Create a child.
    pub const CREATE_CHILD: Self = Self(0x1);
    /// Delete a child.
    pub const DELETE_CHILD: Self = Self(0x2);
    /// List the children.
    pub const LIST_CHILDREN: Self = Self(0x4);
    /// A validated write ("self").
    pub const VALIDATED_WRITE: Self = Self(0x8);
    /// Read a property.
    pub const READ_PROPERTY: Self = Self(0x10);
    /// Write a property.
    pub const WRITE_PROPERTY: Self = Self(0x20);
    /// Delete the object with all below it.
    pub const DELETE_TREE: Self = Self(0x40);
    /// See that this object is there.
    pub const LIST_OBJECT: Self = Self(0x80);
    /// An extended right.
    pub const CONTROL_ACCESS: Self = Self(0x100);
    /// Delete the object.
    pub const DELETE: Self = Self(0x1_0000);
    /// Read the descriptor without the SACL.
    pub const READ_CONTROL: Self = Self(0x2_0000);
    /// Write the DACL.
    pub const WRITE_DAC: Self = Self(0x4_0000);
    /// Become the owner.
    pub const WRITE_OWNER: Self = Self(0x8_0000);
    /// Everything, unmapped.
    pub const GENERIC_ALL: Self = Self(0x1000_0000);
    /// Execute, unmapped.
    pub const GENERIC_EXECUTE: Self = Self(0x2000_0000);
    /// Write, unmapped.
    pub const GENERIC_WRITE: Self = Self(0x4000_0000);
    /// Read, unmapped.
    pub const GENERIC_READ: Self = Self(0x8000_0000);
    /// All that a directory object knows: what generic all becomes.
    pub const FULL: Self = Self(0xf_01ff);

    /// What the generic bits become on a directory object (MS-ADTS 5.1.3.2).
    const GENERIC: [(Self, Self); 4] = [
        (Self::GENERIC_READ, Self(0x2_0094)),
        (Self::GENERIC_WRITE, Self(0x2_0028)),
        (Self::GENERIC_EXECUTE, Self(0x2_0004)),
        (Self::GENERIC_ALL, Self::FULL),
    ];

    /// With the generic bits replaced by what they stand for.
    #[must_use]
    pub fn mapped(self) -> Self {
        let mut out = self;
        for (generic, specific) in Self::GENERIC {
            if self.has(generic) {
                out = (out & !generic) | specific;
            }
        }
        out
    }

    /// Whether a generic bit is in it.
    #[must_use]
    pub fn is_generic(self) -> bool {
        self.0 >> 28 != 0
    }

    /// Whether all bits of `other` are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is in it.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How an ACE is inherited (MS-DTYP 2.4.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AceFlags(pub u8);

impl AceFlags {
    /// For this object only.
    pub const NONE: Self = Self(0);
    /// Children that hold nothing inherit it.
    pub const OBJECT_INHERIT: Self = Self(0x01);
    /// Children that can hold others inherit it: in a directory, all.
    pub const CONTAINER_INHERIT: Self = Self(0x02);
    /// Only direct children inherit it.
    pub const NO_PROPAGATE: Self = Self(0x04);
    /// Does not count on the object that holds it.
    pub const INHERIT_ONLY: Self = Self(0x08);
    /// Came from above; recomputed by the DC.
    pub const INHERITED: Self = Self(0x10);
    /// Must not be removed by somebody else (`CRITICAL_ACE_FLAG`).
    pub const CRITICAL: Self = Self(0x20);
    /// An audit ACE reports success.
    pub const SUCCESS: Self = Self(0x40);
    /// An audit ACE reports failure.
    pub const FAILURE: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

macro_rules! bits {
    ($($name:ty),*) => {$(
        impl BitOr for $name {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
        impl BitAnd for $name {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }
        impl Not for $name {
            type Output = Self;
            fn not(self) -> Self {
                Self(!self.0)
            }
        }
    )*};
}

bits!(Mask, AceFlags);

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn generic_bits_become_what_they_stand_for() {
        assert_eq!(Mask::GENERIC_ALL.mapped(), Mask(0xf_01ff));
        assert_eq!((Mask::GENERIC_READ | Mask::DELETE).mapped(), Mask(0x3_0094));
        assert_eq!((Mask::GENERIC_WRITE | Mask::GENERIC_EXECUTE).mapped(), Mask(0x2_002c));
        assert_eq!(Mask::WRITE_PROPERTY.mapped(), Mask::WRITE_PROPERTY);
    }
}
