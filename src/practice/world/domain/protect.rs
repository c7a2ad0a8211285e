//! AdminSDHolder: what a domain does every hour to the accounts that must not be delegated (MS-ADTS 3.1.1.6.1).

use super::{Class, Domain, Lineage, domain_sid};
use crate::rights::descriptor::Control;
use crate::rights::{AceFlags, Descriptor, Sid};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// The default interval.
pub(in crate::practice) const PROTECT_EVERY: SignedDuration = SignedDuration::from_mins(60);

/// Groups whose members are protected, transitively: Administrators, the operators, Replicator; then those of the domain.
const BUILTIN: &[u32] = &[544, 548, 549, 550, 551, 552];
const OF_THE_DOMAIN: &[u32] = &[512, 516, 518, 519, 521];
/// Administrator and krbtgt.
const ACCOUNTS: &[u32] = &[500, 502];

impl Domain {
    /// Whether AdminSDHolder is to run.
    pub(in crate::practice) fn is_protection_due(&self, now: Timestamp) -> bool {
        !self.is_empty() && self.protected.is_none_or(|last| now.duration_since(last) >= PROTECT_EVERY)
    }

    /// Lays AdminSDHolder's descriptor over every protected account and group, and marks them with `adminCount`. Whoever leaves the groups
    /// keeps both: Windows does not take them back.
    pub(in crate::practice) fn protect(&mut self, now: Timestamp) {
        self.protected = Some(now);
        let Some(stamp) = self.stamp(now) else { return };
        for key in self.protected_keys() {
            self.lay_over(&key, &stamp, now);
        }
    }

    /// The same for one object, whoever it is.
    pub(super) fn stamp_one(&mut self, key: &str, now: Timestamp) {
        if let Some(stamp) = self.stamp(now) {
            self.lay_over(key, &stamp, now);
        }
    }

    fn lay_over(&mut self, key: &str, stamp: &Descriptor, now: Timestamp) {
        let Some(object) = self.at(key) else { return };
        let stamped = object.own(&domain_sid()).write() == stamp.write() && object.number("adminCount") == Some(1);
        if !stamped {
            self.set_descriptor(key, stamp, now, now);
            self.note(key, |object| object.set("adminCount", "1"));
        }
    }

    /// The descriptor that is laid over them.
    fn stamp(&self, now: Timestamp) -> Option<Descriptor> {
        let holder = super::seed::admin_sd_holder();
        let object = self.named(&holder.written())?;
        let full = Lineage::new(self, now).descriptor(&holder.key(), object);
        let mut aces = full.dacl?.aces;
        for ace in &mut aces {
            ace.flags = ace.flags & !AceFlags::INHERITED;
        }
        let mut stamp = super::class::owned(Some(domain_sid().child(512)), aces);
        stamp.control = stamp.control.with(Control::DACL_PROTECTED);
        Some(stamp)
    }

    fn protected_keys(&self) -> Vec<String> {
        let known = |sid: Sid| self.by_sid(&sid).map(|object| object.id);
        let groups = BUILTIN.iter().map(|rid| Sid::known(5, &[32, *rid])).chain(OF_THE_DOMAIN.iter().map(|rid| domain_sid().child(*rid)));
        let mut ids: BTreeSet<u32> = groups.filter_map(known).collect();
        loop {
            let inside = self.all().filter(|(_, one)| ids.contains(&one.id)).flat_map(|(_, one)| one.members.iter().copied());
            let more: BTreeSet<u32> = inside.filter(|id| !ids.contains(id)).collect();
            if more.is_empty() {
                break;
            }
            ids.extend(more);
        }
        ids.extend(ACCOUNTS.iter().filter_map(|rid| known(domain_sid().child(*rid))));
        // Computers are not stamped, domain controllers included: their group is.
        let stamped = |class: Class| matches!(class, Class::User | Class::Group);
        self.all().filter(|(_, one)| ids.contains(&one.id) && stamped(one.class)).map(|(key, _)| key.to_owned()).collect()
    }
}
