//! The domain controller as a script on it sees it: the same judgement as over LDAP, without a connection. Not what the scripts say of it.

use super::caller::{self, Caller};
use super::filter::Filter;
use super::modify::{self, Place};
use super::refusal::{self, Refusal};
use super::search::{self, Here};
use super::tree;
use super::wire::{Asked, Controls};
use crate::practice::world::{OnPremisesDomain, Policy, World};
use jiff::{SignedDuration, Timestamp};
use ldap3_proto::proto::{LdapModify, LdapModifyType, LdapPartialAttribute, LdapSearchResultEntry, LdapSearchScope};

/// How far a search goes.
pub(in crate::practice) use ldap3_proto::proto::LdapSearchScope as Scope;

/// An object's name, and its attributes with their values.
pub(in crate::practice) type Told = (String, Vec<(String, Vec<Vec<u8>>)>);

/// An attribute with the value that goes and the one that comes.
pub(in crate::practice) type Swapped = (String, Option<String>, Option<String>);

/// What the controller said no with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::practice) struct Refused {
    /// The result code, or one of Wldap32's own.
    pub(in crate::practice) code: u32,
    /// Its words.
    pub(in crate::practice) said: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { code: u32::from(refusal.code as u16), said: refusal.text }
    }
}

/// A connection to this machine's own directory.
pub(in crate::practice) struct Local<'a> {
    world: &'a mut World,
    caller: Caller,
    now: Timestamp,
    lag: SignedDuration,
}

impl<'a> Local<'a> {
    /// By SYSTEM, or by another account of the domain.
    ///
    /// # Errors
    /// There is no such account.
    pub(in crate::practice) fn open(
        world: &'a mut World,
        account: Option<&str>,
        now: Timestamp,
        lag: SignedDuration,
    ) -> Result<Self, Refused> {
        let caller = match account {
            None => Some(Caller::system()),
            Some(name) => caller::account(&world.domain, name).and_then(|(_, object)| Caller::new(&world.domain, object)),
        };
        let unknown = || Refused { code: 49, said: "The supplied credential is invalid.".to_owned() };
        Ok(Self { world, caller: caller.ok_or_else(unknown)?, now, lag })
    }

    /// The rootDSE.
    pub(in crate::practice) fn root(&self) -> Vec<(String, Vec<Vec<u8>>)> {
        let filter = Filter::Present("objectClass".to_owned());
        let asked = asked(String::new(), LdapSearchScope::Base, filter, Vec::new());
        let said = self.world.said(self.now);
        let here = Here { caller: Some(&self.caller), changed: &[], now: self.now, said };
        search::root(&self.world.domain, &asked, &here).map(|entry| told(entry).1).unwrap_or_default()
    }

    /// The first `most` objects of a search, descriptors with their DACL only.
    ///
    /// # Errors
    /// What the controller said.
    pub(in crate::practice) fn search(
        &self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: Vec<String>,
        most: usize,
    ) -> Result<Vec<Told>, Refused> {
        let invalid = || Refused { code: 87, said: "The search filter is invalid.".to_owned() };
        let filter = Filter::parse(filter).map_err(|_| invalid())?;
        let asked = asked(base.to_owned(), scope, filter, attributes);
        // As over LDAP: the search that names no object is about the controller itself.
        if asked.base.is_empty() && asked.scope == LdapSearchScope::Base {
            let here = Here { caller: Some(&self.caller), changed: &[], now: self.now, said: self.world.said(self.now) };
            return Ok(search::root(&self.world.domain, &asked, &here).map(told).into_iter().collect());
        }
        let mut found = search::begin(&self.world.domain, &asked, &dacl_only())?;
        Ok(found.page(&self.world.domain, &self.caller, self.now, most).into_iter().map(told).collect())
    }

