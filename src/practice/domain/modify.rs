//! Changes of objects that are there: who may write which attribute, and what a write of it means. Passwords have a file of their own.

use super::caller::{Caller, Eye};
use super::refusal::{self, Refusal};
use super::schema::{self, Attribute, Source, Syntax};
use super::wire::Controls;
use super::{password, values};
use crate::practice::world::{Account, Bytes, Dn, Object, OnPremisesDomain as Domain, domain_sid, uac};
use crate::rights::descriptor::Control;
use crate::rights::{Asked, Descriptor, Mask};
use jiff::{SignedDuration, Timestamp};
use ldap3_proto::proto::{LdapModify, LdapModifyType as Kind, LdapResultCode as Code};

/// More values than a directory takes at once.
const MOST_VALUES: usize = 1_500;

/// Everything around a change.
pub(super) struct Place<'a> {
    /// Who changes.
    pub(super) caller: &'a Caller,
    /// What the controls say.
    pub(super) controls: &'a Controls,
    /// World time.
    pub(super) now: Timestamp,
    /// How long a descriptor takes to reach the children.
    pub(super) lag: SignedDuration,
}

/// What a modification changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    /// The object whose descriptor has to reach its children.
    pub(super) descriptor_of: Option<u32>,
}

/// One modification with its attribute.
pub(super) struct Part<'a> {
    pub(super) attribute: &'static Attribute,
    pub(super) kind: Kind,
    pub(super) values: &'a [Vec<u8>],
}

/// Changes an object, all of it or nothing: whoever calls throws the domain away on a refusal.
pub(super) fn modify(domain: &mut Domain, dn: &str, changes: &[LdapModify], place: &Place<'_>) -> Result<Changed, Refusal> {
    let name = Dn::parse(dn).ok_or_else(|| refusal::bad_name("ldb_modify: invalid dn"))?;
    let key = name.key();
    if key.is_empty() {
        return task(domain, changes, place);
    }
    let object = domain.at(&key).ok_or_else(|| refusal::no_base(&name.written()))?.clone();
    let parts = changes.iter().map(|change| part(change, &object.dn)).collect::<Result<Vec<_>, _>>()?;
    judge(domain, &key, &object, &parts, place)?;
    password::write(domain, &key, &parts, place)?;
    let mut done = Changed::default();
    for part in &parts {
        match part.attribute.syntax {
            Syntax::Descriptor => done.descriptor_of = write_descriptor(domain, &key, part, place)?,
            _ if part.attribute.source == Source::Secret => {}
            Syntax::Text | Syntax::Number | Syntax::Name | Syntax::Bytes | Syntax::Time | Syntax::Truth => {
                write_attribute(domain, &key, part, place)?;
            }
        }
    }
    Ok(done)
}

/// Operations of the rootDSE (MS-ADTS 3.1.1.3.3).
fn task(domain: &mut Domain, changes: &[LdapModify], place: &Place<'_>) -> Result<Changed, Refusal> {
    let names: Vec<&str> = changes.iter().map(|change| change.modification.atype.as_str()).collect();
    match names.as_slice() {
        [name] if name.eq_ignore_ascii_case("runProtectAdminGroupsTask") && place.caller.is_administrator() => {
            domain.protect(place.now);
            Ok(Changed::default())
        }
        [name] if name.eq_ignore_ascii_case("runProtectAdminGroupsTask") => {
            Err(refusal::new(Code::InsufficentAccessRights, "00002098: the rootDSE takes this from administrators only"))
        }
        _ => Err(refusal::unwilling("the rootDSE has no such operation")),
    }
}

fn part<'a>(change: &'a LdapModify, dn: &str) -> Result<Part<'a>, Refusal> {
    let name = &change.modification.atype;
    let attribute = schema::attribute(name).ok_or_else(|| refusal::no_attribute(name, dn))?;
    let values = change.modification.vals.as_slice();
    if values.len() > MOST_VALUES {
        return Err(refusal::too_much("so many values at once"));
    }
    Ok(Part { attribute, kind: change.operation.clone(), values })
}

