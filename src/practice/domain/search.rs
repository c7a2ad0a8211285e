//! Searches: which objects, which attributes of them, page by page, and the rootDSE. Changes nothing.

use super::caller::{Caller, Eye, root_groups};
use super::refusal::{self, Refusal};
use super::schema::{self, Source, Syntax};
use super::wire::{Asked, Controls};
use super::{filter::Filter, values};
use crate::practice::world::{Dn, LAB_DOMAIN, NETBIOS, Object, OnPremisesDomain as Domain, head_name, parent_key};
use crate::rights::descriptor::Control;
use crate::rights::{Asked as Right, Descriptor, Mask};
use jiff::Timestamp;
use ldap3_proto::proto::{LdapPartialAttribute, LdapResultCode as Code, LdapSearchResultEntry, LdapSearchScope as Scope};
use std::time::{Duration, Instant};

/// The largest page.
pub(super) const LARGEST_PAGE: usize = 1_000;
/// A search that takes longer ends with what it has.
const PATIENCE: Duration = Duration::from_mins(1);

/// The controls that this controller knows, as the rootDSE lists them.
pub(super) const CONTROLS: &[&str] = &[
    "1.2.840.113556.1.4.319",
    "1.2.840.113556.1.4.801",
    "1.2.840.113556.1.4.805",
    "1.2.840.113556.1.4.1339",
    "1.2.840.113556.1.4.1413",
    "1.2.840.113556.1.4.2066",
    "1.2.840.113556.1.4.2239",
];

/// A search that has begun: its objects are chosen, and told page by page.
pub(super) struct Found {
    keys: std::vec::IntoIter<String>,
    /// Said after the last entry: the search does not go into other naming contexts.
    pub(super) reference: Option<String>,
    attributes: Attributes,
    types_only: bool,
    sd_flags: Option<u32>,
}

/// Which attributes are told.
struct Attributes {
    all: bool,
    named: Vec<&'static schema::Attribute>,
}

impl Attributes {
    /// Nothing or `*` is all that is not constructed; `1.1` is none (RFC 4511 4.5.1.8).
    fn of(asked: &[String]) -> Self {
        let all = asked.is_empty() || asked.iter().any(|name| name == "*");
        let bare = |name: &String| schema::attribute(name.split(';').next().unwrap_or_default());
        Self { all, named: asked.iter().filter_map(bare).collect() }
    }

    fn list(&self) -> impl Iterator<Item = &'static schema::Attribute> + '_ {
        let by_star = |attribute: &&'static schema::Attribute| {
            self.all && attribute.source != Source::Constructed && attribute.syntax != Syntax::Descriptor
        };
        let named = |attribute: &&'static schema::Attribute| self.named.iter().any(|one| one.name == attribute.name);
        schema::ATTRIBUTES.iter().filter(move |attribute| by_star(attribute) || named(attribute))
    }
}

/// Chooses the objects of a search.
pub(super) fn begin(domain: &Domain, asked: &Asked, controls: &Controls) -> Result<Found, Refusal> {
    let name = Dn::parse(&asked.base).ok_or_else(|| refusal::bad_name("ldb_search: invalid basedn"))?;
    let base = name.key();
    if base.is_empty() || domain.at(&base).is_none() {
        return Err(refusal::no_base(&name.written()));
    }
    let in_scope = |key: &str| match asked.scope {
        Scope::Base => key == base,
        Scope::OneLevel => parent_key(key) == base,
        Scope::Subtree => true,
        Scope::Children => key != base,
    };
    let until = Instant::now() + PATIENCE;
    let mut keys = Vec::new();
    for (at, (key, object)) in domain.below(&base).enumerate() {
        if at % 256 == 0 && Instant::now() > until {
            return Err(refusal::new(Code::TimeLimitExceeded, "the search took too long"));
        }
        if in_scope(key) && asked.filter.fits(domain, object) == Some(true) {
            keys.push(key.to_owned());
        }
    }
    let from_head = name.key() == head_name().key() && asked.scope != Scope::Base;
    let reference = from_head.then(|| format!("ldaps://{LAB_DOMAIN}/CN=Configuration,{}", head_name().written()));
    let attributes = Attributes::of(&asked.attributes);
    Ok(Found { keys: keys.into_iter(), reference, attributes, types_only: asked.types_only, sd_flags: controls.sd_flags })
}

