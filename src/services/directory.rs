//! The directory of a domain behind one trait, two ways: LDAP, and scripts on the domain controller. Not for judging rights: that is `rights`.

pub mod dc1;
pub mod dn;
pub mod entry;
pub mod error;
pub mod grant;
pub mod ldap;
pub mod object;
pub mod refusal;
pub mod survey;

pub use dc1::Dc1;
pub use dn::{BadDn, Dn};
pub use entry::Entry;
pub use error::{DirectoryError, Trust};
pub use ldap::{Ldap, LdapSettings, Limits, Login};

use crate::base::{Secret, text};
use crate::rights::descriptor::Dacl;
use crate::rights::{Control, Descriptor};
use async_trait::async_trait;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The control that says which parts of a descriptor are meant (MS-ADTS 3.1.1.3.4.1.11).
pub const SD_FLAGS: &str = "1.2.840.113556.1.4.801";

/// The control that brings a search page by page (RFC 2696).
pub const PAGED: &str = "1.2.840.113556.1.4.319";

/// The control that makes a password reset obey the history too (MS-ADTS 3.1.1.3.4.1.27).
pub const POLICY_HINTS: &str = "1.2.840.113556.1.4.2239";

/// The attribute that holds an object's security descriptor.
pub const DESCRIPTOR: &str = "nTSecurityDescriptor";

/// The most entries that [`Directory::search`] keeps in memory, when its search names no limit.
pub const MOST_ENTRIES: u64 = 10_000;

/// A domain's directory, however it is reached. One operation at a time; each has its time-out.
#[async_trait]
pub trait Directory: Send + Sync {
    /// What the domain controller says of itself.
    ///
    /// # Errors
    /// It cannot be reached, or its answer cannot be read.
    async fn root(&self) -> Result<Root, DirectoryError>;

    /// All entries of a search, page by page; descriptors come with their DACL only.
    ///
    /// # Errors
    /// [`DirectoryError::TooMany`] beyond the search's limit ([`MOST_ENTRIES`] without one): never a silent cut. What the DC
    /// refused, or why it could not be asked.
    async fn search(&self, search: Search) -> Result<Vec<Entry>, DirectoryError>;

    /// As [`Directory::search`], but one entry at a time, in constant memory; how many there were.
    ///
    /// # Errors
    /// As [`Directory::search`], without a limit of its own. Entries may have been handed over before.
    async fn walk(&self, search: Search, each: &mut (dyn FnMut(Entry) + Send)) -> Result<u64, DirectoryError>;

    /// Replaces the DACL of an object by that of a self-relative descriptor; owner, group and SACL are not touched.
    ///
    /// # Errors
    /// What the DC refused, or why it could not be asked; [`DirectoryError::outcome_known`] says whether nothing was changed for sure.
    async fn write_dacl(&self, dn: &str, descriptor: &[u8]) -> Result<(), DirectoryError>;

    /// As [`Directory::write_dacl`], if the descriptor, read with its DACL only, is still `before`.
    ///
    /// # Errors
    /// [`DirectoryError::Changed`] when it is not; else as [`Directory::write_dacl`].
    async fn replace_dacl(&self, dn: &str, before: &[u8], descriptor: &[u8]) -> Result<(), DirectoryError> {
        let there = self.search(Search::object(dn, &[DESCRIPTOR])).await?;
        if there.first().and_then(|entry| entry.bytes(DESCRIPTOR)) != Some(before) {
            return Err(DirectoryError::Changed { dn: text::short(dn, 200) });
        }
        self.write_dacl(dn, descriptor).await
    }

    /// Makes, changes or takes away one object.
    ///
    /// # Errors
    /// What the DC refused, or why it could not be asked; [`DirectoryError::outcome_known`] says whether nothing was changed for sure. A
    /// value that is not the one that was read refuses a [`object::Change::Modify`] with code 16 or 20.
    async fn change(&self, change: &object::Change) -> Result<(), DirectoryError>;

    /// Whether a change of `dn` that was made on this connection is still on its way to the objects below (MS-ADTS 3.1.1.3.2.15).
    /// `None` when the DC does not tell.
    ///
    /// # Errors
    /// It cannot be asked.
    async fn pending(&self, dn: &str) -> Result<Option<bool>, DirectoryError>;

    /// Whether a name and password are accepted right now, tried on a connection of its own. An empty password is never tried.
    ///
    /// # Errors
    /// It could not be tried. A refused sign-on is no error, but [`SignOn::Refused`].
    async fn sign_on(&self, name: &str, password: &Secret) -> Result<SignOn, DirectoryError>;
}

/// How far below its base a search looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The base itself.
    Base,
    /// What lies directly below it.
    One,
    /// The base and everything below it.
    Sub,
}

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// The distinguished name where it starts; empty for what the server says of itself.
    pub base: String,
    /// How far below.
    pub scope: Scope,
    /// As RFC 4515 writes it; values enter by [`crate::base::encode::ldap_filter`].
    pub filter: String,
    /// The attributes wanted; none means all that are not operational.
    pub attributes: Vec<String>,
    /// The most entries; more is an error, never a silent cut. `None`: no limit of its own.
    pub limit: Option<u64>,
}

impl Search {
    /// The object itself, with these attributes.
    pub fn object(dn: impl Into<String>, attributes: &[&str]) -> Self {
        Self { scope: Scope::Base, ..Self::below(dn, "(objectClass=*)", attributes) }
    }

