//! Scripts on this machine, by Windows PowerShell: no profile, nothing in its arguments but a fixed beginning, everything else on standard input.
//! Not for what the scripts say (`script`).

use super::script::{Host, HostError, Script, answer, encode};
use crate::base::{Secret, text};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// What PowerShell is told to run, always the same.
const BOOTSTRAP: &str = include_str!("../../../assets/scripts/bootstrap.ps1");
/// How long a script may take, as on Azure.
const TIME: Duration = Duration::from_mins(3);
/// The most that is read of what it prints.
const LONGEST: u64 = 2 * 1024 * 1024;
/// The longest answer that it is asked for.
const ROOM: usize = 1024 * 1024;
/// The longest document that goes in; `ConvertFrom-Json` of Windows PowerShell ends at 2 MB.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

/// What a child keeps of our environment: where Windows and its own things are. Not `PSModulePath`, which a newer PowerShell around us would have
/// set to its own modules; Windows PowerShell then takes the machine's.
const KEPT: [&str; 24] = [
    "ALLUSERSPROFILE",
    "APPDATA",
    "CommonProgramFiles",
    "CommonProgramFiles(x86)",
    "CommonProgramW6432",
    "COMPUTERNAME",
    "ComSpec",
    "LOCALAPPDATA",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "Path",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "SystemDrive",
    "SystemRoot",
    "TEMP",
    "TMP",
    "USERDOMAIN",
    "USERNAME",
    "USERPROFILE",
    "windir",
];

/// This machine.
pub struct Here {
    program: PathBuf,
    /// Its first arguments.
    before: Vec<OsString>,
    time: Duration,
    turn: Mutex<()>,
}

impl Here {
    /// This machine's own Windows PowerShell.
    ///
    /// # Errors
    /// [`HostError::NoPowerShell`]: this is no Windows, or it has none.
    pub fn new() -> Result<Self, HostError> {
        let none = |why: String| HostError::NoPowerShell { why };
        if !cfg!(windows) {
            return Err(none(format!("it runs `{}`", std::env::consts::OS)));
        }
        let root = std::env::var_os("SystemRoot").ok_or_else(|| none("`SystemRoot` is not set".to_owned()))?;
        // Windows PowerShell by its whole path: what `powershell` means on the search path is anybody's.
        let program = Path::new(&root).join("System32").join("WindowsPowerShell").join("v1.0").join("powershell.exe");
        if !program.is_file() {
            return Err(none(format!("`{}` is not there", text::short(&program.display().to_string(), 120))));
        }
        Ok(Self::by(program, Vec::new()))
    }

    /// Another program that takes PowerShell's arguments after `before`.
    #[must_use]
    pub fn by(program: PathBuf, before: Vec<OsString>) -> Self {
        Self { program, before, time: TIME, turn: Mutex::default() }
    }

    /// The same with another time for a script.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    #[expect(clippy::disallowed_methods, reason = "this is the room for child processes")]
    fn start(&self, script: &Script) -> Result<Running, HostError> {
        let failed = |why: &str| HostError::NotStarted { host: self.name().to_owned(), script: script.name, why: text::short(why, 200) };
        let mut command = Command::new(&self.program);
        command.args(&self.before).args(arguments()).env_clear();
        command.envs(KEPT.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // A group of its own, so that it ends with all that it started, and keys pressed here are not its business.
        #[cfg(unix)]
        command.process_group(0);
        // CREATE_NO_WINDOW
        #[cfg(windows)]
        command.creation_flags(0x0800_0000);
        let child = command.spawn().map_err(|error| failed(&error.to_string()))?;
        Ok(Running { tree: Tree(child.id()), child })
    }

    /// What it printed on both ways, and how it ended.
    async fn talk(&self, running: &mut Running, document: &str, none: impl Fn(String) -> HostError) -> Result<Told, HostError> {
        let Running { child, tree } = running;
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(none("it has no standard streams".to_owned()));
        };
        let tell = async move {
            // One that ends before it has read everything says why on its own.
            let _ = stdin.write_all(document.as_bytes()).await;
            let _ = stdin.shutdown().await;
        };
        let hear = async { tokio::try_join!(all(stdout), all(stderr)) };
        let ((), heard) = tokio::join!(tell, hear);
        let (out, err) = heard.map_err(none)?;
        let status = child.wait().await;
        // Its number may soon be another's.
        tree.0 = None;
        Ok(Told { out, err, status: status.ok() })
    }
}

