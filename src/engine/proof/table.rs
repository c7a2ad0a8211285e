//! What a trip amounts to, from what was seen: hops, the one at which it stopped, and the cause. By table, for every code of the contract.

use super::{
    Code, HopName, Trip,
    seen::{Account, Asked, Causes, Clocks, Operation, Seen, Usable},
};
use crate::engine::{
    check::Verdict,
    probe::{LookError, TripCall},
};
use crate::guide::step::TripBy;
use crate::services::{
    directory::SignOn,
    host::app1::{Event, Watched},
};
use jiff::Timestamp;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// `pwdLastSet` of that moment.
fn set(second: i64) -> String {
    ((1_800_000_000 + second + 11_644_473_600) * 10_000_000).to_string()
}

fn event(id: u32, second: i64) -> Event {
    let time = at(second);
    Event { record: u64::from(id), provider: "PasswordResetService".into(), id, level: 4, time, text: String::new() }
}

fn account(set: &str, changed: i64) -> Account {
    Account { set: Some(set.to_owned()), changed: Some(at(changed)), at: Some(at(changed)), why: None }
}

fn watched(events: &[(u32, i64)]) -> Watched {
    let ended = events.iter().any(|(id, _)| [31_002, 31_003, 31_007, 31_008, 31_010, 31_011].contains(id));
    Watched {
        time: at(0),
        domain: None,
        set: None,
        changed: None,
        moved: None,
        why: None,
        known: true,
        ended,
        until: at(120),
        events: events.iter().map(|(id, second)| event(*id, *second)).collect(),
    }
}

fn error(code: &str) -> LookError {
    LookError { what: format!("it said {code}"), hint: None, status: None, code: Some(code.to_owned()) }
}

/// A trip that arrives, by an administrator.
fn arrives() -> Seen {
    let call =
        TripCall { by: TripBy::Administrator, user: "u".into(), dn: "CN=x,DC=a".into(), upn: "x@a".into(), before: Some(set(-9_000)) };
    Seen {
        call,
        began: at(0),
        asked: Asked::Accepted(Some(at(1))),
        watched: Ok(watched(&[(31_009, 3), (31_010, 5)])),
        before: account(&set(-9_000), -9_000),
        after: account("0", 4),
        operation: Some(Operation { ended: Some(true), detail: None, at: Some(at(6)) }),
        usable: Usable::Answered(SignOn::Refused { data: Some(0x773), why: "it must be changed" }, Some(at(8))),
        clocks: Clocks { graph: Some(0), app1: Some(0), domain: Some(0) },
        causes: Causes::default(),
    }
}

/// One that never came to APP1.
fn lost(causes: Causes) -> Seen {
    let before = account(&set(-9_000), -9_000);
    Seen {
        watched: Ok(watched(&[])),
        after: before.clone(),
        operation: Some(Operation { ended: Some(false), detail: Some("OnPremisesConnectivityError (SSPR_0030)".into()), at: Some(at(90)) }),
        usable: Usable::NotTried,
        causes,
        ..arrives()
    }
}

/// One that APP1 turned down with this event.
fn turned_down(id: u32, causes: Causes) -> Seen {
    Seen { watched: Ok(watched(&[(31_009, 3), (id, 4), (31_011, 5)])), ..lost(causes) }
}

/// The person's own hand, with what APP1 wrote.
fn by_person(events: &[(u32, i64)], after: &str, causes: Causes) -> Seen {
    let arrives = arrives();
    Seen {
        call: TripCall { by: TripBy::Person, ..arrives.call.clone() },
        asked: Asked::ByPerson,
        watched: Ok(watched(events)),
        after: account(after, 4),
        operation: None,
        usable: Usable::OnlyThePerson,
        causes,
        ..arrives
    }
}

fn end(trip: &Trip) -> (Verdict, Option<HopName>, Option<Code>) {
    (trip.verdict, trip.stopped_at, trip.code)
}

#[test]
fn a_trip_that_arrives_has_a_time_for_each_hop_and_names_the_slowest() {
    let trip = arrives().trip();
    assert_eq!(end(&trip), (Verdict::Pass, None, None));
    let took: Vec<_> = trip.hops.iter().map(|hop| (hop.name.word(), hop.took_ms)).collect();
    assert_eq!(
        took,
        [
            ("asked", None),
            ("received", Some(2_000)),
            ("written", Some(1_000)),
            ("confirmed", Some(1_000)),
            ("finished", Some(1_000)),
            ("usable", Some(2_000))
        ]
    );
    assert!(trip.slowest == Some(HopName::Received) || trip.slowest == Some(HopName::Usable));
}

#[test]
fn hops_are_timed_across_clocks_that_differ() {
    let mut seen = arrives();
    // APP1 is a minute ahead: its times say so, and the hop still took two seconds.
    seen.clocks.app1 = Some(60_000);
    seen.watched = Ok(watched(&[(31_009, 63), (31_010, 65)]));
    let received = &seen.trip().hops[1];
    assert_eq!((received.at, received.offset_ms, received.took_ms), (Some(at(63)), Some(60_000), Some(2_000)));
}

