//! How each reset ends, hop by hop, on a world alone: no sockets.

use super::*;
use crate::base::Secret;
use crate::practice::{
    Preset,
    world::{Class, Dn, Entry, New, OnPremises, Party, PasswordOperation, Policy, Trip, User, filetime, uac},
};
use jiff::SignedDuration;

const USER: &str = "0f7c1b52-6d1e-4f55-9c2a-5d8f3b1c7e90";
const DN: &str = "CN=Writeback Test,CN=Users,DC=testlab,DC=contoso,DC=example";
const NEW: &str = "Canary-Trip-1";

fn at(millis: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 3_650) + SignedDuration::from_millis(millis)
}

fn key() -> String {
    Dn::parse(DN).unwrap().key()
}

/// After phase 1, with writeback on, and an ordinary account that is a week old.
fn world() -> World {
    let begun = at(0) - SignedDuration::from_hours(24 * 7);
    let mut world = World::new(Preset::PhaseOne, "Practice-0".to_owned(), begun);
    world.set_writeback(true, begun);
    let policy = Policy::of(world.domain.head());
    let domain = world.domain.make_mut();
    let new = New { dn: Dn::parse(DN).unwrap(), class: Class::User, rid: None, sam: "writeback.test".to_owned() };
    let key = domain.add(new, begun);
    let sid = domain
        .change(&key, begun, |object| {
            let account = object.account.as_mut().unwrap();
            account.uac = uac::NORMAL;
            account.set_password(crate::practice::world::hash("Practice-0"), &policy, filetime(begun));
            object.sid.clone().unwrap()
        })
        .unwrap();
    let there = OnPremises {
        sam: "writeback.test".to_owned(),
        dn: DN.to_owned(),
        sid,
        immutable_id: String::new(),
        synced: begun,
        password_set: 0,
    };
    let model = world.directory.user_by_any_name("User1").unwrap().clone();
    let user = User { id: USER.to_owned(), upn: "writeback.test@contoso.example".to_owned(), on_premises: Some(there), ..model };
    world.directory.users.push(user);
    world.directory.audits.clear();
    world.attend(at(0));
    world.connect.events.clear();
    world
}

fn ask(world: &mut World, trip: Trip, new: &str) {
    let to = Party::from(world.directory.user(USER).unwrap());
    let message = Message { id: "trip".to_owned(), trip, by: to.clone(), to, asked: at(0), stage: Stage::Sent };
    let mut operation = PasswordOperation::new("trip".to_owned(), USER.to_owned(), at(0));
    operation.travels = true;
    world.add_operation(operation);
    let old = (trip == Trip::Change).then(|| crate::practice::world::hash("Practice-0"));
    world.writeback.send(message, Letter { new: Secret::new(new), old });
}

fn pass(world: &mut World, now: Timestamp) {
    while let Some((id, next)) = world.next_of_writeback(now) {
        step(world, &id, next);
    }
    world.attend(now);
}

/// What it came to: event numbers, status, detail, agent, `pwdLastSet`.
fn end(world: &mut World) -> (Vec<u32>, &'static str, String, String, i64) {
    pass(world, at(60_000));
    let events = world.connect.events.iter().map(|event| event.id).filter(|id| *id != 31_019).collect();
    let operation = world.operations.last().unwrap();
    let audit = world.directory.audits.last().cloned();
    let agent = audit.as_ref().map_or_else(String::new, |audit| audit.details[0].1.clone());
    let detail = operation.failure.clone().unwrap_or_default();
    assert_eq!(audit.and_then(|audit| audit.failed).unwrap_or_default(), detail);
    (events, operation.status(at(60_000)).0, detail, agent, set(world))
}

/// 0 too when there is no such account.
fn set(world: &World) -> i64 {
    world.domain.at(&key()).map_or(0, |object| object.account.as_ref().unwrap().set)
}

fn bind(world: &World, password: &str) -> Entry {
    let policy = Policy::of(world.domain.head());
    world.domain.at(&key()).unwrap().account.as_ref().unwrap().try_password(password, &policy, at(60_000))
}

/// What a reset by this hand comes to in a world with a fault.
fn broken(fault: Fault, trip: Trip) -> (Vec<u32>, &'static str, bool) {
    let mut world = world();
    world.break_it(fault, None, at(0));
    let (before, cloud) = (set(&world), world.directory.user(USER).unwrap().password.clone());
    world.connect.events.clear();
    ask(&mut world, trip, NEW);
    let (events, status, ..) = end(&mut world);
    if status == "failed" {
        assert_eq!((set(&world), &world.directory.user(USER).unwrap().password), (before, &cloud), "{fault:?} {trip:?}");
    }
    (events, status, bind(&world, NEW) == Entry::Wrong)
}

