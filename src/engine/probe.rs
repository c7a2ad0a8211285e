//! A probe: one read from a system. How its request is written from the guide, and what an answer looks like. Changes nothing.

use super::consent::WriteAsk;
use super::matcher::Scope;
pub use super::object::{MadeObject, NewObject, ObjectCall, Values};
use super::proof::road::Road;
use crate::base::{
    Problem,
    encode::{self, EncodeError},
};
use crate::guide::step::{
    AzureLook, Body, Grant, GraphGet, GraphWrite, LdapSearch, MachinePart, Probe, Right, RightsLook, SearchScope, Trip, TripBy, WriteMethod,
};
use crate::guide::variables::{Part, Reference, Template};
use crate::lab::control::wizard::{Operation, Window};
use crate::services::entra::Purpose;
use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;

/// A read as it is sent; equal requests are sent once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// A Microsoft Graph GET.
    Graph {
        /// Encoded path.
        path: String,
        /// Query parameters, decoded.
        query: Vec<(String, String)>,
        /// With `ConsistencyLevel: eventual`.
        eventual: bool,
    },
    /// A search in the domain.
    Ldap {
        /// Where it begins; empty for the domain controller itself.
        base: String,
        /// How far it goes.
        scope: SearchScope,
        /// Encoded filter.
        filter: String,
        /// What it brings back.
        attributes: Vec<String>,
    },
    /// Who may do what on one of the domain's objects.
    Rights {
        /// The object.
        on: String,
        /// Whose rights, by SID.
        trustee: String,
        /// The rights asked for.
        wanted: Vec<Right>,
    },
    /// One of the lab's machines in Azure.
    Machine(MachinePart),
    /// All machines of the lab's resource group.
    Machines,
    /// The newest round trip that the journal knows; nothing goes out.
    Trip(TripBy),
    /// One object of the domain, as a change of it is planned: `/value` is empty where it is not there.
    Object {
        /// Its distinguished name.
        dn: String,
        /// What it brings back.
        attributes: Vec<String>,
    },
    /// What Guidepost itself changed and has not taken back; no system is asked.
    Ledger {
        /// The step that asks; its own lines are left out.
        step: String,
    },
    /// A script that only reads, on the machine that it is for.
    Script {
        /// Its name.
        run: String,
        /// How far back it looks, where it does.
        within: Option<Duration>,
    },
}

/// How dear a look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Every 5 s growing to 60 s.
    Graph,
    /// Reports and audit: every 60 s (they lag anyway, and allow 5 requests in 10 s).
    Report,
    /// The domain: as Graph, and one at a time, for one connection carries them.
    Ldap,
    /// Azure: as Graph; a subscription takes 25 reads a second (`facts/wire.md` 26).
    Azure,
    /// The journal: as Graph, because another process may have written.
    Journal,
    /// A script on a machine: when a person asks, while a change settles, or every 10 min; one at a time, for it takes 20 s and more
    /// (`facts/wire.md` 25).
    Script,
}

impl Request {
    /// Its cost class.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match self {
            Self::Graph { path, .. } if path.contains("/reports/") || path.contains("/auditLogs/") => Cost::Report,
            // The ledger costs nothing; it has the rhythm of what is cheap.
            Self::Graph { .. } | Self::Ledger { .. } => Cost::Graph,
            Self::Ldap { .. } | Self::Rights { .. } | Self::Object { .. } => Cost::Ldap,
            Self::Machine(_) | Self::Machines => Cost::Azure,
            Self::Trip(_) => Cost::Journal,
            Self::Script { .. } => Cost::Script,
        }
    }
}

/// A change as it is sent and as the journal keeps it. A journal line of a Graph request is `{method, path, body}`, as it always was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Write {
    /// A Graph request.
    Graph(GraphCall),
    /// Entries of an object's permissions in the domain.
    Permissions {
        /// Which, and where.
        permissions: Entries,
    },
    /// A machine in Azure.
    Machine {
        /// What is done to it.
        azure: MachineCall,
    },
    /// One password that travels.
    Trip {
        /// Whose.
        trip: TripCall,
    },
    /// One of the domain's objects.
    Object {
        /// What is done to it.
        ldap: ObjectCall,
    },
    /// A script of the program.
    Script {
        /// Which, and what it is given.
        script: ScriptCall,
    },
}

