//! No secret is written anywhere: every command runs in the practice lab while a proxy notes each secret that really went over
//! the wire, and then everything that was printed, shown, stored or could be seen in the process list is searched for them.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "practice/browser.rs"]
mod browser;
#[path = "practice/lab.rs"]
mod lab;
#[path = "support/plain.rs"]
mod plain;
#[path = "support/pty.rs"]
mod pty;
#[path = "support/rude.rs"]
mod rude;
#[path = "support/stage.rs"]
mod stage;

use browser::Browser;
use plain::Plain;
use pty::Pty;
use rude::Answer;
use serde_json::Value;
use stage::{Do, Stage};
use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What was written somewhere, and where.
type Written = Vec<(String, Vec<u8>)>;

/// Looks at every Guidepost of this test, over and over: the processes below this one.
struct Processes {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<(Written, BTreeSet<String>)>>,
}

impl Processes {
    /// `mark` stands in the environment of exactly those that this test started.
    fn watch(mark: String) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        let look = move || {
            let (mut written, mut commands) = (BTreeSet::new(), BTreeSet::new());
            while !ended.load(Ordering::SeqCst) {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    let of = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
                    let environ = of("environ");
                    if !contains(&environ, &mark) {
                        continue;
                    }
                    let line = of("cmdline");
                    commands.extend(String::from_utf8_lossy(&line).split('\0').map(str::to_owned));
                    written.insert(("a command line".to_owned(), line));
                    written.insert(("an environment".to_owned(), environ));
                }
                std::thread::yield_now();
            }
            (written.into_iter().collect(), commands)
        };
        Self { over, thread: Some(std::thread::spawn(look)) }
    }

    /// What was seen, and each argument that was.
    fn end(mut self) -> (Written, BTreeSet<String>) {
        self.over.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// As it is, and as it stands in an address.
fn spellings(secret: &str) -> [String; 2] {
    [secret.to_owned(), url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()]
}

/// The secrets that the lab and Guidepost really exchanged, by kind.
fn exchanged(stage: &Stage) -> Vec<(&'static str, String)> {
    let mut secrets = Vec::new();
    for seen in stage.seen() {
        if let Some(token) = seen.asked.header("authorization").strip_prefix("Bearer ") {
            secrets.push(("access token that was used", token.to_owned()));
        }
        let (form, query) = (seen.asked.form(), seen.asked.query());
        for (name, kind) in
            [("refresh_token", "refresh token that was used"), ("code", "authorization code"), ("code_verifier", "PKCE verifier")]
        {
            secrets.extend(form.get(name).map(|value| (kind, value.clone())));
        }
        secrets.extend(query.get("state").map(|value| ("state of a sign-in", value.clone())));
        let reply: Value = serde_json::from_str(&seen.reply).unwrap_or_default();
        for (name, kind) in
            [("access_token", "access token that was given"), ("refresh_token", "refresh token that was given"), ("id_token", "id token")]
        {
            secrets.extend(reply[name].as_str().map(|value| (kind, value.to_owned())));
        }
    }
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Signs in at an address, as a person with a browser would; the page at the end.
async fn in_the_browser(stage: &Stage, address: &str) -> (String, Vec<u8>) {
    let mut browser = Browser::at(&stage.lab, address.parse().unwrap()).await;
    browser.log_in("admin@contoso.onmicrosoft.com").await;
    if browser.sent_to.is_none() {
        browser.submit("consent", &[("act", "approve")]).await;
    }
    let back = browser.sent_to.take().unwrap();
    let page = stage.lab.http.get(back).send().await.unwrap();
    assert!(page.status().is_success());
    ("the page at the end of sign-in".to_owned(), page.bytes().await.unwrap().to_vec())
}

/// Whole sign-ins in the browser, for reading and for writing, from a walk whose earlier sign-in was ended; and the addresses that were opened.
async fn sign_in(stage: &Stage) -> (Written, Vec<String>) {
    stage.lab.person("revoke-tokens", &[]).await;
    stage.lab.person("revoke-consent", &["RoleManagement.ReadWrite.Directory"]).await;
    let mut walk = Plain::start(stage, &["-vv", "walk", "--plain", "--step", "global-administrator"]);
    walk.hears("signed out").await;
    walk.says("sign in").await;
    let reading = walk.hears_address().await;
    let mut pages = vec![in_the_browser(stage, &reading).await];
    walk.hears("lab: connected").await;
    walk.hears("fail: User1 holds").await;
    walk.says("apply").await;
    walk.hears("high risk: type apply").await;
    walk.says("apply").await;
    walk.hears("this sign-in is for writing").await;
    let writing = walk.hears_address().await;
    pages.push(in_the_browser(stage, &writing).await);
    walk.hears("2 changes open").await;
    walk.says("wire").await;
    walk.hears("/v1.0/roleManagement").await;
    let (heard, err) = walk.ends().await;
    let mut written = vec![("the plain walk".to_owned(), heard.into_bytes()), ("its errors".to_owned(), err)];
    written.extend(pages);
    (written, vec![reading, writing])
}

fn walk_on_a_screen(stage: &Stage) -> Written {
    let env = stage.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let args = ["-vv", "walk", "--step", "global-administrator"];
    let mut pty = Pty::start(120, 40, env!("CARGO_BIN_EXE_guidepost"), &args, &env);
    pty.sees("connected");
    pty.sees("✗ fail");
    let mut written = Vec::new();
    for (key, shows) in [("a", "\"roleDefinitionId\""), ("w", "Wire log:"), ("?", "In a box like this one")] {
        pty.types(key);
        pty.sees(shows);
        written.push((format!("the screen after {key}"), pty.text().into_bytes()));
        pty.types("\x1b");
        pty.until(&format!("{shows} to go"), |pty| !pty.text().contains(shows));
    }
    pty.types("q");
    assert_eq!(pty.ends(), 0);
    written.push(("the terminal".to_owned(), pty.written.clone()));
    written
}

async fn commands(stage: &Stage) -> Written {
    const STEP: [&str; 3] = ["password-writeback", "--step", "global-administrator"];
    let lines: [(&[&str], i32); 11] = [
        (&["-vv", "check", "password-writeback"], 1),
        (&["check", "password-writeback", "--format", "json"], 1),
        (&["check", "password-writeback", "--format", "junit"], 1),
        (&["plan", STEP[0], STEP[1], STEP[2], "--format", "json"], 0),
        (&["-vv", "apply", STEP[0], STEP[1], STEP[2], "--yes"], 0),
        (&["ledger"], 0),
        (&["ledger", "--format", "json"], 0),
        (&["undo", STEP[0], STEP[1], STEP[2], "--yes", "--format", "json"], 0),
        (&["practice", "clock", "+5m"], 0),
        (&["practice", "person", "sync"], 0),
        (&["practice", "person", "--list"], 0),
    ];
    let mut written = Vec::new();
    for (args, code) in lines {
        let ran = stage.run(args).await;
        assert_eq!(ran.code, code, "{args:?}: {}{}", ran.out, ran.err);
        written.push((format!("{args:?}"), ran.out.into_bytes()));
        written.push((format!("errors of {args:?}"), ran.err.into_bytes()));
    }
    let doctor = stage.run(&["-vv", "doctor"]).await;
    written.push(("doctor".to_owned(), doctor.out.into_bytes()));
    // And when everything goes wrong: errors repeat what they were about.
    stage.graph(|_, _| Do::Instead(Answer::Raw(b"HTTP/1.1 500 X\r\ncontent-length: 9\r\n\r\n".to_vec())));
    let failed = stage.run(&["-vv", "check", "password-writeback"]).await;
    written.push(("a failing check".to_owned(), failed.out.into_bytes()));
    written.push(("errors of a failing check".to_owned(), failed.err.into_bytes()));
    written
}

fn search(written: &Written, secrets: &[(&'static str, String)]) {
    for (place, bytes) in written {
        for (kind, secret) in secrets {
            for spelling in spellings(secret) {
                assert!(!contains(bytes, &spelling), "a secret ({kind}) stands in {place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_token_code_or_key_is_printed_shown_stored_or_listed() {
    let stage = Stage::start().await;
    let processes = Processes::watch(stage.state().to_str().unwrap().to_owned());
    let mut written = tokio::task::block_in_place(|| walk_on_a_screen(&stage));
    written.extend(commands(&stage).await);
    stage.rule(|_, _| Do::Pass);
    let (walked, addresses) = sign_in(&stage).await;
    written.extend(walked);
    let attested = stage.run(&["attest", "global-administrator/open-admin-center"]).await;
    assert_eq!(attested.code, 0, "{}", attested.err);
    written.push(("attest".to_owned(), format!("{}{}", attested.out, attested.err).into_bytes()));
    let (listed, commands) = processes.end();
    // The others may be over before anybody looks.
    for command in ["check", "apply", "undo", "walk"] {
        assert!(commands.contains(command), "no process of {command} was seen: {commands:?}");
    }
    written.extend(listed);
    let stored = stage::files(stage.state().parent().unwrap()).into_iter().filter(|path| !path.starts_with(stage.world()));
    let stored: Vec<_> = stored.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    assert!(stored.iter().any(|(path, bytes)| path.ends_with("journal.jsonl") && !bytes.is_empty()), "no journal");
    written.extend(stored);

    // The address of sign-in holds `state` by its nature; it is shown, and given to the browser, so that it can be opened.
    for (_, bytes) in &mut written {
        for address in &addresses {
            *bytes = String::from_utf8_lossy(bytes).replace(address, "").into_bytes();
        }
    }
    let mut secrets = exchanged(&stage);
    for kind in [
        "access token that was used",
        "refresh token that was used",
        "refresh token that was given",
        "access token that was given",
        "id token",
        "authorization code",
        "PKCE verifier",
        "state of a sign-in",
    ] {
        assert!(secrets.iter().any(|(known, secret)| *known == kind && secret.len() >= 20), "the server never saw a {kind}");
    }
    let codes = secrets.iter().filter(|(kind, _)| *kind == "authorization code").count();
    assert!(codes >= 2, "one for reading and one for writing");
    // The browser typed the password, or there would be no code; steering the clock used the key.
    let ready = &stage.lab.ready;
    secrets.push(("password", ready["admin"]["password"].as_str().unwrap().to_owned()));
    secrets.push(("key of the control", ready["control"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()));
    secrets.push(("refresh token of the beginning", stage.lab.seed()));
    search(&written, &secrets);
}

#[tokio::test]
async fn what_the_practice_lab_itself_keeps_is_for_its_owner_only() {
    let stage = Stage::start().await;
    stage.check().await;
    let files = stage::files(&stage.lab.dir);
    assert!(files.len() >= 3, "{files:?}");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stage.lab.dir), 0o700);
    for path in files {
        let empty = std::fs::metadata(&path).unwrap().len() == 0;
        assert!(mode(&path) == 0o600 || empty, "{}: {:o}", path.display(), mode(&path));
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let written = vec![("here".to_owned(), b"x=ab%2Fc&y".to_vec())];
    let found = std::panic::catch_unwind(|| search(&written, &[("token", "ab/c".to_owned())]));
    assert!(found.is_err());
    search(&written, &[("token", "ab/d".to_owned())]);
}
