//! A pack from the binary or from a directory, read and examined whole; what the engine gets from here can be trusted.

use super::finding::{Finding, Mark, PackError, known_names, nearest};
use super::pack::{Guide, Pack};
use super::rehearsal::Rehearsal;
use super::source::{Files, Text};
use super::step::Step;
use super::words::{self, Words};
use super::yaml::{self, Read};
use super::{lint, outline};
use indexmap::IndexMap;
use std::{collections::HashSet, path::Path};

/// A built-in guide by its id.
///
/// # Errors
/// [`PackError::NotFound`]; [`PackError::Wrong`] never in a released binary, for a test loads each.
pub fn built_in(id: &str) -> Result<Guide, PackError> {
    let Some(files) = Files::built_in(id) else {
        return Err(PackError::NotFound { id: id.to_owned(), known: built_in_ids() });
    };
    whole(examine(&files), id)
}

/// The ids of the built-in guides, sorted.
#[must_use]
pub fn built_in_ids() -> Vec<String> {
    Files::built_in_names()
}

/// A guide from a pack's directory.
///
/// # Errors
/// [`PackError::Wrong`] with everything that could be found in one go.
pub fn directory(path: &Path) -> Result<Guide, PackError> {
    whole(examine_directory(path), &path.to_string_lossy())
}

/// A guide by what a person typed: a built-in id, or a directory.
///
/// A built-in id wins over a directory of the same name in the working directory, so that no download can stand in for it.
///
/// # Errors
/// As [`built_in`] and [`directory`].
pub fn named(guide: &str) -> Result<Guide, PackError> {
    if is_directory(guide) { directory(Path::new(guide)) } else { built_in(guide) }
}

/// Reads and lints a guide by what a person typed; `None` when there is no such guide.
#[must_use]
pub fn examine_named(guide: &str) -> Option<Examined> {
    if is_directory(guide) {
        return Some(examine_directory(Path::new(guide)));
    }
    Files::built_in(guide).map(|files| examine(&files))
}

fn is_directory(guide: &str) -> bool {
    guide.contains(['/', '\\']) || (!built_in_ids().iter().any(|id| id == guide) && Path::new(guide).is_dir())
}

/// What reading and linting a pack brought.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The guide; `None` when there is an error among the findings.
    pub guide: Option<Guide>,
    /// Errors and warnings, by file and place.
    pub findings: Vec<Finding>,
}

fn whole(examined: Examined, pack: &str) -> Result<Guide, PackError> {
    examined.guide.ok_or(PackError::Wrong { pack: pack.to_owned(), findings: examined.findings })
}

/// Reads and lints a pack's directory.
#[must_use]
pub fn examine_directory(path: &Path) -> Examined {
    let (files, findings) = Files::directory(path);
    if findings.is_empty() { examine(&files) } else { Examined { guide: None, findings } }
}

/// Reads and lints a pack.
#[must_use]
pub fn examine(files: &Files) -> Examined {
    let mut findings = Vec::new();
    let guide = parts(files, &mut findings).and_then(|parts| {
        findings.extend(lint::pack(&parts, files));
        let clean = parts.complete && !findings.iter().any(Finding::is_error);
        clean.then(|| parts.into_guide(files))
    });
    findings.sort_by(|a, b| (&a.file, a.line, a.column, &a.what).cmp(&(&b.file, b.line, b.column, &b.what)));
    Examined { guide, findings }
}

/// A pack as far as it could be understood.
pub(super) struct Parts {
    /// `pack.yaml`.
    pub(super) pack: Read<Pack>,
    /// The steps that could be understood, in walking order.
    pub(super) steps: IndexMap<String, StepParts>,
    /// Whether all of them could, with their words.
    pub(super) complete: bool,
}

/// A step and its words.
pub(super) struct StepParts {
    /// `step.yaml`.
    pub(super) step: Read<Step>,
    /// The step with each of its options; the step itself when it has none.
    pub(super) variants: Vec<Read<Step>>,
    /// `en.md`; `None` when it is not there or could not be read as text.
    pub(super) words: Option<Words>,
    /// `rehearsal.yaml`; `None` when there is none, or when it could not be understood.
    pub(super) rehearsal: Option<Read<Rehearsal>>,
}

