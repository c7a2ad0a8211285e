//! What `doctor` and `lab test` found out, one line each, and the exit code that follows. Looks at nothing itself.

use super::{context::width, out};
use crate::base::{Exit, Problem};
use crate::engine::matcher::span;
use crate::report::wrapped;

/// A clock this far off makes tokens and marks unreliable (Kerberos tolerates five minutes as well).
const CLOCK_LIMIT_SECONDS: i64 = 300;

/// One thing that was looked at.
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) exit: Exit,
    pub(super) says: String,
    pub(super) hint: Option<String>,
}

impl Finding {
    pub(super) fn fine(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, exit: Exit::Fine, says: says.into(), hint: None }
    }

    pub(super) fn bad(what: &'static str, exit: Exit, says: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what, exit, says: says.into(), hint: Some(hint.into()) }
    }

    pub(super) fn of(what: &'static str, problem: Problem) -> Self {
        Self { what, exit: problem.exit, says: problem.what, hint: problem.hint }
    }
}

/// Prints all of them; the exit code is the worst one's.
pub(super) fn tell(findings: &[Finding], ascii: bool) -> Exit {
    for finding in findings {
        print(finding, ascii);
    }
    let worst = |wanted: Exit| findings.iter().any(|finding| finding.exit == wanted);
    [Exit::Usage, Exit::Not, Exit::Unknown].into_iter().find(|exit| worst(*exit)).unwrap_or(Exit::Fine)
}

fn print(finding: &Finding, ascii: bool) {
    let mark = match (finding.exit, ascii) {
        (Exit::Fine, false) => "✓",
        (Exit::Fine, true) => "ok",
        (Exit::Unknown, false) => "?",
        (Exit::Unknown, true) => "??",
        (Exit::Not | Exit::Usage | Exit::Signal(_), false) => "✗",
        (Exit::Not | Exit::Usage | Exit::Signal(_), true) => "NO",
    };
    let hint = finding.hint.as_ref().map(|hint| format!("hint: {hint}"));
    let lines = wrapped(&finding.says, width() - 16).into_iter().chain(hint.iter().flat_map(|hint| wrapped(hint, width() - 16)));
    for (number, line) in lines.enumerate() {
        let (mark, what) = if number == 0 { (mark, finding.what) } else { ("", "") };
        out::say(&format!("{mark:<2} {what:<10} {line}"));
    }
}

/// How far this machine's clock is off; `offset` is positive when the lab is ahead.
pub(super) fn clock(offset: jiff::SignedDuration) -> Finding {
    let says = match offset.as_secs() {
        0 => "agrees with the lab's".to_owned(),
        seconds if seconds > 0 => format!("{} behind the lab's", span(offset.unsigned_abs())),
        _ => format!("{} ahead of the lab's", span(offset.unsigned_abs())),
    };
    if offset.as_secs().abs() > CLOCK_LIMIT_SECONDS {
        return Finding::bad("clock", Exit::Not, says, "set this machine's clock; times of the lab are shown by its own clock meanwhile");
    }
    Finding::fine("clock", says)
}
