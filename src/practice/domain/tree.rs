//! Objects that come, go and move, and who may do it. Not what is in them.

use super::caller::Eye;
use super::modify::{Part, Place};
use super::refusal::{self, Refusal};
use super::schema::{self, Source};
use super::{modify, password};
use crate::practice::chance;
use crate::practice::world::{Class, Dn, New, Object, OnPremisesDomain as Domain, Policy, filetime, hash, parent_key};
use crate::rights::{Asked, Descriptor, Guid, Mask};
use ldap3_proto::proto::{LdapAttribute, LdapModifyType as Kind, LdapResultCode as Code};

/// So many objects and no more: the world is stored whole.
const MOST_OBJECTS: usize = 50_000;

fn class_right(mask: Mask, class: Class) -> Asked {
    Asked { mask, object: Some(class.line().guid), property_set: None }
}

/// Adds an object.
pub(super) fn add(domain: &mut Domain, dn: &str, given: &[LdapAttribute], place: &Place<'_>) -> Result<(), Refusal> {
    let name = Dn::parse(dn).filter(|name| !name.0.is_empty()).ok_or_else(|| refusal::bad_name("ldb_add: invalid dn"))?;
    let written = name.written();
    let class = class_of(given, &written)?;
    let parent = name.parent().key();
    let Some(above) = domain.at(&parent) else {
        let why = format!("00002030: objectclass: Cannot add {written}, parent does not exist!");
        return Err(refusal::new(Code::NoSuchObject, why));
    };
    if !Eye::new(domain, place.caller, place.now).may(&parent, above, class_right(Mask::CREATE_CHILD, class)) {
        return Err(refusal::new(Code::InsufficentAccessRights, format!("acl: unable to get access to {written}\n")));
    }
    if domain.at(&name.key()).is_some() {
        return Err(refusal::exists(&written));
    }
    let named_by = name.0.first().map(|rdn| rdn.kind.to_lowercase()).unwrap_or_default();
    if named_by != class.line().named_by || class == Class::DomainDns {
        let why = format!("objectclass: Invalid RDN '{named_by}' for objectclass");
        return Err(refusal::new(Code::NamingViolation, format!("00002099: {why}")));
    }
    if domain.all().count() >= MOST_OBJECTS {
        return Err(refusal::too_much("more objects"));
    }
    let sam = sam_of(domain, class, given)?;
    let key = domain.add(New { dn: name, class, rid: None, sam }, place.now);
    fill(domain, &key, given, place)
}

fn class_of(given: &[LdapAttribute], dn: &str) -> Result<Class, Refusal> {
    let values = given.iter().find(|one| one.atype.eq_ignore_ascii_case("objectClass")).map(|one| one.vals.as_slice()).unwrap_or_default();
    let mut best: Option<Class> = None;
    for value in values {
        let name = String::from_utf8_lossy(value);
        let in_a_chain = ["top", "person", "organizationalPerson", "domain"].iter().any(|known| known.eq_ignore_ascii_case(&name));
        match Class::named(&name) {
            Some(class) if best.is_none_or(|best| class.line().chain.len() > best.line().chain.len()) => best = Some(class),
            Some(_) => {}
            None if in_a_chain => {}
            None => {
                let why = format!("0000200A: objectclass {name} is not a valid objectClass in schema");
                return Err(refusal::new(Code::NoSuchAttribute, why));
            }
        }
    }
    let missing = format!("00002014: objectclass: Cannot add {dn}, no objectclass specified!");
    best.ok_or_else(|| refusal::new(Code::ObjectClassViolation, missing))
}

/// The account's name: the given one, or one that nobody has.
fn sam_of(domain: &Domain, class: Class, given: &[LdapAttribute]) -> Result<String, Refusal> {
    if !matches!(class, Class::User | Class::Computer | Class::Group) {
        return Ok(String::new());
    }
    let named = given.iter().find(|one| one.atype.eq_ignore_ascii_case("sAMAccountName")).and_then(|one| one.vals.first());
    let sam = match named {
        Some(name) => String::from_utf8_lossy(name).into_owned(),
        None => format!("${}", chance::user_code().map_err(|error| refusal::new(Code::Unavailable, error.to_string()))?),
    };
    if sam.is_empty() || domain.by_sam(&sam).is_some() { Err(refusal::name_taken(&sam)) } else { Ok(sam) }
}

/// What else was given; whoever makes an object may fill it.
fn fill(domain: &mut Domain, key: &str, given: &[LdapAttribute], place: &Place<'_>) -> Result<(), Refusal> {
    let Some(object) = domain.at(key).cloned() else { return Ok(()) };
    let owner = Some(place.caller.owner());
    let mut descriptor = object.own(&crate::practice::world::domain_sid());
    let by_admin = descriptor.owner == owner;
    (descriptor.owner, descriptor.group) = (owner, owner);
    let mut own_descriptor = !by_admin;
    for one in given {
        let attribute = schema::attribute(&one.atype).ok_or_else(|| refusal::no_attribute(&one.atype, &object.dn))?;
        let part = Part { attribute, kind: Kind::Replace, values: &one.vals };
        match attribute.name {
            "objectClass" | "sAMAccountName" | "objectCategory" | "instanceType" | "distinguishedName" | "name" => {}
            "nTSecurityDescriptor" => {
                let [value] = part.values else { return Err(refusal::bad_descriptor()) };
                let given = Descriptor::read(value).map_err(|_| refusal::bad_descriptor())?;
                descriptor = modify::joined(descriptor, given, 4)?;
                own_descriptor = true;
            }
            _ if attribute.source == Source::Naming => {}
            _ if attribute.source == Source::Secret => first_password(domain, key, &one.vals, place)?,
            _ => modify::fill(domain, key, &part, place)?,
        }
    }
    if own_descriptor {
        domain.set_descriptor(key, &descriptor, place.now, place.now);
    }
    Ok(())
}

