//! The same on a real domain controller, where `GUIDEPOST_DC` names one (`scripts/testlab-dc with DIR cargo test --test delegation`); otherwise the
//! test says that it was skipped. One test, because all of it changes who may do what in the same domain.

use guidepost::base::Secret;
use guidepost::base::http::install_tls_provider;
use guidepost::rights::delegation::{known, wanted};
use guidepost::rights::inherit::{Child, merged};
use guidepost::rights::{Acl, Asked, Descriptor, Home, Right, Sid, Target, Token, decide, sddl};
use guidepost::services::directory::grant::{GrantError, carry, plan, plan_back};
use guidepost::services::directory::ldap::Login;
use guidepost::services::directory::survey::{Cause, Question, survey};
use guidepost::services::directory::{DESCRIPTOR, Directory, DirectoryError, Ldap, LdapSettings, Limits, Search};
use serde_json::Value;
use std::fmt::Write as _;

const FOUR: [Right; 4] = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];

struct Real {
    facts: Value,
    admin: Ldap,
    /// An ordinary account, as which every right is tried.
    delegate: Ldap,
    sid: Sid,
    token: Token,
    domain: Sid,
}

impl Real {
    async fn named() -> Option<Self> {
        let Some(path) = std::env::var_os("GUIDEPOST_DC") else {
            eprintln!("skipped: no domain controller is named by GUIDEPOST_DC");
            return None;
        };
        install_tls_provider();
        let facts: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let admin = sign_in(&facts, facts["admin"].as_str().unwrap(), facts["admin_password"].as_str().unwrap());
        let name = format!("User1@{}", facts["dns"].as_str().unwrap());
        let delegate = sign_in(&facts, &name, facts["user_password"].as_str().unwrap());
        let dn = format!("CN=User1,CN=Users,{}", facts["base"].as_str().unwrap());
        let found = admin.search(Search::object(dn, &["objectSid", "tokenGroups"])).await.unwrap();
        let sid = Sid::read(found[0].bytes("objectSid").unwrap()).unwrap();
        let token = Token::of(sid, found[0].values("tokenGroups").iter().map(|bytes| Sid::read(bytes).unwrap()));
        Some(Self { admin, delegate, sid, token, domain: sid.domain().unwrap(), facts })
    }

    fn base(&self) -> &str {
        self.facts["base"].as_str().unwrap()
    }

    fn dn(&self, name: &str) -> String {
        format!("{name},{}", self.base())
    }

    /// A list from SDDL with names for the ids.
    fn acl(&self, text: &str) -> Acl {
        let names = [
            ("Delegate", self.sid.to_string()),
            ("Nobody", self.domain.child(99_999).to_string()),
            ("Change", known::CHANGE_PASSWORD.to_string()),
            ("Reset", known::RESET_PASSWORD.to_string()),
            ("Lockout", known::LOCKOUT_TIME.to_string()),
            ("PwdLast", known::PWD_LAST_SET.to_string()),
            ("Restrictions", known::USER_ACCOUNT_RESTRICTIONS.to_string()),
            ("User", known::USER.to_string()),
            ("Computer", known::COMPUTER.to_string()),
        ];
        let text = names.iter().fold(format!("D:{text}"), |text, (name, id)| text.replace(name, id));
        sddl::parse(&text, &Home::of(self.domain)).unwrap().dacl.unwrap()
    }

    async fn read(&self, dn: &str) -> Vec<u8> {
        self.admin.search(Search::object(dn, &[DESCRIPTOR])).await.unwrap()[0].bytes(DESCRIPTOR).unwrap().to_vec()
    }

    async fn list(&self, dn: &str) -> Descriptor {
        Descriptor::read(&self.read(dn).await).unwrap()
    }

