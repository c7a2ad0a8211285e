//! What `guide test` found, as JSON and as lines for a person. Proves nothing itself.

use super::wrapped;
use crate::base::Exit;
use crate::engine::{
    check::Verdict,
    rehearse::{By, Outcome, Proof, Seen},
};
use crate::guide::{Guide, rehearsal::Beginning};
use serde::Serialize;
use std::fmt::Write as _;

/// What became of every check of a guide; its JSON changes only by addition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proofs {
    /// Always 1.
    pub format: u32,
    /// The guide.
    pub guide: String,
    /// The pack's hash.
    pub hash: String,
    /// In walking order.
    pub checks: Vec<CheckProof>,
    /// `<pack>/<step>` of the steps that have no check: nothing can prove them.
    pub without_checks: Vec<String>,
    /// Counts checks by outcome.
    pub summary: Summary,
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckProof {
    /// `<pack>/<step>`.
    pub step: String,
    /// Its id in the step.
    pub id: String,
    /// What turns it.
    pub by: By,
    /// How the lab's world began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'static str>,
    /// Before anything was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Moment>,
    /// After it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Moment>,
    /// After the action was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone: Option<Moment>,
    /// How it ended.
    pub outcome: Word,
    /// What is wrong, when it is not proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How long its lab was needed.
    pub took_ms: u64,
}

/// A check at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// How it stood.
    pub verdict: Verdict,
    /// The code of its diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How a proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Red before, green after.
    Proved,
    /// Not so.
    NotProved,
    /// Could not tell.
    Unknown,
}

/// Counts checks by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Red before, green after.
    pub proved: usize,
    /// Not so.
    pub not_proved: usize,
    /// Could not tell.
    pub unknown: usize,
}

/// The proofs of a guide, in their order.
#[must_use]
pub fn proofs(guide: &Guide, proofs: &[Proof]) -> Proofs {
    let checks: Vec<_> = proofs.iter().map(|proof| check(guide, proof)).collect();
    let mut summary = Summary::default();
    for check in &checks {
        *match check.outcome {
            Word::Proved => &mut summary.proved,
            Word::NotProved => &mut summary.not_proved,
            Word::Unknown => &mut summary.unknown,
        } += 1;
    }
    let without = guide.steps.iter().filter(|(_, step)| step.checks.is_empty());
    let without_checks = without.map(|(id, _)| guide.full_id(id)).collect();
    Proofs { format: 1, guide: guide.pack.id.clone(), hash: guide.hash.clone(), checks, without_checks, summary }
}

fn check(guide: &Guide, proof: &Proof) -> CheckProof {
    let moment = |seen: &Option<Seen>| seen.as_ref().map(|seen| Moment { verdict: seen.verdict, code: seen.code.clone() });
    let (outcome, problem) = match &proof.outcome {
        Outcome::Proved => (Word::Proved, None),
        Outcome::NotProved(problem) => (Word::NotProved, Some(problem)),
        Outcome::Unknown(problem) => (Word::Unknown, Some(problem)),
    };
    CheckProof {
        step: guide.full_id(&proof.step),
        id: proof.check.clone(),
        by: proof.by,
        from: proof.from.map(Beginning::word),
        before: moment(&proof.before),
        after: moment(&proof.after),
        undone: moment(&proof.undone),
        outcome,
        why: problem.map(|problem| problem.what.clone()),
        hint: problem.and_then(|problem| problem.hint.clone()),
        took_ms: u64::try_from(proof.took.as_millis()).unwrap_or(u64::MAX),
    }
}

impl Proofs {
    /// 1 if something is not proved, else 2 if something could not be told, else 0.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.summary {
            Summary { not_proved: 1.., .. } => Exit::Not,
            Summary { unknown: 1.., .. } => Exit::Unknown,
            Summary { .. } => Exit::Fine,
        }
    }

    /// In lines of at most `width` columns where that can be; `ascii` leaves glyphs out.
    #[must_use]
    pub fn text(&self, width: usize, ascii: bool) -> String {
        let mut out = format!("{}: each check red before and green after, in practice labs of its own\n\n", self.guide);
        for check in &self.checks {
            check.text(&mut out, width, ascii);
        }
        if !self.without_checks.is_empty() {
            paragraph(&mut out, 0, &format!("no check, so nothing to prove: {}", self.without_checks.join(", ")), width);
        }
        let Summary { proved, not_proved, unknown } = self.summary;
        let _ = writeln!(out, "\n{proved} proved, {not_proved} not proved, {unknown} unknown");
        out
    }
}

impl CheckProof {
    fn text(&self, out: &mut String, width: usize, ascii: bool) {
        let verdict = match self.outcome {
            Word::Proved => Verdict::Pass,
            Word::NotProved => Verdict::Fail,
            Word::Unknown => Verdict::Unknown,
        };
        let mark = if ascii { verdict.ascii() } else { verdict.glyph() };
        let by = match self.by {
            By::Action => "its action, ",
            By::Rehearsal => "its rehearsal, ",
            By::Nothing => "",
        };
        let from = self.from.map_or_else(String::new, |from| format!(" ({by}from {from}, {} ms)", self.took_ms));
        let _ = writeln!(out, "{mark} {}/{}{from}", self.step, self.id);
        let moments = [("before", &self.before), ("after", &self.after), ("taken back", &self.undone)];
        let shown = moments.iter().filter_map(|(when, moment)| Some(format!("{when}: {}", moment.as_ref()?.text())));
        let shown = shown.collect::<Vec<_>>().join(", ");
        for text in [Some(shown).filter(|shown| !shown.is_empty()), self.why.clone()].into_iter().flatten() {
            paragraph(out, 4, &text, width);
        }
        if let Some(hint) = &self.hint {
            paragraph(out, 4, &format!("hint: {hint}"), width);
        }
        out.push('\n');
    }
}

impl Moment {
    fn text(&self) -> String {
        let code = self.code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
        format!("{}{code}", self.verdict.word())
    }
}

fn paragraph(out: &mut String, indent: usize, text: &str, width: usize) {
    for line in wrapped(text, width.saturating_sub(indent).max(20)) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}
