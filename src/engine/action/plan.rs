//! A plan: every op as it would be sent, with what it replaces. Made by reading only.

use super::{Refusal, consent::Removals};
use crate::base::Problem;
use crate::engine::{
    check::{Judgement, Verdict, judge},
    core::Engine,
    hex,
    known::{Known, NoRequest},
    ledger::{ChangeKind, Entry},
    matcher::{Scope, shown},
    probe::{self, Write},
};
use crate::guide::{
    Step,
    prose::plain_text,
    step::{GraphWrite, Op, Risk, Undo},
    variables::{Part, Reference, Template},
};
use crate::lab::connect::person_needed;
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
    /// Which way.
    pub direction: Direction,
    /// The step's risk asks for a typed word.
    pub high_risk: bool,
    /// In the order sent; empty when there is nothing to do.
    pub ops: Vec<PlannedOp>,
    /// Ops that are not needed, and why.
    pub skipped: Vec<String>,
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
    /// The permission that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<String>,
    /// The journal's `done` line that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_of: Option<u64>,
}

impl Plan {
    /// The word that a person must type; `None` when a key is enough.
    #[must_use]
    pub fn typed(&self) -> Option<&'static str> {
        self.high_risk.then(|| self.direction.word())
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
        Self { format: 1, id, guide, lab, step: step.id.clone(), direction, high_risk, ops, skipped, by_hand: Vec::new() }
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
        self.survey(&self.with_needs(step)).await;
        match direction {
            Direction::Apply => self.plan_apply(step),
            Direction::Undo => self.plan_undo(step, self.removals(step).await?),
        }
    }

    fn plan_apply(&self, step: &str) -> Result<Plan, Refusal> {
        self.with_known(|known| {
            let Some(definition) = known.guide.steps.get(step) else { return Err(Refusal::Not(no_step(self, step))) };
            let Some(apply) = &definition.apply else { return Err(Refusal::Not(by_hand(known, definition))) };
            let (mut ops, mut skipped) = (Vec::new(), Vec::new());
            for op in &apply.ops {
                match self.plan_op(known, definition, op)? {
                    Ok(planned) => ops.push(planned),
                    Err(reason) => skipped.push(reason),
                }
            }
            Ok(Plan::new(self, definition, Direction::Apply, ops, skipped))
        })
    }

    fn plan_op(&self, known: &Known<'_>, step: &Step, op: &Op) -> Result<Result<PlannedOp, String>, Refusal> {
        let title = title(known, &step.id, &op.id);
        let mut before = "not looked at; this op has no check of its own".to_owned();
        if let Some(check) = &op.unless {
            let judgement = judge(known, &step.id, check);
            if let Some(skip) = needless(known, step, op, &title, &judgement)? {
                return Ok(Err(skip));
            }
            before = judgement.found.unwrap_or_default();
        }
        for template in templates(&op.graph) {
            known.ready(&step.id, template).map_err(|trouble| not_ready(&title, &trouble))?;
        }
        let request = probe::write(&op.graph, &known.scope(&step.id))
            .map_err(|error| Refusal::Not(Problem::new(format!("cannot write the request for `{title}`: {error}"))))?;
        let undo = match &op.undo {
            Undo::Graph(undo) => describe(undo, &op.id, &known.scope(&step.id)),
            Undo::None(reason) => format!("cannot be taken back: {reason}"),
        };
        Ok(Ok(self.planned(op.id.clone(), title, request, before, undo, None)))
    }

    fn planned(&self, op: String, title: String, request: Write, before: String, undo: String, undo_of: Option<u64>) -> PlannedOp {
        let address = self.systems().map_or_else(|| request.path.clone(), |systems| systems.address(&request.path));
        let needs = crate::guide::rights::needed(&request.method, &request.path).map(|names| names.join(" or "));
        PlannedOp { op, title, request, address, before, undo, needs, undo_of }
    }

    fn plan_undo(&self, step: &str, removals: Removals) -> Result<Plan, Refusal> {
        self.with_known(|known| {
            let Some(definition) = known.guide.steps.get(step) else { return Err(Refusal::Not(no_step(self, step))) };
            let (mut ops, mut skipped) = (Vec::new(), Vec::new());
            // The last change goes first, so that nothing is taken away from under another.
            for entry in known.ledger.open.iter().rev().filter(|entry| entry.step == step) {
                match &entry.undo {
                    Some(request) => ops.push(self.planned(
                        entry.op.clone(),
                        title(known, step, &entry.op),
                        request.clone(),
                        format!("done by Guidepost at {:.0}", entry.at),
                        again(known, definition, entry),
                        Some(entry.n),
                    )),
                    None => skipped.push(format!("{}: {}", title(known, step, &entry.op), entry.no_undo.clone().unwrap_or_default())),
                }
            }
            ops.extend(removals.ops);
            skipped.extend(removals.skipped);
            Ok(Plan { by_hand: removals.by_hand, ..Plan::new(self, definition, Direction::Undo, ops, skipped) })
        })
    }
}

fn again(_known: &Known<'_>, step: &Step, entry: &Entry) -> String {
    format!("by applying `{}` again: {} {}", step.id, entry.request.method, entry.request.path)
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

fn not_ready(title: &str, trouble: &NoRequest) -> Refusal {
    match trouble {
        NoRequest::Waiting => Refusal::Unknown(Problem::unknown(format!("cannot plan `{title}`: not everything was read yet"))),
        NoRequest::Missing(reference) => Refusal::Not(Problem::new(format!("cannot plan `{title}`: `{reference}` finds nothing"))),
        NoRequest::Failed(error) => {
            Refusal::Unknown(Problem { hint: error.hint.clone(), ..Problem::unknown(format!("cannot plan `{title}`: {}", error.what)) })
        }
    }
}

fn templates(write: &GraphWrite) -> Vec<&Template> {
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
