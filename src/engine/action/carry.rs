//! Carrying a confirmed plan out: planned again, refused if it changed, journal before the deed, deed, journal after.

use super::{Confirmed, Direction, Plan, PlannedOp, Refusal, doubt::READS, guard, object};
use crate::base::Problem;
use crate::engine::{
    check::Verdict,
    core::Engine,
    journal::Event,
    known::Known,
    ledger::InDoubt,
    matcher,
    probe::{self, Answer, Entries, LookError, SendError, Systems, Write},
    scripts,
};
use crate::guide::step::{Op, Undo};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// The window of an op whose check names none: "tens of seconds to 2 min for roles" (msgraph-sdk-dotnet#2772).
pub(super) const WINDOW: Duration = Duration::from_mins(2);
/// Between two looks within it.
pub(super) const EVERY: Duration = Duration::from_secs(5);

/// What scripts said for the plan that was confirmed holds while a person reads it: each takes 20 s and more.
const READ: Duration = Duration::from_mins(2);

/// How a plan was confirmed, for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By a key.
    Key,
    /// By a typed word.
    Typed,
    /// By `--yes`.
    Yes,
    /// By `--force`, sooner than it should be.
    Forced,
}

impl How {
    fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Typed => "typed",
            Self::Yes => "yes",
            Self::Forced => "forced",
        }
    }
}

/// What became of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// There was nothing to send.
    Nothing,
    /// So many ops were done.
    Done(usize),
}

/// What is kept of an op: the reply's values and how it is taken back.
pub(super) struct Kept {
    pub(super) captured: Map<String, Value>,
    pub(super) undo: Option<Write>,
    pub(super) no_undo: Option<String>,
    pub(super) with: Option<String>,
}

impl Engine {
    /// Carries out the plan with this id.
    ///
    /// # Errors
    /// The plan changed since it was confirmed, the journal cannot be written, an op was refused, or its end is in doubt.
    pub async fn carry_out(&self, confirmed: &Plan, how: How) -> Result<Carried, Refusal> {
        if let Some(why) = self.read_only() {
            return Err(Refusal::Not(Problem::new(format!("nothing is changed without a journal: {why}"))));
        }
        let systems = self.systems().ok_or_else(|| Refusal::Unknown(Problem::unknown("no lab is connected")))?;
        let plan = self.plan_sparing(&confirmed.step, confirmed.direction, self.now().saturating_sub(READ).ok()).await?;
        if plan.id != confirmed.id {
            return Err(Refusal::Not(
                Problem::new("the plan is not the one that was confirmed: something changed in the meantime")
                    .hint("look at the new plan and confirm that"),
            ));
        }
        // The typed word of such a plan says so itself.
        if let Some(sooner) = plan.too_soon.as_ref().filter(|_| !matches!(how, How::Typed | How::Forced)) {
            return Err(Refusal::Not(sooner.problem()));
        }
        if plan.writes_to_tenant() {
            // Before anything is intended: who declines a permission has changed nothing.
            self.ready_to_write().await?;
        }
        let permit = Confirmed { plan: plan.id.clone() };
        for op in &plan.ops {
            self.carry_op(&systems, &plan, op, how, &permit).await?;
        }
        Ok(if plan.ops.is_empty() { Carried::Nothing } else { Carried::Done(plan.ops.len()) })
    }

    async fn carry_op(&self, systems: &Arc<dyn Systems>, plan: &Plan, op: &PlannedOp, how: How, permit: &Confirmed) -> Result<(), Refusal> {
        let gone = match plan.direction {
            Direction::Apply => false,
            Direction::Undo => self.standing(systems, &plan.step, op).await? == guard::Standing::Gone,
        };
        let intended = Event::Intended {
            plan: plan.id.clone(),
            op: op.op.clone(),
            request: op.request.clone(),
            before: op.before.clone(),
            confirmed: how.word().into(),
            option: self.guide().option(&plan.step).map(str::to_owned),
            undo_of: op.undo_of,
        };
        let n = self.record(Some(&plan.step), intended).map_err(Refusal::Not)?;
        if let Some(of) = op.undo_of.filter(|_| gone) {
            return self.end(&plan.step, Event::Undone { intended: n, of, status: None, note: Some("it was gone already".into()) });
        }
        if let Write::Trip { trip } = &op.request {
            return self.travel(systems.as_ref(), &plan.step, n, trip, permit).await;
        }
        match systems.send(&op.request, permit).await {
            Ok(answer) => self.sent(plan, op, n, &answer),
            Err(SendError::Refused(error)) => self.refused(systems, plan, op, n, &error).await,
            Err(SendError::InDoubt(error)) => self.doubtful(plan, op, n, &error).await,
        }
    }

    fn sent(&self, plan: &Plan, op: &PlannedOp, n: u64, answer: &Answer) -> Result<(), Refusal> {
        let status = Some(answer.status);
        let event = match op.undo_of {
            Some(of) => Event::Undone { intended: n, of, status, note: None },
            None => self.done(&plan.step, &op.op, n, &answer.body, &op.request, status, answer.request_id.clone(), false),
        };
        self.end(&plan.step, event)
    }

