//! The same through the front door on a real domain controller, where `GUIDEPOST_DC` names one: its domain, the practice lab's tenant.

use super::home::{Home, Lab, Ran, ran};
use guidepost::{
    base::{Secret, http::install_tls_provider},
    services::directory::{
        DESCRIPTOR, Directory as _, DirectoryError, Search,
        ldap::{Ldap, LdapSettings, Limits, Login},
    },
};
use serde_json::{Value, json};
use std::fs;

const STEP: [&str; 4] = ["--lab", "real", "--step", "delegate-reset-rights"];

struct Real {
    home: Home,
    facts: Value,
    runtime: tokio::runtime::Runtime,
    _tenant: Lab,
}

impl Real {
    fn named() -> Option<Self> {
        let Some(path) = std::env::var_os("GUIDEPOST_DC") else {
            eprintln!("skipped: no domain controller is named by GUIDEPOST_DC");
            return None;
        };
        install_tls_provider();
        let facts: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let home = Home::new();
        let tenant = Lab::start(&home, "100ms");
        let endpoint: Value = serde_json::from_slice(&fs::read(home.dir().join("world/endpoint.json")).unwrap()).unwrap();
        let profile = format!(
            "format = 1\nenvironment = \"test\"\n[signin]\nauthority = {}\ntenant = {}\nclient_id = {}\n[graph]\nbase = {}\n[domain]\nvia = \
             \"ldap\"\nurl = {}\nbind = {}\nca_file = {}\n[net]\nca_file = {}\n[variables]\nordinary_user_sam = \"user2\"\n",
            endpoint["authority"],
            endpoint["tenant_id"],
            endpoint["client_id"],
            endpoint["graph"],
            facts["ldaps"],
            facts["admin"],
            facts["ca_file"],
            endpoint["ca_file"],
        );
        let labs = home.path().join("config/guidepost/labs");
        fs::create_dir_all(&labs).unwrap();
        fs::write(labs.join("real.toml"), profile).unwrap();
        let secrets = json!({"refresh-token": endpoint["refresh_token"], "domain-password": facts["admin_password"]});
        fs::write(home.path().join("secrets"), secrets.to_string()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Some(Self { home, facts, runtime, _tenant: tenant })
    }

    fn run(&self, word: &str, more: &[&str]) -> Ran {
        self.run_in(&STEP, word, more)
    }

    fn run_in(&self, step: &[&str], word: &str, more: &[&str]) -> Ran {
        let mut command = self.home.command(&[&[word], step, &["--no-input", "--secrets-fd", "0"], more].concat());
        command.stdin(fs::File::open(self.home.path().join("secrets")).unwrap());
        ran(command)
    }

    fn text(&self, name: &str) -> String {
        self.facts[name].as_str().unwrap().to_owned()
    }

    fn signed_in(&self, name: String, password: String) -> Ldap {
        let login = Login::Password { name, password: Secret::new(password) };
        let settings =
            LdapSettings { url: self.text("ldaps"), login, ca_file: Some(self.text("ca_file").into()), limits: Limits::default() };
        self.runtime.block_on(async { Ldap::new(settings) }).unwrap()
    }

    /// Whether User1, who is nobody special in this domain, may reset user2's password: by trying it.
    fn delegate_can_reset(&self) -> bool {
        let user1 = self.signed_in(format!("User1@{}", self.text("dns")), self.text("user_password"));
        let target = format!("CN=user2,CN=Users,{}", self.text("base"));
        match self.runtime.block_on(user1.reset_password(&target, &Secret::new("Gu1depost-Passw0rd!"), false)) {
            Ok(()) => true,
            Err(DirectoryError::Refused { code: 50, .. }) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn head(&self) -> Vec<u8> {
        let admin = self.signed_in(self.text("admin"), self.text("admin_password"));
        let found = self.runtime.block_on(admin.search(Search::object(self.text("base"), &[DESCRIPTOR]))).unwrap();
        found[0].bytes(DESCRIPTOR).unwrap().to_vec()
    }
}

#[test]
fn a_real_domain_controller_lets_the_delegate_exactly_while_the_grant_stands() {
    let Some(real) = Real::named() else { return };
    let before = real.head();
    assert!(!real.delegate_can_reset());
    real.run("check", &[]).exits(1).says(&["RIGHTS_NOT_GRANTED"]);

    real.run("apply", &["--yes"]).exits(0).says(&["+ (OA;CIIO;CR;", "done; its check is now: pass"]);
    assert!(real.delegate_can_reset());
    real.run("check", &[]).exits(0).says(&["granted = all 4", "(User1, inherited)"]);
    let granted = real.head();
    real.run("apply", &["--yes"]).exits(0).says(&["nothing to do"]);
    assert_eq!(real.head(), granted, "twice is once");

    real.run("undo", &["--yes"]).exits(0).says(&["taken back; its check is now: fail"]);
    assert_eq!(real.head(), before);
    assert!(!real.delegate_can_reset());
}

#[test]
fn the_minimum_age_of_a_real_domain_is_set_and_given_back() {
    let Some(real) = Real::named() else { return };
    let step = ["--lab", "real", "--step", "self-service-reset"];
    let admin = real.signed_in(real.text("admin"), real.text("admin_password"));
    let base = real.text("base");
    let age = || {
        let found = real.runtime.block_on(admin.search(Search::object(&*base, &["minPwdAge"]))).unwrap();
        found[0].text("minPwdAge").unwrap().to_owned()
    };
    let seeded = age();
    let one_day = "-864000000000";
    real.runtime.block_on(admin.set(&base, "minPwdAge", one_day)).unwrap();
    real.run_in(&step, "apply", &["--yes"]).exits(0).says(&["minPwdAge is -864000000000", "its check is now: pass"]);
    assert_eq!(age(), "0");
    // Somebody else's value is left alone; ours is given back.
    real.runtime.block_on(admin.set(&base, "minPwdAge", "-36000000000")).unwrap();
    real.run_in(&step, "undo", &["--yes"]).exits(1).says(&["which is neither what Guidepost set"]);
    assert_eq!(age(), "-36000000000");
    real.runtime.block_on(admin.set(&base, "minPwdAge", "0")).unwrap();
    real.run_in(&step, "undo", &["--yes"]).exits(0);
    assert_eq!(age(), one_day);
    real.runtime.block_on(admin.set(&base, "minPwdAge", &seeded)).unwrap();
}
