//! Where a pack's bytes come from: the binary, a directory, or memory; and a file of it as text. Knows no format.

use super::finding::{Finding, Mark, counted};
use crate::base::text::is_hostile;
use include_dir::{Dir, include_dir};
use sha2::{Digest as _, Sha256};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

/// The largest file of a pack, in bytes.
pub const FILE_LIMIT: usize = 256 * 1024;
/// The largest pack, in bytes.
pub const PACK_LIMIT: usize = 4 * 1024 * 1024;
/// The most files a pack may hold.
pub const COUNT_LIMIT: usize = 2_000;
/// How deep directories may lie in a pack; the format needs three.
const DIRECTORY_LIMIT: usize = 8;

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/packs");

/// A pack's files by their paths in it.
#[derive(Clone, Debug)]
pub struct Files {
    /// The name of the pack's directory.
    pub name: String,
    /// Whether they come from the binary.
    pub built_in: bool,
    by_path: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Files {
    /// The names of the packs in the binary, sorted.
    #[must_use]
    pub fn built_in_names() -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN.dirs().map(|dir| dir.path().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A pack in the binary; `None` when there is none of that name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let dir = BUILT_IN.dirs().find(|dir| dir.path() == Path::new(name))?;
        let mut files = BTreeMap::new();
        embedded(dir, dir.path(), &mut files);
        Some(Self { name: name.to_owned(), built_in: true, by_path: files })
    }

    /// A pack held in memory, by paths with `/`.
    #[must_use]
    pub fn memory(name: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let by_path = files.into_iter().map(|(path, bytes)| (path, Cow::Owned(bytes))).collect();
        Self { name: name.to_owned(), built_in: false, by_path }
    }

    /// Reads a directory, as far as it can be read, and what kept it from reading the rest.
    #[must_use]
    pub fn directory(path: &Path) -> (Self, Vec<Finding>) {
        let root = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut walk = Walk { root, files: BTreeMap::new(), size: 0, findings: Vec::new() };
        let top = walk.root.clone();
        walk.enter(&top, 0);
        (Self { name, built_in: false, by_path: walk.files }, walk.findings)
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }

    /// Whether there is such a file.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    /// A file as text; `None` when there is no such file.
    ///
    /// # Errors
    /// What makes it no text.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<Result<Text, Finding>> {
        self.by_path.get(path).map(|bytes| Text::read(path, bytes))
    }

    /// Lower-case hex SHA-256 over all files in path order, each with its path and length, so that no two packs share it.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for (path, bytes) in &self.by_path {
            hash.update(path.len().to_be_bytes());
            hash.update(path);
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }
}

fn embedded(dir: &Dir<'static>, root: &Path, files: &mut BTreeMap<String, Cow<'static, [u8]>>) {
    for file in dir.files() {
        let path = inner(file.path(), root);
        if !hidden(&path) {
            files.insert(path, Cow::Borrowed(file.contents()));
        }
    }
    dir.dirs().for_each(|below| embedded(below, root, files));
}

/// A path in the pack, with `/` on every platform.
fn inner(path: &Path, root: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect::<Vec<_>>().join("/")
}

/// Files of editors, forges and file managers are no part of a pack.
fn hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

struct Walk {
    root: PathBuf,
    files: BTreeMap<String, Cow<'static, [u8]>>,
    size: usize,
    findings: Vec<Finding>,
}

impl Walk {
    fn enter(&mut self, dir: &Path, depth: usize) {
        let shown = self.shown(dir);
        if depth > DIRECTORY_LIMIT {
            return self.say(Finding::whole(&shown, format!("directories lie more than {DIRECTORY_LIMIT} deep")));
        }
        let entries = match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.say(Finding::whole(&shown, format!("cannot read this directory: {error}"))),
        };
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            self.take(&path, depth);
            if self.full() {
                return;
            }
        }
    }

    fn take(&mut self, path: &Path, depth: usize) {
        let name = inner(path, &self.root);
        if hidden(&name) {
            return;
        }
        // A link could lead out of the pack, and what it shows would not be what the hash says.
        match fs::symlink_metadata(path) {
            Err(error) => self.say(Finding::whole(&name, format!("cannot read this file: {error}"))),
            Ok(kind) if kind.is_symlink() => {
                self.say(Finding::whole(&name, "a symbolic link, which could lead out of the pack").hint("put a copy of the file here"));
            }
            Ok(kind) if kind.is_dir() => self.enter(path, depth + 1),
            Ok(kind) if kind.is_file() => self.read(path, name),
            Ok(_) => self.say(Finding::whole(&name, "neither a file nor a directory").hint("a pack holds plain files only")),
        }
    }

    fn read(&mut self, path: &Path, name: String) {
        let mut bytes = Vec::new();
        let limit = u64::try_from(FILE_LIMIT).unwrap_or(u64::MAX).saturating_add(1);
        match fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
            Err(error) => return self.say(Finding::whole(&name, format!("cannot read this file: {error}"))),
            Ok(_) => self.size += bytes.len(),
        }
        self.files.insert(name, Cow::Owned(bytes));
    }

    /// Reading stops at the limits, so that a wrong path costs neither time nor memory.
    fn full(&mut self) -> bool {
        let over = if self.size > PACK_LIMIT {
            format!("larger than {} MiB", PACK_LIMIT / 1024 / 1024)
        } else if self.files.len() > COUNT_LIMIT {
            format!("more than {}", counted(COUNT_LIMIT, "file"))
        } else {
            return false;
        };
        if self.findings.iter().all(|finding| finding.file != "." || !finding.what.contains("too large")) {
            self.say(Finding::whole(".", format!("the pack is too large: {over}")).hint("is this the directory of a pack?"));
        }
        true
    }

    fn shown(&self, path: &Path) -> String {
        let name = inner(path, &self.root);
        if name.is_empty() { ".".to_owned() } else { name }
    }

    fn say(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// A file of a pack that is text: UTF-8, no byte order mark, nothing that could steer a terminal.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its path in the pack.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Where each line begins, so that a hostile file costs no more than its size for each finding.
    starts: Vec<usize>,
}