fn first_password(domain: &mut Domain, key: &str, values: &[Vec<u8>], place: &Place<'_>) -> Result<(), Refusal> {
    let new = values.first().and_then(|value| password::quoted(value)).ok_or_else(refusal::not_quoted)?;
    let policy = Policy::of(domain.head());
    policy.accepts(&new).map_err(refusal::slip)?;
    domain.note(key, |object| {
        if let Some(account) = &mut object.account {
            account.set_password(hash(&new), &policy, filetime(place.now));
        }
    });
    Ok(())
}

/// Takes an object away, with all below when the tree control says so.
pub(super) fn delete(domain: &mut Domain, dn: &str, place: &Place<'_>) -> Result<(), Refusal> {
    let name = Dn::parse(dn).ok_or_else(|| refusal::bad_name("ldb_delete: invalid dn"))?;
    let (key, written) = (name.key(), name.written());
    let Some(object) = domain.at(&key) else {
        let why = format!("00002030: objectclass: Cannot delete {written}, entry does not exist!");
        return Err(refusal::new(Code::NoSuchObject, why));
    };
    if object.text("isCriticalSystemObject") == Some("TRUE") || object.class == Class::DomainDns {
        return Err(refusal::unwilling(&format!("objectclass: Cannot delete {written}, it isn't permitted!")));
    }
    may_delete(domain, &key, object, place)?;
    let children = domain.children(&key);
    if children > 0 && !place.controls.tree {
        let why = format!("00002015: subtree_delete: Unable to delete a non-leaf node (it has {children} children)!");
        return Err(refusal::new(Code::NotAllowedOnNonLeaf, why));
    }
    let gone: Vec<String> = domain.below(&key).map(|(key, _)| key.to_owned()).collect();
    gone.iter().rev().for_each(|key| domain.remove(key));
    Ok(())
}

/// Delete on the object, or delete child on what it lies in; the whole tree needs its own right (MS-ADTS 3.1.1.5.5.6).
fn may_delete(domain: &Domain, key: &str, object: &Object, place: &Place<'_>) -> Result<(), Refusal> {
    let mut eye = Eye::new(domain, place.caller, place.now);
    let above = parent_key(key);
    let by_itself = eye.may(key, object, Asked::whole(Mask::DELETE));
    let by_parent = domain.at(above).is_some_and(|parent| eye.may(above, parent, class_right(Mask::DELETE_CHILD, object.class)));
    let tree = !place.controls.tree || domain.children(key) == 0 || eye.may(key, object, Asked::whole(Mask::DELETE_TREE));
    if (by_itself || by_parent) && tree {
        return Ok(());
    }
    let parent = domain.at(above).map(|parent| parent.dn.clone()).unwrap_or_default();
    Err(refusal::new(Code::InsufficentAccessRights, format!("dsdb_access: Access check failed on {parent}")))
}

/// `name` (MS-ADA3).
const NAME: Guid = Guid::of(0xbf96_7a0e_0de6_11d0_a285_00aa_0030_49e2);

/// Gives an object another name, and another place.
pub(super) fn rename(domain: &mut Domain, dn: &str, new_rdn: &str, above: Option<&str>, place: &Place<'_>) -> Result<(), Refusal> {
    let bad = || refusal::bad_name("ldb_rename: invalid dn");
    let (from, rdn) = (Dn::parse(dn).ok_or_else(bad)?, Dn::parse(new_rdn).filter(|rdn| rdn.0.len() == 1).ok_or_else(bad)?);
    let above = above.map_or_else(|| Some(from.parent()), Dn::parse).ok_or_else(bad)?;
    let (key, parent) = (from.key(), above.key());
    let object = domain.at(&key).ok_or_else(|| refusal::no_base(&from.written()))?;
    let to = rdn.below(&Dn(rdn.0.iter().chain(&above.0).cloned().collect()).parent());
    let into = domain.at(&parent).ok_or_else(|| refusal::no_base(&above.written()))?;
    let mut eye = Eye::new(domain, place.caller, place.now);
    let kinds = (rdn.0.first().map(|rdn| rdn.kind.to_lowercase()), object.class.line().named_by);
    if kinds.0.as_deref() != Some(kinds.1) || object.text("isCriticalSystemObject") == Some("TRUE") || parent.starts_with(&key) {
        return Err(refusal::unwilling(&format!("cannot rename {}", object.dn)));
    }
    if !eye.may(&key, object, Asked::write(NAME, None)) {
        return Err(refusal::new(Code::InsufficentAccessRights, format!("00002098: Object {} has no wp on name\n", object.dn)));
    }
    if parent != parent_key(&key) {
        if !eye.may(&parent, into, class_right(Mask::CREATE_CHILD, object.class)) {
            return Err(refusal::new(Code::InsufficentAccessRights, format!("acl: unable to get access to {}\n", to.written())));
        }
        may_delete(domain, &key, object, place)?;
    }
    if to.key() != key && domain.at(&to.key()).is_some() {
        return Err(refusal::exists(&to.written()));
    }
    domain.rename(&key, &to, place.now);
    Ok(())
}
