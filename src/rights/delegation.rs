//! The rights of block B as ACEs: which are missing, where a new one goes, what only looks like one. Does not read or write a directory.

use super::acl::MOST;
use super::inherit::{LAST_DENY, rank};
use super::{Ace, AceFlags, Acl, Descriptor, Guid, Mask, Sid, Token};

/// GUIDs of the rights, attributes and classes that this room names (facts, domain 4.1).
pub mod known {
    use crate::rights::Guid;

    /// Extended right "Change Password".
    pub const CHANGE_PASSWORD: Guid = Guid::of(0xab72_1a53_1e2f_11d0_9819_00aa_0040_529b);
    /// Extended right "Reset Password".
    pub const RESET_PASSWORD: Guid = Guid::of(0x0029_9570_246d_11d0_a768_00aa_006e_0529);
    /// Extended right "Unexpire Password", on a domain's head.
    pub const UNEXPIRE_PASSWORD: Guid = Guid::of(0xccc2_dc7d_a6ad_4a7a_8846_c04e_3cc5_3501);
    /// Attribute `lockoutTime`; in no property set.
    pub const LOCKOUT_TIME: Guid = Guid::of(0x2863_0ebf_41d5_11d1_a9c1_0000_f803_67c1);
    /// Attribute `pwdLastSet`; in [`USER_ACCOUNT_RESTRICTIONS`].
    pub const PWD_LAST_SET: Guid = Guid::of(0xbf96_7a0a_0de6_11d0_a285_00aa_0030_49e2);
    /// Property set "User Account Restrictions".
    pub const USER_ACCOUNT_RESTRICTIONS: Guid = Guid::of(0x4c16_4200_20c0_11d0_a768_00aa_006e_0529);
    /// Class `user`.
    pub const USER: Guid = Guid::of(0xbf96_7aba_0de6_11d0_a285_00aa_0030_49e2);
    /// Class `inetOrgPerson`.
    pub const INET_ORG_PERSON: Guid = Guid::of(0x4828_cc14_1437_45bc_9b07_ad6f_015e_5f28);
    /// Class `computer`.
    pub const COMPUTER: Guid = Guid::of(0xbf96_7a86_0de6_11d0_a285_00aa_0030_49e2);
    /// Class `group`.
    pub const GROUP: Guid = Guid::of(0xbf96_7a9c_0de6_11d0_a285_00aa_0030_49e2);
    /// Class `organizationalUnit`.
    pub const ORGANIZATIONAL_UNIT: Guid = Guid::of(0xbf96_7aa5_0de6_11d0_a285_00aa_0030_49e2);
    /// Class `container`.
    pub const CONTAINER: Guid = Guid::of(0xbf96_7a8b_0de6_11d0_a285_00aa_0030_49e2);
    /// Class `domainDNS`.
    pub const DOMAIN_DNS: Guid = Guid::of(0x1919_5a5b_6da0_11d0_afd3_00c0_4fd9_30c9);
}

/// A right that the guide grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Change a user's password, knowing the old one.
    ChangePassword,
    /// Reset a user's password.
    ResetPassword,
    /// Unlock a user.
    WriteLockoutTime,
    /// Have a user change the password at the next sign-in.
    WritePwdLastSet,
    /// Keep a written password from counting as expired at once; on the domain's head itself.
    UnexpirePassword,
}

/// One row of the table of rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The right.
    pub right: Right,
    /// Its name in packs.
    pub name: &'static str,
    /// Its name in Windows' own dialog.
    pub label: &'static str,
    /// The access that it is made of.
    pub mask: Mask,
    /// The extended right or attribute.
    pub object: Guid,
    /// The property set that the attribute belongs to.
    pub property_set: Option<Guid>,
    /// The class of descendants that it is for; `None`: the object itself.
    pub below: Option<Guid>,
    /// How its ACE is inherited.
    pub flags: AceFlags,
}

/// "Descendant User objects": passed on, of no worth on the object that holds it.
const DESCENDANTS: AceFlags = AceFlags(AceFlags::CONTAINER_INHERIT.0 | AceFlags::INHERIT_ONLY.0);

/// Every right, in the order of the source's tasks B8 to B10, then what the product's documentation adds (facts, domain 4.1 and 4.4).
pub const RIGHTS: [Row; 5] = [
    row(Right::ChangePassword, "change-password", "Change password", Mask::CONTROL_ACCESS, known::CHANGE_PASSWORD),
    row(Right::ResetPassword, "reset-password", "Reset password", Mask::CONTROL_ACCESS, known::RESET_PASSWORD),
    row(Right::WriteLockoutTime, "write-lockoutTime", "Write lockoutTime", Mask::WRITE_PROPERTY, known::LOCKOUT_TIME),
    Row {
        property_set: Some(known::USER_ACCOUNT_RESTRICTIONS),
        ..row(Right::WritePwdLastSet, "write-pwdLastSet", "Write pwdLastSet", Mask::WRITE_PROPERTY, known::PWD_LAST_SET)
    },
    Row {
        below: None,
        flags: AceFlags::CONTAINER_INHERIT,
        ..row(Right::UnexpirePassword, "unexpire-password", "Unexpire password", Mask::CONTROL_ACCESS, known::UNEXPIRE_PASSWORD)
    },
];

