//! The step `delegate-reset-rights` as a person or a pipeline runs it: the real binary, the practice lab and its domain controller.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

#[path = "support/home.rs"]
mod home;
#[path = "delegate/real.rs"]
mod real;

use guidepost::{
    base::Secret,
    rights::{Descriptor, sddl},
    services::directory::{
        DESCRIPTOR, Directory as _, Search,
        ldap::{Ldap, LdapSettings, Limits, Login},
    },
};
use home::{Home, Lab, in_doubt, open, until};
use serde_json::Value;
use std::{fs, process::Stdio};

const STEP: [&str; 2] = ["--step", "delegate-reset-rights"];
const CONNECTOR: [&str; 2] = ["--option", "delegate-reset-rights=connector"];

fn bench() -> (Home, Lab) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    (home, lab)
}

fn args<'a>(word: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[word], &STEP[..], more].concat()
}

/// The verdict of each check.
fn verdicts(home: &Home, more: &[&str]) -> Vec<(String, String)> {
    let report = home.run(&[&args("check", &["--format", "json"])[..], more].concat()).json();
    let checks = report["steps"][0]["checks"].as_array().unwrap().clone();
    let pair = |check: &Value| (check["id"].as_str().unwrap().to_owned(), check["verdict"].as_str().unwrap().to_owned());
    checks.iter().map(pair).collect()
}

fn all_pass(verdicts: &[(String, String)]) -> bool {
    verdicts.iter().all(|(_, verdict)| verdict == "pass")
}

fn plan(home: &Home, more: &[&str]) -> Value {
    home.run(&[&args("plan", &["--format", "json"])[..], more].concat()).exits(0).json()["plan"].clone()
}

/// The domain's head, read and written past Guidepost, as another tool would.
struct Head {
    ldap: Ldap,
    dn: String,
    runtime: tokio::runtime::Runtime,
}

