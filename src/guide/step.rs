//! The shape of `step.yaml`: all logic of a step, as data. The engine gives it meaning; nothing here runs.

use super::variables::{Pointer, Template};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// `step.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// The step's name, equal to its directory's.
    pub id: String,
    /// Who does it and how it is proved.
    pub kind: StepKind,
    /// What a mistake would cost.
    #[serde(default)]
    pub risk: Risk,
    /// The portal, machine or console where it is done by hand.
    #[serde(rename = "where")]
    pub place: String,
    /// Reads, by name.
    #[serde(default)]
    pub probes: IndexMap<String, Probe>,
    /// Statements about what was read, by name, in the order shown.
    #[serde(default)]
    pub checks: IndexMap<String, Check>,
    /// Known causes, the first that fits wins.
    #[serde(default)]
    pub diagnose: Vec<Diagnosis>,
    /// The change that Guidepost can make here.
    #[serde(default)]
    pub apply: Option<Apply>,
    /// Variants of the step, of which one is walked; the first unless somebody chooses another. Their words stand in `en.md` under
    /// `options`.
    #[serde(default)]
    pub options: IndexMap<String, Variant>,
    /// What a person does by hand, in order.
    #[serde(default)]
    pub tasks: Vec<Task>,
    /// The pages of a wizard, in order.
    #[serde(default)]
    pub pages: Vec<WizardPage>,
}

impl Step {
    /// Whether the step's action turns this check: it waits for it, or an op is left out when it passes.
    #[must_use]
    pub fn turns(&self, check: &str) -> bool {
        self.apply
            .as_ref()
            .is_some_and(|apply| apply.settle.as_deref() == Some(check) || apply.ops.iter().any(|op| op.unless.as_deref() == Some(check)))
    }
}

/// Who does a step and how it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Guidepost can do it.
    Action,
    /// A person does it in a wizard that is mirrored page by page.
    Wizard,
    /// A person does it.
    Manual,
    /// It changes nothing and proves something.
    Proof,
}

/// What a mistake would cost; high risk asks for a typed word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Changes nothing.
    #[default]
    None,
    /// Easily put right.
    Low,
    /// Takes work to put right.
    Medium,
    /// Gives lasting privilege or can lock people out.
    High,
}

/// One read from a system; it changes nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// A Microsoft Graph GET.
    Graph(GraphGet),
    /// A search in the domain.
    Ldap(LdapSearch),
    /// Who may do what on one of the domain's objects.
    Rights(RightsLook),
    /// The lab's machines in Azure.
    Azure(AzureLook),
    /// The newest round trip of a password, from the lab's journal; nothing is asked of any system.
    Trip(TripLook),
    /// What Guidepost itself changed in this lab and has not taken back: a list under `/value`, each with `step`, `op`, `title`, `at` and
    /// `undo` (whether Guidepost can take it back). The changes of the step that asks are left out, consents are not; no request goes out.
    Ledger(LedgerLook),
    /// A script of the program that only reads, on the machine that it is for.
    Script(ScriptLook),
}

/// The newest round trip of one kind.
///
/// Its facts: `by`, `user`, `at`, `verdict`, `slowest`, `stopped_at`, `code` (the cause, or null), and `hops`, a list of `name` (`asked`,
/// `received`, `written`, `confirmed`, `finished`, `usable`), `verdict`, `at`, `clock` (`graph`, `app1`, `domain`), `offset_ms`, `took_ms` and
/// `says`. Before the first trip `verdict` is null and `hops` is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TripLook {
    /// Whose hand set the password.
    pub by: TripBy,
}

/// Whose hand sets the password of a round trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TripBy {
    /// An administrator resets it through Graph, as Guidepost does.
    Administrator,
    /// The person does it, at aka.ms/sspr; Guidepost only watches.
    Person,
}

impl TripBy {
    /// As it stands in `step.yaml` and in facts.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Person => "person",
        }
    }
}

/// A script that only reads; its result is the facts, its `time` their time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptLook {
    /// Its name, as `guidepost guide show` lists them.
    pub run: String,
    /// How far back it looks, by the machine's own clock; only for `connect-events`, and always there.
    #[serde(default, deserialize_with = "super::variables::some_duration")]
    #[schemars(with = "Option<String>")]
    pub within: Option<Duration>,
}

