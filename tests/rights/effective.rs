//! What a trustee may really do. Rows marked "measured" were tried on a real domain controller (facts, directory 4).

use crate::given::{DELEGATE, FOREIGN, GROUP, OTHER, USER2, descriptor};
use guidepost::rights::delegation::known;
use guidepost::rights::{Asked, Mask, Sid, Target, Token, Why, decide};

fn user() -> Target {
    Target { classes: vec![known::USER], sid: Some(USER2) }
}

fn delegate() -> Token {
    Token::of(DELEGATE, [GROUP])
}

const RESET: Asked = Asked::extended(known::RESET_PASSWORD);
const CHANGE: Asked = Asked::extended(known::CHANGE_PASSWORD);
const PWD_LAST_SET: Asked = Asked::write(known::PWD_LAST_SET, Some(known::USER_ACCOUNT_RESTRICTIONS));
const LOCKOUT: Asked = Asked::write(known::LOCKOUT_TIME, None);

/// Resets, writes pwdLastSet, writes lockoutTime.
fn three(aces: &str) -> [bool; 3] {
    let on = descriptor(&format!("O:SYD:{aces}"));
    [RESET, PWD_LAST_SET, LOCKOUT].map(|asked| decide(&on, &delegate(), &user(), asked).allowed)
}

fn why(text: &str, asked: Asked) -> Why {
    decide(&descriptor(text), &delegate(), &user(), asked).why
}

#[test]
fn each_right_is_worth_itself_only() {
    for (aces, expected) in [
        // measured
        ("(OA;CIID;CR;Reset;User;Delegate)", [true, false, false]),
        ("(OA;CIID;WP;PwdLast;User;Delegate)", [false, true, false]),
        ("(OA;CIID;WP;Lockout;User;Delegate)", [false, false, true]),
        ("(OA;CIID;CR;Change;User;Delegate)", [false, false, false]),
        ("(OA;;WP;Restrictions;;Delegate)", [false, true, false]),
        ("(A;;WP;;;Delegate)", [false, true, true]),
        ("(OA;;WP;;;Delegate)", [false, true, true]),
        ("(A;;CR;;;Delegate)", [true, false, false]),
        ("(OA;;CR;;;Delegate)", [true, false, false]),
        ("(A;;GA;;;Delegate)", [true, true, true]),
        ("(A;;0xf01ff;;;Delegate)", [true, true, true]),
        // Generic write is writing properties, not extended rights; the object's class is the root of its properties, not of its rights.
        ("(A;;GW;;;Delegate)", [false, true, true]),
        ("(OA;;CRWP;User;;Delegate)", [false, true, true]),
        ("(OA;;WP;Computer;;Delegate)", [false, false, false]),
        // An extended right's id under "write property" is no such right, nor the other way round.
        ("(OA;;WP;Reset;;Delegate)(OA;;CR;Lockout;;Delegate)", [false, false, false]),
    ] {
        assert_eq!(three(aces), expected, "{aces}");
    }
}

#[test]
fn order_decides_and_is_taken_as_it_is_stored() {
    let allow = "(OA;CIID;CR;Reset;User;Delegate)";
    for (text, expected) in [
        // measured: an explicit denial stands before what is inherited
        (format!("(OD;;CR;Reset;;Delegate){allow}"), Why::Denied(0)),
        // measured: an inherited denial that stands first
        (format!("(OD;CIID;CR;Reset;User;Delegate){allow}"), Why::Denied(0)),
        // measured: a denial that stands last
        (format!("{allow}(OD;CIID;CR;Reset;User;Delegate)"), Why::Allowed(0)),
        (format!("(D;;CR;;;Group){allow}"), Why::Denied(0)),
        (format!("(D;;GA;;;WD){allow}"), Why::Denied(0)),
        (format!("(D;;WP;;;Delegate){allow}"), Why::Allowed(1)),
        (format!("(OD;;CR;Change;;Delegate){allow}"), Why::Allowed(1)),
        (format!("(D;;CR;;;Other)(D;;CR;;;Foreign){allow}"), Why::Allowed(2)),
        (format!("(D;CIIO;CR;;;Delegate){allow}"), Why::Allowed(1)),
        ("(OA;CIIOID;CR;Reset;User;Delegate)".to_owned(), Why::NothingAllows),
        (String::new(), Why::NothingAllows),
    ] {
        assert_eq!(why(&format!("O:SYD:{text}"), RESET), expected, "{text}");
    }
}

#[test]
fn a_denied_property_set_denies_its_properties_and_no_others() {
    let allow = "(A;;WP;;;Delegate)";
    assert_eq!(three(&format!("(OD;;WP;Restrictions;;Delegate){allow}")), [false, false, true]);
    assert_eq!(three(&format!("(OD;;WP;User;;Delegate){allow}")), [false, false, false]);
    assert_eq!(three(&format!("(OA;;WP;PwdLast;;Delegate)(OD;;WP;Restrictions;;Delegate){allow}")), [false, true, true]);
}

