//! The proof of a guide's checks: each red before and green after its action or its rehearsal, in a fresh practice lab. Knows what a
//! proof is; how a lab is set up and looked at is `stage`'s, and how it is shown is `report`'s.

mod stage;

use super::{
    action::{Direction, Refusal},
    check::Verdict,
};
use crate::base::{Exit, Problem};
use crate::guide::{
    Guide,
    rehearsal::{Beginning, Deed},
    step::Undo,
};
use stage::Stage;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};

/// Labs at once: each is a process, and most of the time is spent in starting it.
const AT_ONCE: usize = 3;

/// What turns a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The step's own action.
    Action,
    /// What a person does in its rehearsal.
    Rehearsal,
    /// Nothing: there is neither.
    Nothing,
}

/// A check at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// How it stood; unknown too when it was never looked at.
    pub verdict: Verdict,
    /// The code of its diagnosis.
    pub code: Option<String>,
    /// What must hold.
    pub expected: Option<String>,
    /// What was there.
    pub found: Option<String>,
    /// Why it does not pass, in the guide's words or the system's.
    pub why: Option<String>,
}

/// How the proof of a check ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Red before, green after.
    Proved,
    /// Not so; why, and what to do.
    NotProved(Problem),
    /// Could not tell; why, and what to do.
    Unknown(Problem),
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Its step.
    pub step: String,
    /// The check.
    pub check: String,
    /// What turns it.
    pub by: By,
    /// How the lab's world began; `None` when nothing turns it.
    pub from: Option<Beginning>,
    /// Before anything was done.
    pub before: Option<Seen>,
    /// After it.
    pub after: Option<Seen>,
    /// After the action was taken back; `None` when nothing was.
    pub undone: Option<Seen>,
    /// How long its lab was needed.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// Checks that are turned together, in one lab.
#[derive(Clone, Debug)]
struct Trial {
    step: String,
    checks: Vec<String>,
    from: Beginning,
    before: Vec<Deed>,
    act: Act,
}

/// What turns them.
#[derive(Clone, Debug)]
enum Act {
    Action,
    Deeds(Vec<Deed>),
}

/// What was seen of the checks of a trial, in their order; shorter where it ended early.
#[derive(Default)]
struct Takes {
    before: Vec<Seen>,
    after: Vec<Seen>,
    undone: Vec<Seen>,
}

/// Tries every check of a guide, in walking order; nothing of it touches the lab or the journal that a person practises with.
pub async fn prove(guide: &Arc<Guide>) -> Vec<Proof> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for trial in trials(guide) {
        let (guide, room) = (guide.clone(), room.clone());
        running.spawn(async move {
            let _place = room.acquire().await;
            play(&guide, trial).await
        });
    }
    let mut proofs = untried(guide);
    while let Some(played) = running.join_next().await {
        // A trial that panicked has said so through the panic hook; its checks are missing, and `lost` names them.
        proofs.extend(played.unwrap_or_default());
    }
    let lost = lost(guide, &proofs);
    proofs.extend(lost);
    in_walking_order(guide, proofs)
}

/// What each step's action and scenes turn.
fn trials(guide: &Guide) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (id, step) in &guide.steps {
        let rehearsal = guide.rehearsals.get(id).cloned().unwrap_or_default();
        let turned: Vec<String> = step.checks.keys().filter(|check| step.turns(check)).cloned().collect();
        if !turned.is_empty() {
            let (from, before) = rehearsal.action.map(|setting| (setting.from, setting.before)).unwrap_or_default();
            trials.push(Trial { step: id.clone(), checks: turned, from, before, act: Act::Action });
        }
        for scene in rehearsal.scenes {
            trials.push(Trial {
                step: id.clone(),
                checks: scene.proves,
                from: scene.from,
                before: scene.before,
                act: Act::Deeds(scene.deeds),
            });
        }
    }
    trials
}

/// The checks that nothing turns.
fn untried(guide: &Guide) -> Vec<Proof> {
    let rehearsed = |step: &str, check: &String| {
        guide.rehearsals.get(step).is_some_and(|rehearsal| rehearsal.scenes.iter().any(|scene| scene.proves.contains(check)))
    };
    let all = guide.steps.iter().flat_map(|(id, step)| step.checks.keys().map(move |check| (id, step, check)));
    let left = all.filter(|(id, step, check)| !step.turns(check) && !rehearsed(id, check));
    left.map(|(id, _, check)| nothing_turns(id, check)).collect()
}