impl Parts {
    fn into_guide(self, files: &Files) -> Guide {
        let (mut steps, mut prose, mut rehearsals) = (IndexMap::new(), IndexMap::new(), IndexMap::new());
        for (id, parts) in self.steps {
            prose.insert(id.clone(), parts.words.map(|words| words.prose).unwrap_or_default());
            if let Some(rehearsal) = parts.rehearsal {
                rehearsals.insert(id.clone(), rehearsal.value);
            }
            steps.insert(id, parts.step.value);
        }
        let mut guide = Guide::new(self.pack.value, steps, prose, files.hash(), files.built_in);
        guide.rehearsals = rehearsals;
        guide
    }
}

fn parts(files: &Files, findings: &mut Vec<Finding>) -> Option<Parts> {
    let pack = required::<Pack>(files, "pack.yaml", findings, || {
        let finding = Finding::whole("pack.yaml", "there is no such file");
        finding.hint(near_file(files, "pack.yaml").unwrap_or_else(|| "a pack's directory holds `pack.yaml` and `steps/`".to_owned()))
    })?;
    let mut parts = Parts { pack, steps: IndexMap::new(), complete: true };
    let jobs = listed(&parts.pack, findings);
    for (id, step, found) in read_steps(files, &parts.pack.text, &jobs) {
        findings.extend(found);
        match step {
            Some(step) => {
                parts.complete &= step.words.is_some();
                parts.steps.insert(id, step);
            }
            None => parts.complete = false,
        }
    }
    Some(parts)
}

/// The steps of the phases, each once, with where it is named.
fn listed(pack: &Read<Pack>, findings: &mut Vec<Finding>) -> Vec<(String, Mark)> {
    let (mut jobs, mut seen) = (Vec::new(), HashSet::new());
    for (phase_number, phase) in pack.value.phases.iter().enumerate() {
        for (number, id) in phase.steps.iter().enumerate() {
            let place = pack.node.place(&["phases", &phase_number.to_string(), "steps", &number.to_string()]);
            if seen.insert(id) {
                jobs.push((id.clone(), place));
            } else {
                let finding = pack.text.finding(place, format!("the step `{id}` stands in the phases twice"));
                findings.push(finding.hint("a step is walked once"));
            }
        }
    }
    jobs
}

/// A step's id, what was understood of it, and what was not.
type StepRead = (String, Option<StepParts>, Vec<Finding>);

/// Fewer steps than this are not worth a thread: each takes about 0.2 ms.
const WORTH_A_THREAD: usize = 32;