impl Text {
    /// Text that is known to be text.
    pub(super) fn new(file: &str, text: String) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file: file.to_owned(), text, starts }
    }

    /// Reads bytes as text.
    ///
    /// # Errors
    /// Too large, not UTF-8, a byte order mark, a control character.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, Finding> {
        if bytes.len() > FILE_LIMIT {
            let what = format!("this file is larger than {} KiB", FILE_LIMIT / 1024);
            return Err(Finding::whole(file, what).hint("a step is a few pages; split it"));
        }
        let whole = Self::new(file, String::from_utf8_lossy(bytes).into_owned());
        if let Err(error) = std::str::from_utf8(bytes) {
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let at = whole.mark(error.valid_up_to());
            return Err(whole.finding(at, format!("this is not UTF-8: byte 0x{byte:02x}")).hint("save the file as UTF-8"));
        }
        if whole.text.starts_with('\u{feff}') {
            return Err(whole.finding(Mark::START, "the file begins with a byte order mark").hint("save the file as UTF-8 without BOM"));
        }
        match whole.text.char_indices().find(|(at, c)| !allowed(&whole.text, *at, *c)) {
            Some((at, c)) => Err(whole.forbidden(whole.mark(at), c)),
            None => Ok(whole),
        }
    }

    /// The finding for a character that could steer a terminal or turn text round.
    #[must_use]
    pub fn forbidden(&self, at: Mark, c: char) -> Finding {
        let what = format!("the control character U+{:04X} is not allowed", u32::from(c));
        self.finding(at, what).hint("take it out; it is invisible, or steers terminals, or turns text round")
    }

    /// The place of a byte offset.
    #[must_use]
    pub fn mark(&self, offset: usize) -> Mark {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        Mark { line, column }
    }

    /// A line, from 1, without its line feed.
    #[must_use]
    pub fn line(&self, number: usize) -> &str {
        let Some(start) = self.starts.get(number.saturating_sub(1)) else { return "" };
        self.text.get(*start..).unwrap_or_default().split('\n').next().unwrap_or_default().trim_end_matches('\r')
    }

    /// Where `needle` stands at or after a place, in its line or, for a text of several lines, in one of the next twenty;
    /// `from` when it does not.
    #[must_use]
    pub fn seek(&self, from: Mark, needle: &str) -> Mark {
        (from.line..from.line.saturating_add(20).min(self.starts.len() + 1))
            .find_map(|number| {
                let first = if number == from.line { from.column } else { 1 };
                let line = self.line(number);
                let start = line.char_indices().nth(first.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
                let rest = line.get(start..)?;
                let before = rest.get(..rest.find(needle)?)?;
                Some(Mark { line: number, column: first + before.chars().count() })
            })
            .unwrap_or(from)
    }

    /// A finding at a place of this file.
    #[must_use]
    pub fn finding(&self, at: Mark, what: impl AsRef<str>) -> Finding {
        Finding::at(&self.file, at, self.line(at.line), what)
    }
}

/// Line feeds, also with a carriage return before them as Windows writes them, and tabs are text.
fn allowed(text: &str, at: usize, c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\r' => text.as_bytes().get(at + 1) == Some(&b'\n'),
        other => !is_hostile(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_counts_characters_not_bytes() {
        let text = Text::new("a", "é\nüä x\n".into());
        assert_eq!(text.mark(text.text.find('x').unwrap_or_default()), Mark { line: 2, column: 4 });
        assert_eq!(text.seek(Mark { line: 2, column: 2 }, "x"), Mark { line: 2, column: 4 });
        assert_eq!(text.seek(Mark { line: 1, column: 1 }, "ä x"), Mark { line: 2, column: 2 });
        assert_eq!(text.seek(Mark { line: 2, column: 2 }, "ü"), Mark { line: 2, column: 2 });
        assert_eq!(text.seek(Mark { line: 9, column: 9 }, "x"), Mark { line: 9, column: 9 });
    }

    #[test]
    fn windows_line_ends_are_text_and_a_lone_carriage_return_is_not() {
        assert!(Text::read("a", b"x: 1\r\ny: 2\r\n").is_ok());
        assert!(Text::read("a", b"x: 1\ry: 2").is_err());
    }

    #[test]
    fn the_hash_tells_two_packs_apart_that_hold_the_same_bytes_in_other_files() {
        let one = Files::memory("a", [("x".to_owned(), b"12".to_vec()), ("y".to_owned(), b"3".to_vec())]);
        let two = Files::memory("a", [("x".to_owned(), b"1".to_vec()), ("y".to_owned(), b"23".to_vec())]);
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hash(), one.clone().hash());
        assert_eq!(one.hash().len(), 64);
    }
}
