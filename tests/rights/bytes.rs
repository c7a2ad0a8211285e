//! Reading then writing gives back every byte; nothing that is sent makes the decoder panic or take more memory than it is worth.

use crate::given::{DELEGATE, any_ace, any_acl, any_guid, any_sid};
use guidepost::rights::descriptor::{Dacl, Glance};
use guidepost::rights::{Ace, AceFlags, AceKind, Acl, BadDescriptor, Control, Descriptor, Guid, Mask, Right, Sid};
use proptest::prelude::*;

/// The facts' reference vectors (domain 4.3), without the trustee's bytes.
const VECTORS: [(Right, &str); 5] = [
    (Right::ChangePassword, "050a48000001000003000000531a72ab2f1ed011981900aa0040529bba7a96bfe60dd011a28500aa003049e2"),
    (Right::ResetPassword, "050a48000001000003000000709529006d24d011a76800aa006e0529ba7a96bfe60dd011a28500aa003049e2"),
    (Right::WriteLockoutTime, "050a48002000000003000000bf0e6328d541d111a9c10000f80367c1ba7a96bfe60dd011a28500aa003049e2"),
    (Right::WritePwdLastSet, "050a480020000000030000000a7a96bfe60dd011a28500aa003049e2ba7a96bfe60dd011a28500aa003049e2"),
    (Right::UnexpirePassword, "0502380000010000010000007ddcc2ccada67a4a8846c04e3cc53501"),
];

const TRUSTEE: &str = "010500000000000515000000c7353a428e6b748455a1aec651040000";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

#[test]
fn the_rights_have_the_bytes_of_the_facts() {
    for (right, bytes) in VECTORS {
        let wanted = hex(&format!("{bytes}{TRUSTEE}"));
        let mut written = Vec::new();
        right.ace(DELEGATE).write_to(&mut written);
        assert_eq!(written, wanted, "{right:?}");
        assert_eq!(Ace::read(wanted[0], AceFlags(wanted[1]), &wanted[4..]), right.ace(DELEGATE));
    }
}

/// Header, then owner, gap, DACL with slack and reserved bytes, gap, group, SACL, and bytes at the end.
fn odd() -> Vec<u8> {
    let owner = hex("01020000000000052000000020020000");
    let group = hex("010100000000000512000000");
    let ace = hex("00021800 94000200 0101000000000005 0b000000 deadbeef");
    let callback = hex("09001000 01000000 01010000 61727478");
    let broken = hex("05000c00 00010000 04000000");
    let aces = [ace, callback, broken].concat();
    let dacl = [hex("047f4400 0300adde"), aces, hex("0102030405060708")].concat();
    let sacl = hex("02000800 00000000");
    // Offsets: owner 20, group 112, SACL 124, DACL 40.
    let mut out = hex("01aa1484 14000000 70000000 7c000000 28000000");
    out.extend(owner);
    out.extend(hex("eeeeeeee"));
    out.extend(dacl);
    out.extend(hex("cccc cccc"));
    out.extend(group);
    out.extend(sacl);
    out.extend(hex("ffff"));
    out
}

#[test]
fn a_descriptor_with_gaps_slack_and_strange_entries_comes_back_byte_for_byte() {
    let bytes = odd();
    let read = Descriptor::read(&bytes).unwrap();
    assert_eq!((read.owner, read.group, read.reserved), (Some(Sid::ADMINISTRATORS), Some(Sid::SYSTEM), 0xaa));
    let dacl = read.dacl.as_ref().unwrap();
    assert_eq!((dacl.reserved, dacl.slack.as_slice()), ((0x7f, 0xdead), [1, 2, 3, 4, 5, 6, 7, 8].as_slice()));
    let kinds: Vec<AceKind> = dacl.aces.iter().map(|ace| ace.kind).collect();
    assert_eq!(kinds, [AceKind::Allow, AceKind::Other(9), AceKind::Other(5)]);
    assert_eq!(dacl.aces[0].tail, [0xde, 0xad, 0xbe, 0xef]);
    assert_eq!(read.write(), bytes);
}

#[test]
fn a_change_of_the_list_leaves_every_other_byte_where_it_belongs() {
    let mut read = Descriptor::read(&odd()).unwrap();
    let new = Right::ResetPassword.ace(DELEGATE);
    read.dacl.as_mut().unwrap().aces.push(new.clone());
    let written = read.write();
    let again = Descriptor::read(&written).unwrap();
    assert_eq!(again, read);
    assert_eq!(written.len(), odd().len() + new.len());
    read.dacl.as_mut().unwrap().aces.pop();
    assert_eq!(read.write(), odd());
}

#[test]
fn owner_and_group_may_be_the_same_bytes() {
    let bytes = [hex("01000080 14000000 14000000 00000000 00000000"), Sid::SYSTEM.write()].concat();
    let mut read = Descriptor::read(&bytes).unwrap();
    assert_eq!((read.owner, read.group, read.write()), (Some(Sid::SYSTEM), Some(Sid::SYSTEM), bytes.clone()));
    read.group = Some(Sid::ADMINISTRATORS);
    assert_eq!(Descriptor::read(&read.write()).unwrap().group, Some(Sid::ADMINISTRATORS));
}

