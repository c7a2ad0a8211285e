//! A fresh practice lab with an engine over it: what persons do there, how time passes, what checks show. Judges nothing.

use super::Seen;
use crate::base::{
    Exit, Problem,
    clock::{AheadClock, SignedDuration},
};
use crate::engine::{
    action::{Carried, Direction, How, Plan, Refusal},
    check::{Verdict, judge},
    core::{Engine, LabName},
    journal::{Author, Journal},
    page::build::words,
    run::{Door as _, NotConnected},
    systems::LabDoor,
};
use crate::guide::{
    Guide, Template,
    pack::{Pack, Variable},
    rehearsal::{Beginning, Deed},
    variables::{Part, Reference},
};
use crate::lab::connect::Fresh;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;

/// So much time passes after the set-up, so that reads show it: many times what the practice lab takes to be consistent.
const SHOWN: Duration = Duration::from_mins(1);
/// How a check is looked at that says nothing about it.
const EVERY: Duration = Duration::from_secs(5);
/// How long its change may take, in the lab's time.
const WITHIN: Duration = Duration::from_mins(2);

/// The lab, the engine, the checks in question. The fields end in this order: the engine lets go of its journal, the process ends, its
/// directory goes.
pub(super) struct Stage {
    engine: Engine,
    step: String,
    checks: Vec<String>,
    variables: BTreeMap<String, String>,
    clock: Arc<AheadClock>,
    lab: Fresh,
    _places: TempDir,
}

impl Stage {
    /// A lab as a step's checks are to find it.
    pub(super) async fn set(guide: &Arc<Guide>, step: &str, checks: &[String], from: Beginning, before: &[Deed]) -> Result<Self, Refusal> {
        let places = tempfile::Builder::new().prefix("guidepost-rehearsal-").tempdir();
        let places = places.map_err(|error| {
            Refusal::Unknown(Problem::unknown(format!("cannot make a directory for the rehearsal: {error}")).hint("is there room for it?"))
        })?;
        let variables = values(&guide.pack);
        let lab = Fresh::start(&places.path().join("world"), from.word(), variables.clone()).await.map_err(Refusal::Unknown)?;
        let clock = Arc::new(AheadClock::default());
        let author = Author { run: "rehearsal".into(), command: "guide test".into(), guide: guide.pack.id.clone() };
        let journal = Journal::open(&places.path().join("journal"), author, clock.clone()).map_err(Refusal::Unknown)?;
        let name = LabName { name: lab.lab.name.clone(), environment: lab.lab.environment.clone() };
        let engine = Engine::new(guide.clone(), name, variables.clone(), clock.clone(), journal);
        let (step, checks) = (step.to_owned(), checks.to_vec());
        let stage = Self { engine, step, checks, variables, clock, lab, _places: places };
        stage.play(before).await?;
        if !before.is_empty() {
            stage.pass(SHOWN).await?;
        }
        stage.connect().await?;
        Ok(stage)
    }

    async fn connect(&self) -> Result<(), Refusal> {
        let door = LabDoor::new(self.lab.lab.clone(), self.engine.guide().clone(), self.clock.clone());
        let systems = door.connect().await.map_err(|why| {
            Refusal::Unknown(match why {
                NotConnected::Failed(problem) | NotConnected::SignedOut(Some(problem)) => problem,
                NotConnected::SignedOut(None) => Problem::unknown("nobody is signed in to the practice lab"),
            })
        })?;
        self.engine.connect(systems);
        Ok(())
    }

    /// Does what persons do.
    pub(super) async fn play(&self, deeds: &[Deed]) -> Result<(), Refusal> {
        for deed in deeds {
            match deed {
                Deed::Clock(by) => self.pass(*by).await?,
                Deed::Person(words) => self.person(words).await?,
                Deed::Apply(step) => self.ourselves(step, Direction::Apply).await?,
                Deed::Undo(step) => self.ourselves(step, Direction::Undo).await?,
            }
        }
        Ok(())
    }

    async fn ourselves(&self, step: &str, direction: Direction) -> Result<(), Refusal> {
        if self.engine.systems().is_none() {
            self.connect().await?;
        }
        self.carry(step, direction).await
    }

    async fn person(&self, words: &[Template]) -> Result<(), Refusal> {
        let words = words.iter().map(|word| self.fill(word)).collect::<Result<Vec<_>, _>>().map_err(Refusal::Not)?;
        let Some((verb, args)) = words.split_first() else { return Ok(()) };
        self.lab.control.person(verb, args).await.map_err(|problem| {
            let what = format!("`{}` in the rehearsal: {}", words.join(" "), problem.what);
            let problem = Problem { what, ..problem };
            if problem.exit == Exit::Unknown { Refusal::Unknown(problem) } else { Refusal::Not(problem) }
        })
    }

