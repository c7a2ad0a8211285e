//! The walk's loop: one task that owns the schedule, spawns looks and changes, and publishes a view after each of them.

mod mirror;
mod sign_in;

use super::{Command, Door, Handle, NotConnected, Pasted, SignedIn, View};
use crate::base::Problem;
use crate::engine::{
    action::{Carried, Direction, How, Plan, Refusal},
    consent::WriteAsk,
    core::Engine,
    known::Known,
    ledger::InDoubt,
    matcher::span,
    page::{
        Connection, Notice, Overlay, PlanLine, PlanPane,
        build::{self, Rhythm, Surroundings},
        mirror::{Operation, Window},
    },
    probe::{Request, Systems},
    schedule::{Nearness, Schedule, Settling, System},
};
use crate::guide::prose::Span;
use jiff::Timestamp;
use sign_in::{SigningIn, shown};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Commands that may wait: a person types slower than the loop takes them.
const COMMANDS: usize = 32;

/// How a walk begins.
pub struct Begin {
    /// The engine, its journal open.
    pub engine: Engine,
    /// The way into the lab.
    pub door: Arc<dyn Door>,
    /// The step to begin with; `None` for where the last walk stood, else the first.
    pub step: Option<String>,
    /// Options that were chosen, each `STEP=NAME`: kept with the place.
    pub options: Vec<String>,
    /// Where the step in view is kept between walks.
    pub position: Option<PathBuf>,
    /// Spreads looks so that forty laptops do not ask at once.
    pub jitter: fn(Duration) -> Duration,
}

/// Starts the walk; its first view is there at once, before anything is reached.
#[must_use]
pub fn start(begin: Begin) -> Handle {
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let kept = begin.position.as_deref().and_then(kept_place).and_then(|place| Some(place.lines().next()?.trim().to_owned()));
    let steps = &begin.engine.guide().steps;
    let step = begin.step.or(kept).filter(|step| steps.contains_key(step)).or_else(|| steps.keys().next().cloned());
    let step = step.unwrap_or_default();
    // A walk that only reads leaves the place to the one that writes.
    let position = begin.position.filter(|_| begin.engine.read_only().is_none());
    let position = position.map(|path| Position { path, options: begin.options });
    remember(position.as_ref(), &step);
    let mut walk = Walk {
        step,
        notice: begin.engine.read_only().map(|why| Notice { text: format!("nothing can be changed in this walk: {why}"), hint: None }),
        engine: begin.engine,
        door: begin.door,
        position,
        schedule: Schedule::new(begin.jitter),
        connection: Connection::Connecting("reaching the lab".into()),
        busy: None,
        activity: None,
        settling: false,
        overlay: None,
        plan: None,
        confirmed: None,
        ask: None,
        tasks: JoinSet::new(),
        signing_in: None,
        sign_ins: 0,
        asked_again: None,
        seen: mirror::Seen::default(),
    };
    let (views_in, views) = watch::channel(Arc::new(walk.view()));
    walk.connect();
    tokio::spawn(walk.run(inbox, views_in));
    Handle { commands, views }
}

/// Where the place is kept, and what is kept with it.
struct Position {
    path: PathBuf,
    options: Vec<String>,
}

/// Keeps the step in view for the next walk, below it the options that were chosen. A convenience, not a record: a disk that refuses
/// costs only the place.
fn remember(position: Option<&Position>, step: &str) {
    if let Some(Position { path, options }) = position {
        let lines: Vec<&str> = std::iter::once(step).chain(options.iter().map(String::as_str)).collect();
        let _ = std::fs::write(path, lines.join("\n"));
    }
}

/// A file of a few lines; what is longer is none of ours.
fn kept_place(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().filter(|place| place.len() < 16 * 1024)
}

/// The options that the last walk was given, each `STEP=NAME`.
#[must_use]
pub fn kept_options(position: &Path) -> Vec<String> {
    let place = kept_place(position).unwrap_or_default();
    place.lines().skip(1).map(str::trim).filter(|line| line.contains('=')).map(str::to_owned).collect()
}

