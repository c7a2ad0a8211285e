//! Permissions of one of the domain's objects as facts of a probe, and what a grant would change in them. Pure; asks no directory.

use super::{hex, probe::Entries};
use crate::guide::step::Right;
use crate::rights::{
    Asked, Descriptor, Guid, Mask, NearMiss, Sid, Target, Token, Why, decide,
    delegation::{self, cut_off, known, near_misses},
    sddl,
};
use crate::services::directory::grant;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What was read of an object and of the one whose rights are asked for.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The object's distinguished name.
    pub on: String,
    /// Its descriptor, as it came.
    pub descriptor: Vec<u8>,
    /// Its classes as the directory names them, the most specific last.
    pub classes: Vec<String>,
    /// Its own SID.
    pub sid: Option<Sid>,
    /// `adminCount` is 1: `AdminSDHolder` keeps its permissions, or kept them once.
    pub admin_count: bool,
    /// The descriptors of what holds it, from the nearest up, without the head of the domain.
    pub above: Vec<Descriptor>,
    /// Whose rights.
    pub trustee: Sid,
    /// The same with all groups.
    pub token: Token,
    /// Whether a change of this run is still on its way to the objects below; `None` when nobody can tell.
    pub propagating: Option<bool>,
}

/// The facts of a look at rights, with `names` for people.
///
/// # Errors
/// The descriptor cannot be read.
pub fn facts(gathered: &Gathered, wanted: &[Right], names: &BTreeMap<Sid, String>) -> Result<Value, String> {
    let descriptor = read(&gathered.descriptor)?;
    let name = |sid: &Sid| names.get(sid).cloned().unwrap_or_else(|| sddl::print_sid(sid));
    let aces = wanted_aces(wanted, gathered.trustee);
    let missing = descriptor.dacl.as_ref().map_or_else(|| aces.clone(), |acl| delegation::missing(acl, &aces));
    let missing_rights: Vec<&str> =
        wanted.iter().zip(&aces).filter(|(_, ace)| missing.contains(ace)).map(|(right, _)| label(*right)).collect();
    let cut = cut_off(gathered.admin_count, std::iter::once(&descriptor).chain(&gathered.above));
    let effects: Vec<(Right, Decided)> = wanted.iter().map(|right| (*right, effect(&descriptor, gathered, *right))).collect();
    let mut granted = granted(wanted.len(), &missing_rights);
    let lacking: Vec<Right> = wanted.iter().zip(&aces).filter(|(_, ace)| missing.contains(ace)).map(|(right, _)| *right).collect();
    let near = near(&descriptor, gathered, &lacking, &name);
    if let Some(miss) = near.first() {
        granted = match text(miss, "kind") {
            "other-trustee" => format!("{granted}; {} has such entries", text(miss, "name")),
            kind => format!("{granted}; nearly: {}", kind.replace('-', " ")),
        };
    }
    let effect: Map<String, Value> =
        effects.iter().map(|(right, decided)| (right.key().to_owned(), Value::from(decided.words(&descriptor, &name)))).collect();
    Ok(json!({
        "on": gathered.on,
        "trustee": sddl::print_sid(&gathered.trustee),
        "name": name(&gathered.trustee),
        "granted": granted,
        "missing": missing.iter().map(sddl::print_ace).collect::<Vec<_>>(),
        "near": near,
        "effect": effect,
        "denied": effects.iter().any(|(_, decided)| matches!(decided.why, Why::Denied(_))),
        "inheritance": match cut {
            None => "on",
            Some(NearMiss::InheritanceOff { above: 0 } | NearMiss::Protected) => "off",
            Some(_) => "off above",
        },
        "protected": cut == Some(NearMiss::Protected) || gathered.admin_count,
        "propagating": gathered.propagating.unwrap_or(false),
        "entries": descriptor.dacl.as_ref().map_or(0, |acl| acl.aces.len()),
        "hash": hash(&descriptor),
        "descriptor": STANDARD.encode(&gathered.descriptor),
    }))
}

/// Who is named in the facts, so that their names can be looked up.
///
/// # Errors
/// The descriptor cannot be read.
pub fn named(gathered: &Gathered, wanted: &[Right]) -> Result<Vec<Sid>, String> {
    let descriptor = read(&gathered.descriptor)?;
    let mut sids = vec![gathered.trustee];
    let aces = descriptor.dacl.as_ref().map_or(&[][..], |acl| &acl.aces);
    for right in wanted {
        let by = decide_right(&descriptor, gathered, *right).by;
        sids.extend(by.and_then(|index| aces.get(index)).map(|ace| ace.trustee));
        sids.extend(misses(&descriptor, gathered, *right).iter().filter_map(|miss| aces.get(index_of(miss)?)).map(|ace| ace.trustee));
    }
    sids.sort_unstable();
    sids.dedup();
    Ok(sids)
}