/// Reads the steps, on several threads when there are many: no step needs another to be read.
fn read_steps(files: &Files, pack: &Text, jobs: &[(String, Mark)]) -> Vec<StepRead> {
    let one = |(id, place): &(String, Mark)| {
        let mut found = Vec::new();
        let step = step(files, pack, *place, id, &mut found);
        (id.clone(), step, found)
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let share = jobs.len().div_ceil(threads).max(WORTH_A_THREAD);
    if jobs.len() <= share {
        return jobs.iter().map(one).collect();
    }
    std::thread::scope(|scope| {
        let shares: Vec<_> = jobs.chunks(share).map(|jobs| scope.spawn(move || jobs.iter().map(one).collect::<Vec<_>>())).collect();
        shares.into_iter().flat_map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

fn step(files: &Files, pack: &Text, place: Mark, id: &str, findings: &mut Vec<Finding>) -> Option<StepParts> {
    let directory = format!("steps/{id}");
    if !files.paths().any(|path| path.strip_prefix(directory.as_str()).is_some_and(|rest| rest.starts_with('/'))) {
        let known: Vec<&str> = lint::step_directories(files);
        let finding = pack.finding(place, format!("the step `{id}` has no directory `{directory}`"));
        findings.push(finding.hint(known_names(id, &known, "step directory").replace("directorys", "directories")));
        return None;
    }
    let yaml = format!("{directory}/step.yaml");
    let missing = |file: &str, what: &str| {
        let finding = pack.finding(place, format!("the step `{id}` has no file `{file}`"));
        finding.hint(near_file(files, file).unwrap_or_else(|| what.to_owned()))
    };
    let step = required::<Step>(files, &yaml, findings, || missing(&yaml, "it holds the step's logic"));
    let markdown = format!("{directory}/en.md");
    let words = match files.text(&markdown) {
        None => {
            findings.push(missing(&markdown, "it holds the step's words"));
            None
        }
        Some(Err(finding)) => {
            findings.push(finding);
            None
        }
        Some(Ok(text)) => {
            let words = words::read(text);
            findings.extend(words.findings.iter().cloned());
            Some(words)
        }
    };
    let rehearsal = rehearsal(files, &format!("{directory}/rehearsal.yaml"), findings);
    let step = step?;
    Some(StepParts { variants: variants(&step), step, words, rehearsal })
}

/// The step as each of its options makes it, knowing where each part is written.
fn variants(read: &Read<Step>) -> Vec<Read<Step>> {
    if read.value.options.is_empty() {
        return vec![read.clone()];
    }
    let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let one = |(option, variant): (&String, &super::step::Variant)| {
        let mut moved = Vec::new();
        let inside = |keys: &[&str]| path(&[&["options", option.as_str()], keys].concat());
        let names = variant.probes.keys().map(|name| ["probes", name]).chain(variant.checks.keys().map(|name| ["checks", name]));
        moved.extend(names.map(|keys| (path(&keys), inside(&keys))));
        let own = variant.diagnose.len();
        for number in 0..own + read.value.diagnose.len() {
            let at = number.to_string();
            let earlier = number.saturating_sub(own).to_string();
            let is = if number < own { inside(&["diagnose", &at]) } else { path(&["diagnose", &earlier]) };
            moved.push((path(&["diagnose", &at]), is));
        }
        if variant.apply.is_some() {
            moved.push((path(&["apply"]), inside(&["apply"])));
        }
        Some(Read { value: read.value.with_option(option)?, text: read.text.clone(), node: read.node.clone(), moved })
    };
    read.value.options.iter().filter_map(one).collect()
}

/// A step needs none; but one under a name that is nearly right would be missed in silence.
fn rehearsal(files: &Files, path: &str, findings: &mut Vec<Finding>) -> Option<Read<Rehearsal>> {
    if !files.has(path) {
        let directory = path.trim_end_matches("rehearsal.yaml");
        let near = |other: &&str| other.strip_prefix(directory).is_some_and(|name| name.to_ascii_lowercase().starts_with("rehears"));
        if let Some(near) = files.paths().find(near) {
            findings.push(Finding::whole(near, "nothing reads this file").hint(format!("rename it to `{path}`")));
        }
        return None;
    }
    required(files, path, findings, || Finding::whole(path, "there is no such file"))
}

fn required<T: serde::de::DeserializeOwned>(
    files: &Files,
    path: &str,
    findings: &mut Vec<Finding>,
    missing: impl FnOnce() -> Finding,
) -> Option<Read<T>> {
    let read = match files.text(path) {
        None => Err(vec![missing()]),
        Some(Err(finding)) => Err(vec![finding]),
        Some(Ok(text)) => yaml::read(text),
    };
    read.map_err(|found| findings.extend(found)).ok()
}

/// A file beside it whose name is nearly the same, such as `step.yml`, and no name that the format knows.
fn near_file(files: &Files, path: &str) -> Option<String> {
    let directory = |path: &str| path.rsplit_once('/').map_or(String::new(), |(directory, _)| directory.to_owned());
    let known_name =
        |path: &str| ["pack.yaml", "step.yaml", "en.md", "rehearsal.yaml"].contains(&path.rsplit('/').next().unwrap_or_default());
    let beside: Vec<&str> = files.paths().filter(|other| directory(other) == directory(path) && !known_name(other)).collect();
    nearest(path, &beside).map(|near| format!("there is `{near}`; rename it to `{path}`"))
}

/// How deep a pack's YAML may be nested.
pub const DEPTH_LIMIT: usize = outline::DEPTH_LIMIT;
