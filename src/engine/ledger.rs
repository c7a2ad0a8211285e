//! What the journal adds up to: open changes, ops in doubt, attestations, waivers, what each step last went through. Pure.

use super::{
    check::Verdict,
    journal::{Event, Line},
    known::Known,
    probe::{TripCall, Write},
    proof::{CAPTURED, HopName, Trip},
};
use crate::guide::{prose::plain_text, step::TripBy};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An op of ours that is not taken back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// The journal's `done` line.
    pub n: u64,
    /// When it was done.
    pub at: Timestamp,
    /// The guide.
    pub guide: String,
    /// The step.
    pub step: String,
    /// The op.
    pub op: String,
    /// What was sent.
    pub request: Write,
    /// What was there before.
    pub before: String,
    /// How it is taken back.
    pub undo: Option<Write>,
    /// Why it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_undo: Option<String>,
    /// The op with whose thing it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// What was kept of the reply.
    pub captured: Map<String, Value>,
}

impl Entry {
    /// The name of the task by which a person says that it is closed: no task of a guide has a `/` in its name.
    #[must_use]
    pub fn task(&self) -> String {
        format!("{LEDGER}{}", self.n)
    }
}

/// How the task begins by which a person closes an entry.
pub const LEDGER: &str = "ledger/";

/// A consent of ours that is not taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Consent {
    /// The journal's `consented` line.
    pub n: u64,
    /// When it was seen.
    pub at: Timestamp,
    /// The guide.
    pub guide: String,
    /// The application that may do more now.
    pub app: String,
    /// Who signed in.
    pub by: String,
    /// What was added, by short name.
    pub scopes: Vec<String>,
    /// The grant's id, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Nobody could look at what was there before: it may not be ours, and only a person may take it back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
    /// A sign-in asked for it, and nobody has seen yet whether it was given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

impl Consent {
    /// The name of the task by which a person says that it is taken back: no task of a guide has a `/` in its name.
    #[must_use]
    pub fn task(&self) -> String {
        format!("consent/{}", self.n)
    }

    /// What it is, as one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = super::consent::quoted(&self.scopes);
        if self.asked {
            return format!(
                "consent to {what} was asked for, for the application `{}`, and nobody has seen whether it was given",
                self.app
            );
        }
        let may = if self.unproven { "; whether it was there before could not be read" } else { "" };
        format!("consent to {what} for the application `{}`, given by {}{may}", self.app, self.by)
    }

    /// Where a person takes it back. The admin center ends what was given for everybody; what one account gave for itself it only shows
    /// (learn: manage-application-permissions), and My Apps ends all that this account gave the application.
    #[must_use]
    pub fn by_hand(&self) -> String {
        format!(
            "Microsoft Entra admin center > Enterprise applications > the application with the id `{}` > Permissions: if {} stands under              Admin consent, revoke it there; if it stands under User consent, take it out of that grant with Graph PowerShell              (`Update-MgOauth2PermissionGrant`), because the page has no button for it{}",
            self.app,
            super::consent::quoted(&self.scopes),
            if self.unproven { "; leave what was there before" } else { "" }
        )
    }
}

/// An op whose end is not in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct InDoubt {
    /// The journal's `intended` line.
    pub n: u64,
    /// When it was intended.
    pub at: Timestamp,
    /// The guide.
    pub guide: String,
    /// The step.
    pub step: String,
    /// The op.
    pub op: String,
    /// What was sent.
    pub request: Write,
    /// What was there before.
    pub before: String,
    /// The `done` line that it takes back; `None` for an apply.
    pub undo_of: Option<u64>,
}

/// The newest change of a step, for pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: ChangeKind,
    /// It has shown.
    pub settled: bool,
}

/// What the newest change of a step was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// We did it.
    Done,
    /// A person said so.
    Attested,
    /// We took it back.
    Undone,
}

/// A person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A check set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Timestamp,
    /// Who.
    pub by: String,
}

/// A reset that was about to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The journal's `intended` line.
    n: u64,
    /// When.
    pub at: Timestamp,
    /// The one before it.
    before: Option<Timestamp>,
}

/// Whether Graph took the reset of a trip, as far as anybody knows.
fn was_sent(captured: &Map<String, Value>) -> bool {
    let trip = captured.get(CAPTURED).and_then(|trip| serde_json::from_value::<Trip>(trip.clone()).ok());
    trip.is_some_and(|trip| trip.hops.iter().any(|hop| hop.name == HopName::Asked && hop.verdict == Verdict::Pass))
}

/// A round trip that came to its end, wherever that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Travelled {
    /// When it was written down, by this machine's clock.
    pub at: Timestamp,
    /// What was seen of it.
    pub trip: Trip,
}

