//! The shape of `rehearsal.yaml`: what a person does in the practice lab so that a step's checks can be proved. For `guide test` only;
//! nothing else reads it, and nothing here runs.

use super::variables::Template;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// `rehearsal.yaml`: how each check of a step is shown red before and green after.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// Where the step's own action is tried; `from: phase-1` when absent.
    #[serde(default)]
    pub action: Option<Setting>,
    /// What persons do, for the checks that no action turns; each in a lab of its own.
    #[serde(default)]
    pub scenes: Vec<Scene>,
}

/// How the lab stands before something is done.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// How its world begins.
    pub from: Beginning,
    /// What is done to it before the first look.
    #[serde(default)]
    pub before: Vec<Deed>,
}

/// Checks that are red before, what a person does, and they are green.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// Checks of this step.
    pub proves: Vec<String>,
    /// How the lab's world begins.
    pub from: Beginning,
    /// What is done to it before the first look.
    #[serde(default)]
    pub before: Vec<Deed>,
    /// What turns the checks, in order.
    #[serde(rename = "do")]
    pub deeds: Vec<Deed>,
}

/// How the practice lab's world begins, as `guidepost practice --from` takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Beginning {
    /// Nothing done.
    #[serde(rename = "start")]
    Start,
    /// Phase 1 done.
    #[default]
    #[serde(rename = "phase-1")]
    PhaseOne,
    /// Phase 1 and the first block of phase 2 done.
    #[serde(rename = "done")]
    Done,
}

impl Beginning {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Start, Self::PhaseOne, Self::Done];

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::PhaseOne => "phase-1",
            Self::Done => "done",
        }
    }
}

/// One thing that happens in the lab before a check is looked at again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// What `guidepost practice person` takes: a verb and its arguments; these may hold `{{ var:… }}` and `{{ const:… }}`.
    Person(Vec<Template>),
    /// Guidepost carries out the action of this step.
    Apply(String),
    /// Guidepost takes back what it did in this step.
    Undo(String),
    /// Time passes, in whole seconds.
    Clock(
        #[serde(deserialize_with = "super::variables::duration")]
        #[schemars(with = "String")]
        Duration,
    ),
}

/// The longest time that a deed may let pass: what the practice lab takes.
pub(super) const LONGEST: Duration = Duration::from_hours(3650 * 24);

/// What a person can do in the practice lab, and with how many arguments. A test holds it against the lab's own table, which this room cannot
/// see: a guide knows no lab.
pub const VERBS: &[(&str, usize)] = &[
    ("assign-role", 2),
    ("make-eligible", 2),
    ("remove-role", 2),
    ("grant-consent", 1),
    ("revoke-consent", 1),
    ("register-certificate", 1),
    ("grant-app", 1),
    ("revoke-app", 1),
    ("leave-out", 1),
    ("take-in", 1),
    ("stop-machine", 1),
    ("shut-down", 1),
    ("start-machine", 1),
    ("stop-agent", 1),
    ("start-agent", 1),
    ("grant-azure", 2),
    ("revoke-azure", 2),
    ("sync", 0),
    ("stop-sync", 0),
    ("start-sync", 0),
    ("stop-service", 0),
    ("start-service", 0),
    ("stage", 0),
    ("unstage", 0),
    ("tick-feature", 1),
    ("untick-feature", 1),
    ("block-relay", 0),
    ("allow-relay", 0),
    ("set-app1-clock", 1),
    ("resize-app1", 1),
    ("install-rsat", 0),
    ("remove-rsat", 0),
    ("enable-tls", 0),
    ("disable-tls", 0),
    ("disable-sync", 0),
    ("buy-license", 1),
    ("drop-license", 1),
    ("add-domain", 1),
    ("verify-domain", 1),
    ("publish-dns", 1),
    ("remove-domain", 1),
    ("hire", 1),
    ("lock-out", 1),
    ("protect", 1),
    ("block-inheritance", 1),
    ("leave-group", 2),
    ("allow-inheritance", 1),
    ("rename-user", 2),
    ("harden-domain", 0),
    ("soften-domain", 0),
    ("delegate", 1),
    ("set-minimum-age", 1),
    ("open-wizard", 0),
    ("close-wizard", 0),
    ("wizard-choose", 1),
    ("wizard-tick", 1),
    ("wizard-enter", 1),
    ("wizard-press", 1),
    ("configure-sspr", 1),
    ("register-methods", 1),
    ("reset-own-password", 1),
    ("change-own-password", 1),
    ("reset-in-admin-center", 1),
    ("revoke-tokens", 0),
];
