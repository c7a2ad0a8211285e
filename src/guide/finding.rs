//! What is wrong with a pack and where, said the way compilers say it. Finds nothing itself.

use crate::base::{Problem, text};
use std::fmt;
use unicode_width::UnicodeWidthChar as _;

/// The widest source line that is shown; longer ones are cut round the caret.
const SHOWN: usize = 120;

/// Whether a finding keeps a pack from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The pack cannot be used.
    Error,
    /// It can, but something is there for nothing.
    Warning,
}

/// A place in a file, line and column from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Mark {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong with a pack; all texts are clean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, by its path in the pack, with `/`.
    pub file: String,
    /// From 1; 0 when it is about the file or directory as a whole.
    pub line: usize,
    /// From 1, in characters; 0 when it is about the file as a whole.
    pub column: usize,
    /// What is wrong: lower case, no full stop, literal values in backticks.
    pub what: String,
    /// The line as it stands there, cut when it is long; `None` when it is about the file as a whole.
    pub source_line: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the pack can be used all the same.
    pub severity: Severity,
    /// Columns of the screen before the caret.
    caret: u32,
}

impl Finding {
    /// About a file or directory as a whole.
    #[must_use]
    pub fn whole(file: &str, what: impl AsRef<str>) -> Self {
        Self {
            file: text::line(file),
            line: 0,
            column: 0,
            what: text::line(what.as_ref()),
            source_line: None,
            hint: None,
            severity: Severity::Error,
            caret: 0,
        }
    }

