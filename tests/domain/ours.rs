//! Our own client on the practice controller: what the checks and the action will meet there.

use crate::dc::{Dc, PASSWORD};
use guidepost::base::Secret;
use guidepost::rights::{Ace, AceFlags, Descriptor, Mask};
use guidepost::services::directory::{Directory as _, Ldap, LdapSettings, Limits, Login, Scope, Search, SignOn};

fn client(dc: &Dc, url: &str) -> Ldap {
    let lab = dc.lab.as_ref().unwrap();
    let password = Secret::new(lab.ready["domain"]["password"].as_str().unwrap());
    let login = Login::Password { name: dc.admin.clone(), password };
    Ldap::new(LdapSettings { url: url.to_owned(), login, ca_file: Some(lab.text("ca_file").into()), limits: Limits::default() }).unwrap()
}

fn below(dc: &Dc, base: &str, filter: &str, scope: Scope) -> Search {
    let base = if base.is_empty() { dc.base.clone() } else { base.to_owned() };
    Search {
        base,
        scope,
        filter: filter.to_owned(),
        attributes: vec!["sAMAccountName".to_owned(), "nTSecurityDescriptor".to_owned()],
        limit: None,
    }
}

#[tokio::test]
async fn our_client_grants_waits_and_proves_on_the_practice_controller() {
    let dc = Dc::practice_with(&["--consistency", "1h"]).await;
    let stage = dc.stage("ours").await;
    for scheme in ["ldaps", "ldap"] {
        let ours = client(&dc, dc.lab.as_ref().unwrap().text(scheme));
        assert_eq!(ours.root().await.unwrap().naming_context, dc.base, "{scheme}");
    }
    let ours = client(&dc, dc.lab.as_ref().unwrap().text("ldaps"));
    let read = ours.search(below(&dc, &stage.ou, "(objectClass=*)", Scope::Base)).await.unwrap().remove(0);
    let mut descriptor = Descriptor::read(&read.attributes["nTSecurityDescriptor"][0]).unwrap();
    let entries = &mut descriptor.dacl.as_mut().unwrap().aces;
    entries.insert(0, Ace::allow(AceFlags(0x0a), Mask::FULL, stage.delegate_sid));
    ours.write_dacl(&stage.ou, &descriptor.dacl_only().write()).await.unwrap();
    assert_eq!(ours.pending(&stage.ou).await.unwrap(), Some(true));
    dc.lab.as_ref().unwrap().clock("61m").await;
    assert_eq!(ours.pending(&stage.ou).await.unwrap(), Some(false));
    let mut delegate = dc.user(&stage.delegate, PASSWORD).await;
    assert_eq!(crate::dc::reset(&mut delegate, &stage.target, PASSWORD).await.0, 0);
    let signed = ours.sign_on(&format!("{}\\ours-target", dc.netbios), &Secret::new(PASSWORD)).await.unwrap();
    assert!(matches!(signed, SignOn::Accepted), "{signed:?}");
}

#[tokio::test]
async fn our_client_walks_a_crowd_with_its_descriptors() {
    let dc = Dc::practice().await;
    let lab = dc.lab.as_ref().unwrap();
    lab.person("hire", &["2000"]).await;
    let ours = client(&dc, lab.text("ldaps"));
    let mut seen = 0;
    let search = below(&dc, "", "(&(objectCategory=person)(objectClass=user)(sAMAccountName=crowd*))", Scope::Sub);
    let count = ours
        .walk(search, &mut |entry| {
            let descriptor = Descriptor::read(&entry.attributes["nTSecurityDescriptor"][0]).unwrap();
            seen += usize::from(descriptor.dacl.unwrap().aces.len() > 30);
        })
        .await;
    assert_eq!((count.unwrap(), seen), (2_000, 2_000));
}
