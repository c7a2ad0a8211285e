//! The real binary against a real practice lab, each test in its own places; and a journal checker that shares no code with the engine.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::allow_attributes, reason = "expect would fail in the binaries that use all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests run the real binary")]

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) const USER1: &str = "b7e25f90-1d4c-4a83-8c6f-92e0a4d13578";
pub(crate) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub(crate) const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const LONG: Duration = Duration::from_mins(1);

/// Places of one test: state and settings in a directory of its own.
pub(crate) struct Home {
    temp: TempDir,
}

/// What a finished command left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "no `{word}` in\n{}\n{}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.temp.path()
    }

    /// Where the practice lab's journal is.
    pub(crate) fn dir(&self) -> PathBuf {
        self.path().join("state/guidepost/practice")
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.dir().join("journal.jsonl")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.at_home(Command::new(env!("CARGO_BIN_EXE_guidepost")), args)
    }

    /// The same started by another program, which gets the binary and its arguments last.
    pub(crate) fn through(&self, program: &str, first: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(first).arg(env!("CARGO_BIN_EXE_guidepost"));
        self.at_home(command, args)
    }

    fn at_home(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        command.env("HOME", self.path()).env("XDG_STATE_HOME", self.path().join("state"));
        command.env("XDG_CONFIG_HOME", self.path().join("config"));
        // The keyring of whoever runs the tests is left alone.
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.path().join("no-bus").display()));
        command.env_remove("COLUMNS").env_remove("NO_COLOR").env_remove("RUST_BACKTRACE");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args))
    }

    /// The built-in guide with a settle window that a test can wait for.
    pub(crate) fn pack(&self, every: &str, within: &str) -> String {
        let pack = self.path().join(format!("packs-{within}")).join("password-writeback");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/packs/password-writeback"), &pack);
        let step = pack.join("steps/global-administrator/step.yaml");
        let source = std::fs::read_to_string(&step).unwrap();
        let quick = source.replace("{every: 5s, within: 2m, hold: 3}", &format!("{{every: {every}, within: {within}, hold: 3}}"));
        assert_ne!(source, quick, "the settle window is not where it was");
        std::fs::write(&step, quick).unwrap();
        pack.to_str().unwrap().to_owned()
    }

    /// The journal, checked whole.
    #[track_caller]
    pub(crate) fn journal(&self) -> Vec<Value> {
        let bytes = std::fs::read(self.journal_path()).unwrap_or_default();
        let (lines, torn) = valid_chain(&bytes);
        assert_eq!(String::from_utf8_lossy(&torn), "", "a torn line");
        assert_head(&self.dir(), &bytes);
        assert_story(&lines);
        lines
    }

    /// Kinds of the journal's lines but for looks, in order.
    #[track_caller]
    pub(crate) fn kinds(&self) -> Vec<String> {
        let kinds = self.journal().into_iter().map(|line| line["kind"].as_str().unwrap().to_owned());
        kinds.filter(|kind| kind != "looked").collect()
    }

    /// Who holds Global Administrator, as the lab's own file has it: no delay of reads.
    pub(crate) fn administrators(&self) -> Vec<String> {
        let world: Value = serde_json::from_slice(&std::fs::read(self.dir().join("world/world.json")).unwrap()).unwrap();
        let all = world["directory"]["assignments"].as_array().unwrap().iter();
        all.filter(|one| one["role"] == GLOBAL_ADMINISTRATOR).map(|one| one["principal"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn user1_is_administrator(&self) -> bool {
        self.administrators().iter().any(|id| id == USER1)
    }
}

pub(crate) fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn copy(from: &Path, to: &Path) {
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

/// A practice lab of its own process; dropped, it is killed.
pub(crate) struct Lab {
    child: Child,
    ready: Value,
    world: PathBuf,
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
}

impl Lab {
    pub(crate) fn start(home: &Home, consistency: &str) -> Self {
        let world = home.dir().join("world");
        let args = ["practice", "--state", world.to_str().unwrap(), "--format", "json", "--consistency", consistency];
        let mut child = home.command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        guidepost::base::http::install_tls_provider();
        let ca = std::fs::read(ready["ca_file"].as_str().unwrap()).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let http = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().pool_max_idle_per_host(0).timeout(LONG).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { child, ready, world, runtime, http }
    }

    fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    /// The request log after line `since`.
    pub(crate) fn requests(&self, since: u64) -> Vec<Value> {
        let address = format!("{}/requests?since={since}", self.text("control"));
        let reply: Value = self.runtime.block_on(async { self.http.get(address).send().await.unwrap().json().await.unwrap() });
        reply["requests"].as_array().unwrap().clone()
    }

    /// The changes among the requests: `METHOD status`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changes =
            self.requests(0).into_iter().filter(|one| one["method"] != "GET" && one["path"].as_str().unwrap().starts_with("/v1.0/"));
        changes.map(|one| format!("{} {}", one["method"].as_str().unwrap(), one["status"])).collect()
    }

    #[track_caller]
    pub(crate) fn person(&self, verb: &str, args: &[&str]) {
        let body = json!({"verb": verb, "args": args});
        let request = self.http.post(format!("{}/person", self.text("control"))).json(&body);
        let (status, reply) = self.runtime.block_on(async {
            let reply = request.send().await.unwrap();
            (reply.status(), reply.text().await.unwrap())
        });
        assert_eq!(status, 200, "{reply}");
    }

    /// A read of Graph as the practice administrator.
    pub(crate) fn graph(&self, path: &str) -> Value {
        let endpoint: Value = serde_json::from_slice(&std::fs::read(self.world.join("endpoint.json")).unwrap()).unwrap();
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.text("client_id")),
            ("refresh_token", endpoint["refresh_token"].as_str().unwrap()),
            ("scope", "openid offline_access RoleManagement.Read.Directory"),
        ];
        let token = format!("{}/{}/oauth2/v2.0/token", self.text("authority"), self.text("tenant_id"));
        self.runtime.block_on(async {
            let token: Value = self.http.post(token).form(&form).send().await.unwrap().json().await.unwrap();
            let address = format!("{}{path}", self.text("graph"));
            let reply = self.http.get(address).bearer_auth(token["access_token"].as_str().unwrap()).send().await.unwrap();
            reply.json().await.unwrap()
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition on another process; fails after a minute.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        // Not spinning: the process that is waited for needs the processor more.
        std::thread::sleep(Duration::from_micros(200));
    }
}

// The journal, by DESIGN section 6 and nothing else.

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Whole lines of a valid chain, and what follows the last newline.
#[track_caller]
pub(crate) fn valid_chain(bytes: &[u8]) -> (Vec<Value>, Vec<u8>) {
    let (mut lines, mut prev, mut torn) = (Vec::new(), GENESIS.to_owned(), Vec::new());
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !piece.ends_with(b"\n") {
            torn = piece.to_vec();
            break;
        }
        let line: Value = serde_json::from_slice(piece).unwrap();
        assert_eq!(line["n"], lines.len() + 1, "numbers have no gaps");
        assert_eq!(line["prev"], prev, "line {} is not bound to the one before", line["n"]);
        for key in ["at", "run", "guide", "kind"] {
            assert!(line[key].is_string(), "line {} has no `{key}`", line["n"]);
        }
        prev = sha256(piece);
        lines.push(line);
    }
    (lines, torn)
}

/// The head names a line that is there; it may lag, it never leads.
#[track_caller]
pub(crate) fn assert_head(dir: &Path, journal: &[u8]) {
    let Ok(head) = std::fs::read(dir.join("journal.head")) else { return };
    let head: Value = serde_json::from_slice(&head).unwrap();
    let n = usize::try_from(head["n"].as_u64().unwrap()).unwrap();
    let line = journal.split_inclusive(|byte| *byte == b'\n').nth(n - 1).expect("the head leads");
    assert_eq!(head["hash"], sha256(line));
}

/// Every end names an intention before it, each intention ends at most once, what is taken back was done.
#[track_caller]
pub(crate) fn assert_story(lines: &[Value]) {
    let mut ended = std::collections::BTreeSet::new();
    let (mut intended, mut done) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for line in lines {
        let n = line["n"].as_u64().unwrap();
        match line["kind"].as_str().unwrap() {
            "intended" => {
                intended.insert(n);
            }
            kind @ ("done" | "failed" | "undone") => {
                let of = line["intended"].as_u64().unwrap();
                assert!(intended.contains(&of), "line {n} ends what nobody intended");
                assert!(ended.insert(of), "line {n} ends line {of} a second time");
                match kind {
                    "done" => {
                        done.insert(n);
                    }
                    "undone" => assert!(done.remove(&line["of"].as_u64().unwrap()), "line {n} takes back what is not open"),
                    _ => assert!(line["why"].is_string()),
                }
            }
            // Taken back as a change is.
            "consented" => {
                done.insert(n);
            }
            "started" | "looked" | "attested" | "settled" | "waived" | "repaired" => {}
            other => panic!("line {n} has the unknown kind `{other}`"),
        }
    }
}

/// `done` lines that were not taken back, by the journal alone.
pub(crate) fn open(lines: &[Value]) -> Vec<u64> {
    let of = |kind: &str, key: &str| -> Vec<u64> {
        lines.iter().filter(|line| line["kind"] == kind).map(|line| line[key].as_u64().unwrap()).collect()
    };
    let undone = of("undone", "of");
    of("done", "n").into_iter().filter(|n| !undone.contains(n)).collect()
}

/// `intended` lines without an end, by the journal alone.
pub(crate) fn in_doubt(lines: &[Value]) -> Vec<u64> {
    let ended: Vec<u64> = lines.iter().filter_map(|line| line["intended"].as_u64()).collect();
    let all = lines.iter().filter(|line| line["kind"] == "intended").map(|line| line["n"].as_u64().unwrap());
    all.filter(|n| !ended.contains(n)).collect()
}

/// Appends a line as a writer would that follows the chain.
pub(crate) fn forge(path: &Path, mut line: Value) {
    let bytes = std::fs::read(path).unwrap();
    let (lines, _) = valid_chain(&bytes);
    let last = bytes.split_inclusive(|byte| *byte == b'\n').next_back().unwrap();
    line["n"] = json!(lines.len() + 1);
    line["prev"] = json!(sha256(last));
    let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}
