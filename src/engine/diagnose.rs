//! A diagnosis: the first known cause of the guide that fits when a check does not pass. Pure.

use super::{
    known::Known,
    matcher::{self, Outcome},
    probe::LookError,
};
use crate::guide::step::{Check, Diagnosis, ErrorMatch, Step};

/// The first diagnosis for an error of a probe that the check rests on.
#[must_use]
pub fn of_error<'g>(known: &Known<'_>, step: &'g Step, check: &str, definition: &Check, error: &LookError) -> Option<&'g Diagnosis> {
    concerning(step, check, definition).find(|diagnosis| {
        let Some(wanted) = &diagnosis.when.error else { return false };
        let Some(probe) = &diagnosis.when.probe else { return matches(wanted, error) };
        // The error may be that of a probe which this one refers to.
        let theirs = known.look(&step.id, probe).and_then(|look| look.outcome.as_ref().err());
        matches(wanted, theirs.unwrap_or(error)) && (theirs.is_some() || *probe == definition.probe)
    })
}

/// The first diagnosis whose statements hold on what was read.
#[must_use]
pub fn of_facts<'g>(known: &Known<'_>, step: &'g Step, check: &str, definition: &Check) -> Option<&'g Diagnosis> {
    let scope = known.scope(&step.id);
    concerning(step, check, definition).find(|diagnosis| {
        let probe = diagnosis.when.probe.as_ref();
        let facts = probe.and_then(|probe| known.look(&step.id, probe)).and_then(|look| look.outcome.as_ref().ok());
        facts.is_some_and(|facts| {
            diagnosis.when.error.is_none()
                && matcher::judge(&diagnosis.when.expect, &facts.body, &scope, facts.now).outcome == Outcome::Holds
        })
    })
}

/// Diagnoses that name the check; without names, those that look at the check's probe, at one it refers to, or at any.
fn concerning<'g>(step: &'g Step, check: &str, definition: &Check) -> impl Iterator<Item = &'g Diagnosis> {
    let probes = super::known::probes_of(step, &definition.probe);
    let check = check.to_owned();
    step.diagnose.iter().filter(move |diagnosis| {
        let about = diagnosis.when.probe.as_ref().is_none_or(|probe| probes.contains(probe));
        if diagnosis.checks.is_empty() { about } else { diagnosis.checks.contains(&check) }
    })
}

fn matches(wanted: &ErrorMatch, error: &LookError) -> bool {
    match wanted {
        ErrorMatch::Status(status) => error.status == Some(*status),
        ErrorMatch::Code(code) => error.code.as_ref() == Some(code),
    }
}
