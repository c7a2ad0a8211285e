//! The rights of block B: what is missing, where it goes, how it comes out again, and what only looks like it.

use crate::given::{DELEGATE, DOMAIN, GROUP, aces, acl, any_acl, descriptor};
use guidepost::rights::delegation::{Full, RIGHTS, cut_off, insert, missing, near_misses, remove, wanted};
use guidepost::rights::{Ace, AceFlags, Acl, NearMiss, Right, Sid, Token};
use proptest::prelude::*;

const FOUR: [Right; 4] = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];

fn texts(acl: &Acl) -> Vec<String> {
    acl.aces.iter().map(Ace::to_string).collect()
}

#[test]
fn the_table_of_rights_is_in_the_order_of_its_enum_and_names_are_unique() {
    for (at, row) in RIGHTS.iter().enumerate() {
        assert_eq!((row.right as usize, Right::named(row.name), row.right.row()), (at, Some(row.right), row));
    }
    assert_eq!(Right::named("reset"), None);
}

#[test]
fn only_what_is_not_there_is_missing() {
    let four = wanted(&FOUR, DELEGATE);
    assert_eq!(missing(&acl("(A;;GA;;;SY)"), &four), four);
    let two = acl("(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;RPWP;Lockout;User;Delegate)");
    assert_eq!(missing(&two, &four), [four[0].clone(), four[3].clone()]);
    // measured: without IO the same for users
    assert_eq!(missing(&acl("(OA;CI;CR;Reset;User;Delegate)"), &four[1..2]), []);
    assert_eq!(missing(&acl(""), &[four[1].clone(), four[1].clone()]).len(), 1);
    for other in [
        "(OA;;CR;Reset;;Delegate)",
        "(OA;CINPIO;CR;Reset;User;Delegate)",
        "(OA;CIIO;CR;Reset;;Delegate)",
        "(OA;CIIO;CR;Reset;Computer;Delegate)",
        "(OA;CIIO;CR;Change;User;Delegate)",
        "(OA;CIIO;CR;Reset;User;Other)",
        "(OD;CIIO;CR;Reset;User;Delegate)",
        "(OA;CIIO;WP;Reset;User;Delegate)",
        "(A;CIIO;CR;;;Delegate)",
    ] {
        assert_eq!(missing(&acl(other), &four[1..2]), four[1..2], "{other}");
    }
    let unexpire = wanted(&[Right::UnexpirePassword], DELEGATE);
    assert_eq!(missing(&acl("(OA;;CR;Unexpire;;Delegate)"), &unexpire), []);
    assert_eq!(missing(&acl("(OA;CIIO;CR;Unexpire;;Delegate)"), &unexpire), unexpire);
}

#[test]
fn a_new_entry_goes_where_canonical_order_wants_it_and_moves_no_other() {
    let new = wanted(&[Right::ResetPassword, Right::WriteLockoutTime], DELEGATE);
    let two = "(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;WP;Lockout;User;Delegate)";
    for (before, after) in [
        ("", two.to_owned()),
        ("(A;;RP;;;AU)(A;CIID;RP;;;AU)", format!("(A;;RP;;;AU){two}(A;CIID;RP;;;AU)")),
        (
            "(D;;RP;;;AN)(OD;;RP;Lockout;;AN)(A;;RP;;;AU)(OA;;RP;Lockout;;AU)(D;ID;RP;;;AN)",
            format!("(D;;RP;;;AN)(OD;;RP;Lockout;;AN)(A;;RP;;;AU)(OA;;RP;Lockout;;AU){two}(D;ID;RP;;;AN)"),
        ),
        // Out of order already: never ahead of a denial.
        ("(A;ID;RP;;;AU)(D;;RP;;;AN)(A;;RP;;;AU)", format!("(A;ID;RP;;;AU)(D;;RP;;;AN){two}(A;;RP;;;AU)")),
        ("(0xa;;0x00)(0x9;;0x00)(0x11;;0x00)", format!("(0xa;;0x00)(0x9;;0x00){two}(0x11;;0x00)")),
    ] {
        let mut list = acl(before);
        insert(&mut list, &new).unwrap();
        assert_eq!(texts(&list), texts(&acl(&after)), "{before}");
    }
    let mut list = acl("(A;;RP;;;AU)(OD;;RP;Lockout;;AN)");
    insert(&mut list, &aces("(D;;WP;;;AN)")).unwrap();
    assert_eq!(texts(&list), texts(&acl("(D;;WP;;;AN)(A;;RP;;;AU)(OD;;RP;Lockout;;AN)")));
}

#[test]
fn a_list_with_object_entries_has_the_revision_for_them() {
    let mut list = Acl { revision: 2, ..acl("(A;;RP;;;AU)") };
    insert(&mut list, &wanted(&FOUR, DELEGATE)).unwrap();
    assert_eq!(list.revision, 4);
}

#[test]
fn a_full_list_is_left_as_it_was() {
    let mut list = acl("");
    list.aces = vec![Ace { tail: vec![0; 32_000], ..aces("(A;;RP;;;AU)").remove(0) }; 2];
    let before = list.clone();
    assert!(matches!(insert(&mut list, &wanted(&[Right::ResetPassword; 30], DELEGATE)), Err(Full(_))));
    assert_eq!(list, before);
}

