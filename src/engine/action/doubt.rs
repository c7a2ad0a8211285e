//! Doubt: an op was intended and nobody saw its end. Settled by looking, by sending it again, or by the person.

use super::{
    Confirmed, Refusal,
    carry::{EVERY, WINDOW, found_item},
    guard::{self, Standing},
    object,
};
use crate::base::Problem;
use crate::engine::{
    core::Engine,
    journal::Event,
    ledger::InDoubt,
    matcher::{self, Outcome},
    object::ObjectCall,
    permissions,
    probe::{Entries, SendError, TripCall, Write},
    proof,
};
use crate::guide::step::{Doubt, Op, TripBy};
use crate::lab::connect::person_needed;
use serde_json::{Map, Value};

/// Reads in a row that must agree (terraform's azuread provider waits for three as well).
pub(super) const READS: u32 = 3;

/// What one look says of the op's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Present,
    Absent,
    /// Could not look.
    Nothing,
}

impl Engine {
    /// Settles every op in doubt whose rule needs no person.
    ///
    /// # Errors
    /// A system could not be read long enough to tell, or only the person can tell.
    pub async fn settle_doubts(&self) -> Result<usize, Refusal> {
        let doubts = self.ledger().in_doubt;
        for doubt in &doubts {
            self.settle_doubt(doubt).await?;
        }
        Ok(doubts.len())
    }

    pub(super) async fn settle_doubt(&self, doubt: &InDoubt) -> Result<(), Refusal> {
        if self.ledger().consents.iter().any(|consent| Some(consent.n) == doubt.undo_of) {
            return self.settle_grant(doubt).await;
        }
        let Some(op) = self.op(doubt) else { return Err(only_the_person(doubt)) };
        if let Write::Trip { trip } = &doubt.request {
            return match op.doubt {
                Doubt::Look => self.settle_trip(doubt, trip).await,
                Doubt::Repeat | Doubt::Ask => Err(only_the_person(doubt)),
            };
        }
        let looks_itself = matches!(doubt.request, Write::Permissions { .. } | Write::Object { .. });
        match (op.doubt, op.unless.clone().or_else(|| looks_itself.then(String::new))) {
            (Doubt::Look, Some(check)) => self.settle_by_looking(doubt, &check).await,
            (Doubt::Repeat, _) => self.settle_by_repeating(doubt, &op).await,
            (Doubt::Ask, _) | (Doubt::Look, None) => Err(only_the_person(doubt)),
        }
    }

