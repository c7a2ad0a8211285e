//! A domain controller to try promises on: the practice lab's, or the real one that `GUIDEPOST_DC` names. No promises.

use crate::lab::Lab;
use guidepost::rights::{Ace, Descriptor, Guid, Sid};
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Mod, Scope, SearchEntry};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) const RESET: Guid = Guid::of(0x0029_9570_246d_11d0_a768_00aa_006e_0529);
pub(crate) const CHANGE: Guid = Guid::of(0xab72_1a53_1e2f_11d0_9819_00aa_0040_529b);
pub(crate) const LOCKOUT_TIME: Guid = Guid::of(0x2863_0ebf_41d5_11d1_a9c1_0000_f803_67c1);
pub(crate) const PWD_LAST_SET: Guid = Guid::of(0xbf96_7a0a_0de6_11d0_a285_00aa_0030_49e2);
pub(crate) const RESTRICTIONS: Guid = Guid::of(0x4c16_4200_20c0_11d0_a768_00aa_006e_0529);
pub(crate) const USER: Guid = Guid::of(0xbf96_7aba_0de6_11d0_a285_00aa_0030_49e2);

/// A controller with its own names.
pub(crate) struct Dc {
    ldap: String,
    pub(crate) ldaps: String,
    pub(crate) ca: PathBuf,
    pub(crate) base: String,
    pub(crate) netbios: String,
    pub(crate) suffix: String,
    pub(crate) admin: String,
    pub(crate) admin_password: String,
    /// Runs the practice lab, while it is one.
    pub(crate) lab: Option<Lab>,
}

/// A container of one's own, with the people that promises are about.
pub(crate) struct Stage {
    /// The container.
    pub(crate) ou: String,
    /// An ordinary account that nothing was delegated to.
    pub(crate) delegate: String,
    pub(crate) delegate_sid: Sid,
    /// An ordinary user in the container.
    pub(crate) target: String,
    /// Prefix of every name, so that promises do not meet.
    pub(crate) prefix: String,
}

pub(crate) const PASSWORD: &str = "Us3r-Passw0rd!";

