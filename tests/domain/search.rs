//! Searches: filters, scopes, attributes, pages, names with every sign that needs care.

use crate::dc::{Dc, PASSWORD, read, said};
use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, Scope, SearchEntry, dn_escape, ldap_escape};
use std::collections::HashSet;

crate::promises!(
    filters_find_what_they_name,
    scopes_reach_as_far_as_they_say,
    attributes_come_as_they_are_asked_for,
    pages_follow_one_another_and_leave_nothing_out,
    a_name_with_every_special_sign_is_one_name,
    what_is_not_there_is_not_found,
);

async fn found(ldap: &mut Ldap, base: &str, filter: &str) -> Vec<String> {
    let (entries, _) = ldap.search(base, Scope::Subtree, filter, vec!["name"]).await.unwrap().success().unwrap();
    let entries = entries.into_iter().filter(|entry| !entry.is_ref());
    let mut names: Vec<String> = entries.map(|entry| SearchEntry::construct(entry).attrs["name"][0].clone()).collect();
    names.sort();
    names
}

async fn filters_find_what_they_name(dc: &Dc) {
    let stage = dc.stage("filters").await;
    let mut admin = dc.admin().await;
    let (target, delegate) = ("filters-target", "filters-delegate");
    let sid: String = stage.delegate_sid.to_string();
    let bytes: String = stage.delegate_sid.write().iter().map(|byte| format!("\\{byte:02x}")).collect::<Vec<_>>().concat();
    let usn = read(&mut admin, &stage.target, &["uSNChanged"]).await["uSNChanged"][0].clone();
    let rows: Vec<(String, Vec<&str>)> = vec![
        ("(sAMAccountName=FILTERS-target)".to_owned(), vec![target]),
        ("(&(objectCategory=person)(objectClass=user))".to_owned(), vec![delegate, target]),
        ("(|(cn=filters-target)(ou=people))".to_owned(), vec![target, "people"]),
        ("(&(objectClass=user)(!(cn=filters-target)))".to_owned(), vec![delegate]),
        ("(sAMAccountName=*)".to_owned(), vec![delegate, target]),
        ("(sAMAccountName=fil*s-*get)".to_owned(), vec![target]),
        ("(sAMAccountName=*deleg*)".to_owned(), vec![delegate]),
        (format!("(&(uSNChanged>={usn})(uSNChanged<={usn}))"), vec![target]),
        ("(userAccountControl:1.2.840.113556.1.4.803:=512)".to_owned(), vec![delegate, target]),
        ("(userAccountControl:1.2.840.113556.1.4.803:=514)".to_owned(), vec![]),
        ("(userAccountControl:1.2.840.113556.1.4.804:=514)".to_owned(), vec![delegate, target]),
        (format!("(objectSid={bytes})"), vec![delegate]),
        (format!("(objectSid={sid})"), vec![delegate]),
        (format!("(distinguishedName={})", ldap_escape(stage.target.to_uppercase())), vec![target]),
        ("(objectClass=computer)".to_owned(), vec![]),
        ("(noSuchAttribute=1)".to_owned(), vec![]),
        ("(unicodePwd=*)".to_owned(), vec![]),
    ];
    for (filter, names) in rows {
        assert_eq!(found(&mut admin, &stage.ou, &filter).await, names, "{filter}");
    }
    dc.done(stage).await;
}

async fn scopes_reach_as_far_as_they_say(dc: &Dc) {
    let stage = dc.stage("scopes").await;
    let mut admin = dc.admin().await;
    for (scope, count) in [(Scope::Base, 1), (Scope::OneLevel, 2), (Scope::Subtree, 4)] {
        let (entries, _) = admin.search(&stage.ou, scope, "(objectClass=*)", vec!["1.1"]).await.unwrap().success().unwrap();
        assert_eq!(entries.len(), count, "{scope:?}");
        assert!(entries.into_iter().all(|entry| SearchEntry::construct(entry).attrs.is_empty()));
    }
    dc.done(stage).await;
}

