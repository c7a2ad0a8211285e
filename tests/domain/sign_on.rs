//! Binds: every row of the measured table, lockout, and what an account's state answers.

use crate::dc::{Dc, PASSWORD, read, reset, said, set, text};
use ldap3::{Mod, Scope, SearchEntry};
use std::collections::HashSet;

crate::promises!(
    a_simple_bind_needs_tls,
    an_account_is_known_by_address_netbios_name_and_distinguished_name,
    everything_wrong_is_the_same_52e,
    nobody_searches_but_the_root,
    the_root_says_who_asks,
    an_accounts_state_is_said_only_to_who_knows_its_password,
    three_wrong_passwords_lock_and_only_lockout_time_unlocks,
);

async fn a_simple_bind_needs_tls(dc: &Dc) {
    let stage = dc.stage("tls").await;
    let name = format!("{}\\{}", dc.netbios, stage.delegate);
    let mut clear = dc.in_the_clear().await;
    assert_eq!(said(clear.simple_bind(&name, PASSWORD).await), (8, "BindSimple: Transport encryption required.".to_owned()));
    assert_eq!(said(dc.by_start_tls().await.simple_bind(&name, PASSWORD).await), (0, String::new()));
    assert_eq!(said(dc.sealed().await.simple_bind(&name, PASSWORD).await), (0, String::new()));
    dc.done(stage).await;
}

async fn an_account_is_known_by_address_netbios_name_and_distinguished_name(dc: &Dc) {
    let stage = dc.stage("names").await;
    let sam = &stage.delegate;
    for name in [
        format!("{sam}@{}", dc.suffix),
        format!("{}@{}", sam.to_uppercase(), dc.netbios.to_lowercase()),
        format!("{}\\{sam}", dc.netbios),
        format!("{}\\{}", dc.netbios.to_lowercase(), sam.to_uppercase()),
        format!("CN={sam},OU=people,{}", stage.ou),
    ] {
        assert_eq!(dc.bind(&name, PASSWORD).await, "0", "{name}");
    }
    dc.done(stage).await;
}

async fn everything_wrong_is_the_same_52e(dc: &Dc) {
    let stage = dc.stage("wrong").await;
    let name = format!("{}\\{}", dc.netbios, stage.delegate);
    for (name, password) in [
        (stage.delegate.as_str(), PASSWORD),
        (name.as_str(), "wrong"),
        (name.as_str(), ""),
        ("nobody@nowhere.example", PASSWORD),
        ("nobody", PASSWORD),
    ] {
        assert_eq!(dc.bind(name, password).await, "52e", "{name}");
    }
    dc.done(stage).await;
}

async fn nobody_searches_but_the_root(dc: &Dc) {
    for mut ldap in [dc.sealed().await, dc.in_the_clear().await] {
        let root = read(&mut ldap, "", &["defaultNamingContext"]).await;
        assert_eq!(root["defaultNamingContext"].concat(), dc.base);
        let refused = ldap.search(&dc.base, Scope::Base, "(objectClass=*)", vec!["dn"]).await.unwrap().1;
        assert_eq!((refused.rc, refused.text.as_str()), (1, "00002020: Operation unavailable without authentication"));
    }
}

async fn the_root_says_who_asks(dc: &Dc) {
    let stage = dc.stage("who").await;
    let mut ldap = dc.user(&stage.delegate, PASSWORD).await;
    let (entries, _) = ldap.search("", Scope::Base, "(objectClass=*)", vec!["tokenGroups"]).await.unwrap().success().unwrap();
    let entry = SearchEntry::construct(entries.into_iter().next().unwrap());
    assert_eq!(guidepost::rights::Sid::read(&entry.bin_attrs["tokenGroups"][0]), Some(stage.delegate_sid));
    let root = read(&mut ldap, "", &["*", "supportedControl"]).await;
    for control in ["1.2.840.113556.1.4.801", "1.2.840.113556.1.4.319"] {
        assert!(root["supportedControl"].iter().any(|one| one == control), "{control}");
    }
    assert!(root["currentTime"][0].strip_suffix(".0Z").is_some(), "{root:?}");
    let (code, text) = match ldap.extended(ldap3::exop::WhoAmI).await.unwrap() {
        ldap3::result::ExopResult(_, answer) => (answer.rc, answer.text),
    };
    assert_eq!((code, text.as_str()), (2, "Extended Operation(1.3.6.1.4.1.4203.1.11.3) not supported"));
    dc.done(stage).await;
}

async fn an_accounts_state_is_said_only_to_who_knows_its_password(dc: &Dc) {
    let stage = dc.stage("state").await;
    let (mut admin, sam) = (dc.admin().await, format!("{}-target", stage.prefix));
    for (name, value, back, data) in [
        ("userAccountControl", "514", "512", "533"),
        ("accountExpires", "130000000000000000", "0", "701"),
        ("pwdLastSet", "0", "-1", "773"),
    ] {
        assert_eq!(set(&mut admin, &stage.target, name, value).await, (0, String::new()), "{name}");
        assert_eq!((dc.bind_as(&sam, PASSWORD).await.as_str(), dc.bind_as(&sam, "wrong").await.as_str()), (data, "52e"), "{name}");
        assert_eq!(set(&mut admin, &stage.target, name, back).await, (0, String::new()));
        assert_eq!(dc.bind_as(&sam, PASSWORD).await, "0", "{name}");
    }
    dc.done(stage).await;
}

async fn three_wrong_passwords_lock_and_only_lockout_time_unlocks(dc: &Dc) {
    let stage = dc.stage("lock").await;
    let (mut admin, sam) = (dc.admin().await, format!("{}-target", stage.prefix));
    assert_eq!(set(&mut admin, &dc.base, "lockoutThreshold", "3").await.0, 0);
    for _ in 0..3 {
        assert_eq!(dc.bind_as(&sam, "wrong").await, "52e");
    }
    assert_eq!((dc.bind_as(&sam, "wrong").await.as_str(), dc.bind_as(&sam, PASSWORD).await.as_str()), ("775", "775"));
    let there = read(&mut admin, &stage.target, &["badPwdCount", "lockoutTime", "msDS-User-Account-Control-Computed"]).await;
    assert_eq!((there["badPwdCount"][0].as_str(), there["msDS-User-Account-Control-Computed"][0].as_str()), ("3", "16"));
    assert!(there["lockoutTime"][0].parse::<i64>().unwrap() > 130_000_000_000_000_000);
    assert_eq!(reset(&mut admin, &stage.target, "An0ther-Passw0rd!").await, (0, String::new()));
    assert_eq!(dc.bind_as(&sam, "An0ther-Passw0rd!").await, "775");
    assert_eq!(set(&mut admin, &stage.target, "lockoutTime", "0").await, (0, String::new()));
    assert_eq!(text(&mut admin, &stage.target, "badPwdCount").await, "0");
    assert_eq!(dc.bind_as(&sam, "An0ther-Passw0rd!").await, "0");
    let back = admin.modify(&dc.base, vec![Mod::Replace("lockoutThreshold", HashSet::from(["0"]))]).await;
    assert_eq!(said(back).0, 0);
    dc.done(stage).await;
}
