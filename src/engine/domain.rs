//! The domain of a lab as the engine asks it: searches, rights and permissions become answers and sentences. Judges nothing itself.

mod objects;

use super::{
    object::{ObjectCall, parent},
    permissions::{self, Gathered},
    probe::{Answer, Entries, LookError, Request, SendError},
};
use crate::base::{Secret, text};
use crate::guide::step::{Right, SearchScope};
use crate::lab::connect::{DomainWay, NoDomain};
use crate::rights::{Descriptor, Guid, Sid, Token};
use crate::services::directory::{
    DESCRIPTOR, Directory, DirectoryError, Entry, Root, Scope, Search, SignOn,
    grant::{self, GrantError},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
};
use tokio::time::Instant;

/// The most objects that one probe brings back: a check looks at a few, a survey is something else.
const MOST: u64 = 1_000;
/// `noSuchObject` (RFC 4511 4.1.9).
const NO_SUCH_OBJECT: u32 = 32;
/// How many objects above one are read; deeper trees are cut off there.
const DEEPEST: usize = 24;
/// Attributes whose values are SIDs (MS-ADA3, syntax String(Sid)).
const SIDS: [&str; 5] = ["objectSid", "tokenGroups", "sIDHistory", "securityIdentifier", "mS-DS-CreatorSID"];

/// A lab's domain, reached on first need.
pub struct Domain {
    way: DomainWay,
    /// The object that was changed last, while that may still be on its way to the objects below.
    changed: Mutex<Option<String>>,
}

impl Domain {
    /// A domain that was not asked yet.
    #[must_use]
    pub fn new(way: DomainWay) -> Self {
        Self { way, changed: Mutex::new(None) }
    }

    /// Where it is, for plans and screens.
    #[must_use]
    pub fn address(&self) -> String {
        self.way.address()
    }

    /// One read. The answer's time is the domain controller's own.
    ///
    /// # Errors
    /// What could not be read, and why.
    pub async fn look(&self, request: &Request) -> Result<Answer, LookError> {
        let directory = self.way.open().await.map_err(|error| no_domain(&error))?;
        let changed = self.changed().clone();
        let (answer, still) = look(directory.as_ref(), request, changed.as_deref()).await?;
        if !still {
            self.changed().take_if(|dn| Some(dn.as_str()) == changed.as_deref());
        }
        Ok(answer)
    }

    /// Whether a name and a password are taken right now, tried once.
    ///
    /// # Errors
    /// It could not be tried.
    pub async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, LookError> {
        let directory = self.way.open().await.map_err(|error| no_domain(&error))?;
        directory.sign_on(name, password).await.map_err(|error| look_error(&error))
    }

    /// Adds and removes entries: read again just before, refused when something else changed, looked at after.
    ///
    /// # Errors
    /// [`SendError`] tells a refusal from doubt.
    pub async fn send(&self, entries: &Entries) -> Result<Answer, SendError> {
        let directory = self.way.open().await.map_err(|error| SendError::Refused(no_domain(&error)))?;
        *self.changed() = Some(entries.on.clone());
        write(directory.as_ref(), entries).await
    }

    /// Makes, changes or takes away an object.
    ///
    /// # Errors
    /// [`SendError`] tells a refusal from doubt.
    pub async fn send_object(&self, call: &ObjectCall) -> Result<Answer, SendError> {
        let directory = self.way.open().await.map_err(|error| SendError::Refused(no_domain(&error)))?;
        objects::send(directory.as_ref(), call).await
    }

    fn changed(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("address", &self.way.address()).finish_non_exhaustive()
    }
}

