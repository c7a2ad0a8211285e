//! What the tests of this room start from: the trustees of the facts, short ways to write ACEs, and arbitrary values of every type.

use guidepost::rights::delegation::known;
use guidepost::rights::{Ace, AceFlags, AceKind, Acl, Descriptor, Guid, Home, Mask, Sid, sddl};
use proptest::prelude::*;

/// The domain of the facts' reference vectors.
pub(crate) const DOMAIN: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333]);
pub(crate) const DELEGATE: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333, 1105]);
pub(crate) const OTHER: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333, 1106]);
pub(crate) const GROUP: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333, 1107]);
pub(crate) const USER2: Sid = Sid::known(5, &[21, 1_111_111_111, 2_222_222_222, 3_333_333_333, 1108]);
pub(crate) const FOREIGN: Sid = Sid::known(5, &[21, 9, 9, 9, 1105]);

/// A descriptor from SDDL in which `Delegate`, `Other`, `Group`, `Foreign` and the names of rights and classes may stand for their ids.
pub(crate) fn descriptor(text: &str) -> Descriptor {
    let ids: [(&str, String); 12] = [
        ("Delegate", DELEGATE.to_string()),
        ("Other", OTHER.to_string()),
        ("Group", GROUP.to_string()),
        ("Foreign", FOREIGN.to_string()),
        ("Change", known::CHANGE_PASSWORD.to_string()),
        ("Reset", known::RESET_PASSWORD.to_string()),
        ("Unexpire", known::UNEXPIRE_PASSWORD.to_string()),
        ("Lockout", known::LOCKOUT_TIME.to_string()),
        ("PwdLast", known::PWD_LAST_SET.to_string()),
        ("Restrictions", known::USER_ACCOUNT_RESTRICTIONS.to_string()),
        ("User", known::USER.to_string()),
        ("Computer", known::COMPUTER.to_string()),
    ];
    let text = ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id));
    sddl::parse(&text, &Home::of(DOMAIN)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The DACL of [`descriptor`].
pub(crate) fn acl(aces: &str) -> Acl {
    descriptor(&format!("D:{aces}")).dacl.unwrap()
}

/// The ACEs of [`descriptor`].
pub(crate) fn aces(text: &str) -> Vec<Ace> {
    acl(text).aces
}

pub(crate) fn any_sid() -> impl Strategy<Value = Sid> {
    (any::<[u8; 6]>(), prop::collection::vec(any::<u32>(), 0..=15)).prop_map(|(authority, parts)| {
        let count = u8::try_from(parts.len()).unwrap();
        let bytes: Vec<u8> = [1, count].into_iter().chain(authority).chain(parts.iter().flat_map(|part| part.to_le_bytes())).collect();
        Sid::read(&bytes).unwrap()
    })
}

/// One that has an alias more often than chance would have it.
pub(crate) fn some_sid() -> impl Strategy<Value = Sid> {
    prop_oneof![any_sid(), Just(Sid::EVERYONE), Just(Sid::SELF), Just(Sid::ADMINISTRATORS), Just(DELEGATE), Just(Sid::CREATOR_OWNER)]
}

pub(crate) fn any_guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_bytes)
}

fn understood() -> impl Strategy<Value = Ace> {
    let kind = prop::sample::select(vec![
        AceKind::Allow,
        AceKind::Deny,
        AceKind::Audit,
        AceKind::AllowObject,
        AceKind::DenyObject,
        AceKind::AuditObject,
    ]);
    let mask = prop_oneof![any::<u32>(), Just(0x100), Just(0x20), Just(0xf_01ff), Just(0x1000_0000)];
    let guids = (prop::option::of(any_guid()), prop::option::of(any_guid()));
    let tail = prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..9)];
    (kind, any::<u8>(), mask, guids, some_sid(), tail).prop_map(|(kind, flags, mask, (object, inherited), trustee, tail)| {
        let (object, inherited_object) = if kind.is_object() { (object, inherited) } else { (None, None) };
        Ace { kind, flags: AceFlags(flags), mask: Mask(mask), object, inherited_object, trustee, tail }
    })
}

fn carried() -> impl Strategy<Value = Ace> {
    let number = prop_oneof![9_u8..=0x14, 0x40_u8..=0xff, 3_u8..=4];
    (number, any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(number, flags, tail)| Ace {
        kind: AceKind::Other(number),
        tail,
        ..Ace::allow(AceFlags(flags), Mask::NONE, Sid::NOBODY)
    })
}

pub(crate) fn any_ace() -> impl Strategy<Value = Ace> {
    prop_oneof![9 => understood(), 1 => carried()]
}

pub(crate) fn any_acl() -> impl Strategy<Value = Acl> {
    prop::collection::vec(any_ace(), 0..12).prop_map(|aces| Acl { aces, ..Acl::default() })
}
