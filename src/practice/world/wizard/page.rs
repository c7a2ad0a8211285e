//! What stands on each page of the wizard: titles and labels as the real one has them (`facts/domain.md` 3.11). Not what follows from a touch.

use super::{Around, Wizard};
use crate::practice::world::Feature;
use serde::{Deserialize, Serialize};

pub(super) const NEXT: &str = "Next";
pub(super) const PREVIOUS: &str = "Previous";
pub(super) const CONFIGURE: &str = "Configure";
pub(super) const EXIT: &str = "Exit";
pub(super) const USERNAME: &str = "Username";
pub(super) const PASSWORD: &str = "Password";
pub(super) const EVERY_CONTAINER: &str = "Sync all domains and OUs";
pub(super) const ANY_CONTAINER: &str = "Sync selected domains and OUs";
pub(super) const ENABLE_STAGING: &str = "Enable staging mode";
pub(super) const START_CYCLE: &str = "Start the synchronization process when configuration completes";

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Place {
    Welcome,
    AdditionalTasks,
    /// A task that the practice wizard only describes.
    Elsewhere,
    ConnectToEntra,
    ConnectDirectories,
    Filtering,
    OptionalFeatures,
    DirectoryExtensions,
    StagingMode,
    ReadyToConfigure,
    Complete,
}

/// A choice of Additional tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Task {
    View,
    Customize,
    Schema,
    Staging,
    SignIn,
    Application,
    Certificate,
    Federation,
}

impl Task {
    pub(super) const ALL: [Self; 8] =
        [Self::View, Self::Customize, Self::Schema, Self::Staging, Self::SignIn, Self::Application, Self::Certificate, Self::Federation];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::View => "View or export current configuration",
            Self::Customize => "Customize synchronization options",
            Self::Schema => "Refresh directory schema",
            Self::Staging => "Configure staging mode",
            Self::SignIn => "Change user sign-in",
            Self::Application => "Configure application-based authentication to Microsoft Entra ID",
            Self::Certificate => "Rotate application certificate",
            Self::Federation => "Manage federation",
        }
    }

    /// What a task would do that the practice wizard does not go through.
    fn about(self) -> &'static str {
        match self {
            Self::View | Self::Customize | Self::Staging => "",
            Self::Schema => "This reads the schema of the domain again, so that attributes which were added to it can be synchronised.",
            Self::SignIn => {
                "This changes how users sign in: password hash synchronization, pass-through authentication or federation. The guide keeps what is there."
            }
            Self::Application => {
                "This replaces the account of the Microsoft Entra connector by an application with a certificate. It is required from 7 April 2027, and not part of the guide."
            }
            Self::Certificate => "This makes a new certificate for the application by which Entra Connect signs in.",
            Self::Federation => "This repairs or changes a federation trust with AD FS. This lab has none.",
        }
    }
}

/// A box of Optional features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Optional {
    /// Hashes of password hashes go to the cloud.
    HashSync,
    /// Passwords come back from the cloud.
    Writeback,
    /// One of the others.
    Other(Feature),
}

impl Optional {
    /// All of them, in the order of the page.
    pub(in crate::practice) const ALL: [Self; 8] = [
        Self::Other(Feature::ExchangeHybrid),
        Self::Other(Feature::ExchangePublicFolders),
        Self::Other(Feature::AttributeFiltering),
        Self::HashSync,
        Self::Writeback,
        Self::Other(Feature::GroupWriteback),
        Self::Other(Feature::DeviceWriteback),
        Self::Other(Feature::DirectoryExtensions),
    ];

    /// As it stands on the page.
    pub(in crate::practice) fn label(self) -> &'static str {
        match self {
            Self::HashSync => "Password hash synchronization",
            Self::Writeback => "Password writeback",
            Self::Other(feature) => feature.label(),
        }
    }
}

/// What stands on a page, as the control shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::practice) struct Page {
    /// Its name, the same as in the guide.
    pub(in crate::practice) id: &'static str,
    /// Its title.
    pub(in crate::practice) title: &'static str,
    /// One of these.
    pub(in crate::practice) choices: Vec<Choice>,
    /// Any of these.
    pub(in crate::practice) boxes: Vec<TickBox>,
    /// What is typed.
    pub(in crate::practice) fields: Vec<Field>,
    /// The last one leads on.
    pub(in crate::practice) buttons: Vec<&'static str>,
    /// What it says besides.
    pub(in crate::practice) says: Option<String>,
}

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::practice) struct Choice {
    pub(in crate::practice) label: String,
    pub(in crate::practice) chosen: bool,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::practice) struct TickBox {
    pub(in crate::practice) label: String,
    pub(in crate::practice) ticked: bool,
    /// Grey.
    pub(in crate::practice) locked: bool,
    /// As it stood when the wizard opened.
    pub(in crate::practice) was: bool,
}

/// Something to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::practice) struct Field {
    pub(in crate::practice) label: &'static str,
    pub(in crate::practice) filled: bool,
    pub(in crate::practice) secret: bool,
}

fn choice(label: &str, chosen: bool) -> Choice {
    Choice { label: label.to_owned(), chosen }
}

fn tick_box(label: &str, ticked: bool, was: bool) -> TickBox {
    TickBox { label: label.to_owned(), ticked, locked: false, was }
}

