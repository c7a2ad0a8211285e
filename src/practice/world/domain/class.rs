//! The classes of the practice domain with the descriptors that new objects get. Not what a client may ask of them.

use crate::rights::descriptor::Control;
use crate::rights::{Ace, AceFlags, Acl, Descriptor, Guid, Mask, Sid};
use serde::{Deserialize, Serialize};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Class {
    /// The head of the domain.
    DomainDns,
    /// `CN=Builtin`.
    BuiltinDomain,
    /// A plain container.
    Container,
    /// An organizational unit.
    OrganizationalUnit,
    /// A person's account.
    User,
    /// An address that cannot sign in.
    Contact,
    /// A machine's account.
    Computer,
    /// A group.
    Group,
}

/// A line of the table.
pub(in crate::practice) struct ClassLine {
    class: Class,
    /// `objectClass`, the most general first.
    pub(in crate::practice) chain: &'static [&'static str],
    /// Its schema GUID.
    pub(in crate::practice) guid: Guid,
    /// First part of `objectCategory`.
    pub(in crate::practice) category: &'static str,
    /// What names it.
    pub(in crate::practice) named_by: &'static str,
    /// Its own entries in a new object's DACL.
    dacl: &'static [Row],
}

/// Who an entry is for.
#[derive(Clone, Copy)]
pub(super) enum Who {
    /// An account of the domain.
    Of(u32),
    /// A well-known one.
    The(Sid),
}

/// An entry: flags, rights, property or right, class that inherits, who.
pub(super) type Row = (u8, u32, Option<Guid>, Option<Guid>, Who);

const DA: Who = Who::Of(512);
const EA: Who = Who::Of(519);
const CA: Who = Who::Of(517);
/// RAS and IAS Servers.
const RS: Who = Who::Of(553);
const SY: Who = Who::The(Sid::SYSTEM);
const BA: Who = Who::The(Sid::ADMINISTRATORS);
const AO: Who = Who::The(Sid::known(5, &[32, 548]));
const PO: Who = Who::The(Sid::known(5, &[32, 550]));
/// Pre-Windows 2000 Compatible Access.
const RU: Who = Who::The(Sid::known(5, &[32, 554]));
/// Windows Authorization Access Group.
const WA: Who = Who::The(Sid::known(5, &[32, 560]));
const PS: Who = Who::The(Sid::SELF);
const AU: Who = Who::The(Sid::AUTHENTICATED_USERS);
const WD: Who = Who::The(Sid::EVERYONE);
const ED: Who = Who::The(Sid::known(5, &[9]));

const FULL: u32 = Mask::FULL.0;
/// RP LC LO RC
const READ: u32 = 0x2_0094;
const RP: u32 = 0x10;
const WP: u32 = 0x20;
const CR: u32 = 0x100;
const RC: u32 = 0x2_0000;
const CHILD: u32 = 0x3;
const CI: u8 = 0x02;
const BELOW: u8 = 0x0a;

const fn all(mask: u32, who: Who) -> Row {
    (0, mask, None, None, who)
}

const fn on(mask: u32, object: u128, who: Who) -> Row {
    (0, mask, Some(Guid::of(object)), None, who)
}

const fn below(mask: u32, object: u128, class: u128, who: Who) -> Row {
    (BELOW, mask, if object == 0 { None } else { Some(Guid::of(object)) }, Some(Guid::of(class)), who)
}

