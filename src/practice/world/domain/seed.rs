//! How the domain begins: what Windows makes, and what the guide's Phase 1 adds. Names and SIDs that the tenant knows too stand here.

use super::account::{filetime, hash, slices, uac};
use super::{Bytes, Class, Dn, Domain, New, Object, Policy, class};
use crate::practice::world::LAB_DOMAIN;
use crate::rights::Sid;
use crate::rights::descriptor::Control;
use jiff::{SignedDuration, Timestamp};

/// NetBIOS name.
pub(in crate::practice) const NETBIOS: &str = "TESTLAB";
/// The connector account of Entra Connect.
pub(in crate::practice) const CONNECTOR: &str = "MSOL_0123456789ab";
/// Last part of User1's SID.
const USER1_RID: u32 = 1104;
/// `objectGUID` of User1, which is its immutable id in the tenant.
pub(in crate::practice) const USER1_GUID: [u8; 16] =
    [0x90, 0x5d, 0x13, 0xab, 0x79, 0x97, 0x90, 0x4d, 0x8f, 0xf3, 0x0e, 0xda, 0x67, 0x95, 0x5d, 0xd4];
const CONNECTOR_RID: u32 = 1107;

/// The domain's SID.
pub(in crate::practice) fn domain_sid() -> Sid {
    Sid::known(5, &[21, 1_004_336_348, 1_177_238_915, 682_003_330])
}

/// The head's name, from the domain's.
pub(in crate::practice) fn head() -> Dn {
    let part = |label: &str| super::dn::Rdn { kind: "DC".to_owned(), value: label.to_owned() };
    Dn(LAB_DOMAIN.split('.').map(part).collect())
}

fn inside(names: &[(&str, &str)]) -> Dn {
    let part = |(kind, value): &(&str, &str)| super::dn::Rdn { kind: (*kind).to_owned(), value: (*value).to_owned() };
    Dn(names.iter().map(part).chain(head().0).collect())
}

/// `CN=Users`.
pub(super) fn users() -> Dn {
    inside(&[("CN", "Users")])
}

/// Where hired users go: no container that Entra Connect synchronises.
pub(in crate::practice) fn crowd() -> Dn {
    inside(&[("OU", "Crowd")])
}

pub(super) fn admin_sd_holder() -> Dn {
    inside(&[("CN", "AdminSDHolder"), ("CN", "System")])
}

/// Groups: name, RID, where, members by `sAMAccountName`.
const GROUPS: &[(&str, u32, &str, &[&str])] = &[
    ("Domain Admins", 512, "Users", &["Administrator", "User1"]),
    ("Domain Users", 513, "Users", &[]),
    ("Domain Guests", 514, "Users", &[]),
    ("Domain Computers", 515, "Users", &[]),
    ("Domain Controllers", 516, "Users", &[]),
    ("Cert Publishers", 517, "Users", &[]),
    ("Schema Admins", 518, "Users", &["Administrator", "User1"]),
    ("Enterprise Admins", 519, "Users", &["Administrator", "User1"]),
    ("Group Policy Creator Owners", 520, "Users", &["Administrator"]),
    ("Read-only Domain Controllers", 521, "Users", &[]),
    ("RAS and IAS Servers", 553, "Users", &[]),
    ("Administrators", 544, "Builtin", &["Administrator", "Domain Admins", "Enterprise Admins"]),
    ("Users", 545, "Builtin", &["Domain Users"]),
    ("Guests", 546, "Builtin", &["Domain Guests"]),
    ("Account Operators", 548, "Builtin", &[]),
    ("Server Operators", 549, "Builtin", &[]),
    ("Print Operators", 550, "Builtin", &[]),
    ("Backup Operators", 551, "Builtin", &[]),
    ("Replicator", 552, "Builtin", &[]),
    ("Pre-Windows 2000 Compatible Access", 554, "Builtin", &[]),
    ("Windows Authorization Access Group", 560, "Builtin", &[]),
];

impl Domain {
    /// The domain as the guide's base configuration leaves it; `connected` also has the express installer's account.
    pub(in crate::practice) fn new(password: &str, connected: bool, now: Timestamp) -> Self {
        let mut domain = Self { usn: 10_000, next_id: 0, next_rid: 1_103, practice_password: hash(password), ..Self::default() };
        domain.seed_containers(now);
        domain.seed_accounts(now);
        domain.seed_groups(now);
        domain.next_rid = 1_110;
        if connected {
            domain.connect(now);
        }
        domain.protect(now);
        domain
    }

    fn put(&mut self, dn: Dn, class: Class, rid: Option<u32>, sam: &str, now: Timestamp) -> String {
        self.add(New { dn, class, rid, sam: sam.to_owned() }, now)
    }