/// What the journal says of one guide.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Open changes, oldest first.
    pub open: Vec<Entry>,
    /// Changes that a person says to be closed, in no order: taken back by hand, or left on purpose.
    pub closed: Vec<Entry>,
    /// Consents that were given through our sign-in and not taken back by us, oldest first; with those that a person says to have removed.
    pub consents: Vec<Consent>,
    /// Ops in doubt, oldest first.
    pub in_doubt: Vec<InDoubt>,
    /// By step.
    pub changes: BTreeMap<String, Change>,
    /// By step and task.
    pub attested: BTreeMap<(String, String), Attestation>,
    /// By step and check.
    pub waived: BTreeMap<(String, String), Waiver>,
    /// The verdict last recorded, by step and check.
    pub verdicts: BTreeMap<(String, String), Verdict>,
    /// Checks that passed since their step was last taken back.
    pub passed: BTreeSet<(String, String)>,
    /// The option with which a step was changed last, by step.
    pub options: BTreeMap<String, String>,
    /// The newest round trip by whose hand it was, arrived or not.
    pub trips: BTreeMap<TripBy, Travelled>,
    /// When the password of a user was last about to be reset, by object id.
    pub resets: BTreeMap<String, Reset>,
}

/// What [`crate::guide::step::Probe::Ledger`] promises: what is open, without the changes of `step` itself.
#[must_use]
pub fn facts(known: &Known<'_>, step: &str) -> Value {
    let change = |entry: &Entry| {
        let words = known.guide.prose.get(&entry.step).and_then(|prose| prose.changes.get(&entry.op));
        let title = words.map_or_else(|| entry.op.clone(), |spans| plain_text(spans));
        json!({"step": entry.step, "op": entry.op, "title": title, "at": entry.at, "undo": entry.undo.is_some()})
    };
    // A consent is nobody's line but the tenant's; what may be older than we are is not ours to name.
    let consents = known.ledger.open_consents().filter(|consent| !consent.unproven && !consent.asked);
    let last = known.guide.steps.keys().last();
    let consent = |one: &Consent| json!({"step": last, "op": one.task(), "title": one.sentence(), "at": one.at, "undo": true});
    let changes = known.ledger.open.iter().filter(|entry| entry.step != step).map(change);
    json!({"value": changes.chain(consents.map(consent)).collect::<Vec<_>>()})
}

impl Ledger {
    /// Adds up the lines that concern `guide`; other guides share the lab's journal.
    #[must_use]
    pub fn of(lines: &[Line], guide: &str) -> Self {
        let mut ledger = Self::default();
        for line in lines.iter().filter(|line| line.guide == guide) {
            ledger.take(line);
        }
        ledger
    }

    /// Adds one more line of the same guide.
    pub fn take(&mut self, line: &Line) {
        let step = line.step.clone().unwrap_or_default();
        let at = line.at;
        match &line.event {
            Event::Started { .. } | Event::Repaired { .. } => {}
            Event::Looked { check, verdict, .. } => self.looked((step, check.clone()), *verdict),
            Event::Attested { task, by, withdrawn } => self.attest(step, task, by, at, *withdrawn),
            Event::Intended { op, request, before, undo_of, option, .. } => {
                if let Some(option) = option {
                    self.options.insert(step.clone(), option.clone());
                }
                if let Write::Trip { trip: TripCall { by: TripBy::Administrator, user, .. } } = request {
                    let before = self.resets.get(user).map(|reset| reset.at);
                    self.resets.insert(user.clone(), Reset { n: line.n, at, before });
                }
                self.in_doubt.push(InDoubt {
                    n: line.n,
                    at,
                    guide: line.guide.clone(),
                    step,
                    op: op.clone(),
                    request: request.clone(),
                    before: before.clone(),
                    undo_of: *undo_of,
                });
            }
            Event::Done { intended, captured, undo, no_undo, with, .. } => {
                self.travelled(at, captured);
                if let Some(doubt) = self.end(*intended) {
                    self.changes.insert(step.clone(), Change { at, kind: ChangeKind::Done, settled: false });
                    // What the person did by their own hand is no change of ours.
                    if let Write::Trip { trip } = &doubt.request {
                        self.open.retain(|entry| entry.request != doubt.request);
                        if trip.by == TripBy::Person {
                            return;
                        }
                    }
                    let undo = undo.clone();
                    // Done again after somebody else had taken it away: what takes this back takes that back as well.
                    self.open.retain(|entry| undo.is_none() || (&entry.step, &entry.undo) != (&step, &undo));
                    self.open.push(Entry {
                        n: line.n,
                        at,
                        guide: doubt.guide,
                        step,
                        op: doubt.op,
                        request: doubt.request,
                        before: doubt.before,
                        undo,
                        no_undo: no_undo.clone(),
                        with: with.clone(),
                        captured: captured.clone(),
                    });
                }
            }
            Event::Failed { intended, captured, .. } => {
                self.travelled(at, captured);
                if self.end(*intended).is_some_and(|doubt| matches!(doubt.request, Write::Trip { .. })) && !was_sent(captured) {
                    self.not_reset(*intended);
                }
            }
            Event::Settled { .. } => {
                if let Some(change) = self.changes.get_mut(&step) {
                    change.settled = true;
                }
            }
            Event::Undone { intended, of, .. } => {
                self.end(*intended);
                self.undone(*of);
                self.consents.retain(|consent| consent.n != *of);
                self.passed.retain(|(passed, _)| *passed != step);
                self.changes.insert(step, Change { at, kind: ChangeKind::Undone, settled: false });
            }
            Event::Consented { app, by, scopes, grant, unproven, asked } => {
                self.consents.retain(|known| !known.asked || known.app != *app);
                self.consents.extend((!scopes.is_empty()).then(|| Consent {
                    n: line.n,
                    at,
                    guide: line.guide.clone(),
                    app: app.clone(),
                    by: by.clone(),
                    scopes: scopes.clone(),
                    grant: grant.clone(),
                    unproven: *unproven,
                    asked: *asked,
                }));
            }
            Event::Waived { check, reason, until, by } => {
                self.waived.insert((step, check.clone()), Waiver { reason: reason.clone(), until: *until, by: by.clone() });
            }
        }
    }