    /// Resets the password, writes pwdLastSet, writes lockoutTime: what the DC really lets the delegate do.
    async fn tried(&self, dn: &str) -> [bool; 3] {
        let password = Secret::new("Gu1depost-Passw0rd!");
        [
            happened(self.delegate.reset_password(dn, &password, false).await),
            happened(self.delegate.set(dn, "pwdLastSet", "-1").await),
            happened(self.delegate.set(dn, "lockoutTime", "0").await),
        ]
    }

    /// The same three as this room judges them.
    async fn judged(&self, dn: &str) -> [bool; 3] {
        let entry = &self.admin.search(Search::object(dn, &[DESCRIPTOR, "objectSid"])).await.unwrap()[0];
        let descriptor = Descriptor::read(entry.bytes(DESCRIPTOR).unwrap()).unwrap();
        let target = Target { classes: vec![known::USER], sid: entry.bytes("objectSid").and_then(Sid::read) };
        [
            Asked::extended(known::RESET_PASSWORD),
            Asked::write(known::PWD_LAST_SET, Some(known::USER_ACCOUNT_RESTRICTIONS)),
            Asked::write(known::LOCKOUT_TIME, None),
        ]
        .map(|asked| decide(&descriptor, &self.token, &target, asked).allowed)
    }
}

fn sign_in(facts: &Value, name: &str, password: &str) -> Ldap {
    Ldap::new(LdapSettings {
        url: facts["ldaps"].as_str().unwrap().to_owned(),
        login: Login::Password { name: name.to_owned(), password: Secret::new(password) },
        ca_file: Some(facts["ca_file"].as_str().unwrap().into()),
        limits: Limits::default(),
    })
    .unwrap()
}

