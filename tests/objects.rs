//! Objects of the domain as the real binary makes, changes and takes them back: the test user, the minimum age, and what is left for the last step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::allow_attributes, reason = "not every lint fires in every build")]

#[path = "support/home.rs"]
mod home;

use guidepost::{
    base::Secret,
    services::directory::{
        Directory as _, Search,
        ldap::{Ldap, LdapSettings, Limits, Login},
        object::{Change, NewObject, Swap},
    },
};
use home::{Home, Lab};
use serde_json::Value;
use std::collections::BTreeMap;

const USER: [&str; 2] = ["--step", "writeback-test-user"];
const AGE: [&str; 2] = ["--step", "self-service-reset"];
const ONE_DAY: &str = "-864000000000";

fn bench() -> (Home, Lab) {
    let home = Home::new();
    let lab = Lab::start(&home, "100ms");
    (home, lab)
}

fn args<'a>(word: &'a str, step: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [&[word], step, more].concat()
}

fn verdicts(home: &Home, step: &[&str]) -> BTreeMap<String, String> {
    let report = home.run(&args("check", step, &["--format", "json"])).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["steps"][0]["checks"].as_array().unwrap().iter().map(|check| (text(&check["id"]), text(&check["verdict"]))).collect()
}

fn open(home: &Home) -> Vec<String> {
    let ledger = home.run(&["ledger", "--format", "json"]).exits(0).json();
    ledger["open"].as_array().unwrap().iter().map(|entry| entry["op"].as_str().unwrap().to_owned()).collect()
}

fn line(home: &Home, op: &str) -> String {
    let ledger = home.run(&["ledger", "--format", "json"]).exits(0).json();
    let entry = ledger["open"].as_array().unwrap().iter().find(|entry| entry["op"] == op).unwrap().clone();
    format!("ledger/{}", entry["n"])
}

/// The domain past Guidepost, as another tool would see and change it.
struct Other {
    ldap: Ldap,
    head: String,
    runtime: tokio::runtime::Runtime,
}