    fn seed_containers(&mut self, now: Timestamp) {
        let head = self.put(head(), Class::DomainDns, None, "", now);
        // The default policy of a new domain (windows-itpro-docs, default domain policy): one day of minimum age is the guide's pitfall.
        let policy = [
            ("minPwdAge", slices(SignedDuration::from_hours(24))),
            ("maxPwdAge", slices(SignedDuration::from_hours(42 * 24))),
            ("minPwdLength", "7".to_owned()),
            ("pwdHistoryLength", "24".to_owned()),
            ("pwdProperties", "1".to_owned()),
            ("lockoutThreshold", "0".to_owned()),
            ("lockoutDuration", slices(SignedDuration::from_mins(30))),
            ("lockOutObservationWindow", slices(SignedDuration::from_mins(30))),
            ("msDS-Behavior-Version", "7".to_owned()),
            ("ms-DS-MachineAccountQuota", "10".to_owned()),
            ("isCriticalSystemObject", "TRUE".to_owned()),
        ];
        self.note(&head, |head| policy.into_iter().for_each(|(name, value)| head.set(name, value)));
        let containers = [
            (inside(&[("CN", "Users")]), Class::Container),
            (inside(&[("CN", "Computers")]), Class::Container),
            (inside(&[("CN", "System")]), Class::Container),
            (inside(&[("CN", "Builtin")]), Class::BuiltinDomain),
            (inside(&[("OU", "Domain Controllers")]), Class::OrganizationalUnit),
            (inside(&[("CN", "Password Settings Container"), ("CN", "System")]), Class::Container),
            (admin_sd_holder(), Class::Container),
        ];
        for (dn, class) in containers {
            let key = self.put(dn, class, None, "", now);
            self.note(&key, |object| object.set("isCriticalSystemObject", "TRUE"));
        }
        let owner = Some(domain_sid().child(512));
        let mut holder = class::owned(owner, class::entries(class::ADMIN_SD_HOLDER, &domain_sid()));
        holder.control = holder.control.with(Control::DACL_PROTECTED);
        self.set_descriptor(&admin_sd_holder().key(), &holder, now, now);
    }

    fn seed_accounts(&mut self, now: Timestamp) {
        let users = |name: &'static str| inside(&[("CN", name), ("CN", "Users")]);
        for (name, rid, control) in [
            // `New-ADUser` of the guide: no address, a password that never expires.
            ("User1", USER1_RID, uac::NORMAL | uac::NEVER_EXPIRES),
            ("Administrator", 500, uac::NORMAL | uac::NEVER_EXPIRES),
            ("Guest", 501, uac::NORMAL | uac::NEVER_EXPIRES | uac::NO_PASSWORD | uac::DISABLED),
            ("krbtgt", 502, uac::NORMAL | uac::DISABLED),
        ] {
            let key = self.put(users(name), Class::User, Some(rid), name, now);
            let sign_in = !matches!(rid, 501 | 502);
            self.give_password(&key, sign_in, control, now);
        }
        let first = users("User1").key();
        self.note(&first, |user1| user1.guid = Bytes(USER1_GUID.to_vec()));
        let controller = inside(&[("CN", "DC1"), ("OU", "Domain Controllers")]);
        let machines = [
            (controller, 1_000, "DC1", uac::SERVER | 0x8_0000, 516),
            (inside(&[("CN", "APP1"), ("CN", "Computers")]), 1_105, "APP1", uac::WORKSTATION, 515),
            (inside(&[("CN", "CLIENT1"), ("CN", "Computers")]), 1_106, "CLIENT1", uac::WORKSTATION, 515),
        ];
        for (dn, rid, name, control, primary) in machines {
            let key = self.put(dn, Class::Computer, Some(rid), &format!("{name}$"), now);
            self.note(&key, |machine| {
                machine.set("dNSHostName", format!("{name}.{LAB_DOMAIN}"));
                if let Some(account) = &mut machine.account {
                    (account.uac, account.primary_group, account.set) = (control, primary, filetime(now));
                }
            });
        }
    }

    fn give_password(&mut self, key: &str, sign_in: bool, control: u32, now: Timestamp) {
        let (hash, policy) = (self.practice_password.clone(), Policy::of(self.head()));
        self.note(key, |user| {
            let Some(account) = &mut user.account else { return };
            account.uac = control;
            if sign_in {
                account.set_password(hash, &policy, filetime(now));
            }
        });
    }

    fn seed_groups(&mut self, now: Timestamp) {
        for (name, rid, place, _) in GROUPS {
            let key = self.put(inside(&[("CN", name), ("CN", place)]), Class::Group, Some(*rid), name, now);
            let kind = if *place == "Builtin" { "-2147483643" } else { "-2147483646" };
            self.note(&key, |group| {
                group.set("groupType", kind);
                group.set("isCriticalSystemObject", "TRUE");
            });
        }
        for (name, _, place, members) in GROUPS {
            let ids: Vec<u32> = members.iter().filter_map(|sam| self.by_sam(sam)).map(|object: &Object| object.id).collect();
            self.note(&inside(&[("CN", name), ("CN", place)]).key(), |group| group.members.extend(ids));
        }
    }

    /// What the express installer of Entra Connect adds: its account, and that account's rights on the head. Twice is once.
    pub(in crate::practice) fn connect(&mut self, now: Timestamp) {
        if self.is_empty() || self.by_sam(CONNECTOR).is_some() {
            return;
        }
        let key = self.put(inside(&[("CN", CONNECTOR), ("CN", "Users")]), Class::User, Some(CONNECTOR_RID), CONNECTOR, now);
        self.give_password(&key, true, uac::NORMAL | uac::NEVER_EXPIRES, now);
        self.note(&key, |account| account.set("description", "Account created by Microsoft Entra Connect on computer APP1."));
        let head = head().key();
        let Some(object) = self.at(&head) else { return };
        let mut descriptor = object.own(&domain_sid());
        let rows = class::entries(&class::connector(CONNECTOR_RID), &domain_sid());
        descriptor.dacl.get_or_insert_default().aces.splice(0..0, rows);
        self.set_descriptor(&head, &descriptor, now, now);
    }
}
