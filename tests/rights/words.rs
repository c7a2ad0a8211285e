//! SDDL: what is printed is read again as the same, and what is written by others is understood.

use crate::given::{DELEGATE, DOMAIN, any_ace, any_acl, any_sid};
use guidepost::rights::sddl::{parse, parse_ace, print, print_ace, print_sid};
use guidepost::rights::{Ace, AceFlags, Control, Descriptor, Home, Mask, Right, Sid};
use proptest::prelude::*;

#[test]
fn the_rights_are_printed_as_the_facts_have_them() {
    let texts: Vec<String> =
        [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet, Right::UnexpirePassword]
            .iter()
            .map(|right| print_ace(&right.ace(DELEGATE)))
            .collect();
    let user = "bf967aba-0de6-11d0-a285-00aa003049e2";
    assert_eq!(
        texts,
        [
            format!("(OA;CIIO;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;{user};{DELEGATE})"),
            format!("(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;{user};{DELEGATE})"),
            format!("(OA;CIIO;WP;28630ebf-41d5-11d1-a9c1-0000f80367c1;{user};{DELEGATE})"),
            format!("(OA;CIIO;WP;bf967a0a-0de6-11d0-a285-00aa003049e2;{user};{DELEGATE})"),
            format!("(OA;CI;CR;ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501;;{DELEGATE})"),
        ]
    );
}

#[test]
fn the_schema_s_default_descriptor_of_a_user_is_understood() {
    let home = Home::of(DOMAIN);
    let text = "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;PS)\
        (OA;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)(OA;CIIOID;RPWP;77b5b886-944a-11d1-aebd-0000f80367c1;;PS)(OA;;RP;59ba2f42-79a2-11d0-9020-00c04fc2d3cf;;AU)";
    let read = parse(text, &home).unwrap();
    let all = "CCDCLCSWRPWPDTLOCRSDRCWDWO";
    let printed = format!(
        "D:(A;;{all};;;{DOMAIN}-512)(A;;{all};;;SY)(A;;LCRPLORC;;;PS)(OA;;CR;ab721a53-1e2f-11d0-9819-00aa0040529b;;WD)\
        (OA;CIIOID;RPWP;77b5b886-944a-11d1-aebd-0000f80367c1;;PS)(OA;;RP;59ba2f42-79a2-11d0-9020-00c04fc2d3cf;;AU)"
    );
    assert_eq!(print(&read), printed);
    assert_eq!(read.dacl.as_ref().unwrap().aces[0].mask, Mask::FULL);
}

#[test]
fn owner_group_flags_and_the_states_of_a_list_survive() {
    let home = Home::of(DOMAIN);
    for text in [
        "",
        "O:BA",
        "O:S-1-5-21-1-2-3-512G:SYD:PAI(A;;RP;;;AU)S:AI(AU;SAFA;WP;;;WD)",
        "O:S-1-0x10000000000DG:S-1-0x10000000000D",
        "D:NO_ACCESS_CONTROL",
        "D:PNO_ACCESS_CONTROL",
        "D:",
        "D:P",
        "D:ARAI(D;OICINPIO;GA;;;AN)",
        "S:NO_ACCESS_CONTROL",
        "D:(A;CR;0x120000;;;WD)(A;;0x1;;;WD;0xdeadbeef)(0x9;CI;0x0102)(0xff;;0x)"
            .replace("0x120000", "0x2100000")
            .replace(";0x1;", ";CC;")
            .as_str(),
    ] {
        assert_eq!(print(&parse(text, &home).unwrap()), text);
    }
    let control = |text| parse(text, &home).unwrap().control;
    assert!(control("D:PAI").has(Control::DACL_PROTECTED.with(Control::DACL_AUTO_INHERITED).with(Control::DACL_PRESENT)));
    assert!(!control("O:SY").has(Control::DACL_PRESENT));
}

#[test]
fn parts_come_in_any_order_letters_in_any_case_masks_in_any_notation() {
    let home = Home::of(DOMAIN);
    let one = parse("D:(a;ci;rpwp;;;au)O:da", &home).unwrap();
    assert_eq!(one, parse("O:DAD:(A;CI;0x30;;;S-1-5-11)", &home).unwrap());
    assert_eq!(one, parse("O:DAD:(A;CI;48;;;AU)", &home).unwrap());
}

#[test]
fn aliases_of_a_domain_need_one_and_those_of_a_forest_its_root() {
    let root = Sid::known(5, &[21, 7, 7, 7]);
    let home = Home { domain: Some(DOMAIN), root: Some(root) };
    let owner = |text: &str| parse(text, &home).unwrap().owner.unwrap();
    assert_eq!(
        [owner("O:DA"), owner("O:DU"), owner("O:EA"), owner("O:SA")],
        [DOMAIN.child(512), DOMAIN.child(513), root.child(519), root.child(518)]
    );
    assert_eq!(parse("O:EA", &Home::default()).unwrap_err().to_string(), "`EA` belongs to a domain, and none is given");
    assert_eq!((print_sid(&Sid::EVERYONE), print_sid(&DOMAIN.child(512))), ("WD".to_owned(), format!("{DOMAIN}-512")));
}