/// A script that changes something, and what it is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptRun {
    /// Its name, as `guidepost guide show` lists them.
    pub run: String,
    /// Its values by name.
    #[serde(default)]
    pub values: IndexMap<String, ScriptValue>,
}

/// A value for a script: nothing that could be text in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "`true`, `false` or a whole number is expected")]
pub enum ScriptValue {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(u32),
}

/// A look at the ledger; it asks for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerLook {}

/// A look at the lab's machines in Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureLook {
    /// One machine: `name`, `power` (`running`, `starting`, `stopping`, `stopped`, `deallocated` or what else Azure says), `agent` (`ready`,
    /// `not-ready`, or `none` where Azure tells of none), and `os` where it is told.
    Machine(MachinePart),
    /// All machines of the resource group, a list under `/value`, each with `name`, `location` and `size`.
    Machines,
}

/// A machine of the lab by its part in the guide; the lab's profile knows its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MachinePart {
    /// The domain controller.
    Dc1,
    /// Where Entra Connect runs.
    App1,
    /// For trying things out.
    Client1,
}

impl MachinePart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dc1, Self::App1, Self::Client1];

    /// As it stands in `step.yaml` and in the lab's profile.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Dc1 => "dc1",
            Self::App1 => "app1",
            Self::Client1 => "client1",
        }
    }

    /// The machine with this key.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.key() == key)
    }
}

/// A change of one of the lab's machines in Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AzureChange {
    /// Starts it, which costs what it costs while it runs.
    Start(MachinePart),
}

/// What a variant of a step has of its own. What it names replaces the step's part of the same name, or is added to it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    /// Probes of this variant.
    #[serde(default)]
    pub probes: IndexMap<String, Probe>,
    /// Checks of this variant.
    #[serde(default)]
    pub checks: IndexMap<String, Check>,
    /// Known causes that are tried before the step's own.
    #[serde(default)]
    pub diagnose: Vec<Diagnosis>,
    /// The change of this variant, in place of the step's.
    #[serde(default)]
    pub apply: Option<Apply>,
}

/// A search in the domain; what it finds is a list under `/value`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LdapSearch {
    /// Where it begins: a distinguished name, empty for what the domain controller says of itself. Behind `=` a reference is a value
    /// of the name, elsewhere a whole name.
    pub base: Template,
    /// How far it goes.
    pub scope: SearchScope,
    /// What it looks for (RFC 4515); references are values.
    #[serde(default = "anything")]
    pub filter: Template,
    /// What it brings back, besides the name under `dn`.
    pub attributes: Vec<String>,
}

fn anything() -> Template {
    let source = "(objectClass=*)".to_owned();
    Template { parts: vec![super::variables::Part::Text(source.clone())], source }
}

/// How far an LDAP search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchScope {
    /// The object itself.
    Base,
    /// What lies directly below it.
    One,
    /// It and all below it.
    Sub,
}

/// Who may do what on one of the domain's objects.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RightsLook {
    /// The object's distinguished name.
    pub on: Template,
    /// Whose rights, by SID.
    pub trustee: Template,
    /// The rights asked for.
    pub wanted: Vec<Right>,
}

/// A right that a pack may ask for and give: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Change Password of users below.
    ChangePassword,
    /// Reset Password of users below.
    ResetPassword,
    /// Write `lockoutTime` of users below: unlock.
    #[serde(rename = "write-lockoutTime")]
    WriteLockoutTime,
    /// Write `pwdLastSet` of users below: must change at next logon, and not any more.
    #[serde(rename = "write-pwdLastSet")]
    WritePwdLastSet,
    /// Unexpire Password on the head of a domain itself.
    UnexpirePassword,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ChangePassword, Self::ResetPassword, Self::WriteLockoutTime, Self::WritePwdLastSet, Self::UnexpirePassword];

    /// As it stands in `step.yaml` and in facts.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::ChangePassword => "change-password",
            Self::ResetPassword => "reset-password",
            Self::WriteLockoutTime => "write-lockoutTime",
            Self::WritePwdLastSet => "write-pwdLastSet",
            Self::UnexpirePassword => "unexpire-password",
        }
    }
}