#[test]
fn after_a_second_administrators_reset_the_domain_is_told_by_what_changed() {
    let mut seen = Seen { before: account("0", -100), ..arrives() };
    assert_eq!(seen.trip().verdict, Verdict::Pass);
    seen.after = account("0", -100);
    assert_eq!(seen.trip().stopped_at, Some(HopName::Written));
}

#[test]
fn the_persons_own_hand_arrives_when_the_password_moved_and_is_not_expired() {
    for events in [[(31_001, 3), (31_002, 5)], [(31_006, 3), (31_007, 5)]] {
        assert_eq!(end(&by_person(&events, &set(4), Causes::default()).trip()), (Verdict::Pass, None, None));
        let expired = by_person(&events, "0", Causes::default()).trip();
        assert_eq!(end(&expired), (Verdict::Fail, Some(HopName::Written), Some(Code::RightsMissing)));
    }
}

#[test]
fn what_nobody_could_see_is_unknown_and_no_failure() {
    let no_way = LookError { what: "no LDAP".into(), hint: None, status: None, code: None };
    let trip = Seen { usable: Usable::NoWay(no_way.clone()), ..arrives() }.trip();
    assert_eq!(end(&trip), (Verdict::Unknown, Some(HopName::Usable), None));
    let trip = Seen { watched: Err(no_way), ..arrives() }.trip();
    assert_eq!(end(&trip), (Verdict::Unknown, Some(HopName::Received), None));
}

#[test]
fn a_password_that_the_domain_does_not_know_disproves_the_trip() {
    let wrong = SignOn::Refused { data: Some(0x52e), why: "wrong" };
    let trip = Seen { usable: Usable::Answered(wrong, None), ..arrives() }.trip();
    assert_eq!((trip.verdict, trip.stopped_at), (Verdict::Fail, Some(HopName::Usable)));
}

#[test]
fn every_cause_of_the_contract_is_told_with_the_hop_at_which_it_stops() {
    let none = Causes::default;
    let not_sent = |code: &str| Seen { asked: Asked::NotSent(error(code)), watched: Err(error(code)), ..lost(none()) };
    let locked = Usable::Answered(SignOn::Refused { data: Some(0x775), why: "the account is locked" }, None);
    let (received, written, asked, usable) = (HopName::Received, HopName::Written, HopName::Asked, HopName::Usable);
    let (fail, unknown) = (Verdict::Fail, Verdict::Unknown);
    let fails = [(31_006, 3), (33_008, 4), (31_008, 5)];
    let old = set(-9_000);
    let table = vec![
        (lost(Causes { writeback: Some(false), ..none() }), fail, received, Code::WritebackOff),
        (lost(Causes { hash_sync: Some(false), ..none() }), fail, received, Code::HashSyncOff),
        (lost(Causes { suspended: Some(true), ..none() }), fail, received, Code::WizardOpen),
        (lost(Causes { staging: Some(true), ..none() }), fail, received, Code::StagingMode),
        (lost(Causes { service: Some("Stopped".into()), ..none() }), fail, received, Code::ServiceStopped),
        (lost(Causes { bus: Some(31_034), ..none() }), fail, received, Code::BusUnreachable),
        (lost(Causes { skew: Some(-3_600), ..none() }), fail, received, Code::ClockWrong),
        (lost(Causes { machine: Some(false), ..none() }), fail, received, Code::MachineStopped),
        (turned_down(33_002, none()), fail, written, Code::UserNotSynced),
        (turned_down(33_004, none()), fail, written, Code::RightsMissing),
        (turned_down(33_004, Causes { protected: Some(true), ..none() }), fail, written, Code::UserProtected),
        (turned_down(33_006, none()), fail, written, Code::AccountLocked),
        (Seen { usable: locked, ..arrives() }, fail, usable, Code::AccountLocked),
        (by_person(&fails, &old, Causes { young: Some(true), ..none() }), fail, written, Code::MinimumAge),
        (by_person(&fails, &old, Causes { young: Some(false), ..none() }), fail, written, Code::History),
        // The age of a password binds its owner, and no administrator.
        (turned_down(33_008, Causes { young: Some(true), ..none() }), fail, written, Code::History),
        (Seen { asked: Asked::Refused(error("Request_ResourceNotFound")), ..lost(none()) }, fail, asked, Code::UserNotSynced),
        (by_person(&[], &old, Causes { cloud: Some(true), ..none() }), fail, received, Code::WrongTool),
        (not_sent("MACHINE_STOPPED"), unknown, asked, Code::MachineStopped),
        (not_sent("RUN_COMMAND_BUSY"), unknown, asked, Code::RunCommandBusy),
        (not_sent("OUTPUT_CUT"), unknown, asked, Code::OutputCut),
        (not_sent("AuthorizationFailed"), unknown, asked, Code::AzureRightMissing),
        (Seen { asked: Asked::Refused(error("Authorization_RequestDenied")), ..lost(none()) }, fail, asked, Code::ReadConsentMissing),
    ];
    for (seen, verdict, hop, code) in &table {
        assert_eq!(end(&seen.trip()), (*verdict, Some(*hop), Some(*code)), "{}", code.word());
    }
    for code in Code::ALL {
        assert!(table.iter().any(|(.., told)| *told == code), "{} is in no row", code.word());
    }
}