/// A child; the tree is ended before its root is.
struct Running {
    tree: Tree,
    child: Child,
}

/// What a child said.
struct Told {
    out: String,
    err: String,
    status: Option<ExitStatus>,
}

/// A process and all that it started, ended when nobody waits any more.
struct Tree(Option<u32>);

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            end_tree(pid);
        }
    }
}

#[cfg(unix)]
fn end_tree(pid: u32) {
    let group = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself meanwhile.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Waits for `taskkill`, a moment: it finds the tree by its root, which must be there until then.
#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "this is the room for child processes")]
fn end_tree(pid: u32) {
    let Some(root) = std::env::var_os("SystemRoot") else { return };
    let program = Path::new(&root).join("System32").join("taskkill.exe");
    let mut command = std::process::Command::new(program);
    command.args(["/T", "/F", "/PID", &pid.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.status();
}

#[cfg(not(any(unix, windows)))]
fn end_tree(_pid: u32) {}

/// Everything until the end, as text, up to the limit.
async fn all(stream: impl AsyncRead + Unpin) -> Result<String, String> {
    let mut bytes = Vec::new();
    stream.take(LONGEST + 1).read_to_end(&mut bytes).await.map_err(|error| format!("it could not be read: {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it printed more than {} KiB", LONGEST / 1024));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// PowerShell's arguments, the same for every script and request.
fn arguments() -> [String; 9] {
    let utf16: Vec<u8> = BOOTSTRAP.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let fixed = ["-NoLogo", "-NoProfile", "-NonInteractive", "-InputFormat", "Text", "-OutputFormat", "Text", "-EncodedCommand"];
    let mut all = fixed.map(str::to_owned).to_vec();
    all.push(STANDARD.encode(utf16));
    all.try_into().unwrap_or_default()
}

/// The one document: whatever it holds is base64, so nothing in it needs to be quoted. Wiped after use.
fn document(script: &Script, request: &Value, secret: Option<&Secret>) -> Zeroizing<String> {
    let script = STANDARD.encode(script.whole());
    let request = encode(request);
    let secret = Zeroizing::new(secret.map(|secret| STANDARD.encode(secret.expose())).unwrap_or_default());
    // Long enough from the start: a string that grows leaves its old bytes behind.
    let mut document = Zeroizing::new(String::with_capacity(script.len() + request.len() + secret.len() + 64));
    for part in [r#"{"script":""#, &script, r#"","request":""#, &request, r#"","secret":""#, &secret, "\"}"] {
        document.push_str(part);
    }
    document
}

#[async_trait]
impl Host for Here {
    fn name(&self) -> &'static str {
        "this machine"
    }

    fn room(&self) -> usize {
        ROOM
    }

    async fn run(&self, script: &Script, request: Value, secret: Option<&Secret>) -> Result<Value, HostError> {
        let host = || self.name().to_owned();
        let document = document(script, &request, secret);
        if document.len() > LONGEST_DOCUMENT {
            return Err(HostError::TooLong { host: host(), script: script.name, bytes: document.len(), most: LONGEST_DOCUMENT });
        }
        let _turn = self.turn.lock().await;
        let mut running = self.start(script)?;
        let none = |why: String| HostError::NoAnswer { host: host(), script: script.name, why: text::short(&why, 400) };
        let told = tokio::time::timeout(self.time, self.talk(&mut running, &document, none)).await;
        drop(running);
        let Ok(told) = told else {
            return Err(HostError::TimedOut { host: host(), script: script.name, after: self.time });
        };
        let told = told?;
        let error = match answer(self.name(), script, &told.out) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let said = text::short(&told.err, 300);
        let ended = told.status.filter(|status| !status.success()).map(|status| format!("it ended with {status}"));
        match (ended, said.is_empty()) {
            (None, true) => Err(error),
            (None, false) => Err(none(format!("it printed no answer, and said on standard error: {said}"))),
            (Some(ended), true) => Err(none(ended)),
            (Some(ended), false) => Err(none(format!("{ended}, and said on standard error: {said}"))),
        }
    }
}
