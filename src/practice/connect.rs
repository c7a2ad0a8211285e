//! Simulated Entra Connect at work: when a cycle runs, and what it brings from the domain to the tenant. Not what is configured, and no passwords on
//! their way back.

use super::{
    chance,
    faults::Fault,
    world::{
        CONNECTOR, CYCLE_TAKES, Class, Directory, Holdup, INITIAL_DOMAIN, LAB_DOMAIN, Object, OnPremises, USER1, USER1_GUID, User, World,
        crowd_name, later, time_of,
    },
};
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_STANDARD_NO_PAD, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// The default cycle of Entra Connect (MIR how-to-connect-sync-feature-scheduler.md).
pub(super) const CYCLE: SignedDuration = SignedDuration::from_mins(30);

/// An account of the domain as a cycle reads it.
struct Imported {
    sam: String,
    dn: String,
    sid: String,
    /// `objectGUID` in base64: what ties both accounts together, whatever they are called.
    anchor: String,
    upn: Option<String>,
    name: String,
    enabled: bool,
    /// The password's hash as the domain keeps it, and `pwdLastSet`.
    password: (Option<String>, i64),
}

impl Imported {
    fn of(object: &Object) -> Option<Self> {
        let account = object.account.as_ref()?;
        let first = |names: [&str; 2]| names.iter().find_map(|name| object.text(name)).map(str::to_owned);
        Some(Self {
            sam: object.text("sAMAccountName")?.to_owned(),
            dn: object.dn.clone(),
            sid: object.sid.clone()?,
            anchor: BASE64_STANDARD.encode(&object.guid.0),
            upn: object.text("userPrincipalName").map(str::to_owned),
            name: first(["displayName", "cn"])?,
            enabled: account.uac & super::world::uac::DISABLED == 0,
            password: (account.password.clone(), account.set),
        })
    }
}

/// Whether an object is somebody's account inside the synchronised containers: not the system's own, not the connector's, and not in `OU=Crowd`.
pub(super) fn is_person(object: &Object) -> bool {
    let made_by_system = object.sid().and_then(|sid| sid.rid()).is_none_or(|rid| rid < 1_000);
    let connector = object.text("sAMAccountName") == Some(CONNECTOR);
    let crowd = object.name().key().starts_with(&crowd_name().key());
    object.class == Class::User && !made_by_system && !connector && !crowd
}

impl World {
    /// When the cycle ended that is due by `now`, if one is.
    pub(super) fn due_cycle(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = self.connect.cycle_until {
            return (until <= now && self.holdup(now).is_none()).then_some(until);
        }
        let sync = &self.directory.sync;
        let (Some(true), Some(last), true, None) = (sync.enabled, sync.last, sync.scheduler, self.holdup(now)) else { return None };
        let due = now.duration_since(last).as_secs() / CYCLE.as_secs();
        let at = later(last, SignedDuration::from_secs(due.saturating_mul(CYCLE.as_secs())));
        // What was held up runs as soon as nothing holds it, and not before.
        (due >= 1).then(|| self.connect.free_since().map_or(at, |since| at.max(since)))
    }

    /// Starts a delta cycle: what it brings shows after [`CYCLE_TAKES`].
    pub(super) fn start_cycle(&mut self, now: Timestamp) -> Result<(), Holdup> {
        if let Some(why) = self.holdup(now) {
            return Err(why);
        }
        self.connect.cycle_until = Some(later(now, CYCLE_TAKES));
        Ok(())
    }

    /// One delta cycle that ends at `at`: accounts of the domain come, change or go in the tenant. Nothing does while the tenant takes no synchronisation.
    pub(super) fn cycle(&mut self, at: Timestamp) {
        self.connect.cycle_until = None;
        if self.directory.sync.enabled != Some(true) {
            return;
        }
        self.directory.sync.last = Some(at);
        let found = self.import(at);
        self.directory.forget_all_but(&found);
        for one in &found {
            self.export(one, at);
        }
    }

    /// The object of the domain that a synchronised account belongs to, whatever it is called by now.
    pub(super) fn object_of(&self, user: &User) -> Option<&Object> {
        let anchor = &user.on_premises.as_ref()?.immutable_id;
        self.domain.all().map(|(_, object)| object).find(|object| BASE64_STANDARD.encode(&object.guid.0) == *anchor)
    }

    /// The accounts that are to be in the tenant.
    fn import(&self, at: Timestamp) -> Vec<Imported> {
        let left_out = |object: &Object| {
            let sam = object.text("sAMAccountName").unwrap_or_default();
            self.directory.sync.left_out.iter().any(|name| name.eq_ignore_ascii_case(sam))
        };
        let lost = self.is_broken(Fault::UserNotSynced, at);
        let kept = |object: &&Object| is_person(object) && !left_out(object) && !(lost && object.number("adminCount") != Some(1));
        self.domain.all().map(|(_, object)| object).filter(kept).filter_map(Imported::of).collect()
    }

