//! A plan: every op as it would be sent, with what it replaces. Made by reading only.

use super::{
    Refusal,
    consent::Removals,
    object::{self, Back, Wanted},
};
use crate::base::Problem;
use crate::engine::{
    check::{Judgement, Verdict, judge},
    core::Engine,
    hex,
    known::{Known, NoRequest},
    ledger::{ChangeKind, Entry},
    matcher::{Scope, shown},
    permissions::{Difference, Running},
    probe::{self, GraphCall, MachineCall, Request, Write},
    proof::{self, plan::TooSoon},
    scripts,
};
use crate::guide::{
    Step,
    prose::plain_text,
    step::{AzureChange, Change, Grant, GraphWrite, Op, Risk, TripBy, Undo},
    variables::{Part, Reference, Template},
};
use crate::lab::connect::person_needed;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Which way a plan goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Makes the changes of a step.
    Apply,
    /// Takes them back.
    Undo,
}

impl Direction {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }
}

/// Every op of an action as it would be sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Always 1.
    pub format: u32,
    /// SHA-256 of the canonical JSON of what would be sent and of what it replaces, lower-case hex.
    pub id: String,
    /// The guide.
    pub guide: String,
    /// The lab.
    pub lab: String,
    /// The step.
    pub step: String,
    /// The option with which the step is walked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub option: Option<String>,
    /// Which way.
    pub direction: Direction,
    /// The step's risk asks for a typed word.
    pub high_risk: bool,
    /// In the order sent; empty when there is nothing to do.
    pub ops: Vec<PlannedOp>,
    /// Ops that are not needed, and why.
    pub skipped: Vec<String>,
    /// It is planned sooner than it should be made again; only somebody who insists makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_soon: Option<TooSoon>,
    /// Ops that can be planned only when others have shown, and for what they wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<String>,
    /// What only a person can do, a sentence each: where, and how to say that it is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<String>,
}

/// One op as it would be sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlannedOp {
    /// Its name in the guide.
    pub op: String,
    /// What it changes, in the guide's words.
    pub title: String,
    /// What is sent.
    pub request: Write,
    /// Where it goes.
    pub address: String,
    /// What is there now.
    pub before: String,
    /// How it is taken back, or why it cannot be.
    pub undo: String,
    /// What changes in an object's permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// The permission that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// The journal's `done` line that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<u64>,
}

impl PlannedOp {
    /// What goes where, in one line.
    #[must_use]
    pub fn sends(&self) -> String {
        match &self.request {
            Write::Graph(call) => format!("{} {}", call.method, self.address),
            Write::Permissions { .. } => format!("modify {}", self.address),
            Write::Machine { .. } => format!("POST {}", self.address),
            Write::Trip { trip } => match trip.by {
                TripBy::Administrator => format!("POST {}", self.address),
                TripBy::Person => "nothing; it watches".to_owned(),
            },
            Write::Object { ldap } => format!("{} {}", ldap.verb(), self.address),
            Write::Script { script } => format!("{} on {}", script.line(), self.address),
        }
    }

    /// What it carries, in lines: the body as pretty JSON, or the entries that come and go and the modification as LDIF. Empty for nothing.
    #[must_use]
    pub fn carries(&self) -> String {
        match (&self.request, &self.difference) {
            (Write::Graph(call), _) if call.body.is_null() => String::new(),
            (Write::Graph(call), _) => serde_json::to_string_pretty(&call.body).unwrap_or_default(),
            (Write::Permissions { .. }, Some(difference)) => difference.lines(),
            (Write::Object { ldap }, _) => ldap.ldif(),
            (Write::Permissions { .. }, None) | (Write::Machine { .. }, _) => String::new(),
            (Write::Trip { trip }, _) => proof::plan::carries(trip),
            (Write::Script { script }, _) => script.carries(),
        }
    }
}

impl Plan {
    /// Whether something of it goes to the tenant, so that somebody must be signed in for writing there.
    #[must_use]
    pub fn writes_to_tenant(&self) -> bool {
        self.ops.iter().any(|op| match &op.request {
            Write::Graph(_) => true,
            Write::Trip { trip } => trip.by == TripBy::Administrator,
            Write::Permissions { .. } | Write::Machine { .. } | Write::Script { .. } | Write::Object { .. } => false,
        })
    }