fn nothing_turns(step: &str, check: &str) -> Proof {
    let why = Problem::new("no action and no rehearsal turns it: it cannot be proved")
        .hint(format!("write what a person does in `steps/{step}/rehearsal.yaml`; CONTRIBUTING.md says how"));
    Proof {
        step: step.to_owned(),
        check: check.to_owned(),
        by: By::Nothing,
        from: None,
        before: None,
        after: None,
        undone: None,
        took: Duration::ZERO,
        outcome: Outcome::NotProved(why),
    }
}

/// The checks of trials that ended without a word.
fn lost(guide: &Guide, proofs: &[Proof]) -> Vec<Proof> {
    let all = guide.steps.iter().flat_map(|(id, step)| step.checks.keys().map(move |check| (id, check)));
    let missing = all.filter(|(id, check)| !proofs.iter().any(|proof| proof.step == **id && proof.check == **check));
    let unknown = |proof| Proof { outcome: Outcome::Unknown(Problem::unknown("its trial broke off")), ..proof };
    missing.map(|(id, check)| unknown(nothing_turns(id, check))).collect()
}

fn in_walking_order(guide: &Guide, mut proofs: Vec<Proof>) -> Vec<Proof> {
    let place = |proof: &Proof| {
        let (at, _, step) = guide.steps.get_full(&proof.step)?;
        Some((at, step.checks.get_index_of(&proof.check)?))
    };
    proofs.sort_by_key(place);
    proofs
}

/// One trial from an empty directory to its end.
async fn play(guide: &Arc<Guide>, trial: Trial) -> Vec<Proof> {
    let started = Instant::now();
    let mut takes = Takes::default();
    let trouble = act(guide, &trial, &mut takes).await.err().map(Problem::from);
    let took = started.elapsed();
    let by = match trial.act {
        Act::Action => By::Action,
        Act::Deeds(_) => By::Rehearsal,
    };
    let one = |(number, check): (usize, &String)| {
        let [before, after, undone] = [&takes.before, &takes.after, &takes.undone].map(|seen| seen.get(number).cloned());
        let outcome = outcome(trial.from, before.as_ref(), after.as_ref(), undone.as_ref(), trouble.clone());
        Proof { step: trial.step.clone(), check: check.clone(), by, from: Some(trial.from), before, after, undone, took, outcome }
    };
    trial.checks.iter().enumerate().map(one).collect()
}

async fn act(guide: &Arc<Guide>, trial: &Trial, takes: &mut Takes) -> Result<(), Refusal> {
    let stage = Stage::set(guide, &trial.step, &trial.checks, trial.from, &trial.before).await?;
    takes.before = stage.look().await;
    match &trial.act {
        Act::Deeds(deeds) => {
            stage.play(deeds).await?;
            takes.after = stage.until(|_, seen| seen.verdict == Verdict::Pass).await?;
        }
        Act::Action => {
            stage.carry(&trial.step, Direction::Apply).await?;
            takes.after = stage.until(|_, seen| seen.verdict == Verdict::Pass).await?;
            if can_be_undone(guide, &trial.step) && takes.after.iter().all(|seen| seen.verdict == Verdict::Pass) {
                stage.carry(&trial.step, Direction::Undo).await?;
                let was = |number: usize| takes.before.get(number).map(|seen| seen.verdict);
                takes.undone = stage.until(|number, seen| Some(seen.verdict) == was(number)).await?;
            }
        }
    }
    Ok(())
}

fn can_be_undone(guide: &Guide, step: &str) -> bool {
    let ops = guide.steps.get(step).and_then(|step| step.apply.as_ref()).map(|apply| apply.ops.as_slice()).unwrap_or_default();
    ops.iter().all(|op| !matches!(op.undo, Undo::None(_)))
}

/// The first thing that is wrong with what was seen.
fn outcome(from: Beginning, before: Option<&Seen>, after: Option<&Seen>, undone: Option<&Seen>, trouble: Option<Problem>) -> Outcome {
    if let Some(wrong) = before.and_then(|before| not_red(from, before)) {
        return wrong;
    }
    if let Some(problem) = trouble {
        return if problem.exit == Exit::Unknown { Outcome::Unknown(problem) } else { Outcome::NotProved(problem) };
    }
    let (Some(before), Some(after)) = (before, after) else {
        return Outcome::Unknown(Problem::unknown("it was not looked at"));
    };
    if let Some(wrong) = not_green(after) {
        return wrong;
    }
    match undone {
        Some(undone) if undone.verdict != before.verdict => Outcome::NotProved(
            Problem::new(format!(
                "it is `{}` after its action was taken back, and was `{}` before",
                undone.verdict.word(),
                before.verdict.word()
            ))
            .hint("`undo` must take back all that the op did"),
        ),
        Some(_) | None => Outcome::Proved,
    }
}

