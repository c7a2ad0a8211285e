//! The truth about the domain on premises: its objects with their descriptors, its accounts and groups. Not how LDAP shows it, nor who may do what.

mod account;
mod class;
mod dn;
mod held;
mod protect;
mod seed;
mod trouble;

pub(in crate::practice) use account::{Account, Entry, Policy, Slip, filetime, hash, time_of, uac};
pub(in crate::practice) use class::Class;
pub(in crate::practice) use dn::{Dn, parent_key};
pub(in crate::practice) use held::{Bytes, Held};
pub(in crate::practice) use seed::{CONNECTOR, NETBIOS, USER1_GUID, crowd as crowd_name, domain_sid, head as head_name};

pub(in crate::practice) use trouble::{Kept, MOST_HIRED, Spoil};

use crate::rights::{Acl, Descriptor, Guid, Sid, inherit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The domain. Objects are kept under their [`Dn::key`], so that what lies below one follows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Domain {
    objects: BTreeMap<String, Held<Object>>,
    /// `highestCommittedUSN`.
    pub(in crate::practice) usn: u64,
    next_id: u32,
    next_rid: u32,
    /// SHA-256 of the password of all practice accounts.
    practice_password: String,
    /// When AdminSDHolder was last laid over the protected accounts.
    protected: Option<Timestamp>,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Object {
    /// Never used twice.
    pub(in crate::practice) id: u32,
    /// As it is written.
    pub(in crate::practice) dn: String,
    /// What it is.
    pub(in crate::practice) class: Class,
    /// `objectGUID`.
    pub(in crate::practice) guid: Bytes,
    /// `objectSid`; containers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::practice) sid: Option<String>,
    /// `whenCreated`.
    pub(in crate::practice) created: Timestamp,
    /// `whenChanged`.
    pub(in crate::practice) changed: Timestamp,
    /// `uSNCreated`.
    pub(in crate::practice) usn_created: u64,
    /// `uSNChanged`.
    pub(in crate::practice) usn: u64,
    /// What is neither computed nor part of the account, by the name that the schema gives it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::practice) attributes: BTreeMap<String, Vec<Bytes>>,
    /// Of users and computers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::practice) account: Option<Account>,
    /// Ids of a group's members.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(in crate::practice) members: BTreeSet<u32>,
    /// Its descriptor without what it inherits; `None` is that of its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    descriptor: Option<Bytes>,
    /// What its children still see, until they are reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
}

/// A change of a descriptor that is on its way to the children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Before {
    /// The descriptor as it was, without what it inherits.
    descriptor: Bytes,
    /// When the children have the new one.
    until: Timestamp,
}

/// A new object; what is missing comes from its class.
pub(in crate::practice) struct New {
    /// Its name.
    pub(in crate::practice) dn: Dn,
    /// What it is.
    pub(in crate::practice) class: Class,
    /// For accounts and groups; `None` takes the next.
    pub(in crate::practice) rid: Option<u32>,
    /// For accounts and groups.
    pub(in crate::practice) sam: String,
}

impl Object {
    /// Its SID.
    pub(in crate::practice) fn sid(&self) -> Option<Sid> {
        self.sid.as_ref()?.parse().ok()
    }

    /// The descriptor without what it inherits.
    pub(in crate::practice) fn own(&self, domain: &Sid) -> Descriptor {
        let kept = self.descriptor.as_ref().and_then(|bytes| Descriptor::read(&bytes.0).ok());
        kept.unwrap_or_else(|| self.class.descriptor(domain))
    }

    /// First value of an attribute, as text.
    pub(in crate::practice) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(&self.attributes.get(name)?.first()?.0).ok()
    }

    /// First value of an attribute, as a number.
    pub(in crate::practice) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Sets an attribute of one value.
    pub(in crate::practice) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.attributes.insert(name.to_owned(), vec![Bytes(value.into().into_bytes())]);
    }

    /// Its name, taken apart.
    pub(in crate::practice) fn name(&self) -> Dn {
        Dn::parse(&self.dn).unwrap_or_default()
    }
}

impl Domain {
    /// Whether there is none: a world of an older version.
    pub(in crate::practice) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The object under a key.
    pub(in crate::practice) fn at(&self, key: &str) -> Option<&Object> {
        self.objects.get(key).map(|held| &**held)
    }

    /// The object of a name.
    pub(in crate::practice) fn named(&self, dn: &str) -> Option<&Object> {
        self.at(&Dn::parse(dn)?.key())
    }

    /// The object with a `sAMAccountName`, in any case.
    pub(in crate::practice) fn by_sam(&self, sam: &str) -> Option<&Object> {
        let mine = |object: &&Object| object.text("sAMAccountName").is_some_and(|own| own.eq_ignore_ascii_case(sam));
        self.all().map(|(_, object)| object).find(mine)
    }

    /// The object with a SID.
    pub(in crate::practice) fn by_sid(&self, sid: &Sid) -> Option<&Object> {
        let text = sid.to_string();
        self.all().map(|(_, object)| object).find(|object| object.sid.as_ref() == Some(&text))
    }