fn happened(outcome: Result<(), DirectoryError>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(DirectoryError::Refused { code: 50, .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

/// On the user itself, with nothing from above.
///
/// Left out: an ACE that allows an *extended right* under an attribute's id. Samba 4.17 takes it for the right to write that attribute;
/// by MS-ADTS 5.1.3.3.3 it is worth nothing.
const ON_THE_USER: [&str; 22] = [
    "(OA;;WP;Reset;;Delegate)",
    "(OA;;WP;User;;Delegate)(OA;;CR;User;;Delegate)",
    "",
    "(OA;;CR;Reset;;Delegate)",
    "(OA;;WP;PwdLast;;Delegate)",
    "(OA;;WP;Lockout;;Delegate)",
    "(OA;;WP;Restrictions;;Delegate)",
    "(OA;;CR;Change;;Delegate)(OA;;RP;Lockout;;Delegate)",
    "(A;;WP;;;Delegate)",
    "(A;;CR;;;Delegate)",
    "(A;;0xf01ff;;;Delegate)",
    "(OA;;CRWP;;;Delegate)",
    "(OA;;CR;Reset;;DU)(OA;;WP;Lockout;;AU)(OA;;WP;PwdLast;;WD)",
    "(OA;;CR;Reset;;Nobody)(A;;WP;;;PS)",
    "(OD;;CR;Reset;;Delegate)(D;;WP;;;Nobody)(A;;CRWP;;;Delegate)",
    "(D;;CR;;;DU)(OD;;WP;Restrictions;;AU)(A;;0xf01ff;;;Delegate)",
    "(A;;CRWP;;;Delegate)(D;;CRWP;;;Delegate)",
    "(OA;;WP;PwdLast;;Delegate)(OD;;WP;Restrictions;;Delegate)(OA;;CR;Reset;;Delegate)(OD;;CR;Reset;;WD)",
    "(OA;CIIO;CR;Reset;;Delegate)(OA;CI;WP;Lockout;;Delegate)",
    "(OA;CI;CR;Reset;Computer;Delegate)(OA;CI;WP;PwdLast;User;Delegate)",
    "(OD;;WP;User;;Delegate)(A;;CRWP;;;Delegate)",
    "(A;;RPLCLORC;;;Delegate)(A;;SW;;;Delegate)",
];

/// On the unit above.
const ABOVE: [&str; 11] = [
    "",
    "(OA;CIIO;CR;Reset;User;Delegate)(OA;CIIO;WP;PwdLast;User;Delegate)(OA;CIIO;WP;Lockout;User;Delegate)",
    "(OA;CI;CR;Reset;User;Delegate)(OA;CI;WP;PwdLast;;Delegate)(A;CIIO;WP;;;Nobody)",
    "(OA;;CR;Reset;;Delegate)(OA;CINPIO;WP;PwdLast;User;Delegate)(OA;CIIO;WP;Lockout;Computer;Delegate)",
    "(A;CI;CRWP;;;Delegate)",
    "(A;CIIO;GA;;;Delegate)",
    "(A;CINP;GW;;;Delegate)(A;OI;CR;;;Delegate)",
    "(OD;CIIO;CR;Reset;User;Delegate)(OA;CIIO;CRWP;;User;Delegate)",
    "(OA;CIIO;CRWP;;User;Delegate)(OD;CIIO;CR;Reset;User;Delegate)",
    "(D;CI;WP;;;DU)(A;CIIO;0xf01ff;;;Delegate)",
    "(A;CIIO;GA;;;CO)(OA;CIIO;CR;Reset;User;DU)",
];

#[tokio::test]
async fn rights_are_what_a_real_domain_controller_makes_of_them() {
    let Some(real) = Real::named().await else { return };
    every_descriptor_comes_back_byte_for_byte(&real).await;
    judgement_and_deed_agree(&real).await;
    a_grant_at_the_head_works_is_found_and_is_taken_back(&real).await;
}

async fn every_descriptor_comes_back_byte_for_byte(real: &Real) {
    let mut seen = 0;
    for base in [real.base().to_owned(), real.dn("CN=Configuration")] {
        let each = &mut |entry: guidepost::services::directory::Entry| {
            let bytes = entry.bytes(DESCRIPTOR).unwrap();
            let taken = Descriptor::read(bytes).unwrap();
            assert_eq!(taken.write(), bytes, "{}", entry.dn);
            let again = sddl::parse(&sddl::print(&taken), &Home::default()).unwrap();
            assert_eq!((again.control, again.dacl.map(|acl| acl.aces)), (taken.control, taken.dacl.map(|acl| acl.aces)), "{}", entry.dn);
            seen += 1;
        };
        real.admin.walk(Search::below(base, "(objectClass=*)", &[DESCRIPTOR]), each).await.unwrap();
    }
    eprintln!("{seen} descriptors");
    assert!(seen > 200, "{seen}");
}

/// Each right is tried for real, on each shape of list, and has to end as it was judged; and what a user inherits is what was foretold.
async fn judgement_and_deed_agree(real: &Real) {
    let (mut table, mut allowed, mut refused) = (String::new(), 0, 0);
    let mut note = |place: &str, shape: &str, judged: [bool; 3], tried: [bool; 3]| {
        allowed += tried.iter().filter(|tried| **tried).count();
        refused += tried.iter().filter(|tried| !**tried).count();
        if judged != tried {
            writeln!(table, "{place} {shape}: judged {judged:?}, tried {tried:?}").unwrap();
        }
    };
    let user = real.dn("CN=user2,CN=Users");
    let before = real.read(&user).await;
    for shape in ON_THE_USER {
        let list = format!("{shape}(A;;GA;;;DA)(A;;GA;;;SY)(A;;RPLCLORC;;;AU)");
        let mut new = Descriptor::read(&before).unwrap().with_dacl(real.acl(&list));
        new.control = new.control.with(guidepost::rights::Control::DACL_PROTECTED);
        real.admin.write_dacl(&user, &new.write()).await.unwrap();
        note("user", shape, real.judged(&user).await, real.tried(&user).await);
    }
    real.admin.write_dacl(&user, &before).await.unwrap();
    let (unit, below) = (real.dn("OU=Staff"), real.dn("CN=user4,OU=Staff"));
    let before = real.read(&unit).await;
    for shape in ABOVE {
        let mut new = Descriptor::read(&before).unwrap();
        let acl = new.dacl.as_mut().unwrap();
        acl.aces.splice(0..0, real.acl(shape).aces);
        acl.settle_revision();
        real.admin.write_dacl(&unit, &new.write()).await.unwrap();
        note("unit", shape, real.judged(&below).await, real.tried(&below).await);
        foretold(real, &unit, &below, shape).await;
    }
    real.admin.write_dacl(&unit, &before).await.unwrap();
    let password = Secret::new(real.facts["user_password"].as_str().unwrap());
    for dn in [&user, &below] {
        real.admin.reset_password(dn, &password, false).await.unwrap();
    }
    eprintln!("{} cases: {allowed} allowed, {refused} refused", allowed + refused);
    assert_eq!(table, "");
    assert!(allowed >= 25 && refused >= 25, "{allowed} {refused}");
}

/// What the user holds now is its own entries and what this room says that the unit hands down.
async fn foretold(real: &Real, unit: &str, user: &str, shape: &str) {
    let (above, there) = (real.list(unit).await, real.list(user).await);
    let domain_admins = Some(real.domain.child(512));
    let child = Child { classes: vec![known::USER], owner: domain_admins, group: domain_admins };
    let foretold = merged(above.dacl.as_ref().unwrap(), there.dacl.as_ref().unwrap(), false, &child);
    let text = |acl: &Acl| acl.aces.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(text(there.dacl.as_ref().unwrap()), text(&foretold), "{shape}");
}

async fn a_grant_at_the_head_works_is_found_and_is_taken_back(real: &Real) {
    let (head, four) = (real.base(), wanted(&FOUR, real.sid));
    let (user, sealed) = (real.dn("CN=user2,CN=Users"), real.dn("CN=user5,OU=Sealed,OU=Staff"));
    let before = real.read(head).await;
    assert_eq!(real.tried(&user).await, [false; 3]);
    let granted = carry(&real.admin, &plan(&real.admin, head, &four).await.unwrap()).await.unwrap();
    assert_eq!(granted.added, four);
    assert_eq!((real.tried(&user).await, real.judged(&user).await), ([true; 3], [true; 3]));
    assert_eq!((real.tried(&sealed).await, real.judged(&sealed).await), ([false; 3], [false; 3]));
    assert!(plan(&real.admin, head, &four).await.unwrap().is_empty(), "twice is once");

    let question = Question { base: head, wanted: &four };
    let mut told = Vec::new();
    let found = survey(&real.admin, question, &mut |_| {}, &mut |user| told.push((user.dn.clone(), user.cause))).await.unwrap();
    for unreached in [(sealed.clone(), Cause::Above), (real.dn("CN=boss,CN=Users"), Cause::AdminSdHolder)] {
        assert!(told.contains(&unreached), "{unreached:?}");
    }
    assert_eq!((found.of(Cause::NotThere).count, found.of(Cause::Unreadable).count), (0, 0));

    // Somebody else changes the list between plan and write.
    let stale = plan_back(&real.admin, head, &granted.added).await.unwrap();
    let other = carry(&real.admin, &plan(&real.admin, head, &wanted(&FOUR, real.domain.child(99_999))).await.unwrap()).await.unwrap();
    assert!(matches!(carry(&real.admin, &stale).await, Err(GrantError::Changed { .. })));
    carry(&real.admin, &plan_back(&real.admin, head, &other.added).await.unwrap()).await.unwrap();

    let refused = carry(&real.delegate, &plan_back(&real.delegate, head, &granted.added).await.unwrap()).await.unwrap_err();
    assert!(refused.outcome_known(), "{refused:?}");
    carry(&real.admin, &plan_back(&real.admin, head, &granted.added).await.unwrap()).await.unwrap();
    assert_eq!(real.read(head).await, before);
    assert_eq!(real.tried(&user).await, [false; 3]);
    let password = Secret::new(real.facts["user_password"].as_str().unwrap());
    real.admin.reset_password(&user, &password, false).await.unwrap();
}