/// One password that travels, as the plan shows it and the journal keeps it: the password itself stands nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TripCall {
    /// Whose hand sets it.
    pub by: TripBy,
    /// The user's object id in the tenant.
    pub user: String,
    /// The same user in the domain.
    pub dn: String,
    /// The name by which that user signs in.
    pub upn: String,
    /// `pwdLastSet` in the domain before, as the domain writes it; `None` where the domain could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// A script that changes something, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptCall {
    /// Its name.
    pub run: String,
    /// SHA-256 of its whole text, lower-case hex: another text is another script.
    pub sha256: String,
    /// Its values by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
}

/// A machine in Azure that is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineCall {
    /// Which, by its part in the guide.
    pub start: String,
}

/// A Graph request that changes something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphCall {
    /// POST, PATCH or DELETE.
    pub method: String,
    /// Encoded path.
    pub path: String,
    /// The body; null for none.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
}

/// Entries that are added to an object's permissions, or removed from them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// The object's distinguished name.
    pub on: String,
    /// Whose entries, by SID.
    pub trustee: String,
    /// The same by name, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Added, each as SDDL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Removed, each as SDDL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// SHA-256 of the permissions that are replaced, lower-case hex: with others nothing is written.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replaces: String,
}

impl Entries {
    /// What takes them back: exactly what was added is removed, whatever else stands there by then.
    #[must_use]
    pub fn taken_back(&self) -> Self {
        Self {
            on: self.on.clone(),
            trustee: self.trustee.clone(),
            name: self.name.clone(),
            add: self.remove.clone(),
            remove: self.add.clone(),
            replaces: String::new(),
        }
    }
}

impl Entries {
    /// The look that tells which entries stand there now.
    #[must_use]
    pub fn look(&self) -> Request {
        Request::Rights { on: self.on.clone(), trustee: self.trustee.clone(), wanted: Vec::new() }
    }
}

impl Write {
    /// What is sent in one line, without what it carries: `POST /v1.0/…`, `modify DC=…`.
    #[must_use]
    pub fn line(&self) -> String {
        match self {
            Self::Graph(call) => format!("{} {}", call.method, call.path),
            Self::Permissions { permissions } => {
                let (count, verb, to) = match (permissions.add.len(), permissions.remove.len()) {
                    (0, removed) => (removed, "remove", "from"),
                    (added, _) => (added, "add", "to"),
                };
                let entries = if count == 1 { "entry" } else { "entries" };
                let whose = if permissions.name.is_empty() { &permissions.trustee } else { &permissions.name };
                format!("{verb} {count} {entries} for {whose} {to} the permissions of {}", permissions.on)
            }
            Self::Machine { azure } => format!("start {}", azure.start),
            Self::Trip { trip } => match trip.by {
                TripBy::Administrator => format!("reset the password of {}", trip.upn),
                TripBy::Person => format!("watch {} set a password", trip.upn),
            },
            Self::Object { ldap } => ldap.line(),
            Self::Script { script } => script.line(),
        }
    }
}

/// What a system answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, null for none.
    pub body: Value,
    /// When it was asked, by the asked system's own clock.
    pub date: Option<Timestamp>,
    /// The server's id of the request.
    pub request_id: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Why a look brought nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookError {
    /// What could not be read, and why.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The HTTP status or the LDAP result code, if there was one.
    pub status: Option<u16>,
    /// The system's own error code.
    pub code: Option<String>,
}

/// Why a change was not done, or cannot be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It was answered, and surely not done.
    Refused(LookError),
    /// Nobody saw the answer: it may have been done.
    InDoubt(LookError),
}

/// Why nothing could be changed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// A person must sign in for writing.
    SignIn(WriteAsk),
    /// It could not be told.
    Failed(LookError),
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The object id.
    pub id: String,
    /// The user principal name.
    pub name: String,
}

/// The systems of a lab, as the engine sees them; tests script it.
#[async_trait]
pub trait Systems: Send + Sync {
    /// One read.
    ///
    /// # Errors
    /// [`LookError`] says what could not be read, and why.
    async fn look(&self, request: &Request) -> Result<Answer, LookError>;

