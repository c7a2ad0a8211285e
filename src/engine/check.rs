//! A check: a pure function of facts, variables and now, and its verdict. Reads nothing, writes nothing.

use super::{
    attest, diagnose,
    known::{Facts, Known, NoRequest},
    ledger::ChangeKind,
    matcher::{self, Outcome, span},
    probe::{LookError, Request},
};
use crate::guide::step::{Check, DiagnosisVerdict, Step};

/// How a check or a step stands. The order is the order in which a step shows the first that occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Looked, and it does not hold.
    Fail,
    /// Could not look.
    Unknown,
    /// Looked, not yet; a change is known to need time.
    Pending,
    /// Another check or step must pass first.
    Blocked,
    /// Looked, and it holds.
    Pass,
    /// A person set it aside.
    Waived,
    /// Does not apply to this lab.
    NotApplicable,
}

impl Verdict {
    /// All of them, in the order of DESIGN section 3.
    pub const ALL: [Self; 7] = [Self::Pass, Self::Fail, Self::Pending, Self::Blocked, Self::Unknown, Self::NotApplicable, Self::Waived];

    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::NotApplicable => "not-applicable",
            Self::Waived => "waived",
        }
    }

    /// The glyph (one column wide).
    #[must_use]
    pub fn glyph(self) -> &'static str {
        match self {
            Self::Pass => "✓",
            Self::Fail => "✗",
            Self::Pending => "…",
            Self::Blocked => "▸",
            Self::Unknown => "?",
            Self::NotApplicable => "–",
            Self::Waived => "~",
        }
    }

    /// The glyph in ASCII (two columns wide).
    #[must_use]
    pub fn ascii(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Fail => "NO",
            Self::Pending => "..",
            Self::Blocked => "->",
            Self::Unknown => "??",
            Self::NotApplicable => "--",
            Self::Waived => "wv",
        }
    }
}

/// How a check stands, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// `None` until its probe was looked at.
    pub verdict: Option<Verdict>,
    /// What must hold.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// The code of the diagnosis.
    pub code: Option<String>,
    /// What is to be said besides the diagnosis: which right is missing, what it waits for.
    pub note: Option<String>,
    /// What to do, when no message of the guide says it.
    pub hint: Option<String>,
    /// It passed once and fails now.
    pub drifted: bool,
    /// The look that it rests on.
    pub request: Option<Request>,
}

impl Judgement {
    fn of(verdict: Verdict, note: impl Into<String>) -> Self {
        Self { verdict: Some(verdict), note: Some(note.into()), ..Self::default() }
    }
}

/// How a check stands: a pure function of what is known.
#[must_use]
pub fn judge(known: &Known<'_>, step: &str, check: &str) -> Judgement {
    let key = (step.to_owned(), check.to_owned());
    if let Some(waiver) = known.ledger.waived.get(&key).filter(|waiver| waiver.until > known.now) {
        return Judgement::of(Verdict::Waived, format!("set aside by {} until {:.0}: {}", waiver.by, waiver.until, waiver.reason));
    }
    let Some((steps, definition)) = known.check(step, check) else {
        return Judgement::of(Verdict::Unknown, format!("the guide has no check `{step}/{check}`"));
    };
    if let Some(judgement) = blocked(known, step, definition) {
        return judgement;
    }
    let request = match known.request(step, &definition.probe) {
        Ok(request) => request,
        Err(trouble) => return unsent(known, steps, check, definition, &trouble),
    };
    let mut judgement = match known.looks.get(&request).map(|look| &look.outcome) {
        None => Judgement::default(),
        Some(Err(error)) => not_looked(known, steps, check, definition, error),
        Some(Ok(facts)) => looked(known, steps, check, definition, facts),
    };
    // What Guidepost itself opens since is no drift: only systems drift.
    let own = matches!(request, Request::Ledger { .. });
    judgement.drifted = judgement.verdict == Some(Verdict::Fail) && known.ledger.passed.contains(&key) && !own;
    judgement.request = Some(request);
    judgement
}

/// The first check that it needs and that does not pass.
fn blocked(known: &Known<'_>, step: &str, definition: &Check) -> Option<Judgement> {
    for need in &definition.needs {
        let (need_step, need_check) = need.split_once('/').unwrap_or((step, need));
        match judge(known, need_step, need_check).verdict {
            Some(Verdict::Pass | Verdict::Waived | Verdict::NotApplicable) => {}
            Some(Verdict::Fail | Verdict::Unknown | Verdict::Pending | Verdict::Blocked) => {
                return Some(Judgement::of(Verdict::Blocked, format!("waits for: {}", known.check_title(need_step, need_check))));
            }
            None => return Some(Judgement::default()),
        }
    }
    None
}

fn unsent(known: &Known<'_>, step: &Step, check: &str, definition: &Check, trouble: &NoRequest) -> Judgement {
    match trouble {
        NoRequest::Waiting => Judgement::default(),
        NoRequest::Missing(reference) => Judgement {
            hint: reference.strip_prefix("var:").map(|name| format!("give `{name}` a value under `[variables]` of the lab's profile")),
            ..Judgement::of(Verdict::Unknown, format!("could not ask, because `{reference}` finds nothing"))
        },
        NoRequest::Failed(error) => not_looked(known, step, check, definition, error),
    }
}