struct Walk {
    engine: Engine,
    door: Arc<dyn Door>,
    position: Option<Position>,
    schedule: Schedule,
    step: String,
    connection: Connection,
    /// What is being planned or sent; nothing else is begun meanwhile.
    busy: Option<String>,
    activity: Option<String>,
    /// The activity speaks of a change that has not shown yet.
    settling: bool,
    notice: Option<Notice>,
    overlay: Option<Overlay>,
    /// The plan on the screen.
    plan: Option<Plan>,
    /// The plan that was confirmed and waits for a sign-in for writing.
    confirmed: Option<Plan>,
    /// What the plan on the screen lacks.
    ask: Option<WriteAsk>,
    tasks: JoinSet<Finished>,
    /// The sign-in that waits for the person.
    signing_in: Option<SigningIn>,
    /// Counts sign-ins, so that the end of one that was cancelled is not taken for the end of the next.
    sign_ins: u64,
    /// When the person asked to look again: a look that finds no connection then reaches for the lab anew.
    asked_again: Option<Timestamp>,
    /// The wizard's window.
    seen: mirror::Seen,
}

/// What a spawned task came back with.
enum Finished {
    Connected(Result<Arc<dyn Systems>, NotConnected>),
    SignedIn { number: u64, outcome: Result<SignedIn, NotConnected> },
    Looked { request: Request, changed: bool },
    Planned { outcome: Result<Plan, Refusal>, ask: Option<WriteAsk> },
    Carried { direction: Direction, outcome: Result<Carried, Refusal> },
    DoubtsSettled(Result<usize, Refusal>),
    Window { operation: Option<Operation>, outcome: Result<Window, Problem> },
}

impl Walk {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>, views: watch::Sender<Arc<View>>) {
        loop {
            self.tend();
            if views.send(Arc::new(self.view())).is_err() {
                return;
            }
            let wake = [self.schedule.next(), self.window_due()].into_iter().flatten().min();
            let wake = wake.filter(|_| matches!(self.connection, Connection::Ready));
            tokio::select! {
                biased;
                command = inbox.recv() => match command {
                    Some(command) => self.take(command),
                    None => return self.finish().await,
                },
                Some(finished) = self.tasks.join_next(), if !self.tasks.is_empty() => match finished {
                    Ok(finished) => self.finished(finished),
                    // Only a sign-in is cancelled; who did it has said what follows.
                    Err(error) if error.is_cancelled() => {}
                    // A task that panicked has said so through the panic hook; the walk goes on without it.
                    Err(_) => self.busy = None,
                },
                Some(pane) = shown(&mut self.signing_in) => self.overlay = Some(Overlay::SignIn(pane)),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
        }
    }

    /// A change under way is waited for: its end belongs into the journal.
    async fn finish(mut self) {
        while self.busy.is_some() {
            match self.tasks.join_next().await {
                Some(Ok(Finished::Carried { .. } | Finished::DoubtsSettled(_))) | None => return,
                Some(_) => {}
            }
        }
    }

    fn take(&mut self, command: Command) {
        self.notice = None;
        if self.busy.is_none() && !self.settling {
            // What was said of an earlier moment is not true of this one.
            self.activity = None;
        }
        match command {
            Command::View(step) => self.go_to(step),
            Command::CheckAgain => self.check_again(),
            Command::Attest { step, task } => self.attest(&step, &task),
            Command::PlanApply(step) => self.begin_plan(step, Direction::Apply),
            Command::PlanUndo(step) => self.begin_plan(step, Direction::Undo),
            Command::Confirm(id) => self.confirm(&id),
            Command::Dismiss => self.dismiss(),
            Command::SignIn => self.sign_in(self.door.usual_way()),
            Command::SignInBy(way) => self.sign_in(way),
            Command::Paste(Pasted(text)) => self.paste(text),
            Command::Operate(operation) => self.operate(operation),
            Command::Settle { happened } => self.settle_by_person(happened),
        }
    }