    /// Whether it is a round trip, which is watched while it is made.
    #[must_use]
    pub fn is_trip(&self) -> bool {
        self.ops.iter().any(|op| matches!(op.request, Write::Trip { .. }))
    }

    /// The word that a person must type; `None` when a key is enough.
    #[must_use]
    pub fn typed(&self) -> Option<&'static str> {
        match &self.too_soon {
            Some(_) => Some("force"),
            None => self.high_risk.then(|| self.direction.word()),
        }
    }

    fn new(engine: &Engine, step: &Step, direction: Direction, ops: Vec<PlannedOp>, skipped: Vec<String>) -> Self {
        let guide = engine.guide().pack.id.clone();
        let lab = engine.lab().name.clone();
        // Not the address: a lab that moved to another port is the same lab.
        let essence: Vec<_> = ops.iter().map(|op| json!([op.op, op.request, op.before, op.undo, op.undo_of])).collect();
        let essence = json!({"guide": guide, "lab": lab, "step": step.id, "direction": direction.word(), "ops": essence});
        let id = hex(&Sha256::digest(canonical(&essence)));
        // Taking a privilege back is never the risky direction.
        let high_risk = step.risk == Risk::High && direction == Direction::Apply;
        let option = engine.guide().option(&step.id).map(str::to_owned);
        Self {
            format: 1,
            id,
            guide,
            lab,
            step: step.id.clone(),
            option,
            direction,
            high_risk,
            ops,
            skipped,
            too_soon: None,
            later: Vec::new(),
            by_hand: Vec::new(),
        }
    }
}