const USER: u128 = 0xbf96_7aba_0de6_11d0_a285_00aa_0030_49e2;
const GROUP: u128 = 0xbf96_7a9c_0de6_11d0_a285_00aa_0030_49e2;
const COMPUTER: u128 = 0xbf96_7a86_0de6_11d0_a285_00aa_0030_49e2;
const CONTACT: u128 = 0x5cb4_1ed0_0e4c_11d0_a286_00aa_0030_49e2;
const PRINTER: u128 = 0xbf96_7aa8_0de6_11d0_a285_00aa_0030_49e2;
const INET_ORG_PERSON: u128 = 0x4828_cc14_1437_45bc_9b07_ad6f_015e_5f28;
const CHANGE_PASSWORD: u128 = 0xab72_1a53_1e2f_11d0_9819_00aa_0040_529b;
const RESET_PASSWORD: u128 = 0x0029_9570_246d_11d0_a768_00aa_006e_0529;
const SEND_AS: u128 = 0xab72_1a54_1e2f_11d0_9819_00aa_0040_529b;
const RECEIVE_AS: u128 = 0xab72_1a56_1e2f_11d0_9819_00aa_0040_529b;
const SEND_TO: u128 = 0xab72_1a55_1e2f_11d0_9819_00aa_0040_529b;
const PERSONAL_INFORMATION: u128 = 0x77b5_b886_944a_11d1_aebd_0000_f803_67c1;
const EMAIL_INFORMATION: u128 = 0xe457_95b2_9455_11d1_aebd_0000_f803_67c1;
const WEB_INFORMATION: u128 = 0xe457_95b3_9455_11d1_aebd_0000_f803_67c1;
const REMOTE_ACCESS: u128 = 0x0373_88f8_0ae1_11d2_b422_00a0_c968_f939;
const ACCOUNT_RESTRICTIONS: u128 = 0x4c16_4200_20c0_11d0_a768_00aa_006e_0529;
const GROUP_MEMBERSHIP: u128 = 0xbc0a_c240_79a9_11d0_9020_00c0_4fc2_d4cf;
const GENERAL_INFORMATION: u128 = 0x59ba_2f42_79a2_11d0_9020_00c0_4fc2_d3cf;
const PUBLIC_INFORMATION: u128 = 0xe48d_0154_bcf8_11d1_8702_00c0_4fb9_6050;
const LOGON_INFORMATION: u128 = 0x5f20_2010_79a5_11d0_9020_00c0_4fc2_d4cf;
const DOMAIN_PASSWORD: u128 = 0xc740_7360_20bf_11d0_a768_00aa_006e_0529;
const OTHER_PARAMETERS: u128 = 0xb811_9fd0_04f6_4762_ab7a_4986_c76b_3f9a;
const CERTIFICATE: u128 = 0xbf96_7a7f_0de6_11d0_a285_00aa_0030_49e2;
const TOKEN_GROUPS: u128 = 0x46a9_b11d_60ae_405a_b7e8_ff8a_58d4_56d2;
const TOKEN_GROUPS_ATTRIBUTE: u128 = 0xb7c6_9e6d_2cc7_11d2_854e_00a0_c983_f608;
const GET_CHANGES: u128 = 0x1131_f6aa_9c07_11d1_f79f_00c0_4fc2_dcd2;
const GET_CHANGES_ALL: u128 = 0x1131_f6ad_9c07_11d1_f79f_00c0_4fc2_dcd2;
const UNEXPIRE_PASSWORD: u128 = 0xccc2_dc7d_a6ad_4a7a_8846_c04e_3cc5_3501;
const PASSWORD_NOT_REQUIRED: u128 = 0x280f_369c_67c7_438e_ae98_1d46_f3c6_f541;
const ENABLE_REVERSIBLE: u128 = 0x05c7_4c5e_4deb_43b4_bd9f_8666_4c2a_7fd5;
const SPN: u128 = 0xf3a6_4788_5306_11d1_a9c5_0000_f803_67c1;
const DNS_NAME: u128 = 0x72e3_9547_7b18_11d1_adef_00c0_4fd8_d5cd;