/// One read, and whether a change of `changed` is still on its way to the objects below.
///
/// # Errors
/// What could not be read, and why.
pub async fn look(directory: &dyn Directory, request: &Request, changed: Option<&str>) -> Result<(Answer, bool), LookError> {
    let started = Instant::now();
    let root = directory.root().await.map_err(|error| look_error(&error))?;
    let mut still = changed.is_some();
    let body = match request {
        Request::Machine(_) | Request::Machines => return Err(sentence("a machine in Azure is no question to a domain".to_owned(), None)),
        Request::Trip(_) => return Err(sentence("the journal is no question to a domain".to_owned(), None)),
        Request::Ledger { .. } => return Err(sentence("the ledger is no question to a domain".to_owned(), None)),
        Request::Object { dn, attributes } => {
            let names: Vec<&str> = attributes.iter().map(String::as_str).collect();
            let found = match directory.search(Search::object(dn, &names)).await {
                Ok(found) => found,
                Err(error) if error.code() == Some(NO_SUCH_OBJECT) => Vec::new(),
                Err(error) => return Err(look_error(&error)),
            };
            json!({"value": found.iter().map(|entry| shown(entry, attributes)).collect::<Vec<_>>()})
        }
        Request::Script { run, .. } => {
            return Err(sentence(format!("the script `{}` is no question to a domain", text::short(run, 40)), None));
        }
        Request::Graph { path, .. } => return Err(sentence(format!("`{}` is no question to a domain", text::short(path, 80)), None)),
        Request::Ldap { base, scope, filter, attributes } => {
            let search = Search {
                base: base.clone(),
                scope: match scope {
                    SearchScope::Base => Scope::Base,
                    SearchScope::One => Scope::One,
                    SearchScope::Sub => Scope::Sub,
                },
                filter: filter.clone(),
                attributes: attributes.clone(),
                limit: Some(MOST),
            };
            let entries = self::search(directory, search).await?;
            json!({"value": entries.iter().map(|entry| shown(entry, attributes)).collect::<Vec<_>>()})
        }
        Request::Rights { on, trustee, wanted } => {
            let propagating = match changed {
                Some(dn) => directory.pending(dn).await.map_err(|error| look_error(&error))?,
                None => None,
            };
            still = propagating == Some(true);
            rights(directory, &root, on, trustee, wanted, propagating).await?
        }
    };
    Ok((Answer { status: 0, body, date: Some(root.time), request_id: None, took: started.elapsed() }, still))
}

async fn rights(
    directory: &dyn Directory,
    root: &Root,
    on: &str,
    trustee: &str,
    wanted: &[Right],
    propagating: Option<bool>,
) -> Result<Value, LookError> {
    let trustee: Sid = trustee.parse().map_err(|_| sentence(format!("`{}` is no SID", text::short(trustee, 80)), None))?;
    let object = object(directory, on, &["objectClass", "objectSid", "adminCount", DESCRIPTOR]).await?;
    let descriptor = object.bytes(DESCRIPTOR).ok_or_else(|| hidden(on))?.to_vec();
    // Whoever only wants to see the entries needs no token and nothing from above.
    let token = if wanted.is_empty() { Token::of(trustee, []) } else { token(directory, root, trustee).await? };
    let above = if wanted.is_empty() { Vec::new() } else { above(directory, root, on).await? };
    let gathered = Gathered {
        on: object.dn.clone(),
        descriptor,
        classes: object.texts("objectClass").map(str::to_owned).collect(),
        sid: object.bytes("objectSid").and_then(Sid::read),
        admin_count: object.number("adminCount") == Some(1),
        above,
        trustee,
        token,
        propagating,
    };
    let unreadable = |why: String| sentence(format!("cannot read who may do what on `{}`: {why}", text::short(on, 120)), None);
    let sids = permissions::named(&gathered, wanted).map_err(unreadable)?;
    let names = names(directory, root, &sids).await?;
    permissions::facts(&gathered, wanted, &names).map_err(unreadable)
}

async fn search(directory: &dyn Directory, search: Search) -> Result<Vec<Entry>, LookError> {
    directory.search(search).await.map_err(|error| look_error(&error))
}

async fn object(directory: &dyn Directory, dn: &str, attributes: &[&str]) -> Result<Entry, LookError> {
    let found = search(directory, Search::object(dn, attributes)).await?;
    found.into_iter().next().ok_or_else(|| {
        sentence(
            format!("`{}` is not in the domain", text::short(dn, 120)),
            Some("the signed-in account may also not be allowed to see it"),
        )
    })
}

/// An attribute that may not be read is simply absent (MS-ADTS 3.1.1.4.4).
fn hidden(dn: &str) -> LookError {
    let what = format!("the permissions of `{}` cannot be read", text::short(dn, 120));
    sentence(what, Some("bind as an account that may read permissions; members of Authenticated Users normally may"))
}

