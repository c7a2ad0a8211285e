//! What goes wrong in a domain: by a person's hand, or broken on purpose and given back when it is healed. Not what is seen of it.

use super::account::filetime;
use super::{Bytes, Class, Dn, Domain, New, Object, domain_sid, seed, uac};
use crate::rights::delegation::{self, Right};
use crate::rights::descriptor::Control;
use crate::rights::{Ace, Mask, Sid};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// So many and no more: the world is stored whole.
pub(in crate::practice) const MOST_HIRED: usize = 20_000;

/// What an object was before it was spoiled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::practice) struct Kept {
    id: u32,
    descriptor: Option<Bytes>,
    admin_count: Option<Vec<Bytes>>,
    locked: Option<i64>,
    min_age: Option<Vec<Bytes>>,
}

impl Kept {
    fn of(object: &Object) -> Self {
        Self {
            id: object.id,
            descriptor: object.descriptor.clone(),
            admin_count: object.attributes.get("adminCount").cloned(),
            locked: object.account.as_ref().and_then(|account| account.locked),
            min_age: object.attributes.get("minPwdAge").cloned(),
        }
    }
}

/// What can be spoiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::practice) enum Spoil {
    /// The connector account has no rights on the head.
    Rights,
    /// Ordinary users look as AdminSDHolder leaves them.
    Protected,
    /// Ordinary users are locked.
    Locked,
    /// `CN=Users` takes nothing from the head.
    Inheritance,
    /// A password can be changed once in 30 days.
    Age,
}

impl Domain {
    /// Spoils something; what it was comes back.
    pub(in crate::practice) fn spoil(&mut self, what: Spoil, now: Timestamp) -> Vec<Kept> {
        let keys = match what {
            Spoil::Rights | Spoil::Age => vec![seed::head().key()],
            Spoil::Inheritance => vec![seed::users().key()],
            Spoil::Protected | Spoil::Locked => self.ordinary_users(),
        };
        let kept = keys.iter().filter_map(|key| self.at(key)).map(Kept::of).collect();
        for key in keys {
            self.spoil_one(what, &key, now);
        }
        kept
    }

    fn spoil_one(&mut self, what: Spoil, key: &str, now: Timestamp) {
        match what {
            Spoil::Rights => self.strip_connector(key, now),
            Spoil::Inheritance => drop(self.protect_dacl(key, now)),
            Spoil::Protected => self.stamp_one(key, now),
            Spoil::Locked => drop(self.lock(key, now)),
            Spoil::Age => drop(self.change(key, now, |head| head.set("minPwdAge", "-25920000000000"))),
        }
    }

    /// Sets how old a password must be before its owner may change it: a negative count of 100 ns.
    pub(in crate::practice) fn set_minimum_age(&mut self, slices: i64, now: Timestamp) {
        self.change(&seed::head().key(), now, |head| head.set("minPwdAge", slices.to_string()));
    }

    /// Gives back what was spoiled, where it is still there.
    pub(in crate::practice) fn mend(&mut self, kept: &[Kept], now: Timestamp) {
        for one in kept {
            let Some(key) = self.all().find(|(_, object)| object.id == one.id).map(|(key, _)| key.to_owned()) else { continue };
            self.change(&key, now, |object| {
                object.descriptor.clone_from(&one.descriptor);
                for (name, values) in [("adminCount", &one.admin_count), ("minPwdAge", &one.min_age)] {
                    match values {
                        Some(values) => drop(object.attributes.insert(name.to_owned(), values.clone())),
                        None => drop(object.attributes.remove(name)),
                    }
                }
                if let Some(account) = &mut object.account {
                    account.locked = one.locked;
                }
            });
        }
    }

    /// Users that nothing protects: neither an administrator's account nor one that the system made.
    fn ordinary_users(&self) -> Vec<String> {
        let ordinary = |object: &Object| {
            let made_by_system = object.sid().and_then(|sid| sid.rid()).is_none_or(|rid| rid < 1_000);
            let connector = object.text("sAMAccountName") == Some(super::CONNECTOR);
            object.class == Class::User && !made_by_system && !connector && object.number("adminCount") != Some(1)
        };
        self.all().filter(|(_, object)| ordinary(object)).map(|(key, _)| key.to_owned()).collect()
    }

    fn strip_connector(&mut self, key: &str, now: Timestamp) {
        let Some(connector) = self.by_sam(super::CONNECTOR).and_then(Object::sid) else { return };
        let Some(mut descriptor) = self.at(key).map(|head| head.own(&domain_sid())) else { return };
        if let Some(dacl) = &mut descriptor.dacl {
            dacl.aces.retain(|ace: &Ace| ace.trustee != connector);
        }
        self.set_descriptor(key, &descriptor, now, now);
    }