/// JSON with sorted keys and no white space, whatever order the map type keeps.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            let fields: Vec<_> =
                sorted.into_iter().map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), canonical(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

impl Engine {
    /// Plans a step's changes or their taking back, after looking anew.
    ///
    /// # Errors
    /// [`Refusal`] names what must be done first, or what could not be read.
    pub async fn plan(&self, step: &str, direction: Direction) -> Result<Plan, Refusal> {
        self.plan_sparing(step, direction, None).await
    }

    /// The same; scripts that were looked at since `shown` are not run again: each takes 20 s and more.
    pub(super) async fn plan_sparing(&self, step: &str, direction: Direction, shown: Option<Timestamp>) -> Result<Plan, Refusal> {
        if self.guide().steps.get(step).is_none() {
            return Err(Refusal::Not(no_step(self, step)));
        }
        if self.systems().is_some_and(|systems| systems.app_only()) {
            return Err(Refusal::Not(person_needed()));
        }
        if self.ledger().in_doubt.iter().any(|doubt| doubt.step == step) {
            return Err(Refusal::Unknown(
                Problem::unknown(format!("a change of `{step}` is still in doubt after a crash"))
                    .hint("it is being settled by looking; plan again when that has ended"),
            ));
        }
        self.survey_sparing(&[step.to_owned()], shown).await;
        for request in self.with_known(|known| permissions_needed(known, step, direction)) {
            self.look(&request).await;
        }
        match direction {
            Direction::Apply => self.plan_apply(step),
            Direction::Undo => self.plan_undo(step, self.removals(step).await?),
        }
    }

    fn plan_apply(&self, step: &str) -> Result<Plan, Refusal> {
        self.with_known(|known| {
            let Some(definition) = known.guide.steps.get(step) else { return Err(Refusal::Not(no_step(self, step))) };
            let Some(apply) = &definition.apply else { return Err(Refusal::Not(by_hand(known, definition))) };
            let (mut ops, mut skipped, mut running) = (Vec::new(), Vec::new(), Running::default());
            let mut later = Vec::new();
            for op in &apply.ops {
                // What an earlier op of the step brings, a later one may need: then it waits for that, and nothing is wrong.
                let waits = !ops.is_empty() || on_its_way(known, step);
                match self.plan_op(known, definition, op, &mut running) {
                    Ok(Ok(planned)) => ops.push(planned),
                    Ok(Err(reason)) => skipped.push(reason),
                    Err(Undoable::Waits(_)) if waits => {
                        later.push(format!("{}: when what comes before it has shown", title(known, step, &op.id)));
                    }
                    Err(Undoable::Waits(reason)) => return Err(Refusal::Not(Problem::new(reason))),
                    Err(Undoable::Refused(refusal)) => return Err(refusal),
                }
            }
            let mut users = ops.iter().filter_map(|op| match &op.request {
                Write::Trip { trip } if trip.by == TripBy::Administrator => Some(&trip.user),
                Write::Trip { .. }
                | Write::Graph(_)
                | Write::Permissions { .. }
                | Write::Machine { .. }
                | Write::Script { .. }
                | Write::Object { .. } => None,
            });
            let too_soon = users.find_map(|user| TooSoon::of(known, user));
            Ok(Plan { too_soon, later, ..Plan::new(self, definition, Direction::Apply, ops, skipped) })
        })
    }

    fn plan_op(&self, known: &Known<'_>, step: &Step, op: &Op, running: &mut Running) -> Result<Result<PlannedOp, String>, Undoable> {
        let title = title(known, &step.id, &op.id);
        let mut before = "not looked at; this op has no check of its own".to_owned();
        if let Some(check) = &op.unless {
            let judgement = judge(known, &step.id, check);
            if let Some(skip) = needless(known, step, op, &title, &judgement)? {
                return Ok(Err(skip));
            }
            before = judgement.found.unwrap_or_default();
        }
        for template in templates(&op.change) {
            known.ready(&step.id, template).map_err(|trouble| match trouble {
                NoRequest::Missing(reference) => Undoable::Waits(missing(&title, &reference)),
                trouble @ (NoRequest::Waiting | NoRequest::Failed(_)) => Undoable::Refused(not_ready(&title, &trouble)),
            })?;
        }
        let scope = known.scope(&step.id);
        let cannot = |error: &dyn std::fmt::Display| Refusal::Not(Problem::new(format!("cannot write the request for `{title}`: {error}")));
        match &op.change {
            Change::Graph(write) => {
                let request = probe::write(write, &scope).map_err(|error| cannot(&error))?;
                let undo = match &op.undo {
                    Undo::Graph(undo) => describe(undo, &op.id, &scope),
                    Undo::With(other) => with(known, step, other),
                    Undo::Revoke | Undo::Delete | Undo::Restore => "cannot be taken back: this undo is for the domain".to_owned(),
                    Undo::Script(_) => "cannot be taken back: only what a script did is taken back by one".to_owned(),
                    Undo::None(reason) => format!("cannot be taken back: {reason}"),
                };
                Ok(Ok(self.planned(op.id.clone(), title, Write::Graph(request), before, undo, None)))
            }
            Change::Grant(grant) => {
                let look = probe::grant(grant, &scope).map_err(|error| cannot(&error))?;
                Ok(self.plan_grant(known, op, grant, &look, title, running)?)
            }
            Change::Azure(AzureChange::Start(part)) => {
                let undo = match &op.undo {
                    Undo::None(reason) => format!("cannot be taken back: {reason}"),
                    Undo::With(other) => with(known, step, other),
                    Undo::Graph(_) | Undo::Revoke | Undo::Delete | Undo::Restore | Undo::Script(_) => {
                        "cannot be taken back: this does not stop a machine".to_owned()
                    }
                };
                let request = Write::Machine { azure: MachineCall { start: part.key().to_owned() } };
                Ok(Ok(self.planned(op.id.clone(), title, request, before, undo, None)))
            }
            Change::Trip(trip) => {
                let call = probe::trip(trip, &scope).map_err(|error| cannot(&error))?;
                let account = read(known, &proof::look::user(&call.dn), &title)?;
                let me = self.systems().and_then(|systems| systems.me());
                let (call, before) = proof::plan::planned(call, account, known, me.as_ref()).map_err(Refusal::Not)?;
                let undo = match &op.undo {
                    Undo::None(reason) => format!("cannot be taken back: {reason}"),
                    Undo::Graph(_) | Undo::Revoke | Undo::Script(_) | Undo::Delete | Undo::Restore | Undo::With(_) => {
                        "cannot be taken back: nobody knows the old password".to_owned()
                    }
                };
                Ok(Ok(self.planned(op.id.clone(), title, Write::Trip { trip: call }, before, undo, None)))
            }
            Change::Ldap(write) => {
                let look = object::look(write, known, &step.id).map_err(|error| cannot(&error))?;
                match object::wanted(write, known, &step.id, read(known, &look, &title)?, &title)? {
                    Wanted::Nothing(why) => Ok(Err(why)),
                    Wanted::Send(ldap, before) => {
                        let undo = object::undo_told(op, &ldap, |other| with(known, step, other));
                        Ok(Ok(self.planned(op.id.clone(), title, Write::Object { ldap }, before, undo, None)))
                    }
                }
            }
            Change::Script(run) => {
                let none = || cannot(&format!("there is no script `{}` in the program", run.run));
                let request = Write::Script { script: scripts::call(run).ok_or_else(none)? };
                let undo = match &op.undo {
                    Undo::Script(undo) => scripts::call(undo).map_or_else(String::new, |script| script.line()),
                    Undo::None(reason) => format!("cannot be taken back: {reason}"),
                    Undo::With(other) => with(known, step, other),
                    Undo::Graph(_) | Undo::Revoke | Undo::Delete | Undo::Restore => {
                        "cannot be taken back: only a script undoes what a script did".to_owned()
                    }
                };
                Ok(Ok(self.planned(op.id.clone(), title, request, before, undo, None)))
            }
        }
    }

    /// Only what is missing is added; what was read is what the plan replaces, and with anything else it is refused.
    fn plan_grant(
        &self,
        known: &Known<'_>,
        op: &Op,
        grant: &Grant,
        look: &Request,
        title: String,
        running: &mut Running,
    ) -> Result<Result<PlannedOp, String>, Refusal> {
        let facts = read(known, look, &title)?;
        let mut entries = running.grant(facts, &grant.rights).map_err(|why| unreadable(&title, &why))?;
        if entries.add.is_empty() {
            return Ok(Err(format!("{title}: the entries are there already")));
        }
        let (difference, before) = running.change(facts, &mut entries).map_err(|why| unreadable(&title, &why))?;
        let undo = match &op.undo {
            Undo::Revoke => Write::Permissions { permissions: entries.taken_back() }.line(),
            Undo::None(reason) => format!("cannot be taken back: {reason}"),
            Undo::Graph(_) | Undo::Script(_) | Undo::Delete | Undo::Restore | Undo::With(_) => {
                "cannot be taken back: only by removing the entries".to_owned()
            }
        };
        let request = Write::Permissions { permissions: entries };
        Ok(Ok(PlannedOp { difference: Some(difference), ..self.planned(op.id.clone(), title, request, before, undo, None) }))
    }

    fn planned(&self, op: String, title: String, request: Write, before: String, undo: String, undo_of: Option<u64>) -> PlannedOp {
        let (address, needs) = match &request {
            Write::Graph(GraphCall { method, path, .. }) => (
                self.systems().map_or_else(|| path.clone(), |systems| systems.address(path)),
                crate::guide::rights::needed(method, path).map(|names| names.join(" or ")),
            ),
            Write::Permissions { permissions } => (
                format!("{}/{}", self.systems().map_or_else(String::new, |systems| systems.domain()), permissions.on),
                Some(format!("the right to change the permissions of {}", permissions.on)),
            ),
            Write::Machine { azure } => (
                self.systems().map_or_else(|| azure.start.clone(), |systems| format!("{}/start", systems.machine(&azure.start))),
                Some("Microsoft.Compute/virtualMachines/start/action, a right in Azure".to_owned()),
            ),
            Write::Trip { trip } => match trip.by {
                TripBy::Administrator => {
                    let path = proof::reset_path(&trip.user);
                    let address = self.systems().map_or_else(|| path.clone(), |systems| systems.address(&path));
                    (address, crate::guide::rights::needed("POST", &path).map(|names| names.join(" or ")))
                }
                TripBy::Person => (trip.upn.clone(), None),
            },
            Write::Object { ldap } => {
                (format!("{}/{}", self.systems().map_or_else(String::new, |systems| systems.domain()), ldap.dn()), Some(ldap.needs()))
            }
            Write::Script { script } => {
                let address = self.systems().map_or_else(String::new, |systems| systems.host(script.machine()));
                let needs = (address.starts_with("https://")).then(|| format!("{}, a right in Azure", scripts::RIGHT));
                (address, needs)
            }
        };
        PlannedOp { op, title, request, address, before, undo, difference: None, needs, undo_of }
    }

    /// A change taken back. What stands there of permissions by now is read again: the plan says what is removed from it.
    fn plan_taking_back(
        &self,
        known: &Known<'_>,
        step: &Step,
        entry: &Entry,
        request: &Write,
        running: &mut Running,
    ) -> Result<Result<PlannedOp, String>, Refusal> {
        let (title, done) = (title(known, &step.id, &entry.op), format!("done by Guidepost at {:.0}", entry.at));
        let planned = |request: Write, before: String| {
            self.planned(entry.op.clone(), title.clone(), request, before, again(step, entry), Some(entry.n))
        };
        let permissions = match request {
            Write::Permissions { permissions } => permissions,
            // Its text may be another one by now: that is what the person sees and confirms.
            Write::Script { script } => return Ok(Ok(planned(Write::Script { script: script.of_this_program() }, done))),
            Write::Graph(_) | Write::Machine { .. } | Write::Trip { .. } => return Ok(Ok(planned(request.clone(), done))),
            Write::Object { ldap } => {
                return Ok(match object::back(ldap, |look| read(known, look, &title))? {
                    Back::Send(ldap, now) => Ok(planned(Write::Object { ldap }, format!("{done}; {now}"))),
                    Back::Leave(why) => Err(format!("{title}: {why}. {}", closing(entry.n))),
                });
            }
        };
        let facts = read(known, &permissions.look(), &title)?;
        let mut entries = running.on_top(facts, permissions).map_err(|why| unreadable(&title, &why))?;
        let (difference, before) = running.change(facts, &mut entries).map_err(|why| unreadable(&title, &why))?;
        let planned = planned(Write::Permissions { permissions: entries }, format!("{done}; {before}"));
        Ok(Ok(PlannedOp { difference: Some(difference), ..planned }))
    }

    fn plan_undo(&self, step: &str, removals: Removals) -> Result<Plan, Refusal> {
        self.with_known(|known| {
            let Some(definition) = known.guide.steps.get(step) else { return Err(Refusal::Not(no_step(self, step))) };
            let (mut ops, mut skipped, mut running) = (Vec::new(), Vec::new(), Running::default());
            let mut by_hand = Vec::new();
            // The last change goes first, so that nothing is taken away from under another. What a script takes back goes last: a cycle
            // carries over what the others took away.
            let entries = || known.ledger.open.iter().rev().filter(|entry| entry.step == step);
            let by_script = |entry: &&Entry| matches!(entry.undo, Some(Write::Script { .. }));
            for entry in entries().filter(|entry| !by_script(entry)).chain(entries().filter(by_script)) {
                match &entry.undo {
                    Some(request) => match self.plan_taking_back(known, definition, entry, request, &mut running)? {
                        Ok(planned) => ops.push(planned),
                        Err(left) => by_hand.push(left),
                    },
                    None => skipped.push(format!("{}: {}", title(known, step, &entry.op), entry.no_undo.clone().unwrap_or_default())),
                }
            }
            ops.extend(removals.ops);
            skipped.extend(removals.skipped);
            by_hand.extend(removals.by_hand);
            Ok(Plan { by_hand, ..Plan::new(self, definition, Direction::Undo, ops, skipped) })
        })
    }
}

/// How a person closes a line of the ledger that Guidepost leaves alone.
fn closing(line: u64) -> String {
    format!("When it is taken back by hand, say so: `guidepost attest ledger/{line}`")
}

/// The looks at permissions and objects that a plan rests on and that no probe of the step brings.
fn permissions_needed(known: &Known<'_>, step: &str, direction: Direction) -> Vec<Request> {
    let Some(definition) = known.guide.steps.get(step) else { return Vec::new() };
    match direction {
        Direction::Apply => {
            let asked: Vec<_> = definition.probes.keys().filter_map(|probe| known.request(step, probe).ok()).collect();
            let grants = definition.apply.iter().flat_map(|apply| &apply.ops).filter_map(|op| match &op.change {
                Change::Graph(_) | Change::Azure(_) | Change::Script(_) => None,
                Change::Trip(trip) => probe::trip(trip, &known.scope(step)).ok().map(|call| proof::look::user(&call.dn)),
                Change::Ldap(write) => object::look(write, known, step).ok(),
                Change::Grant(grant) => probe::grant(grant, &known.scope(step)).ok(),
            });
            grants.filter(|request| !asked.contains(request)).collect()
        }
        Direction::Undo => {
            let open = known.ledger.open.iter().filter(|entry| entry.step == step);
            let looks = open.filter_map(|entry| entry.undo.as_ref()).flat_map(|undo| match undo {
                Write::Graph(_) | Write::Machine { .. } | Write::Script { .. } | Write::Trip { .. } => Vec::new(),
                Write::Object { ldap } => object::looks_back(ldap),
                Write::Permissions { permissions } => vec![permissions.look()],
            });
            looks.collect()
        }
    }
}

/// What a look at permissions brought back.
fn read<'k>(known: &Known<'k>, look: &Request, title: &str) -> Result<&'k Value, Refusal> {
    match known.looks.get(look).map(|look| &look.outcome) {
        Some(Ok(facts)) => Ok(&facts.body),
        Some(Err(error)) => Err(not_ready(title, &NoRequest::Failed(error.clone()))),
        None => Err(not_ready(title, &NoRequest::Waiting)),
    }
}