    /// Replaces a DACL.
    ///
    /// # Errors
    /// What the controller said; nothing was changed.
    pub(in crate::practice) fn write_dacl(&mut self, dn: &str, descriptor: Vec<u8>) -> Result<(), Refused> {
        let modification = LdapPartialAttribute { atype: "nTSecurityDescriptor".to_owned(), vals: vec![descriptor] };
        let change = LdapModify { operation: LdapModifyType::Replace, modification };
        let controls = dacl_only();
        let place = Place { caller: &self.caller, controls: &controls, now: self.now, lag: self.lag };
        let mut domain = self.world.domain.clone();
        modify::modify(domain.make_mut(), dn, &[change], &place)?;
        self.world.domain = domain;
        Ok(())
    }

    /// Makes an object.
    ///
    /// # Errors
    /// What the controller said; nothing was changed.
    pub(in crate::practice) fn add(&mut self, dn: &str, attributes: Vec<(String, Vec<u8>)>) -> Result<(), Refused> {
        let one = |(atype, value): (String, Vec<u8>)| LdapPartialAttribute { atype, vals: vec![value] };
        let given: Vec<_> = attributes.into_iter().map(one).collect();
        self.change(|domain, place| tree::add(domain, dn, &given, place))
    }

    /// Changes an object; a value that goes and one that comes, by attribute.
    ///
    /// # Errors
    /// What the controller said; nothing was changed.
    pub(in crate::practice) fn swap(&mut self, dn: &str, swaps: &[Swapped]) -> Result<(), Refused> {
        let part = |operation: LdapModifyType, atype: &str, value: &str| LdapModify {
            operation,
            modification: LdapPartialAttribute { atype: atype.to_owned(), vals: vec![value.as_bytes().to_vec()] },
        };
        let changes: Vec<_> = swaps
            .iter()
            .flat_map(|(attribute, from, to)| {
                let gone = from.as_deref().map(|from| part(LdapModifyType::Delete, attribute, from));
                let come = to.as_deref().map(|to| part(LdapModifyType::Add, attribute, to));
                gone.into_iter().chain(come)
            })
            .collect();
        self.change(|domain, place| modify::modify(domain, dn, &changes, place).map(drop))
    }

    /// Takes an object away.
    ///
    /// # Errors
    /// What the controller said; nothing was changed.
    pub(in crate::practice) fn delete(&mut self, dn: &str) -> Result<(), Refused> {
        self.change(|domain, place| tree::delete(domain, dn, place))
    }

    /// All of it or nothing.
    fn change(&mut self, change: impl FnOnce(&mut OnPremisesDomain, &Place<'_>) -> Result<(), Refusal>) -> Result<(), Refused> {
        let controls = Controls::default();
        let place = Place { caller: &self.caller, controls: &controls, now: self.now, lag: self.lag };
        let mut domain = self.world.domain.clone();
        change(domain.make_mut(), &place)?;
        self.world.domain = domain;
        Ok(())
    }

    /// Whether a name and a password get in over LDAPS; a wrong password counts, as it does there.
    ///
    /// # Errors
    /// What the controller said, 49 for what does not get in.
    pub(in crate::practice) fn sign_on(&mut self, name: &str, password: &str) -> Result<(), Refused> {
        let (entry, key) = caller::knock(&self.world.domain, name, password, self.now);
        if let Some(key) = key {
            let policy = Policy::of(self.world.domain.head());
            let mut account = self.world.domain.at(&key).and_then(|object| object.account.clone());
            if account.as_mut().is_some_and(|account| account.count(entry, &policy, self.now)) {
                self.world.domain.make_mut().note(&key, |object| object.account = account);
            }
        }
        refusal::bind(entry).map_or(Ok(()), |refused| Err(refused.into()))
    }
}

fn dacl_only() -> Controls {
    Controls { sd_flags: Some(4), ..Controls::default() }
}

fn asked(base: String, scope: Scope, filter: Filter, attributes: Vec<String>) -> Asked {
    Asked { base, scope, filter, attributes, types_only: false, most: 0 }
}

fn told(entry: LdapSearchResultEntry) -> Told {
    (entry.dn, entry.attributes.into_iter().map(|attribute| (attribute.atype, attribute.vals)).collect())
}
