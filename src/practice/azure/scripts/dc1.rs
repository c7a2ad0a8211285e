//! What the scripts for the domain controller answer. Who may see and do what is the domain's own judgement; a run command is SYSTEM there.

use super::Job;
use super::answer::{Trouble, sha256};
use crate::practice::{
    domain::{Local, Refused, Scope},
    world::DC1,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

type Answer = Result<Value, Trouble>;

/// What was said over LDAP.
impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::ldap(refused.code, refused.said)
    }
}

impl Job<'_> {
    /// `Open-Directory` on this machine: only one of them answers LDAP.
    fn directory(&mut self) -> Result<Local<'_>, Trouble> {
        if self.machine != DC1 {
            return Err(Trouble::unavailable());
        }
        let Job { account, now, lag, .. } = *self;
        Ok(Local::open(self.world, account, now, lag)?)
    }

    fn text(&self, name: &str) -> String {
        self.values[name].as_str().unwrap_or_default().to_owned()
    }

    fn count(&self, name: &str) -> usize {
        self.values[name].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
    }
}

pub(super) fn read_root(job: &mut Job<'_>) -> Answer {
    let root = job.directory()?.root();
    let all = |name: &str| -> Vec<String> {
        let values = root.iter().filter(|(own, _)| own == name).flat_map(|(_, values)| values);
        values.map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    };
    let first = |name: &str| all(name).into_iter().next().unwrap_or_default();
    Ok(json!({
        "namingContext": first("defaultNamingContext"),
        "rootDomain": first("rootDomainNamingContext"),
        "host": first("dnsHostName"),
        "time": first("currentTime"),
        "controls": all("supportedControl"),
    }))
}

pub(super) fn search(job: &mut Job<'_>) -> Answer {
    let (base, filter) = (job.text("base"), job.text("filter"));
    let scope = match job.values["scope"].as_str() {
        Some("base") => Scope::Base,
        Some("one") => Scope::OneLevel,
        _ => Scope::Subtree,
    };
    let asked = job.values["attributes"].as_array().into_iter().flatten();
    let attributes: Vec<String> = asked.filter_map(Value::as_str).map(str::to_owned).collect();
    let (skip, limit) = (job.count("skip"), job.count("limit"));
    // One more than is told, to know whether there is more.
    let found = job.directory()?.search(&base, scope, &filter, attributes, skip.saturating_add(limit).saturating_add(1))?;
    let more = found.len() > skip.saturating_add(limit);
    let entries: Vec<Value> = found.into_iter().skip(skip).take(limit).map(|(dn, attributes)| entry(&dn, &attributes)).collect();
    Ok(json!({"entries": entries, "more": more}))
}

fn entry(dn: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Value {
    let coded = |values: &[Vec<u8>]| values.iter().map(|value| BASE64_STANDARD.encode(value)).collect::<Vec<_>>();
    let attributes: Map<String, Value> = attributes.iter().map(|(name, values)| (name.clone(), json!(coded(values)))).collect();
    json!({"dn": dn, "attributes": attributes})
}

pub(super) fn write_dacl(job: &mut Job<'_>) -> Answer {
    let (dn, before) = (job.text("dn"), job.values["before"].as_str().map(str::to_owned));
    let invalid = "Invalid length for a Base-64 char array or string.";
    let descriptor = BASE64_STANDARD.decode(job.text("descriptor")).map_err(|_| Trouble::thrown(invalid))?;
    let mut directory = job.directory()?;
    if let Some(before) = before {
        let attribute = "nTSecurityDescriptor";
        let found = directory.search(&dn, Scope::Base, "(objectClass=*)", vec![attribute.to_owned()], 1)?;
        let there = found.into_iter().flat_map(|(_, attributes)| attributes).find(|(name, _)| name == attribute);
        let there = there.and_then(|(_, values)| values.into_iter().next());
        let there = there.ok_or_else(|| Trouble::thrown("You cannot call a method on a null-valued expression."))?;
        let found = sha256(&there);
        if found != before {
            return Ok(json!({"written": false, "found": found}));
        }
    }
    directory.write_dacl(&dn, descriptor)?;
    Ok(json!({"written": true}))
}

/// The secret of a request; an empty one is none.
fn secret(job: &Job<'_>) -> Result<String, Trouble> {
    let secret = BASE64_STANDARD.decode(job.parameter("Secret")).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    secret.filter(|secret| !secret.is_empty()).ok_or_else(|| Trouble::thrown("the password is empty"))
}

pub(super) fn add_user(job: &mut Job<'_>) -> Answer {
    let dn = job.text("dn");
    let fields = job.values["attributes"].as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().as_bytes().to_vec();
    let mut given: Vec<(String, Vec<u8>)> = vec![("objectClass".to_owned(), b"user".to_vec())];
    given.extend(fields.map(|(name, value)| (name.clone(), text(value))));
    if job.values["password"] == true {
        let quoted = format!("\"{}\"", secret(job)?);
        given.push(("unicodePwd".to_owned(), quoted.encode_utf16().flat_map(u16::to_le_bytes).collect()));
    }
    job.directory()?.add(&dn, given)?;
    Ok(json!({"done": true}))
}

pub(super) fn modify(job: &mut Job<'_>) -> Answer {
    let dn = job.text("dn");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let swap = |one: &Value| (text(&one["attribute"]).unwrap_or_default(), text(&one["from"]), text(&one["to"]));
    let swaps: Vec<_> = job.values["swaps"].as_array().into_iter().flatten().map(swap).collect();
    let own = ["nTSecurityDescriptor", "unicodePwd", "userPassword"];
    if swaps.iter().any(|(name, _, _)| own.iter().any(|own| own.eq_ignore_ascii_case(name))) {
        return Err(Trouble::thrown("this attribute is not written as text"));
    }
    job.directory()?.swap(&dn, &swaps)?;
    Ok(json!({"done": true}))
}

pub(super) fn delete(job: &mut Job<'_>) -> Answer {
    let dn = job.text("dn");
    job.directory()?.delete(&dn)?;
    Ok(json!({"done": true}))
}

pub(super) fn sign_on(job: &mut Job<'_>) -> Answer {
    let password = secret(job)?;
    let name = job.text("name");
    match job.directory()?.sign_on(&name, &password) {
        Ok(()) => Ok(json!({"accepted": true})),
        Err(Refused { code: 49, said }) => Ok(json!({"accepted": false, "said": said})),
        Err(refused) => Err(refused.into()),
    }
}