const fn row(right: Right, name: &'static str, label: &'static str, mask: Mask, object: Guid) -> Row {
    Row { right, name, label, mask, object, property_set: None, below: Some(known::USER), flags: DESCENDANTS }
}

impl Right {
    /// Its row of the table.
    #[must_use]
    pub const fn row(self) -> &'static Row {
        &RIGHTS[self as usize]
    }

    /// The right that packs call by this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        RIGHTS.iter().find(|row| row.name == name).map(|row| row.right)
    }

    /// The ACE that grants it, as Windows' own dialog makes it.
    #[must_use]
    pub fn ace(self, trustee: Sid) -> Ace {
        let row = self.row();
        Ace::allow_object(row.flags, row.mask, Some(row.object), row.below, trustee)
    }
}

/// The ACEs that grant these rights, in the given order.
#[must_use]
pub fn wanted(rights: &[Right], trustee: Sid) -> Vec<Ace> {
    rights.iter().map(|right| right.ace(trustee)).collect()
}

/// Whether `there` grants what `wanted` does, in the same place: same trustee, object and class, at least its access, reaching as far. One
/// that grants more widely (all objects, all properties) is another ACE; `near_misses` names it.
#[must_use]
pub fn grants(there: &Ace, wanted: &Ace) -> bool {
    is_about(there, wanted) && there.inherited_object == wanted.inherited_object && reaches(there.flags, wanted.flags)
}

/// Same trustee, same object, at least the same access.
fn is_about(there: &Ace, wanted: &Ace) -> bool {
    there.trustee == wanted.trustee && is_same_right(there, wanted)
}

fn is_same_right(there: &Ace, wanted: &Ace) -> bool {
    there.kind == wanted.kind && there.object == wanted.object && there.mask.mapped().has(wanted.mask.mapped())
}

fn reaches(there: AceFlags, wanted: AceFlags) -> bool {
    if wanted.has(AceFlags::INHERIT_ONLY) {
        there.has(AceFlags::CONTAINER_INHERIT) && !there.has(AceFlags::NO_PROPAGATE)
    } else {
        !there.has(AceFlags::INHERIT_ONLY)
    }
}

/// Those of `wanted` that no ACE of the list grants, each once.
#[must_use]
pub fn missing(acl: &Acl, wanted: &[Ace]) -> Vec<Ace> {
    let mut out: Vec<Ace> = Vec::new();
    for ace in wanted {
        if !out.contains(ace) && !acl.aces.iter().any(|there| grants(there, ace)) {
            out.push(ace.clone());
        }
    }
    out
}

/// A list that would no longer fit its 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the access list would have {0} bytes; a domain controller takes {MOST} at most")]
pub struct Full(pub usize);

/// Puts each ACE where canonical order wants it (facts, domain 4.7) and leaves all others where they are.
///
/// # Errors
/// When the list would not fit any more; it is then as it was.
pub fn insert(acl: &mut Acl, new: &[Ace]) -> Result<(), Full> {
    let size = acl.len() + new.iter().map(Ace::len).sum::<usize>();
    if size > MOST {
        return Err(Full(size));
    }
    // Places in the list as it is, the last one first: so those found stay right, and new ones keep their order among themselves.
    let mut placed: Vec<(usize, &Ace)> = new.iter().map(|ace| (place(&acl.aces, ace), ace)).collect();
    placed.sort_by_key(|(at, ace)| (*at, rank(ace)));
    for (at, ace) in placed.into_iter().rev() {
        acl.aces.insert(at, ace.clone());
    }
    acl.settle_revision();
    Ok(())
}

/// Before the first of a higher rank. In a list out of order never ahead of an explicit deny that stands there for a reason.
fn place(aces: &[Ace], new: &Ace) -> usize {
    let rank_of_new = rank(new);
    let before_higher = aces.iter().position(|ace| rank(ace) > rank_of_new).unwrap_or(aces.len());
    let is_deny = |ace: &Ace| rank(ace) <= LAST_DENY;
    let after_denies = aces.iter().rposition(is_deny).map_or(0, |at| at + 1);
    if new.kind.allows() { before_higher.max(after_denies) } else { before_higher }
}