    fn go_to(&mut self, step: String) {
        if !self.engine.guide().steps.contains_key(&step) {
            return;
        }
        remember(self.position.as_ref(), &step);
        self.step = step;
        self.window_is_old();
    }

    fn check_again(&mut self) {
        self.window_is_old();
        self.asked_again = Some(self.engine.now());
        self.schedule.look_now(Instant::now());
        if !matches!(self.connection, Connection::Ready | Connection::Connecting(_)) {
            self.connect();
        }
    }

    fn looked(&mut self, request: &Request, changed: bool) {
        self.schedule.finished(request, changed, Instant::now());
        if self.settling && self.engine.with_known(windows).iter().all(|(_, _, left)| left.is_none()) {
            self.settling = false;
            self.activity = None;
        }
        let Some(asked) = self.asked_again else { return };
        let look = self.engine.with_known(|known| known.looks.get(request).cloned());
        let Some(look) = look else { return };
        // The domain's connection comes back by itself.
        let of_graph = System::of(request) == System::Graph;
        if of_graph && look.outcome.as_ref().is_err_and(|error| error.status.is_none()) {
            self.asked_again = None;
            self.connect();
        } else if look.at.saturating_sub(look.took).is_ok_and(|started| started >= asked) {
            // An answer to what was asked; one that was under way before proves no connection now.
            self.asked_again = None;
        }
    }

    fn connect(&mut self) {
        if !matches!(self.connection, Connection::Ready) {
            self.connection = Connection::Connecting("reaching the lab".into());
        }
        let door = self.door.clone();
        self.tasks.spawn(async move { Finished::Connected(door.connect().await) });
    }

    fn attest(&mut self, step: &str, task: &str) {
        let withdrawn = self.engine.is_attested(step, task);
        match self.engine.attest(step, task, withdrawn) {
            Ok(_) if withdrawn => self.activity = Some(format!("`{task}` is not attested any more")),
            Ok(_) => self.activity = Some(format!("`{task}` attested; now proved by looking")),
            Err(problem) => self.say(problem),
        }
        self.schedule.look_now(Instant::now());
    }

    fn begin_plan(&mut self, step: String, direction: Direction) {
        if self.busy.is_some() || !matches!(self.connection, Connection::Ready) {
            return;
        }
        if self.confirmed.is_some() {
            self.notice = Some(Notice { text: "a sign-in for writing is under way".into(), hint: Some("end or cancel it first".into()) });
            return;
        }
        self.busy = Some("a plan is being made".into());
        // The last step takes everything back, the newest change first; each step has its own plan, which names it.
        let last = direction == Direction::Undo && self.engine.consent_step() == Some(step.as_str());
        let step = if last { self.engine.next_to_undo().unwrap_or(step) } else { step };
        let engine = self.engine.clone();
        self.tasks.spawn(async move {
            let outcome = engine.plan(&step, direction).await;
            let sends = outcome.as_ref().is_ok_and(Plan::writes_to_tenant);
            let ready = if sends { engine.ready_to_write().await } else { Ok(()) };
            // What else is in the way is said when it is sent.
            let ask = if let Err(Refusal::SignIn(ask)) = ready { Some(ask) } else { None };
            Finished::Planned { outcome, ask }
        });
    }

    fn confirm(&mut self, id: &str) {
        let Some(plan) = self.plan.clone().filter(|plan| plan.id == id && self.busy.is_none()) else { return };
        if matches!(&self.overlay, Some(Overlay::Plan(pane)) if pane.sign_in.is_some()) {
            if let Some(Err(problem)) = self.ask.as_ref().map(|ask| self.engine.record_asked(ask)) {
                return self.say(problem);
            }
            self.confirmed = Some(plan);
            self.sign_in(self.door.usual_way());
            return;
        }
        self.send_plan(plan);
    }