impl Found {
    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.keys.len()
    }

    /// The next entries.
    pub(super) fn page(&mut self, domain: &Domain, caller: &Caller, now: Timestamp, size: usize) -> Vec<LdapSearchResultEntry> {
        let mut eye = Eye::new(domain, caller, now);
        let keys: Vec<String> = self.keys.by_ref().take(size).collect();
        // What went away since the search began is left out.
        keys.iter().filter_map(|key| domain.at(key).map(|object| self.entry(&mut eye, key, object))).collect()
    }

    fn entry(&self, eye: &mut Eye<'_>, key: &str, object: &Object) -> LdapSearchResultEntry {
        let descriptor = eye.descriptor(key, object);
        let mut attributes = Vec::new();
        for attribute in self.attributes.list() {
            let vals = match attribute.syntax {
                Syntax::Descriptor => shown_descriptor(eye, &descriptor, object, self.sd_flags),
                _ if !eye.may_by(&descriptor, object, attribute.reading()) && !is_always_seen(attribute.name) => Vec::new(),
                _ if attribute.source == Source::Constructed => constructed(eye, &descriptor, object, attribute.name),
                _ => values::of(eye.domain, object, attribute),
            };
            if !vals.is_empty() {
                let vals = if self.types_only { Vec::new() } else { vals };
                attributes.push(LdapPartialAttribute { atype: attribute.name.to_owned(), vals });
            }
        }
        LdapSearchResultEntry { dn: object.dn.clone(), attributes }
    }
}

/// Who sees an object sees what it is; and what it may do itself is no secret of the object.
fn is_always_seen(name: &str) -> bool {
    matches!(name, "distinguishedName" | "objectClass" | "name" | "sDRightsEffective" | "allowedAttributesEffective" | "instanceType")
}

/// The asked parts of the descriptor; nothing when one of them may not be read (measured: the attribute is silently absent).
fn shown_descriptor(eye: &Eye<'_>, full: &Descriptor, object: &Object, flags: Option<u32>) -> Vec<Vec<u8>> {
    let flags = super::modify::all_if_none(flags);
    let may_read = eye.may_by(full, object, Right::whole(Mask::READ_CONTROL));
    let may_sacl = flags & 8 == 0 || eye.caller.is_administrator();
    if !(may_read && may_sacl) {
        return Vec::new();
    }
    let part = |bit: u32| flags & bit != 0;
    let mut shown = full.clone();
    let kept = Control::SELF_RELATIVE
        .with(if part(4) { Control(full.control.0 & (Control::DACL_PROTECTED.0 | Control::DACL_AUTO_INHERITED.0)) } else { Control(0) })
        .with(if part(8) { Control(full.control.0 & (Control::SACL_PROTECTED.0 | Control::SACL_AUTO_INHERITED.0)) } else { Control(0) });
    shown.control = kept;
    shown.owner = full.owner.filter(|_| part(1));
    shown.group = full.group.filter(|_| part(2));
    shown.dacl = shown.dacl.filter(|_| part(4));
    shown.sacl = shown.sacl.filter(|_| part(8));
    vec![shown.write()]
}