    fn export(&mut self, one: &Imported, at: Timestamp) {
        let place = self.directory.users.iter().position(|user| user.is_of(&one.anchor));
        let upn = self.directory.name_of(one, place);
        let place = place.unwrap_or_else(|| {
            self.directory.users.push(arrived(one, at));
            self.directory.users.len() - 1
        });
        let Some(user) = self.directory.users.get_mut(place) else { return };
        (user.upn, user.name, user.enabled) = (upn, one.name.clone(), one.enabled);
        if let Some(there) = &mut user.on_premises {
            (there.sam, there.dn, there.sid) = (one.sam.clone(), one.dn.clone(), one.sid.clone());
            there.synced = at;
        }
        if self.connect.hash_sync {
            user.take_hash(one, &super::world::hash(&self.password));
        }
    }
}

/// A new account in the tenant: nobody gets in before a password was synchronised.
fn arrived(one: &Imported, at: Timestamp) -> User {
    let user1 = one.anchor == BASE64_STANDARD.encode(USER1_GUID);
    User {
        id: if user1 { USER1.to_owned() } else { chance::guid_of(&format!("synchronised {}", one.anchor)) },
        upn: String::new(),
        name: one.name.clone(),
        enabled: one.enabled,
        created: at,
        products: Vec::new(),
        on_premises: Some(OnPremises {
            sam: one.sam.clone(),
            dn: one.dn.clone(),
            sid: one.sid.clone(),
            immutable_id: one.anchor.clone(),
            synced: at,
            password_set: 0,
        }),
        // A domain without Exchange's schema brings no location; User1's was set when it was licensed.
        profile: if user1 { Map::new() } else { Map::from_iter([("usageLocation".to_owned(), Value::Null)]) },
        password: Some(String::new()),
        password_changed: None,
    }
}

impl User {
    fn is_of(&self, anchor: &str) -> bool {
        self.on_premises.as_ref().is_some_and(|there| there.immutable_id == anchor)
    }

    /// Takes the domain's password, if it changed there. One that must be changed at the next sign-in stays in the domain (MIR
    /// how-to-connect-password-hash-synchronization.md). `shared` is the one of all practice accounts.
    fn take_hash(&mut self, one: &Imported, shared: &str) {
        let Some(there) = &mut self.on_premises else { return };
        let ((Some(hash), set), known) = (&one.password, there.password_set) else { return };
        if *set == 0 || *set == known {
            return;
        }
        there.password_set = *set;
        let raw = BASE64_STANDARD_NO_PAD.decode(hash).unwrap_or_default();
        let new = (hash != shared).then(|| BASE64_URL_SAFE_NO_PAD.encode(raw));
        if self.password != new {
            self.password_changed = time_of(*set);
        }
        self.password = new;
    }
}

impl Directory {
    /// An account that a cycle does not find any more is deleted in the tenant, and its roles with it.
    fn forget_all_but(&mut self, found: &[Imported]) {
        let gone = |user: &User| user.on_premises.is_some() && !found.iter().any(|one| user.is_of(&one.anchor));
        let gone: Vec<String> = self.users.iter().filter(|user| gone(user)).map(|user| user.id.clone()).collect();
        self.forget(&gone);
    }

    /// Deletes accounts, and their roles with them.
    pub(super) fn forget(&mut self, gone: &[String]) {
        self.users.retain(|user| !gone.contains(&user.id));
        self.assignments.retain(|one| !gone.contains(&one.principal));
        self.eligible.retain(|one| !gone.contains(&one.principal));
    }