/// What is wrong with a first look; looking and not finding is what is wanted.
fn not_red(from: Beginning, before: &Seen) -> Option<Outcome> {
    let from = from.word();
    let why = before.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    match before.verdict {
        Verdict::Fail | Verdict::Pending => None,
        Verdict::Pass => Some(Outcome::NotProved(
            Problem::new(format!("it passes from `{from}` before anything is done: a tick that proves nothing"))
                .hint("begin earlier, or undo it under `before`; if it still passes, the check asks for too little"),
        )),
        Verdict::Blocked => Some(Outcome::NotProved(
            Problem::new(format!("it was not looked at before{why}"))
                .hint("what it needs must pass first: let persons do that under `before`, or begin later"),
        )),
        Verdict::NotApplicable | Verdict::Waived => {
            Some(Outcome::NotProved(Problem::new(format!("it is `{}` before{why}", before.verdict.word())).hint("begin where it applies")))
        }
        Verdict::Unknown => Some(Outcome::Unknown(
            Problem::unknown(format!("it could not be looked at before{why}")).hint("`guidepost check` against the practice lab says more"),
        )),
    }
}

fn not_green(after: &Seen) -> Option<Outcome> {
    let why = after.why.as_deref().map_or_else(String::new, |why| format!(": {why}"));
    match after.verdict {
        Verdict::Pass => None,
        Verdict::Unknown => Some(Outcome::Unknown(Problem::unknown(format!("it could not be looked at after{why}")))),
        Verdict::Fail | Verdict::Pending | Verdict::Blocked | Verdict::NotApplicable | Verdict::Waived => {
            let found = after.found.as_deref().map_or_else(String::new, |found| format!("; found {found}"));
            let what = format!("it is still `{}` after what should turn it{why}{found}", after.verdict.word());
            Some(Outcome::NotProved(Problem::new(what).hint("either the change does something else, or the check asks for something else")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(verdict: Verdict) -> Seen {
        Seen { verdict, code: None, expected: None, found: None, why: None }
    }

    fn ends(before: Verdict, after: Verdict, undone: Option<Verdict>) -> u8 {
        let undone = undone.map(seen);
        match outcome(Beginning::Start, Some(&seen(before)), Some(&seen(after)), undone.as_ref(), None) {
            Outcome::Proved => 0,
            Outcome::NotProved(_) => 1,
            Outcome::Unknown(_) => 2,
        }
    }

    #[test]
    fn only_red_before_and_green_after_is_a_proof_and_what_could_not_look_is_no_verdict() {
        use Verdict::{Blocked, Fail, NotApplicable, Pass, Pending, Unknown, Waived};
        assert_eq!([Fail, Pending].map(|before| ends(before, Pass, None)), [0, 0]);
        assert_eq!([Pass, Blocked, NotApplicable, Waived, Unknown].map(|before| ends(before, Pass, None)), [1, 1, 1, 1, 2]);
        assert_eq!([Fail, Pending, Blocked, NotApplicable, Waived, Unknown].map(|after| ends(Fail, after, None)), [1, 1, 1, 1, 1, 2]);
        assert_eq!([Fail, Pass, Pending].map(|undone| ends(Fail, Pass, Some(undone))), [0, 1, 1]);
    }

    #[test]
    fn a_check_that_was_never_looked_at_is_unknown_and_a_refusal_says_why() {
        assert!(matches!(outcome(Beginning::Start, None, None, None, None), Outcome::Unknown(_)));
        let ended = |refusal| outcome(Beginning::Start, Some(&seen(Verdict::Fail)), None, None, Some(Problem::from(refusal)));
        assert_eq!(ended(Refusal::Not(Problem::new("refused"))), Outcome::NotProved(Problem::new("refused")));
        assert_eq!(ended(Refusal::Unknown(Problem::new("cut"))), Outcome::Unknown(Problem::unknown("cut")));
    }
}