/// First who may, then what may be, as the measured controller has it.
fn judge(domain: &Domain, key: &str, object: &Object, parts: &[Part<'_>], place: &Place<'_>) -> Result<(), Refusal> {
    let mut eye = Eye::new(domain, place.caller, place.now);
    let descriptor = eye.descriptor(key, object);
    for part in parts {
        let may = |asked| eye.may_by(&descriptor, object, asked);
        match part.attribute.source {
            _ if part.attribute.syntax == Syntax::Descriptor => {
                let flags = flags(place.controls);
                let part = |bits: u32| flags & bits != 0;
                let owner = !part(3) || may(Asked::whole(Mask::WRITE_OWNER));
                let dacl = !part(4) || may(Asked::whole(Mask::WRITE_DAC));
                let sacl = !part(8) || place.caller.is_administrator();
                if !(owner && dacl && sacl) {
                    return Err(refusal::no_dacl(&object.dn));
                }
            }
            Source::Secret => {}
            Source::Free | Source::Account | Source::Constructed | Source::System | Source::Naming | Source::Link => {
                if !may(part.attribute.writing()) {
                    return Err(refusal::no_property(&object.dn));
                }
            }
        }
    }
    password::judge(&eye, &descriptor, object, parts)?;
    parts.iter().try_for_each(|part| possible(part, &object.dn))?;
    unexpire_for_never(&mut eye, object, parts)
}

/// "Password never expires" needs the right to unexpire (MS-SAMR 3.1.1.8.10).
fn unexpire_for_never(eye: &mut Eye<'_>, object: &Object, parts: &[Part<'_>]) -> Result<(), Refusal> {
    let before = object.account.as_ref().map_or(0, |account| account.uac);
    let wanted = parts.iter().filter(|part| part.attribute.name == "userAccountControl").filter_map(|part| number(part.values));
    let asks = wanted.filter_map(|control| u32::try_from(control).ok()).any(|control| control & !before & uac::NEVER_EXPIRES != 0);
    if asks && !eye.may_unexpire() { Err(refusal::no_property(&object.dn)) } else { Ok(()) }
}

/// Whether an attribute can be written at all, and these values be in it.
fn possible(part: &Part<'_>, dn: &str) -> Result<(), Refusal> {
    let name = part.attribute.name;
    match part.attribute.source {
        Source::Constructed => return Err(refusal::constructed(name, dn)),
        Source::Link => return Err(refusal::linked(name, dn)),
        Source::Naming => return Err(refusal::naming(name, dn)),
        Source::System if name == "objectSid" => return Err(refusal::unwilling("samldb: objectSid must not be specified!")),
        Source::System => return Err(refusal::system_only(name, dn)),
        Source::Free | Source::Account | Source::Secret => {}
    }
    if part.kind == Kind::Increment {
        return Err(refusal::unwilling("increment is not supported"));
    }
    let fits = |value: &Vec<u8>| match part.attribute.syntax {
        Syntax::Number => std::str::from_utf8(value).is_ok_and(|text| text.parse::<i64>().is_ok()),
        Syntax::Text => !value.is_empty() && std::str::from_utf8(value).is_ok(),
        Syntax::Name => std::str::from_utf8(value).ok().and_then(Dn::parse).is_some(),
        Syntax::Truth => matches!(value.as_slice(), b"TRUE" | b"FALSE"),
        Syntax::Bytes | Syntax::Descriptor | Syntax::Time => true,
    };
    if part.values.iter().all(fits) { Ok(()) } else { Err(refusal::bad_value(name, dn)) }
}

pub(super) fn number(values: &[Vec<u8>]) -> Option<i64> {
    std::str::from_utf8(values.first()?).ok()?.parse().ok()
}

/// The parts that a control of this value names: all four when it names none, or is not there (MS-ADTS 3.1.1.3.4.1.11).
pub(super) fn all_if_none(flags: Option<u32>) -> u32 {
    match flags.unwrap_or(0) & 15 {
        0 => 15,
        named => named,
    }
}

fn flags(controls: &Controls) -> u32 {
    all_if_none(controls.sd_flags)
}