    /// Every object, parents before their children.
    pub(in crate::practice) fn all(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.objects.iter().map(|(key, held)| (key.as_str(), &**held))
    }

    /// An object and all that lies below it.
    pub(in crate::practice) fn below(&self, key: &str) -> impl Iterator<Item = (&str, &Object)> {
        let own = key.to_owned();
        self.objects.range(own.clone()..).take_while(move |(key, _)| key.starts_with(&own)).map(|(key, held)| (key.as_str(), &**held))
    }

    /// How many lie directly in an object.
    pub(in crate::practice) fn children(&self, key: &str) -> usize {
        self.below(key).filter(|(below, _)| parent_key(below) == key).count()
    }

    /// The head of the domain.
    pub(in crate::practice) fn head(&self) -> Option<&Object> {
        self.named(&seed::head().written())
    }

    /// Changes an object; `usn` moves.
    pub(in crate::practice) fn change<T>(&mut self, key: &str, now: Timestamp, change: impl FnOnce(&mut Object) -> T) -> Option<T> {
        self.usn += 1;
        let usn = self.usn;
        let object = self.objects.get_mut(key)?.make_mut();
        object.changed = now;
        object.usn = usn;
        Some(change(object))
    }

    /// Changes what is not replicated (counts of wrong passwords): `uSNChanged` stays.
    pub(in crate::practice) fn note<T>(&mut self, key: &str, change: impl FnOnce(&mut Object) -> T) -> Option<T> {
        Some(change(self.objects.get_mut(key)?.make_mut()))
    }

    /// Adds an object and gives its key; whoever asks has made sure that the name is free and the parent there.
    pub(in crate::practice) fn add(&mut self, new: New, now: Timestamp) -> String {
        let line = new.class.line();
        self.usn += 1;
        self.next_id += 1;
        let named = matches!(new.class, Class::User | Class::Computer | Class::Group | Class::DomainDns);
        let sid = named.then(|| self.next_sid(&new)).map(|sid| sid.to_string());
        let mut object = Object {
            id: self.next_id,
            dn: new.dn.written(),
            class: new.class,
            guid: Bytes(crate::practice::world::guid_little_endian(&crate::practice::chance::guid().unwrap_or_default()).to_vec()),
            sid,
            created: now,
            changed: now,
            usn_created: self.usn,
            usn: self.usn,
            attributes: BTreeMap::new(),
            account: new.class.is_account().then(|| Account::new(new.class)),
            members: BTreeSet::new(),
            descriptor: None,
            before: None,
        };
        object.set(line.named_by, new.dn.0.first().map(|rdn| rdn.value.clone()).unwrap_or_default());
        if !new.sam.is_empty() {
            object.set("sAMAccountName", new.sam);
        }
        let key = new.dn.key();
        self.objects.insert(key.clone(), Held::new(object));
        key
    }

    fn next_sid(&mut self, new: &New) -> Sid {
        if new.class == Class::DomainDns {
            return domain_sid();
        }
        let rid = new.rid.unwrap_or(self.next_rid);
        self.next_rid = self.next_rid.max(rid.saturating_add(1));
        // The groups of the operating system, which every domain has under the same SIDs.
        if (544..=561).contains(&rid) && rid != 553 { Sid::known(5, &[32, rid]) } else { domain_sid().child(rid) }
    }

    /// Takes an object away, and out of all groups.
    pub(in crate::practice) fn remove(&mut self, key: &str) {
        let Some(gone) = self.objects.remove(key) else { return };
        self.usn += 1;
        let groups: Vec<String> = self.all().filter(|(_, one)| one.members.contains(&gone.id)).map(|(key, _)| key.to_owned()).collect();
        for group in groups {
            self.note(&group, |group| group.members.remove(&gone.id));
        }
    }

    /// Gives an object another name, and with it all that lies below.
    pub(in crate::practice) fn rename(&mut self, key: &str, to: &Dn, now: Timestamp) {
        let moved: Vec<(String, Dn)> = self.below(key).map(|(key, object)| (key.to_owned(), object.name())).collect();
        let depth = moved.first().map_or(0, |(_, name)| name.0.len());
        self.usn += 1;
        for (old, name) in moved {
            let Some(mut held) = self.objects.remove(&old) else { continue };
            let kept = name.0.len().saturating_sub(depth);
            let name = Dn(name.0.into_iter().take(kept).chain(to.0.iter().cloned()).collect());
            let object = held.make_mut();
            object.dn = name.written();
            if kept == 0 {
                (object.changed, object.usn) = (now, self.usn);
                let value = name.0.first().map(|rdn| rdn.value.clone()).unwrap_or_default();
                object.set(object.class.line().named_by, value);
            }
            self.objects.insert(name.key(), held);
        }
    }