fn not_looked(known: &Known<'_>, step: &Step, check: &str, definition: &Check, error: &LookError) -> Judgement {
    let diagnosis = diagnose::of_error(known, step, check, definition, error);
    let verdict = match diagnosis.and_then(|diagnosis| diagnosis.verdict) {
        // A probe error never becomes fail; the loader refuses such a diagnosis.
        None | Some(DiagnosisVerdict::Unknown | DiagnosisVerdict::Fail) => Verdict::Unknown,
        Some(DiagnosisVerdict::Pending) => Verdict::Pending,
        Some(DiagnosisVerdict::Blocked) => Verdict::Blocked,
        Some(DiagnosisVerdict::NotApplicable) => Verdict::NotApplicable,
    };
    Judgement {
        code: diagnosis.map(|diagnosis| diagnosis.code.clone()),
        hint: error.hint.clone(),
        ..Judgement::of(verdict, error.what.clone())
    }
}

fn looked(known: &Known<'_>, step: &Step, check: &str, definition: &Check, facts: &Facts) -> Judgement {
    let scope = known.scope(&step.id);
    let statement = matcher::judge(&definition.expect, &facts.body, &scope, facts.now);
    let words = Judgement { expected: Some(statement.expected), found: Some(statement.found), ..Judgement::default() };
    match statement.outcome {
        Outcome::Unresolved(reference) => {
            Judgement { note: Some(format!("`{reference}` finds nothing")), verdict: Some(Verdict::Unknown), ..words }
        }
        Outcome::Holds => match still_settling(known, &step.id, check, definition, true) {
            Some(note) => Judgement { verdict: Some(Verdict::Pending), note: Some(note), ..words },
            None => Judgement { verdict: Some(Verdict::Pass), ..words },
        },
        Outcome::Fails => match still_settling(known, &step.id, check, definition, false) {
            Some(note) => Judgement { verdict: Some(Verdict::Pending), note: Some(note), ..words },
            None => failed(known, step, check, definition, words),
        },
    }
}

fn failed(known: &Known<'_>, step: &Step, check: &str, definition: &Check, words: Judgement) -> Judgement {
    let Some(diagnosis) = diagnose::of_facts(known, step, check, definition) else {
        return Judgement { verdict: Some(Verdict::Fail), code: Some(definition.fail.clone()), ..words };
    };
    let verdict = match diagnosis.verdict {
        None | Some(DiagnosisVerdict::Fail) => Verdict::Fail,
        Some(DiagnosisVerdict::Pending) => Verdict::Pending,
        Some(DiagnosisVerdict::Blocked) => Verdict::Blocked,
        Some(DiagnosisVerdict::Unknown) => Verdict::Unknown,
        Some(DiagnosisVerdict::NotApplicable) => Verdict::NotApplicable,
    };
    Judgement { verdict: Some(verdict), code: Some(diagnosis.code.clone()), ..words }
}

/// Why a change of this step does not count as shown yet; `None` when it does, or when there was none.
fn still_settling(known: &Known<'_>, step: &str, check: &str, definition: &Check, holds: bool) -> Option<String> {
    let settle = definition.settle?;
    let change = known.ledger.changes.get(step).filter(|change| !change.settled)?;
    let age = known.now.duration_since(change.at).unsigned_abs();
    if age >= settle.within {
        return None;
    }
    let streak = known.streak(step, check, holds);
    // To the minute: it stands on the screen until the next look.
    let (age, within) = (super::page::words::age(age), span(settle.within));
    match (change.kind, holds) {
        (ChangeKind::Done, true) if streak < settle.hold => Some(format!("there in {streak} of {} looks in a row", settle.hold)),
        (ChangeKind::Undone, false) if streak < settle.hold => Some(format!("gone in {streak} of {} looks in a row", settle.hold)),
        (ChangeKind::Done, false) => Some(format!("done {age}; it may take {within} to show")),
        (ChangeKind::Attested, false) => Some(format!("attested {age}; it may take {within} to show")),
        (ChangeKind::Undone, true) => Some(format!("taken back {age}; it may take {within} to go")),
        (ChangeKind::Done | ChangeKind::Attested, true) | (ChangeKind::Undone, false) => None,
    }
}

/// How a step stands, and the sentence when its checks cannot say it.
#[must_use]
pub fn judge_step(known: &Known<'_>, step: &str) -> (Option<Verdict>, Option<String>) {
    let Some(definition) = known.guide.steps.get(step) else { return (None, None) };
    if definition.checks.is_empty() {
        let attested = attest::count(known.ledger, definition);
        return (Some(Verdict::Unknown), Some(format!("nothing can prove it; {attested} of {} attested", definition.tasks.len())));
    }
    let verdicts: Vec<_> = definition.checks.keys().map(|check| judge(known, step, check).verdict).collect();
    let worst = verdicts.iter().flatten().min().copied();
    let open = verdicts.iter().any(Option::is_none);
    // While looks are out, only a fail is certain to stay the worst.
    (worst.filter(|verdict| !open || *verdict == Verdict::Fail), None)
}