    /// One change of a confirmed plan.
    ///
    /// # Errors
    /// [`SendError`] tells a refusal from doubt.
    async fn send(&self, write: &Write, confirmed: &super::action::Confirmed) -> Result<Answer, SendError>;

    /// Whether a change could be sent; sends none. Systems that sign in once for everything always could.
    ///
    /// # Errors
    /// [`NotReady`] says what a person must do first.
    async fn ready_to_write(&self) -> Result<(), NotReady> {
        Ok(())
    }

    /// What the newest token reply for this purpose named, in its own words; empty when there was none or it did not say.
    fn granted(&self, _purpose: Purpose) -> Vec<String> {
        Vec::new()
    }

    /// The application that signs in for this purpose; `None` where no application does.
    fn app(&self, _purpose: Purpose) -> Option<String> {
        None
    }

    /// Who is signed in, if anybody.
    fn me(&self) -> Option<Me>;

    /// Whether an application is signed in and no person: it reads what Graph gives to applications, and changes nothing.
    fn app_only(&self) -> bool {
        false
    }

    /// Whether the lab shows the wizard of Entra Connect and lets it be operated.
    fn offers_wizard(&self) -> bool {
        false
    }

    /// What a person does with the wizard, and its window after that; `None` only looks. No change of a plan: nobody but the person does it.
    ///
    /// # Errors
    /// The lab offers none, cannot be reached, or its page does not take this.
    async fn wizard(&self, _operation: Option<&Operation>) -> Result<Window, Problem> {
        Err(Problem::new("this lab shows no wizard"))
    }

    /// The address that a Graph request goes to, for plans and screens.
    fn address(&self, path: &str) -> String;

    /// The address of a machine in Azure, for plans and screens; its part where no lab says more.
    fn machine(&self, part: &str) -> String {
        part.to_owned()
    }

    /// Where scripts of a machine run, for plans and screens; its part where no lab says more.
    fn host(&self, part: MachinePart) -> String {
        part.key().to_owned()
    }

    /// The way of a round trip; `None` where there is none.
    fn road(&self) -> Option<&dyn Road> {
        None
    }

    /// The address of the domain controller, for plans and screens; empty where none is configured.
    fn domain(&self) -> String {
        String::new()
    }
}

/// Why a request cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A reference finds nothing (yet).
    #[error("`{{{{ {0} }}}}` finds nothing")]
    Unresolved(String),
    /// A value cannot be written there.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// The request of a probe of this step.
///
/// # Errors
/// [`Unwritable`] when a reference finds nothing.
pub fn request(probe: &Probe, step: &str, scope: &dyn Scope) -> Result<Request, Unwritable> {
    match probe {
        Probe::Graph(get) => graph_get(get, scope),
        Probe::Ldap(search) => ldap_search(search, scope),
        Probe::Rights(look) => rights_look(look, scope),
        Probe::Azure(AzureLook::Machine(part)) => Ok(Request::Machine(*part)),
        Probe::Azure(AzureLook::Machines) => Ok(Request::Machines),
        Probe::Trip(look) => Ok(Request::Trip(look.by)),
        Probe::Ledger(_) => Ok(Request::Ledger { step: step.to_owned() }),
        Probe::Script(look) => Ok(Request::Script { run: look.run.clone(), within: look.within }),
    }
}

fn ldap_search(search: &LdapSearch, scope: &dyn Scope) -> Result<Request, Unwritable> {
    Ok(Request::Ldap {
        base: name(&search.base, scope)?,
        scope: search.scope,
        filter: fill(&search.filter, scope, |value| Ok(encode::ldap_filter(&plain(value)?)))?,
        attributes: search.attributes.clone(),
    })
}

fn rights_look(look: &RightsLook, scope: &dyn Scope) -> Result<Request, Unwritable> {
    Ok(Request::Rights { on: name(&look.on, scope)?, trustee: trustee(&look.trustee, scope)?, wanted: look.wanted.clone() })
}

/// The look that a grant is planned from.
///
/// # Errors
/// [`Unwritable`] when a reference finds nothing.
pub fn grant(grant: &Grant, scope: &dyn Scope) -> Result<Request, Unwritable> {
    Ok(Request::Rights { on: name(&grant.on, scope)?, trustee: trustee(&grant.trustee, scope)?, wanted: grant.rights.clone() })
}