    /// Inheritance off, with what was inherited gone too.
    pub(in crate::practice) fn protect_dacl(&mut self, key: &str, now: Timestamp) -> Option<()> {
        let mut descriptor = self.at(key)?.own(&domain_sid());
        descriptor.control = descriptor.control.with(Control::DACL_PROTECTED);
        // As the dialog's "convert" leaves administrators in, so that somebody can undo it.
        let admins = Ace::allow(crate::rights::AceFlags::CONTAINER_INHERIT, Mask::FULL, domain_sid().child(512));
        descriptor.dacl.get_or_insert_default().aces.push(admins);
        self.set_descriptor(key, &descriptor, now, now);
        Some(())
    }

    /// Inheritance on; what was converted stays.
    pub(in crate::practice) fn open_dacl(&mut self, key: &str, now: Timestamp) -> Option<()> {
        let mut descriptor = self.at(key)?.own(&domain_sid());
        descriptor.control = descriptor.control.without(Control::DACL_PROTECTED);
        self.set_descriptor(key, &descriptor, now, now);
        Some(())
    }

    /// The entries of block B on the head for an account; `None` when it has them all.
    pub(in crate::practice) fn delegate(&mut self, key: &str, now: Timestamp) -> Option<()> {
        let wanted = [Right::ChangePassword, Right::ResetPassword, Right::WriteLockoutTime, Right::WritePwdLastSet];
        let (trustee, head) = (self.at(key)?.sid()?, seed::head().key());
        let mut descriptor = self.at(&head)?.own(&domain_sid());
        let dacl = descriptor.dacl.get_or_insert_default();
        let missing = delegation::missing(dacl, &delegation::wanted(&wanted, trustee));
        delegation::insert(dacl, &missing).ok().filter(|()| !missing.is_empty())?;
        self.set_descriptor(&head, &descriptor, now, now);
        Some(())
    }

    /// Takes the entry for Unexpire Password of Authenticated Users from the head, as hardened domains do, or gives it back; `None` when it is so
    /// already.
    pub(in crate::practice) fn unexpire(&mut self, allow: bool, now: Timestamp) -> Option<()> {
        let head = seed::head().key();
        let mut descriptor = self.at(&head)?.own(&domain_sid());
        let dacl = descriptor.dacl.get_or_insert_default();
        let wanted = delegation::wanted(&[Right::UnexpirePassword], Sid::AUTHENTICATED_USERS);
        let right = wanted.first()?.object;
        let (before, is_it) = (dacl.aces.len(), |ace: &Ace| ace.trustee == Sid::AUTHENTICATED_USERS && ace.object == right);
        if !allow {
            dacl.aces.retain(|ace| !is_it(ace));
        } else if !dacl.aces.iter().any(is_it) {
            delegation::insert(dacl, &wanted).ok()?;
        }
        (dacl.aces.len() != before).then_some(())?;
        self.set_descriptor(&head, &descriptor, now, now);
        Some(())
    }

    /// Locks an account, as too many wrong passwords do.
    pub(in crate::practice) fn lock(&mut self, key: &str, now: Timestamp) -> Option<()> {
        self.change(key, now, |object| {
            let account = object.account.as_mut()?;
            account.locked = Some(filetime(now));
            Some(())
        })?
    }

    /// Makes so many users in `OU=Crowd`; they have the practice password. Counts on from those that are there.
    pub(in crate::practice) fn hire(&mut self, count: usize, now: Timestamp) {
        let crowd = seed::crowd();
        if self.at(&crowd.key()).is_none() {
            self.add(New { dn: crowd.clone(), class: Class::OrganizationalUnit, rid: None, sam: String::new() }, now);
        }
        let there = self.children(&crowd.key());
        let hash = self.practice_password.clone();
        for number in there + 1..=there + count {
            let sam = format!("crowd{number:05}");
            let own = super::dn::Rdn { kind: "CN".to_owned(), value: sam.clone() };
            let dn = Dn(std::iter::once(own).chain(crowd.0.iter().cloned()).collect());
            let key = self.add(New { dn, class: Class::User, rid: None, sam }, now);
            self.note(&key, |user| {
                if let Some(account) = &mut user.account {
                    (account.uac, account.password, account.set) = (uac::NORMAL, Some(hash.clone()), filetime(now));
                }
            });
        }
    }
}