    /// The sign-in name of a synchronised account: its own while its suffix is verified, else one in the initial domain (MIR
    /// plan-connect-userprincipalname.md). A name that somebody has already gets a number (MIR
    /// how-to-connect-syncservice-duplicate-attribute-resiliency.md).
    fn name_of(&self, one: &Imported, place: Option<usize>) -> String {
        let before = place.and_then(|place| self.users.get(place)).map(|user| user.upn.clone());
        let own = one.upn.clone().unwrap_or_else(|| {
            let kept = before.as_deref().and_then(|upn| upn.split('@').next()).unwrap_or(&one.sam);
            format!("{kept}@{LAB_DOMAIN}")
        });
        let (prefix, suffix) = own.rsplit_once('@').unwrap_or((&own, ""));
        let verified = self.domains.iter().any(|domain| domain.verified && domain.name.eq_ignore_ascii_case(suffix));
        let wanted = if verified { own.clone() } else { format!("{prefix}@{INITIAL_DOMAIN}") };
        let taken = self.users.iter().enumerate().any(|(at, user)| Some(at) != place && user.upn.eq_ignore_ascii_case(&wanted));
        if !taken {
            return wanted;
        }
        let number: String = chance::guid_of(&one.anchor).chars().filter(char::is_ascii_digit).take(4).collect();
        format!("{prefix}{number}@{INITIAL_DOMAIN}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::world::{DC1, Dn, New, Power, Preset, uac};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn world() -> World {
        World::new(Preset::PhaseOne, "canary".to_owned(), at(0))
    }

    /// An ordinary user of the domain, with the practice password.
    fn hire(world: &mut World, sam: &str, upn: Option<&str>, now: Timestamp) -> String {
        let dn = Dn::parse(&format!("CN={sam} there,CN=Users,{}", super::super::world::head_name().written())).unwrap();
        let domain = world.domain.make_mut();
        let key = domain.add(New { dn, class: Class::User, rid: None, sam: sam.to_owned() }, now);
        domain.note(&key, |user| {
            if let Some(upn) = upn {
                user.set("userPrincipalName", upn);
            }
            let account = user.account.as_mut().unwrap();
            account.uac = uac::NORMAL;
            account.password = Some(super::super::world::hash("canary"));
            account.set = super::super::world::filetime(now);
        });
        key
    }

    fn upns(world: &World) -> Vec<&str> {
        let synced = world.directory.users.iter().filter(|user| user.on_premises.is_some());
        synced.map(|user| user.upn.as_str()).collect()
    }

    #[test]
    fn cycles_come_every_half_hour_of_world_time_and_stop_with_the_scheduler() {
        let mut world = world();
        let first = at(-600);
        assert_eq!(world.due_cycle(at(19 * 60)), None);
        let due = world.due_cycle(at(95 * 60)).unwrap();
        assert_eq!(due, first + SignedDuration::from_mins(90));
        world.cycle(due);
        assert_eq!((world.directory.sync.last, world.due_cycle(at(95 * 60))), (Some(due), None));
        world.directory.sync.scheduler = false;
        assert_eq!(world.due_cycle(at(5 * 3_600)), None);
    }

    #[test]
    fn whatever_holds_cycles_up_is_named_and_what_was_missed_runs_when_it_is_over() {
        type Change = fn(&mut World, Timestamp);
        let held: [(Change, Change, Holdup); 4] = [
            (
                |world, now| world.azure.machine_mut("APP1").unwrap().stop(Power::Stopped, now),
                |world, now| world.azure.machine_mut("APP1").unwrap().start(now, SignedDuration::ZERO),
                Holdup::MachineOff,
            ),
            (|world, now| world.set_service(false, now), |world, now| world.set_service(true, now), Holdup::ServiceStopped),
            (|world, now| world.show_wizard(now), |world, _| world.connect.wizard = None, Holdup::Suspended),
            (|world, now| world.set_staging(true, now), |world, now| world.set_staging(false, now), Holdup::Staging),
        ];
        for (hold, release, why) in held {
            let mut world = world();
            hold(&mut world, at(0));
            world.attend(at(1));
            assert_eq!((world.start_cycle(at(60)), world.due_cycle(at(7_200))), (Err(why), None), "{why}");
            release(&mut world, at(7_200));
            world.attend(at(7_200));
            assert_eq!(world.due_cycle(at(7_230)), Some(at(7_200)), "{why}");
        }
        assert_eq!(World::new(Preset::Start, String::new(), at(0)).start_cycle(at(1)), Err(Holdup::NotInstalled));
    }

    #[test]
    fn a_cycle_that_somebody_starts_shows_when_it_has_ended_and_not_before() {
        let mut world = world();
        hire(&mut world, "ann", Some("ann@contoso.example"), at(1));
        world.start_cycle(at(10)).unwrap();
        assert_eq!((world.start_cycle(at(12)), world.due_cycle(at(14))), (Err(Holdup::Running), None));
        assert_eq!(world.due_cycle(at(15)), Some(at(15)));
        world.cycle(at(15));
        assert_eq!(upns(&world), ["User1@testlab.contoso.example", "ann@contoso.example"]);
        assert_eq!((world.holdup(at(15)), world.directory.sync.last), (None, Some(at(15))));
    }

    #[test]
    fn users_of_the_domain_come_change_and_go_with_their_roles() {
        let mut world = world();
        let key = hire(&mut world, "ann", Some("ann@fabrikam.example"), at(1));
        world.cycle(at(2));
        assert_eq!(upns(&world), ["User1@testlab.contoso.example", "ann@contoso.onmicrosoft.com"], "the suffix is not verified");
        let ann = world.directory.user_by_any_name("ann").unwrap().clone();
        let there = ann.on_premises.clone().unwrap();
        assert_eq!(Some(there.sid.as_str()), world.domain.at(&key).unwrap().sid.as_deref());
        assert_eq!((there.sam.as_str(), ann.enabled, ann.products.len(), world.is_password(&ann, "canary")), ("ann", true, 0, true));

        world.directory.assign(&ann.id, "role");
        world.domain.make_mut().change(&key, at(3), |user| {
            user.set("userPrincipalName", "anna@contoso.example");
            user.set("sAMAccountName", "anna");
            user.set("displayName", "Anna");
            user.account.as_mut().unwrap().uac |= uac::DISABLED;
        });
        world.cycle(at(4));
        let anna = world.directory.user("anna@contoso.example").unwrap();
        assert_eq!((&anna.id, anna.name.as_str(), anna.enabled), (&ann.id, "Anna", false), "the same account");
        assert_eq!(anna.on_premises.as_ref().unwrap().sam, "anna");

        world.directory.sync.left_out.push("ANNA".to_owned());
        world.cycle(at(5));
        assert_eq!((upns(&world).len(), world.directory.holds(&ann.id, &["role"])), (1, false));
        world.directory.sync.left_out.clear();
        world.cycle(at(6));
        assert_eq!(upns(&world).len(), 2);
        world.domain.make_mut().remove(&key);
        world.cycle(at(7));
        assert_eq!(upns(&world), ["User1@testlab.contoso.example"]);
    }

    #[test]
    fn a_tenant_that_takes_no_synchronisation_keeps_what_it_has() {
        let mut world = world();
        hire(&mut world, "ann", None, at(1));
        world.start_cycle(at(2)).unwrap();
        world.directory.sync.enabled = Some(false);
        world.cycle(world.due_cycle(at(60)).unwrap());
        assert_eq!((upns(&world).len(), world.directory.sync.last, world.holdup(at(60))), (1, Some(at(-600)), None));
    }

    #[test]
    fn a_name_that_a_cloud_account_has_gets_a_number() {
        let mut world = world();
        hire(&mut world, "user2", Some("user2@fabrikam.example"), at(1));
        world.cycle(at(2));
        let upn = upns(&world)[1];
        assert!(upn.starts_with("user2") && upn.ends_with("@contoso.onmicrosoft.com") && upn != "user2@contoso.onmicrosoft.com", "{upn}");
        let before = upn.to_owned();
        world.cycle(at(3));
        assert_eq!(upns(&world)[1], before);
    }

    #[test]
    fn the_crowd_the_systems_own_accounts_and_machines_are_not_synchronised() {
        let mut world = world();
        world.domain.make_mut().hire(3, at(1));
        world.cycle(at(2));
        assert_eq!(upns(&world), ["User1@testlab.contoso.example"]);
    }

    #[test]
    fn a_password_of_the_domain_follows_while_hash_synchronisation_is_on_and_one_to_be_changed_never_does() {
        let mut world = world();
        let key = hire(&mut world, "ann", None, at(1));
        world.cycle(at(2));
        let set = |world: &mut World, password: &str, set: i64| {
            world.domain.make_mut().note(&key, |user| {
                let account = user.account.as_mut().unwrap();
                (account.password, account.set) = (Some(super::super::world::hash(password)), set);
            });
        };
        let has = |world: &World, password: &str| world.is_password(world.directory.user_by_any_name("ann").unwrap(), password);
        set(&mut world, "Second-1", super::super::world::filetime(at(3)));
        world.set_hash_sync(false, at(3));
        world.cycle(at(4));
        assert!(has(&world, "canary"));
        world.set_hash_sync(true, at(4));
        world.cycle(at(5));
        assert!(has(&world, "Second-1") && !has(&world, "canary"));
        assert_eq!(world.directory.user_by_any_name("ann").unwrap().password_changed, Some(at(3)));
        set(&mut world, "Third-1", 0);
        world.cycle(at(6));
        assert!(has(&world, "Second-1"));
        // The cloud's own change stays: only what changes in the domain follows.
        world.directory.users.iter_mut().find(|user| user.upn.starts_with("ann")).unwrap().set_password("Cloud-1", at(7));
        world.cycle(at(8));
        assert!(has(&world, "Cloud-1"));
    }

    #[test]
    fn a_lab_without_a_domain_controller_still_has_its_accounts() {
        let mut world = world();
        world.azure.machine_mut(DC1).unwrap().stop(Power::Stopped, at(1));
        world.cycle(at(2));
        assert_eq!(upns(&world), ["User1@testlab.contoso.example"]);
    }
}
