//! What Samba does not implement, so that only the practice controller can be held to it; one line each, with where it is written.

use crate::dc::{Dc, PASSWORD, Stage, dacl, grant, read, reset, said, set, text};
use base64::Engine as _;
use guidepost::rights::{Ace, AceFlags, Guid, Mask};
use ldap3::Mod;
use serde_json::json;
use std::collections::HashSet;

const RESET: Guid = crate::dc::RESET;

fn full(stage: &Stage) -> Vec<Ace> {
    vec![Ace::allow(AceFlags(0x0a), Mask::FULL, stage.delegate_sid)]
}

/// MS-ADTS 3.1.1.6.1.
#[tokio::test]
async fn members_of_members_of_protected_groups_are_sealed_within_the_hour() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let stage = dc.stage("holder").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    grant(&mut admin, &stage.ou, full(&stage), false).await;
    let inner = format!("CN=holder-inner,{}", stage.ou);
    let group = vec![("objectClass", HashSet::from(["group"])), ("member", HashSet::from([stage.target.as_str()]))];
    assert_eq!(said(admin.add(&inner, group).await), (0, String::new()));
    let admins = format!("CN=Domain Admins,CN=Users,{}", dc.base);
    assert_eq!(said(admin.modify(&admins, vec![Mod::Add("member", HashSet::from([inner.as_str()]))]).await).0, 0);
    lab.clock("30m").await;
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
    lab.clock("31m").await;
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 50);
    assert!(dacl(&mut admin, &stage.target).await.is_protected());
    assert_eq!(text(&mut admin, &stage.target, "adminCount").await, "1");
    // Whoever leaves stays sealed: nothing takes it back.
    assert_eq!(said(admin.modify(&admins, vec![Mod::Delete("member", HashSet::from([inner.as_str()]))]).await).0, 0);
    lab.clock("61m").await;
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 50);
}

/// MS-ADTS 3.1.1.3.3: `runProtectAdminGroupsTask`.
#[tokio::test]
async fn administrators_can_let_adminsdholder_run_at_once() {
    let dc = Dc::practice().await;
    let stage = dc.stage("task").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let operators = format!("CN=Account Operators,CN=Builtin,{}", dc.base);
    assert_eq!(said(admin.modify(&operators, vec![Mod::Add("member", HashSet::from([stage.target.as_str()]))]).await).0, 0);
    assert_eq!(set(&mut delegate, "", "runProtectAdminGroupsTask", "1").await.0, 50);
    assert_eq!(text(&mut admin, &stage.target, "adminCount").await, "");
    assert_eq!(set(&mut admin, "", "runProtectAdminGroupsTask", "1").await, (0, String::new()));
    assert_eq!(text(&mut admin, &stage.target, "adminCount").await, "1");
}

/// MS-ADTS 3.1.1.3.2.15 and 6.1.3.
#[tokio::test]
async fn a_change_reaches_the_children_later_and_the_same_connection_sees_it_pending() {
    let dc = Dc::practice_with(&["--consistency", "1h"]).await;
    let stage = dc.stage("pending").await;
    let (mut admin, mut other) = (dc.admin().await, dc.admin().await);
    let mut delegate = dc.user(&stage.delegate, PASSWORD).await;
    grant(&mut admin, &stage.ou, full(&stage), false).await;
    assert_eq!(read(&mut admin, "", &["pendingPropagations"]).await.get("pendingPropagations"), Some(&vec![stage.ou.clone()]));
    assert_eq!(read(&mut other, "", &["pendingPropagations"]).await.get("pendingPropagations"), None);
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 50);
    dc.lab.as_ref().unwrap().clock("61m").await;
    assert_eq!(read(&mut admin, "", &["pendingPropagations"]).await.get("pendingPropagations"), None);
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
}