pub(crate) fn quoted(password: &str) -> Vec<u8> {
    format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

pub(crate) fn one(value: impl Into<Vec<u8>>) -> HashSet<Vec<u8>> {
    HashSet::from([value.into()])
}

/// A critical SD flags control.
pub(crate) fn sd_flags(flags: u8) -> RawControl {
    RawControl { ctype: "1.2.840.113556.1.4.801".to_owned(), crit: true, val: Some(vec![0x30, 3, 2, 1, flags]) }
}

/// Code and text of an answer; what is said about a success is nobody's promise.
pub(crate) fn said(answer: ldap3::result::Result<ldap3::LdapResult>) -> (u32, String) {
    let answer = answer.unwrap();
    let text = if answer.rc == 0 { "" } else { answer.text.trim_end_matches('\0') };
    (answer.rc, text.to_owned())
}

impl Dc {
    /// The practice lab's; changes of descriptors show at once.
    pub(crate) async fn practice() -> Self {
        Self::practice_with(&["--consistency", "0s"]).await
    }

    pub(crate) async fn practice_with(args: &[&str]) -> Self {
        let dc = Self::of(Lab::start(args).await);
        // As the seed of the real one: a test changes a password twice.
        let mut admin = dc.admin().await;
        assert_eq!(said(admin.modify(&dc.base, vec![Mod::Replace("minPwdAge", HashSet::from(["0"]))]).await).0, 0);
        dc
    }

    /// That of a running lab, as it stands.
    pub(crate) fn of(lab: Lab) -> Self {
        let domain = &lab.ready["domain"];
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        Self {
            ldap: lab.text("ldap").to_owned(),
            ldaps: lab.text("ldaps").to_owned(),
            ca: lab.text("ca_file").into(),
            base: text(&domain["dn"]),
            netbios: text(&domain["netbios"]),
            suffix: "testlab.contoso.example".to_owned(),
            admin: text(&domain["bind_dn"]),
            admin_password: text(&domain["password"]),
            lab: Some(lab),
        }
    }

    /// The real one, where there is one.
    pub(crate) fn real() -> Option<Self> {
        let Some(path) = std::env::var_os("GUIDEPOST_DC") else {
            eprintln!("skipped: no domain controller is named by GUIDEPOST_DC");
            return None;
        };
        guidepost::base::http::install_tls_provider();
        let named: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let text = |name: &str| named[name].as_str().unwrap().to_owned();
        Some(Self {
            ldap: text("ldap"),
            ldaps: text("ldaps"),
            ca: text("ca_file").into(),
            base: text("base"),
            netbios: text("netbios"),
            suffix: text("dns"),
            admin: text("admin"),
            admin_password: text("admin_password"),
            lab: None,
        })
    }

    fn settings(&self) -> LdapConnSettings {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.ca).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        LdapConnSettings::new().set_config(Arc::new(config)).set_conn_timeout(crate::lab::LONG)
    }

    async fn open(&self, settings: LdapConnSettings, url: &str) -> Ldap {
        let (connection, ldap) = LdapConnAsync::with_settings(settings, url).await.unwrap();
        tokio::spawn(async move { drop(connection.drive().await) });
        ldap
    }

    pub(crate) async fn sealed(&self) -> Ldap {
        self.open(self.settings(), &self.ldaps).await
    }

    pub(crate) async fn by_start_tls(&self) -> Ldap {
        self.open(self.settings().set_starttls(true), &self.ldap).await
    }

    pub(crate) async fn in_the_clear(&self) -> Ldap {
        self.open(self.settings(), &self.ldap).await
    }

    pub(crate) fn plain_address(&self) -> String {
        let address = self.ldap.trim_start_matches("ldap://");
        if address.contains(':') { address.to_owned() } else { format!("{address}:389") }
    }

    pub(crate) async fn admin(&self) -> Ldap {
        let mut ldap = self.sealed().await;
        ldap.simple_bind(&self.admin, &self.admin_password).await.unwrap().success().unwrap();
        ldap
    }

    pub(crate) async fn user(&self, sam: &str, password: &str) -> Ldap {
        let mut ldap = self.sealed().await;
        ldap.simple_bind(&format!("{}\\{sam}", self.netbios), password).await.unwrap().success().unwrap();
        ldap
    }

    /// What a bind of its own answers: 0, or the data code of a refusal.
    pub(crate) async fn bind(&self, name: &str, password: &str) -> String {
        let mut ldap = self.sealed().await;
        let (code, text) = said(ldap.simple_bind(name, password).await);
        match (code, text.split("data ").nth(1).and_then(|rest| rest.split(',').next())) {
            (0, _) => "0".to_owned(),
            (49, Some(data)) => {
                let whole = format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1");
                assert_eq!(text, whole);
                data.to_owned()
            }
            _ => format!("{code} {text}"),
        }
    }

    pub(crate) async fn bind_as(&self, sam: &str, password: &str) -> String {
        self.bind(&format!("{}\\{sam}", self.netbios), password).await
    }

    /// A container with a delegate and a target.
    pub(crate) async fn stage(&self, prefix: &str) -> Stage {
        let mut admin = self.admin().await;
        let ou = format!("OU=gp-{prefix},{}", self.base);
        let delegate = format!("{prefix}-delegate");
        self.forget(&mut admin, &ou).await;
        assert_eq!(said(admin.add(&ou, vec![("objectClass", HashSet::from(["organizationalUnit"]))]).await), (0, String::new()));
        let users = format!("OU=people,{ou}");
        assert_eq!(said(admin.add(&users, vec![("objectClass", HashSet::from(["organizationalUnit"]))]).await).0, 0);
        let own = self.add_user(&mut admin, &users, &delegate).await;
        let target = self.add_user(&mut admin, &ou, &format!("{prefix}-target")).await;
        let delegate_sid = sid(&mut admin, &own).await;
        Stage { ou, delegate, delegate_sid, target, prefix: prefix.to_owned() }
    }

    pub(crate) async fn forget(&self, admin: &mut Ldap, dn: &str) {
        let tree = RawControl { ctype: "1.2.840.113556.1.4.805".to_owned(), crit: true, val: None };
        let gone = said(admin.with_controls(tree).delete(dn).await);
        assert!(matches!(gone.0, 0 | 32), "{gone:?}");
    }

    /// An enabled user with [`PASSWORD`].
    pub(crate) async fn add_user(&self, admin: &mut Ldap, container: &str, sam: &str) -> String {
        let dn = format!("CN={sam},{container}");
        let made = admin.add(
            &dn,
            vec![
                (b"objectClass".to_vec(), one("user")),
                (b"sAMAccountName".to_vec(), one(sam)),
                (b"unicodePwd".to_vec(), one(quoted(PASSWORD))),
                (b"userAccountControl".to_vec(), one("512")),
            ],
        );
        assert_eq!(said(made.await), (0, String::new()), "{sam}");
        dn
    }

    pub(crate) async fn done(&self, stage: Stage) {
        let mut admin = self.admin().await;
        self.forget(&mut admin, &stage.ou).await;
    }
}

