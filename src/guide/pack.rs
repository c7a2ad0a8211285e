//! The shape of `pack.yaml`, and a guide as the loader hands it out: parsed once, trusted inside.

use super::{prose::StepProse, rehearsal::Rehearsal, step::Step};
use crate::base::Problem;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// A loaded guide: the pack, its steps in walking order, and their words.
#[derive(Clone, Debug)]
pub struct Guide {
    /// `pack.yaml`.
    pub pack: Pack,
    /// Steps by id, in the order of the phases, each with the option that is walked.
    pub steps: IndexMap<String, Step>,
    /// The words of each step, by step id.
    pub prose: IndexMap<String, StepProse>,
    /// The rehearsals of the steps that have one, by step id; for `guide test` only.
    pub rehearsals: IndexMap<String, Rehearsal>,
    /// Lower-case hex SHA-256 over all files of the pack, in path order.
    pub hash: String,
    /// Whether it came from the binary.
    pub built_in: bool,
    /// Steps that have options, as they are written.
    written: IndexMap<String, Step>,
    /// The option that is walked, by step.
    chosen: IndexMap<String, String>,
}

impl Guide {
    /// A guide whose steps are walked with their first options.
    #[must_use]
    pub fn new(pack: Pack, mut steps: IndexMap<String, Step>, prose: IndexMap<String, StepProse>, hash: String, built_in: bool) -> Self {
        let (mut written, mut chosen) = (IndexMap::new(), IndexMap::new());
        for (id, step) in &mut steps {
            let Some(option) = step.default_option().map(str::to_owned) else { continue };
            let Some(walked) = step.with_option(&option) else { continue };
            written.insert(id.clone(), std::mem::replace(step, walked));
            chosen.insert(id.clone(), option);
        }
        Self { pack, steps, prose, rehearsals: IndexMap::new(), hash, built_in, written, chosen }
    }

    /// The option with which a step is walked; `None` when it has none to choose from.
    #[must_use]
    pub fn option(&self, step: &str) -> Option<&str> {
        self.chosen.get(step).map(String::as_str)
    }

    /// Walks a step with this option.
    ///
    /// # Errors
    /// The step has no such option.
    pub fn choose(&mut self, step: &str, option: &str) -> Result<(), NoOption> {
        let Some(written) = self.written.get(step) else { return Err(NoOption::None { step: step.to_owned() }) };
        let Some(walked) = written.with_option(option) else {
            let known = written.options.keys().map(String::as_str).collect::<Vec<_>>().join("`, `");
            return Err(NoOption::Unknown { step: step.to_owned(), option: crate::base::text::short(option, 60), known });
        };
        self.steps.insert(step.to_owned(), walked);
        self.chosen.insert(step.to_owned(), option.to_owned());
        Ok(())
    }

    /// `<pack>/<step>`.
    #[must_use]
    pub fn full_id(&self, step: &str) -> String {
        format!("{}/{step}", self.pack.id)
    }
}

/// Why a step cannot be walked with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOption {
    /// There is nothing to choose.
    #[error("the step `{step}` has no options")]
    None {
        /// The step.
        step: String,
    },
    /// It has others.
    #[error("the step `{step}` has no option `{option}`")]
    Unknown {
        /// The step.
        step: String,
        /// What was asked for.
        option: String,
        /// What there is, joined for a sentence in backticks.
        known: String,
    },
}

impl From<NoOption> for Problem {
    fn from(error: NoOption) -> Self {
        let hint = match &error {
            NoOption::None { .. } => "leave `--option` out for it".to_owned(),
            NoOption::Unknown { known, .. } => format!("its options are `{known}`"),
        };
        Self::usage(error.to_string()).hint(hint)
    }
}

/// `pack.yaml`: order, variables, rights.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pack {
    /// The version of the format; always 1.
    #[serde(deserialize_with = "super::variables::strict")]
    pub format: u32,
    /// The pack's name, equal to its directory's.
    pub id: String,
    /// The pack's own version.
    pub version: String,
    /// The title shown; the source's title when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// The published guide that the pack follows.
    pub source: Source,
    /// What kind of environment the guide is meant for.
    pub environment: Environment,
    /// What the person or the lab profile fills in, by name.
    #[serde(default)]
    pub variables: IndexMap<String, Variable>,
    /// Fixed values by name.
    #[serde(default)]
    pub constants: IndexMap<String, String>,
    /// The least rights, reading apart from writing.
    #[serde(default)]
    pub rights: Rights,
    /// Chapters in walking order.
    pub phases: Vec<Phase>,
    /// The numbers of the source's actions that the tasks must cover, each exactly once.
    #[serde(default)]
    pub actions: Vec<String>,
    /// The file that is drawn as topology.
    #[serde(default)]
    pub diagram: Option<String>,
}

/// The published guide that a pack follows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its title.
    pub title: String,
    /// The day it was published, `YYYY-MM-DD`.
    pub dated: String,
}

/// What kind of environment a pack or a lab is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// A test lab.
    Test,
    /// People depend on it: a test guide refuses it.
    Production,
}

/// What a person or the lab profile fills in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// What the value must look like.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// The question to ask.
    #[serde(default)]
    pub ask: Option<String>,
    /// Used when nobody says otherwise.
    #[serde(default)]
    pub default: Option<String>,
    /// Shown beside the question.
    #[serde(default)]
    pub example: Option<String>,
}

/// What a variable's value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// A DNS name (RFC 1035 2.3.1), no trailing dot.
    DnsName,
    /// A `sAMAccountName`: up to 20 characters, none of `"/\[]:;|=,+*?<>`.
    SamName,
    /// A GUID in its usual text form.
    Guid,
    /// One line of any text.
    Text,
}

/// The least rights, by system, reading apart from writing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// Microsoft Graph delegated permissions.
    #[serde(default)]
    pub graph: ReadWrite,
    /// Azure actions, without `Microsoft.Compute/`.
    #[serde(default)]
    pub azure: ReadWrite,
    /// Attributes of the domain's objects.
    #[serde(default)]
    pub domain: ReadWrite,
}

/// What may be read and what may be written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadWrite {
    /// For probes.
    #[serde(default)]
    pub read: Vec<String>,
    /// For ops.
    #[serde(default)]
    pub write: Vec<String>,
}

/// A chapter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Ids of its steps, in walking order.
    pub steps: Vec<String>,
}