/// Takes out one explicit ACE for each of `old` that equals it in every byte; gives back those that were not there.
pub fn remove(acl: &mut Acl, old: &[Ace]) -> Vec<Ace> {
    let mut absent = Vec::new();
    for ace in old {
        match acl.aces.iter().rposition(|there| there == ace) {
            Some(at) => drop(acl.aces.remove(at)),
            None => absent.push(ace.clone()),
        }
    }
    absent
}

/// What looks like the wanted right, or stands in its way, and is not it. `ace` is an index into the DACL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NearMiss {
    /// "This object only", or not passed on beyond direct children.
    ThisObjectOnly {
        /// Which ACE.
        ace: usize,
    },
    /// "This object and all descendant objects" or "All descendant objects": any class.
    AllObjects {
        /// Which ACE.
        ace: usize,
    },
    /// Descendants of another class.
    OtherClass {
        /// Which ACE.
        ace: usize,
        /// The class that it is for.
        class: Guid,
    },
    /// Every right or every property, not this one alone.
    Wider {
        /// Which ACE.
        ace: usize,
    },
    /// Granted to somebody else.
    OtherTrustee {
        /// Which ACE.
        ace: usize,
        /// To whom.
        trustee: Sid,
    },
    /// Granted to an account of another domain.
    OtherDomain {
        /// Which ACE.
        ace: usize,
        /// To whom.
        trustee: Sid,
    },
    /// Denied to the trustee or to a group of it.
    Denied {
        /// Which ACE.
        ace: usize,
        /// To whom.
        trustee: Sid,
    },
    /// The object, or something above it, takes no rights from above.
    InheritanceOff {
        /// 0: the object itself; 1: what holds it; and so on.
        above: usize,
    },
    /// `AdminSDHolder` keeps the object's list; a grant above never reaches it.
    Protected,
}

/// What in the DACL of `head` looks like the wanted ACE and is not it, in the DACL's order.
///
/// `token` is the wanted trustee with its groups: a grant to one of its groups is no miss, a denial to one of them is.
#[must_use]
pub fn near_misses(head: &Descriptor, wanted: &Ace, token: &Token) -> Vec<NearMiss> {
    let aces = head.dacl.iter().flat_map(|acl| acl.aces.iter().enumerate());
    aces.filter_map(|(index, ace)| near_miss(index, ace, wanted, token)).collect()
}

fn near_miss(index: usize, ace: &Ace, wanted: &Ace, token: &Token) -> Option<NearMiss> {
    let concerned = token.has(&ace.trustee);
    if ace.kind.denies() {
        let stands = concerned && is_as_wide(ace, wanted) && reaches_class(ace, wanted);
        return stands.then_some(NearMiss::Denied { ace: index, trustee: ace.trustee });
    }
    if !ace.kind.allows() || !is_as_wide(ace, wanted) {
        return None;
    }
    if ace.trustee != wanted.trustee {
        return (!concerned && reaches_class(ace, wanted)).then(|| other(index, ace, wanted)).flatten();
    }
    if !reaches(ace.flags, wanted.flags) {
        return Some(NearMiss::ThisObjectOnly { ace: index });
    }
    match ace.inherited_object {
        None if wanted.inherited_object.is_some() => Some(NearMiss::AllObjects { ace: index }),
        Some(class) if wanted.inherited_object != Some(class) => Some(NearMiss::OtherClass { ace: index, class }),
        _ => (ace.object != wanted.object).then_some(NearMiss::Wider { ace: index }),
    }
}

/// The same access on the same object or on all: what an administrator may take for the right.
fn is_as_wide(ace: &Ace, wanted: &Ace) -> bool {
    ace.mask.mapped().has(wanted.mask.mapped()) && ace.object.is_none_or(|object| Some(object) == wanted.object)
}

fn reaches_class(ace: &Ace, wanted: &Ace) -> bool {
    reaches(ace.flags, wanted.flags) && (ace.inherited_object.is_none() || ace.inherited_object == wanted.inherited_object)
}

/// A grant to somebody else: only the very right, else every administrators' group would show.
fn other(index: usize, ace: &Ace, wanted: &Ace) -> Option<NearMiss> {
    let trustee = ace.trustee;
    ace.object?;
    let foreign = trustee.domain().is_some_and(|domain| wanted.trustee.domain().is_some_and(|ours| ours != domain));
    Some(if foreign { NearMiss::OtherDomain { ace: index, trustee } } else { NearMiss::OtherTrustee { ace: index, trustee } })
}

/// Why a grant above does not come down to an object: `chain` is its descriptor, then what holds it, up to and without the head.
#[must_use]
pub fn cut_off<'a>(admin_count: bool, chain: impl IntoIterator<Item = &'a Descriptor>) -> Option<NearMiss> {
    let above = chain.into_iter().position(Descriptor::is_protected)?;
    Some(if above == 0 && admin_count { NearMiss::Protected } else { NearMiss::InheritanceOff { above } })
}