async fn attributes_come_as_they_are_asked_for(dc: &Dc) {
    let stage = dc.stage("attributes").await;
    let mut admin = dc.admin().await;
    let all = read(&mut admin, &stage.target, &[]).await;
    for name in [
        "objectClass",
        "cn",
        "distinguishedName",
        "whenChanged",
        "uSNChanged",
        "sAMAccountName",
        "userAccountControl",
        "pwdLastSet",
        "primaryGroupID",
        "sAMAccountType",
        "objectCategory",
        "accountExpires",
        "badPwdCount",
    ] {
        assert!(all.contains_key(name), "{name}: {all:?}");
    }
    for name in ["nTSecurityDescriptor", "tokenGroups", "sDRightsEffective", "unicodePwd", "canonicalName"] {
        assert!(!all.contains_key(name), "{name}");
    }
    assert_eq!(all["objectClass"], ["top", "person", "organizationalPerson", "user"]);
    assert_eq!(
        (all["userAccountControl"][0].as_str(), all["sAMAccountType"][0].as_str(), all["primaryGroupID"][0].as_str()),
        ("512", "805306368", "513")
    );
    let some = read(&mut admin, &stage.target, &["CN", "canonicalname", "noSuchAttribute"]).await;
    let mut names: Vec<&str> = some.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["canonicalName", "cn"]);
    assert_eq!(some["canonicalName"][0], format!("{}/gp-attributes/attributes-target", dc.suffix));
    // Groups of an account: its primary one and what that is in, by SID.
    let (entries, _) = admin.search(&stage.target, Scope::Base, "(objectClass=*)", vec!["tokenGroups"]).await.unwrap().success().unwrap();
    let groups = &SearchEntry::construct(entries.into_iter().next().unwrap()).bin_attrs["tokenGroups"];
    let groups: HashSet<String> = groups.iter().map(|sid| guidepost::rights::Sid::read(sid).unwrap().to_string()).collect();
    let users = stage.delegate_sid.domain().unwrap().child(513).to_string();
    assert_eq!(groups, HashSet::from([users, "S-1-5-32-545".to_owned()]));
    dc.done(stage).await;
}

async fn paged(ldap: &mut Ldap, base: &str, filter: &str, size: i32) -> Vec<String> {
    let adapters: Vec<Box<dyn Adapter<_, _>>> = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(size))];
    let mut search = ldap.streaming_search_with(adapters, base, Scope::Subtree, filter, vec!["name"]).await.unwrap();
    let mut names = Vec::new();
    while let Some(entry) = search.next().await.unwrap() {
        names.push(SearchEntry::construct(entry).attrs["name"][0].clone());
    }
    search.finish().await.success().unwrap();
    names
}

async fn pages_follow_one_another_and_leave_nothing_out(dc: &Dc) {
    let stage = dc.stage("pages").await;
    let mut admin = dc.admin().await;
    for number in 0..7 {
        dc.add_user(&mut admin, &stage.ou, &format!("pages-{number}")).await;
    }
    for size in [1, 3, 9, 500] {
        let mut names = paged(&mut admin, &stage.ou, "(objectClass=user)", size).await;
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 9, "pages of {size}");
    }
    dc.done(stage).await;
}

async fn a_name_with_every_special_sign_is_one_name(dc: &Dc) {
    let stage = dc.stage("signs").await;
    let mut admin = dc.admin().await;
    let value = "#a,b+c\"d\\e<f>g;h=i#j ";
    let dn = format!("OU={},{}", dn_escape(value), stage.ou);
    assert_eq!(said(admin.add(&dn, vec![("objectClass", HashSet::from(["organizationalUnit"]))]).await), (0, String::new()));
    assert_eq!(found(&mut admin, &stage.ou, &format!("(ou={})", ldap_escape(value))).await, [value]);
    let own = read(&mut admin, &dn, &["distinguishedName", "ou"]).await;
    assert_eq!(own["ou"], [value]);
    assert_eq!(own["distinguishedName"][0], format!(r#"OU=\#a\,b\+c\"d\\e\<f\>g\3Bh\3Di\#j\ ,{}"#, stage.ou));
    let inside = dc.add_user(&mut admin, &own["distinguishedName"][0], "signs-inside").await;
    assert_eq!(dc.bind(&inside, PASSWORD).await, "0");
    dc.done(stage).await;
}

async fn what_is_not_there_is_not_found(dc: &Dc) {
    let mut admin = dc.admin().await;
    for base in [format!("CN=nobody,{}", dc.base), "CN=x,DC=other".to_owned()] {
        assert_eq!(admin.search(&base, Scope::Base, "(objectClass=*)", vec!["1.1"]).await.unwrap().1.rc, 32, "{base}");
    }
    let refused = admin.search("nonsense", Scope::Base, "(objectClass=*)", vec!["1.1"]).await.unwrap().1;
    assert_eq!((refused.rc, refused.text.as_str()), (34, "00002032: ldb_search: invalid basedn '(null)'"));
}

#[tokio::test]
async fn ten_thousand_users_come_in_pages() {
    let dc = Dc::practice().await;
    dc.lab.as_ref().unwrap().person("hire", &["10000"]).await;
    let mut admin = dc.admin().await;
    let mut names = paged(&mut admin, &dc.base, "(sAMAccountName=crowd*)", 1_000).await;
    names.sort();
    names.dedup();
    assert_eq!((names.len(), names[0].as_str(), names[9_999].as_str()), (10_000, "crowd00001", "crowd10000"));
    assert_eq!(dc.bind_as("crowd09999", dc.lab.as_ref().unwrap().ready["domain"]["password"].as_str().unwrap()).await, "0");
}