/// Every class; descriptors by Win32 ADSchema c-user.md, c-domaindns.md and their siblings, and as read from a real controller.
const CLASSES: &[ClassLine] = &[
    ClassLine {
        class: Class::DomainDns,
        chain: &["top", "domain", "domainDNS"],
        guid: Guid::of(0x1919_5a5b_6da0_11d0_afd3_00c0_4fd9_30c9),
        category: "Domain-DNS",
        named_by: "dc",
        dacl: &[
            below(RP, ACCOUNT_RESTRICTIONS, USER, RU),
            below(RP, LOGON_INFORMATION, USER, RU),
            below(RP, GROUP_MEMBERSHIP, USER, RU),
            below(RP, GENERAL_INFORMATION, USER, RU),
            below(RP, REMOTE_ACCESS, USER, RU),
            below(RP, ACCOUNT_RESTRICTIONS, INET_ORG_PERSON, RU),
            below(RP, TOKEN_GROUPS_ATTRIBUTE, COMPUTER, ED),
            below(RP, TOKEN_GROUPS_ATTRIBUTE, GROUP, ED),
            below(RP, TOKEN_GROUPS_ATTRIBUTE, USER, ED),
            on(CR, GET_CHANGES, BA),
            on(CR, GET_CHANGES_ALL, BA),
            on(CR, GET_CHANGES, ED),
            on(CR, GET_CHANGES_ALL, Who::Of(516)),
            on(RP, DOMAIN_PASSWORD, RU),
            on(RP, OTHER_PARAMETERS, RU),
            below(READ, 0, INET_ORG_PERSON, RU),
            below(READ, 0, GROUP, RU),
            below(READ, 0, USER, RU),
            on(CR, ENABLE_REVERSIBLE, AU),
            on(CR, UNEXPIRE_PASSWORD, AU),
            on(CR, PASSWORD_NOT_REQUIRED, AU),
            on(RP, OTHER_PARAMETERS, AU),
            // All but deleting it and what is in it.
            all(FULL & !0x1_0042, DA),
            (CI, FULL, None, None, EA),
            all(RP | RC, RU),
            (CI, 0x4, None, None, RU),
            (CI, FULL & !0x42, None, None, BA),
            all(RP, WD),
            all(READ, ED),
            all(READ, AU),
            all(FULL, SY),
        ],
    },
    ClassLine {
        class: Class::BuiltinDomain,
        chain: &["top", "builtinDomain"],
        guid: Guid::of(0xbf96_7a81_0de6_11d0_a285_00aa_0030_49e2),
        category: "Builtin-Domain",
        named_by: "cn",
        dacl: &[all(READ, DA), all(FULL, SY), all(READ, AU)],
    },
    ClassLine {
        class: Class::Container,
        chain: &["top", "container"],
        guid: Guid::of(0xbf96_7a8b_0de6_11d0_a285_00aa_0030_49e2),
        category: "Container",
        named_by: "cn",
        dacl: &[all(FULL, DA), all(FULL, SY), all(READ, AU)],
    },
    ClassLine {
        class: Class::OrganizationalUnit,
        chain: &["top", "organizationalUnit"],
        guid: Guid::of(0xbf96_7aa5_0de6_11d0_a285_00aa_0030_49e2),
        category: "Organizational-Unit",
        named_by: "ou",
        dacl: &[
            all(FULL, SY),
            all(FULL, DA),
            on(CHILD, COMPUTER, AO),
            on(CHILD, USER, AO),
            on(CHILD, GROUP, AO),
            on(CHILD, PRINTER, PO),
            all(READ, AU),
            all(READ, ED),
            on(CHILD, INET_ORG_PERSON, AO),
        ],
    },
    ClassLine {
        class: Class::User,
        chain: &["top", "person", "organizationalPerson", "user"],
        guid: Guid::of(USER),
        category: "Person",
        named_by: "cn",
        dacl: &[
            all(FULL, DA),
            all(FULL, SY),
            all(FULL, AO),
            all(READ, PS),
            on(CR, CHANGE_PASSWORD, PS),
            on(CR, SEND_AS, PS),
            on(CR, RECEIVE_AS, PS),
            on(RP | WP, PERSONAL_INFORMATION, PS),
            on(RP | WP, EMAIL_INFORMATION, PS),
            on(RP | WP, WEB_INFORMATION, PS),
            on(RP, REMOTE_ACCESS, RS),
            on(RP, ACCOUNT_RESTRICTIONS, RS),
            on(RP, GROUP_MEMBERSHIP, RS),
            all(RC, AU),
            on(RP, GENERAL_INFORMATION, AU),
            on(RP, PERSONAL_INFORMATION, AU),
            on(RP, WEB_INFORMATION, AU),
            on(RP, PUBLIC_INFORMATION, AU),
            on(CR, CHANGE_PASSWORD, WD),
            on(RP, LOGON_INFORMATION, RS),
            on(RP | WP, CERTIFICATE, CA),
            on(RP, TOKEN_GROUPS, WA),
        ],
    },
    ClassLine {
        class: Class::Contact,
        chain: &["top", "person", "organizationalPerson", "contact"],
        guid: Guid::of(CONTACT),
        category: "Person",
        named_by: "cn",
        dacl: &[all(FULL, DA), all(FULL, SY), all(FULL, AO), all(READ, AU)],
    },
    ClassLine {
        class: Class::Computer,
        chain: &["top", "person", "organizationalPerson", "user", "computer"],
        guid: Guid::of(COMPUTER),
        category: "Computer",
        named_by: "cn",
        dacl: &[
            all(FULL, DA),
            all(FULL, AO),
            all(FULL, SY),
            all(READ, AU),
            on(CR, CHANGE_PASSWORD, WD),
            all(CHILD, PS),
            on(CHILD, PRINTER, PO),
            on(RP | WP, CERTIFICATE, CA),
            on(0x8, SPN, PS),
            on(0x8, DNS_NAME, PS),
            on(RP | WP, PERSONAL_INFORMATION, PS),
            on(RP, TOKEN_GROUPS, WA),
        ],
    },
    ClassLine {
        class: Class::Group,
        chain: &["top", "group"],
        guid: Guid::of(GROUP),
        category: "Group",
        named_by: "cn",
        dacl: &[all(FULL, DA), all(FULL, SY), all(READ, AU), all(FULL, AO), all(READ, PS), on(CR, SEND_TO, AU), on(RP, TOKEN_GROUPS, WA)],
    },
];