fn unreadable(title: &str, why: &str) -> Refusal {
    Refusal::Unknown(Problem::unknown(format!("cannot plan `{title}`: {why}")))
}

fn again(step: &Step, entry: &Entry) -> String {
    format!("by applying `{}` again: {}", step.id, entry.request.line())
}

fn no_step(engine: &Engine, step: &str) -> Problem {
    let names = engine.guide().steps.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Problem::usage(format!("`{}` has no step `{step}`", engine.guide().pack.id)).hint(format!("its steps are {names}"))
}

fn by_hand(known: &Known<'_>, step: &Step) -> Problem {
    let title = known.guide.prose.get(&step.id).map_or(step.id.as_str(), |prose| prose.title.as_str());
    Problem::new(format!("`{}` ({title}) has nothing that Guidepost can do: a person does it in {}", step.id, step.place))
        .hint(format!("`guidepost walk --step {}` shows how, `guidepost attest {}` says that it is done", step.id, step.id))
}

/// Why an op need not be sent; an error when it must not be.
fn needless(known: &Known<'_>, step: &Step, op: &Op, title: &str, judgement: &Judgement) -> Result<Option<String>, Refusal> {
    let open = known.ledger.open.iter().any(|entry| entry.step == step.id && entry.op == op.id);
    let undone = known.ledger.changes.get(&step.id).is_some_and(|change| change.kind == ChangeKind::Undone && !change.settled);
    let why = judgement.note.clone().or_else(|| judgement.code.clone()).unwrap_or_default();
    match judgement.verdict {
        Some(Verdict::Pass) => Ok(Some(format!("{title}: it is there already"))),
        Some(Verdict::Pending) if undone => Err(Refusal::Not(
            Problem::new(format!("`{title}` was just taken back, and that has not settled: {why}")).hint("apply again when it has"),
        )),
        Some(Verdict::Pending) if open => Ok(Some(format!("{title}: done already; {why}"))),
        Some(Verdict::Fail | Verdict::Pending | Verdict::Waived) => Ok(None),
        Some(Verdict::NotApplicable) => Ok(Some(format!("{title}: does not apply to this lab"))),
        Some(Verdict::Blocked) => Err(blocked(known, step, op, title, &why)),
        Some(Verdict::Unknown) | None => Err(Refusal::Unknown(could_not_look(title, &why, judgement))),
    }
}

