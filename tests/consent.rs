//! Scopes and consent with the real program and a real practice lab: what is asked for, what is written down, what is taken back.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "practice/browser.rs"]
mod browser;
#[path = "practice/lab.rs"]
mod lab;
#[path = "support/plain.rs"]
mod plain;
#[path = "support/rude.rs"]
mod rude;
#[path = "support/stage.rs"]
mod stage;

use browser::Browser;
#[cfg(unix)]
use lab::CLI_TOOLS;
use lab::{ASSIGNMENTS, LONG};
use plain::Plain;
use serde_json::{Value, json};
use stage::Stage;
use std::{collections::BTreeSet, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    time::timeout,
};

const WRITE: &str = "RoleManagement.ReadWrite.Directory";
const ADMIN: &str = "admin@contoso.onmicrosoft.com";

/// A stage on which nobody consented to writing, and the guide with a settle window that a test can wait for.
struct Bench {
    stage: Stage,
    pack: String,
    _packs: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let stage = Stage::start().await;
        let packs = tempfile::tempdir().unwrap();
        let pack = packs.path().join("password-writeback");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/packs/password-writeback"), &pack);
        let step = pack.join("steps/global-administrator/step.yaml");
        let slow = std::fs::read_to_string(&step).unwrap();
        let quick = slow.replace("{every: 5s, within: 2m, hold: 3}", "{every: 100ms, within: 20s, hold: 3}");
        assert_ne!(slow, quick, "the settle window is not where it was");
        std::fs::write(&step, quick).unwrap();
        stage.lab.person("revoke-consent", &[WRITE]).await;
        Self { stage, pack: pack.to_str().unwrap().to_owned(), _packs: packs }
    }

    /// What the practice client may do for the practice administrator, as the lab's own file has it.
    fn given(&self, client: &str) -> BTreeSet<String> {
        let world: Value = serde_json::from_slice(&std::fs::read(self.stage.lab.dir.join("world.json")).unwrap()).unwrap();
        let all = world["consents"].as_array().unwrap().iter().filter(|one| one["client"] == client);
        all.flat_map(|one| one["scopes"].as_array().unwrap().clone()).map(|scope| scope.as_str().unwrap().to_owned()).collect()
    }

    fn practice_client(&self) -> String {
        self.stage.lab.text("client_id").to_owned()
    }

    fn consented(&self) -> Vec<Value> {
        let seen = |line: &Value| line["kind"] == "consented" && line["asked"] != true && line["scopes"] != json!([]);
        self.stage.journal().into_iter().filter(seen).collect()
    }

    async fn ledger(&self) -> Value {
        self.stage.run(&["ledger", &self.pack, "--format", "json"]).await.json()
    }

    async fn asked(&self, method: &str, path: &str) -> usize {
        let log = self.stage.lab.requests().await;
        let of = |line: &&Value| line["method"] == method && line["path"].as_str().unwrap().starts_with(path);
        log["requests"].as_array().unwrap().iter().filter(of).count()
    }

    /// Applies the role in a walk that has to sign in for writing, and approves.
    async fn apply_with_consent(&self) {
        let mut walk = self.walk(&[]);
        let address = reach_sign_in(&mut walk).await;
        self.approve(&address, ADMIN).await;
        walk.hears("pass: User1 holds").await;
        walk.ends().await;
    }

    fn walk(&self, more: &[&str]) -> Plain {
        Plain::start(&self.stage, &[&["walk", &self.pack, "--plain", "--step", "global-administrator"], more].concat())
    }

    async fn approve(&self, address: &str, account: &str) {
        let mut browser = Browser::at(&self.stage.lab, address.parse().unwrap()).await;
        browser.log_in(account).await;
        assert!(browser.sent_to.is_none(), "consent is asked for");
        browser.submit("consent", &[("act", "approve")]).await;
        let back = browser.sent_to.take().unwrap();
        assert!(self.stage.lab.http.get(back).send().await.unwrap().status().is_success());
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Plans, confirms, and gives the address of the sign-in for writing.
async fn reach_sign_in(walk: &mut Plain) -> String {
    walk.hears("fail: User1 holds").await;
    walk.says("apply").await;
    let line = walk.hears("a sign-in for writing comes first").await;
    assert!(line.contains(WRITE) && line.contains("stays in the tenant until it is taken back"), "{line}");
    walk.hears("high risk: type apply to send it").await;
    walk.says("apply").await;
    let line = walk.hears("this sign-in is for writing").await;
    assert!(line.contains(WRITE), "{line}");
    walk.hears_address().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_without_consent_offers_a_sign_in_and_what_that_gives_is_in_the_ledger() {
    let bench = Bench::start().await;
    bench.apply_with_consent().await;
    let consented = bench.consented();
    assert_eq!(consented.len(), 1, "{consented:?}");
    let line = &consented[0];
    assert_eq!((&line["app"], &line["by"], &line["scopes"]), (&json!(bench.practice_client()), &json!(ADMIN), &json!([WRITE])));
    assert_eq!((&line["grant"], &line["unproven"]), (&Value::Null, &Value::Null), "the replies prove it, nobody could read a grant");
    // Looks go on beside it.
    let kinds = bench.stage.journal().into_iter().map(|line| line["kind"].as_str().unwrap().to_owned());
    let deeds: Vec<_> = kinds.filter(|kind| kind != "looked").collect();
    let at = |kind: &str| deeds.iter().position(|one| one == kind).unwrap();
    let last = deeds.iter().rposition(|one| one == "consented").unwrap();
    assert!(last < at("intended") && last == at("consented") + 1, "asked for, then given, then the change: {deeds:?}");
    let ledger = bench.ledger().await;
    assert_eq!((ledger["open"].as_array().unwrap().len(), &ledger["consents"][0]["scopes"]), (1, &json!([WRITE])), "{ledger}");
    let text = bench.stage.run(&["ledger", &bench.pack]).await.out;
    assert!(text.contains(&format!("consent/{}", line["n"])) && text.contains(ADMIN) && text.contains(WRITE), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_token_may_undo_takes_back_exactly_what_was_added() {
    let bench = Bench::start().await;
    for scope in ["Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All"] {
        bench.stage.lab.person("grant-consent", &[scope]).await;
    }
    let older = bench.given(&bench.practice_client());
    assert!(older.len() > 5 && !older.contains(WRITE));
    bench.apply_with_consent().await;
    assert!(bench.consented()[0]["grant"].is_string(), "{:?}", bench.consented());
    assert!(bench.given(&bench.practice_client()).contains(WRITE));
    let ran = bench.stage.run(&["undo", &bench.pack, "--all", "--yes"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(bench.given(&bench.practice_client()), older, "older consent stays, ours is gone");
    assert_eq!(bench.asked("PATCH", "/v1.0/oauth2PermissionGrants/").await, 1);
    assert_eq!(bench.asked("DELETE", "/v1.0/oauth2PermissionGrants/").await, 0);
    let ledger = bench.ledger().await;
    assert_eq!((&ledger["open"], &ledger["consents"]), (&json!([]), &json!([])));
    let undone: Vec<_> = bench.stage.journal().into_iter().filter(|line| line["kind"] == "undone").collect();
    assert_eq!(undone.last().unwrap()["of"], bench.consented()[0]["n"], "the consent goes last: the role's undo needed it");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_token_may_not_a_person_takes_it_back_and_says_so() {
    let bench = Bench::start().await;
    bench.apply_with_consent().await;
    let ran = bench.stage.run(&["undo", &bench.pack, "--all", "--yes"]).await;
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["a person is needed", "Enterprise applications", "> Permissions", WRITE, "DelegatedPermissionGrant.ReadWrite.All"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(bench.given(&bench.practice_client()).contains(WRITE), "nothing was taken without the right to");
    let task = format!("consent/{}", bench.consented()[0]["n"]);
    let wrong = bench.stage.run(&["attest", "consent/1"]).await;
    assert!(wrong.code == 64 && wrong.err.contains(&task), "{}", wrong.err);
    assert_eq!(bench.stage.run(&["attest", &task]).await.code, 0);
    assert_eq!(bench.ledger().await["consents"], json!([]));
    assert_eq!(bench.stage.run(&["undo", &bench.pack, "--all", "--yes"]).await.code, 0);
    assert_eq!(bench.stage.run(&["attest", &task, "--withdraw"]).await.code, 0);
    assert_eq!(bench.ledger().await["consents"][0]["scopes"], json!([WRITE]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_input_never_signs_in_and_names_the_missing_permission() {
    let bench = Bench::start().await;
    for args in [&["apply"][..], &["--no-input", "apply"]] {
        let ran = bench.stage.run(&[args, &[&bench.pack, "--step", "global-administrator", "--yes"]].concat()).await;
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(WRITE) && ran.err.contains(&bench.practice_client()), "{}", ran.err);
        assert!(ran.err.contains("hint: `guidepost signin --write`"), "{}", ran.err);
    }
    assert_eq!(bench.stage.deeds(), Vec::<String>::new(), "nothing was even intended");
    assert_eq!(bench.asked("POST", ASSIGNMENTS).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_for_writing_that_is_declined_or_cancelled_sends_nothing() {
    let bench = Bench::start().await;
    let mut walk = bench.walk(&[]);
    let address = reach_sign_in(&mut walk).await;
    let mut browser = Browser::at(&bench.stage.lab, address.parse().unwrap()).await;
    browser.log_in(ADMIN).await;
    browser.submit("consent", &[("act", "cancel")]).await;
    bench.stage.lab.http.get(browser.sent_to.take().unwrap()).send().await.unwrap();
    walk.hears("the sign-in ended").await;
    walk.says("no").await;
    walk.hears("nothing was sent").await;
    walk.ends().await;
    assert_eq!(bench.stage.deeds(), Vec::<String>::new());
    assert_eq!((bench.consented().len(), bench.asked("POST", ASSIGNMENTS).await), (0, 0));
    assert_eq!(bench.ledger().await["consents"][0]["asked"], json!(true), "asked for, and nobody saw what came of it");
    bench.stage.run(&["--no-input", "apply", &bench.pack, "--step", "global-administrator", "--yes"]).await;
    assert_eq!(bench.ledger().await["consents"], json!([]), "the next reply does not name it: it was not given");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_given_to_a_program_that_was_killed_meanwhile_is_found_at_the_next_start() {
    let bench = Bench::start().await;
    let mut walk = bench.walk(&[]);
    let address = reach_sign_in(&mut walk).await;
    walk.dies().await;
    let mut browser = Browser::at(&bench.stage.lab, address.parse().unwrap()).await;
    browser.log_in(ADMIN).await;
    browser.submit("consent", &[("act", "approve")]).await;
    assert!(bench.given(&bench.practice_client()).contains(WRITE));
    assert_eq!(bench.consented().len(), 0);
    let ran = bench.stage.run(&["apply", &bench.pack, "--step", "global-administrator", "--yes"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!((&bench.consented()[0]["scopes"], &bench.consented()[0]["unproven"]), (&json!([WRITE]), &Value::Null));
    assert_eq!(bench.ledger().await["consents"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_may_not_write_for_the_one_that_reads() {
    let bench = Bench::start().await;
    let token = bench.stage.lab.admin().await;
    let (_, users) = bench.stage.lab.get(&token, "/v1.0/users?$select=id,userPrincipalName").await;
    let user =
        users["value"].as_array().unwrap().iter().find(|one| one["userPrincipalName"].as_str().unwrap().starts_with("user2@")).unwrap();
    bench.stage.lab.person("grant-consent", &[WRITE]).await;
    let writer = bench.stage.lab.refresh(&bench.stage.lab.seed(), WRITE).await.1["access_token"].as_str().unwrap().to_owned();
    let (status, body) = bench.stage.lab.assign(&writer, &lab::wish(user["id"].as_str().unwrap())).await;
    assert_eq!(status, 201, "{body}");
    bench.stage.lab.person("revoke-consent", &[WRITE]).await;
    let mut walk = bench.walk(&[]);
    let address = reach_sign_in(&mut walk).await;
    bench.approve(&address, user["userPrincipalName"].as_str().unwrap()).await;
    let line = walk.hears("the sign-in ended").await;
    assert!(line.contains("another account signed in than the one that reads"), "{line}");
    walk.hears("stays in the tenant").await;
    walk.ends().await;
    assert_eq!(bench.stage.deeds(), Vec::<String>::new());
}

// The profile's command is a shell's.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_application_for_writing_signs_in_apart_and_its_consent_is_its_own() {
    let bench = Bench::start().await;
    // So that the reading token may look at what was there before.
    bench.stage.lab.person("grant-consent", &["Directory.Read.All"]).await;
    let config = bench.stage.state().parent().unwrap().join("labs-of-the-test");
    std::fs::create_dir_all(config.join("labs")).unwrap();
    let (authority, tenant, reader) = (bench.stage.address(), bench.stage.lab.text("tenant_id"), bench.practice_client());
    let secret = config.join("seed");
    std::fs::write(&secret, bench.stage.lab.seed()).unwrap();
    let profile = format!(
        "format = 1\nenvironment = \"test\"\n[signin]\nauthority = \"{authority}\"\ntenant = \"{tenant}\"\nclient_id = \"{reader}\"\n\
         write_client_id = \"{CLI_TOOLS}\"\nway = \"browser\"\n[graph]\nbase = \"{authority}\"\n[secrets]\ncommand = [\"sh\", \"-c\", {:?}]\n",
        format!("cat '{}'", secret.display())
    );
    std::fs::write(config.join("labs/t.toml"), profile).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let mut walk = bench.walk(&["--config", &config, "--lab", "t"]);
    let address = reach_sign_in(&mut walk).await;
    assert!(address.contains(&format!("client_id={CLI_TOOLS}")) && address.contains("login_hint="), "{address}");
    let older = bench.given(&reader);
    bench.approve(&address, ADMIN).await;
    walk.hears("pass: User1 holds").await;
    walk.ends().await;
    assert_eq!(bench.given(&reader), older, "the reading application was given nothing");
    assert!(bench.given(CLI_TOOLS).contains(WRITE));
    let journal = std::fs::read_to_string(bench.stage.state().join("guidepost/t/journal.jsonl")).unwrap();
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let consented: Vec<_> = lines.iter().filter(|line| line["kind"] == "consented" && line["asked"] != true).collect();
    assert_eq!((consented.len(), &consented[0]["app"], &consented[0]["unproven"]), (1, &json!(CLI_TOOLS), &Value::Null), "{consented:?}");
    // Each application was given its own tokens, and only its own wrote.
    let seen = bench.stage.seen();
    let given = |client: &str, name: &str| -> BTreeSet<String> {
        let of = seen.iter().filter(|seen| seen.asked.form().get("client_id").is_some_and(|id| id == client));
        of.filter_map(|seen| serde_json::from_str::<Value>(&seen.reply).ok()?[name].as_str().map(str::to_owned)).collect()
    };
    assert!(given(&reader, "refresh_token").is_disjoint(&given(CLI_TOOLS, "refresh_token")));
    let wrote = seen.iter().find(|seen| seen.asked.method == "POST" && seen.asked.path() == ASSIGNMENTS).unwrap();
    let token = wrote.asked.header("authorization").strip_prefix("Bearer ").unwrap();
    assert!(given(CLI_TOOLS, "access_token").contains(token) && !given(&reader, "access_token").contains(token));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_meter_shows_what_the_reply_named_and_nothing_else() {
    let bench = Bench::start().await;
    let mut walk = bench.walk(&[]);
    walk.hears("lab: connected").await;
    let meter = walk.hears("This sign-in may read: ").await;
    walk.ends().await;
    let reply = bench.stage.seen().into_iter().find(|seen| seen.asked.path().ends_with("/token")).unwrap().reply;
    let reply: Value = serde_json::from_str(&reply).unwrap();
    let named: BTreeSet<&str> = reply["scope"].as_str().unwrap().split(' ').map(|scope| scope.rsplit('/').next().unwrap()).collect();
    let words = meter.replace("This sign-in may read: ", "").replace("; may write: ", ", ");
    let shown: BTreeSet<&str> = words.split(", ").collect();
    let named: BTreeSet<&str> = named.into_iter().filter(|scope| !["openid", "profile"].contains(scope)).collect();
    assert_eq!(shown, named);
    let doctor = bench.stage.run(&["doctor"]).await;
    assert!(
        doctor.out.contains("may write: User.ReadWrite.All") && doctor.out.contains("UserAuthenticationMethod.ReadWrite.All"),
        "{}",
        doctor.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn signin_write_asks_for_writing_ahead_of_time_and_writes_the_consent_down() {
    let bench = Bench::start().await;
    let refused = bench.stage.run(&["--no-input", "signin", "--write"]).await;
    assert!(refused.code == 1 && refused.err.contains("signing in needs a person"), "{}", refused.err);
    let mut child = bench.stage.command(&["signin", "--write"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = timeout(LONG, lines.next_line()).await.unwrap().unwrap().unwrap();
        if let Some(word) = line.split_whitespace().find(|word| word.contains("/authorize?")) {
            break word.to_owned();
        }
    };
    bench.approve(&address, ADMIN).await;
    let output = timeout(LONG, child.wait_with_output()).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("signed in as {ADMIN}")));
    assert_eq!(bench.consented()[0]["scopes"], json!([WRITE]));
    let again = bench.stage.run(&["--no-input", "signin", "--write"]).await;
    assert!(again.code == 0 && again.out.contains("signed in already"), "{}{}", again.out, again.err);
    let ran = bench.stage.run(&["apply", &bench.pack, "--step", "global-administrator", "--yes"]).await;
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}