#[test]
fn the_token_holds_groups_everyone_and_authenticated_users() {
    for trustee in ["Delegate", "Group", "WD", "AU"] {
        assert_eq!(why(&format!("O:SYD:(OA;;CR;Reset;;{trustee})"), RESET), Why::Allowed(0), "{trustee}");
    }
    for trustee in ["Other", "Foreign", "PS", "CO", "OW", "AN", "DA"] {
        assert_eq!(why(&format!("O:SYD:(OA;;CR;Reset;;{trustee})"), RESET), Why::NothingAllows, "{trustee}");
    }
    let primary = Token::of(OTHER, []).with_primary_group(&OTHER, 1107);
    let on = descriptor("O:SYD:(OA;;CR;Reset;;Group)");
    assert!(decide(&on, &primary, &user(), RESET).allowed);
    assert!(!decide(&on, &Token::of(FOREIGN, []).with_primary_group(&FOREIGN, 1107), &user(), RESET).allowed);
}

#[test]
fn self_is_the_object_that_asks_and_nobody_else() {
    let on = descriptor("O:SYD:(OA;;CR;Change;;PS)");
    let own = Token::of(USER2, []);
    assert!(decide(&on, &own, &user(), CHANGE).allowed);
    assert!(!decide(&on, &delegate(), &user(), CHANGE).allowed);
    assert!(!decide(&on, &own, &Target { sid: None, ..user() }, CHANGE).allowed);
    // A group is itself to its members.
    assert!(decide(&on, &delegate(), &Target { sid: Some(GROUP), classes: vec![known::GROUP] }, CHANGE).allowed);
}

#[test]
fn without_a_list_all_is_allowed_and_with_an_empty_one_nothing() {
    assert_eq!(why("O:SY", RESET), Why::Unlimited);
    assert_eq!(why("O:SYD:NO_ACCESS_CONTROL", RESET), Why::Unlimited);
    assert_eq!(why("O:SYD:", RESET), Why::NothingAllows);
}

#[test]
fn the_owner_may_read_and_write_the_list_unless_an_ace_limits_owners() {
    let list = Asked::whole(Mask::READ_CONTROL | Mask::WRITE_DAC);
    for owner in ["Delegate", "Group"] {
        assert_eq!(why(&format!("O:{owner}D:"), list), Why::Owner);
    }
    assert_eq!(why("O:OtherD:", list), Why::NothingAllows);
    assert_eq!(why("O:DelegateD:(A;;RC;;;OW)", list), Why::NothingAllows);
    assert_eq!(why("O:DelegateD:(A;;RCWD;;;OW)", list), Why::Allowed(0));
    assert_eq!(why("O:DelegateD:(A;CIIO;RC;;;OW)", list), Why::Owner);
    assert_eq!(why("O:DelegateD:(A;;WO;;;Delegate)", Asked::whole(Mask::WRITE_DAC | Mask::WRITE_OWNER)), Why::Allowed(0));
    assert_eq!(why("O:DelegateD:", RESET), Why::NothingAllows);
}

#[test]
fn several_aces_may_allow_together_and_what_is_left_is_told() {
    let both = Asked::whole(Mask::READ_PROPERTY | Mask::LIST_CHILDREN);
    let on = descriptor("O:SYD:(A;;RP;;;Delegate)(A;;WP;;;Delegate)(A;;LC;;;AU)");
    let decision = decide(&on, &delegate(), &user(), both);
    assert_eq!((decision.allowed, decision.by, decision.missing), (true, Some(2), Mask::NONE));
    let less = decide(&descriptor("O:SYD:(A;;RP;;;Delegate)"), &delegate(), &user(), both);
    assert_eq!((less.allowed, less.by, less.missing), (false, None, Mask::LIST_CHILDREN));
    assert_eq!(decide(&on, &delegate(), &user(), Asked::whole(Mask::GENERIC_READ)).missing, Mask(0x2_0080));
}

#[test]
fn a_right_as_a_whole_is_not_allowed_by_an_ace_for_one_of_its_kind() {
    assert_eq!(why("O:SYD:(OA;;WP;Lockout;;Delegate)", Asked::whole(Mask::WRITE_PROPERTY)), Why::NothingAllows);
    assert_eq!(why("O:SYD:(OD;;WP;Lockout;;Delegate)(A;;WP;;;Delegate)", Asked::whole(Mask::WRITE_PROPERTY)), Why::Allowed(1));
}

#[test]
fn what_is_carried_and_not_understood_decides_nothing() {
    assert_eq!(why("O:SYD:(0x9;;0x00010000)(0x1;;0x00)(AU;SA;CR;;;Delegate)(OA;;CR;Reset;;Delegate)", RESET), Why::Allowed(3));
}

#[test]
fn nobody_is_in_no_token() {
    assert!(!delegate().has(&Sid::NOBODY));
}