    /// About a place in a file, of which `source_line` is the line.
    #[must_use]
    pub fn at(file: &str, mark: Mark, source_line: &str, what: impl AsRef<str>) -> Self {
        let (shown, caret) = window(source_line, mark.column);
        Self { line: mark.line, column: mark.column, source_line: Some(shown), caret, ..Self::whole(file, what) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(text::line(hint.as_ref()));
        self
    }

    /// The same with a hint, when there is one.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same saying what one of our types said: a sentence, and behind a line break `hint: ` and the hint.
    #[must_use]
    pub(super) fn told(self, message: &str) -> Self {
        let (what, hint) = match message.split_once("\nhint: ") {
            Some((what, hint)) => (what, Some(hint.to_owned())),
            None => (message, None),
        };
        Self { what: text::line(what), ..self }.maybe_hint(hint)
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Whether the pack cannot be used.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// A clean line of at most [`SHOWN`] characters that holds the column, and the width of what stands before it.
fn window(source: &str, column: usize) -> (String, u32) {
    let clean: Vec<char> = source.trim_end().chars().map(|c| if c == '\t' { ' ' } else { visible(c) }).collect();
    let column = column.saturating_sub(1).min(clean.len());
    let from = if clean.len() <= SHOWN { 0 } else { column.saturating_sub(SHOWN / 2).min(clean.len() - SHOWN) };
    let to = clean.len().min(from + SHOWN);
    let mut shown = String::new();
    if from > 0 {
        shown.push('…');
    }
    let before = clean.get(from..column).unwrap_or_default();
    let caret = usize::from(from > 0) + before.iter().map(|c| c.width().unwrap_or(0)).sum::<usize>();
    shown.extend(clean.get(from..to).unwrap_or_default());
    if to < clean.len() {
        shown.push('…');
    }
    (shown, u32::try_from(caret).unwrap_or_default())
}

fn visible(c: char) -> char {
    if text::is_hostile(c) { text::REPLACED } else { c }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.what)?;
        match &self.source_line {
            None => write!(f, "\n --> {}", self.file)?,
            Some(source) => {
                let number = self.line.to_string();
                let gap = " ".repeat(number.len());
                write!(f, "\n{gap}--> {}:{}:{}", self.file, self.line, self.column)?;
                write!(f, "\n{gap} |\n{number} | {source}\n{gap} | {}^", " ".repeat(self.caret as usize))?;
            }
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Why a pack cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackError {
    /// There is no such guide.
    NotFound {
        /// As asked for.
        id: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// It is there, but wrong.
    Wrong {
        /// The pack's name or directory.
        pack: String,
        /// All that was found, at least one error among them.
        findings: Vec<Finding>,
    },
}

impl PackError {
    /// What was found in the pack; empty when there is no pack.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::NotFound { .. } => &[],
            Self::Wrong { findings, .. } => findings,
        }
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { id, known } => {
                write!(f, "there is no guide `{}`\nhint: {}", text::line(id), not_found_hint(id, known))
            }
            Self::Wrong { pack, findings } => {
                let errors = findings.iter().filter(|finding| finding.is_error());
                let count = errors.clone().count();
                write!(f, "the pack `{}` cannot be used: {}", text::line(pack), counted(count, "error"))?;
                errors.into_iter().try_for_each(|finding| write!(f, "\n\n{finding}"))
            }
        }
    }
}

impl std::error::Error for PackError {}

impl From<PackError> for Problem {
    fn from(error: PackError) -> Self {
        match &error {
            PackError::NotFound { id, known } => {
                Problem::usage(format!("there is no guide `{}`", text::line(id))).hint(not_found_hint(id, known))
            }
            PackError::Wrong { .. } => Problem::usage(error.to_string()),
        }
    }
}

fn not_found_hint(id: &str, known: &[String]) -> String {
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    format!("{}; a directory is named by a path, such as `./{}`", known_names(id, &names, "built-in guide"), text::line(id))
}

/// `1 error`, `2 errors`.
#[must_use]
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The hint for a name that does not exist: the nearest one, or all of them.
#[must_use]
pub fn known_names(wrong: &str, known: &[&str], word: &str) -> String {
    if let Some(near) = nearest(wrong, known) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return format!("there is no {word} here");
    }
    let mut list: Vec<String> = known.iter().take(20).map(|name| format!("`{name}`")).collect();
    if known.len() > list.len() {
        list.push(format!("and {} more", known.len() - list.len()));
    }
    format!("{word}s here: {}", list.join(", "))
}

/// The known name that is near enough to be a slip of the finger: a third of its letters at most. Of very many names only the
/// first are compared, for each comparison takes time.
#[must_use]
pub fn nearest<'n>(wrong: &str, known: &[&'n str]) -> Option<&'n str> {
    let limit = (wrong.chars().count() / 3).max(1);
    known.iter().take(500).map(|name| (distance(wrong, name), *name)).filter(|(far, _)| *far <= limit).min().map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); long names are not compared.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_different_word_is_not() {
        let known = ["probes", "checks", "risk"];
        assert_eq!(nearest("porbes", &known), Some("probes"));
        assert_eq!(nearest("check", &known), Some("checks"));
        assert_eq!(nearest("banana", &known), None);
        assert_eq!(known_names("banana", &known, "key"), "keys here: `probes`, `checks`, `risk`");
    }

    #[test]
    fn the_caret_stands_under_the_column_whatever_stands_before_it() {
        let wide = Finding::at("a.yaml", Mark { line: 7, column: 4 }, "日本\tx: 1", "no");
        assert_eq!(wide.to_string(), "error: no\n --> a.yaml:7:4\n  |\n7 | 日本 x: 1\n  |      ^");
    }

    #[test]
    fn a_hostile_or_endless_line_is_shown_clean_and_short() {
        let source = format!("{}\u{1b}[31m", "x".repeat(5_000));
        let shown = Finding::at("a.yaml", Mark { line: 1, column: 5_001 }, &source, "no \u{1b}[2J");
        let text = shown.to_string();
        assert!(!text.contains('\u{1b}') && text.lines().all(|line| line.chars().count() < 140), "{text}");
        assert!(text.ends_with(&format!("{}^", " ".repeat(117))), "{text}");
    }
}