/// What blocks may itself be unknown: then nobody can tell whether the op is needed.
fn blocked(known: &Known<'_>, step: &Step, op: &Op, title: &str, why: &str) -> Refusal {
    let cause = op.unless.as_ref().and_then(|check| root(known, &step.id, check));
    match cause {
        Some(cause) if cause.verdict == Some(Verdict::Unknown) => {
            Refusal::Unknown(could_not_look(title, cause.note.as_deref().unwrap_or(why), &cause))
        }
        Some(_) | None => Refusal::Not(
            Problem::new(format!("cannot plan `{title}`: {why}"))
                .hint(format!("`guidepost check --step {}` shows what is missing", step.id)),
        ),
    }
}

/// The check at the end of a chain of needs: the one that is not merely blocked.
fn root(known: &Known<'_>, step: &str, check: &str) -> Option<Judgement> {
    let judgement = judge(known, step, check);
    if judgement.verdict != Some(Verdict::Blocked) {
        return Some(judgement);
    }
    let (_, definition) = known.check(step, check)?;
    definition
        .needs
        .iter()
        .filter_map(|need| {
            let (need_step, need_check) = need.split_once('/').unwrap_or((step, need));
            root(known, need_step, need_check)
        })
        .find(|judgement| !matches!(judgement.verdict, Some(Verdict::Pass | Verdict::Waived | Verdict::NotApplicable)))
}