    /// The `done` line of an op whose reply or effect is `body`.
    #[expect(clippy::too_many_arguments, reason = "each is one field of the line")]
    pub(super) fn done(
        &self,
        step: &str,
        op: &str,
        intended: u64,
        body: &Value,
        sent: &Write,
        status: Option<u16>,
        request_id: Option<String>,
        by_looking: bool,
    ) -> Event {
        let Kept { captured, undo, no_undo, with } = self.with_known(|known| keep(known, step, op, body, sent));
        Event::Done { intended, status, request_id, captured, undo, no_undo, with, by_looking }
    }

    /// How often an op's effect is looked at, and how long it may take to show. Permissions are read where they were written; only the
    /// write itself may still be running: Samba takes 12 to 20 s to hand an entry down to 10,000 users, measured under load.
    pub(super) fn window_of(&self, step: &str, request: &Write) -> (Duration, Duration) {
        match request {
            Write::Graph(_) | Write::Machine { .. } | Write::Trip { .. } | Write::Script { .. } => self.window(step),
            Write::Permissions { .. } | Write::Object { .. } => (Duration::from_secs(1), Duration::from_secs(30)),
        }
    }

    /// What stands behind an undo. While a change may not show yet, its absence says nothing: it is looked at until its window ends.
    async fn standing(&self, systems: &Arc<dyn Systems>, step: &str, op: &PlannedOp) -> Result<guard::Standing, Refusal> {
        let (every, within) = self.window_of(step, &op.request);
        let done_at = self.with_known(|known| {
            if let Some(consent) = known.ledger.consents.iter().find(|consent| Some(consent.n) == op.undo_of) {
                return Some(consent.at);
            }
            let entry = known.ledger.open.iter().find(|entry| Some(entry.n) == op.undo_of)?;
            known.ledger.changes.get(step).filter(|change| !change.settled).map(|_| entry.at)
        });
        loop {
            let standing = guard::before_undo(systems.as_ref(), &op.request).await?;
            if standing == guard::Standing::There || done_at.is_none_or(|at| self.now().duration_since(at).unsigned_abs() >= within) {
                return Ok(standing);
            }
            tokio::time::sleep(every).await;
        }
    }

    /// How often a step's change is looked at, and how long it may take to show.
    pub(super) fn window(&self, step: &str) -> (Duration, Duration) {
        let settle = self.guide().steps.get(step).and_then(|step| step.checks.get(step.apply.as_ref()?.settle.as_ref()?)?.settle);
        settle.map_or((EVERY, WINDOW), |settle| (settle.every, settle.within))
    }

    /// Whether reads agree within the window that it is gone: a replica that does not know it yet answers 404 to a DELETE as well, and
    /// taking that for gone would leave a privilege behind.
    async fn is_gone(&self, systems: &Arc<dyn Systems>, step: &str, op: &PlannedOp) -> Result<bool, Refusal> {
        let (every, within) = self.window(step);
        let asked = tokio::time::Instant::now();
        while self.standing(systems, step, op).await? == guard::Standing::There {
            if asked.elapsed() >= within {
                return Ok(false);
            }
            tokio::time::sleep(every).await;
        }
        Ok(true)
    }

    async fn refused(&self, systems: &Arc<dyn Systems>, plan: &Plan, op: &PlannedOp, n: u64, error: &LookError) -> Result<(), Refusal> {
        if let Some(of) = op.undo_of.filter(|_| error.status == Some(404))
            && self.is_gone(systems, &plan.step, op).await?
        {
            return self.end(&plan.step, Event::Undone { intended: n, of, status: Some(404), note: Some("it was gone already".into()) });
        }
        self.end(&plan.step, Event::Failed { intended: n, why: error.what.clone(), status: error.status, captured: Map::new() })?;
        Err(Refusal::Not(Problem { hint: error.hint.clone(), ..Problem::new(error.what.clone()) }))
    }

    async fn doubtful(&self, plan: &Plan, op: &PlannedOp, n: u64, error: &LookError) -> Result<(), Refusal> {
        let Some(doubt) = self.ledger().in_doubt.into_iter().find(|doubt| doubt.n == n) else { return Ok(()) };
        self.settle_doubt(&doubt).await?;
        let failed = self.with_known(|known| {
            let open = known.ledger.open.iter().any(|entry| entry.op == op.op && entry.step == plan.step);
            !open && !known.ledger.consents.iter().any(|consent| Some(consent.n) == op.undo_of)
        });
        match (op.undo_of.is_some(), failed) {
            (false, false) | (true, true) => Ok(()),
            (false, true) | (true, false) => Err(Refusal::Not(Problem { hint: error.hint.clone(), ..Problem::new(error.what.clone()) })),
        }
    }