    /// The person says whether an op in doubt happened.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn settle_by_person(&self, doubt: &InDoubt, happened: bool) -> Result<(), Refusal> {
        self.end(
            &doubt.step,
            if happened { self.happened(doubt, &Value::Null) } else { not_happened(doubt, "the person said that it did not happen") },
        )
    }

    async fn settle_by_looking(&self, doubt: &InDoubt, check: &str) -> Result<(), Refusal> {
        let (every, within) = match &doubt.request {
            Write::Graph(_) | Write::Machine { .. } | Write::Trip { .. } | Write::Script { .. } => {
                let settle = self.guide().steps.get(&doubt.step).and_then(|step| step.checks.get(check)?.settle);
                settle.map_or((EVERY, WINDOW), |settle| (settle.every, settle.within))
            }
            Write::Permissions { .. } | Write::Object { .. } => self.window_of(&doubt.step, &doubt.request),
        };
        let wanted = if doubt.undo_of.is_some() { Seen::Absent } else { Seen::Present };
        let (mut streak, mut blind) = (0, 0);
        loop {
            let seen = self.see(doubt, check).await;
            streak = if seen == wanted { streak + 1 } else { 0 };
            // One look that fails at the end of the window is not the end of the matter.
            blind = if seen == Seen::Nothing { blind + 1 } else { 0 };
            if streak >= READS && self.absence_counts(doubt, within) {
                let item = match &doubt.request {
                    Write::Object { ldap } => self.see_object(ldap).await.ok().flatten(),
                    Write::Graph(_) | Write::Permissions { .. } | Write::Machine { .. } | Write::Script { .. } | Write::Trip { .. } => {
                        self.with_known(|known| found_item(known, &doubt.step, check))
                    }
                };
                let item = item.unwrap_or_default();
                return self.end(&doubt.step, self.happened(doubt, &item));
            }
            let over = self.now().duration_since(doubt.at).unsigned_abs() >= within;
            match seen {
                Seen::Nothing if over && blind >= READS => return Err(still_in_doubt(doubt)),
                Seen::Present | Seen::Absent if over && seen != wanted => {
                    let why = format!("nobody saw an answer, and its effect did not show within {}", matcher::span(within));
                    return self.end(&doubt.step, not_happened(doubt, &why));
                }
                Seen::Present | Seen::Absent | Seen::Nothing => tokio::time::sleep(every).await,
            }
        }
    }

    /// A reset that nobody saw the end of: the domain tells whether it arrived. It is not sent again, and proves nothing any more.
    async fn settle_trip(&self, doubt: &InDoubt, call: &TripCall) -> Result<(), Refusal> {
        if call.by == TripBy::Person {
            return self.end(&doubt.step, not_happened(doubt, "nobody watched to the end"));
        }
        let Some(systems) = self.systems() else { return Err(still_in_doubt(doubt)) };
        let mut same = 0;
        loop {
            let set = match systems.look(&proof::look::user(&call.dn)).await {
                Ok(answer) => proof::look::value(&answer.body, "pwdLastSet").map(str::to_owned),
                Err(_) => None,
            };
            let (Some(before), Some(set)) = (&call.before, set) else { return Err(only_the_person(doubt)) };
            if set != *before {
                return self.end(&doubt.step, self.happened(doubt, &Value::Null));
            }
            same += 1;
            let over = self.now().duration_since(doubt.at).unsigned_abs() >= proof::travel::PATIENCE;
            // 0 before and 0 after say nothing (facts/domain.md 2.8): an administrator's reset leaves it so.
            if over && before == "0" {
                return Err(only_the_person(doubt));
            }
            if over && same >= READS {
                return self.end(&doubt.step, not_happened(doubt, "nobody saw an answer, and the domain has the old password"));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// No op of a guide: whether the grant still holds what was to be taken out of it is looked at.
    async fn settle_grant(&self, doubt: &InDoubt) -> Result<(), Refusal> {
        let Some(systems) = self.systems() else { return Err(still_in_doubt(doubt)) };
        let mut streak = 0;
        loop {
            let standing = guard::before_undo(systems.as_ref(), &doubt.request).await;
            streak = if standing == Ok(Standing::Gone) { streak + 1 } else { 0 };
            if streak >= READS {
                return self.end(&doubt.step, self.happened(doubt, &Value::Null));
            }
            if self.now().duration_since(doubt.at).unsigned_abs() >= WINDOW && streak == 0 {
                standing?;
                let why = format!("nobody saw an answer, and the grant was still there after {}", matcher::span(WINDOW));
                return self.end(&doubt.step, not_happened(doubt, &why));
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The absence of what was done a moment ago may only mean that it does not show yet: until it has shown once, or its window is
    /// over, "gone" would leave a privilege behind.
    fn absence_counts(&self, doubt: &InDoubt, within: std::time::Duration) -> bool {
        let ledger = self.ledger();
        let Some(entry) = ledger.open.iter().find(|entry| Some(entry.n) == doubt.undo_of) else { return true };
        let shown = ledger.changes.get(&doubt.step).is_none_or(|change| change.settled);
        shown || self.now().duration_since(entry.at).unsigned_abs() >= within
    }

    async fn see(&self, doubt: &InDoubt, check: &str) -> Seen {
        match &doubt.request {
            Write::Graph(_) | Write::Machine { .. } | Write::Trip { .. } | Write::Script { .. } => self.see_check(&doubt.step, check).await,
            Write::Permissions { permissions } => self.see_entries(permissions).await,
            Write::Object { ldap } => match self.see_object(ldap).await {
                Ok(Some(_)) => Seen::Present,
                Ok(None) => Seen::Absent,
                Err(()) => Seen::Nothing,
            },
        }
    }

    /// The object itself, as the change would have left it.
    async fn see_object(&self, call: &ObjectCall) -> Result<Option<Value>, ()> {
        let Some(systems) = self.systems() else { return Err(()) };
        object::shows(systems.as_ref(), call).await
    }

    /// The entries themselves: whichever option of the step is walked by now, and whatever its check says.
    async fn see_entries(&self, entries: &Entries) -> Seen {
        let Some(systems) = self.systems() else { return Seen::Nothing };
        let Ok(answer) = systems.look(&entries.look()).await else { return Seen::Nothing };
        // All came with one write or none did; when they were removed, none must be left.
        let (of, enough) = if entries.add.is_empty() { (&entries.remove, 1) } else { (&entries.add, entries.add.len()) };
        match permissions::there(&answer.body, of) {
            Ok(there) if there >= enough => Seen::Present,
            Ok(_) => Seen::Absent,
            Err(_) => Seen::Nothing,
        }
    }

    async fn see_check(&self, step: &str, check: &str) -> Seen {
        self.survey(&[step.to_owned()]).await;
        self.with_known(|known| {
            let Some((_, definition)) = known.check(step, check) else { return Seen::Nothing };
            let Some(Ok(facts)) = known.look(step, &definition.probe).map(|look| &look.outcome) else { return Seen::Nothing };
            match matcher::judge(&definition.expect, &facts.body, &known.scope(step), facts.now).outcome {
                Outcome::Holds => Seen::Present,
                Outcome::Fails => Seen::Absent,
                Outcome::Unresolved(_) => Seen::Nothing,
            }
        })
    }

    /// The plan was confirmed before the crash, and the rule of the op says that twice is harmless.
    async fn settle_by_repeating(&self, doubt: &InDoubt, _op: &Op) -> Result<(), Refusal> {
        let Some(systems) = self.systems() else { return Err(still_in_doubt(doubt)) };
        if systems.app_only() {
            return Err(Refusal::Not(person_needed()));
        }
        // Another text under the same name is not what the person confirmed.
        if let Write::Script { script } = &doubt.request
            && !script.is_known()
        {
            return Err(only_the_person(doubt));
        }
        let permit = Confirmed { plan: format!("repeated from line {}", doubt.n) };
        let request: &Write = &doubt.request;
        match systems.send(request, &permit).await {
            Ok(answer) => self.end(&doubt.step, self.happened(doubt, &answer.body)),
            Err(SendError::Refused(error)) => self.end(&doubt.step, not_happened(doubt, &error.what)),
            Err(SendError::InDoubt(_)) => Err(still_in_doubt(doubt)),
        }
    }

    fn happened(&self, doubt: &InDoubt, effect: &Value) -> Event {
        match doubt.undo_of {
            Some(of) => {
                Event::Undone { intended: doubt.n, of, status: None, note: Some("nobody saw the answer; looking showed it".into()) }
            }
            None => self.done(&doubt.step, &doubt.op, doubt.n, effect, &doubt.request, None, None, true),
        }
    }
}

fn not_happened(doubt: &InDoubt, why: &str) -> Event {
    Event::Failed { intended: doubt.n, why: why.to_owned(), status: None, captured: Map::new() }
}

fn still_in_doubt(doubt: &InDoubt) -> Refusal {
    Refusal::Unknown(
        Problem::unknown(format!("whether `{}` happened is still in doubt: the system could not be read", doubt.request.line()))
            .hint("it is looked at again at the next start"),
    )
}

fn only_the_person(doubt: &InDoubt) -> Refusal {
    Refusal::Not(
        Problem::new(format!("whether `{}` happened can only be told by a person", doubt.request.line()))
            .hint("look in the portal, then answer in the walk"),
    )
}