/// The account with all its groups, as the domain controller counts them; a SID that the domain does not know is only itself.
async fn token(directory: &dyn Directory, root: &Root, trustee: Sid) -> Result<Token, LookError> {
    let Some(account) = by_sid(directory, root, &trustee, &["objectSid"]).await? else { return Ok(Token::of(trustee, [])) };
    // `tokenGroups` is computed, and only for a search of the object itself (MS-ADTS 3.1.1.4.5.19).
    let account = object(directory, &account.dn, &["tokenGroups", "primaryGroupID"]).await?;
    let groups: Vec<Sid> = account.values("tokenGroups").iter().filter_map(|value| Sid::read(value)).collect();
    let token = Token::of(trustee, groups);
    Ok(match account.number("primaryGroupID").and_then(|rid| u32::try_from(rid).ok()) {
        Some(rid) => token.with_primary_group(&trustee, rid),
        None => token,
    })
}

async fn by_sid(directory: &dyn Directory, root: &Root, sid: &Sid, attributes: &[&str]) -> Result<Option<Entry>, LookError> {
    let mut filter = "(objectSid=".to_owned();
    for byte in sid.write() {
        let _ = write!(filter, "\\{byte:02x}");
    }
    filter.push(')');
    let wanted = Search::below(root.naming_context.as_str(), filter, attributes).limit(2);
    Ok(search(directory, wanted).await?.into_iter().next())
}

/// Names for people; who has none in this domain is shown as SDDL writes it.
async fn names(directory: &dyn Directory, root: &Root, sids: &[Sid]) -> Result<BTreeMap<Sid, String>, LookError> {
    let mut names = BTreeMap::new();
    for sid in sids {
        if let Some(known) = well_known(sid) {
            names.insert(*sid, known.to_owned());
        } else if sid.domain().is_some()
            && let Some(entry) = by_sid(directory, root, sid, &["sAMAccountName"]).await?
            && let Some(name) = entry.text("sAMAccountName")
        {
            names.insert(*sid, text::short(name, 64));
        }
    }
    Ok(names)
}

/// As Windows' dialogs name them (MS-DTYP 2.4.2.4).
fn well_known(sid: &Sid) -> Option<&'static str> {
    let table = [
        (Sid::EVERYONE, "Everyone"),
        (Sid::SELF, "SELF"),
        (Sid::AUTHENTICATED_USERS, "Authenticated Users"),
        (Sid::SYSTEM, "SYSTEM"),
        (Sid::ADMINISTRATORS, "Administrators"),
    ];
    table.into_iter().find(|(known, _)| known == sid).map(|(_, name)| name)
}

/// The descriptors of what holds an object, from the nearest up, without the head of the domain.
async fn above(directory: &dyn Directory, root: &Root, on: &str) -> Result<Vec<Descriptor>, LookError> {
    let (mut found, mut dn) = (Vec::new(), on);
    let is_head = |dn: &str| dn.eq_ignore_ascii_case(&root.naming_context);
    while let Some(parent) = parent(dn).filter(|parent| !is_head(dn) && !is_head(parent)) {
        if found.len() == DEEPEST {
            break;
        }
        let object = object(directory, parent, &[DESCRIPTOR]).await?;
        let bytes = object.bytes(DESCRIPTOR).ok_or_else(|| hidden(parent))?;
        let descriptor = Descriptor::read(bytes).map_err(|error| sentence(format!("`{}`: {error}", text::short(parent, 120)), None))?;
        found.push(descriptor);
        dn = parent;
    }
    Ok(found)
}

/// An entry as facts: SIDs and GUIDs as text, other bytes that are no text as base64.
fn shown(entry: &Entry, attributes: &[String]) -> Value {
    let mut fields = Map::new();
    fields.insert("dn".to_owned(), entry.dn.clone().into());
    for name in attributes {
        let mut values: Vec<Value> = entry.values(name).iter().map(|value| Value::from(value_text(name, value))).collect();
        match values.len() {
            0 => {}
            1 => drop(fields.insert(name.clone(), values.remove(0))),
            _ => drop(fields.insert(name.clone(), Value::Array(values))),
        }
    }
    Value::Object(fields)
}