    /// One argument; a person types it as it stands, so nothing is encoded.
    fn fill(&self, word: &Template) -> Result<String, Problem> {
        let value = |reference: &Reference| {
            let value = match reference {
                Reference::Variable(name) => self.variables.get(name),
                Reference::Constant(name) => self.engine.guide().pack.constants.get(name),
                Reference::Captured(_) | Reference::Probe { .. } | Reference::Found { .. } => None,
            };
            let nothing =
                || Problem::new(format!("`{reference}` in the rehearsal has no value")).hint("give it a `default` or an `example`");
            value.cloned().ok_or_else(nothing)
        };
        let parts = word.parts.iter().map(|part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Reference(reference) => value(reference),
        });
        parts.collect()
    }

    /// Lets time pass in the lab, and for the engine, which otherwise would wait for it.
    async fn pass(&self, by: Duration) -> Result<(), Refusal> {
        let by = Duration::from_secs(by.as_secs() + u64::from(by.subsec_nanos() > 0));
        self.lab.control.advance(by).await.map_err(Refusal::Unknown)?;
        self.clock.advance(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
        Ok(())
    }

    /// The checks as they stand now.
    pub(super) async fn look(&self) -> Vec<Seen> {
        self.engine.survey(std::slice::from_ref(&self.step)).await;
        self.checks.iter().map(|check| self.seen(check)).collect()
    }

    fn seen(&self, check: &str) -> Seen {
        self.engine.with_known(|known| {
            let judgement = judge(known, &self.step, check);
            let (why, _) = words(known, &self.step, &judgement);
            let verdict = judgement.verdict.unwrap_or(Verdict::Unknown);
            Seen { verdict, code: judgement.code, expected: judgement.expected, found: judgement.found, why }
        })
    }

    /// Looks until all are as `wanted`, by their number and how they stand, or the time that a change may take has passed in the lab.
    pub(super) async fn until(&self, wanted: impl Fn(usize, &Seen) -> bool) -> Result<Vec<Seen>, Refusal> {
        let (every, within) = self.window();
        let mut passed = Duration::ZERO;
        loop {
            let seen = self.look().await;
            // One look beyond the window: what is said of a change then is final.
            if passed > within || seen.iter().enumerate().all(|(number, seen)| wanted(number, seen)) {
                return Ok(seen);
            }
            self.pass(every).await?;
            passed += every;
        }
    }

    /// The way that `apply --yes` and `undo --yes` go: plan, confirm, journal, send.
    pub(super) async fn carry(&self, step: &str, direction: Direction) -> Result<(), Refusal> {
        let mut plan = self.engine.plan(step, direction).await?;
        while !plan.later.is_empty() && !plan.ops.is_empty() {
            self.engine.carry_out(&plan, How::Yes).await?;
            plan = self.next(step).await?;
        }
        match self.engine.carry_out(&plan, How::Yes).await? {
            Carried::Done(_) => Ok(()),
            Carried::Nothing => Err(Refusal::Not(
                Problem::new(format!("the {} of `{step}` has nothing to send", direction.word()))
                    .hint("begin where it is not done yet: `action: {from: …}` in `rehearsal.yaml`"),
            )),
        }
    }

    /// The plan of what comes next, when what was sent has shown; time passes until then.
    async fn next(&self, step: &str) -> Result<Plan, Refusal> {
        let (every, within) = self.window();
        let mut passed = Duration::ZERO;
        loop {
            let plan = self.engine.plan(step, Direction::Apply).await?;
            if !plan.ops.is_empty() || passed > within {
                return Ok(plan);
            }
            self.pass(every).await?;
            passed += every;
        }
    }

    /// The shortest pause and the longest window of the checks.
    fn window(&self) -> (Duration, Duration) {
        let step = self.engine.guide().steps.get(&self.step);
        let settles = || self.checks.iter().filter_map(|check| step?.checks.get(check)?.settle);
        let every = settles().map(|settle| settle.every).min().unwrap_or(EVERY).max(Duration::from_secs(1));
        (every, settles().map(|settle| settle.within).max().unwrap_or(WITHIN))
    }
}

/// What a pack's variables are in a rehearsal: the default, else the example, which is meant for a lab like this one.
fn values(pack: &Pack) -> BTreeMap<String, String> {
    let value =
        |(name, variable): (&String, &Variable)| Some((name.clone(), variable.default.clone().or_else(|| variable.example.clone())?));
    pack.variables.iter().filter_map(value).collect()
}
