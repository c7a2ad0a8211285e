//! What can be broken in the lab on purpose: one line a fault, when it began, and what it set aside until it is healed. Not what clients do about it.

mod connect;

use super::world::{APP1, Assignment, Consent, Grant, Kept, Power, Spoil, User, World};
use connect::Switch;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One way to break the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fault {
    /// Graph answers 429.
    Throttled,
    /// Replies come late.
    Slow,
    /// Replies break off.
    Cut,
    /// Tokens are dead.
    TokenRevoked,
    /// Consents are gone.
    ConsentMissing,
    /// The administrator has no role.
    RoleMissing,
    /// The administrator is only eligible for the roles.
    EligibleOnly,
    /// Reads lag by minutes.
    ReplicaBehind,
    /// The lab's clock is wrong.
    ClockSkewed,
    /// Conditional access refuses device codes.
    DeviceCodeBlocked,
    /// The token endpoint says `slow_down`.
    SlowDown,
    /// The connector account has no rights in the domain.
    RightsMissing,
    /// Ordinary users of the domain are protected.
    UserProtected,
    /// Ordinary users of the domain are locked.
    AccountLocked,
    /// Users of the domain inherit nothing.
    InheritanceOff,
    /// Passwords of the domain may be changed once in 30 days.
    MinimumAge,
    /// APP1 cannot reach the relay in the cloud.
    BusUnreachable,
    /// The domain has seen every new password before.
    History,
    /// APP1 is off.
    VmStopped,
    /// Another script runs on every machine.
    RunCommandBusy,
    /// The administrator has no right in Azure.
    AzureForbidden,
    /// The front of every script's output is missing.
    OutputCut,
    /// Password writeback is off.
    WritebackOff,
    /// Password hash synchronisation is off.
    HashSyncOff,
    /// The wizard of Entra Connect is open.
    WizardOpen,
    /// The server is in staging mode.
    StagingMode,
    /// The service of Entra Connect is stopped.
    ServiceStopped,
    /// Ordinary users of the domain are not synchronised.
    UserNotSynced,
    /// APP1's clock is wrong.
    ConnectClock,
}

/// A line of the table.
pub(super) struct Line {
    /// Which fault.
    pub(super) fault: Fault,
    /// Its code, as it is typed.
    pub(super) code: &'static str,
    /// One line for `--list`.
    pub(super) about: &'static str,
}

const fn line(fault: Fault, code: &'static str, about: &'static str) -> Line {
    Line { fault, code, about }
}

/// All faults.
pub(super) const FAULTS: &[Line] = &[
    line(Fault::Throttled, "throttled", "Graph and Azure answer 429 with `Retry-After`; passes by itself after 30 s of world time"),
    line(Fault::Slow, "slow", "every reply of sign-in, Graph and Azure comes late, by `--delay` or 5 s"),
    line(Fault::Cut, "cut", "Graph does what it is asked, and the connection closes in the middle of the reply"),
    line(Fault::TokenRevoked, "token-revoked", "every token given out before now is refused; a new sign-in works"),
    line(Fault::ConsentMissing, "consent-missing", "consents given before now are gone; living access tokens keep theirs"),
    line(Fault::RoleMissing, "role-missing", "the practice administrator holds no directory role"),
    line(Fault::EligibleOnly, "eligible-only", "the practice administrator's roles are eligible in PIM and not active"),
    line(Fault::ReplicaBehind, "replica-behind", "Graph's reads lag 5 minutes behind its writes"),
    line(Fault::ClockSkewed, "clock-skewed", "the Date header and the times in tokens are 10 minutes ahead"),
    line(Fault::DeviceCodeBlocked, "device-code-blocked", "conditional access refuses sign-in by device code: AADSTS53003"),
    line(Fault::RightsMissing, "rights-missing", "the connector account has no entry on the head of the domain"),
    line(Fault::UserProtected, "user-protected", "ordinary users of the domain have AdminSDHolder's descriptor and `adminCount` 1"),
    line(Fault::AccountLocked, "account-locked", "ordinary users of the domain are locked"),
    line(Fault::InheritanceOff, "inheritance-off", "`CN=Users` of the domain takes nothing from the head"),
    line(Fault::MinimumAge, "minimum-age", "a password of the domain can be changed once in 30 days"),
    line(
        Fault::BusUnreachable,
        "bus-unreachable",
        "APP1 cannot reach the relay: no heartbeat, and a password on its way is given up after 90 s",
    ),
    line(Fault::History, "history", "whatever password is written back, the account has had it before: the domain's history refuses it"),
    line(Fault::SlowDown, "slow-down", "polling faster than the interval is answered with `slow_down`, which Entra itself does not send"),
    line(Fault::VmStopped, "vm-stopped", "APP1 is stopped in Azure: no cycle, no script"),
    line(Fault::RunCommandBusy, "run-command-busy", "another script waits for input on every machine: a run command is answered 409"),
    line(Fault::AzureForbidden, "azure-forbidden", "the practice administrator has no role in Azure: Resource Manager answers 403"),
    line(Fault::OutputCut, "output-cut", "something on the machines prints 4 kB after each script: the front of its output is gone"),
    line(Fault::WritebackOff, "writeback-off", "password writeback is switched off on APP1"),
    line(Fault::HashSyncOff, "hash-sync-off", "password hash synchronisation is switched off on APP1"),
    line(Fault::WizardOpen, "wizard-open", "the wizard of Entra Connect was left open on APP1: its scheduler is suspended"),
    line(Fault::StagingMode, "staging-mode", "Entra Connect is in staging mode: it exports nothing and writes no password"),
    line(Fault::ServiceStopped, "service-stopped", "the service of Entra Connect is stopped on APP1"),
    line(Fault::UserNotSynced, "user-not-synced", "ordinary users of the domain are left out of the cycles, and gone from the tenant"),
    line(Fault::ConnectClock, "connect-clock", "APP1's clock is 12 minutes ahead"),
];

