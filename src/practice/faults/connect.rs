//! What can be broken of Entra Connect: switches that a fault turns and healing turns back, and users that it takes from the tenant. Not the table.

use super::super::{
    connect::is_person,
    world::{Assignment, User, World},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// More than the 5 minutes that Kerberos forgives.
const CONNECT_SKEW: i64 = 12 * 60;

/// What a fault turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Switch {
    /// Password writeback, off.
    Writeback,
    /// Password hash synchronisation, off.
    HashSync,
    /// The wizard, open.
    Wizard,
    /// Staging mode, on.
    Staging,
    /// The service, stopped.
    Service,
    /// The way to the relay, blocked.
    Relay,
    /// APP1's clock, ahead.
    Clock,
}

impl World {
    /// Turns a switch the wrong way; `None` when it stands so already, and nothing is to be turned back.
    pub(super) fn turn(&mut self, switch: Switch, now: Timestamp) -> Option<Switch> {
        let connect = &self.connect;
        let right = match switch {
            Switch::Writeback => connect.writeback,
            Switch::HashSync => connect.hash_sync,
            Switch::Wizard => connect.wizard.is_none(),
            Switch::Staging => !connect.staging,
            Switch::Service => connect.running,
            Switch::Relay => connect.bus,
            Switch::Clock => true,
        };
        if right {
            self.set_switch(switch, false, now);
        }
        right.then_some(switch)
    }

    /// Turns it back.
    pub(super) fn turn_back(&mut self, switch: Switch, now: Timestamp) {
        self.set_switch(switch, true, now);
    }

    fn set_switch(&mut self, switch: Switch, right: bool, now: Timestamp) {
        match switch {
            Switch::Writeback => self.set_writeback(right, now),
            Switch::HashSync => self.set_hash_sync(right, now),
            Switch::Wizard if right => self.connect.wizard = None,
            Switch::Wizard => self.show_wizard(now),
            Switch::Staging => self.set_staging(!right, now),
            Switch::Service => self.set_service(right, now),
            Switch::Relay => self.set_bus(right, now),
            Switch::Clock => self.connect.clock += if right { -CONNECT_SKEW } else { CONNECT_SKEW },
        }
    }

    /// Takes the accounts of ordinary users, who are no administrators of the domain, out of the tenant, with their roles.
    pub(super) fn take_ordinary_users(&mut self) -> (Vec<User>, Vec<Assignment>) {
        let ordinary = |user: &User| self.object_of(user).is_some_and(|object| is_person(object) && object.number("adminCount") != Some(1));
        let users: Vec<User> = self.directory.users.iter().filter(|user| ordinary(user)).cloned().collect();
        let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
        let roles = self.directory.assignments.iter().filter(|one| ids.contains(&one.principal)).cloned().collect();
        self.directory.forget(&ids);
        (users, roles)
    }

    /// Gives such an account back; nothing when a cycle has brought it meanwhile, or nothing in the domain belongs to it any more.
    pub(super) fn give_user(&mut self, user: &User) {
        if self.object_of(user).is_some() && self.directory.user(&user.id).is_none() {
            self.directory.users.push(user.clone());
        }
    }
}
