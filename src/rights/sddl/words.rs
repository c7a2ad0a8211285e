//! The words of SDDL as tables (MS-DTYP 2.5.1.1), each in the order in which it is printed.

use crate::rights::{AceFlags, AceKind, Mask, Sid};

/// Types of ACEs; the others are carried and have no word.
pub(super) const KINDS: [(&str, AceKind); 6] = [
    ("A", AceKind::Allow),
    ("D", AceKind::Deny),
    ("AU", AceKind::Audit),
    ("OA", AceKind::AllowObject),
    ("OD", AceKind::DenyObject),
    ("OU", AceKind::AuditObject),
];

/// Every bit of an ACE's flags.
pub(super) const ACE_FLAGS: [(&str, AceFlags); 8] = [
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("CR", AceFlags::CRITICAL),
    ("SA", AceFlags::SUCCESS),
    ("FA", AceFlags::FAILURE),
];

/// Access to directory objects, lowest bit first.
pub(super) const RIGHTS: [(&str, Mask); 17] = [
    ("CC", Mask::CREATE_CHILD),
    ("DC", Mask::DELETE_CHILD),
    ("LC", Mask::LIST_CHILDREN),
    ("SW", Mask::VALIDATED_WRITE),
    ("RP", Mask::READ_PROPERTY),
    ("WP", Mask::WRITE_PROPERTY),
    ("DT", Mask::DELETE_TREE),
    ("LO", Mask::LIST_OBJECT),
    ("CR", Mask::CONTROL_ACCESS),
    ("SD", Mask::DELETE),
    ("RC", Mask::READ_CONTROL),
    ("WD", Mask::WRITE_DAC),
    ("WO", Mask::WRITE_OWNER),
    ("GA", Mask::GENERIC_ALL),
    ("GX", Mask::GENERIC_EXECUTE),
    ("GW", Mask::GENERIC_WRITE),
    ("GR", Mask::GENERIC_READ),
];

/// Those that are the same everywhere.
pub(super) const WELL_KNOWN: [(&str, Sid); 48] = [
    ("WD", Sid::EVERYONE),
    ("CO", Sid::CREATOR_OWNER),
    ("CG", Sid::CREATOR_GROUP),
    ("OW", Sid::OWNER_RIGHTS),
    ("NU", Sid::known(5, &[2])),
    ("IU", Sid::known(5, &[4])),
    ("SU", Sid::known(5, &[6])),
    ("AN", Sid::known(5, &[7])),
    ("ED", Sid::known(5, &[9])),
    ("PS", Sid::SELF),
    ("AU", Sid::AUTHENTICATED_USERS),
    ("RC", Sid::known(5, &[12])),
    ("SY", Sid::SYSTEM),
    ("LS", Sid::known(5, &[19])),
    ("NS", Sid::known(5, &[20])),
    ("WR", Sid::known(5, &[33])),
    ("UD", Sid::known(5, &[84, 0, 0, 0, 0, 0])),
    ("BA", Sid::ADMINISTRATORS),
    ("BU", Sid::known(5, &[32, 545])),
    ("BG", Sid::known(5, &[32, 546])),
    ("PU", Sid::known(5, &[32, 547])),
    ("AO", Sid::known(5, &[32, 548])),
    ("SO", Sid::known(5, &[32, 549])),
    ("PO", Sid::known(5, &[32, 550])),
    ("BO", Sid::known(5, &[32, 551])),
    ("RE", Sid::known(5, &[32, 552])),
    ("RU", Sid::known(5, &[32, 554])),
    ("RD", Sid::known(5, &[32, 555])),
    ("NO", Sid::known(5, &[32, 556])),
    ("MU", Sid::known(5, &[32, 558])),
    ("LU", Sid::known(5, &[32, 559])),
    ("IS", Sid::known(5, &[32, 568])),
    ("CY", Sid::known(5, &[32, 569])),
    ("ER", Sid::known(5, &[32, 573])),
    ("CD", Sid::known(5, &[32, 574])),
    ("RA", Sid::known(5, &[32, 575])),
    ("ES", Sid::known(5, &[32, 576])),
    ("MS", Sid::known(5, &[32, 577])),
    ("HA", Sid::known(5, &[32, 578])),
    ("AA", Sid::known(5, &[32, 579])),
    ("RM", Sid::known(5, &[32, 580])),
    ("AC", Sid::known(15, &[2, 1])),
    ("LW", Sid::known(16, &[4096])),
    ("ME", Sid::known(16, &[8192])),
    ("MP", Sid::known(16, &[8448])),
    ("HI", Sid::known(16, &[12288])),
    ("SI", Sid::known(16, &[16384])),
    ("AS", Sid::known(18, &[1])),
];

/// Those of a domain, by relative id.
pub(super) const OF_DOMAIN: [(&str, u32); 14] = [
    ("LA", 500),
    ("LG", 501),
    ("DA", 512),
    ("DU", 513),
    ("DG", 514),
    ("DC", 515),
    ("DD", 516),
    ("CA", 517),
    ("PA", 520),
    ("CN", 522),
    ("AP", 525),
    ("KA", 526),
    ("EK", 527),
    ("RS", 553),
];

/// Those of the forest's first domain.
pub(super) const OF_ROOT: [(&str, u32); 3] = [("RO", 498), ("SA", 518), ("EA", 519)];