/// The value of an attribute, as text.
///
/// # Errors
/// [`Unwritable`] when a reference finds nothing, or no text.
pub(super) fn text(template: &Template, scope: &dyn Scope) -> Result<String, Unwritable> {
    fill(template, scope, plain)
}

/// A distinguished name: behind `=` a reference is a value in it, elsewhere a whole name.
pub(super) fn name(template: &Template, scope: &dyn Scope) -> Result<String, Unwritable> {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(reference) => {
                let value = plain(&lookup(reference, scope)?)?;
                out.push_str(&if out.ends_with('=') { encode::name_value(&value) } else { encode::name(&value)? });
            }
        }
    }
    Ok(out)
}

fn trustee(template: &Template, scope: &dyn Scope) -> Result<String, Unwritable> {
    Ok(encode::sid(&fill(template, scope, plain)?)?)
}

fn graph_get(get: &GraphGet, scope: &dyn Scope) -> Result<Request, Unwritable> {
    let mut query = Vec::new();
    if let Some(filter) = &get.filter {
        query.push(("$filter".to_owned(), fill(filter, scope, encode::odata_literal)?));
    }
    if !get.select.is_empty() {
        query.push(("$select".to_owned(), get.select.join(",")));
    }
    if let Some(expand) = &get.expand {
        query.push(("$expand".to_owned(), expand.clone()));
    }
    Ok(Request::Graph { path: fill(&get.get, scope, segment)?, query, eventual: get.eventual })
}

/// Whose password travels.
///
/// # Errors
/// [`Unwritable`] when a reference finds nothing.
pub fn trip(trip: &Trip, scope: &dyn Scope) -> Result<TripCall, Unwritable> {
    let (user, upn) = (fill(&trip.user, scope, plain)?, fill(&trip.upn, scope, plain)?);
    Ok(TripCall { by: trip.by, user, dn: name(&trip.dn, scope)?, upn, before: None })
}

/// The Graph request of an op or of its undo.
///
/// # Errors
/// [`Unwritable`] when a reference finds nothing.
pub fn write(write: &GraphWrite, scope: &dyn Scope) -> Result<GraphCall, Unwritable> {
    let method = match write.method {
        WriteMethod::Post => "POST",
        WriteMethod::Patch => "PATCH",
        WriteMethod::Delete => "DELETE",
    };
    let body = write.body.as_ref().map(|body| fill_body(body, scope)).transpose()?;
    Ok(GraphCall { method: method.into(), path: fill(&write.path, scope, segment)?, body: body.unwrap_or_default() })
}

fn fill_body(body: &Body, scope: &dyn Scope) -> Result<Value, Unwritable> {
    Ok(match body {
        Body::Plain(value) => value.clone(),
        Body::List(items) => Value::Array(items.iter().map(|item| fill_body(item, scope)).collect::<Result<_, _>>()?),
        Body::Object(fields) => {
            let fields: Result<Map<_, _>, Unwritable> =
                fields.iter().map(|(name, body)| Ok((name.clone(), fill_body(body, scope)?))).collect();
            Value::Object(fields?)
        }
        // A text that is one reference keeps the value's own type; mixed text becomes text.
        Body::Text(template) => match template.parts.as_slice() {
            [Part::Reference(reference)] => lookup(reference, scope)?,
            _ => Value::String(fill(template, scope, plain)?),
        },
    })
}

fn lookup(reference: &Reference, scope: &dyn Scope) -> Result<Value, Unwritable> {
    scope.value(reference).ok_or_else(|| Unwritable::Unresolved(reference.to_string()))
}

fn fill(template: &Template, scope: &dyn Scope, encode: impl Fn(&Value) -> Result<String, EncodeError>) -> Result<String, Unwritable> {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference(reference) => out.push_str(&encode(&lookup(reference, scope)?)?),
        }
    }
    Ok(out)
}

fn segment(value: &Value) -> Result<String, EncodeError> {
    encode::path_segment(&plain(value)?)
}

fn plain(value: &Value) -> Result<String, EncodeError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Null => Err(EncodeError::Literal("null")),
        Value::Array(_) => Err(EncodeError::Literal("a list")),
        Value::Object(_) => Err(EncodeError::Literal("an object")),
    }
}