/// The fault of this code.
pub(super) fn named(code: &str) -> Option<Fault> {
    FAULTS.iter().find(|line| line.code == code).map(|line| line.fault)
}

/// Graph's own example of a decimal (`facts/wire.md` 15).
pub(super) const RETRY_AFTER: &str = "2.128";
/// Resource Manager's is whole.
pub(super) const AZURE_RETRY_AFTER: u64 = 3;
const THROTTLED_FOR: SignedDuration = SignedDuration::from_secs(30);
const USUAL_DELAY: u64 = 5;
/// The longest delay, so that a broken lab still answers before its clients have left for good.
const LONGEST_DELAY: u64 = 120;
const LAG: SignedDuration = SignedDuration::from_mins(5);
const SKEW: SignedDuration = SignedDuration::from_mins(10);

/// A fault that holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Broken {
    /// Which.
    pub(super) fault: Fault,
    /// World time of its beginning.
    pub(super) since: Timestamp,
    /// Seconds by which replies are late.
    delay: u64,
    /// Given back when it is healed.
    consents: Vec<Consent>,
    /// Given back when it is healed.
    assignments: Vec<Assignment>,
    /// Given back when it is healed.
    #[serde(default)]
    grants: Vec<Grant>,
    /// Whether it stopped APP1, which is then started when it is healed.
    #[serde(default)]
    stopped: bool,
    /// Given back when it is healed.
    #[serde(default)]
    objects: Vec<Kept>,
    /// Given back when it is healed.
    #[serde(default)]
    users: Vec<User>,
    /// Turned back when it is healed.
    #[serde(default)]
    turned: Option<Switch>,
}

impl World {
    /// Breaks something; what is broken already begins anew.
    pub(super) fn break_it(&mut self, fault: Fault, delay: Option<u64>, now: Timestamp) {
        self.heal(Some(fault), now);
        let delay = delay.unwrap_or(USUAL_DELAY).min(LONGEST_DELAY);
        let mut broken = Broken {
            fault,
            since: now,
            delay,
            consents: Vec::new(),
            assignments: Vec::new(),
            grants: Vec::new(),
            stopped: false,
            objects: Vec::new(),
            users: Vec::new(),
            turned: None,
        };
        match fault {
            Fault::ConsentMissing => broken.consents = std::mem::take(&mut self.consents),
            Fault::RoleMissing => broken.assignments = self.take_administrators_roles(),
            Fault::EligibleOnly => {
                broken.assignments = self.take_administrators_roles();
                self.directory.eligible.extend(broken.assignments.iter().cloned());
            }
            Fault::RightsMissing => broken.objects = self.domain.make_mut().spoil(Spoil::Rights, now),
            Fault::UserProtected => broken.objects = self.domain.make_mut().spoil(Spoil::Protected, now),
            Fault::AccountLocked => broken.objects = self.domain.make_mut().spoil(Spoil::Locked, now),
            Fault::InheritanceOff => broken.objects = self.domain.make_mut().spoil(Spoil::Inheritance, now),
            Fault::MinimumAge => broken.objects = self.domain.make_mut().spoil(Spoil::Age, now),
            Fault::BusUnreachable => broken.turned = self.turn(Switch::Relay, now),
            Fault::AzureForbidden => broken.grants = self.take_administrators_grants(),
            Fault::VmStopped => {
                if let Some(app1) = self.azure.machine_mut(APP1) {
                    broken.stopped = app1.power == Power::On;
                    app1.stop(Power::Deallocated, now);
                }
            }
            Fault::WritebackOff => broken.turned = self.turn(Switch::Writeback, now),
            Fault::HashSyncOff => broken.turned = self.turn(Switch::HashSync, now),
            Fault::WizardOpen => broken.turned = self.turn(Switch::Wizard, now),
            Fault::StagingMode => broken.turned = self.turn(Switch::Staging, now),
            Fault::ServiceStopped => broken.turned = self.turn(Switch::Service, now),
            Fault::ConnectClock => broken.turned = self.turn(Switch::Clock, now),
            Fault::UserNotSynced => (broken.users, broken.assignments) = self.take_ordinary_users(),
            Fault::Throttled
            | Fault::Slow
            | Fault::Cut
            | Fault::TokenRevoked
            | Fault::ReplicaBehind
            | Fault::ClockSkewed
            | Fault::DeviceCodeBlocked
            | Fault::SlowDown
            | Fault::History
            | Fault::RunCommandBusy
            | Fault::OutputCut => {}
        }
        self.faults.push(broken);
    }