#[test]
fn what_is_no_sddl_is_refused_with_the_words_that_are_wrong() {
    let home = Home::of(DOMAIN);
    for (text, said) in [
        ("X:SY", "`X:` is no part of a security descriptor; `O:`, `G:`, `D:` and `S:` are, each once"),
        ("O:SYO:SY", "`O:` is no part of a security descriptor; `O:`, `G:`, `D:` and `S:` are, each once"),
        ("SY", "`SY` is no part of a security descriptor; `O:`, `G:`, `D:` and `S:` are, each once"),
        ("O:", "`` is no SID and no known alias"),
        ("O:XX", "`XX` is no SID and no known alias"),
        ("D:Q", "`Q` are no flags of an access list"),
        ("D:(A;;RP;;;AU", "`(A;;RP;;;AU` is no entry; one looks like `(A;CI;RP;;;AU)`"),
        ("D:(A;;RP;;AU)", "`(A;;RP;;AU)` is no entry; one looks like `(A;CI;RP;;;AU)`"),
        ("D:(A;;RP;;;AU)x", "`x` is no entry; one looks like `(A;CI;RP;;;AU)`"),
        ("D:(B;;RP;;;AU)", "`B` is no type of an entry"),
        ("D:(A;XX;RP;;;AU)", "`XX` is no flag of an entry"),
        ("D:(A;;RPX;;;AU)", "`RPX` is no right of an entry"),
        ("D:(A;;0x1ffffffff;;;AU)", "`0x1ffffffff` is no right of an entry"),
        ("D:(OA;;RP;nope;;AU)", "`nope` is no GUID of an entry"),
        (
            "D:(A;;RP;ab721a53-1e2f-11d0-9819-00aa0040529b;;AU)",
            "`ab721a53-1e2f-11d0-9819-00aa0040529b` is no object of a plain type of an entry",
        ),
        ("D:(A;;RP;;;AU;zz)", "`zz` is no tail of an entry"),
        ("D:(0x9;;0x1)", "`0x1` is no body of an entry"),
        ("D:(0x100;;0x)", "`0x100` is no type of an entry"),
    ] {
        assert_eq!(parse(text, &home).unwrap_err().to_string(), said);
    }
    assert!(parse_ace("A;;RP;;;AU", &home).is_err());
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(
        owner in prop::option::of(any_sid()),
        group in prop::option::of(any_sid()),
        dacl in prop::option::of(any_acl()),
        sacl in prop::option::of(any_acl()),
        bits in any::<u16>(),
    ) {
        // Defaulted parts and the resource manager have no word.
        let worded = [Control::DACL_PROTECTED, Control::SACL_PROTECTED, Control::DACL_AUTO_INHERITED, Control::SACL_AUTO_INHERITED,
            Control::DACL_AUTO_INHERIT_REQUIRED, Control::SACL_AUTO_INHERIT_REQUIRED];
        let mut control = Control::SELF_RELATIVE;
        if dacl.is_some() { control = worded.iter().step_by(2).fold(control.with(Control::DACL_PRESENT), |sum, bit| sum.with(Control(bits & bit.0))); }
        if sacl.is_some() { control = worded.iter().skip(1).step_by(2).fold(control.with(Control::SACL_PRESENT), |sum, bit| sum.with(Control(bits & bit.0))); }
        let mut value = Descriptor::default();
        (value.control, value.owner, value.group, value.sacl, value.dacl) = (control, owner, group, sacl, dacl);
        let text = print(&value);
        prop_assert_eq!(parse(&text, &Home::default()), Ok(value), "{}", text);
    }

    #[test]
    fn an_ace_survives_its_text(ace in any_ace()) {
        prop_assert_eq!(parse_ace(&print_ace(&ace), &Home::default()), Ok(ace));
    }

    #[test]
    fn a_mask_survives_its_text(mask in any::<u32>(), flags in any::<u8>()) {
        let ace = Ace::allow(AceFlags(flags), Mask(mask), Sid::EVERYONE);
        prop_assert_eq!(parse_ace(&print_ace(&ace), &Home::default()), Ok(ace));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[OGDS:;()A-Z0-9a-fx\\-äé ]{0,60}|\\PC{0,40}") {
        if let Ok(read) = parse(&text, &Home::of(DOMAIN)) {
            prop_assert_eq!(parse(&print(&read), &Home::default()), Ok(read));
        }
    }
}