impl Other {
    fn of(home: &Home) -> Self {
        let endpoint: Value = serde_json::from_slice(&std::fs::read(home.dir().join("world/endpoint.json")).unwrap()).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let domain = &endpoint["domain"];
        let login = Login::Password { name: text(&domain["bind_dn"]), password: Secret::new(text(&domain["password"])) };
        let settings = LdapSettings {
            url: text(&endpoint["ldaps"]),
            login,
            ca_file: Some(text(&endpoint["ca_file"]).into()),
            limits: Limits::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { ldap: Ldap::new(settings).unwrap(), head: text(&domain["dn"]), runtime }
    }

    fn user(&self) -> String {
        format!("CN=Writeback Test,CN=Users,{}", self.head)
    }

    fn text(&self, dn: &str, name: &str) -> Option<String> {
        let found = self.runtime.block_on(self.ldap.search(Search::object(dn, &[name])));
        found.ok()?.first()?.text(name).map(str::to_owned)
    }

    fn set(&self, dn: &str, name: &str, from: &str, to: &str) {
        let swap = Swap { attribute: name.into(), from: Some(from.into()), to: Some(to.into()) };
        self.runtime.block_on(self.ldap.change(&Change::Modify { dn: dn.into(), swaps: vec![swap] })).unwrap();
    }

    fn add(&self, dn: &str, class: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let new = NewObject { dn: dn.into(), class: class.into(), attributes, password: None };
        self.runtime.block_on(self.ldap.change(&Change::Add(new))).unwrap();
    }

    fn delete(&self, dn: &str) {
        self.runtime.block_on(self.ldap.change(&Change::Delete { dn: dn.into() })).unwrap();
    }
}

#[test]
fn the_test_user_is_made_synchronised_and_licensed_and_undo_takes_all_of_it_back() {
    let (home, lab) = bench();
    let red = ["exists", "synchronised", "located", "licensed"].map(|check| (check.to_owned(), "fail".to_owned()));
    assert_eq!(verdicts(&home, &USER), BTreeMap::from(red.clone()));

    let since = lab.requests(0).len() as u64;
    let plan = home.run(&args("plan", &USER, &["--format", "json"])).exits(0).json();
    let ops: Vec<_> = plan["plan"]["ops"].as_array().unwrap().iter().map(|op| op["op"].as_str().unwrap()).collect();
    assert_eq!((ops, plan["plan"]["later"].as_array().unwrap().len()), (vec!["create-user", "sync-now"], 2));
    let changes = |one: &Value| {
        let (method, path) = (one["method"].as_str().unwrap(), one["path"].as_str().unwrap());
        ["ADD", "MODIFY", "DELETE"].contains(&method) || path.ends_with("/runCommand") || (method != "GET" && path.starts_with("/v1.0/"))
    };
    let changing = lab.requests(since).into_iter().filter(changes).collect::<Vec<_>>();
    assert_eq!(changing, Vec::<Value>::new(), "a plan sends nothing");
    home.run(&args("plan", &USER, &[])).exits(0).says(&[
        "unicodePwd: ‹made at apply›",
        "userPrincipalName: writeback.test@contoso.example",
        "changetype: add",
        "comes later: Set the test user's location",
    ]);

    home.run(&args("apply", &USER, &["--yes"])).exits(0).says(&["its check is now: pass"]);
    assert!(verdicts(&home, &USER).values().all(|verdict| verdict == "pass"));
    assert_eq!(open(&home), ["create-user", "sync-now", "set-location", "give-licence"]);
    let other = Other::of(&home);
    assert_eq!(other.text(&other.user(), "userAccountControl").as_deref(), Some("512"));
    assert_eq!(other.text(&other.user(), "adminCount"), None);
    // Again there is nothing to do.
    home.run(&args("apply", &USER, &["--yes"])).exits(0).says(&["nothing to do"]);

    let since = lab.requests(0).len() as u64;
    home.run(&args("undo", &USER, &["--yes"])).exits(0);
    let kinds = |one: &Value| {
        let (method, path) = (one["method"].as_str().unwrap(), one["path"].as_str().unwrap());
        match method {
            "POST" if path.ends_with("/assignLicense") => Some("licence"),
            "DELETE" => Some("user"),
            "POST" if path.ends_with("/runCommand") => Some("cycle"),
            _ => None,
        }
    };
    assert_eq!(lab.requests(since).iter().filter_map(kinds).collect::<Vec<_>>(), ["licence", "user", "cycle"]);
    assert_eq!(other.text(&other.user(), "cn"), None);
    // The location went with the user: nobody is asked about it.
    assert_eq!(open(&home), Vec::<String>::new());
}

#[test]
fn no_password_is_ever_written_down() {
    let (home, _lab) = bench();
    home.run(&args("apply", &USER, &["--yes"])).exits(0);
    let journal = std::fs::read_to_string(home.journal_path()).unwrap();
    assert!(journal.contains("\"password_made\":true") && !journal.contains("unicodePwd"), "{journal}");
    // What the made password could be is in no line: nothing in it is as long and as mixed but hashes and ids.
    let done: Vec<Value> = home.journal().into_iter().filter(|line| line["kind"] == "done").collect();
    let made = &done[0]["undo"]["ldap"]["delete"];
    assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["dn", "guid"]);
    assert!(done[0]["captured"].is_null(), "{}", done[0]);
}

#[test]
fn an_object_that_is_another_one_now_or_holds_something_is_left_alone() {
    let (home, _lab) = bench();
    home.run(&args("apply", &USER, &["--yes"])).exits(0);
    let other = Other::of(&home);
    // Somebody deletes it and makes another of the same name.
    other.delete(&other.user());
    other.add(&other.user(), "user", &[("sAMAccountName", "writeback.test"), ("userAccountControl", "514")]);
    home.run(&args("undo", &USER, &["--yes"])).exits(1).says(&["is another object by now", "guidepost attest ledger/"]);
    assert!(other.text(&other.user(), "cn").is_some(), "it was not ours to delete");
    assert!(open(&home).contains(&"create-user".to_owned()));
    let task = line(&home, "create-user");
    home.run(&["attest", &task]).exits(0).says(&["closed by hand"]);
    assert!(!open(&home).contains(&"create-user".to_owned()));
    home.run(&["ledger"]).exits(0).says(&["create-user  closed by hand, attested by"]);
}

