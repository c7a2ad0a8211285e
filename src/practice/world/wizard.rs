//! The wizard of Entra Connect on APP1 as a state machine: its pages, what can be done on each, what Configure asks for. Not what follows from
//! that in the world: who opens it hands in how Entra Connect stands, and takes away what is wanted.

mod open;
mod page;

pub(in crate::practice) use page::{Optional, Page};

use super::Misstep;
use jiff::Timestamp;
use page::{EVERY_CONTAINER, PASSWORD, Place, Task, USERNAME};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the wizard shows of Entra Connect, and can change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Setup {
    /// It only imports.
    pub(in crate::practice) staging: bool,
    /// What is ticked on Optional features.
    pub(in crate::practice) features: BTreeSet<Optional>,
    /// Whether all containers are synchronised, those to come too.
    pub(in crate::practice) every_container: bool,
    /// Containers of the domain that hold users, by name, and whether each is synchronised.
    pub(in crate::practice) containers: BTreeMap<String, bool>,
}

/// What the wizard is told of the world around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) struct Around {
    /// The cloud-only administrator of the lab.
    pub(in crate::practice) account: String,
    /// Why Microsoft Entra ID does not let that account configure synchronisation; `None` when it does.
    pub(in crate::practice) refusal: Option<String>,
    /// Whether the tenant has bought a licence that holds password writeback.
    pub(in crate::practice) licensed: bool,
    /// The directory that is synchronised.
    pub(in crate::practice) directory: String,
    /// The account in it by which Entra Connect reads and writes.
    pub(in crate::practice) connector: String,
}

/// An open wizard: while there is one, the scheduler is suspended (MIR how-to-connect-sync-feature-scheduler.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Wizard {
    /// When it was opened, in world time.
    pub(in crate::practice) opened: Timestamp,
    place: Place,
    /// What was chosen on Additional tasks.
    task: Option<Task>,
    /// As it was when the wizard opened.
    found: Setup,
    wanted: Setup,
    /// Fields that somebody filled; what was typed is nobody's business.
    filled: BTreeSet<String>,
    start_cycle: bool,
}

/// What a person does in it; labels as they stand on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Touch {
    /// One of several.
    Choose(String),
    /// A box, which is ticked or unticked by it.
    Tick(String),
    /// A field.
    Enter(String),
    /// A button.
    Press(String),
}

/// What follows from a touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Outcome {
    /// Nothing beyond the window.
    Stays,
    /// Entra Connect shall become as wanted.
    Configure {
        /// As it was when the wizard opened.
        found: Setup,
        /// As it shall be.
        wanted: Setup,
    },
    /// The window is gone.
    Left {
        /// A cycle begins now.
        cycle: bool,
    },
}

impl Wizard {
    /// The first page.
    pub(in crate::practice) fn open(found: Setup, now: Timestamp) -> Self {
        let wanted = found.clone();
        Self { opened: now, place: Place::Welcome, task: None, found, wanted, filled: BTreeSet::new(), start_cycle: true }
    }

    /// What stands on the page.
    pub(in crate::practice) fn page(&self, around: &Around) -> Page {
        page::draw(self, around)
    }

