//! The report as lines for a person: glyph and word, expected against found, why and what to do.

use super::{CheckReport, Report, StepReport};
use crate::engine::{check::Verdict, matcher::span};
use std::{fmt::Write as _, time::Duration};
use unicode_width::UnicodeWidthStr as _;

/// The report in lines of at most `width` columns; `ascii` leaves glyphs out.
#[must_use]
pub fn text(report: &Report, width: usize, ascii: bool) -> String {
    let mut out = format!("{} in {}\n", report.guide, report.lab);
    for step in &report.steps {
        step_text(&mut out, step, width, ascii);
    }
    let _ = writeln!(out, "\n{}", summary(report));
    out
}

fn mark(verdict: Verdict, ascii: bool) -> &'static str {
    if ascii { verdict.ascii() } else { verdict.glyph() }
}

fn step_text(out: &mut String, step: &StepReport, width: usize, ascii: bool) {
    let option = step.option.as_ref().map(|option| format!("  (option {option})")).unwrap_or_default();
    let _ = writeln!(out, "\n{} {}  {}{option}", mark(step.verdict, ascii), step.title, step.verdict.word());
    if let Some(note) = &step.note {
        indented(out, "", note, width);
    }
    for check in &step.checks {
        check_text(out, check, width, ascii);
    }
}

fn check_text(out: &mut String, check: &CheckReport, width: usize, ascii: bool) {
    let age = check.age_ms.map(|age| format!(", {} ago", span(Duration::from_millis(age)))).unwrap_or_default();
    let drifted = if check.drifted { ", drifted" } else { "" };
    let head = format!("{} {} ({}{drifted}{age})", mark(check.verdict, ascii), check.title, check.verdict.word());
    for (number, line) in wrapped(&head, width.saturating_sub(4)).into_iter().enumerate() {
        let _ = writeln!(out, "  {}{line}", if number == 0 { "" } else { "  " });
    }
    let seen = if check.verdict == Verdict::Pass {
        [("found", &check.found), ("", &None)]
    } else {
        [("expected", &check.expected), ("found", &check.found)]
    };
    for (name, value) in seen {
        if let Some(value) = value {
            indented(out, name, value, width);
        }
    }
    if check.verdict != Verdict::Pass {
        for (name, value) in [("code", &check.code), ("why", &check.why), ("hint", &check.hint)] {
            if let Some(value) = value {
                indented(out, name, value, width);
            }
        }
    }
}

fn indented(out: &mut String, name: &str, value: &str, width: usize) {
    for (number, line) in wrapped(value, width.saturating_sub(14).max(20)).into_iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        let _ = writeln!(out, "    {name:<9} {line}");
    }
}

fn summary(report: &Report) -> String {
    let summary = &report.summary;
    let counts = [
        (summary.pass, Verdict::Pass),
        (summary.fail, Verdict::Fail),
        (summary.pending, Verdict::Pending),
        (summary.blocked, Verdict::Blocked),
        (summary.unknown, Verdict::Unknown),
        (summary.not_applicable, Verdict::NotApplicable),
        (summary.waived, Verdict::Waived),
    ];
    let shown: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, verdict)| format!("{count} {}", verdict.word())).collect();
    if shown.is_empty() { "no checks".into() } else { shown.join(", ") }
}

/// Text in lines of at most `width` columns, broken between words.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = lines.last().is_some_and(|line| line.is_empty() || line.width() + 1 + word.width() <= width);
        if !fits {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