/// The page on which a wizard stands.
pub(super) fn draw(wizard: &Wizard, around: &Around) -> Page {
    let both = vec![PREVIOUS, NEXT];
    let says = |text: &str| Some(text.to_owned());
    match wizard.place {
        Place::Welcome => Page {
            id: "welcome",
            title: "Welcome to Microsoft Entra Connect",
            buttons: vec![CONFIGURE],
            says: says("Your synchronization solution is configured. While this wizard is open, the scheduler is suspended."),
            ..Page::default()
        },
        Place::AdditionalTasks => Page {
            id: "additional-tasks",
            title: "Additional tasks",
            choices: Task::ALL.into_iter().map(|task| choice(task.label(), wizard.task == Some(task))).collect(),
            buttons: both,
            ..Page::default()
        },
        Place::Elsewhere => elsewhere(wizard, around),
        Place::ConnectToEntra => Page {
            id: "connect-to-entra",
            title: "Connect to Microsoft Entra ID",
            fields: [(USERNAME, false), (PASSWORD, true)]
                .map(|(label, secret)| Field { label, filled: wizard.filled.contains(label), secret })
                .to_vec(),
            buttons: both,
            says: Some(format!("A Hybrid Identity Administrator that is cloud-only; in this lab {}.", around.account)),
            ..Page::default()
        },
        Place::ConnectDirectories => Page {
            id: "connect-directories",
            title: "Connect directories",
            buttons: both,
            says: Some(format!("Configured directories: {} (Active Directory).", around.directory)),
            ..Page::default()
        },
        Place::Filtering => Page {
            id: "domain-ou-filtering",
            title: "Domain/OU filtering",
            choices: vec![choice(EVERY_CONTAINER, wizard.wanted.every_container), choice(ANY_CONTAINER, !wizard.wanted.every_container)],
            boxes: containers(wizard),
            buttons: both,
            says: Some(format!("Directory: {}.", around.directory)),
            ..Page::default()
        },
        Place::OptionalFeatures => Page {
            id: "optional-features",
            title: "Optional features",
            boxes: Optional::ALL.map(|one| optional(wizard, one)).to_vec(),
            buttons: both,
            ..Page::default()
        },
        Place::DirectoryExtensions => Page {
            id: "directory-extensions",
            title: "Directory extensions",
            buttons: both,
            says: says("Selected attributes: none."),
            ..Page::default()
        },
        Place::StagingMode => Page {
            id: "staging-mode",
            title: "Configure staging mode",
            boxes: vec![tick_box(ENABLE_STAGING, wizard.wanted.staging, wizard.found.staging)],
            buttons: both,
            says: says("A server in staging mode imports and synchronises, exports nothing, and writes no password back."),
            ..Page::default()
        },
        Place::ReadyToConfigure => Page {
            id: "ready-to-configure",
            title: "Ready to configure",
            boxes: vec![tick_box(START_CYCLE, wizard.start_cycle, true)],
            buttons: vec![PREVIOUS, CONFIGURE],
            says: Some(summary(wizard, "Once you press Configure: ", "Nothing will be changed.")),
            ..Page::default()
        },
        Place::Complete => Page {
            id: "configuration-complete",
            title: "Configuration complete",
            buttons: vec![EXIT],
            says: Some(summary(wizard, "Configuration succeeded: ", "Configuration succeeded. Nothing was changed.")),
            ..Page::default()
        },
    }
}

fn summary(wizard: &Wizard, before: &str, none: &str) -> String {
    let changes = wizard.changes();
    if changes.is_empty() { none.to_owned() } else { format!("{before}{}", changes.join(" ")) }
}

fn optional(wizard: &Wizard, one: Optional) -> TickBox {
    tick_box(one.label(), wizard.wanted.features.contains(&one), wizard.found.features.contains(&one))
}

/// Grey while everything is synchronised.
fn containers(wizard: &Wizard) -> Vec<TickBox> {
    let locked = wizard.wanted.every_container;
    let was = |name: &String| wizard.found.containers.get(name).copied().unwrap_or(true);
    wizard.wanted.containers.iter().map(|(name, taken)| TickBox { locked, ..tick_box(name, *taken, was(name)) }).collect()
}

/// The configuration, or what a task would do that leads nowhere here.
fn elsewhere(wizard: &Wizard, around: &Around) -> Page {
    let task = wizard.task.unwrap_or(Task::View);
    let says = if task == Task::View {
        let on: Vec<&str> = wizard.found.features.iter().map(|feature| feature.label()).collect();
        let staging = if wizard.found.staging { "enabled" } else { "disabled" };
        let features = if on.is_empty() { "none".to_owned() } else { on.join(", ") };
        format!(
            "Synchronized directories: {}. Account: {}. Optional features: {features}. Staging mode: {staging}.",
            around.directory, around.connector
        )
    } else {
        format!("{} The practice wizard goes no further here; Previous goes back.", task.about())
    };
    let buttons = if task == Task::View { vec![PREVIOUS, EXIT] } else { vec![PREVIOUS] };
    Page { id: "elsewhere", title: task.label(), buttons, says: Some(says), ..Page::default() }
}