#[test]
fn a_reset_by_an_administrator_goes_hop_by_hop_and_must_be_changed_then() {
    let mut world = world();
    ask(&mut world, Trip::Admin, NEW);
    let cloud = |world: &World| world.is_password(world.directory.user(USER).unwrap(), NEW);
    let seen = |world: &mut World, millis| {
        pass(world, at(millis));
        let events: Vec<u32> = world.connect.events.iter().map(|event| event.id).collect();
        (events, set(world) == 0, world.operations[0].status(at(millis)).0, cloud(world))
    };
    assert_eq!(seen(&mut world, 1_999), (vec![], false, "running", false));
    assert_eq!(seen(&mut world, 2_000), (vec![31_009], false, "running", false));
    assert_eq!(seen(&mut world, 2_400), (vec![31_009], true, "running", false));
    assert_eq!(seen(&mut world, 2_800), (vec![31_009, 31_010], true, "running", false));
    assert_eq!(seen(&mut world, 3_200), (vec![31_009, 31_010], true, "succeeded", true));
    assert_eq!((bind(&world, NEW), bind(&world, "Practice-0")), (Entry::MustChange, Entry::Wrong));
    let audit = world.directory.audits.last().unwrap();
    assert_eq!((audit.activity.as_str(), audit.at, &audit.failed), ("Reset password (by admin)", at(3_200), &None));
    assert_eq!(audit.details, [("OnPremisesAgent".to_owned(), "Microsoft Entra Connect".to_owned())]);
    assert!(world.writeback.messages.is_empty() && world.writeback.letter("trip").is_none());
}

#[test]
fn all_hops_at_once_are_written_at_their_own_moments() {
    let mut world = world();
    world.connect.clock = 7;
    ask(&mut world, Trip::Admin, NEW);
    pass(&mut world, at(600_000));
    let events: Vec<(u32, Timestamp)> = world.connect.events.iter().map(|event| (event.id, event.at)).collect();
    assert_eq!(events[..2], [(31_009, at(9_000)), (31_010, at(9_800))]);
    assert!(events.is_sorted_by_key(|(_, at)| *at), "{events:?}");
    assert_eq!(world.operations[0].status(at(600_000)), ("succeeded", at(3_200)));
}

#[test]
fn a_persons_own_reset_and_change_count_as_set_by_its_owner() {
    for (trip, start, success) in [(Trip::Own, 31_001, 31_002), (Trip::Change, 31_006, 31_007)] {
        let mut world = world();
        ask(&mut world, trip, NEW);
        let (events, status, _, agent, set) = end(&mut world);
        assert_eq!((events, status, agent.as_str()), (vec![start, success], "succeeded", "Microsoft Entra Connect"));
        assert_eq!((set, bind(&world, NEW)), (filetime(at(2_400)), Entry::Admitted));
    }
}

#[test]
fn each_setback_of_the_domain_has_its_own_event_and_changes_nothing() {
    use Trip::{Admin, Change, Own};
    let refused = |trip: Trip, engine: &[u32], event| {
        let [start, _, failure] = trip.events();
        let events = [&[start], engine, &[failure, event]].concat();
        (events, "failed", true)
    };
    let gone = |trip: Trip| (vec![trip.events()[0], trip.events()[1]], "succeeded", false);
    for fault in [Fault::RightsMissing, Fault::UserProtected, Fault::InheritanceOff] {
        for trip in [Admin, Own] {
            assert_eq!(broken(fault, trip), refused(trip, &[6_329], 33_004), "{fault:?} {trip:?}");
        }
        // Everyone may change a password with the old one, AdminSDHolder's list included (`facts/domain.md` 4.8).
        assert_eq!(broken(fault, Change), gone(Change), "{fault:?}");
    }
    for trip in [Admin, Own, Change] {
        assert_eq!(broken(Fault::History, trip), refused(trip, &[6_329], 33_008), "{trip:?}");
    }
    // Measured: a reset skips the age (`facts/directory.md` 4); a person's own hand is held to it.
    assert_eq!(broken(Fault::MinimumAge, Admin), gone(Admin));
    assert_eq!(broken(Fault::MinimumAge, Own), refused(Own, &[6_329], 33_008));
    assert_eq!(broken(Fault::MinimumAge, Change), refused(Change, &[6_329], 33_008));
}

#[test]
fn a_reset_does_not_unlock_a_persons_own_does_and_a_change_is_refused() {
    let locked = |trip| {
        let mut world = world();
        world.break_it(Fault::AccountLocked, None, at(0));
        ask(&mut world, trip, NEW);
        let (events, status, ..) = end(&mut world);
        (events.last().copied().unwrap(), status, bind(&world, NEW))
    };
    assert_eq!(locked(Trip::Admin), (31_010, "succeeded", Entry::Locked));
    assert_eq!(locked(Trip::Own), (31_002, "succeeded", Entry::Admitted));
    assert_eq!(locked(Trip::Change), (33_006, "failed", Entry::Locked));
}

