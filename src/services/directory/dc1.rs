//! The directory by scripts on a domain controller, for labs whose LDAP ports nobody can reach. What scripts may say is typed here; how they get
//! to the host is `services::host`'s.

use super::object::{Change, NewObject};
use super::refusal::explain;
use super::{Directory, DirectoryError, Entry, MOST_ENTRIES, Root, Scope, Search, SignOn};
use crate::base::{Secret, text};
use crate::services::host::ask::{Asker, NoResult, Trouble, sha256};
use crate::services::host::script::{Host, Script};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// What the DC says of itself.
pub const READ_ROOT: Script = Script { name: "read-root", text: include_str!("../../../assets/scripts/read-root.ps1"), changes: false };
/// Entries below an object.
pub const SEARCH: Script = Script { name: "search", text: include_str!("../../../assets/scripts/search.ps1"), changes: false };
/// Replaces a DACL.
pub const WRITE_DACL: Script = Script { name: "write-dacl", text: include_str!("../../../assets/scripts/write-dacl.ps1"), changes: true };
/// Tries a name and password.
pub const SIGN_ON: Script = Script { name: "sign-on", text: include_str!("../../../assets/scripts/sign-on.ps1"), changes: false };

/// Makes a user.
pub const ADD_USER: Script = Script { name: "add-user", text: include_str!("../../../assets/scripts/add-user.ps1"), changes: true };
/// Gives attributes other values.
pub const MODIFY: Script = Script { name: "modify", text: include_str!("../../../assets/scripts/modify.ps1"), changes: true };
/// Takes an object away.
pub const DELETE: Script = Script { name: "delete", text: include_str!("../../../assets/scripts/delete.ps1"), changes: true };

/// All of them.
pub const SCRIPTS: [Script; 7] = [READ_ROOT, SEARCH, WRITE_DACL, SIGN_ON, ADD_USER, MODIFY, DELETE];

/// How many entries one run brings at most.
const PAGE: u64 = 500;

/// A domain controller, asked by scripts that run on it.
pub struct Dc1 {
    asker: Arc<Asker>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RootResult {
    naming_context: String,
    root_domain: String,
    host: String,
    time: String,
    controls: Vec<String>,
}

#[derive(Serialize)]
struct SearchValues<'a> {
    base: &'a str,
    scope: &'static str,
    filter: &'a str,
    attributes: &'a [String],
    skip: u64,
    limit: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchResult {
    entries: Vec<EntryResult>,
    more: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryResult {
    dn: String,
    attributes: IndexMap<String, Vec<String>>,
}

#[derive(Serialize)]
struct WriteValues<'a> {
    dn: &'a str,
    before: Option<String>,
    descriptor: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteResult {
    written: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "a part of the contract; the person is told to plan again, which looks")]
    found: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DoneResult {
    done: bool,
}

#[derive(Serialize)]
struct SignOnValues<'a> {
    name: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignOnResult {
    accepted: bool,
    #[serde(default)]
    said: String,
}

/// A request for one script.
struct Asked<'a> {
    script: &'a Script,
    values: Value,
    secret: Option<&'a Secret>,
    /// What it is for, as a noun.
    doing: String,
}

impl Dc1 {
    /// Asks through `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        Self::over(Arc::new(Asker::new(host)))
    }

    /// Asks through a host that others ask as well, one after the other.
    #[must_use]
    pub fn over(asker: Arc<Asker>) -> Self {
        Self { asker }
    }

    /// Runs a script and reads its result.
    async fn ask<R: DeserializeOwned>(&self, asked: Asked<'_>) -> Result<R, DirectoryError> {
        self.asker.ask(asked.script, &asked.values, asked.secret).await.map_err(|error| match error {
            NoResult::Host(error) => {
                let in_doubt = asked.script.changes && !error.not_run();
                DirectoryError::Script { error, in_doubt }
            }
            NoResult::Trouble(trouble) => self.trouble(&asked, &trouble),
        })
    }

    fn trouble(&self, asked: &Asked<'_>, trouble: &Trouble) -> DirectoryError {
        let (host, doing) = (text::short(self.asker.name(), 120), asked.doing.clone());
        let said = text::short(&trouble.said, 300);
        match trouble.code {
            Some(10) => DirectoryError::Referral { host, doing, to: said },
            Some(code) if !is_local(code) => {
                let (row, data) = explain(code, &trouble.said);
                DirectoryError::Refused { host, doing, code, data, means: row.means, hint: row.hint, said }
            }
            Some(_) | None => DirectoryError::Malformed { host, doing, why: said, in_doubt: asked.script.changes },
        }
    }

    fn unreadable(&self, script: &Script, why: &str) -> DirectoryError {
        DirectoryError::Script { error: self.asker.unreadable(script, why), in_doubt: script.changes }
    }

    async fn write(&self, dn: &str, before: Option<&[u8]>, descriptor: &[u8]) -> Result<(), DirectoryError> {
        super::check_descriptor(descriptor)?;
        let values = WriteValues { dn, before: before.map(sha256), descriptor: STANDARD.encode(descriptor) };
        let doing = format!("the change of the permissions of `{}`", text::short(dn, 200));
        let asked = Asked { script: &WRITE_DACL, values: value(&values), secret: None, doing };
        let result: WriteResult = self.ask(asked).await?;
        if result.written { Ok(()) } else { Err(DirectoryError::Changed { dn: text::short(dn, 200) }) }
    }

    /// One run of a search.
    async fn page(&self, search: &Search, skip: u64, limit: u64) -> Result<SearchResult, DirectoryError> {
        let scope = match search.scope {
            Scope::Base => "base",
            Scope::One => "one",
            Scope::Sub => "sub",
        };
        let Search { base, filter, attributes, .. } = search;
        let values = SearchValues { base, scope, filter, attributes, skip, limit };
        let doing = format!("the search below `{}`", text::short(base, 200));
        let page: SearchResult = self.ask(Asked { script: &SEARCH, values: value(&values), secret: None, doing }).await?;
        let given = page.entries.len() as u64;
        if given > limit || (page.more && given == 0) {
            return Err(self.unreadable(&SEARCH, "it does not hold as many entries as were asked for"));
        }
        Ok(page)
    }

    fn entry(&self, found: EntryResult) -> Result<Entry, DirectoryError> {
        let mut entry = Entry { dn: found.dn, ..Entry::default() };
        for (name, values) in found.attributes {
            if name.contains(";range=") {
                return Err(self.unreadable(&SEARCH, &format!("`{name}` has more values than fit into one answer")));
            }
            let values = values.iter().map(|value| STANDARD.decode(value)).collect::<Result<_, _>>();
            entry.attributes.insert(name, values.map_err(|error| self.unreadable(&SEARCH, &error.to_string()))?);
        }
        Ok(entry)
    }

    async fn look(&self, search: &Search, most: Option<u64>, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        let mut count = 0;
        loop {
            let limit = most.map_or(PAGE, |most| PAGE.min(most - count));
            // A limit of nothing left still asks whether there is more.
            let page = self.page(search, count, limit.max(1)).await?;
            let more = page.more;
            for found in page.entries {
                if let Some(limit) = most.filter(|&most| count >= most) {
                    return Err(DirectoryError::TooMany { base: text::short(&search.base, 200), limit });
                }
                count += 1;
                each(self.entry(found)?);
            }
            if !more {
                return Ok(count);
            }
        }
    }
}