/// A Microsoft Graph GET; all pages of a collection are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GraphGet {
    /// `/v1.0/…` or `/beta/…`, without a query.
    pub get: Template,
    /// `$filter`.
    #[serde(default)]
    pub filter: Option<Template>,
    /// `$select`.
    #[serde(default)]
    pub select: Vec<String>,
    /// `$expand`.
    #[serde(default)]
    pub expand: Option<String>,
    /// Sends `ConsistencyLevel: eventual` and `$count=true`, which advanced queries need.
    #[serde(default, deserialize_with = "super::variables::strict")]
    pub eventual: bool,
}

/// A statement about facts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Check {
    /// Checks that must pass first: `name` in this step, `step/name` in another.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The probe whose facts are judged.
    pub probe: String,
    /// All must hold.
    pub expect: Vec<Expectation>,
    /// The code when it does not hold and no diagnosis fits.
    pub fail: String,
    /// How a change becomes visible.
    #[serde(default)]
    pub settle: Option<Settle>,
}

/// How a change becomes visible: faster looks for a while, and so many passes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// Between two looks.
    #[serde(deserialize_with = "super::variables::duration")]
    #[schemars(with = "String")]
    pub every: Duration,
    /// How long a change may take to show.
    #[serde(deserialize_with = "super::variables::duration")]
    #[schemars(with = "String")]
    pub within: Duration,
    /// Passes in a row before it counts as shown; 1 when absent.
    #[serde(default = "one", deserialize_with = "super::variables::strict")]
    pub hold: u32,
}

const fn one() -> u32 {
    1
}

/// One statement about a JSON value.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "super::written::WrittenExpectation")]
#[schemars(with = "super::written::WrittenExpectation")]
pub enum Expectation {
    /// About the value at a pointer.
    At {
        /// Where to look.
        path: Pointer,
        /// What must hold there.
        matcher: Matcher,
    },
    /// Some item of the list satisfies all of `each`.
    Any {
        /// Where the list stands.
        list: Pointer,
        /// What one item must satisfy.
        each: Vec<Expectation>,
    },
    /// Every item of the list satisfies all of `each`; an empty list does.
    All {
        /// Where the list stands.
        list: Pointer,
        /// What each item must satisfy.
        each: Vec<Expectation>,
    },
}

/// What must hold at a pointer: a closed set.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// Equal as JSON; an absent value equals nothing, not even null.
    Equals(Operand),
    /// Not equal as JSON; an absent value is not equal.
    Not(Operand),
    /// There, and not null.
    Present,
    /// Not there, or null.
    Absent,
    /// Text that the pattern matches somewhere; references inside are matched literally.
    Matches(Template),
    /// A list that holds it, or a text that contains it.
    Contains(Operand),
    /// How many items a list has.
    Count(Count),
    /// A time less than so long before the asked system's now.
    NewerThan(Duration),
    /// A time more than so long before the asked system's now.
    OlderThan(Duration),
    /// A whole number that is not smaller.
    AtLeast(i64),
    /// A whole number that is not larger.
    AtMost(i64),
}

/// A value to compare with; texts may hold references.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// Text with references.
    Text(Template),
    /// Anything else, as it stands.
    Json(Value),
}

/// A number of items, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub min: usize,
    /// At most so many; `None` is no upper end.
    pub max: Option<usize>,
}

/// A known cause, tried when a check does not pass.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Diagnosis {
    /// Only for these checks; empty means each check whose probe is `when.probe`, or each check where that names none.
    #[serde(default)]
    pub checks: Vec<String>,
    /// When it fits.
    pub when: When,
    /// The code whose message is shown.
    pub code: String,
    /// Overrides the verdict: `unknown`, `pending`, `blocked` or `not-applicable`; an error can never become `fail`.
    #[serde(default)]
    pub verdict: Option<DiagnosisVerdict>,
}

/// The verdicts a diagnosis may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DiagnosisVerdict {
    /// It does not hold.
    Fail,
    /// It needs time.
    Pending,
    /// Something else must be done first.
    Blocked,
    /// Could not look.
    Unknown,
    /// Does not apply to this lab.
    NotApplicable,
}