fn read(bytes: &[u8]) -> Result<Descriptor, String> {
    Descriptor::read(bytes).map_err(|error| format!("its permissions cannot be read: {error}"))
}

fn right(right: Right) -> delegation::Right {
    match right {
        Right::ChangePassword => delegation::Right::ChangePassword,
        Right::ResetPassword => delegation::Right::ResetPassword,
        Right::WriteLockoutTime => delegation::Right::WriteLockoutTime,
        Right::WritePwdLastSet => delegation::Right::WritePwdLastSet,
        Right::UnexpirePassword => delegation::Right::UnexpirePassword,
    }
}

fn label(wanted: Right) -> &'static str {
    right(wanted).row().label
}

fn wanted_aces(wanted: &[Right], trustee: Sid) -> Vec<crate::rights::Ace> {
    let rights: Vec<_> = wanted.iter().map(|wanted| right(*wanted)).collect();
    delegation::wanted(&rights, trustee)
}

/// `all 4`, `none of 4`, `2 of 4, without Reset password and Write lockoutTime`.
fn granted(wanted: usize, missing: &[&str]) -> String {
    match (wanted, missing) {
        (all, []) => format!("all {all}"),
        (all, missing) if missing.len() == all => format!("none of {all}"),
        (all, missing) => format!("{} of {all}, without {}", all - missing.len(), missing.join(" and ")),
    }
}

/// What came out of asking for one right.
struct Decided {
    why: Why,
}

impl Decided {
    fn words(&self, descriptor: &Descriptor, name: &dyn Fn(&Sid) -> String) -> String {
        match self.why {
            Why::Allowed(index) => format!("allowed by {}", entry(descriptor, index, name)),
            Why::Denied(index) => format!("denied by {}", entry(descriptor, index, name)),
            Why::NothingAllows => "refused, no entry allows it".to_owned(),
            Why::Unlimited => "allowed, because nothing is limited".to_owned(),
            Why::Owner => "allowed to the owner".to_owned(),
        }
    }
}

fn effect(descriptor: &Descriptor, gathered: &Gathered, wanted: Right) -> Decided {
    Decided { why: decide_right(descriptor, gathered, wanted).why }
}

fn decide_right(descriptor: &Descriptor, gathered: &Gathered, wanted: Right) -> crate::rights::Decision {
    let row = right(wanted).row();
    let target = Target { classes: gathered.classes.last().and_then(|class| class_guid(class)).into_iter().collect(), sid: gathered.sid };
    decide(descriptor, &gathered.token, &target, Asked { mask: row.mask, object: Some(row.object), property_set: row.property_set })
}

/// The classes that block B meets; of others no entry for one class counts, which errs towards "refused".
fn class_guid(class: &str) -> Option<Guid> {
    let table = [
        ("user", known::USER),
        ("inetOrgPerson", known::INET_ORG_PERSON),
        ("computer", known::COMPUTER),
        ("group", known::GROUP),
        ("organizationalUnit", known::ORGANIZATIONAL_UNIT),
        ("container", known::CONTAINER),
        ("domainDNS", known::DOMAIN_DNS),
    ];
    table.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(class)).map(|(_, guid)| guid)
}

/// `entry 7 (Domain Admins, inherited, full control)`; entries count from 1.
fn entry(descriptor: &Descriptor, index: usize, name: &dyn Fn(&Sid) -> String) -> String {
    let Some(ace) = descriptor.dacl.as_ref().and_then(|acl| acl.aces.get(index)) else { return format!("entry {}", index + 1) };
    let breadth = match ace.object {
        Some(known::USER_ACCOUNT_RESTRICTIONS) => Some("account restrictions"),
        Some(_) => None,
        None if ace.mask.mapped().has(Mask::FULL) => Some("full control"),
        None if ace.mask.mapped().has(Mask::CONTROL_ACCESS) => Some("all extended rights"),
        None => Some("all properties"),
    };
    let words: Vec<String> = std::iter::once(name(&ace.trustee))
        .chain(ace.is_inherited().then(|| "inherited".to_owned()))
        .chain(breadth.map(str::to_owned))
        .collect();
    format!("entry {} ({})", index + 1, words.join(", "))
}

/// On a user itself nothing is granted to descendants: there, what looks like it is no near miss.
fn misses(descriptor: &Descriptor, gathered: &Gathered, wanted: Right) -> Vec<NearMiss> {
    if gathered.classes.iter().any(|class| class.eq_ignore_ascii_case("user")) {
        return Vec::new();
    }
    near_misses(descriptor, &right(wanted).ace(gathered.trustee), &gathered.token)
}

