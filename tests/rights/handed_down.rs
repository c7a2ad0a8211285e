//! What children inherit. Rows marked "measured" were seen on a real domain controller (facts, directory 4).

use crate::given::{DELEGATE, OTHER, aces, acl, descriptor};
use guidepost::rights::delegation::known;
use guidepost::rights::inherit::{Child, canonical, inherited, merged};
use guidepost::rights::{Ace, Asked, Guid, Right, Target, Token, decide};

fn child(class: Guid) -> Child {
    Child { classes: vec![class], owner: Some(OTHER), group: Some(OTHER) }
}

fn texts(aces: &[Ace]) -> Vec<String> {
    aces.iter().map(Ace::to_string).collect()
}

fn below(parent: &str, class: Guid) -> Vec<String> {
    texts(&inherited(&acl(parent), &child(class)))
}

#[test]
fn a_user_gets_the_grant_and_others_only_carry_it() {
    for (parent, class, expected) in [
        // measured: the copy on a user counts (0x12), on others it is inherit-only (0x1a)
        ("(OA;CIIO;CR;Reset;User;Delegate)", known::USER, "(OA;CIID;CR;Reset;User;Delegate)"),
        ("(OA;CIIO;CR;Reset;User;Delegate)", known::COMPUTER, "(OA;CIIOID;CR;Reset;User;Delegate)"),
        ("(OA;CIIO;CR;Reset;User;Delegate)", known::GROUP, "(OA;CIIOID;CR;Reset;User;Delegate)"),
        ("(OA;CIIO;CR;Reset;User;Delegate)", known::ORGANIZATIONAL_UNIT, "(OA;CIIOID;CR;Reset;User;Delegate)"),
        // measured: without IO the same for users
        ("(OA;CI;CR;Reset;User;Delegate)", known::USER, "(OA;CIID;CR;Reset;User;Delegate)"),
        ("(A;CI;RP;;;AU)", known::COMPUTER, "(A;CIID;RP;;;AU)"),
        ("(A;CIIO;RP;;;AU)", known::USER, "(A;CIID;RP;;;AU)"),
        ("(A;OIIO;RP;;;AU)", known::USER, "(A;OIIOID;RP;;;AU)"),
        ("(A;OICI;RP;;;AU)", known::USER, "(A;OICIID;RP;;;AU)"),
        ("(A;CIID;RP;;;AU)", known::USER, "(A;CIID;RP;;;AU)"),
        ("(D;CI;RP;;;AU)", known::USER, "(D;CIID;RP;;;AU)"),
        ("(OD;CIIO;RP;;User;AU)", known::USER, "(OD;CIID;RP;;User;AU)"),
    ] {
        assert_eq!(below(parent, class), texts(&aces(expected)), "{parent}");
    }
}

#[test]
fn what_is_for_this_object_or_its_children_only_goes_no_further() {
    assert_eq!(below("(OA;;CR;Reset;;Delegate)(A;ID;RP;;;AU)(A;OINP;RP;;;AU)", known::USER), Vec::<String>::new());
    // measured: 0x0e reaches nobody below an organizational unit
    let parent = "(OA;CINPIO;CR;Reset;User;Delegate)";
    assert_eq!(below(parent, known::ORGANIZATIONAL_UNIT), Vec::<String>::new());
    assert_eq!(below(parent, known::USER), texts(&aces("(OA;ID;CR;Reset;;Delegate)")));
    assert_eq!(below("(OA;CINP;RP;;User;AU)", known::USER), ["(A;ID;RP;;;AU)"]);
}

#[test]
fn what_is_open_is_filled_in_for_the_child_and_passed_on_as_it_was() {
    assert_eq!(below("(A;CIIO;GA;;;CO)", known::USER), texts(&aces("(A;ID;0xf01ff;;;Other)(A;CIIOID;GA;;;CO)")));
    assert_eq!(below("(A;CI;GR;;;AU)", known::USER), texts(&aces("(A;ID;LCRPLORC;;;AU)(A;CIIOID;GR;;;AU)")));
    assert_eq!(below("(A;CINP;GR;;;CG)", known::USER), texts(&aces("(A;ID;LCRPLORC;;;Other)")));
    let orphan = Child { classes: vec![known::USER], ..Child::default() };
    assert_eq!(texts(&inherited(&acl("(A;CIIO;GA;;;CO)(A;CINP;GA;;;CO)"), &orphan)), ["(A;CIIOID;GA;;;CO)"]);
}

#[test]
fn a_child_keeps_its_own_entries_first_and_gets_the_parents_anew() {
    let parent = acl("(OA;CIIO;CR;Reset;User;Delegate)(A;;GA;;;SY)(A;CI;RP;;;AU)");
    let own = acl("(A;;WP;;;Other)(A;CIID;LC;;;AU)(D;;SD;;;WD)");
    let merged_with = |protected| texts(&merged(&parent, &own, protected, &child(known::USER)).aces);
    assert_eq!(merged_with(false), texts(&aces("(A;;WP;;;Other)(D;;SD;;;WD)(OA;CIID;CR;Reset;User;Delegate)(A;CIID;RP;;;AU)")));
    assert_eq!(merged_with(true), texts(&aces("(A;;WP;;;Other)(D;;SD;;;WD)")));
}

#[test]
fn an_explicit_entry_is_stored_with_its_generic_bits_mapped() {
    let stored = merged(&acl(""), &acl("(A;;GA;;;AU)(A;CI;GR;;;AU)(A;CIIO;GR;;;AU)(A;;RP;;;CO)"), false, &child(known::USER));
    assert_eq!(texts(&stored.aces), texts(&aces("(A;;0xf01ff;;;AU)(A;CIIO;GR;;;AU)(A;;LCRPLORC;;;AU)(A;CIIO;GR;;;AU)(A;;RP;;;Other)")));
}

#[test]
fn what_is_carried_is_handed_down_as_it_is() {
    assert_eq!(below("(0x9;CI;0x00010000)(0x9;;0x00)", known::USER), ["(0x9;CIID;0x00010000)"]);
}

#[test]
fn a_grant_at_the_head_lets_the_delegate_reset_a_user_two_levels_below_and_no_computer() {
    let mut head = acl("(A;CI;RP;;;AU)");
    head.aces.push(Right::ResetPassword.ace(DELEGATE));
    let unit = merged(&head, &acl(""), false, &child(known::ORGANIZATIONAL_UNIT));
    let resets = |class: Guid| {
        let mut object = descriptor("O:SYD:");
        object.dacl = Some(merged(&unit, &acl("(A;;RP;;;AU)"), false, &child(class)));
        decide(&object, &Token::of(DELEGATE, []), &Target { classes: vec![class], sid: None }, Asked::extended(known::RESET_PASSWORD))
            .allowed
    };
    assert_eq!([known::USER, known::COMPUTER, known::ORGANIZATIONAL_UNIT].map(resets), [true, false, false]);
}

#[test]
fn canonical_order_keeps_what_is_of_one_rank_as_it_was() {
    let mut list = acl("(OA;CIID;CR;Reset;;AU)(D;ID;RP;;;AU)(OA;;RP;Lockout;;AU)(A;;RP;;;AU)(OD;;RP;Lockout;;AU)(A;;WP;;;AU)(D;;WP;;;AU)");
    canonical(&mut list);
    let expected = "(D;;WP;;;AU)(OD;;RP;Lockout;;AU)(A;;RP;;;AU)(A;;WP;;;AU)(OA;;RP;Lockout;;AU)(OA;CIID;CR;Reset;;AU)(D;ID;RP;;;AU)";
    assert_eq!(texts(&list.aces), texts(&aces(expected)));
}
