//! The delegation: what a delegate may do before and after, one right at a time, by every shape of entry that was tried on the real controller.

use crate::dc::{
    CHANGE, Dc, LOCKOUT_TIME, PASSWORD, PWD_LAST_SET, RESET, RESTRICTIONS, Stage, USER, change, dacl, dacl_bytes, grant, read, reset,
    sd_flags, set, text, write_dacl,
};
use guidepost::rights::{Ace, AceFlags, Guid, Mask, Sid};
use ldap3::{Ldap, Scope, SearchEntry};

crate::promises!(
    a_delegate_can_what_was_granted_and_nothing_else,
    each_right_alone_gives_that_right_alone,
    entries_mean_what_they_meant_on_the_measured_controller,
    change_password_is_everyones_until_it_is_taken_away,
    those_who_come_later_inherit_too,
    a_sealed_container_keeps_the_delegate_out,
    a_read_and_written_dacl_is_the_same_and_moves_no_usn,
    what_one_may_do_can_be_asked,
    a_descriptor_shows_only_what_may_be_seen,
);

const BELOW: AceFlags = AceFlags(0x0a);

pub(crate) fn right(mask: Mask, object: Option<Guid>, who: Sid) -> Ace {
    Ace::allow_object(BELOW, mask, object, Some(USER), who)
}

fn four(who: Sid) -> Vec<Ace> {
    vec![
        right(Mask::CONTROL_ACCESS, Some(CHANGE), who),
        right(Mask::CONTROL_ACCESS, Some(RESET), who),
        right(Mask::WRITE_PROPERTY, Some(LOCKOUT_TIME), who),
        right(Mask::WRITE_PROPERTY, Some(PWD_LAST_SET), who),
    ]
}

const NO_RESET: &str = "error in module acl: insufficient access rights during LDB_MODIFY (50)";

fn no_property(dn: &str) -> String {
    format!("00002098: Object {dn} has no write property access\n")
}

/// What comes of a reset, of `pwdLastSet` and of `lockoutTime`, each really tried; the texts of refusals are held too.
pub(crate) async fn tried(delegate: &mut Ldap, dn: &str) -> [bool; 3] {
    let held = |(code, said): (u32, String), refusal: &str| match code {
        0 => true,
        50 => {
            assert_eq!(said, refusal);
            false
        }
        _ => panic!("{code} {said}"),
    };
    let resets = held(reset(delegate, dn, "Tr1ed-Passw0rd!").await, NO_RESET);
    let expires = held(set(delegate, dn, "pwdLastSet", "-1").await, &no_property(dn));
    let unlocks = held(set(delegate, dn, "lockoutTime", "0").await, &no_property(dn));
    [resets, expires, unlocks]
}

async fn a_delegate_can_what_was_granted_and_nothing_else(dc: &Dc) {
    let stage = dc.stage("grant").await;
    let (mut admin, mut delegate, sam) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await, format!("{}-target", stage.prefix));
    assert_eq!(tried(&mut delegate, &stage.target).await, [false; 3]);
    assert_eq!(set(&mut delegate, &stage.target, "description", "x").await, (50, no_property(&stage.target)));
    let before: i64 = text(&mut admin, &stage.target, "pwdLastSet").await.parse().unwrap();
    grant(&mut admin, &stage.ou, four(stage.delegate_sid), false).await;
    assert_eq!(tried(&mut delegate, &stage.target).await, [true; 3]);
    assert!(text(&mut admin, &stage.target, "pwdLastSet").await.parse::<i64>().unwrap() > before);
    assert_eq!((dc.bind_as(&sam, "Tr1ed-Passw0rd!").await.as_str(), dc.bind_as(&sam, PASSWORD).await.as_str()), ("0", "52e"));
    assert_eq!(set(&mut delegate, &stage.target, "description", "x").await, (50, no_property(&stage.target)));
    assert_eq!(set(&mut delegate, &stage.target, "pwdLastSet", "0").await, (0, String::new()));
    assert_eq!(dc.bind_as(&sam, "Tr1ed-Passw0rd!").await, "773");
    dc.done(stage).await;
}

async fn each_right_alone_gives_that_right_alone(dc: &Dc) {
    let stage = dc.stage("alone").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    for (ace, expected) in
        four(stage.delegate_sid).into_iter().zip([[false; 3], [true, false, false], [false, false, true], [false, true, false]])
    {
        let before = grant(&mut admin, &stage.ou, vec![ace.clone()], false).await;
        assert_eq!(tried(&mut delegate, &stage.target).await, expected, "{ace:?}");
        assert_eq!(write_dacl(&mut admin, &stage.ou, before).await.0, 0);
        assert_eq!(tried(&mut delegate, &stage.target).await, [false; 3], "{ace:?}");
    }
    dc.done(stage).await;
}