    /// Heals one fault or all, and gives back what it took; the codes of what was healed.
    pub(super) fn heal(&mut self, fault: Option<Fault>, now: Timestamp) -> Vec<&'static str> {
        let (healed, kept) =
            std::mem::take(&mut self.faults).into_iter().partition::<Vec<_>, _>(|one| fault.is_none_or(|fault| one.fault == fault));
        self.faults = kept;
        let mut codes = Vec::new();
        for one in healed {
            for consent in &one.consents {
                self.consent(consent.resource, &consent.client, &consent.user, &consent.scopes);
            }
            if !one.objects.is_empty() {
                self.domain.make_mut().mend(&one.objects, now);
            }
            if one.fault == Fault::EligibleOnly {
                self.directory.eligible.retain(|eligible| !one.assignments.contains(eligible));
            }
            if let Some(switch) = one.turned {
                self.turn_back(switch, now);
            }
            for user in &one.users {
                self.give_user(user);
            }
            for grant in &one.grants {
                self.azure.grant(&grant.principal, &grant.role);
            }
            if let Some(app1) = self.azure.machine_mut(APP1).filter(|_| one.stopped) {
                app1.start(one.since, SignedDuration::ZERO);
            }
            for assignment in &one.assignments {
                self.directory.assign(&assignment.principal, &assignment.role);
            }
            codes.extend(FAULTS.iter().filter(|line| line.fault == one.fault).map(|line| line.code));
        }
        codes
    }

    fn take_administrators_roles(&mut self) -> Vec<Assignment> {
        let administrator = self.directory.administrator().map(|user| user.id.clone()).unwrap_or_default();
        let (taken, kept) = std::mem::take(&mut self.directory.assignments).into_iter().partition(|one| one.principal == administrator);
        self.directory.assignments = kept;
        taken
    }

    fn take_administrators_grants(&mut self) -> Vec<Grant> {
        let administrator = self.directory.administrator().map(|user| user.id.clone()).unwrap_or_default();
        let (taken, kept) = std::mem::take(&mut self.azure.grants).into_iter().partition(|one| one.principal == administrator);
        self.azure.grants = kept;
        taken
    }

    fn broken(&self, fault: Fault) -> Option<&Broken> {
        self.faults.iter().find(|one| one.fault == fault)
    }

    /// Whether this is broken now.
    pub(super) fn is_broken(&self, fault: Fault, now: Timestamp) -> bool {
        self.broken(fault).is_some_and(|one| fault != Fault::Throttled || now.duration_since(one.since) < THROTTLED_FOR)
    }

    /// When this began to be broken, while it is.
    pub(super) fn broken_since(&self, fault: Fault, now: Timestamp) -> Option<Timestamp> {
        self.broken(fault).filter(|_| self.is_broken(fault, now)).map(|one| one.since)
    }

    /// Tokens from before this moment are dead.
    pub(super) fn tokens_dead_before(&self) -> Option<Timestamp> {
        self.broken(Fault::TokenRevoked).map(|one| one.since)
    }

    /// How late replies come, in seconds.
    pub(super) fn delay(&self) -> u64 {
        self.broken(Fault::Slow).map_or(0, |one| one.delay)
    }

    /// How far reads lag behind, when it is more than usual.
    pub(super) fn lag(&self) -> SignedDuration {
        self.broken(Fault::ReplicaBehind).map_or(SignedDuration::ZERO, |_| LAG)
    }

    /// The time that the lab says it is.
    pub(super) fn said(&self, now: Timestamp) -> Timestamp {
        let skew = self.broken(Fault::ClockSkewed).map_or(SignedDuration::ZERO, |_| SKEW);
        now.checked_add(skew).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::Preset;
    use crate::practice::world::{Class, Connect, Dn, New, domain_sid};

    #[test]
    fn whatever_was_broken_healing_gives_back_the_world_as_it_was() {
        let at = Timestamp::UNIX_EPOCH;
        let mut world = World::new(Preset::Done, "canary".to_owned(), at);
        world.set_writeback(true, at);
        let ann = Dn::parse("CN=Ann,CN=Users,DC=testlab,DC=contoso,DC=example").unwrap();
        world.domain.make_mut().add(New { dn: ann, class: Class::User, rid: None, sam: "ann".to_owned() }, at);
        world.cycle(at);
        world.directory.assign(&world.directory.user_by_any_name("ann").unwrap().id.clone(), "a role");
        for line in FAULTS {
            let mut broken = world.clone();
            broken.break_it(line.fault, None, at);
            broken.break_it(line.fault, None, at);
            assert!(broken.is_broken(line.fault, at), "{}", line.code);
            assert_eq!(broken.heal(None, at), [line.code]);
            let sorted = |world: &World| {
                let mut ids: Vec<String> = world.directory.assignments.iter().map(Assignment::id).collect();
                ids.sort();
                let domain: Vec<_> = world
                    .domain
                    .all()
                    .map(|(_, object)| (object.attributes.clone(), object.own(&domain_sid()), object.account.clone()))
                    .collect();
                let off = world.azure.machines.iter().map(|machine| machine.power).collect::<Vec<_>>();
                let azure = (world.azure.grants.clone(), off);
                let Connect { running, staging, hash_sync, writeback, bus, clock, .. } = world.connect;
                let mut users: Vec<String> = world.directory.users.iter().map(|user| format!("{user:?}")).collect();
                users.sort();
                let connect = (running, staging, hash_sync, writeback, bus, clock, world.connect.wizard.clone(), users);
                (connect, ids, world.directory.eligible.clone(), world.consents.clone(), domain, azure)
            };
            assert_eq!(sorted(&broken), sorted(&world), "{}", line.code);
        }
    }

    #[test]
    fn what_was_switched_off_already_stays_so_when_it_is_healed() {
        let at = Timestamp::UNIX_EPOCH;
        let mut world = World::new(Preset::PhaseOne, "canary".to_owned(), at);
        for code in ["writeback-off", "wizard-open", "staging-mode", "service-stopped", "hash-sync-off"] {
            world.break_it(named(code).unwrap(), None, at);
        }
        let Connect { running, staging, hash_sync, writeback, .. } = world.connect;
        assert_eq!((running, staging, hash_sync, writeback, world.connect.wizard.is_some()), (false, true, false, false, true));
        world.heal(None, at);
        let Connect { running, staging, hash_sync, writeback, .. } = world.connect;
        assert_eq!((running, staging, hash_sync, writeback, world.connect.wizard.is_some()), (true, false, true, false, false));
    }

    #[test]
    fn while_ordinary_users_are_not_synchronised_no_cycle_brings_them_and_user1_stays() {
        let at = Timestamp::UNIX_EPOCH;
        let mut world = World::new(Preset::PhaseOne, "canary".to_owned(), at);
        world.break_it(Fault::UserNotSynced, None, at);
        let ann = Dn::parse("CN=Ann,CN=Users,DC=testlab,DC=contoso,DC=example").unwrap();
        world.domain.make_mut().add(New { dn: ann, class: Class::User, rid: None, sam: "ann".to_owned() }, at);
        world.cycle(at);
        let there = |world: &World, name: &str| world.directory.user_by_any_name(name).is_some();
        assert_eq!((there(&world, "ann"), there(&world, "User1")), (false, true));
        world.heal(None, at);
        world.cycle(at);
        assert!(there(&world, "ann"));
    }

    #[test]
    fn each_fault_stands_once_in_the_table_under_its_stored_name() {
        for line in FAULTS {
            assert_eq!(serde_json::to_value(line.fault).unwrap(), line.code);
            assert_eq!(named(line.code), Some(line.fault));
        }
        assert_eq!(named("nothing"), None);
    }
}
