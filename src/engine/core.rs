//! The engine itself: what is known behind one lock, the systems, and a sign when something changed. Every face uses this one.

use super::{
    check::{self, Judgement, Verdict},
    journal::{Event, Journal},
    known::{Facts, Known, Look, Streak, probes_of},
    ledger::{self, Change, ChangeKind, Ledger},
    matcher::{self, Outcome},
    probe::{Cost, LookError, Request, Systems},
    proof::{self, live::Travelling},
    schedule::System,
};
use crate::base::{Problem, clock::Clock};
use crate::guide::{
    Guide,
    step::{Settle, TripBy},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// The lab as the engine names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabName {
    /// Its name.
    pub name: String,
    /// `practice`, `test`, …: the banner's word.
    pub environment: String,
}

/// One guide in one lab. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    guide: Arc<Guide>,
    lab: LabName,
    variables: BTreeMap<String, String>,
    clock: Arc<dyn Clock>,
    systems: RwLock<Option<Arc<dyn Systems>>>,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// By system.
    flying: [Semaphore; System::ALL.len()],
}

pub(super) struct State {
    pub(super) looks: HashMap<Request, Look>,
    pub(super) streaks: BTreeMap<(String, String), Streak>,
    pub(super) journal: Journal,
    pub(super) ledger: Ledger,
    /// The round trip under way.
    pub(super) travelling: Option<Travelling>,
}

/// A check as `check --format json` and the faces report it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub judgement: Judgement,
    /// The look that it rests on.
    pub look: Option<Look>,
}