    /// Everything at and below `base` that fits the filter.
    pub fn below(base: impl Into<String>, filter: impl Into<String>, attributes: &[&str]) -> Self {
        let attributes = attributes.iter().map(|&name| name.to_owned()).collect();
        Self { base: base.into(), scope: Scope::Sub, filter: filter.into(), attributes, limit: None }
    }

    /// The same with at most `limit` entries.
    #[must_use]
    pub fn limit(self, limit: u64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Whether a descriptor may come back: it is asked for, or everything is.
    #[must_use]
    pub fn asks_descriptor(&self) -> bool {
        self.attributes.iter().any(|name| name.eq_ignore_ascii_case(DESCRIPTOR) || name == "*") || self.attributes.is_empty()
    }
}

/// What a domain controller says of itself (its rootDSE, MS-ADTS 3.1.1.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The domain's distinguished name (`defaultNamingContext`).
    pub naming_context: String,
    /// The forest root's distinguished name (`rootDomainNamingContext`).
    pub root_domain: String,
    /// The DC's own name (`dnsHostName`); `None` when it does not tell.
    pub host: Option<String>,
    /// The DC's clock (`currentTime`), to the second.
    pub time: Timestamp,
    /// Which controls it knows (`supportedControl`), as object identifiers.
    pub controls: BTreeSet<String>,
}

impl Root {
    /// Reads it out of the entry; `None` when the domain or the clock is missing.
    pub(crate) fn from_entry(entry: &Entry) -> Option<Self> {
        let naming_context = entry.text("defaultNamingContext")?.to_owned();
        let root_domain = entry.text("rootDomainNamingContext").unwrap_or(&naming_context).to_owned();
        let host = entry.text("dnsHostName").map(str::to_owned);
        let controls = entry.texts("supportedControl").map(str::to_owned).collect();
        Some(Self { naming_context, root_domain, host, time: entry.time("currentTime")?, controls })
    }

    /// Whether it knows the control.
    #[must_use]
    pub fn supports(&self, oid: &str) -> bool {
        self.controls.contains(oid)
    }
}

/// How a sign-on ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignOn {
    /// The password is right, and the account may sign on.
    Accepted,
    /// It may not.
    Refused {
        /// The number behind `data` in the DC's answer, a Windows error code: 0x52e wrong name or password, 0x532 expired, 0x773 must be
        /// changed first. `None` when the answer holds none.
        data: Option<u32>,
        /// What that means, as a sentence's end.
        why: &'static str,
    },
}

impl SignOn {
    /// Whether the password itself was right: accepted, or refused only because it must be changed first or has expired. `None` when that
    /// cannot be told.
    #[must_use]
    pub fn password_right(&self) -> Option<bool> {
        match self {
            Self::Accepted | Self::Refused { data: Some(0x773 | 0x532), .. } => Some(true),
            Self::Refused { data: Some(0x52e | 0x525), .. } => Some(false),
            Self::Refused { .. } => None,
        }
    }
}

/// Refuses an empty password and an empty name.
pub(crate) fn check_login(name: &str, password: &Secret) -> Result<(), DirectoryError> {
    if password.expose().is_empty() {
        return Err(DirectoryError::EmptyPassword { name: text::short(name, 200) });
    }
    if name.is_empty() {
        return Err(DirectoryError::Setting {
            what: "the name to sign in with is empty".to_owned(),
            hint: "write it as `user@domain`, `DOMAIN\\user` or a distinguished name",
        });
    }
    Ok(())
}

/// Refuses to send what is no descriptor with a DACL: a missing one would open the object to everyone (MS-DTYP 2.4.6).
pub(crate) fn check_descriptor(descriptor: &[u8]) -> Result<(), DirectoryError> {
    let hint = "this is a fault of Guidepost; report it";
    match Descriptor::read(descriptor) {
        Ok(read) => match read.dacl() {
            Dacl::List(_) if read.control.has(Control::SELF_RELATIVE) => Ok(()),
            Dacl::List(_) | Dacl::Null | Dacl::Absent => {
                let what =
                    "a descriptor without a list of permissions that can be sent was about to be written; it was not sent".to_owned();
                Err(DirectoryError::Setting { what, hint })
            }
        },
        Err(bad) => {
            let what = format!("a descriptor that cannot be read was about to be written; it was not sent: {bad}");
            Err(DirectoryError::Setting { what, hint })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Search, check_descriptor};

    #[test]
    fn a_descriptor_without_a_dacl_is_never_sent() {
        let mut good = vec![1, 0, 0x04, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0, 0];
        assert_eq!(check_descriptor(&good), Ok(()));
        for (place, value) in [(0, 2), (2, 0), (3, 0x04), (16, 0), (16, 28), (19, 1)] {
            let mut bad = good.clone();
            bad[place] = value;
            assert!(check_descriptor(&bad).is_err(), "{place}");
        }
        good.truncate(19);
        assert!(check_descriptor(&good).is_err() && check_descriptor(&[]).is_err());
    }

    #[test]
    fn a_search_for_everything_may_bring_a_descriptor_too() {
        assert!(Search::object("DC=a", &[]).asks_descriptor() && Search::object("DC=a", &["*"]).asks_descriptor());
        assert!(!Search::object("DC=a", &["cn", "objectSid"]).asks_descriptor());
    }
}