/// `facts/directory.md` 4, "Evaluation semantics, each tried on the DC".
async fn entries_mean_what_they_meant_on_the_measured_controller(dc: &Dc) {
    let stage = dc.stage("means").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let who = stage.delegate_sid;
    let all = |mask: u32| vec![right(Mask(mask), None, who)];
    let denied = right(Mask::CONTROL_ACCESS, Some(RESET), who).denying();
    let first = [vec![denied.clone()], four(who)].concat();
    let last = [four(who), vec![denied.clone()]].concat();
    let flagged = |flags: u8| four(who).into_iter().map(|ace| Ace { flags: AceFlags(flags), ..ace }).collect::<Vec<_>>();
    let rows: Vec<(&str, Vec<Ace>, [bool; 3])> = vec![
        ("the property set", vec![right(Mask::WRITE_PROPERTY, Some(RESTRICTIONS), who)], [false, true, false]),
        ("write all properties", all(Mask::WRITE_PROPERTY.0), [false, true, true]),
        ("GENERIC_ALL", all(Mask::GENERIC_ALL.0), [true; 3]),
        ("0xf01ff", all(Mask::FULL.0), [true; 3]),
        ("a plain entry for every class", vec![Ace::allow(AceFlags(0x0a), Mask::FULL, who)], [true; 3]),
        ("inherited deny first", first, [false, true, true]),
        ("deny placed last", last, [true; 3]),
        ("NO_PROPAGATE", flagged(0x0e), [true; 3]),
        ("CI without IO", flagged(0x02), [true; 3]),
        ("this object only", flagged(0x00), [false; 3]),
        ("another trustee", four(who.domain().unwrap().child(513 + 900_000)), [false; 3]),
    ];
    for (what, aces, expected) in rows {
        let before = grant(&mut admin, &stage.ou, aces, false).await;
        assert_eq!(tried(&mut delegate, &stage.target).await, expected, "{what}");
        assert_eq!(write_dacl(&mut admin, &stage.ou, before).await.0, 0, "{what}");
    }
    // One level further down, NO_PROPAGATE reaches nobody.
    let deep = dc.add_user(&mut admin, &format!("OU=people,{}", stage.ou), &format!("{}-deep", stage.prefix)).await;
    let before = grant(&mut admin, &stage.ou, flagged(0x0e), false).await;
    assert_eq!(tried(&mut delegate, &deep).await, [false; 3]);
    assert_eq!(write_dacl(&mut admin, &stage.ou, before).await.0, 0);
    // An explicit deny on the user beats what it inherits.
    grant(&mut admin, &stage.ou, four(who), false).await;
    let on_it = Ace { flags: AceFlags::NONE, inherited_object: None, ..denied };
    grant(&mut admin, &stage.target, vec![on_it], false).await;
    assert_eq!(tried(&mut delegate, &stage.target).await, [false, true, true]);
    dc.done(stage).await;
}

async fn change_password_is_everyones_until_it_is_taken_away(dc: &Dc) {
    let stage = dc.stage("change").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    assert_eq!(change(&mut delegate, &stage.target, PASSWORD, "Ch4nged-Passw0rd!").await, (0, String::new()));
    let mut descriptor = dacl(&mut admin, &stage.target).await;
    descriptor.dacl.as_mut().unwrap().aces.retain(|ace| ace.object != Some(CHANGE));
    assert_eq!(write_dacl(&mut admin, &stage.target, descriptor.write()).await.0, 0);
    let refused = change(&mut delegate, &stage.target, "Ch4nged-Passw0rd!", "Ch4nged-Again-1!").await;
    assert_eq!(refused, (19, "error in module acl: Constraint violation during LDB_MODIFY (19)".to_owned()));
    grant(&mut admin, &stage.ou, vec![right(Mask::CONTROL_ACCESS, Some(CHANGE), stage.delegate_sid)], false).await;
    assert_eq!(change(&mut delegate, &stage.target, "Ch4nged-Passw0rd!", "Ch4nged-Again-1!").await, (0, String::new()));
    dc.done(stage).await;
}

fn inherited(descriptor: &guidepost::rights::Descriptor, who: Sid) -> Vec<u8> {
    descriptor.dacl.as_ref().unwrap().aces.iter().filter(|ace| ace.trustee == who).map(|ace| ace.flags.0).collect()
}

async fn those_who_come_later_inherit_too(dc: &Dc) {
    let stage = dc.stage("later").await;
    let (mut admin, mut delegate, who) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await, stage.delegate_sid);
    grant(&mut admin, &stage.ou, four(who), false).await;
    // Users have it in force, containers only pass it on.
    assert_eq!(inherited(&dacl(&mut admin, &stage.target).await, who), [0x12; 4]);
    assert_eq!(inherited(&dacl(&mut admin, &format!("OU=people,{}", stage.ou)).await, who), [0x1a; 4]);
    let new = dc.add_user(&mut admin, &format!("OU=people,{}", stage.ou), &format!("{}-new", stage.prefix)).await;
    assert_eq!(inherited(&dacl(&mut admin, &new).await, who), [0x12; 4]);
    // And whoever is moved in.
    let name = format!("CN={}-moved", stage.prefix);
    let moved = dc.add_user(&mut admin, &format!("CN=Users,{}", dc.base), &format!("{}-moved", stage.prefix)).await;
    assert_eq!(tried(&mut delegate, &moved).await, [false; 3]);
    admin.modifydn(&moved, &name, true, Some(&stage.ou)).await.unwrap().success().unwrap();
    assert_eq!(tried(&mut delegate, &format!("{name},{}", stage.ou)).await, [true; 3]);
    dc.done(stage).await;
}