impl Head {
    fn of(home: &Home) -> Self {
        let endpoint: Value = serde_json::from_slice(&fs::read(home.dir().join("world/endpoint.json")).unwrap()).unwrap();
        let text = |pointer: &str| endpoint.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        let login = Login::Password { name: text("/domain/bind_dn"), password: Secret::new(text("/domain/password")) };
        let ca_file = Some(text("/ca_file").into());
        let settings = LdapSettings { url: text("/ldaps"), login, ca_file, limits: Limits::default() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ldap = runtime.block_on(async { Ldap::new(settings) }).unwrap();
        Self { ldap, dn: text("/domain/dn"), runtime }
    }

    fn bytes(&self) -> Vec<u8> {
        let found = self.runtime.block_on(self.ldap.search(Search::object(&*self.dn, &[DESCRIPTOR]))).unwrap();
        found[0].bytes(DESCRIPTOR).unwrap().to_vec()
    }

    fn add(&self, entry: &str) {
        let mut descriptor = Descriptor::read(&self.bytes()).unwrap().dacl_only();
        descriptor.dacl.as_mut().unwrap().aces.push(sddl::parse_ace(entry, &sddl::Home::default()).unwrap());
        self.runtime.block_on(self.ldap.write_dacl(&self.dn, &descriptor.write())).unwrap();
    }
}

#[test]
fn the_rights_fail_are_planned_granted_proved_and_taken_back_to_the_byte() {
    let (home, _lab) = bench();
    let head = Head::of(&home);
    let before = head.bytes();
    assert_eq!(
        verdicts(&home, &[]),
        [("trustee-found", "pass"), ("granted", "fail"), ("target-found", "pass"), ("effective", "blocked")]
            .map(|(id, verdict)| (id.to_owned(), verdict.to_owned()))
    );
    let shown = plan(&home, &[]);
    assert_eq!(shown["ops"][0]["difference"]["added"].as_array().unwrap().len(), 4);
    assert!(shown["ops"][0]["difference"]["ldif"].as_str().unwrap().contains("\ndn: DC=testlab,DC=contoso,DC=example\n"));
    assert_eq!((shown["high_risk"].as_bool(), head.bytes() == before), (Some(true), true));

    home.run(&args("apply", &[])).exits(1).says(&["needs a confirmation"]);
    home.run(&args("apply", &["--yes"])).exits(0).says(&["+ (OA;CIIO;CR;", "done; its check is now: pass"]);
    assert!(all_pass(&verdicts(&home, &[])));
    home.run(&args("check", &[])).exits(0).says(&["granted = all 4", "effect.reset-password = allowed by entry"]);
    home.run(&args("check", &["--format", "junit"])).exits(0).says(&["delegate-reset-rights"]);
    home.run(&["ledger"]).exits(0).says(&["undo: remove 4 entries for User1 from the permissions of DC=testlab"]);
    home.run(&args("apply", &["--yes"])).exits(0).says(&["nothing to do"]);

    home.run(&args("undo", &["--yes"])).exits(0).says(&["- (OA;CIIO;WP;", "taken back; its check is now: fail"]);
    assert_eq!(head.bytes(), before);
    assert_eq!(plan(&home, &[])["id"], shown["id"]);
    assert!(open(&home.journal()).is_empty());
    home.run(&["ledger"]).exits(0).says(&["nothing of Guidepost's is open"]);
}

#[test]
fn what_somebody_else_granted_in_between_stays() {
    let (home, _lab) = bench();
    let head = Head::of(&home);
    home.run(&args("apply", &["--yes"])).exits(0);
    head.add("(A;;RP;;;S-1-5-21-1004336348-1177238915-682003330-2000)");
    home.run(&args("undo", &["--yes"])).exits(0);
    let after = sddl::print(&Descriptor::read(&head.bytes()).unwrap());
    assert!(after.contains("-2000)") && !after.contains("-1104)"), "{after}");
}

#[test]
fn the_documented_variant_serves_the_connector_account_and_is_remembered() {
    let (home, _lab) = bench();
    let before = Head::of(&home).bytes();
    home.run(&[&args("apply", &["--yes"])[..], &CONNECTOR].concat()).exits(0).says(&["MSOL_0123456789ab"]);
    assert!(all_pass(&verdicts(&home, &CONNECTOR)) && verdicts(&home, &[]).iter().any(|(id, _)| id == "unexpire"));
    let report = home.run(&args("check", &["--format", "json"])).json();
    assert_eq!(report["steps"][0]["option"], "connector", "the newest change says which");
    let intended = home.journal().into_iter().find(|line| line["kind"] == "intended").unwrap();
    assert_eq!(intended["option"], "connector");
    let guide = ["--option", "delegate-reset-rights=guide"];
    assert!(!all_pass(&verdicts(&home, &guide)), "User1 got nothing");
    // What is open is taken back, whichever option is walked.
    home.run(&[&args("undo", &["--yes"])[..], &guide].concat()).exits(0);
    assert_eq!(Head::of(&home).bytes(), before);
    home.run(&args("check", &["--option", "delegate-reset-rights=other"])).exits(64).says(&["no option `other`", "`guide`, `connector`"]);
    home.run(&args("check", &["--option", "machines=x"])).exits(64).says(&["has no options"]);
}

#[test]
fn killed_at_any_line_of_the_journal_nothing_is_done_twice_and_nothing_is_forgotten() {
    let (home, _lab) = bench();
    let head = Head::of(&home);
    let before = head.bytes();
    let kinds = ["\"kind\":\"started\"", "\"kind\":\"intended\"", "\"kind\":\"done\"", "\"kind\":\"looked\""];
    for kind in kinds {
        let mark = fs::read(home.journal_path()).unwrap_or_default().len();
        let mut command = home.command(&args("apply", &["--yes"]));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        until("the line", || {
            let bytes = fs::read(home.journal_path()).unwrap_or_default();
            let seen = String::from_utf8_lossy(bytes.get(mark..).unwrap_or_default()).contains(kind);
            (seen || child.try_wait().unwrap().is_some()).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        if head.bytes() != before {
            let (lines, _) = home::valid_chain(&fs::read(home.journal_path()).unwrap());
            assert!(!open(&lines).is_empty() || !in_doubt(&lines).is_empty(), "{kind}: a right that no line of the journal knows");
        }
        home.run(&args("apply", &["--yes"])).exits(0);
        let lines = home.journal();
        assert_eq!((open(&lines).len(), in_doubt(&lines).len()), (1, 0), "{kind}");
        home.run(&args("undo", &["--yes"])).exits(0);
        assert_eq!(head.bytes(), before, "{kind}");
    }
}

#[test]
fn a_lab_test_and_the_doctor_say_whether_the_domain_answers() {
    let (home, _lab) = bench();
    home.run(&["lab", "test"]).says(&["answers for DC=testlab,DC=contoso,DC=example"]);
    home.run(&["doctor"]).says(&["answers for DC=testlab,DC=contoso,DC=example"]);
}