/// What AdminSDHolder holds (ADTS 3.1.1.6.1 names its Change Password for Everyone).
pub(super) const ADMIN_SD_HOLDER: &[Row] = &[
    on(CR, CHANGE_PASSWORD, WD),
    on(CR, CHANGE_PASSWORD, PS),
    on(RP | WP, CERTIFICATE, CA),
    on(RP, TOKEN_GROUPS, WA),
    all(FULL & !0x41, DA),
    all(FULL & !0x41, EA),
    all(FULL & !0x40, BA),
    all(READ, RU),
    all(READ, AU),
    all(FULL, SY),
];

/// What the express installer gives its connector account on the head (MIR reference-connect-accounts-permissions.md; `facts/domain.md` 3.2).
pub(super) fn connector(rid: u32) -> Vec<Row> {
    let who = Who::Of(rid);
    let mut rows = vec![on(CR, GET_CHANGES, who), on(CR, GET_CHANGES_ALL, who)];
    rows.extend([USER, INET_ORG_PERSON, GROUP, CONTACT].map(|class| below(RP | WP, 0, class, who)));
    rows.extend([USER, INET_ORG_PERSON].map(|class| below(CR, RESET_PASSWORD, class, who)));
    rows
}

/// The rows as entries.
pub(super) fn entries(rows: &[Row], domain: &Sid) -> Vec<Ace> {
    let entry = |(flags, mask, object, class, who): &Row| {
        let trustee = match who {
            Who::Of(rid) => domain.child(*rid),
            Who::The(sid) => *sid,
        };
        match (object, class) {
            (None, None) => Ace::allow(AceFlags(*flags), Mask(*mask), trustee),
            (object, class) => Ace::allow_object(AceFlags(*flags), Mask(*mask), *object, *class, trustee),
        }
    };
    rows.iter().map(entry).collect()
}

/// A descriptor of these parts, with owner and group the same.
pub(super) fn owned(owner: Option<Sid>, aces: Vec<Ace>) -> Descriptor {
    let mut new = Descriptor::default();
    new.control = new.control.with(Control::DACL_AUTO_INHERITED);
    (new.owner, new.group) = (owner, owner);
    new.dacl = Some(Acl { aces, ..Acl::default() });
    new
}

impl Class {
    /// Its line.
    pub(in crate::practice) fn line(self) -> &'static ClassLine {
        CLASSES.iter().find(|line| line.class == self).unwrap_or(&CLASSES[0])
    }

    /// The class that is meant by `objectClass`, by its most special name.
    pub(in crate::practice) fn named(name: &str) -> Option<Self> {
        let last = |line: &&ClassLine| line.chain.last().is_some_and(|last| last.eq_ignore_ascii_case(name));
        CLASSES.iter().find(last).map(|line| line.class)
    }

    /// Whether it signs in and has a password.
    pub(in crate::practice) fn is_account(self) -> bool {
        matches!(self, Self::User | Self::Computer)
    }

    /// The descriptor of a new object, without what it inherits: its owner is Domain Admins.
    pub(in crate::practice) fn descriptor(self, domain: &Sid) -> Descriptor {
        let owner = Some(if self == Self::DomainDns { Sid::ADMINISTRATORS } else { domain.child(512) });
        owned(owner, entries(self.line().dacl, domain))
    }
}
