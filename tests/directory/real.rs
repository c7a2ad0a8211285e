//! The same promises, and what a domain controller says when it refuses, on a real one: where `GUIDEPOST_DC` names one
//! (`scripts/testlab-dc with DIR cargo test --test directory`). Otherwise each test says that it was skipped.

use crate::rude::login;
use crate::ways::{Bridge, HOSTILE, Place, changes_objects, promises};
use guidepost::base::Secret;
use guidepost::base::http::install_tls_provider;
use guidepost::services::directory::{Dc1, Directory, DirectoryError, Dn, Ldap, LdapSettings, Limits, POLICY_HINTS, Search, SignOn};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use std::env;
use std::path::PathBuf;
use std::sync::Arc;

/// The domain controller that the environment names.
#[derive(Deserialize)]
struct Real {
    ldaps: String,
    ldap: String,
    ca_file: PathBuf,
    base: String,
    /// What stands behind the `@` of a user's name.
    dns: String,
    admin: String,
    admin_password: String,
    user_password: String,
}

impl Real {
    fn named() -> Option<Self> {
        install_tls_provider();
        let Some(path) = env::var_os("GUIDEPOST_DC") else {
            eprintln!("skipped: no domain controller is named by GUIDEPOST_DC");
            return None;
        };
        Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    fn settings(&self, scheme: &str, name: &str, password: &str) -> LdapSettings {
        LdapSettings {
            url: if scheme == "ldap" { self.ldap.clone() } else { self.ldaps.clone() },
            login: login(name, password),
            ca_file: Some(self.ca_file.clone()),
            limits: Limits::default(),
        }
    }

    fn admin(&self, scheme: &str) -> Ldap {
        Ldap::new(self.settings(scheme, &self.admin, &self.admin_password)).unwrap()
    }

    fn user(&self, name: &str) -> Ldap {
        Ldap::new(self.settings("ldaps", &format!("{name}@{}", self.dns), &self.user_password)).unwrap()
    }

    fn dn(&self, user: &str) -> String {
        format!("CN={user},CN=Users,{}", self.base)
    }

    /// A container of our own, and a contact with a hostile name in it, made by another client.
    async fn make(&self, container: &str) -> (Dn, Dn) {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.ca_file).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let settings = ldap3::LdapConnSettings::new().set_config(Arc::new(config));
        let (connection, mut ldap) = ldap3::LdapConnAsync::with_settings(settings, &self.ldaps).await.unwrap();
        tokio::spawn(connection.drive());
        ldap.simple_bind(&self.admin, &self.admin_password).await.unwrap().success().unwrap();
        let container = Dn::parse(&self.base).unwrap().child("OU", container).unwrap();
        let hostile = container.child("CN", HOSTILE).unwrap();
        for (dn, class) in [(&container, "organizationalUnit"), (&hostile, "contact")] {
            let made = ldap.add(&dn.to_string(), vec![("objectClass", [class].into())]).await.unwrap();
            assert!(matches!(made.rc, 0 | 68), "{made}");
        }
        (container, hostile)
    }

    async fn place(&self, container: &str) -> Place {
        let (container, hostile) = self.make(container).await;
        let user = (format!("user3@{}", self.dns), Secret::new(self.user_password.as_str()));
        Place { base: self.base.clone(), object: container.to_string(), hostile, user, users: 5 }
    }
}

#[tokio::test]
async fn ldap_keeps_every_promise_on_a_real_domain_controller() {
    let Some(real) = Real::named() else { return };
    let place = real.place("Guidepost LDAP").await;
    for scheme in ["ldaps", "ldap"] {
        let way = real.admin(scheme);
        promises(&way, &place).await;
        // Samba hands rights down within the change and knows nothing that could be pending; Windows says what is.
        assert!(matches!(way.pending(&place.object).await, Ok(None | Some(false))));
    }
}

#[tokio::test]
async fn scripts_keep_every_promise_on_a_real_domain_controller() {
    let Some(real) = Real::named() else { return };
    let place = real.place("Guidepost scripts").await;
    promises(&Dc1::new(Arc::new(Bridge { ldap: real.admin("ldaps"), room: 4096 })), &place).await;
}

#[tokio::test]
async fn real_objects_are_made_changed_and_deleted_both_ways() {
    let Some(real) = Real::named() else { return };
    let (container, _) = real.make("Guidepost objects").await;
    let container = container.to_string();
    changes_objects(&real.admin("ldaps"), &container, "gp-by-ldap", &real.dns).await;
    changes_objects(&real.admin("ldap"), &container, "gp-by-starttls", &real.dns).await;
    let scripts = Dc1::new(Arc::new(Bridge { ldap: real.admin("ldaps"), room: 4096 }));
    changes_objects(&scripts, &container, "gp-by-script", &real.dns).await;
}

/// The end of a refusal's sentence.
fn words(error: Result<(), DirectoryError>) -> String {
    let error = error.unwrap_err();
    assert!(error.outcome_known(), "{error:?}");
    let text = error.to_string();
    text.split_once("`: ").unwrap_or_else(|| panic!("{text}")).1.to_owned()
}