fn could_not_look(title: &str, why: &str, judgement: &Judgement) -> Problem {
    let why = if why.is_empty() { "no lab is connected" } else { why };
    let problem = Problem::unknown(format!("cannot plan `{title}`, because what is there now could not be read: {why}"));
    match &judgement.hint {
        Some(hint) => problem.hint(hint.clone()),
        None => problem,
    }
}

fn missing(title: &str, reference: &str) -> String {
    format!("cannot plan `{title}`: `{reference}` finds nothing")
}

/// Whether a change of this step is still on its way to where it shows.
fn on_its_way(known: &Known<'_>, step: &str) -> bool {
    let done = known.ledger.changes.get(step).is_some_and(|change| change.kind == ChangeKind::Done && !change.settled);
    let pending = |check: &String| judge(known, step, check).verdict == Some(Verdict::Pending);
    done && known.guide.steps.get(step).is_some_and(|step| step.checks.keys().any(pending))
}

/// Why an op is not in a plan.
enum Undoable {
    /// It needs what is not there, or not yet.
    Waits(String),
    /// Nothing of the step can be planned.
    Refused(Refusal),
}

impl From<Refusal> for Undoable {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn not_ready(title: &str, trouble: &NoRequest) -> Refusal {
    match trouble {
        NoRequest::Waiting => Refusal::Unknown(Problem::unknown(format!("cannot plan `{title}`: not everything was read yet"))),
        NoRequest::Missing(reference) => Refusal::Not(Problem::new(missing(title, reference))),
        NoRequest::Failed(error) => {
            Refusal::Unknown(Problem { hint: error.hint.clone(), ..Problem::unknown(format!("cannot plan `{title}`: {}", error.what)) })
        }
    }
}

fn templates(change: &Change) -> Vec<&Template> {
    match change {
        Change::Graph(write) => graph_templates(write),
        Change::Grant(grant) => vec![&grant.on, &grant.trustee],
        Change::Trip(trip) => vec![&trip.user, &trip.dn, &trip.upn],
        Change::Azure(AzureChange::Start(_)) | Change::Script(_) => Vec::new(),
        Change::Ldap(write) => std::iter::once(write.dn()).chain(write.attributes().values()).collect(),
    }
}

/// How a change goes that was made to what another op made.
fn with(known: &Known<'_>, step: &Step, other: &str) -> String {
    format!("goes with what `{}` made", title(known, &step.id, other))
}

fn graph_templates(write: &GraphWrite) -> Vec<&Template> {
    use crate::guide::step::Body;
    fn collect<'t>(body: &'t Body, into: &mut Vec<&'t Template>) {
        match body {
            Body::Text(template) => into.push(template),
            Body::Object(fields) => fields.values().for_each(|body| collect(body, into)),
            Body::List(items) => items.iter().for_each(|body| collect(body, into)),
            Body::Plain(_) => {}
        }
    }
    let mut found = vec![&write.path];
    if let Some(body) = &write.body {
        collect(body, &mut found);
    }
    found
}

/// What an op changes, in the guide's words.
pub(super) fn title(known: &Known<'_>, step: &str, op: &str) -> String {
    let words = known.guide.prose.get(step).and_then(|prose| prose.changes.get(op));
    words.map_or_else(|| op.to_owned(), |spans| plain_text(spans))
}

/// A request for a person's eyes: values not known yet print as `‹known after …›`.
fn describe(write: &GraphWrite, op: &str, scope: &dyn Scope) -> String {
    let path: String = write
        .path
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Reference(Reference::Captured(_)) => format!("‹known after {op}›"),
            Part::Reference(reference) => scope.value(reference).map_or_else(|| format!("‹{reference}›"), |value| shown(&value)),
        })
        .collect();
    format!("{} {path}", write.method.as_str())
}
