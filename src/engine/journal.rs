//! The journal: one file per lab, one line per thing that happened, each line bound to the one before. It shows damage, not authorship.
//!
//! Why not a database: an auditor can read it with `less`, and appending one line and `fsync` is the whole of what we need.

use super::{check::Verdict, probe::Write};
use crate::base::{Problem, clock::Clock};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The longest line that is read; ours are below 64 KiB.
const LONGEST: usize = 1 << 20;
/// `prev` of the first line.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// From 1, without gaps.
    pub n: u64,
    /// This machine's time.
    pub at: Timestamp,
    /// The walk or command that wrote it.
    pub run: String,
    /// The guide.
    pub guide: String,
    /// The step, if it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// SHA-256 of the line before, newline included, in lower-case hex.
    pub prev: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// A walk or a command began.
    Started {
        /// `walk`, `apply`, `undo` or `attest`.
        command: String,
        /// Guidepost's version.
        version: String,
        /// The pack's hash.
        pack: String,
    },
    /// A check's verdict changed.
    Looked {
        /// The check.
        check: String,
        /// The verdict now.
        verdict: Verdict,
        /// The code of the diagnosis.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// A person said that a task or a page of a wizard is done, or took that back.
    Attested {
        /// The task or the page.
        task: String,
        /// Who, by the operating system's user name.
        by: String,
        /// Taken back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        withdrawn: bool,
    },
    /// An op is about to be sent.
    Intended {
        /// The confirmed plan.
        plan: String,
        /// The op.
        op: String,
        /// What is sent.
        request: Write,
        /// What was there before.
        before: String,
        /// How it was confirmed: `key`, `typed`, `yes`.
        confirmed: String,
        /// The option with which the step was walked; `None` for a step without options.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        option: Option<String>,
        /// The `done` line that this takes back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo_of: Option<u64>,
    },
    /// An op was done.
    Done {
        /// The line that intended it.
        intended: u64,
        /// The status; `None` when it was found by looking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// The server's id of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
        /// What is kept of the reply.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        captured: Map<String, Value>,
        /// How it is taken back; `None` when it cannot be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        undo: Option<Write>,
        /// Why it cannot be taken back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_undo: Option<String>,
        /// The op with whose thing it goes: what takes that back takes this back as well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<String>,
        /// Nobody saw the answer; looking showed that it was done.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_looking: bool,
    },
    /// An op was not done.
    Failed {
        /// The line that intended it.
        intended: u64,
        /// Why.
        why: String,
        /// The status, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// What was seen all the same, such as the hops of a round trip.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        captured: Map<String, Value>,
    },
    /// A change has arrived everywhere that was looked at.
    Settled {
        /// The check that shows it.
        check: String,
        /// The verdict it came to.
        verdict: Verdict,
    },
    /// A done op was taken back.
    Undone {
        /// The line that intended taking it back.
        intended: u64,
        /// The `done` line that is taken back.
        of: u64,
        /// The status; `None` when it was found by looking.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why there was nothing left to take back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A person set a check aside.
    Waived {
        /// The check.
        check: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
        /// Who.
        by: String,
    },
    /// A sign-in of ours gave an application permissions in the tenant.
    Consented {
        /// The application.
        app: String,
        /// Who signed in.
        by: String,
        /// What was added, by short name.
        scopes: Vec<String>,
        /// The grant's id, if it could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<String>,
        /// Nobody could look at what was there before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unproven: bool,
        /// Written before the sign-in: what it will ask for and was surely not there. The next line for this application says what came of it,
        /// no scopes for nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asked: bool,
    },
    /// A torn last line was moved to `journal.torn`.
    Repaired {
        /// How many bytes.
        bytes: usize,
    },
}

impl Event {
    /// Whether losing the line to a power cut would lose more than a look.
    fn must_last(&self) -> bool {
        match self {
            Self::Started { .. } | Self::Looked { .. } | Self::Settled { .. } => false,
            Self::Attested { .. }
            | Self::Intended { .. }
            | Self::Done { .. }
            | Self::Failed { .. }
            | Self::Undone { .. }
            | Self::Waived { .. }
            | Self::Consented { .. }
            | Self::Repaired { .. } => true,
        }
    }
}

/// `journal.head`: the last line that was surely kept.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    n: u64,
    hash: String,
}

/// Who holds the writer's lock.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    command: String,
    since: Timestamp,
}

/// What every line of a process carries.
#[derive(Clone, Debug)]
pub struct Author {
    /// The walk or command, a random id.
    pub run: String,
    /// `walk`, `apply`, …
    pub command: String,
    /// The guide's id.
    pub guide: String,
}