impl Engine {
    /// An engine that knows nothing yet and reaches no system.
    #[must_use]
    pub fn new(guide: Arc<Guide>, lab: LabName, variables: BTreeMap<String, String>, clock: Arc<dyn Clock>, journal: Journal) -> Self {
        let ledger = Ledger::of(journal.lines(), &guide.pack.id);
        let state = Mutex::new(State { looks: HashMap::new(), streaks: BTreeMap::new(), journal, ledger, travelling: None });
        let inner = Inner {
            variables: with_defaults(&guide, variables),
            guide,
            lab,
            clock,
            systems: RwLock::new(None),
            state,
            changed: watch::Sender::new(0),
            flying: System::ALL.map(|system| Semaphore::new(system.in_flight())),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Gives it the systems; from now on it can look.
    pub fn connect(&self, systems: Arc<dyn Systems>) {
        *self.inner.systems.write().unwrap_or_else(PoisonError::into_inner) = Some(systems);
        self.touch();
    }

    /// The systems, once connected.
    #[must_use]
    pub fn systems(&self) -> Option<Arc<dyn Systems>> {
        self.inner.systems.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The guide.
    #[must_use]
    pub fn guide(&self) -> &Arc<Guide> {
        &self.inner.guide
    }

    /// The lab.
    #[must_use]
    pub fn lab(&self) -> &LabName {
        &self.inner.lab
    }

    /// This machine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Moves on whenever something became known.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Says that something became known.
    pub(super) fn touch(&self) {
        self.inner.changed.send_modify(|version| *version += 1);
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The round trip under way.
    #[must_use]
    pub fn travelling(&self) -> Option<Travelling> {
        self.state().travelling.clone()
    }

    pub(super) fn set_travelling(&self, travelling: Option<Travelling>) {
        self.state().travelling = travelling;
        self.touch();
    }

    /// Calls `read` with everything that is known now; never awaits inside.
    pub fn with_known<T>(&self, read: impl FnOnce(&Known<'_>) -> T) -> T {
        let state = self.state();
        read(&self.known(&state))
    }

    fn known<'k>(&'k self, state: &'k State) -> Known<'k> {
        Known {
            guide: &self.inner.guide,
            variables: &self.inner.variables,
            looks: &state.looks,
            ledger: &state.ledger,
            streaks: &state.streaks,
            travelling: state.travelling.as_ref(),
            now: self.now(),
        }
    }

    /// Why nothing can be written; `None` when it can.
    #[must_use]
    pub fn read_only(&self) -> Option<String> {
        self.state().journal.read_only().map(str::to_owned)
    }

    /// What to do about a journal that cannot be written.
    #[must_use]
    pub fn read_only_hint(&self) -> String {
        self.state().journal.read_only_hint()
    }

    /// Where the journal's chain breaks; what stands behind that is not known.
    #[must_use]
    pub fn journal_damage(&self) -> Option<String> {
        self.state().journal.damage().map(str::to_owned)
    }

    /// What the journal says of this guide.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.state().ledger.clone()
    }

    /// Writes a line and takes it into the ledger.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub fn record(&self, step: Option<&str>, event: Event) -> Result<u64, Problem> {
        let mut state = self.state();
        let n = state.journal.append(step, event)?;
        let State { journal, ledger, streaks, .. } = &mut *state;
        if let Some(line) = journal.lines().last() {
            let before = step.and_then(|step| ledger.changes.get(step).copied());
            ledger.take(line);
            if let Some(step) = step
                && ledger.changes.get(step).copied().map(|change: Change| change.at) != before.map(|change| change.at)
            {
                // Looks from before the change say nothing about it.
                streaks.retain(|(streak, _), _| streak != step);
            }
        }
        self.look_at_ledger(&mut state);
        drop(state);
        self.touch();
        Ok(n)
    }

    /// Looks once; whether the outcome differs from the last look's.
    pub async fn look(&self, request: &Request) -> bool {
        if let Request::Trip(by) = request {
            return self.look_back(request, *by);
        }
        if let Request::Ledger { step } = request {
            let look = self.with_known(|known| Look::own(ledger::facts(known, step), known.now));
            return self.take_look(request, look);
        }
        let Some(systems) = self.systems() else { return false };
        let Ok(_permit) = self.inner.flying[System::of(request) as usize].acquire().await else { return false };
        let started = tokio::time::Instant::now();
        let answer = systems.look(request).await;
        let at = self.now();
        let outcome = answer.map(|answer| Facts { body: answer.body, now: answer.date.unwrap_or(at) });
        self.take_look(request, Look { outcome, at, took: started.elapsed() })
    }

    /// The newest round trip, from the journal. It is as old as the trip is: a proof ages like any look.
    fn look_back(&self, request: &Request, by: TripBy) -> bool {
        let travelled = self.state().ledger.trips.get(&by).cloned();
        let now = self.now();
        let facts = Facts { body: proof::facts(by, travelled.as_ref().map(|travelled| &travelled.trip)), now };
        self.take_look(request, Look { outcome: Ok(facts), at: travelled.map_or(now, |travelled| travelled.at), took: Duration::ZERO })
    }

    /// Looks at the ledger follow it at once: nobody needs to be asked.
    fn look_at_ledger(&self, state: &mut State) {
        let asked: Vec<_> = state.looks.keys().filter(|request| matches!(request, Request::Ledger { .. })).cloned().collect();
        for request in asked {
            let Request::Ledger { step } = &request else { continue };
            let look = {
                let known = self.known(state);
                Look::own(ledger::facts(&known, step), known.now)
            };
            state.looks.insert(request, look);
        }
    }

    fn take_look(&self, request: &Request, look: Look) -> bool {
        let mut state = self.state();
        let changed = state.looks.get(request).is_none_or(|last| !same(&last.outcome, &look.outcome));
        state.looks.insert(request.clone(), look);
        self.count(&mut state, request);
        self.settle(&mut state, request);
        self.record_verdicts(&mut state);
        drop(state);
        self.touch();
        changed
    }

    /// Counts looks in a row, for checks that wait for several.
    fn count(&self, state: &mut State, request: &Request) {
        let counted: Vec<_> = {
            let known = self.known(state);
            // A look that was asked before the step's last change says nothing about it.
            let asked = known.looks.get(request).map(|look| look.at.saturating_sub(look.took).unwrap_or(look.at));
            let in_time = |step: &str| known.ledger.changes.get(step).is_none_or(|change| asked.is_some_and(|asked| asked >= change.at));
            let raw = |step: &str, check: &str| if in_time(step) { raw_outcome(&known, step, check, request) } else { None };
            self.settling_checks().filter_map(|(step, check, _)| Some(((step.clone(), check.clone()), raw(&step, &check)?))).collect()
        };
        for (key, holds) in counted {
            let streak = state.streaks.entry(key).or_insert(Streak { holds, looks: 0 });
            *streak =
                if streak.holds == holds { Streak { holds, looks: streak.looks.saturating_add(1) } } else { Streak { holds, looks: 1 } };
        }
    }

    /// Records that a change has shown, so that every process stops waiting for it.
    fn settle(&self, state: &mut State, request: &Request) {
        for (step, check, settle) in self.settling_checks() {
            let key = (step.clone(), check.clone());
            let Some(change) = state.ledger.changes.get(&step).copied().filter(|change| !change.settled) else { continue };
            let Some(streak) = state.streaks.get(&key).copied() else { continue };
            let concerns = self
                .known(state)
                .check(&step, &check)
                .is_some_and(|(_, definition)| self.known(state).request(&step, &definition.probe).as_ref() == Ok(request));
            // Of several checks of an action, the one that it waits for tells that all of it has shown.
            let waited = self.inner.guide.steps.get(&step).and_then(|step| step.apply.as_ref()?.settle.as_ref());
            if change.kind != ChangeKind::Attested && waited.is_some_and(|waited| *waited != check) {
                continue;
            }
            let shown = match change.kind {
                ChangeKind::Done => streak.holds && streak.looks >= settle.hold,
                ChangeKind::Attested => streak.holds,
                ChangeKind::Undone => !streak.holds && streak.looks >= settle.hold,
            };
            if concerns && shown {
                let verdict = if streak.holds { Verdict::Pass } else { Verdict::Fail };
                append(state, &step, Event::Settled { check, verdict });
            }
        }
    }

    /// Writes a `looked` line for each verdict that differs from the last recorded one.
    fn record_verdicts(&self, state: &mut State) {
        if state.journal.read_only().is_some() {
            return;
        }
        let changed: Vec<_> = {
            let known = self.known(state);
            self.all_checks()
                .filter_map(|(step, check)| {
                    let judgement = check::judge(&known, &step, &check);
                    let verdict = judgement.verdict?;
                    let key = (step.clone(), check.clone());
                    (known.ledger.verdicts.get(&key) != Some(&verdict)).then_some((step, check, verdict, judgement.code))
                })
                .collect()
        };
        for (step, check, verdict, code) in changed {
            append(state, &step, Event::Looked { check, verdict, code });
        }
    }

    fn all_checks(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.inner.guide.steps.iter().flat_map(|(id, step)| step.checks.keys().map(move |check| (id.clone(), check.clone())))
    }

    fn settling_checks(&self) -> impl Iterator<Item = (String, String, Settle)> + '_ {
        self.inner.guide.steps.iter().flat_map(|(id, step)| {
            step.checks.iter().filter_map(move |(check, definition)| Some((id.clone(), check.clone(), definition.settle?)))
        })
    }

    /// The requests of these steps that can be written now.
    #[must_use]
    pub fn requests(&self, steps: &[String]) -> BTreeSet<Request> {
        self.requests_of(&self.probes(steps))
    }

    fn requests_of(&self, probes: &BTreeSet<(String, String)>) -> BTreeSet<Request> {
        self.with_known(|known| probes.iter().filter_map(|(step, probe)| known.request(step, probe).ok()).collect())
    }

    /// All probes of these steps, each with its step.
    fn probes(&self, steps: &[String]) -> BTreeSet<(String, String)> {
        let found = steps.iter().filter_map(|id| Some((id, self.inner.guide.steps.get(id)?)));
        found.flat_map(|(id, step)| step.probes.keys().map(move |probe| (id.clone(), probe.clone()))).collect()
    }

    /// All probes of a step, and of other steps only those that its checks need: a script of theirs may take 20 s.
    fn rests_on(&self, step: &str) -> BTreeSet<(String, String)> {
        let steps = &self.inner.guide.steps;
        let mut probes = self.probes(&[step.to_owned()]);
        let own = steps.get(step).into_iter().flat_map(|one| one.checks.keys());
        let mut open: Vec<(String, String)> = own.map(|check| (step.to_owned(), check.clone())).collect();
        let mut seen = BTreeSet::new();
        while let Some((id, check)) = open.pop() {
            let Some((one, definition)) = steps.get(&id).and_then(|one| Some((one, one.checks.get(&check)?))) else { continue };
            let needs = definition.needs.iter().map(|need| need.split_once('/').unwrap_or((&id, need)));
            let needs: Vec<_> = needs.map(|(step, check)| (step.to_owned(), check.to_owned())).collect();
            probes.extend(probes_of(one, &definition.probe).into_iter().map(|probe| (id.clone(), probe)));
            if seen.insert((id, check)) {
                open.extend(needs);
            }
        }
        probes
    }

    /// Looks at everything that these steps rest on, their own probes and of other steps what their checks need; each request once, until nothing
    /// new can be asked.
    pub async fn survey(&self, steps: &[String]) {
        self.survey_sparing(steps, None).await;
    }

    /// The same, but for scripts that were asked since then and answered.
    pub(super) async fn survey_sparing(&self, steps: &[String], since: Option<Timestamp>) {
        let probes = steps.iter().flat_map(|step| self.rests_on(step)).collect();
        let mut asked = BTreeSet::new();
        loop {
            let wanted = self.requests_of(&probes).into_iter();
            let round: Vec<_> = wanted.filter(|request| !asked.contains(request) && !self.spared(request, since)).collect();
            if round.is_empty() {
                return;
            }
            asked.extend(round.iter().cloned());
            let mut looks = JoinSet::new();
            for request in round {
                let engine = self.clone();
                looks.spawn(async move { engine.look(&request).await });
            }
            while looks.join_next().await.is_some() {}
        }
    }

    fn spared(&self, request: &Request, since: Option<Timestamp>) -> bool {
        let Some(since) = since.filter(|_| request.cost() == Cost::Script) else { return false };
        let look = self.state().looks.get(request).cloned();
        look.is_some_and(|look| look.outcome.is_ok() && look.at.saturating_sub(look.took).is_ok_and(|asked| asked >= since))
    }

    /// The steps that a step's checks need, itself last.
    #[must_use]
    pub fn with_needs(&self, step: &str) -> Vec<String> {
        let mut steps = vec![step.to_owned()];
        let mut next = 0;
        while let Some(id) = steps.get(next).cloned() {
            next += 1;
            let Some(definition) = self.inner.guide.steps.get(&id) else { continue };
            for need in definition.checks.values().flat_map(|check| &check.needs) {
                if let Some((other, _)) = need.split_once('/')
                    && !steps.iter().any(|known| known == other)
                {
                    steps.push(other.to_owned());
                }
            }
        }
        steps.reverse();
        steps
    }

    /// The checks of a step as they stand.
    #[must_use]
    pub fn checked(&self, step: &str) -> Vec<Checked> {
        self.with_known(|known| {
            let Some(definition) = known.guide.steps.get(step) else { return Vec::new() };
            let one = |id: &String| {
                let judgement = check::judge(known, step, id);
                let look = judgement.request.as_ref().and_then(|request| known.looks.get(request)).cloned();
                Checked { id: id.clone(), judgement, look }
            };
            definition.checks.keys().map(one).collect()
        })
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("guide", &self.inner.guide.pack.id).field("lab", &self.inner.lab).finish_non_exhaustive()
    }
}

fn with_defaults(guide: &Guide, mut variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (name, variable) in &guide.pack.variables {
        if let Some(default) = &variable.default {
            variables.entry(name.clone()).or_insert_with(|| default.clone());
        }
    }
    variables
}

/// A line that may be lost: a journal that cannot be written any more says so by itself.
fn append(state: &mut State, step: &str, event: Event) {
    if state.journal.append(Some(step), event).is_ok()
        && let Some(line) = state.journal.lines().last()
    {
        state.ledger.take(line);
    }
}

/// Equal but for times and request ids, which differ with every look.
fn same(a: &Result<Facts, LookError>, b: &Result<Facts, LookError>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a.body == b.body,
        (Err(a), Err(b)) => (a.status, &a.code) == (b.status, &b.code),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// Whether a check's statements hold on what `request` brought, windows and needs aside.
fn raw_outcome(known: &Known<'_>, step: &str, check: &str, request: &Request) -> Option<bool> {
    let (_, definition) = known.check(step, check)?;
    if known.request(step, &definition.probe).as_ref() != Ok(request) {
        return None;
    }
    let facts = known.looks.get(request)?.outcome.as_ref().ok()?;
    match matcher::judge(&definition.expect, &facts.body, &known.scope(step), facts.now).outcome {
        Outcome::Holds => Some(true),
        Outcome::Fails => Some(false),
        Outcome::Unresolved(_) => None,
    }
}