fn near(descriptor: &Descriptor, gathered: &Gathered, wanted: &[Right], name: &dyn Fn(&Sid) -> String) -> Vec<Value> {
    let aces = descriptor.dacl.as_ref().map_or(&[][..], |acl| &acl.aces);
    let mut found = Vec::new();
    for right in wanted {
        for miss in misses(descriptor, gathered, *right) {
            let Some(ace) = index_of(&miss).and_then(|index| aces.get(index)) else { continue };
            found.push(json!({
                "kind": kind(&miss),
                "right": right.key(),
                "trustee": sddl::print_sid(&ace.trustee),
                "name": name(&ace.trustee),
                "entry": sddl::print_ace(ace),
            }));
        }
    }
    found
}

fn index_of(miss: &NearMiss) -> Option<usize> {
    match miss {
        NearMiss::ThisObjectOnly { ace }
        | NearMiss::AllObjects { ace }
        | NearMiss::OtherClass { ace, .. }
        | NearMiss::Wider { ace }
        | NearMiss::OtherTrustee { ace, .. }
        | NearMiss::OtherDomain { ace, .. }
        | NearMiss::Denied { ace, .. } => Some(*ace),
        NearMiss::InheritanceOff { .. } | NearMiss::Protected => None,
    }
}

/// The word by which packs tell near misses apart.
fn kind(miss: &NearMiss) -> &'static str {
    match miss {
        NearMiss::ThisObjectOnly { .. } => "this-object-only",
        NearMiss::AllObjects { .. } => "all-objects",
        NearMiss::OtherClass { .. } => "other-class",
        NearMiss::Wider { .. } => "wider",
        NearMiss::OtherTrustee { .. } => "other-trustee",
        NearMiss::OtherDomain { .. } => "other-domain",
        NearMiss::Denied { .. } => "denied",
        NearMiss::InheritanceOff { .. } => "inheritance-off",
        NearMiss::Protected => "protected",
    }
}

/// What the entries of a list come to, whatever their order: a domain controller may put them into its own (MS-ADTS 6.1.3).
///
/// Lower-case hex SHA-256.
#[must_use]
pub fn hash(descriptor: &Descriptor) -> String {
    let mut entries: Vec<Vec<u8>> = descriptor
        .dacl
        .iter()
        .flat_map(|acl| &acl.aces)
        .map(|ace| {
            let mut bytes = Vec::new();
            ace.write_to(&mut bytes);
            bytes
        })
        .collect();
    entries.sort_unstable();
    let mut digest = Sha256::new();
    digest.update([u8::from(descriptor.is_protected()), u8::from(descriptor.dacl.is_some())]);
    for entry in &entries {
        digest.update(entry);
    }
    hex(&digest.finalize())
}

/// What changes in an object's permissions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Entries that come, as SDDL.
    pub added: Vec<String>,
    /// Entries that go, as SDDL.
    pub removed: Vec<String>,
    /// The modification as LDIF (RFC 2849).
    pub ldif: String,
}

impl Difference {
    /// For a person: what comes and goes, as SDDL and in words, then the modification.
    #[must_use]
    pub fn lines(&self) -> String {
        let added = self.added.iter().flat_map(|entry| said('+', entry));
        let removed = self.removed.iter().flat_map(|entry| said('-', entry));
        // Its comments say the same once more.
        let ldif = self.ldif.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
        removed.chain(added).chain([String::new()]).chain(ldif).collect::<Vec<_>>().join("\n")
    }
}

fn said(sign: char, entry: &str) -> impl Iterator<Item = String> {
    let ace = sddl::parse_ace(entry, &sddl::Home::default()).ok();
    let words = ace.and_then(|ace| grant::describe(&ace)).map(|words| format!("  {words}"));
    [format!("{sign} {entry}")].into_iter().chain(words)
}

/// The permissions of objects as they will stand after the changes that were planned so far.
#[derive(Debug, Default)]
pub struct Running {
    after: BTreeMap<String, Descriptor>,
}

impl Running {
    /// The entries that give `rights` and are missing; none when all are there.
    ///
    /// # Errors
    /// The facts hold no permissions.
    pub fn grant(&self, facts: &Value, rights: &[Right]) -> Result<Entries, String> {
        let trustee: Sid = text(facts, "trustee").parse().map_err(|_| "the facts name nobody by SID".to_owned())?;
        let descriptor = self.now(facts)?;
        let Some(acl) = &descriptor.dacl else { return Err(NO_LIST.to_owned()) };
        let add = delegation::missing(acl, &wanted_aces(rights, trustee)).iter().map(sddl::print_ace).collect();
        let name = text(facts, "name").to_owned();
        Ok(Entries { on: text(facts, "on").to_owned(), trustee: text(facts, "trustee").to_owned(), name, add, ..Entries::default() })
    }