/// MS-SAMR 3.1.1.8.7.
#[tokio::test]
async fn without_unexpire_password_a_reset_password_has_to_be_changed_at_once() {
    let dc = Dc::practice().await;
    let stage = dc.stage("unexpire").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let ace = Ace::allow_object(AceFlags(0x0a), Mask::CONTROL_ACCESS, Some(RESET), Some(crate::dc::USER), stage.delegate_sid);
    grant(&mut admin, &stage.ou, vec![ace], false).await;
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
    assert_eq!(dc.bind_as("unexpire-target", "Tr1ed-Passw0rd!").await, "0");
    let unexpire: Guid = "ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501".parse().unwrap();
    let mut head = dacl(&mut admin, &dc.base).await;
    head.dacl.as_mut().unwrap().aces.retain(|ace| ace.object != Some(unexpire));
    assert_eq!(crate::dc::write_dacl(&mut admin, &dc.base, head.write()).await.0, 0);
    assert_eq!(reset(&mut delegate, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
    assert_eq!(text(&mut admin, &stage.target, "pwdLastSet").await, "0");
    assert_eq!(dc.bind_as("unexpire-target", "Tr1ed-Passw0rd!").await, "773");
    // An administrator has the right by another entry.
    assert_eq!(reset(&mut admin, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
    assert_eq!(dc.bind_as("unexpire-target", "Tr1ed-Passw0rd!").await, "0");
}

/// MS-ADTS 3.1.1.3.4.1.27: the control that makes a reset obey the history.
#[tokio::test]
async fn the_policy_hints_control_makes_a_reset_obey_the_history() {
    let dc = Dc::practice().await;
    let stage = dc.stage("hints").await;
    let mut admin = dc.admin().await;
    for oid in ["1.2.840.113556.1.4.2239", "1.2.840.113556.1.4.2066"] {
        let hints = ldap3::controls::RawControl { ctype: oid.to_owned(), crit: true, val: Some(vec![0x30, 3, 2, 1, 1]) };
        let wish = vec![Mod::Replace(b"unicodePwd".to_vec(), crate::dc::one(crate::dc::quoted(PASSWORD)))];
        let refused = said(admin.with_controls(hints).modify(&stage.target, wish).await);
        assert!(refused.0 == 19 && refused.1.ends_with("(in history)!"), "{refused:?}");
    }
}

/// MS-ADTS 5.1.3.2: generic rights are never found stored.
#[tokio::test]
async fn generic_rights_are_mapped_when_they_are_stored() {
    let dc = Dc::practice().await;
    let stage = dc.stage("generic").await;
    let mut admin = dc.admin().await;
    grant(&mut admin, &stage.ou, vec![Ace::allow(AceFlags(0x0a), Mask::GENERIC_ALL, stage.delegate_sid)], false).await;
    let stored = dacl(&mut admin, &stage.ou).await.dacl.unwrap().aces[0].mask;
    assert_eq!(stored, Mask::FULL);
}

/// The world's own: what the tenant and the domain both know is the same.
#[tokio::test]
async fn user1_is_the_same_in_the_domain_and_in_the_tenant() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let token = lab.admin().await;
    let path =
        format!("/v1.0/users/{}?$select=onPremisesSecurityIdentifier,onPremisesDistinguishedName,onPremisesImmutableId", crate::lab::USER1);
    let (status, user) = lab.get(&token, &path).await;
    assert_eq!(status, 200, "{user}");
    let mut admin = dc.admin().await;
    let dn = user["onPremisesDistinguishedName"].as_str().unwrap();
    assert_eq!(crate::dc::sid(&mut admin, dn).await.to_string(), user["onPremisesSecurityIdentifier"]);
    let (entries, _) = admin.search(dn, ldap3::Scope::Base, "(objectClass=*)", vec!["objectGUID"]).await.unwrap().success().unwrap();
    let guid = ldap3::SearchEntry::construct(entries.into_iter().next().unwrap()).bin_attrs["objectGUID"][0].clone();
    assert_eq!(base64::prelude::BASE64_STANDARD.encode(guid), user["onPremisesImmutableId"].as_str().unwrap());
}

/// `facts/domain.md` 3.2 and 7.2: the express installer's account can do it without anything being granted.
#[tokio::test]
async fn the_connector_account_resets_whom_it_may_and_no_administrator() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let stage = dc.stage("connector").await;
    let password = lab.ready["domain"]["password"].as_str().unwrap();
    let mut connector = dc.user("MSOL_0123456789ab", password).await;
    assert_eq!(reset(&mut connector, &stage.target, "Tr1ed-Passw0rd!").await, (0, String::new()));
    assert_eq!(set(&mut connector, &stage.target, "lockoutTime", "0").await, (0, String::new()));
    assert_eq!(reset(&mut connector, &format!("CN=User1,CN=Users,{}", dc.base), "Tr1ed-Passw0rd!").await.0, 50);
    let (status, _) = lab.control("faults", &json!({"break": "rights-missing"})).await;
    assert_eq!(status, 200);
    assert_eq!(reset(&mut connector, &stage.target, "Tr1ed-Passw0rd!").await.0, 50);
    lab.control("faults", &json!({"heal": null})).await;
    assert_eq!(reset(&mut connector, &stage.target, "Tr1ed-Passw0rd!").await.0, 0);
}

#[tokio::test]
async fn what_is_broken_in_the_domain_shows_and_heals() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let mut admin = dc.admin().await;
    let user = dc.add_user(&mut admin, &format!("CN=Users,{}", dc.base), "broken").await;
    let who = crate::dc::sid(&mut admin, &user).await;
    grant(
        &mut admin,
        &dc.base,
        vec![Ace::allow_object(AceFlags(0x0a), Mask::CONTROL_ACCESS, Some(RESET), Some(crate::dc::USER), who)],
        false,
    )
    .await;
    let own = dc.add_user(&mut admin, &format!("CN=Users,{}", dc.base), "broken-target").await;
    let mut delegate = dc.user("broken", PASSWORD).await;
    for (code, resets, binds) in [("user-protected", 50, "0"), ("inheritance-off", 50, "0"), ("account-locked", 0, "775")] {
        lab.control("faults", &json!({"break": code})).await;
        assert_eq!(dc.bind_as("broken-target", PASSWORD).await, binds, "{code}");
        assert_eq!(reset(&mut delegate, &own, PASSWORD).await.0, resets, "{code}");
        lab.control("faults", &json!({"heal": code})).await;
        assert_eq!(reset(&mut delegate, &own, PASSWORD).await.0, 0, "{code}");
        assert_eq!(dc.bind_as("broken-target", PASSWORD).await, "0", "{code}");
    }
    lab.control("faults", &json!({"break": "minimum-age"})).await;
    assert_eq!(crate::dc::change(&mut delegate, &own, PASSWORD, "Second-Passw0rd2").await.0, 19);
    lab.control("faults", &json!({"heal": "minimum-age"})).await;
    assert_eq!(crate::dc::change(&mut delegate, &own, PASSWORD, "Second-Passw0rd2").await.0, 0);
}

#[tokio::test]
async fn what_persons_do_to_the_domain_shows() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    let stage = dc.stage("person").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    grant(&mut admin, &stage.ou, full(&stage), false).await;
    lab.person("lock-out", &["person-target"]).await;
    assert_eq!(dc.bind_as("person-target", PASSWORD).await, "775");
    lab.person("block-inheritance", &[&stage.target]).await;
    assert_eq!(reset(&mut delegate, &stage.target, PASSWORD).await.0, 50);
    lab.person("protect", &["person-target"]).await;
    assert_eq!(text(&mut admin, &stage.target, "adminCount").await, "1");
    lab.person("leave-group", &["User1", "Domain Admins"]).await;
    let (status, _) = lab.control("person", &json!({"verb": "leave-group", "args": ["User1", "Domain Admins"]})).await;
    assert_eq!(status, 409);
}