fn write_descriptor(domain: &mut Domain, key: &str, part: &Part<'_>, place: &Place<'_>) -> Result<Option<u32>, Refusal> {
    if part.kind != Kind::Replace {
        return Err(refusal::no_compare_and_swap());
    }
    let [value] = part.values else { return Err(refusal::bad_descriptor()) };
    let given = Descriptor::read(value).map_err(|_| refusal::bad_descriptor())?;
    let Some(object) = domain.at(key) else { return Err(refusal::no_base(key)) };
    let new = joined(object.own(&domain_sid()), given, flags(place.controls))?;
    let (id, usn) = (object.id, object.usn);
    let until = place.now.checked_add(place.lag).unwrap_or(place.now);
    domain.set_descriptor(key, &new, place.now, until);
    Ok(domain.at(key).filter(|object| object.usn != usn).map(|_| id))
}

/// The descriptor with the given parts in the place of its own.
pub(super) fn joined(own: Descriptor, given: Descriptor, flags: u32) -> Result<Descriptor, Refusal> {
    let mut new = own;
    if flags & 1 != 0 && given.owner.is_some() {
        new.owner = given.owner;
    }
    if flags & 2 != 0 && given.group.is_some() {
        new.group = given.group;
    }
    if flags & 8 != 0 {
        new.sacl = given.sacl;
    }
    if flags & 4 != 0 {
        // A NULL DACL is refused (MS-ADTS 6.1.3).
        let mut dacl = given.dacl.ok_or_else(refusal::bad_descriptor)?;
        dacl.aces.retain(|ace| !ace.is_inherited());
        for ace in dacl.aces.iter_mut().filter(|ace| ace.mask.is_generic()) {
            ace.mask = ace.mask.mapped();
        }
        if !dacl.fits() {
            return Err(refusal::bad_descriptor());
        }
        new.dacl = Some(dacl);
        let protected = Control(given.control.0 & Control::DACL_PROTECTED.0);
        new.control = new.control.without(Control::DACL_PROTECTED).with(protected).with(Control::DACL_AUTO_INHERITED);
    }
    Ok(new)
}

fn write_attribute(domain: &mut Domain, key: &str, part: &Part<'_>, place: &Place<'_>) -> Result<(), Refusal> {
    let Some(object) = domain.at(key) else { return Err(refusal::no_base(key)) };
    let dn = object.dn.clone();
    if part.attribute.name == "member" {
        return write_members(domain, key, part, place.now);
    }
    if part.attribute.source == Source::Account && part.attribute.name != "sAMAccountName" {
        let (name, number) = (part.attribute.name, if part.kind == Kind::Delete { None } else { number(part.values) });
        let set =
            domain.change(key, place.now, |object| object.account.as_mut().map(|account| write_account(account, name, number, place.now)));
        return set
            .flatten()
            .unwrap_or_else(|| Err(refusal::new(Code::ObjectClassViolation, format!("00002014: `{name}` is not for {dn}"))));
    }
    if part.attribute.name == "sAMAccountName" && part.kind == Kind::Delete {
        return Err(refusal::no_empty_name());
    }
    let before = values::of(domain, object, part.attribute);
    let after = combined(&before, part, &dn)?;
    if after == before {
        return Ok(());
    }
    if part.attribute.name == "sAMAccountName" {
        let sam = after.first().map(|sam| String::from_utf8_lossy(sam).into_owned()).unwrap_or_default();
        if sam.is_empty() || domain.by_sam(&sam).is_some_and(|other| other.dn != dn) {
            return Err(refusal::name_taken(&sam));
        }
    }
    let name = part.attribute.name;
    domain.change(key, place.now, |object| {
        object.attributes.remove(name);
        if !after.is_empty() {
            object.attributes.insert(name.to_owned(), after.into_iter().map(Bytes).collect());
        }
    });
    Ok(())
}