    /// The names of objects by id, for links.
    pub(in crate::practice) fn names(&self, ids: &BTreeSet<u32>) -> Vec<&str> {
        if ids.is_empty() {
            return Vec::new();
        }
        self.all().filter(|(_, one)| ids.contains(&one.id)).map(|(_, one)| one.dn.as_str()).collect()
    }

    /// The groups that an object is in directly, its primary group not among them.
    pub(in crate::practice) fn groups_of(&self, id: u32) -> impl Iterator<Item = &Object> {
        self.all().map(|(_, object)| object).filter(move |object| object.members.contains(&id))
    }

    /// The SIDs of an account's groups, transitive, with the primary one first.
    pub(in crate::practice) fn token_groups(&self, object: &Object) -> Vec<Sid> {
        let primary = object.account.as_ref().map(|account| domain_sid().child(account.primary_group));
        let groups: Vec<&Object> = self.all().map(|(_, one)| one).filter(|one| !one.members.is_empty()).collect();
        let mut found: Vec<Sid> = primary.into_iter().collect();
        let mut ids: Vec<u32> = primary.and_then(|sid| self.by_sid(&sid)).map(|group| group.id).into_iter().chain([object.id]).collect();
        let mut at = 0;
        while let Some(id) = ids.get(at).copied() {
            for group in groups.iter().filter(|group| group.members.contains(&id) && !ids.contains(&group.id)).collect::<Vec<_>>() {
                ids.push(group.id);
                found.extend(group.sid());
            }
            at += 1;
        }
        found
    }

    /// Replaces an object's descriptor; `bytes` hold nothing inherited. The children follow at `until`.
    pub(in crate::practice) fn set_descriptor(&mut self, key: &str, new: &Descriptor, now: Timestamp, until: Timestamp) {
        let mut own = new.clone();
        if let Some(dacl) = &mut own.dacl {
            dacl.aces.retain(|ace| !ace.is_inherited());
        }
        let bytes = Bytes(own.write());
        let leaf = self.children(key) == 0;
        if self.at(key).is_none_or(|object| object.own(&domain_sid()).write() == bytes.0) {
            return;
        }
        self.change(key, now, |object| {
            let old = Bytes(object.own(&domain_sid()).write());
            // Those who have not seen the change before this one see neither for longer.
            let seen = object.before.take().filter(|before| before.until > now).map_or(old, |before| before.descriptor);
            object.before = (until > now && !leaf).then_some(Before { descriptor: seen, until });
            object.descriptor = Some(bytes);
        });
    }

    /// Whether the object's children still see what was before.
    pub(in crate::practice) fn is_propagating(&self, id: u32, now: Timestamp) -> bool {
        self.all().any(|(_, one)| one.id == id && one.before.as_ref().is_some_and(|before| before.until > now))
    }
}

/// Descriptors with what they inherit, computed as they are asked for and kept for one request.
pub(in crate::practice) struct Lineage<'a> {
    domain: &'a Domain,
    now: Timestamp,
    own: Sid,
    /// What the children of an object inherit from, by its key.
    lists: HashMap<String, Rc<Acl>>,
}

impl<'a> Lineage<'a> {
    /// Of a domain at a moment.
    pub(in crate::practice) fn new(domain: &'a Domain, now: Timestamp) -> Self {
        Self { domain, now, own: domain_sid(), lists: HashMap::new() }
    }

    /// An object's descriptor as it counts now.
    pub(in crate::practice) fn descriptor(&mut self, key: &str, object: &Object) -> Descriptor {
        self.with_inherited(key, object.class, object.own(&self.own))
    }

    /// A descriptor at a place in the tree, with what it inherits there.
    pub(in crate::practice) fn with_inherited(&mut self, key: &str, class: Class, own: Descriptor) -> Descriptor {
        let parent = parent_key(key);
        if self.domain.at(parent).is_none() {
            return own;
        }
        let list = self.list(parent);
        let child = inherit::Child { classes: vec![class.line().guid], owner: own.owner, group: own.group };
        let mut whole = own;
        whole.dacl = whole.dacl.as_ref().map(|dacl| inherit::merged(&list, dacl, whole.is_protected(), &child));
        whole
    }

    /// What the children of an object see of its DACL.
    fn list(&mut self, key: &str) -> Rc<Acl> {
        if let Some(list) = self.lists.get(key) {
            return Rc::clone(list);
        }
        let seen = self.domain.at(key).and_then(|object| {
            let before = object.before.as_ref().filter(|before| before.until > self.now);
            let own = before.and_then(|before| Descriptor::read(&before.descriptor.0).ok()).unwrap_or_else(|| object.own(&self.own));
            self.with_inherited(key, object.class, own).dacl
        });
        let list = Rc::new(seen.unwrap_or_default());
        self.lists.insert(key.to_owned(), Rc::clone(&list));
        list
    }
}

/// The GUID of bytes as they are stored.
pub(in crate::practice) fn guid_of(bytes: &Bytes) -> Option<Guid> {
    <[u8; 16]>::try_from(bytes.0.as_slice()).ok().map(Guid::from_bytes)
}