    fn send_plan(&mut self, plan: Plan) {
        self.busy = Some("a change is being sent".into());
        // A trip is watched on its step's own screen.
        if plan.is_trip() {
            self.overlay = None;
        }
        if let Some(Overlay::Plan(pane)) = &mut self.overlay {
            pane.sending = true;
        }
        let how = if plan.typed().is_some() { How::Typed } else { How::Key };
        let engine = self.engine.clone();
        self.tasks.spawn(async move { Finished::Carried { direction: plan.direction, outcome: engine.carry_out(&plan, how).await } });
    }

    fn dismiss(&mut self) {
        if self.busy.is_none() {
            // A sign-in for writing is spoken of below: somebody is signed in all along.
            if matches!(self.overlay, Some(Overlay::SignIn(_))) && self.confirmed.is_none() {
                let what = match (&self.signing_in, &self.connection) {
                    (Some(_), _) => "the sign-in was cancelled",
                    (None, Connection::Ready) => "nobody is signed in to Azure",
                    (None, Connection::SignedOut | Connection::Connecting(_) | Connection::Failed { .. }) => "nobody is signed in",
                };
                self.activity = Some(what.to_owned());
            }
            self.cancel_sign_in();
            self.overlay = None;
            self.plan = None;
            if self.confirmed.take().is_some() {
                self.notice = Some(Notice { text: "nothing was sent: the sign-in for writing was cancelled".into(), hint: None });
            }
        }
    }

    fn settle_by_person(&mut self, happened: bool) {
        let Some(doubt) = self.asked_doubt() else { return };
        if let Err(refusal) = self.engine.settle_by_person(&doubt, happened) {
            self.say(refusal.into());
        }
        self.overlay = None;
        self.settle_doubts();
    }

    fn asked_doubt(&self) -> Option<InDoubt> {
        self.engine.ledger().in_doubt.into_iter().next().filter(|_| matches!(self.overlay, Some(Overlay::Doubt { .. })))
    }

    fn finished(&mut self, finished: Finished) {
        match finished {
            Finished::Connected(Ok(systems)) => self.connected(systems),
            Finished::Connected(Err(NotConnected::SignedOut(why))) => {
                self.end_sign_in();
                self.activity = why.map(|why| why.what);
                self.connection = Connection::SignedOut;
            }
            Finished::Connected(Err(NotConnected::Failed(problem))) => {
                self.end_sign_in();
                self.connection = Connection::Failed { why: problem.what, hint: problem.hint };
            }
            Finished::SignedIn { number, outcome } => self.signed_in(number, outcome),
            Finished::Looked { request, changed } => self.looked(&request, changed),
            Finished::Planned { outcome, ask } => self.planned(outcome, ask.as_ref()),
            Finished::Carried { direction, outcome } => self.carried(direction, outcome),
            Finished::DoubtsSettled(outcome) => self.doubts_settled(outcome),
            Finished::Window { operation, outcome } => self.window_came(operation, outcome),
        }
    }

    fn connected(&mut self, systems: Arc<dyn Systems>) {
        self.end_sign_in();
        self.connection = Connection::Ready;
        self.engine.connect(systems);
        if let Some(problem) = self.door.notice() {
            self.say(problem);
        }
        // While a sign-in for writing waits, nobody knows what will come of it.
        if self.confirmed.is_none()
            && let Err(problem) = self.engine.settle_asked()
        {
            self.say(problem);
        }
        self.schedule.look_now(Instant::now());
        self.settle_doubts();
    }

    fn settle_doubts(&mut self) {
        if self.busy.is_some() || self.engine.read_only().is_some() || self.engine.ledger().in_doubt.is_empty() {
            return;
        }
        self.busy = Some("a change in doubt is being settled by looking".into());
        self.activity = Some("an earlier run ended before it saw an answer; looking whether its change arrived".into());
        let engine = self.engine.clone();
        self.tasks.spawn(async move { Finished::DoubtsSettled(engine.settle_doubts().await) });
    }

