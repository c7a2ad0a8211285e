//! A home of its own for each test: state, settings, the practice lab that grows in it and ends with it. No promises.

use crate::{pty::Pty, slow::Slow};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_guidepost");
/// What giving the role sends, as the practice lab's log names it.
pub(crate) const ASSIGNMENTS: &str = "/v1.0/roleManagement/directory/roleAssignments";
/// The step of block A, as the rail names it.
pub(crate) const ROLE: &str = "Global Administrator";

/// How the program is started: its arguments, and more environment.
pub(crate) type Start<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

/// A home; dropped, its practice lab is ended.
pub(crate) struct House {
    temp: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Where the program keeps what belongs to the practice lab.
    pub(crate) fn kept(&self) -> PathBuf {
        self.path("state/guidepost/practice")
    }

    fn env(&self) -> [(&'static str, String); 4] {
        let path = |name: &str| self.path(name).display().to_string();
        [("XDG_STATE_HOME", path("state")), ("XDG_CONFIG_HOME", path("config")), ("HOME", path("home")), ("RUST_BACKTRACE", "0".to_owned())]
    }

    /// Starts the program in a terminal.
    pub(crate) fn walk(&self, columns: u16, rows: u16, args: &[&str]) -> Pty {
        self.walk_with(columns, rows, args, &[])
    }

    /// The same with more environment.
    pub(crate) fn walk_with(&self, columns: u16, rows: u16, args: &[&str], more: &[(&str, &str)]) -> Pty {
        self.starts(columns, rows, PROGRAM, args, more)
    }

    /// Starts any program in a terminal of this home.
    pub(crate) fn starts(&self, columns: u16, rows: u16, program: &str, args: &[&str], more: &[(&str, &str)]) -> Pty {
        let env = self.env();
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        Pty::start(columns, rows, program, args, &env)
    }

    /// The program without a terminal.
    #[expect(clippy::disallowed_methods, reason = "the program under test is a child")]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).envs(self.env()).env("TERM", "xterm-256color").stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A copy of the built-in guide whose change settles in seconds, for tests that want to see more than waiting.
    pub(crate) fn quick_guide(&self) -> String {
        let to = self.path("quick/password-writeback");
        copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/packs/password-writeback")), &to);
        let step = to.join("steps/global-administrator/step.yaml");
        let text = fs::read_to_string(&step).unwrap();
        let quick = text.replace("{every: 5s, within: 2m, hold: 3}", "{every: 300ms, within: 20s, hold: 3}");
        assert_ne!(text, quick, "the built-in guide settles otherwise now");
        fs::write(step, quick).unwrap();
        to.display().to_string()
    }

    /// `endpoint.json` of the practice lab; `None` while there is none.
    pub(crate) fn endpoint(&self) -> Option<Value> {
        serde_json::from_slice(&fs::read(self.kept().join("world/endpoint.json")).ok()?).ok()
    }

    /// The process of the practice lab.
    pub(crate) fn lab(&self) -> Pid {
        pid(&self.endpoint().expect("a lab was started")).unwrap()
    }

    /// Ends the practice lab as a power cut would.
    pub(crate) fn kill_lab(&self) {
        let lab = self.lab();
        kill_process(lab, Signal::KILL).unwrap();
        wait_for("the lab to be dead", || !serves(lab, self.temp.path()));
    }

    /// Every request that changes something, by the practice lab's own log.
    pub(crate) fn sent(&self) -> Vec<String> {
        let log = self.ask("requests");
        let requests = log["requests"].as_array().unwrap().iter();
        let writes = requests.filter(|line| line["method"] != "GET" && line["path"].as_str().unwrap().starts_with("/v1.0/"));
        writes.map(|line| format!("{} {}", line["method"].as_str().unwrap(), line["path"].as_str().unwrap())).collect()
    }

    /// Whether somebody asked the lab for something below this path.
    pub(crate) fn was_asked(&self, path: &str) -> bool {
        let log = self.ask("requests");
        log["requests"].as_array().unwrap().iter().any(|line| line["path"].as_str().unwrap().starts_with(path))
    }

    /// Asks the practice lab's control.
    pub(crate) fn ask(&self, what: &str) -> Value {
        guidepost::base::http::install_tls_provider();
        let endpoint = self.endpoint().expect("a lab was started");
        let text = |key: &str| endpoint[key].as_str().unwrap().to_owned();
        let trusted = reqwest::Certificate::from_pem(&fs::read(text("ca_file")).unwrap()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([trusted]).no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { client.get(format!("{}/{what}", text("control"))).send().await.unwrap().json::<Value>().await.unwrap() })
    }

    /// The kinds of the journal's lines, oldest first.
    pub(crate) fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.kept().join("journal.jsonl")).unwrap_or_default();
        // The last line may be half written.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// Starts the practice lab behind a line that keeps answers back: from the journal's third `intended` on, no connection
    /// that was open then brings one.
    #[expect(clippy::zombie_processes, reason = "dropping the house ends it")]
    pub(crate) fn lab_behind_a_slow_line(&self) -> Slow {
        let world = self.kept().join("world").display().to_string();
        // It announces 127.0.0.1 whichever loopback address it listens on, so the line can stand there.
        self.command(&["practice", "--listen", "127.0.0.2:0", "--state", &world]).stdout(Stdio::null()).spawn().unwrap();
        wait_for("the lab to be ready", || self.endpoint().is_some());
        let port = self.endpoint().unwrap()["graph"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Slow::before(port, self.kept().join("journal.jsonl"), 3)
    }

    /// Every file below the home but the practice world itself, which holds practice passwords by design.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let world = self.kept().join("world");
        let mut files = Vec::new();
        let mut dirs = vec![self.temp.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path != world {
                    dirs.push(path);
                } else if path.is_file() {
                    files.push(path);
                }
            }
        }
        files
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let Some(lab) = self.endpoint().as_ref().and_then(pid) else { return };
        if serves(lab, self.temp.path()) {
            let _ = kill_process(lab, Signal::KILL);
        }
    }
}

pub(crate) fn pid(endpoint: &Value) -> Option<Pid> {
    Pid::from_raw(i32::try_from(endpoint["pid"].as_i64()?).ok()?)
}

/// Whether this process is the practice lab of this home: a number alone may be somebody else's by now.
fn serves(lab: Pid, home: &Path) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", lab.as_raw_nonzero())).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(&*home.to_string_lossy())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Waits until something holds that no terminal shows.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited for {what}");
        thread::yield_now();
        thread::park_timeout(Duration::from_millis(10));
    }
}