#[test]
fn an_object_that_is_gone_already_is_taken_back_without_a_request() {
    let (home, lab) = bench();
    home.run(&args("apply", &USER, &["--yes"])).exits(0);
    let other = Other::of(&home);
    other.delete(&other.user());
    let since = lab.requests(0).len() as u64;
    home.run(&args("undo", &USER, &["--yes"])).exits(0);
    assert!(!lab.requests(since).iter().any(|one| one["method"] == "DELETE"), "what is gone needs no request");
    assert_eq!(open(&home), Vec::<String>::new());
}

#[test]
fn the_minimum_age_is_set_and_given_back_only_where_it_is_still_ours() {
    let (home, _lab) = bench();
    let plan = home.run(&args("plan", &AGE, &["--format", "json"])).exits(0).json();
    let op = &plan["plan"]["ops"][0];
    assert_eq!(op["before"], format!("minPwdAge is {ONE_DAY}"));
    assert_eq!(op["request"]["ldap"]["modify"]["set"]["minPwdAge"], "0");
    home.run(&args("apply", &AGE, &["--yes"])).exits(0);
    let other = Other::of(&home);
    assert_eq!(other.text(&other.head, "minPwdAge").as_deref(), Some("0"));
    home.run(&args("undo", &AGE, &["--yes"])).exits(0);
    assert_eq!(other.text(&other.head, "minPwdAge").as_deref(), Some(ONE_DAY));

    home.run(&args("apply", &AGE, &["--yes"])).exits(0);
    other.set(&other.head, "minPwdAge", "0", "-36000000000");
    home.run(&args("undo", &AGE, &["--yes"])).exits(1).says(&["which is neither what Guidepost set"]);
    assert_eq!(other.text(&other.head, "minPwdAge").as_deref(), Some("-36000000000"));
    // Somebody gave it back by hand: then it is taken back without a request.
    other.set(&other.head, "minPwdAge", "-36000000000", ONE_DAY);
    home.run(&args("undo", &AGE, &["--yes"])).exits(0);
    assert_eq!(open(&home), Vec::<String>::new());
}

#[test]
fn take_back_names_what_is_left_and_the_ledger_is_emptied_in_reverse_order_and_by_a_word() {
    let (home, lab) = bench();
    let back = ["--step", "take-back"];
    assert!(verdicts(&home, &back).values().all(|verdict| verdict == "pass"));
    lab.person("stop-machine", &["APP1"]);
    home.run(&["apply", "--step", "machines", "--yes"]).exits(0);
    home.run(&args("apply", &AGE, &["--yes"])).exits(0);
    home.run(&["apply", "--step", "global-administrator", "--yes"]).exits(0);
    let expected =
        [("nothing-open", "fail"), ("policy-back", "fail"), ("rights-back", "pass"), ("role-back", "fail"), ("user-back", "pass")];
    assert_eq!(verdicts(&home, &back), expected.map(|(id, verdict)| (id.to_owned(), verdict.to_owned())).into());
    home.run(&["check", "--step", "take-back"]).exits(1).says(&["ROLE_LEFT", "owns the", "POLICY_LEFT", "LEDGER_OPEN"]);

    home.run(&["undo", "--all", "--yes"]).exits(0);
    let undone: Vec<Value> = home.journal().into_iter().filter(|line| line["kind"] == "undone").map(|line| line["step"].clone()).collect();
    assert_eq!(undone, ["global-administrator", "self-service-reset"]);
    // A started machine is not stopped; a person closes it.
    assert_eq!(open(&home), ["start-app1"]);
    let task = line(&home, "start-app1");
    home.run(&["attest", "ledger/1"]).exits(64).says(&[&task]);
    home.run(&["attest", &task]).exits(0);
    assert!(verdicts(&home, &back).values().all(|verdict| verdict == "pass"));
    let said = home.journal().into_iter().rfind(|line| line["kind"] == "attested").unwrap();
    assert_eq!((said["task"].as_str(), said["step"].as_str()), (Some(task.as_str()), Some("machines")));
    assert!(!said["by"].as_str().unwrap().is_empty());
    // And the word can be taken back.
    home.run(&["attest", &task, "--withdraw"]).exits(0).says(&["open again"]);
    assert_eq!(open(&home), ["start-app1"]);
}