/// Wldap32's own codes, from 0x51 "server down" to 0x61: nobody knows whether a change was made.
fn is_local(code: u32) -> bool {
    (0x51..=0x61).contains(&code)
}

fn value(values: &impl Serialize) -> Value {
    serde_json::to_value(values).unwrap_or_default()
}

#[async_trait]
impl Directory for Dc1 {
    async fn root(&self) -> Result<Root, DirectoryError> {
        let asked = Asked { script: &READ_ROOT, values: json!({}), secret: None, doing: "the question about itself".to_owned() };
        let result: RootResult = self.ask(asked).await?;
        let time = super::entry::generalized_time(&result.time).ok_or_else(|| self.unreadable(&READ_ROOT, "its time is none"))?;
        Ok(Root {
            naming_context: result.naming_context,
            root_domain: result.root_domain,
            host: Some(result.host).filter(|host| !host.is_empty()),
            time,
            controls: result.controls.into_iter().collect(),
        })
    }

    async fn search(&self, search: Search) -> Result<Vec<Entry>, DirectoryError> {
        let mut found = Vec::new();
        let limit = search.limit.unwrap_or(MOST_ENTRIES);
        self.look(&search, Some(limit), &mut |entry| found.push(entry)).await?;
        Ok(found)
    }

    /// Each run begins again and leaves out what was had before: what moves meanwhile may be seen twice or not at all.
    async fn walk(&self, search: Search, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError> {
        let limit = search.limit;
        self.look(&search, limit, each).await
    }

    async fn write_dacl(&self, dn: &str, descriptor: &[u8]) -> Result<(), DirectoryError> {
        self.write(dn, None, descriptor).await
    }

    /// Compared on the domain controller, an instant before the write: a run takes half a minute to get there.
    async fn replace_dacl(&self, dn: &str, before: &[u8], descriptor: &[u8]) -> Result<(), DirectoryError> {
        self.write(dn, Some(before), descriptor).await
    }

    async fn change(&self, change: &Change) -> Result<(), DirectoryError> {
        change.check()?;
        let (script, values, secret) = match change {
            Change::Add(NewObject { dn, class, attributes, password }) => {
                if class != "user" {
                    let what = format!("the script `add-user` makes users, and no `{}`", text::short(class, 60));
                    return Err(DirectoryError::Setting { what, hint: "reach the domain by LDAP" });
                }
                let attributes: IndexMap<_, _> = attributes.iter().map(|(name, value)| (name, value)).collect();
                let values = json!({"dn": dn, "attributes": attributes, "password": password.is_some()});
                (&ADD_USER, values, password.as_ref())
            }
            Change::Modify { dn, swaps } => {
                let changed = swaps.iter().filter(|swap| swap.from != swap.to);
                let swaps: Vec<_> = changed.map(|swap| json!({"attribute": swap.attribute, "from": swap.from, "to": swap.to})).collect();
                (&MODIFY, json!({"dn": dn, "swaps": swaps}), None)
            }
            Change::Delete { dn } => (&DELETE, json!({"dn": dn}), None),
        };
        let result: DoneResult = self.ask(Asked { script, values, secret, doing: change.doing() }).await?;
        if result.done { Ok(()) } else { Err(self.unreadable(script, "it does not say that it was done")) }
    }

    /// Each run has a connection of its own, on which nothing is pending.
    async fn pending(&self, _dn: &str) -> Result<Option<bool>, DirectoryError> {
        Ok(None)
    }

    async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, DirectoryError> {
        super::check_login(name, password)?;
        let doing = format!("the sign-in of `{}`", text::short(name, 200));
        let asked = Asked { script: &SIGN_ON, values: value(&SignOnValues { name }), secret: Some(password), doing };
        let result: SignOnResult = self.ask(asked).await?;
        if result.accepted {
            return Ok(SignOn::Accepted);
        }
        let (row, data) = explain(49, &result.said);
        Ok(SignOn::Refused { data, why: row.means })
    }
}