/// Values that depend on who asks, or on the moment.
fn constructed(eye: &Eye<'_>, descriptor: &Descriptor, object: &Object, name: &str) -> Vec<Vec<u8>> {
    match name {
        "tokenGroups" => eye.domain.token_groups(object).iter().map(crate::rights::Sid::write).collect(),
        "sDRightsEffective" => vec![eye.sd_rights(descriptor, object).to_string().into_bytes()],
        "allowedAttributesEffective" => {
            let writable = |attribute: &&schema::Attribute| {
                let right = if attribute.syntax == Syntax::Descriptor { Right::whole(Mask::WRITE_DAC) } else { attribute.writing() };
                matches!(attribute.source, Source::Free | Source::Account | Source::Secret | Source::Naming)
                    && eye.may_by(descriptor, object, right)
            };
            schema::ATTRIBUTES.iter().filter(writable).map(|attribute| attribute.name.as_bytes().to_vec()).collect()
        }
        "msDS-User-Account-Control-Computed" => values::control_computed(eye.domain, object, eye.now),
        "canonicalName" => vec![values::canonical(object).into_bytes()],
        "msDS-PrincipalName" => object.text("sAMAccountName").map(|sam| vec![format!("{NETBIOS}\\{sam}").into_bytes()]).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// What a connection knows besides.
pub(super) struct Here<'a> {
    /// Who asks; nobody, often.
    pub(super) caller: Option<&'a Caller>,
    /// Objects whose descriptors were changed on this connection.
    pub(super) changed: &'a [u32],
    /// World time.
    pub(super) now: Timestamp,
    /// The time that the lab says it is.
    pub(super) said: Timestamp,
}

/// The rootDSE (MS-ADTS 3.1.1.3.2); `tokenGroups` and `pendingPropagations` only when they are asked for.
pub(super) fn root(domain: &Domain, asked: &Asked, here: &Here<'_>) -> Option<LdapSearchResultEntry> {
    let fits = matches!(&asked.filter, Filter::Present(name) if name.eq_ignore_ascii_case("objectClass"));
    if !fits {
        return None;
    }
    let head = head_name().written();
    let site = format!("CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{head}");
    let many = |list: &[&str]| list.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let one = |text: String| vec![text.into_bytes()];
    let pending = domain.all().filter(|(_, object)| here.changed.contains(&object.id) && domain.is_propagating(object.id, here.now));
    let rows: Vec<(&str, Vec<Vec<u8>>)> = vec![
        ("configurationNamingContext", one(format!("CN=Configuration,{head}"))),
        ("defaultNamingContext", one(head.clone())),
        ("rootDomainNamingContext", one(head.clone())),
        ("schemaNamingContext", one(format!("CN=Schema,CN=Configuration,{head}"))),
        ("namingContexts", vec![head.clone().into_bytes(), format!("CN=Configuration,{head}").into_bytes()]),
        ("supportedCapabilities", many(&["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791"])),
        ("supportedLDAPVersion", many(&["3"])),
        ("supportedControl", many(CONTROLS)),
        ("supportedExtension", many(&["1.3.6.1.4.1.1466.20037"])),
        ("isSynchronized", many(&["TRUE"])),
        ("isGlobalCatalogReady", many(&["TRUE"])),
        ("dsServiceName", one(format!("CN=NTDS Settings,{site}"))),
        ("serverName", one(site)),
        ("dnsHostName", one(format!("dc1.{LAB_DOMAIN}"))),
        ("ldapServiceName", one(format!("{LAB_DOMAIN}:dc1$@{}", LAB_DOMAIN.to_uppercase()))),
        ("currentTime", one(values::generalized(here.said))),
        ("highestCommittedUSN", one(domain.usn.to_string())),
        ("domainFunctionality", many(&["7"])),
        ("forestFunctionality", many(&["7"])),
        ("domainControllerFunctionality", many(&["7"])),
        ("tokenGroups", root_groups(here.caller).iter().map(crate::rights::Sid::write).collect()),
        ("pendingPropagations", pending.map(|(_, object)| object.dn.clone().into_bytes()).collect()),
    ];
    let all = asked.attributes.is_empty() || asked.attributes.iter().any(|name| name == "*");
    let hidden = |name: &str| matches!(name, "tokenGroups" | "pendingPropagations");
    let wanted = |name: &str| (all && !hidden(name)) || asked.attributes.iter().any(|one| one.eq_ignore_ascii_case(name));
    let attributes = rows
        .into_iter()
        .filter(|(name, vals)| wanted(name) && !vals.is_empty())
        .map(|(name, vals)| LdapPartialAttribute { atype: name.to_owned(), vals: if asked.types_only { Vec::new() } else { vals } });
    Some(LdapSearchResultEntry { dn: String::new(), attributes: attributes.collect() })
}