/// The journal of one lab.
pub struct Journal {
    dir: PathBuf,
    lines: Vec<Line>,
    last_hash: String,
    writer: Option<Writer>,
    /// Why nothing can be written; `None` for a writer.
    read_only: Option<String>,
    /// Where the chain breaks.
    damage: Option<String>,
    clock: Arc<dyn Clock>,
    author: Author,
}

struct Writer {
    file: File,
    /// Held, never read: the lock goes with the process, however it ends.
    _lock: File,
}

impl Journal {
    /// Reads the journal without a lock; nothing can be written.
    ///
    /// # Errors
    /// The file cannot be read. A broken chain is no error here: [`Journal::read_only`] says it.
    pub fn read(dir: &Path, author: Author, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        let stored = Stored::read(dir)?;
        let read_only = stored.damage.clone().unwrap_or_else(|| format!("`{}` only reads the journal", author.command));
        Ok(Self {
            dir: dir.to_owned(),
            lines: stored.lines,
            last_hash: stored.last_hash,
            writer: None,
            read_only: Some(read_only),
            damage: stored.damage,
            clock,
            author,
        })
    }

    /// Opens the journal for writing; if another process writes it or its chain is broken, for reading only.
    ///
    /// # Errors
    /// The directory or a file cannot be made or read.
    pub fn open(dir: &Path, author: Author, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        make_private_dir(dir).map_err(|error| unwritable(dir, &error))?;
        let Some(lock) = take_lock(dir)? else {
            let holder = holder(dir);
            let mut journal = Self::read(dir, author, clock)?;
            journal.read_only = Some(holder);
            return Ok(journal);
        };
        write_holder(dir, &author, clock.now());
        let stored = Stored::read(dir)?;
        let mut journal = Self {
            dir: dir.to_owned(),
            lines: stored.lines,
            last_hash: stored.last_hash,
            writer: None,
            read_only: stored.damage.clone(),
            damage: stored.damage,
            clock,
            author,
        };
        if journal.read_only.is_some() {
            return Ok(journal);
        }
        let torn = stored.torn;
        if let Some(torn) = &torn {
            keep_torn(dir, torn, stored.whole_bytes).map_err(|error| unwritable(dir, &error))?;
        }
        let file = OpenOptions::new().create(true).append(true).open(dir.join("journal.jsonl")).map_err(|error| unwritable(dir, &error))?;
        make_private(&dir.join("journal.jsonl"));
        journal.writer = Some(Writer { file, _lock: lock });
        if let Some(torn) = torn {
            journal.append(None, Event::Repaired { bytes: torn.len() })?;
        }
        Ok(journal)
    }

    /// All lines, oldest first.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Why nothing can be written; `None` for a writer.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// Where the chain breaks; `None` for a whole one. Lines from there on are not among [`Journal::lines`].
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// What to do about a journal that cannot be written.
    #[must_use]
    pub fn read_only_hint(&self) -> String {
        match &self.damage {
            Some(_) => format!(
                "look at `{}`; keep it and move it aside to begin a new one, which knows nothing of open changes",
                self.dir.join("journal.jsonl").display()
            ),
            None => "end the other one, or use it".into(),
        }
    }

    /// Appends a line; what must last is on the disk before this returns.
    ///
    /// # Errors
    /// Read-only, or the disk refused.
    pub fn append(&mut self, step: Option<&str>, event: Event) -> Result<u64, Problem> {
        let Some(writer) = &mut self.writer else {
            let why = self.read_only.clone().unwrap_or_default();
            return Err(Problem::new(format!("the journal cannot be written: {why}")));
        };
        let n = self.lines.last().map_or(1, |line| line.n + 1);
        let line = Line {
            n,
            at: self.clock.now(),
            run: self.author.run.clone(),
            guide: self.author.guide.clone(),
            step: step.map(str::to_owned),
            event,
            prev: self.last_hash.clone(),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| Problem::new(format!("cannot write a journal line: {error}")))?;
        bytes.push(b'\n');
        let kept = writer.file.write_all(&bytes).and_then(|()| if line.event.must_last() { writer.file.sync_data() } else { Ok(()) });
        if let Err(error) = kept {
            // What reached the disk is not known any more; the next start reads it again.
            self.writer = None;
            self.read_only = Some(format!("a line could not be written: {error}"));
            return Err(unwritable(&self.dir, &error));
        }
        self.last_hash = hash(&bytes);
        if line.event.must_last() {
            write_head(&self.dir, &Head { n, hash: self.last_hash.clone() });
        }
        self.lines.push(line);
        Ok(n)
    }
}