#[test]
fn without_unexpire_password_a_persons_own_reset_has_to_be_changed_at_once() {
    let mut world = world();
    let head = crate::practice::world::head_name().key();
    let domain = world.domain.make_mut();
    let mut descriptor = domain.at(&head).unwrap().own(&crate::practice::world::domain_sid());
    let authenticated = crate::rights::Sid::AUTHENTICATED_USERS;
    descriptor.dacl.as_mut().unwrap().aces.retain(|ace| ace.trustee != authenticated);
    domain.set_descriptor(&head, &descriptor, at(0), at(0));
    ask(&mut world, Trip::Own, NEW);
    let (events, status, _, _, set) = end(&mut world);
    assert_eq!((events, status, set, bind(&world, NEW)), (vec![31_001, 31_002], "succeeded", 0, Entry::MustChange));
}

#[test]
fn a_short_or_simple_password_a_disabled_or_a_missing_account_and_no_domain_controller_are_told_apart() {
    let ends = |spoil: &dyn Fn(&mut World), new: &str| {
        let mut world = world();
        spoil(&mut world);
        ask(&mut world, Trip::Admin, new);
        end(&mut world).0.last().copied().unwrap()
    };
    let account = |world: &mut World, uac: u32| {
        world.domain.make_mut().change(&key(), at(0), |object| object.account.as_mut().unwrap().uac = uac);
    };
    assert_eq!(ends(&|_| (), "Ab1-"), 33_008);
    assert_eq!(ends(&|_| (), "onlysmallletters"), 33_008);
    assert_eq!((ends(&|world| world.connect.clock = 300, NEW), ends(&|world| world.connect.clock = -301, NEW)), (31_010, 33_001));
    assert_eq!(ends(&|world| account(world, uac::NORMAL | uac::DISABLED), NEW), 33_005);
    assert_eq!(ends(&|world| world.domain.make_mut().remove(&key()), NEW), 33_002);
    assert_eq!(ends(&|world| world.azure.machine_mut(DC1).unwrap().stop(crate::practice::world::Power::Stopped, at(0)), NEW), 33_001);
}

#[test]
fn a_change_from_a_password_that_only_the_cloud_knows_is_refused() {
    let mut world = world();
    ask(&mut world, Trip::Change, NEW);
    let letter = Letter { new: Secret::new(NEW), old: Some(crate::practice::world::hash("Other-1")) };
    let (message, _) = world.writeback.end("trip").unwrap();
    world.writeback.send(message, letter);
    assert_eq!(end(&mut world).0, [31_006, 31_008, 33_007]);
}

#[test]
fn a_message_waits_for_whoever_listens_and_is_given_up_after_a_while() {
    let unheard = |spoil: &dyn Fn(&mut World)| {
        let mut world = world();
        spoil(&mut world);
        world.connect.events.clear();
        ask(&mut world, Trip::Admin, NEW);
        pass(&mut world, at(89_999));
        let waits = world.operations[0].status(at(89_999)).0;
        pass(&mut world, at(90_000));
        let (status, since) = world.operations[0].status(at(90_000));
        let audit = world.directory.audits.last().unwrap();
        assert_eq!(audit.details[0].1, "None");
        assert!(audit.failed.as_ref().is_some_and(|why| why.contains("SSPR_0030")), "{audit:?}");
        assert!(world.connect.events.iter().all(|event| !(31_001..=31_011).contains(&event.id)));
        (waits, status, since, bind(&world, NEW))
    };
    let lost = ("running", "failed", at(90_000), Entry::Wrong);
    assert_eq!(unheard(&|world| world.set_bus(false, at(0))), lost);
    assert_eq!(unheard(&|world| world.set_service(false, at(0))), lost);
    assert_eq!(unheard(&|world| world.set_staging(true, at(0))), lost);
    assert_eq!(unheard(&|world| world.break_it(Fault::VmStopped, None, at(0))), lost);
    let mut world = world();
    world.set_bus(false, at(0));
    ask(&mut world, Trip::Admin, NEW);
    pass(&mut world, at(60_000));
    world.set_bus(true, at(60_000));
    pass(&mut world, at(62_000));
    assert_eq!(world.operations[0].status(at(62_000)).0, "succeeded");
}

#[test]
fn a_message_whose_process_died_is_lost_and_its_password_was_never_stored() {
    let mut world = world();
    ask(&mut world, Trip::Admin, NEW);
    pass(&mut world, at(2_000));
    let stored = serde_json::to_string(&world).unwrap();
    let hashes = [crate::practice::world::hash(NEW), world.directory.user(USER).unwrap().upn.clone()];
    assert!(!stored.contains(NEW) && !stored.contains(&hashes[0]) && stored.contains(&hashes[1]));
    assert!(!format!("{world:?}").contains(NEW));
    let mut world: World = serde_json::from_str(&stored).unwrap();
    pass(&mut world, at(90_000));
    assert_eq!((world.operations[0].status(at(90_000)), bind(&world, NEW)), (("failed", at(90_000)), Entry::Wrong));
}