#[tokio::test]
async fn every_refusal_of_a_real_domain_controller_is_explained() {
    let Some(real) = Real::named() else { return };
    let (admin, user) = (real.admin("ldaps"), real.user("user2"));
    let (old, good) = (Secret::new(real.user_password.as_str()), Secret::new("An0ther-Passw0rd!"));
    // A user resets another's password, and writes what only administrators may.
    assert_eq!(words(user.reset_password(&real.dn("user3"), &good, false).await), "the account may not do this (50)");
    assert_eq!(words(user.set(&real.dn("user3"), "pwdLastSet", "0").await), "the account may not do this (50, data 2098)");
    let head = admin.search(Search::object(&real.base, &["nTSecurityDescriptor"])).await.unwrap();
    let descriptor = head[0].bytes("nTSecurityDescriptor").unwrap();
    let refused = user.write_dacl(&real.base, descriptor).await;
    assert_eq!(words(refused), "the account may not change this object's permissions (50, data 2098)");
    // Passwords that break the policy.
    for (password, why) in [
        ("Sh0r!", "the new password is too short (19, data 52d)"),
        ("alllowercaseletters", "the new password is not complex enough (19, data 52d)"),
    ] {
        assert_eq!(words(admin.reset_password(&real.dn("user3"), &Secret::new(password), false).await), why);
    }
    // A reset obeys the history only when it is told to; Samba knows no way to tell it.
    assert_eq!(admin.reset_password(&real.dn("user3"), &old, false).await, Ok(()));
    let hinted = words(admin.reset_password(&real.dn("user3"), &old, true).await);
    let knows = admin.root().await.unwrap().supports(POLICY_HINTS);
    assert_eq!(
        hinted,
        if knows { "the new password was used before (19, data 52d)" } else { "it lacks a control that is needed here (12)" }
    );
    let wrong = user.change_password(&real.dn("user2"), &Secret::new("wr0ng-Passw0rd!"), &good).await;
    assert_eq!(words(wrong), "the old password is wrong (19, data 56)");
    assert_eq!(words(admin.set(&real.dn("user3"), "pwdLastSet", "17").await), "a value is not allowed there (80, data 57)");
    assert_eq!(words(admin.set(&real.dn("nobody"), "pwdLastSet", "0").await), "there is no such object (32, data 2030)");
    assert_eq!(admin.sign_on(&format!("user2@{}", real.dns), &old).await, Ok(SignOn::Accepted));
}

#[tokio::test]
async fn every_state_of_an_account_is_told_apart_at_sign_on() {
    let Some(real) = Real::named() else { return };
    // A user that no other test signs in with.
    let (admin, dn, name) = (real.admin("ldaps"), format!("CN=user4,OU=Staff,{}", real.base), format!("user4@{}", real.dns));
    let password = Secret::new(real.user_password.as_str());
    let data = |sign_on: SignOn| match sign_on {
        SignOn::Accepted => None,
        SignOn::Refused { data, .. } => data,
    };
    for (attribute, broken, healed, reason) in
        [("pwdLastSet", "0", "-1", 0x773), ("userAccountControl", "514", "512", 0x533), ("accountExpires", "1", "0", 0x701)]
    {
        admin.set(&dn, attribute, broken).await.unwrap();
        let refused = admin.sign_on(&name, &password).await.unwrap();
        admin.set(&dn, attribute, healed).await.unwrap();
        assert_eq!(data(refused), Some(reason), "{attribute}");
        assert_eq!(admin.sign_on(&name, &password).await, Ok(SignOn::Accepted), "{attribute}");
    }
    admin.set(&real.base, "lockoutThreshold", "3").await.unwrap();
    for _ in 0..3 {
        assert_eq!(data(admin.sign_on(&name, &Secret::new("wr0ng-Passw0rd!")).await.unwrap()), Some(0x52e));
    }
    let locked = admin.sign_on(&name, &password).await.unwrap();
    admin.set(&real.base, "lockoutThreshold", "0").await.unwrap();
    admin.set(&dn, "lockoutTime", "0").await.unwrap();
    assert_eq!((data(locked), admin.sign_on(&name, &password).await), (Some(0x775), Ok(SignOn::Accepted)));
    // And as an anonymous nobody, a DC answers everything with its own reason.
    assert_eq!(data(admin.sign_on("nobody@nowhere.example", &password).await.unwrap()), Some(0x52e));
}

/// With a ticket, as `kinit` gets one; the connection is sealed by it, without TLS.
#[cfg(any(windows, feature = "kerberos"))]
#[tokio::test]
async fn a_ticket_signs_in_and_seals_the_connection() {
    let Some(real) = Real::named() else { return };
    if env::var("KRB5CCNAME").is_err() {
        eprintln!("skipped: no ticket is named by KRB5CCNAME");
        return;
    }
    let login = guidepost::services::directory::Login::Kerberos;
    let settings = LdapSettings { login: login.clone(), ..real.settings("ldap", "x", "x") };
    let sealed = Ldap::new(settings).unwrap();
    let place = real.place("Guidepost Kerberos").await;
    promises(&sealed, &place).await;
    // Only the host that the ticket is for is believed, and TLS is not needed for that.
    let within_tls = Ldap::new(LdapSettings { login, ..real.settings("ldaps", "x", "x") });
    assert!(matches!(within_tls, Err(DirectoryError::Setting { .. })));
}
