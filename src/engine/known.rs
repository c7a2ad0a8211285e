//! What is known at one moment: the guide, its variables, what was read, what the journal says. Borrowed, immutable, pure.

use super::{
    azure::NO_SIGN_IN,
    ledger::Ledger,
    matcher::{self, Scope},
    probe::{self, LookError, Request},
    proof::live::Travelling,
};
use crate::guide::{Guide, Step, Template, prose::plain_text, step::Check, variables::Reference};
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// What a probe brought back.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The body of the reply.
    pub body: Value,
    /// When it was asked, by the asked system's own clock; ours only where it names none.
    pub now: Timestamp,
}

/// A finished look.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// What came of it.
    pub outcome: Result<Facts, LookError>,
    /// When it came back, by this machine's clock.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
}

impl Look {
    /// A look for which no system was asked.
    #[must_use]
    pub fn own(body: Value, now: Timestamp) -> Self {
        Self { outcome: Ok(Facts { body, now }), at: now, took: Duration::ZERO }
    }
}

/// Looks in a row with the same outcome since the step's last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streak {
    /// What they came to.
    pub holds: bool,
    /// How many.
    pub looks: u32,
}

/// Everything that a check may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// The guide.
    pub guide: &'k Guide,
    /// Values of the guide's variables.
    pub variables: &'k BTreeMap<String, String>,
    /// What was read.
    pub looks: &'k HashMap<Request, Look>,
    /// What the journal says.
    pub ledger: &'k Ledger,
    /// By step and check.
    pub streaks: &'k BTreeMap<(String, String), Streak>,
    /// The round trip under way.
    pub travelling: Option<&'k Travelling>,
    /// This machine's time.
    pub now: Timestamp,
}

/// Why a probe has no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRequest {
    /// A probe that it refers to was not looked at yet.
    Waiting,
    /// A reference finds nothing.
    Missing(String),
    /// A probe that it refers to could not look.
    Failed(LookError),
}

impl<'k> Known<'k> {
    /// A check with its step.
    #[must_use]
    pub fn check(&self, step: &str, check: &str) -> Option<(&'k Step, &'k Check)> {
        let step = self.guide.steps.get(step)?;
        Some((step, step.checks.get(check)?))
    }

    /// What a check states, in the guide's words.
    #[must_use]
    pub fn check_title(&self, step: &str, check: &str) -> String {
        let title = self.guide.prose.get(step).and_then(|prose| prose.checks.get(check));
        title.map_or_else(|| format!("{step}/{check}"), |spans| plain_text(spans))
    }

    /// The request of a probe as it would be sent now.
    ///
    /// # Errors
    /// [`NoRequest`] says what it waits for.
    pub fn request(&self, step: &str, probe: &str) -> Result<Request, NoRequest> {
        let Some(definition) = self.guide.steps.get(step).and_then(|step| step.probes.get(probe)) else {
            return Err(NoRequest::Missing(format!("probe {probe}")));
        };
        for template in definition.templates() {
            self.ready(step, template)?;
        }
        probe::request(definition, step, &self.scope(step)).map_err(|error| NoRequest::Missing(error.to_string()))
    }

    /// Whether everything that a template refers to is there.
    ///
    /// # Errors
    /// [`NoRequest`] says what it waits for.
    pub fn ready(&self, step: &str, template: &Template) -> Result<(), NoRequest> {
        for reference in template.references() {
            if let Reference::Probe { probe, .. } = reference {
                self.looked(step, probe)?;
            }
            if let Reference::Found { check, .. } = reference {
                let (step, check) = check.split_once('/').unwrap_or((step, check));
                if let Some((_, definition)) = self.check(step, check) {
                    self.looked(step, &definition.probe)?;
                }
            }
            if self.scope(step).value(reference).is_none() {
                return Err(NoRequest::Missing(reference.to_string()));
            }
        }
        Ok(())
    }

    /// Whether a probe brought something back.
    fn looked(&self, step: &str, probe: &str) -> Result<(), NoRequest> {
        match self.looks.get(&self.request(step, probe)?).map(|look| &look.outcome) {
            None => Err(NoRequest::Waiting),
            Some(Err(error)) => Err(NoRequest::Failed(error.clone())),
            Some(Ok(_)) => Ok(()),
        }
    }

    /// The newest look of a probe.
    #[must_use]
    pub fn look(&self, step: &str, probe: &str) -> Option<&'k Look> {
        self.looks.get(&self.request(step, probe).ok()?)
    }

    /// Looks in a row that came to `holds`, since the step's last change.
    #[must_use]
    pub fn streak(&self, step: &str, check: &str, holds: bool) -> u32 {
        let streak = self.streaks.get(&(step.to_owned(), check.to_owned()));
        streak.filter(|streak| streak.holds == holds).map_or(0, |streak| streak.looks)
    }

    /// What references of a step mean.
    #[must_use]
    pub fn scope(&self, step: &str) -> StepScope<'k> {
        StepScope { known: *self, step: step.to_owned(), captured: Map::new() }
    }
}

/// What references of one step mean.
#[derive(Clone, Debug)]
pub struct StepScope<'k> {
    known: Known<'k>,
    step: String,
    captured: Map<String, Value>,
}

impl StepScope<'_> {
    /// The same, knowing what was kept of a reply.
    #[must_use]
    pub fn with_captured(mut self, captured: Map<String, Value>) -> Self {
        self.captured = captured;
        self
    }
}

impl Scope for StepScope<'_> {
    fn value(&self, reference: &Reference) -> Option<Value> {
        match reference {
            Reference::Variable(name) => self.known.variables.get(name).cloned().map(Value::String),
            Reference::Constant(name) => self.known.guide.pack.constants.get(name).cloned().map(Value::String),
            Reference::Captured(name) => self.captured.get(name).cloned(),
            Reference::Probe { probe, pointer } => {
                let look = self.known.look(&self.step, probe)?;
                let facts = look.outcome.as_ref().ok()?;
                pointer.find(&facts.body).filter(|value| !value.is_null()).cloned()
            }
            Reference::Found { check, pointer } => {
                let (step, check) = check.split_once('/').unwrap_or((&self.step, check));
                let (_, definition) = self.known.check(step, check)?;
                let facts = self.known.look(step, &definition.probe)?.outcome.as_ref().ok()?;
                let item = matcher::matched(&definition.expect, &facts.body, &self.known.scope(step), facts.now)?;
                pointer.find(item).filter(|value| !value.is_null()).cloned()
            }
        }
    }
}

/// Whether a look found nobody signed in to Azure.
#[must_use]
pub fn wants_azure(known: &Known<'_>) -> bool {
    let code = |look: &Look| look.outcome.as_ref().err().and_then(|error| error.code.clone());
    known.looks.values().any(|look| code(look).as_deref() == Some(NO_SIGN_IN))
}

/// A probe and all that it refers to, itself first.
#[must_use]
pub fn probes_of(step: &Step, probe: &str) -> Vec<String> {
    let mut found = vec![probe.to_owned()];
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        next += 1;
        let Some(probe) = step.probes.get(&name) else { continue };
        for reference in probe.templates().into_iter().flat_map(Template::references) {
            let behind = match reference {
                Reference::Probe { probe, .. } => Some(probe),
                Reference::Found { check, .. } => step.checks.get(check).map(|check| &check.probe),
                Reference::Variable(_) | Reference::Constant(_) | Reference::Captured(_) => None,
            };
            found.extend(behind.filter(|probe| !found.contains(probe)).cloned().into_iter().collect::<Vec<_>>());
        }
    }
    found
}