    fn planned(&mut self, outcome: Result<Plan, Refusal>, ask: Option<&WriteAsk>) {
        self.busy = None;
        match outcome {
            Ok(plan) if plan.ops.is_empty() && !plan.by_hand.is_empty() => {
                self.notice = Some(Notice { text: format!("a person is needed: {}", plan.by_hand.join("; ")), hint: None });
            }
            Ok(plan) if plan.ops.is_empty() && !plan.later.is_empty() => {
                let text = format!("nothing can be sent yet: {}", plan.later.join("; "));
                self.notice = Some(Notice { text, hint: Some("plan again when what was done has shown".into()) });
            }
            Ok(plan) if plan.ops.is_empty() => {
                let why = plan.skipped.first().cloned().unwrap_or_else(|| "Guidepost changed nothing here".into());
                self.notice = Some(Notice { text: format!("nothing to do: {why}"), hint: None });
            }
            Ok(plan) => self.show_plan(&plan, ask),
            Err(refusal) => self.say(refusal.into()),
        }
    }

    fn show_plan(&mut self, plan: &Plan, ask: Option<&WriteAsk>) {
        let sentence = self.engine.guide().prose.get(&plan.step).map_or_else(|| plan.step.clone(), |prose| prose.title.clone());
        self.overlay = Some(Overlay::Plan(PlanPane { sign_in: ask.map(WriteAsk::sentence), ..pane(plan, &sentence) }));
        self.plan = Some(plan.clone());
        self.ask = ask.cloned();
    }

    fn carried(&mut self, direction: Direction, outcome: Result<Carried, Refusal>) {
        self.busy = None;
        self.overlay = None;
        let plan = self.plan.take();
        match outcome {
            // The token was good when the plan was shown and is not any more.
            Err(Refusal::SignIn(ask)) => match plan {
                Some(plan) => self.show_plan(&plan, Some(&ask)),
                None => self.say(Refusal::SignIn(ask).into()),
            },
            Ok(Carried::Nothing) => self.activity = Some("nothing was left to do".into()),
            Ok(Carried::Done(_)) => {
                let word = if direction == Direction::Apply { "done" } else { "taken back" };
                self.activity = Some(format!("{word}, and recorded in the journal; now looking until it shows"));
                if plan.is_some_and(|plan| !plan.later.is_empty()) {
                    let text = "what comes next waits until this has shown".to_owned();
                    self.notice = Some(Notice { text, hint: Some("then apply this step once more: it goes on where it stopped".into()) });
                }
                self.settling = true;
            }
            Err(refusal) => self.say(refusal.into()),
        }
        self.schedule.look_now(Instant::now());
    }

    fn doubts_settled(&mut self, outcome: Result<usize, Refusal>) {
        self.busy = None;
        match outcome {
            Ok(_) => self.activity = Some("what was in doubt is settled, and recorded in the journal".into()),
            Err(Refusal::Not(_)) if !self.engine.ledger().in_doubt.is_empty() => {
                let doubt = self.engine.ledger().in_doubt.into_iter().next();
                self.overlay = doubt.map(|doubt| Overlay::Doubt { what: doubt.request.line() });
            }
            Err(refusal) => self.say(refusal.into()),
        }
    }

    fn say(&mut self, problem: Problem) {
        self.notice = Some(Notice { text: problem.what, hint: problem.hint });
    }

    /// Brings the schedule in line with what is in view, and sends what is due.
    fn tend(&mut self) {
        if !matches!(self.connection, Connection::Ready) {
            return;
        }
        let now = Instant::now();
        self.tend_window(now);
        let wanted = self.wanted();
        self.schedule.want(&wanted, now);
        self.settle_windows(now);
        for request in self.schedule.take_due(now) {
            let engine = self.engine.clone();
            self.tasks.spawn(async move {
                let changed = engine.look(&request).await;
                Finished::Looked { request, changed }
            });
        }
    }

