//! Our own client makes, changes and deletes objects: the same on the practice controller and on a real one.

use crate::dc::{Dc, PASSWORD};
use guidepost::base::Secret;
use guidepost::services::directory::object::{Change, NewObject, Swap, make_password};
use guidepost::services::directory::{Directory as _, DirectoryError, Entry, Ldap, LdapSettings, Limits, Login, Search, SignOn};

crate::promises!(
    a_user_is_made_enabled_ordinary_and_signs_on_with_the_made_password,
    a_weak_first_password_makes_nobody,
    a_value_is_changed_only_if_it_is_the_one_that_was_read,
    only_an_object_with_nothing_in_it_is_deleted,
    a_stranger_makes_changes_and_deletes_nothing,
);

fn client(dc: &Dc, name: &str, password: &str) -> Ldap {
    let login = Login::Password { name: name.to_owned(), password: Secret::new(password) };
    Ldap::new(LdapSettings { url: dc.ldaps.clone(), login, ca_file: Some(dc.ca.clone()), limits: Limits::default() }).unwrap()
}

fn admin(dc: &Dc) -> Ldap {
    client(dc, &dc.admin, &dc.admin_password)
}

fn user(dn: &str, sam: &str, dc: &Dc, password: Option<Secret>) -> Change {
    let upn = format!("{sam}@{}", dc.suffix);
    let attributes = [("sAMAccountName", sam), ("userPrincipalName", &upn), ("displayName", "Ein Änderer"), ("userAccountControl", "512")];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Change::Add(NewObject { dn: dn.to_owned(), class: "user".to_owned(), attributes, password })
}

fn swap(dn: &str, attribute: &str, from: Option<&str>, to: Option<&str>) -> Change {
    let swap = Swap { attribute: attribute.to_owned(), from: from.map(str::to_owned), to: to.map(str::to_owned) };
    Change::Modify { dn: dn.to_owned(), swaps: vec![swap] }
}

async fn read(ours: &Ldap, dn: &str, names: &[&str]) -> Entry {
    ours.search(Search::object(dn, names)).await.unwrap().remove(0)
}

fn code(outcome: Result<(), DirectoryError>) -> Option<u32> {
    let error = outcome.unwrap_err();
    assert!(error.outcome_known(), "{error:?}");
    error.code()
}

async fn a_user_is_made_enabled_ordinary_and_signs_on_with_the_made_password(dc: &Dc) {
    let stage = dc.stage("made").await;
    let (ours, dn) = (admin(dc), format!("CN=Ein Änderer,{}", stage.ou));
    let password = make_password(7, &["Ein Änderer", "made-user"]).unwrap();
    ours.change(&user(&dn, "made-user", dc, Some(password.clone()))).await.unwrap();
    let made = read(&ours, &dn, &["userAccountControl", "adminCount", "objectGUID", "objectSid", "displayName", "pwdLastSet"]).await;
    assert_eq!(
        (made.text("userAccountControl"), made.text("adminCount"), made.text("displayName")),
        (Some("512"), None, Some("Ein Änderer"))
    );
    assert!(made.bytes("objectGUID").is_some_and(|guid| guid.len() == 16) && made.bytes("objectSid").is_some());
    assert_ne!(made.number("pwdLastSet"), Some(0), "nobody must change it first");
    let name = format!("made-user@{}", dc.suffix);
    assert_eq!(ours.sign_on(&name, &password).await.unwrap(), SignOn::Accepted);
    // Twice is not possible, and the first one stays.
    assert_eq!(code(ours.change(&user(&dn, "made-user", dc, Some(password.clone()))).await), Some(68));
    assert_eq!(ours.sign_on(&name, &password).await.unwrap(), SignOn::Accepted);
    ours.change(&Change::Delete { dn: dn.clone() }).await.unwrap();
    assert_eq!(ours.search(Search::object(&dn, &["cn"])).await.unwrap_err().code(), Some(32));
    dc.done(stage).await;
}