#[test]
fn only_the_very_entry_is_taken_out_and_a_changed_one_stays() {
    let reset = wanted(&[Right::ResetPassword], DELEGATE);
    let around = "(A;;RP;;;AU)(OA;CIIO;CR;Change;User;Delegate)(OA;CIIO;RPCR;Reset;User;Delegate)";
    let mut list = acl(&format!("{around}(OA;CIIO;CR;Reset;User;Delegate)(A;ID;RP;;;AU)"));
    assert_eq!(remove(&mut list, &reset), []);
    assert_eq!(texts(&list), texts(&acl(&format!("{around}(A;ID;RP;;;AU)"))));
    assert_eq!(remove(&mut list, &reset), reset);
    let mut twice = acl("(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;CR;Reset;User;Delegate)");
    assert_eq!((remove(&mut twice, &reset).len(), twice.aces.len()), (0, 1));
}

fn misses(aces: &str) -> Vec<NearMiss> {
    let head = descriptor(&format!("O:SYD:{aces}"));
    near_misses(&head, &Right::ResetPassword.ace(DELEGATE), &Token::of(DELEGATE, [GROUP]))
}

#[test]
fn near_misses_are_told_apart() {
    let (other, foreign, computer) =
        (DOMAIN.child(1106), Sid::known(5, &[21, 9, 9, 9, 1105]), guidepost::rights::delegation::known::COMPUTER);
    for (aces, expected) in [
        ("(OA;;CR;Reset;;Delegate)", NearMiss::ThisObjectOnly { ace: 0 }),
        ("(A;;RP;;;AU)(OA;CINPIO;CR;Reset;User;Delegate)", NearMiss::ThisObjectOnly { ace: 1 }),
        ("(OA;CI;CR;Reset;;Delegate)", NearMiss::AllObjects { ace: 0 }),
        ("(OA;CIIO;CR;Reset;Computer;Delegate)", NearMiss::OtherClass { ace: 0, class: computer }),
        ("(OA;CIIO;CR;;User;Delegate)", NearMiss::Wider { ace: 0 }),
        ("(OA;CIIO;CR;Reset;User;Other)", NearMiss::OtherTrustee { ace: 0, trustee: other }),
        ("(OA;CIIO;CR;Reset;User;Foreign)", NearMiss::OtherDomain { ace: 0, trustee: foreign }),
        ("(OD;CIIO;CR;Reset;User;Delegate)", NearMiss::Denied { ace: 0, trustee: DELEGATE }),
        ("(OD;CI;CR;Reset;;Group)", NearMiss::Denied { ace: 0, trustee: GROUP }),
        ("(D;CI;GA;;;WD)", NearMiss::Denied { ace: 0, trustee: Sid::EVERYONE }),
    ] {
        assert_eq!(misses(aces), [expected], "{aces}");
    }
}

#[test]
fn the_right_itself_and_what_has_nothing_to_do_with_it_are_no_near_miss() {
    for aces in [
        "(OA;CIIO;CR;Reset;User;Delegate)",
        "(OA;CI;CRWP;Reset;User;Delegate)",
        "(OA;CIIO;CR;Reset;User;Group)",
        // What an administrators' group may do at the head of every domain is nobody's slip in a dialog.
        "(OA;CIIO;CR;Reset;;Group)",
        "(OA;CIIO;CR;Change;User;Other)",
        "(A;CI;GA;;;SY)(A;CI;GA;;;DA)",
        "(OD;CIIO;CR;Reset;User;Other)",
        "(OD;;CR;Reset;;Delegate)",
        "(OD;CIIO;CR;Change;User;Delegate)",
        "(OD;CIIO;CR;Reset;Computer;Delegate)",
        "(AU;CISA;CR;;;Delegate)",
    ] {
        assert_eq!(misses(aces), [], "{aces}");
    }
}

#[test]
fn inheritance_off_and_protection_are_told_apart() {
    let (open, shut) = (descriptor("D:AI(A;;RP;;;AU)"), descriptor("D:PAI(A;;RP;;;AU)"));
    assert_eq!(cut_off(true, [&open, &open]), None);
    assert_eq!(cut_off(false, [&shut, &open]), Some(NearMiss::InheritanceOff { above: 0 }));
    assert_eq!(cut_off(true, [&shut, &open]), Some(NearMiss::Protected));
    assert_eq!(cut_off(true, [&open, &shut]), Some(NearMiss::InheritanceOff { above: 1 }));
}

proptest! {
    /// Whatever is in the list: grant and take back give the same bytes, and a second grant finds nothing to do.
    #[test]
    fn granting_and_taking_back_leaves_no_trace(list in any_acl()) {
        let new = missing(&list, &wanted(&FOUR, DELEGATE));
        let mut granted = list.clone();
        insert(&mut granted, &new).unwrap();
        prop_assert_eq!(missing(&granted, &wanted(&FOUR, DELEGATE)), []);
        prop_assert_eq!(granted.aces.iter().filter(|ace| !new.contains(ace)).collect::<Vec<_>>(), list.aces.iter().collect::<Vec<_>>());
        prop_assert_eq!(remove(&mut granted, &new), []);
        prop_assert_eq!(granted, list);
    }

    #[test]
    fn an_entry_never_lands_ahead_of_an_explicit_denial(list in any_acl()) {
        let mut granted = list;
        insert(&mut granted, &wanted(&[Right::ResetPassword], DELEGATE)).unwrap();
        let at = granted.aces.iter().position(|ace| *ace == Right::ResetPassword.ace(DELEGATE)).unwrap();
        prop_assert!(!granted.aces[at..].iter().any(|ace| ace.kind.denies() && !ace.flags.has(AceFlags::INHERITED)));
    }
}