    fn wanted(&self) -> BTreeMap<Request, Nearness> {
        let steps: Vec<_> = self.engine.guide().steps.keys().cloned().collect();
        let here = steps.iter().position(|step| *step == self.step).unwrap_or(0);
        let needed = self.engine.with_needs(&self.step);
        let mut wanted = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            let nearness = if needed.contains(step) {
                Nearness::View
            } else if index.abs_diff(here) == 1 {
                Nearness::Near
            } else {
                Nearness::Far
            };
            for request in self.engine.requests(std::slice::from_ref(step)) {
                let entry = wanted.entry(request).or_insert(nearness);
                *entry = nearness.min(*entry);
            }
        }
        wanted
    }

    /// A change that has not shown yet is looked at faster, until its window ends.
    fn settle_windows(&mut self, now: Instant) {
        for (request, every, left) in self.engine.with_known(windows) {
            match left {
                Some(left) => self.schedule.settle(&request, Settling { every, until: now + left }, now),
                None => self.schedule.settled(&request),
            }
        }
    }

    fn view(&self) -> View {
        let around = Surroundings {
            step: &self.step,
            lab: self.engine.lab(),
            account: self.engine.systems().and_then(|systems| systems.me()).map(|me| me.name),
            meter: self.engine.meter(),
            connection: self.connection.clone(),
            read_only: self.engine.read_only(),
            busy: self.busy.clone(),
            activity: self.activity.clone().or_else(|| self.last_request()),
            notice: self.notice.clone(),
            overlay: match self.overlay.clone() {
                Some(Overlay::SignIn(pane)) => Some(Overlay::SignIn(pane.at(self.engine.now()))),
                other => other,
            },
            mirror: self.mirror(),
        };
        let now = Instant::now();
        let rhythm = |request: &Request| Rhythm {
            looking: self.schedule.since(request).map(|since| now.saturating_duration_since(since)),
            next: self.schedule.due(request).map(|due| due.saturating_duration_since(now)),
            interval: self.schedule.interval(request),
        };
        View { page: self.engine.with_known(|known| build::page(known, &around, &rhythm)), wire: self.door.wire() }
    }

    fn last_request(&self) -> Option<String> {
        let wire = self.door.wire();
        let last = wire.last()?;
        let status = last.status.map_or_else(|| last.note.clone().unwrap_or_default(), |status| status.to_string());
        Some(format!("{} {} {status} {}", last.method, last.target, span(last.took)))
    }
}

/// For each settling check: its request, its rhythm, and what is left of its window.
fn windows(known: &Known<'_>) -> Vec<(Request, Duration, Option<Duration>)> {
    let mut found = Vec::new();
    for (id, step) in &known.guide.steps {
        for check in step.checks.values() {
            let (Some(settle), Ok(request)) = (check.settle, known.request(id, &check.probe)) else { continue };
            let left = known
                .ledger
                .changes
                .get(id)
                .filter(|change| !change.settled)
                .and_then(|change| settle.within.checked_sub(known.now.duration_since(change.at).unsigned_abs()));
            found.push((request, settle.every, left));
        }
    }
    found
}

fn pane(plan: &Plan, title: &str) -> PlanPane {
    let line = |op: &crate::engine::action::PlannedOp| PlanLine {
        title: vec![Span::plain(&op.title)],
        request: op.sends(),
        body: op.carries(),
        before: op.before.clone(),
        undo: op.undo.clone(),
        needs: op.needs.clone(),
    };
    PlanPane {
        title: format!("{}: {title}", plan.direction.word()),
        id: plan.id.clone(),
        ops: plan.ops.iter().map(line).collect(),
        typed: plan.typed().map(str::to_owned),
        sign_in: None,
        sending: false,
    }
}