    /// Consents that nobody has taken back, by us or by hand, oldest first.
    pub fn open_consents(&self) -> impl DoubleEndedIterator<Item = &Consent> {
        self.consents.iter().filter(|consent| {
            let task = consent.task();
            !self.attested.keys().any(|(_, attested)| *attested == task)
        })
    }

    /// Everything of ours that is open: changes and consents.
    #[must_use]
    pub fn count_open(&self) -> usize {
        // What may be older than we are is not counted: nobody knows that it is ours.
        self.open.len() + self.open_consents().filter(|consent| !consent.unproven && !consent.asked).count()
    }

    /// A change was taken back, and what goes with it.
    fn undone(&mut self, of: u64) {
        let gone = self.open.iter().find(|entry| entry.n == of).map(|entry| (entry.step.clone(), entry.op.clone()));
        self.open.retain(|entry| {
            let with = gone.as_ref().is_some_and(|(step, op)| entry.step == *step && entry.with.as_ref() == Some(op));
            entry.n != of && !with
        });
    }

    /// A person closes an entry by saying so, or opens it again; whether the word was about one.
    fn close(&mut self, task: &str, withdrawn: bool) -> bool {
        let Some(n) = task.strip_prefix(LEDGER).and_then(|n| n.parse::<u64>().ok()) else { return false };
        let (from, to) = if withdrawn { (&mut self.closed, &mut self.open) } else { (&mut self.open, &mut self.closed) };
        if let Some(at) = from.iter().position(|entry| entry.n == n) {
            let entry = from.remove(at);
            to.push(entry);
            to.sort_by_key(|entry| entry.n);
        }
        true
    }

    fn looked(&mut self, key: (String, String), verdict: Verdict) {
        if verdict == Verdict::Pass {
            self.passed.insert(key.clone());
        }
        self.verdicts.insert(key, verdict);
    }

    fn attest(&mut self, step: String, task: &str, by: &str, at: Timestamp, withdrawn: bool) {
        let key = (step.clone(), task.to_owned());
        let closes = self.close(task, withdrawn);
        if withdrawn {
            self.attested.remove(&key);
            return;
        }
        self.attested.insert(key, Attestation { by: by.to_owned(), at });
        if closes {
            return;
        }
        // What we did ourselves a moment ago is still becoming visible: a person's word does not end that.
        let ours = self.changes.get(&step).is_some_and(|change| change.kind != ChangeKind::Attested && !change.settled);
        if !ours {
            self.changes.insert(step, Change { at, kind: ChangeKind::Attested, settled: false });
        }
    }

    /// Keeps the newest trip. What a newer Guidepost wrote and this one cannot read is none.
    fn travelled(&mut self, at: Timestamp, captured: &Map<String, Value>) {
        if let Some(trip) = captured.get(CAPTURED).and_then(|trip| serde_json::from_value::<Trip>(trip.clone()).ok()) {
            self.trips.insert(trip.by, Travelled { at, trip });
        }
    }

    /// A reset that was never sent, or that Graph refused, is no try.
    fn not_reset(&mut self, n: u64) {
        let Some((user, before)) = self.resets.iter().find(|(_, reset)| reset.n == n).map(|(user, reset)| (user.clone(), reset.before))
        else {
            return;
        };
        match before {
            Some(at) => drop(self.resets.insert(user, Reset { n: 0, at, before: None })),
            None => drop(self.resets.remove(&user)),
        }
    }

    fn end(&mut self, intended: u64) -> Option<InDoubt> {
        let index = self.in_doubt.iter().position(|doubt| doubt.n == intended)?;
        Some(self.in_doubt.remove(index))
    }
}