async fn a_sealed_container_keeps_the_delegate_out(dc: &Dc) {
    let stage = dc.stage("sealed").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let people = format!("OU=people,{}", stage.ou);
    let inside = dc.add_user(&mut admin, &people, &format!("{}-inside", stage.prefix)).await;
    seal(&mut admin, &people).await;
    grant(&mut admin, &stage.ou, four(stage.delegate_sid), false).await;
    assert_eq!(tried(&mut delegate, &inside).await, [false; 3]);
    assert_eq!(tried(&mut delegate, &stage.target).await, [true; 3]);
    dc.done(stage).await;
}

async fn seal(admin: &mut Ldap, dn: &str) {
    use guidepost::rights::descriptor::Control;
    let mut descriptor = dacl(admin, dn).await;
    descriptor.control = descriptor.control.with(Control::DACL_PROTECTED);
    assert_eq!(write_dacl(admin, dn, descriptor.write()).await, (0, String::new()));
    assert!(dacl(admin, dn).await.is_protected());
}

async fn a_read_and_written_dacl_is_the_same_and_moves_no_usn(dc: &Dc) {
    let stage = dc.stage("same").await;
    let mut admin = dc.admin().await;
    let before = dacl_bytes(&mut admin, &stage.ou).await.unwrap();
    let usn = text(&mut admin, &stage.ou, "uSNChanged").await;
    assert_eq!(write_dacl(&mut admin, &stage.ou, before.clone()).await.0, 0);
    assert_eq!(
        (dacl_bytes(&mut admin, &stage.ou).await.unwrap(), text(&mut admin, &stage.ou, "uSNChanged").await),
        (before.clone(), usn.clone())
    );
    grant(&mut admin, &stage.ou, four(stage.delegate_sid), false).await;
    assert_ne!(text(&mut admin, &stage.ou, "uSNChanged").await, usn);
    assert_eq!(write_dacl(&mut admin, &stage.ou, before.clone()).await.0, 0);
    assert_eq!(dacl_bytes(&mut admin, &stage.ou).await.unwrap(), before);
    dc.done(stage).await;
}

async fn allowed(ldap: &mut Ldap, dn: &str) -> Vec<String> {
    let mut found = read(ldap, dn, &["allowedAttributesEffective"]).await.remove("allowedAttributesEffective").unwrap_or_default();
    found.sort();
    found
}

async fn what_one_may_do_can_be_asked(dc: &Dc) {
    let stage = dc.stage("asked").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    assert_eq!(text(&mut admin, &dc.base, "sDRightsEffective").await, "15");
    assert_eq!(text(&mut delegate, &dc.base, "sDRightsEffective").await, "0");
    assert_eq!(allowed(&mut delegate, &stage.target).await, Vec::<String>::new());
    grant(&mut admin, &stage.ou, four(stage.delegate_sid), false).await;
    assert_eq!(allowed(&mut delegate, &stage.target).await, ["lockoutTime", "pwdLastSet"]);
    dc.done(stage).await;
}

async fn a_descriptor_shows_only_what_may_be_seen(dc: &Dc) {
    let stage: Stage = dc.stage("shows").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    // Without the control the SACL is asked for too, which an ordinary account may not read: silently absent.
    let plain = |entries: Vec<ldap3::ResultEntry>| SearchEntry::construct(entries.into_iter().next().unwrap()).bin_attrs;
    let ask = vec!["nTSecurityDescriptor"];
    let found = delegate.search(&stage.target, Scope::Base, "(objectClass=*)", ask.clone()).await.unwrap().success().unwrap().0;
    assert!(!plain(found).contains_key("nTSecurityDescriptor"));
    let found = admin.search(&stage.target, Scope::Base, "(objectClass=*)", ask.clone()).await.unwrap().success().unwrap().0;
    let whole = guidepost::rights::Descriptor::read(&plain(found)["nTSecurityDescriptor"][0]).unwrap();
    assert!(whole.owner.is_some() && whole.group.is_some() && whole.dacl.is_some());
    let found =
        delegate.with_controls(sd_flags(7)).search(&stage.target, Scope::Base, "(objectClass=*)", ask).await.unwrap().success().unwrap().0;
    let seen = guidepost::rights::Descriptor::read(&plain(found)["nTSecurityDescriptor"][0]).unwrap();
    assert_eq!((seen.owner, seen.group, seen.sacl.is_none()), (whole.owner, whole.group, true));
    let list = dacl(&mut delegate, &stage.target).await;
    assert_eq!((list.owner, list.group), (None, None));
    dc.done(stage).await;
}