/// The values after a modification.
fn combined(before: &[Vec<u8>], part: &Part<'_>, dn: &str) -> Result<Vec<Vec<u8>>, Refusal> {
    let name = part.attribute.name;
    let after = match part.kind {
        Kind::Replace => part.values.to_vec(),
        Kind::Add => {
            if part.values.iter().any(|value| before.contains(value)) {
                return Err(if part.attribute.single { refusal::single(name, dn) } else { refusal::value_exists(name, dn) });
            }
            before.iter().chain(part.values).cloned().collect()
        }
        Kind::Delete if before.is_empty() => return Err(refusal::nothing_there(name, dn)),
        Kind::Delete if part.values.is_empty() => Vec::new(),
        Kind::Delete => {
            if !part.values.iter().all(|value| before.contains(value)) {
                return Err(refusal::no_such_value(name, dn));
            }
            before.iter().filter(|value| !part.values.contains(value)).cloned().collect()
        }
        Kind::Increment => return Err(refusal::unwilling("increment is not supported")),
    };
    let repeated = after.iter().enumerate().any(|(at, value)| after.iter().skip(at + 1).any(|other| other == value));
    if part.attribute.single && after.len() > 1 {
        return Err(refusal::single(name, dn));
    }
    if repeated { Err(refusal::value_exists(name, dn)) } else { Ok(after) }
}

/// Attributes of an account that mean something.
fn write_account(account: &mut Account, name: &str, value: Option<i64>, now: Timestamp) -> Result<(), Refusal> {
    match (name, value) {
        ("pwdLastSet", Some(0)) => account.set = 0,
        ("pwdLastSet", Some(-1)) => account.set = crate::practice::world::filetime(now),
        ("pwdLastSet", _) => return Err(refusal::last_set()),
        ("lockoutTime", Some(0)) => account.unlock(),
        // The measured controller takes any number.
        ("lockoutTime", value) => account.locked = value,
        ("accountExpires", Some(value)) => account.expires = value,
        ("primaryGroupID", Some(value)) => account.primary_group = u32::try_from(value).unwrap_or(account.primary_group),
        ("userAccountControl", Some(value)) => {
            let wanted = u32::try_from(value).unwrap_or(0) & !(uac::LOCKED | uac::EXPIRED);
            let kind = uac::NORMAL | uac::WORKSTATION | uac::SERVER;
            let kind = if wanted & kind == 0 { account.uac & kind } else { 0 };
            account.uac = wanted | kind;
        }
        (name, _) => return Err(refusal::system_only(name, "the account")),
    }
    Ok(())
}

fn write_members(domain: &mut Domain, key: &str, part: &Part<'_>, now: Timestamp) -> Result<(), Refusal> {
    let mut ids = Vec::new();
    for value in part.values {
        let there = std::str::from_utf8(value).ok().and_then(|dn| domain.named(dn));
        let there = there.ok_or_else(|| refusal::new(Code::NoSuchObject, "00000525: specified dn doesn't exist"))?;
        ids.push((there.id, there.guid.clone()));
    }
    let text = |guid: &Bytes| crate::practice::world::guid_of(guid).map(|guid| guid.to_string()).unwrap_or_default();
    domain
        .change(key, now, |group| {
            match part.kind {
                Kind::Replace => group.members.clear(),
                Kind::Delete if ids.is_empty() => group.members.clear(),
                Kind::Add | Kind::Delete | Kind::Increment => {}
            }
            for (id, guid) in &ids {
                let done = if part.kind == Kind::Delete { group.members.remove(id) } else { group.members.insert(*id) };
                if !done && part.kind == Kind::Delete {
                    let text = format!("Attribute member already deleted for target GUID {}", text(guid));
                    return Err(refusal::new(Code::UnwillingToPerform, text));
                }
                if !done {
                    let text = format!("Attribute member already exists for target GUID {}", text(guid));
                    return Err(refusal::new(Code::EntryAlreadyExists, text));
                }
            }
            Ok(())
        })
        .unwrap_or(Ok(()))
}

/// A value of a new object: nobody's right is asked, everything else is.
pub(super) fn fill(domain: &mut Domain, key: &str, part: &Part<'_>, place: &Place<'_>) -> Result<(), Refusal> {
    let dn = domain.at(key).map(|object| object.dn.clone()).unwrap_or_default();
    possible(part, &dn)?;
    write_attribute(domain, key, part, place)
}
