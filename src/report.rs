//! What was found, as values and as JSON, JUnit and text. Draws no screen and asks no system.

mod junit;
pub mod proofs;
mod text;

use crate::base::Problem;
use crate::engine::{
    attest,
    check::{Verdict, judge_step},
    core::{Checked, Engine},
    page::build::words,
};
use crate::guide::prose::plain_text;
use jiff::Timestamp;
use serde::Serialize;

pub use junit::junit;
pub use text::{text, wrapped};

/// What `check` found; its JSON changes only by addition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Always 1.
    pub format: u32,
    /// The guide.
    pub guide: String,
    /// The lab.
    pub lab: String,
    /// This machine's time.
    pub at: Timestamp,
    /// In walking order.
    pub steps: Vec<StepReport>,
    /// Counts checks by verdict.
    pub summary: Summary,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// `<pack>/<step>`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its phase's id.
    pub phase: String,
    /// The first that occurs among its checks, in DESIGN's order.
    pub verdict: Verdict,
    /// The option with which it is walked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// What to say when its checks cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its checks.
    pub checks: Vec<CheckReport>,
    /// Its tasks.
    pub tasks: Vec<TaskReport>,
    /// The pages of its wizard.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageReport>,
}

/// A check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// Its id.
    pub id: String,
    /// What it states.
    pub title: String,
    /// How it stands.
    pub verdict: Verdict,
    /// The code of the diagnosis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What is wrong and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// It passed once and fails now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drifted: bool,
    /// Since the look; null when there was none.
    pub age_ms: Option<u64>,
    /// How long the look took; null when there was none.
    pub took_ms: Option<u64>,
}

/// A task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskReport {
    /// Its id.
    pub id: String,
    /// The source's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covers: Option<String>,
    /// Who said that it is done; null for nobody.
    pub attested: Option<AttestedReport>,
}

/// A page of a wizard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageReport {
    /// Its id.
    pub id: String,
    /// The task that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Who said that it is done; null for nobody.
    pub attested: Option<AttestedReport>,
}

/// A person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttestedReport {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Counts checks by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Looked, and it holds.
    pub pass: usize,
    /// Looked, and it does not hold.
    pub fail: usize,
    /// Looked, not yet.
    pub pending: usize,
    /// Waits for another.
    pub blocked: usize,
    /// Could not look.
    pub unknown: usize,
    /// Does not apply.
    pub not_applicable: usize,
    /// Set aside.
    pub waived: usize,
}

impl Summary {
    fn count(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Pending => &mut self.pending,
            Verdict::Blocked => &mut self.blocked,
            Verdict::Unknown => &mut self.unknown,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::Waived => &mut self.waived,
        };
        *counter += 1;
    }
}

/// What is known of these steps. `unreached` says why nothing could be looked at.
#[must_use]
pub fn report(engine: &Engine, steps: &[String], unreached: Option<&Problem>) -> Report {
    let steps: Vec<_> = steps.iter().map(|step| step_report(engine, step, unreached)).collect();
    let mut summary = Summary::default();
    steps.iter().flat_map(|step| &step.checks).for_each(|check| summary.count(check.verdict));
    Report { format: 1, guide: engine.guide().pack.id.clone(), lab: engine.lab().name.clone(), at: engine.now(), steps, summary }
}

fn step_report(engine: &Engine, step: &str, unreached: Option<&Problem>) -> StepReport {
    let guide = engine.guide();
    let checks: Vec<_> = engine.checked(step).into_iter().map(|checked| check_report(engine, step, checked, unreached)).collect();
    let (own, note) = engine.with_known(|known| judge_step(known, step));
    let tasks = guide.steps.get(step).map(|step| step.tasks.as_slice()).unwrap_or_default();
    let ledger = engine.ledger();
    let word = |id: &str| {
        let word = attest::word(&ledger, guide.steps.get(step)?, id)?;
        Some(AttestedReport { by: word.by.clone(), at: word.at })
    };
    let pages = guide.steps.get(step).map(|step| step.pages.as_slice()).unwrap_or_default();
    let task = |task: &crate::guide::step::Task| TaskReport { id: task.id.clone(), covers: task.covers.clone(), attested: word(&task.id) };
    let phase = guide.pack.phases.iter().find(|phase| phase.steps.iter().any(|known| known == step));
    StepReport {
        id: guide.full_id(step),
        title: guide.prose.get(step).map(|prose| prose.title.clone()).unwrap_or_default(),
        phase: phase.map(|phase| phase.id.clone()).unwrap_or_default(),
        verdict: checks.iter().map(|check| check.verdict).min().or(own).unwrap_or(Verdict::Unknown),
        option: guide.option(step).map(str::to_owned),
        note,
        tasks: tasks.iter().map(task).collect(),
        pages: pages.iter().map(|page| PageReport { id: page.id.clone(), task: page.task.clone(), attested: word(&page.id) }).collect(),
        checks,
    }
}

fn check_report(engine: &Engine, step: &str, checked: Checked, unreached: Option<&Problem>) -> CheckReport {
    let Checked { id, judgement, look } = checked;
    let title = engine.guide().prose.get(step).and_then(|prose| prose.checks.get(&id)).map(|spans| plain_text(spans));
    let (mut why, mut way_out) = engine.with_known(|known| words(known, step, &judgement));
    if judgement.verdict.is_none() {
        why = Some(unreached.map_or_else(|| "was not looked at".to_owned(), |problem| problem.what.clone()));
        way_out = unreached.and_then(|problem| problem.hint.clone()).into_iter().collect();
    }
    let millis = |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    CheckReport {
        title: title.unwrap_or_else(|| id.clone()),
        id,
        verdict: judgement.verdict.unwrap_or(Verdict::Unknown),
        code: judgement.code,
        expected: judgement.expected,
        found: judgement.found,
        why,
        hint: (!way_out.is_empty()).then(|| way_out.join("; ")),
        drifted: judgement.drifted,
        age_ms: look.as_ref().map(|look| millis(engine.now().duration_since(look.at).unsigned_abs())),
        took_ms: look.as_ref().map(|look| millis(look.took)),
    }
}