/// When a diagnosis fits: an error of the probe, or statements about its facts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// The probe it looks at; with `error` it may be left out, and is then whichever probe the check rests on.
    #[serde(default)]
    pub probe: Option<String>,
    /// The HTTP status, the LDAP result code, or an error code of the asked system.
    #[serde(default)]
    pub error: Option<ErrorMatch>,
    /// All must hold.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// An error by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "an HTTP status such as 403, or an error code as text, is expected")]
pub enum ErrorMatch {
    /// An HTTP status.
    Status(u16),
    /// A code such as `Authorization_RequestDenied`.
    Code(String),
}

/// The change that Guidepost can make in a step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    /// Sent one after the other.
    pub ops: Vec<Op>,
    /// The check that shows it has arrived.
    #[serde(default)]
    pub settle: Option<String>,
}

/// One request of an action.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "super::written::WrittenOp")]
#[schemars(with = "super::written::WrittenOp")]
pub struct Op {
    /// Its name; its words stand in `en.md` under `changes`.
    pub id: String,
    /// Not sent when this check passes; its facts are what was there before.
    pub unless: Option<String>,
    /// What it sends.
    pub change: Change,
    /// What to keep of the reply, by name.
    pub capture: IndexMap<String, Pointer>,
    /// How doubt after a crash is settled.
    pub doubt: Doubt,
    /// How it is taken back.
    pub undo: Undo,
}

/// What an op sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A Graph request.
    Graph(GraphWrite),
    /// Entries in the permissions of one of the domain's objects.
    Grant(Grant),
    /// One of the lab's machines in Azure.
    Azure(AzureChange),
    /// One password that travels, watched from end to end.
    Trip(Trip),
    /// One of the domain's objects: made, or some of its attributes set.
    Ldap(LdapWrite),
    /// A script of the program that changes something.
    Script(ScriptRun),
}

impl Trip {
    /// What is read of the user in the domain.
    pub const OF_USER: [&str; 5] = ["sAMAccountName", "adminCount", "lockoutTime", "pwdLastSet", "whenChanged"];
    /// All that is read in the domain, the policy's minimum age among it.
    pub const READS: [&str; 6] = ["sAMAccountName", "adminCount", "lockoutTime", "pwdLastSet", "whenChanged", "minPwdAge"];
}

/// One password that travels. By an administrator: it is reset with one that is made at apply, kept in memory only and never shown. By the
/// person: nothing is sent.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// Whose hand sets it.
    pub by: TripBy,
    /// The user's object id in the tenant.
    pub user: Template,
    /// The same user's distinguished name in the domain.
    pub dn: Template,
    /// The name by which that user signs in.
    pub upn: Template,
}

/// A change of one of the domain's objects.
#[derive(Clone, Debug, PartialEq)]
pub enum LdapWrite {
    /// A new object.
    Add(LdapAdd),
    /// Other values for attributes of an object that is there.
    Set(LdapSet),
}

/// A new object of the domain.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapAdd {
    /// Its distinguished name.
    pub dn: Template,
    /// What it is.
    pub class: LdapClass,
    /// Its attributes, one value each.
    pub attributes: IndexMap<String, Template>,
    /// Its password; `None` for an object without one.
    pub password: Option<MadePassword>,
}

/// What an [`LdapAdd`] makes: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LdapClass {
    /// A user.
    User,
}

impl LdapClass {
    /// As it stands in `step.yaml` and in `objectClass`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::User => "user",
        }
    }
}

/// Where a new object's password comes from: a pack cannot name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MadePassword {
    /// Made when it is sent, by the domain's policy, held in memory and kept nowhere.
    Made,
}

/// Other values for attributes of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct LdapSet {
    /// Its distinguished name.
    pub dn: Template,
    /// The attributes, one value each; what was there is replaced.
    pub set: IndexMap<String, Template>,
}

/// Rights that are given to somebody on one of the domain's objects: only entries that are missing are added.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// The object's distinguished name.
    pub on: Template,
    /// Who gets them, by SID.
    pub trustee: Template,
    /// The rights.
    pub rights: Vec<Right>,
}

/// How doubt after a crash is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// By looking whether it is there.
    Look,
    /// By sending it again: twice is harmless.
    Repeat,
    /// By asking the person.
    Ask,
}