fn value_text(name: &str, value: &[u8]) -> String {
    let sid = || SIDS.iter().any(|known| known.eq_ignore_ascii_case(name)).then(|| Sid::read(value)).flatten();
    let guid = || name.eq_ignore_ascii_case("objectGUID").then(|| <[u8; 16]>::try_from(value).ok()).flatten();
    if let Some(sid) = sid() {
        return sid.to_string();
    }
    if let Some(bytes) = guid() {
        return Guid::from_bytes(bytes).to_string();
    }
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\r' && c != '\t') => text.to_owned(),
        Ok(_) | Err(_) => STANDARD.encode(value),
    }
}

/// Adds and removes entries: read again just before, refused when something else changed, looked at after.
///
/// # Errors
/// [`SendError`] tells a refusal from doubt.
pub async fn write(directory: &dyn Directory, entries: &Entries) -> Result<Answer, SendError> {
    let started = Instant::now();
    let root = directory.root().await.map_err(|error| SendError::Refused(look_error(&error)))?;
    let refused = |why: String| SendError::Refused(sentence(why, None));
    let (add, remove) = (permissions::aces(&entries.add).map_err(refused)?, permissions::aces(&entries.remove).map_err(refused)?);
    let plan = if remove.is_empty() {
        grant::plan(directory, &entries.on, &add).await
    } else {
        grant::plan_back(directory, &entries.on, &remove).await
    };
    let plan = plan.map_err(|error| SendError::Refused(grant_error(&error)))?;
    if permissions::hash(plan.found()) != entries.replaces {
        return Err(SendError::Refused(overtaken(&entries.on)));
    }
    grant::carry(directory, &plan).await.map_err(|error| {
        if error.outcome_known() { SendError::Refused(grant_error(&error)) } else { SendError::InDoubt(grant_error(&error)) }
    })?;
    Ok(Answer { status: 0, body: Value::Null, date: Some(root.time), request_id: None, took: started.elapsed() })
}

fn overtaken(on: &str) -> LookError {
    let what = format!("the permissions of `{}` are not those of the plan: something changed in the meantime", text::short(on, 120));
    sentence(what, Some("nothing was written; look at the new plan and confirm that"))
}

fn grant_error(error: &GrantError) -> LookError {
    let status = match error {
        GrantError::Directory(error) => error.code().and_then(|code| u16::try_from(code).ok()),
        GrantError::NotThere { .. }
        | GrantError::Hidden { .. }
        | GrantError::Unreadable { .. }
        | GrantError::NoList { .. }
        | GrantError::Full { .. }
        | GrantError::Changed { .. }
        | GrantError::Unverified { .. }
        | GrantError::NotKept { .. } => None,
    };
    LookError { what: error.to_string(), hint: Some(error.hint().to_owned()), status, code: None }
}

fn sentence(what: String, hint: Option<&str>) -> LookError {
    LookError { what, hint: hint.map(str::to_owned), status: None, code: None }
}

fn look_error(error: &DirectoryError) -> LookError {
    let status = error.code().and_then(|code| u16::try_from(code).ok());
    LookError { what: error.to_string(), hint: Some(error.hint().to_owned()), status, code: None }
}

fn no_domain(error: &NoDomain) -> LookError {
    let problem = error.problem();
    LookError { what: problem.what, hint: problem.hint, status: None, code: Some(error.code().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_an_object_stands_behind_the_first_comma_that_is_not_escaped() {
        assert_eq!(parent("CN=Lab\\, User,CN=Users,DC=a"), Some("CN=Users,DC=a"));
        assert_eq!(parent("CN=a\\\\,DC=b"), Some("DC=b"));
        assert_eq!((parent("DC=a"), parent("")), (None, None));
    }

    #[test]
    fn binary_values_become_text_that_can_be_compared() {
        let sid = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
        assert_eq!(value_text("objectsid", &sid), "S-1-5-11");
        let user = crate::rights::delegation::known::USER;
        assert_eq!(value_text("objectGUID", user.bytes()), "bf967aba-0de6-11d0-a285-00aa003049e2");
        assert_eq!(value_text("cn", "Jörg".as_bytes()), "Jörg");
        assert_eq!((value_text("cn", &[0xff, 0]), value_text("cn", b"\x1b[2J")), ("/wA=".to_owned(), "G1sySg==".to_owned()));
    }
}