#[test]
fn the_three_states_of_a_dacl_are_told_apart() {
    let head = |control: u16, offset: u32| {
        let [c0, c1] = control.to_le_bytes();
        [vec![1, 0, c0, c1], vec![0; 12], offset.to_le_bytes().to_vec(), hex("02000800 00000000")].concat()
    };
    for (bytes, is) in [(head(0x8000, 0), "absent"), (head(0x8000, 20), "absent"), (head(0x8004, 0), "null"), (head(0x8004, 20), "list")] {
        let read = Descriptor::read(&bytes).unwrap();
        let state = match read.dacl() {
            Dacl::Absent => "absent",
            Dacl::Null => "null",
            Dacl::List(acl) if acl.aces.is_empty() => "list",
            Dacl::List(_) => "full",
        };
        assert_eq!((state, read.write()), (is, bytes));
    }
}

#[test]
fn what_is_no_descriptor_is_refused_with_its_reason() {
    let odd = odd();
    assert_eq!(Descriptor::read(&[]), Err(BadDescriptor::Cut));
    assert_eq!(Descriptor::read(&[2; 20]), Err(BadDescriptor::Revision(2)));
    let mut overlapping = odd.clone();
    overlapping[8..12].copy_from_slice(&24_u32.to_le_bytes());
    assert!(matches!(Descriptor::read(&overlapping), Err(BadDescriptor::Overlap | BadDescriptor::Sid)));
    let mut inside_head = odd.clone();
    inside_head[4..8].copy_from_slice(&8_u32.to_le_bytes());
    assert!(Descriptor::read(&inside_head).is_err());
    for cut in 0..odd.len() - 2 {
        assert!(Descriptor::read(&odd[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_count_without_entries_is_refused_before_anything_is_allocated_for_it() {
    let bytes = hex("0400 0800 ffff 0000");
    assert!(Acl::take(&bytes).is_err());
    // 65,535 said, two there: what is refused is the third.
    let bytes = hex("0400 1000 ffff 0000 00000400 00000400");
    assert_eq!(Acl::take(&bytes).unwrap_err().to_string(), "entry 2 is cut off");
    let (full, size) = Acl::take(&hex("0400 1000 0200 0000 00000400 00000400")).unwrap();
    assert_eq!((size, full.aces.len()), (16, 2));
    assert!(full.aces.capacity() <= 4, "{}", full.aces.capacity());
}

#[test]
fn a_written_dacl_holds_neither_owner_nor_group_nor_sacl() {
    let alone = Descriptor::read(&odd()).unwrap().dacl_only();
    let again = Descriptor::read(&alone.write()).unwrap();
    assert_eq!((again.owner, again.group, again.sacl.is_some()), (None, None, false));
    assert_eq!(again.control, Control::SELF_RELATIVE.with(Control::DACL_PRESENT).with(Control::DACL_AUTO_INHERITED));
    assert_eq!(again.dacl, Descriptor::read(&odd()).unwrap().dacl);
}

#[test]
fn an_acl_that_outgrew_its_size_field_says_so() {
    let mut acl = Acl::default();
    let ace = Ace { tail: vec![0; 40_000], ..Ace::allow(AceFlags::NONE, Mask::NONE, Sid::EVERYONE) };
    acl.aces.push(ace.clone());
    assert!(acl.fits());
    acl.aces.push(ace);
    assert!(!acl.fits());
}

proptest! {
    #[test]
    fn sids_and_guids_survive_bytes_and_text(sid in any_sid(), guid in any_guid()) {
        prop_assert_eq!(Sid::read(&sid.write()), Some(sid));
        prop_assert_eq!(sid.to_string().parse(), Ok(sid));
        prop_assert_eq!(guid.to_string().parse(), Ok(guid));
        prop_assert_eq!(Guid::from_bytes(*guid.bytes()), guid);
    }

    #[test]
    fn an_ace_survives_its_bytes(ace in any_ace()) {
        let mut bytes = Vec::new();
        ace.write_to(&mut bytes);
        prop_assert_eq!(bytes.len(), ace.len());
        prop_assert_eq!(Ace::read(bytes[0], AceFlags(bytes[1]), &bytes[4..]), ace);
    }

    #[test]
    fn a_descriptor_survives_its_bytes(
        control in any::<u16>(),
        owner in prop::option::of(any_sid()),
        group in prop::option::of(any_sid()),
        dacl in prop::option::of(any_acl()),
        sacl in prop::option::of(any_acl()),
    ) {
        let mut value = Descriptor::default();
        (value.control, value.owner, value.group, value.sacl, value.dacl) = (Control(control), owner, group, sacl, dacl);
        let bytes = value.write();
        let read = Descriptor::read(&bytes).unwrap();
        prop_assert_eq!(read.write(), bytes);
        prop_assert_eq!((read.owner, read.group, read.sacl, read.dacl), (value.owner, value.group, value.sacl, value.dacl));
    }

    #[test]
    fn whatever_is_read_is_written_back(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(read) = Descriptor::read(&bytes) {
            prop_assert_eq!(read.write(), bytes);
        }
    }

    /// Mutations of a real shape come far deeper than noise does.
    #[test]
    fn a_damaged_descriptor_is_refused_or_written_back(hits in prop::collection::vec((0_usize..134, any::<u8>()), 1..6), cut in 0_usize..140) {
        let mut bytes = odd();
        for (at, byte) in hits {
            if let Some(there) = bytes.get_mut(at) {
                *there = byte;
            }
        }
        bytes.truncate(cut.max(1));
        let glance = Glance::at(&bytes).map(|glance| glance.dacl.into_iter().flatten().count());
        if let Ok(read) = Descriptor::read(&bytes) {
            prop_assert_eq!(glance, Ok(read.dacl.as_ref().map_or(0, |acl| acl.aces.len())));
            prop_assert_eq!(read.write(), bytes);
        }
    }
}
