//! The directory by scripts on a domain controller, for labs whose LDAP ports nobody can reach. What scripts may say is typed here; how they get
//! to the host is `services::host`'s.

use super::refusal::explain;
use super::{Directory, DirectoryError, Entry, MOST_ENTRIES, Root, Scope, Search, SignOn};
use crate::base::{Secret, text};
use crate::services::host::script::{Host, HostError, Script};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio::sync::Mutex;

/// What the DC says of itself.
pub const READ_ROOT: Script = Script { name: "read-root", text: include_str!("../../../assets/scripts/read-root.ps1"), changes: false };
/// Entries below an object.
pub const SEARCH: Script = Script { name: "search", text: include_str!("../../../assets/scripts/search.ps1"), changes: false };
/// Replaces a DACL.
pub const WRITE_DACL: Script = Script { name: "write-dacl", text: include_str!("../../../assets/scripts/write-dacl.ps1"), changes: true };
/// Tries a name and password.
pub const SIGN_ON: Script = Script { name: "sign-on", text: include_str!("../../../assets/scripts/sign-on.ps1"), changes: false };

/// The most parts of one answer: a run takes 20 s and more on Azure.
const MOST_PARTS: usize = 64;
/// The most characters of one answer, all parts together.
const LONGEST: usize = 4 * 1024 * 1024;
/// How many entries one run brings at most.
const PAGE: u64 = 500;

/// A domain controller, asked by scripts that run on it.
pub struct Dc1 {
    host: Arc<dyn Host>,
    /// One script at a time: Azure runs no second one on a machine either.
    turn: Mutex<()>,
}

/// What every script prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    format: u32,
    script: String,
    result: Option<Value>,
    part: Option<Part>,
    error: Option<Trouble>,
}

/// A part of a result that is too large for one answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    from: usize,
    length: usize,
    hash: String,
    text: String,
}

/// What the script met.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trouble {
    code: Option<u32>,
    said: String,
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
        Self { host, turn: Mutex::default() }
    }

    /// Runs a script, again for each part of a large answer, and reads its result.
    async fn ask<R: DeserializeOwned>(&self, asked: Asked<'_>) -> Result<R, DirectoryError> {
        let _turn = self.turn.lock().await;
        let answer = self.run(&asked, 0).await?;
        let result = match (answer.result, answer.part, answer.error) {
            (Some(result), None, None) => result,
            (None, Some(first), None) if !asked.script.changes => self.rest(&asked, first).await?,
            (None, None, Some(trouble)) => return Err(self.trouble(&asked, &trouble)),
            _ => return Err(self.unreadable(asked.script, "it is neither a result nor an error")),
        };
        serde_json::from_value(result).map_err(|error| self.unreadable(asked.script, &error.to_string()))
    }

    async fn run(&self, asked: &Asked<'_>, from: usize) -> Result<Answer, DirectoryError> {
        let request = json!({
            "format": 1, "script": asked.script.name, "from": from, "room": self.host.room(), "values": asked.values,
        });
        let answer = self.host.run(asked.script, request, asked.secret).await.map_err(|error| {
            let in_doubt = asked.script.changes && !error.not_run();
            DirectoryError::Script { error, in_doubt }
        })?;
        let answer: Answer = serde_json::from_value(answer).map_err(|error| self.unreadable(asked.script, &error.to_string()))?;
        if answer.format != 1 || answer.script != asked.script.name {
            return Err(self.unreadable(asked.script, "it answers another request"));
        }
        Ok(answer)
    }

    /// The other parts, which must be of the same whole.
    async fn rest(&self, asked: &Asked<'_>, first: Part) -> Result<Value, DirectoryError> {
        let (length, hash) = (first.length, first.hash.clone());
        if length > LONGEST {
            return Err(self.unreadable(asked.script, &format!("it is larger than {} KiB", LONGEST / 1024)));
        }
        let (mut whole, mut part) = (String::new(), first);
        for _ in 0..MOST_PARTS {
            if part.from != whole.len() || part.length != length || part.hash != hash || part.text.is_empty() {
                return Err(self.unreadable(asked.script, "what it read changed meanwhile"));
            }
            whole.push_str(&part.text);
            if whole.len() >= length {
                return self.joined(asked.script, &whole, &hash);
            }
            let next = self.run(asked, whole.len()).await?.part;
            part = next.ok_or_else(|| self.unreadable(asked.script, "a part is missing"))?;
        }
        Err(self.unreadable(asked.script, "it has too many parts; ask this domain controller by LDAP"))
    }

    fn joined(&self, script: &Script, whole: &str, hash: &str) -> Result<Value, DirectoryError> {
        if sha256(whole.as_bytes()) != hash {
            return Err(self.unreadable(script, "its parts do not fit together"));
        }
        serde_json::from_str(whole).map_err(|error| self.unreadable(script, &error.to_string()))
    }

    fn trouble(&self, asked: &Asked<'_>, trouble: &Trouble) -> DirectoryError {
        let (host, doing) = (text::short(self.host.name(), 120), asked.doing.clone());
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
        let error = HostError::NoAnswer { host: text::short(self.host.name(), 120), script: script.name, why: text::short(why, 160) };
        DirectoryError::Script { error, in_doubt: script.changes }
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

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
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