    /// A removal without the entries that somebody else has removed already; as it is when none is left.
    ///
    /// # Errors
    /// The facts hold no permissions.
    pub fn on_top(&self, facts: &Value, removal: &Entries) -> Result<Entries, String> {
        let descriptor = self.now(facts)?;
        let mut left = present(&descriptor, &removal.remove)?;
        if left.is_empty() {
            left.clone_from(&removal.remove);
        }
        Ok(Entries { remove: left, ..removal.clone() })
    }

    /// What `entries` change, and what they replace in a sentence; from now on they count as done.
    ///
    /// # Errors
    /// The facts hold no permissions, or no entry fits any more.
    pub fn change(&mut self, facts: &Value, entries: &mut Entries) -> Result<(Difference, String), String> {
        let before = self.now(facts)?;
        entries.replaces = hash(&before);
        let after = changed(&before, entries)?;
        let (removed, added) = (aces(&entries.remove)?, aces(&entries.add)?);
        let ldif = grant::modification(&entries.on, &entries.replaces, &after.write(), &removed, &added);
        let difference = Difference { added: entries.add.clone(), removed: entries.remove.clone(), ldif };
        self.after.insert(entries.on.clone(), after);
        Ok((difference, replaced(facts, &before)))
    }

    fn now(&self, facts: &Value) -> Result<Descriptor, String> {
        match self.after.get(text(facts, "on")) {
            Some(descriptor) => Ok(descriptor.clone()),
            None => descriptor_of(facts),
        }
    }
}

const NO_LIST: &str = "the object has no list of permissions, so nothing is limited there";

fn text<'v>(facts: &'v Value, name: &str) -> &'v str {
    facts.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn descriptor_of(facts: &Value) -> Result<Descriptor, String> {
    let bytes = STANDARD.decode(text(facts, "descriptor")).map_err(|_| "the facts hold no permissions".to_owned())?;
    read(&bytes)
}

/// The descriptor with the entries added and removed.
fn changed(before: &Descriptor, entries: &Entries) -> Result<Descriptor, String> {
    let mut after = before.dacl_only();
    let Some(acl) = &mut after.dacl else { return Err(NO_LIST.to_owned()) };
    delegation::remove(acl, &aces(&entries.remove)?);
    delegation::insert(acl, &aces(&entries.add)?).map_err(|full| full.to_string())?;
    Ok(after)
}

/// Entries from their SDDL.
///
/// # Errors
/// One of them is none.
pub fn aces(entries: &[String]) -> Result<Vec<crate::rights::Ace>, String> {
    let read = |entry: &String| sddl::parse_ace(entry, &sddl::Home::default()).map_err(|error| error.to_string());
    entries.iter().map(read).collect()
}

fn present(descriptor: &Descriptor, entries: &[String]) -> Result<Vec<String>, String> {
    let wanted = aces(entries)?;
    let Some(acl) = &descriptor.dacl else { return Ok(Vec::new()) };
    let mut left = acl.aces.clone();
    let mut found = Vec::new();
    for (ace, entry) in wanted.iter().zip(entries) {
        if let Some(at) = left.iter().position(|there| there == ace) {
            left.remove(at);
            found.push(entry.clone());
        }
    }
    Ok(found)
}

/// How many of the entries stand there, by facts of a look at rights.
///
/// # Errors
/// The facts hold no permissions.
pub fn there(facts: &Value, entries: &[String]) -> Result<usize, String> {
    Ok(present(&descriptor_of(facts)?, entries)?.len())
}

/// What is replaced: how many entries, their hash, and what looks like the rights without being it.
fn replaced(facts: &Value, before: &Descriptor) -> String {
    let count = before.dacl.as_ref().map_or(0, |acl| acl.aces.len());
    let mut words = vec![format!("{count} entries, sha256 {}", hash(before))];
    let mut nearly: Vec<((&str, &str), Vec<&str>)> = Vec::new();
    for miss in facts.get("near").and_then(Value::as_array).into_iter().flatten() {
        let (whose, right) = ((text(miss, "name"), text(miss, "kind")), text(miss, "right"));
        match nearly.iter_mut().find(|(known, _)| *known == whose) {
            Some((_, rights)) if rights.contains(&right) => {}
            Some((_, rights)) => rights.push(right),
            None => nearly.push((whose, vec![right])),
        }
    }
    words.extend(
        nearly.iter().map(|((name, kind), rights)| format!("nearly: {} of {name} ({})", rights.join(", "), kind.replace('-', " "))),
    );
    words.join("; ")
}