async fn a_weak_first_password_makes_nobody(dc: &Dc) {
    let stage = dc.stage("weak").await;
    let (ours, dn) = (admin(dc), format!("CN=weak,{}", stage.ou));
    for weak in ["Sh0r!", "alllowercaseletters"] {
        let refused = code(ours.change(&user(&dn, "weak-user", dc, Some(Secret::new(weak)))).await);
        assert!(matches!(refused, Some(19 | 53)), "{refused:?}");
        assert_eq!(ours.search(Search::object(&dn, &["cn"])).await.unwrap_err().code(), Some(32), "{weak}");
    }
    dc.done(stage).await;
}

async fn a_value_is_changed_only_if_it_is_the_one_that_was_read(dc: &Dc) {
    let stage = dc.stage("swap").await;
    let (ours, dn) = (admin(dc), stage.target.clone());
    let text = async |name: &str| read(&ours, &dn, &[name]).await.text(name).map(str::to_owned);
    // Nothing, something, something else, nothing.
    ours.change(&swap(&dn, "description", None, Some("one"))).await.unwrap();
    assert_eq!(code(ours.change(&swap(&dn, "description", None, Some("two"))).await), Some(20));
    assert_eq!(code(ours.change(&swap(&dn, "description", Some("zero"), Some("two"))).await), Some(16));
    assert_eq!(text("description").await.as_deref(), Some("one"));
    ours.change(&swap(&dn, "description", Some("one"), Some("two"))).await.unwrap();
    assert_eq!(code(ours.change(&swap(&dn, "description", Some("one"), None)).await), Some(16));
    ours.change(&swap(&dn, "description", Some("two"), None)).await.unwrap();
    assert_eq!(text("description").await, None);
    // Several at once: all or none.
    let both = |from: &str| Change::Modify {
        dn: dn.clone(),
        swaps: vec![
            Swap { attribute: "description".to_owned(), from: None, to: Some("with".to_owned()) },
            Swap { attribute: "displayName".to_owned(), from: Some(from.to_owned()), to: Some("other".to_owned()) },
        ],
    };
    assert_eq!(code(ours.change(&both("not so")).await), Some(16));
    assert_eq!(text("description").await, None);
    // The head of the domain, as the guide sets it.
    let head = dc.base.as_str();
    let age = read(&ours, head, &["minPwdAge"]).await.text("minPwdAge").unwrap().to_owned();
    assert_eq!(code(ours.change(&swap(head, "minPwdAge", Some("-17"), Some("0"))).await), Some(16));
    ours.change(&swap(head, "minPwdAge", Some(&age), Some("-36000000000"))).await.unwrap();
    assert_eq!(read(&ours, head, &["minPwdAge"]).await.text("minPwdAge"), Some("-36000000000"));
    ours.change(&swap(head, "minPwdAge", Some("-36000000000"), Some(&age))).await.unwrap();
    dc.done(stage).await;
}

async fn only_an_object_with_nothing_in_it_is_deleted(dc: &Dc) {
    let stage = dc.stage("leaf").await;
    let ours = admin(dc);
    assert_eq!(code(ours.change(&Change::Delete { dn: stage.ou.clone() }).await), Some(66));
    assert_eq!(code(ours.change(&Change::Delete { dn: format!("CN=nobody,{}", stage.ou) }).await), Some(32));
    ours.change(&Change::Delete { dn: stage.target.clone() }).await.unwrap();
    dc.done(stage).await;
}

async fn a_stranger_makes_changes_and_deletes_nothing(dc: &Dc) {
    let stage = dc.stage("nobody").await;
    let theirs = client(dc, &format!("{}\\{}", dc.netbios, stage.delegate), PASSWORD);
    let new = user(&format!("CN=new,{}", stage.ou), "nobody-new", dc, Some(Secret::new("An0ther-Passw0rd!")));
    for change in [new, swap(&dc.base, "minPwdAge", Some("0"), Some("-1")), Change::Delete { dn: stage.target.clone() }] {
        assert_eq!(code(theirs.change(&change).await), Some(50), "{}", change.dn());
    }
    dc.done(stage).await;
}