    pub(super) fn end(&self, step: &str, event: Event) -> Result<(), Refusal> {
        self.record(Some(step), event).map(|_| ()).map_err(Refusal::Not)
    }

    /// Waits until more of a step's changes can be planned, or nothing is on its way any more for which they could wait.
    pub async fn wait_for_next(&self, step: &str) {
        loop {
            match self.plan(step, Direction::Apply).await {
                Ok(plan) if plan.ops.is_empty() && !plan.later.is_empty() => {}
                Ok(_) | Err(_) => return,
            }
            let checks = self.checked(step);
            if !checks.iter().any(|check| check.judgement.verdict == Some(Verdict::Pending)) {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Waits until a step's change has shown, or its window has passed; the verdict then.
    pub async fn wait_settled(&self, step: &str) -> Option<Verdict> {
        let check = self.guide().steps.get(step)?.apply.as_ref()?.settle.clone()?;
        let every = self.guide().steps.get(step)?.checks.get(&check)?.settle.map_or(Duration::from_secs(5), |settle| settle.every);
        let mut blind = 0;
        loop {
            self.survey(&[step.to_owned()]).await;
            let verdict = self.with_known(|known| crate::engine::check::judge(known, step, &check).verdict);
            // One look that failed says nothing about a change that was just made; three in a row are an answer.
            blind = match verdict {
                Some(Verdict::Pending) => 0,
                Some(Verdict::Unknown | Verdict::Blocked) if blind + 1 < READS => blind + 1,
                Some(Verdict::Unknown | Verdict::Blocked | Verdict::Pass | Verdict::Fail | Verdict::NotApplicable | Verdict::Waived)
                | None => {
                    return verdict;
                }
            };
            tokio::time::sleep(every).await;
        }
    }

    pub(super) fn op(&self, doubt: &InDoubt) -> Option<Op> {
        let apply = self.guide().steps.get(&doubt.step)?.apply.clone()?;
        apply.ops.into_iter().find(|op| op.id == doubt.op)
    }
}

/// What is kept of a reply, or of the item that looking found.
fn keep(known: &Known<'_>, step: &str, op: &str, body: &Value, sent: &Write) -> Kept {
    let added = match sent {
        Write::Permissions { permissions } => Some(permissions),
        Write::Graph(_) | Write::Machine { .. } | Write::Script { .. } | Write::Object { .. } | Write::Trip { .. } => None,
    };
    // What was added is known without the guide: taking it back needs nothing else.
    let undo = added.map(|entries: &Entries| Write::Permissions { permissions: entries.taken_back() });
    let nothing =
        Kept { captured: Map::new(), no_undo: undo.is_none().then(|| "the guide does not name this op any more".into()), undo, with: None };
    let Some(op) = known.guide.steps.get(step).and_then(|step| step.apply.as_ref()?.ops.iter().find(|known| known.id == op)) else {
        return nothing;
    };
    let captured: Map<_, _> = op.capture.iter().filter_map(|(name, pointer)| Some((name.clone(), pointer.find(body)?.clone()))).collect();
    let back = match sent {
        Write::Object { ldap } => object::taken_back(&op.undo, ldap, body),
        Write::Graph(_) | Write::Permissions { .. } | Write::Machine { .. } | Write::Script { .. } | Write::Trip { .. } => None,
    };
    let (undo, no_undo) = match &op.undo {
        Undo::None(reason) => (None, Some(reason.clone())),
        Undo::With(op) => (None, Some(format!("it goes with what `{op}` made"))),
        Undo::Delete | Undo::Restore => match back {
            Some(ldap) => (Some(Write::Object { ldap }), None),
            None => (None, Some("the reply did not hold what taking it back needs".into())),
        },
        Undo::Revoke => (added.map(|entries| Write::Permissions { permissions: entries.taken_back() }), None),
        Undo::Script(undo) => match scripts::call(undo) {
            Some(script) => (Some(Write::Script { script }), None),
            None => (None, Some(format!("the program has no script `{}` any more", undo.run))),
        },
        Undo::Graph(undo) => match probe::write(undo, &known.scope(step).with_captured(captured.clone())) {
            Ok(write) => (Some(Write::Graph(write)), None),
            Err(error) => (None, Some(format!("the reply did not hold what taking it back needs: {error}"))),
        },
    };
    let with = match &op.undo {
        Undo::With(other) => Some(other.clone()),
        Undo::Graph(_) | Undo::Revoke | Undo::Delete | Undo::Restore | Undo::Script(_) | Undo::None(_) => None,
    };
    Kept { captured, undo, no_undo, with }
}

/// The item by which an op's check was found to pass.
pub(super) fn found_item(known: &Known<'_>, step: &str, check: &str) -> Option<Value> {
    let (_, definition) = known.check(step, check)?;
    let facts = known.look(step, &definition.probe)?.outcome.as_ref().ok()?;
    matcher::matched(&definition.expect, &facts.body, &known.scope(step), facts.now).cloned()
}