pub(crate) async fn read(ldap: &mut Ldap, dn: &str, names: &[&str]) -> HashMap<String, Vec<String>> {
    let (entries, _) = ldap.search(dn, Scope::Base, "(objectClass=*)", names.to_vec()).await.unwrap().success().unwrap();
    SearchEntry::construct(entries.into_iter().next().unwrap()).attrs
}

pub(crate) async fn text(ldap: &mut Ldap, dn: &str, name: &str) -> String {
    let found = read(ldap, dn, &[name]).await;
    found.get(name).and_then(|values| values.first()).cloned().unwrap_or_default()
}

pub(crate) async fn sid(ldap: &mut Ldap, dn: &str) -> Sid {
    let (entries, _) = ldap.search(dn, Scope::Base, "(objectClass=*)", vec!["objectSid"]).await.unwrap().success().unwrap();
    let entry = SearchEntry::construct(entries.into_iter().next().unwrap());
    Sid::read(&entry.bin_attrs["objectSid"][0]).unwrap()
}

/// The DACL's bytes; `None` where the attribute is absent.
pub(crate) async fn dacl_bytes(ldap: &mut Ldap, dn: &str) -> Option<Vec<u8>> {
    let found = ldap.with_controls(sd_flags(4)).search(dn, Scope::Base, "(objectClass=*)", vec!["nTSecurityDescriptor"]);
    let (entries, _) = found.await.unwrap().success().unwrap();
    let mut entry = SearchEntry::construct(entries.into_iter().next().unwrap());
    entry.bin_attrs.remove("nTSecurityDescriptor").map(|mut values| values.remove(0))
}

pub(crate) async fn dacl(ldap: &mut Ldap, dn: &str) -> Descriptor {
    Descriptor::read(&dacl_bytes(ldap, dn).await.unwrap()).unwrap()
}

pub(crate) async fn write_dacl(ldap: &mut Ldap, dn: &str, bytes: Vec<u8>) -> (u32, String) {
    said(ldap.with_controls(sd_flags(4)).modify(dn, vec![Mod::Replace(b"nTSecurityDescriptor".to_vec(), one(bytes))]).await)
}

/// Adds entries, first or last; what was there before comes back.
pub(crate) async fn grant(ldap: &mut Ldap, dn: &str, aces: Vec<Ace>, last: bool) -> Vec<u8> {
    let before = dacl_bytes(ldap, dn).await.unwrap();
    let mut descriptor = Descriptor::read(&before).unwrap();
    let entries = &mut descriptor.dacl.as_mut().unwrap().aces;
    let at = if last { entries.len() } else { 0 };
    entries.splice(at..at, aces);
    assert_eq!(write_dacl(ldap, dn, descriptor.write()).await, (0, String::new()));
    before
}

pub(crate) async fn reset(ldap: &mut Ldap, dn: &str, password: &str) -> (u32, String) {
    said(ldap.modify(dn, vec![Mod::Replace(b"unicodePwd".to_vec(), one(quoted(password)))]).await)
}

pub(crate) async fn change(ldap: &mut Ldap, dn: &str, old: &str, new: &str) -> (u32, String) {
    let name = b"unicodePwd".to_vec();
    said(ldap.modify(dn, vec![Mod::Delete(name.clone(), one(quoted(old))), Mod::Add(name, one(quoted(new)))]).await)
}

pub(crate) async fn set(ldap: &mut Ldap, dn: &str, name: &str, value: &str) -> (u32, String) {
    said(ldap.modify(dn, vec![Mod::Replace(name, HashSet::from([value]))]).await)
}