/// RFC 4511 4.5.1.4; the measured Samba sends all.
#[tokio::test]
async fn a_size_limit_ends_a_search_and_says_so() {
    let dc = Dc::practice().await;
    let stage = dc.stage("limit").await;
    let mut admin = dc.admin().await;
    let limited = ldap3::SearchOptions::new().sizelimit(2);
    let answer = admin.with_search_options(limited).search(&stage.ou, ldap3::Scope::Subtree, "(objectClass=*)", vec!["1.1"]).await.unwrap();
    assert_eq!((answer.0.len(), answer.1.rc), (2, 4));
}

/// MS-ADTS 5.1.3.3.4. Samba 4.17 allows the reset too, and from then on everything to everybody, until it is started anew (measured).
#[tokio::test]
async fn all_extended_rights_cover_the_reset_and_no_property() {
    let dc = Dc::practice().await;
    let stage = dc.stage("extended").await;
    let (mut admin, mut delegate) = (dc.admin().await, dc.user(&stage.delegate, PASSWORD).await);
    let ace = crate::delegation::right(Mask::CONTROL_ACCESS, None, stage.delegate_sid);
    grant(&mut admin, &stage.ou, vec![ace], false).await;
    assert_eq!(crate::delegation::tried(&mut delegate, &stage.target).await, [true, false, false]);
}

/// RFC 4511 4.1.11. Samba answers a search with an extended response here, which the client of these tests does not survive.
#[tokio::test]
async fn a_critical_control_that_is_not_known_is_refused() {
    let dc = Dc::practice().await;
    let mut admin = dc.admin().await;
    let strange = |crit| ldap3::controls::RawControl { ctype: "1.2.3.4".to_owned(), crit, val: None };
    let refused = admin.with_controls(strange(true)).search(&dc.base, ldap3::Scope::Base, "(objectClass=*)", vec!["1.1"]).await.unwrap();
    assert_eq!((refused.0.len(), refused.1.rc), (0, 12));
    let taken = admin.with_controls(strange(false)).search(&dc.base, ldap3::Scope::Base, "(objectClass=*)", vec!["1.1"]).await.unwrap();
    assert_eq!((taken.0.len(), taken.1.rc), (1, 0));
}
