//! Guidepost, a practice lab, and between them a proxy that answers as badly as a test wants. Not for what is asserted.

#![allow(dead_code, clippy::allow_attributes, clippy::unwrap_used, clippy::panic, reason = "tests; each binary uses its own part of it")]
#![expect(clippy::disallowed_methods, reason = "the program under test is a child")]

use super::lab::{ASSIGNMENTS, LONG, Lab};
use super::rude::{self, Answer, Asked, Rude};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

/// What the proxy does with a request.
pub(crate) enum Do {
    /// Passes it on, and the lab's reply back.
    Pass,
    /// Answers by itself; the lab sees nothing.
    Instead(Answer),
    /// Passes it on and answers something else.
    Swap(Answer),
    /// Passes it on and tampers with the reply.
    Tamper(fn(Answer) -> Answer),
    /// Passes it on after time went by in the lab.
    Later(&'static str),
    /// Passes it on, and the lab's reply so much later.
    Late(Duration),
}

/// Decides by the request and by how often this method and path were asked before.
type Rule = Arc<dyn Fn(&Asked, usize) -> Do + Send + Sync>;

/// What went to the lab and what came back.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) asked: Asked,
    pub(crate) reply: String,
}

#[derive(Default)]
struct Notes {
    counts: HashMap<String, usize>,
    seen: Vec<Seen>,
}

/// All of it; Guidepost's places are in a directory of their own.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
    pub(crate) proxy: Rude,
    home: TempDir,
    rule: Arc<Mutex<Rule>>,
    /// Addresses that stand for the lab's own, besides the proxy's.
    aliases: Arc<Mutex<Vec<String>>>,
    notes: Arc<Mutex<Notes>>,
}

/// What Guidepost printed, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let lab = Lab::start(&[]).await;
        let rule = Arc::new(Mutex::new(Arc::new(|_: &Asked, _| Do::Pass) as Rule));
        let notes = Arc::<Mutex<Notes>>::default();
        let (http, home) = (lab.http.clone(), lab.text("graph").to_owned());
        let clock = format!("{}/clock", lab.text("control"));
        let (rules, kept) = (rule.clone(), notes.clone());
        let aliases = Arc::<Mutex<Vec<String>>>::default();
        let known = aliases.clone();
        let proxy = Rude::start_async(move |asked| {
            let (http, home, rules, kept) = (http.clone(), home.clone(), rules.clone(), kept.clone());
            let clock = clock.clone();
            let asked = at_home(asked, &known.lock().unwrap(), &home);
            async move {
                let count = count(&kept, &asked);
                let rule = rules.lock().unwrap().clone();
                match rule(&asked, count) {
                    Do::Instead(answer) => answer,
                    Do::Pass => forward(&http, &home, &asked, &kept).await,
                    Do::Tamper(tamper) => tamper(forward(&http, &home, &asked, &kept).await),
                    Do::Later(time) => {
                        http.post(clock).json(&json!({"advance": time})).send().await.unwrap();
                        forward(&http, &home, &asked, &kept).await
                    }
                    Do::Late(by) => {
                        let answer = forward(&http, &home, &asked, &kept).await;
                        tokio::time::sleep(by).await;
                        answer
                    }
                    Do::Swap(answer) => {
                        forward(&http, &home, &asked, &kept).await;
                        answer
                    }
                }
            }
        })
        .await;
        let stage = Self { lab, proxy, home: tempfile::tempdir().unwrap(), rule, aliases, notes };
        let address = stage.address();
        stage.announce(&address, &address);
        stage
    }

    /// The proxy's address, for sign-in and Graph.
    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.proxy.address)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// Where the world of the practice lab is announced; everything else below the state is Guidepost's.
    pub(crate) fn world(&self) -> PathBuf {
        self.state().join("guidepost/practice/world")
    }

    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.state().join("guidepost/practice/journal.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Kinds of the journal's lines about a change, in order.
    pub(crate) fn deeds(&self) -> Vec<String> {
        let kinds = self.journal().into_iter().map(|line| line["kind"].as_str().unwrap().to_owned());
        kinds.filter(|kind| ["intended", "done", "failed", "undone"].contains(&kind.as_str())).collect()
    }

    /// Writes `endpoint.json` as the lab's own process would, with these addresses.
    pub(crate) fn announce(&self, authority: &str, graph: &str) {
        let mut endpoint = self.lab.endpoint();
        self.aliases.lock().unwrap().extend([authority.to_owned(), graph.to_owned()]);
        endpoint["authority"] = json!(authority);
        endpoint["graph"] = json!(graph);
        std::fs::create_dir_all(self.world()).unwrap();
        std::fs::write(self.world().join("endpoint.json"), endpoint.to_string()).unwrap();
    }

    /// From now on.
    pub(crate) fn rule(&self, rule: impl Fn(&Asked, usize) -> Do + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
        self.notes.lock().unwrap().counts.clear();
    }

    /// From now on, for requests to Graph; sign-in goes through.
    pub(crate) fn graph(&self, rule: impl Fn(&Asked, usize) -> Do + Send + Sync + 'static) {
        self.rule(move |asked, count| if asked.path().starts_with("/v1.0/") { rule(asked, count) } else { Do::Pass });
    }

    /// From now on, for attempts to assign a role; everything else goes through.
    pub(crate) fn posts(&self, rule: impl Fn(usize) -> Do + Send + Sync + 'static) {
        let is_assigning = |asked: &Asked| asked.method == "POST" && asked.path() == ASSIGNMENTS;
        self.rule(move |asked, count| if is_assigning(asked) { rule(count) } else { Do::Pass });
    }

    /// What went through to the lab and back.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.notes.lock().unwrap().seen.clone()
    }

    /// How often the lab itself was asked to assign a role.
    pub(crate) async fn assigned(&self) -> usize {
        let log = self.lab.requests().await;
        let lines = log["requests"].as_array().unwrap();
        lines.iter().filter(|line| line["method"] == "POST" && line["path"] == ASSIGNMENTS).count()
    }

    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let place = |name: &str| self.home.path().join(name).to_str().unwrap().to_owned();
        let places = [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_CONFIG_HOME", "config"), ("LOCALAPPDATA", "local")];
        let mut env: Vec<_> = places.iter().map(|(name, path)| ((*name).to_owned(), place(path))).collect();
        // No browser and no keyring of whoever runs the tests.
        env.push(("BROWSER".to_owned(), "false".to_owned()));
        env.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), "unix:path=/nonexistent".to_owned()));
        env
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guidepost"));
        command.args(args).envs(self.env()).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("RUST_LOG");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        let output = timeout(LONG * 4, self.command(args).output()).await.expect("it hangs").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().expect("killed"), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) async fn check(&self) -> (Ran, HashMap<String, Value>) {
        let ran = self.run(&["check", "password-writeback", "--format", "json"]).await;
        let report = ran.json();
        let mut checks = HashMap::new();
        for step in report["steps"].as_array().unwrap() {
            let name = step["id"].as_str().unwrap().strip_prefix("password-writeback/").unwrap();
            for check in step["checks"].as_array().unwrap() {
                checks.insert(format!("{name}/{}", check["id"].as_str().unwrap()), check.clone());
            }
        }
        (ran, checks)
    }

    pub(crate) async fn apply(&self) -> Ran {
        self.run(&["apply", "password-writeback", "--step", "global-administrator", "--yes"]).await
    }
}