    /// What is wanted besides what is there, one sentence each.
    fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        for feature in Optional::ALL {
            let (was, is) = (self.found.features.contains(&feature), self.wanted.features.contains(&feature));
            if was != is {
                changes.push(format!("{} {}.", if is { "Enable" } else { "Disable" }, feature.label()));
            }
        }
        if self.found.staging != self.wanted.staging {
            changes.push(format!("{} staging mode.", if self.wanted.staging { "Enable" } else { "Disable" }));
        }
        let container = |(name, is): (&String, &bool)| {
            let was = self.found.containers.get(name)?;
            (was != is).then(|| format!("{} the container {name}.", if *is { "Take in" } else { "Leave out" }))
        };
        changes.extend(self.wanted.containers.iter().filter_map(container));
        changes
    }

    /// Does what a person does.
    ///
    /// # Errors
    /// The page has no such thing, or does not take it now.
    pub(in crate::practice) fn touch(&mut self, touch: &Touch, around: &Around) -> Result<Outcome, Misstep> {
        let page = self.page(around);
        match touch {
            Touch::Choose(label) => {
                let label = known(label, page.choices.iter().map(|choice| choice.label.as_str()), "choice", &page)?;
                self.choose(&label);
            }
            Touch::Tick(label) => {
                let label = known(label, page.boxes.iter().map(|one| one.label.as_str()), "box", &page)?;
                if page.boxes.iter().any(|one| one.label == label && one.locked) {
                    return Err(Misstep::State(format!("the box `{label}` is grey on the page `{}`", page.title)));
                }
                self.tick(&label);
            }
            Touch::Enter(label) => {
                let label = known(label, page.fields.iter().map(|field| field.label), "field", &page)?;
                self.filled.insert(label);
            }
            Touch::Press(label) => {
                let label = known(label, page.buttons.iter().copied(), "button", &page)?;
                return self.press(&label, around);
            }
        }
        Ok(Outcome::Stays)
    }

    fn choose(&mut self, label: &str) {
        match self.place {
            Place::AdditionalTasks => self.task = Task::ALL.into_iter().find(|task| task.label() == label),
            Place::Filtering => {
                self.wanted.every_container = label == EVERY_CONTAINER;
                if self.wanted.every_container {
                    self.wanted.containers.values_mut().for_each(|taken| *taken = true);
                }
            }
            Place::Welcome
            | Place::Elsewhere
            | Place::ConnectToEntra
            | Place::ConnectDirectories
            | Place::OptionalFeatures
            | Place::DirectoryExtensions
            | Place::StagingMode
            | Place::ReadyToConfigure
            | Place::Complete => {}
        }
    }

    fn tick(&mut self, label: &str) {
        let feature = Optional::ALL.into_iter().find(|feature| feature.label() == label);
        match (self.place, feature) {
            (Place::OptionalFeatures, Some(feature)) => {
                if !self.wanted.features.remove(&feature) {
                    self.wanted.features.insert(feature);
                }
            }
            (Place::StagingMode, _) => self.wanted.staging = !self.wanted.staging,
            (Place::ReadyToConfigure, _) => self.start_cycle = !self.start_cycle,
            (Place::Filtering, _) => {
                if let Some(taken) = self.wanted.containers.get_mut(label) {
                    *taken = !*taken;
                }
            }
            (
                Place::OptionalFeatures
                | Place::Welcome
                | Place::AdditionalTasks
                | Place::Elsewhere
                | Place::ConnectToEntra
                | Place::ConnectDirectories
                | Place::DirectoryExtensions
                | Place::Complete,
                _,
            ) => {}
        }
    }

    fn press(&mut self, label: &str, around: &Around) -> Result<Outcome, Misstep> {
        match label {
            page::PREVIOUS => self.turn_back(),
            page::EXIT => return Ok(Outcome::Left { cycle: self.place == Place::Complete && self.start_cycle }),
            page::CONFIGURE if self.place == Place::ReadyToConfigure => return self.configure(around),
            page::CONFIGURE | page::NEXT => self.turn(around)?,
            _ => {}
        }
        Ok(Outcome::Stays)
    }

    fn configure(&mut self, around: &Around) -> Result<Outcome, Misstep> {
        let writeback = |setup: &Setup| setup.features.contains(&Optional::Writeback);
        if writeback(&self.wanted) && !writeback(&self.found) && !around.licensed {
            return Err(Misstep::State("password writeback could not be configured; ensure that you have the required license".to_owned()));
        }
        self.place = Place::Complete;
        Ok(Outcome::Configure { found: self.found.clone(), wanted: self.wanted.clone() })
    }

    /// To the next page, if this one is filled.
    fn turn(&mut self, around: &Around) -> Result<(), Misstep> {
        match self.place {
            Place::AdditionalTasks if self.task.is_none() => {
                return Err(Misstep::State("`Next` is grey: nothing is chosen on the page `Additional tasks`".to_owned()));
            }
            Place::ConnectToEntra => self.sign_in(around)?,
            Place::Filtering if !self.wanted.containers.is_empty() && !self.wanted.containers.values().any(|taken| *taken) => {
                return Err(Misstep::State("`Next` is grey: no container is ticked, nothing would be synchronised".to_owned()));
            }
            Place::Welcome
            | Place::AdditionalTasks
            | Place::Elsewhere
            | Place::ConnectDirectories
            | Place::Filtering
            | Place::OptionalFeatures
            | Place::DirectoryExtensions
            | Place::StagingMode
            | Place::ReadyToConfigure
            | Place::Complete => {}
        }
        self.place = self.next();
        Ok(())
    }

    /// Whether the account may configure synchronisation; the fields are empty again when the page comes back.
    fn sign_in(&mut self, around: &Around) -> Result<(), Misstep> {
        if let Some(empty) = [USERNAME, PASSWORD].into_iter().find(|field| !self.filled.contains(*field)) {
            return Err(Misstep::State(format!("`Next` is grey: the field `{empty}` is empty")));
        }
        self.filled.clear();
        around.refusal.as_ref().map_or(Ok(()), |why| Err(Misstep::State(why.clone())))
    }

    fn next(&self) -> Place {
        let path = self.path();
        let next = path.iter().position(|place| *place == self.place).map_or(0, |at| at + 1);
        path.get(next).copied().unwrap_or(self.place)
    }

    fn turn_back(&mut self) {
        let path = self.path();
        let before = path.iter().position(|place| *place == self.place).and_then(|at| at.checked_sub(1));
        self.place = before.and_then(|at| path.get(at)).copied().unwrap_or(Place::Welcome);
        if self.place == Place::AdditionalTasks {
            // What another task wanted is not wanted any more.
            self.wanted = self.found.clone();
        }
    }

    /// The pages from Welcome on, as far as what was chosen tells.
    fn path(&self) -> &'static [Place] {
        match self.task {
            Some(Task::Customize) => &[
                Place::Welcome,
                Place::AdditionalTasks,
                Place::ConnectToEntra,
                Place::ConnectDirectories,
                Place::Filtering,
                Place::OptionalFeatures,
                Place::DirectoryExtensions,
                Place::ReadyToConfigure,
                Place::Complete,
            ],
            Some(Task::Staging) => &[
                Place::Welcome,
                Place::AdditionalTasks,
                Place::ConnectToEntra,
                Place::StagingMode,
                Place::ReadyToConfigure,
                Place::Complete,
            ],
            Some(Task::View | Task::Schema | Task::SignIn | Task::Application | Task::Certificate | Task::Federation) | None => {
                &[Place::Welcome, Place::AdditionalTasks, Place::Elsewhere]
            }
        }
    }
}

/// The label as it stands on the page; a person may write it in any case.
fn known<'p>(label: &str, there: impl Iterator<Item = &'p str>, what: &'static str, page: &Page) -> Result<String, Misstep> {
    let there: Vec<&str> = there.collect();
    if let Some(found) = there.iter().find(|known| known.eq_ignore_ascii_case(label.trim())) {
        return Ok((*found).to_owned());
    }
    let have = if there.is_empty() { "there is none".to_owned() } else { format!("there is `{}`", there.join("`, `")) };
    let label = crate::base::text::short(label, 60);
    Err(Misstep::State(format!("the page `{}` has no {what} `{label}`; {have}", page.title)))
}

#[cfg(test)]
mod tests;