/// How an op is taken back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// By this request.
    Graph(GraphWrite),
    /// By removing exactly the entries that the grant added.
    Revoke,
    /// By deleting the object that was made, if it is still that object and nothing is in it.
    Delete,
    /// By giving the attributes back the values they had, where they still have the ones that were set.
    Restore,
    /// With the object that the op of this name made: it goes when that goes.
    With(String),
    /// By this script.
    Script(ScriptRun),
    /// Not at all, and why.
    None(String),
}

impl Undo {
    /// Whether it removes what its op made, so that what was set on that goes as well.
    #[must_use]
    pub fn removes(&self) -> bool {
        match self {
            Self::Delete => true,
            Self::Graph(write) => write.method == WriteMethod::Delete,
            Self::Revoke | Self::Restore | Self::Script(_) | Self::With(_) | Self::None(_) => false,
        }
    }
}

/// A Graph request that changes something.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "super::written::WrittenWrite")]
#[schemars(with = "super::written::WrittenWrite")]
pub struct GraphWrite {
    /// The method.
    pub method: WriteMethod,
    /// `/v1.0/…` or `/beta/…`, without a query.
    pub path: Template,
    /// The body, `None` for delete; texts may hold references.
    pub body: Option<Body>,
}

/// The methods of [`GraphWrite`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMethod {
    /// POST.
    Post,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Step {
    /// The step as it is walked with one of its options; `None` when it has no such option.
    #[must_use]
    pub fn with_option(&self, option: &str) -> Option<Self> {
        let variant = self.options.get(option)?;
        let mut step = self.clone();
        step.probes.extend(variant.probes.clone());
        step.checks.extend(variant.checks.clone());
        step.diagnose.splice(0..0, variant.diagnose.iter().cloned());
        step.apply = variant.apply.clone().or(step.apply);
        Some(step)
    }

    /// The option that is walked when nobody chooses; `None` when the step has no options.
    #[must_use]
    pub fn default_option(&self) -> Option<&str> {
        self.options.keys().next().map(String::as_str)
    }
}

impl Probe {
    /// Everything in it that may hold references.
    #[must_use]
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Graph(get) => std::iter::once(&get.get).chain(&get.filter).collect(),
            Self::Ldap(search) => vec![&search.base, &search.filter],
            Self::Rights(look) => vec![&look.on, &look.trustee],
            Self::Azure(AzureLook::Machine(_) | AzureLook::Machines) | Self::Trip(_) | Self::Script(_) | Self::Ledger(_) => Vec::new(),
        }
    }
}

impl LdapWrite {
    /// The object's distinguished name.
    #[must_use]
    pub fn dn(&self) -> &Template {
        match self {
            Self::Add(add) => &add.dn,
            Self::Set(set) => &set.dn,
        }
    }

    /// What is written, by attribute.
    #[must_use]
    pub fn attributes(&self) -> &IndexMap<String, Template> {
        match self {
            Self::Add(add) => &add.attributes,
            Self::Set(set) => &set.set,
        }
    }
}

impl WriteMethod {
    /// As it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// As it stands in `step.yaml`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Post => "post",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// A JSON body whose texts may hold references.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Text with references.
    Text(Template),
    /// An object, in the order written.
    Object(IndexMap<String, Body>),
    /// A list.
    List(Vec<Body>),
    /// Numbers, booleans, null.
    Plain(Value),
}

/// Something a person does by hand; its words stand in `en.md` under `by-hand`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name.
    pub id: String,
    /// The number of the source's action that it covers.
    #[serde(default)]
    pub covers: Option<String>,
}

/// One page of a wizard, with its real labels.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WizardPage {
    /// Its name; its words stand in `en.md` under `pages`.
    pub id: String,
    /// The task that it belongs to.
    #[serde(default)]
    pub task: Option<String>,
    /// Buttons to press, the last one leaves the page.
    #[serde(default)]
    pub press: Vec<String>,
    /// One of several to choose.
    #[serde(default)]
    pub choose: Option<String>,
    /// Boxes to tick.
    #[serde(default)]
    pub tick: Vec<String>,
    /// Boxes that must stay as they are.
    #[serde(default)]
    pub keep: Vec<String>,
    /// Fields to fill; a secret entered there is neither seen nor kept.
    #[serde(default)]
    pub enter: Vec<String>,
}