/// Moves a lab's journal out of the way under a name of its own; `None` when there is none.
///
/// # Errors
/// Another process writes it, or the disk refused.
pub fn set_aside(dir: &Path, now: Timestamp) -> Result<Option<PathBuf>, Problem> {
    if !dir.join("journal.jsonl").exists() {
        return Ok(None);
    }
    let Some(_lock) = take_lock(dir)? else {
        return Err(Problem::new(format!("the journal stays: {}", holder(dir))).hint("end that one, then reset again"));
    };
    let name = format!("journal-{}.jsonl", now.strftime("%Y%m%dT%H%M%SZ"));
    let kept = dir.join(name);
    fs::rename(dir.join("journal.jsonl"), &kept).map_err(|error| unwritable(dir, &error))?;
    let _ = fs::remove_file(dir.join("journal.head"));
    Ok(Some(kept))
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("lines", &self.lines.len()).field("read_only", &self.read_only).finish_non_exhaustive()
    }
}

/// What stands on the disk.
struct Stored {
    lines: Vec<Line>,
    last_hash: String,
    torn: Option<Vec<u8>>,
    whole_bytes: u64,
    damage: Option<String>,
}

impl Stored {
    fn read(dir: &Path) -> Result<Self, Problem> {
        let bytes = match fs::read(dir.join("journal.jsonl")) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Problem::new(format!("cannot read `{}`: {error}", dir.join("journal.jsonl").display()))),
        };
        let mut stored = Self::parse(&bytes);
        if stored.damage.is_none() {
            stored.damage = stored.missing_lines(dir);
        }
        Ok(stored)
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut stored = Self { lines: Vec::new(), last_hash: GENESIS.into(), torn: None, whole_bytes: 0, damage: None };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !piece.ends_with(b"\n") {
                stored.torn = Some(piece.to_vec());
                break;
            }
            if let Err(damage) = stored.take(piece) {
                stored.damage = Some(damage);
                break;
            }
            stored.whole_bytes += piece.len() as u64;
        }
        stored
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        let wanted = self.lines.last().map_or(1, |line| line.n + 1);
        if piece.len() > LONGEST {
            return Err(format!("line {wanted} of the journal is longer than 1 MiB"));
        }
        let line: Line = serde_json::from_slice(piece).map_err(|error| format!("line {wanted} of the journal cannot be read: {error}"))?;
        if line.n != wanted || line.prev != self.last_hash {
            return Err(format!("line {wanted} of the journal does not follow from the line before: something was changed or removed"));
        }
        self.last_hash = hash(piece);
        self.lines.push(line);
        Ok(())
    }

    /// The head may lag (a kill between line and head), never lead.
    fn missing_lines(&self, dir: &Path) -> Option<String> {
        let head: Head = serde_json::from_slice(&fs::read(dir.join("journal.head")).ok()?).ok()?;
        let last = self.lines.last().map_or(0, |line| line.n);
        if head.n > last {
            return Some(format!("the journal ends at line {last}, but line {} was written: lines are missing", head.n));
        }
        let follower = self.lines.iter().find(|line| line.n == head.n + 1);
        let hash = follower.map_or(self.last_hash.as_str(), |line| line.prev.as_str());
        (hash != head.hash).then(|| format!("line {} of the journal is not the one that was written", head.n))
    }
}

fn hash(bytes: &[u8]) -> String {
    super::hex(&Sha256::digest(bytes))
}

fn unwritable(dir: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("cannot write the journal in `{}`: {error}", dir.display()))
        .hint("nothing is changed without a journal; free space there or correct the permissions")
}

fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn take_lock(dir: &Path) -> Result<Option<File>, Problem> {
    let path = dir.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| unwritable(dir, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unwritable(dir, &error)),
    }
}

fn write_holder(dir: &Path, author: &Author, since: Timestamp) {
    let holder = Holder { pid: std::process::id(), command: author.command.clone(), since };
    if let Ok(bytes) = serde_json::to_vec(&holder) {
        let _ = replace(&dir.join("lock.json"), &bytes);
    }
}

fn holder(dir: &Path) -> String {
    let holder: Option<Holder> = fs::read(dir.join("lock.json")).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match holder {
        Some(Holder { pid, command, since }) => format!("`{command}` (process {pid}, since {since:.0}) writes this lab's journal"),
        None => "another process writes this lab's journal".into(),
    }
}

fn keep_torn(dir: &Path, torn: &[u8], whole_bytes: u64) -> io::Result<()> {
    let mut aside = OpenOptions::new().create(true).append(true).open(dir.join("journal.torn"))?;
    aside.write_all(torn)?;
    aside.write_all(b"\n")?;
    aside.sync_data()?;
    let journal = OpenOptions::new().write(true).open(dir.join("journal.jsonl"))?;
    journal.set_len(whole_bytes)?;
    journal.sync_data()
}

/// A head that could not be written only shows missing lines later than it might.
fn write_head(dir: &Path, head: &Head) {
    if let Ok(bytes) = serde_json::to_vec(head) {
        let _ = replace(&dir.join("journal.head"), &bytes);
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, bytes)?;
    make_private(&new);
    fs::rename(&new, path)
}