fn count(notes: &Mutex<Notes>, asked: &Asked) -> usize {
    let mut notes = notes.lock().unwrap();
    let counter = notes.counts.entry(format!("{} {}", asked.method, asked.path())).or_default();
    *counter += 1;
    *counter - 1
}

/// Permissions are asked for by Graph's address: what Guidepost takes for it becomes the lab's own.
fn at_home(mut asked: Asked, aliases: &[String], home: &str) -> Asked {
    let encoded = |address: &str| url::form_urlencoded::byte_serialize(address.as_bytes()).collect::<String>();
    for alias in aliases {
        asked.target = asked.target.replace(&encoded(alias), &encoded(home));
        asked.body = asked.body.replace(&encoded(alias), &encoded(home));
    }
    asked
}

async fn forward(http: &reqwest::Client, home: &str, asked: &Asked, notes: &Mutex<Notes>) -> Answer {
    const THERE: [&str; 6] =
        ["authorization", "content-type", "accept", "consistencylevel", "client-request-id", "return-client-request-id"];
    const BACK: [&str; 5] = ["content-type", "date", "request-id", "client-request-id", "location"];
    let mut request = http.request(asked.method.parse().unwrap(), format!("{home}{}", asked.target)).body(asked.body.clone());
    for name in THERE.iter().filter(|name| asked.headers.contains_key(**name)) {
        request = request.header(*name, asked.header(name));
    }
    let Ok(reply) = request.send().await else { return rude::json(502, &json!({"error": {"code": "BadGateway", "message": "no lab"}})) };
    let text = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let headers = BACK.iter().filter_map(|name| Some((*name, text(name)?))).collect();
    let (status, body) = (reply.status().as_u16(), reply.text().await.unwrap_or_default());
    notes.lock().unwrap().seen.push(Seen { asked: asked.clone(), reply: body.clone() });
    Answer::Reply { status, headers, body }
}

/// Every file below a directory.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(below) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
