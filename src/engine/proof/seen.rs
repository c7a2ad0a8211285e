//! What was seen of a trip, and the hops that it amounts to. Pure: nothing is asked here, and no clock is read.

use super::{ClockOf, Code, Hop, HopName, Trip, cause};
use crate::engine::{
    check::Verdict,
    probe::{LookError, TripCall},
};
use crate::guide::step::TripBy;
use crate::services::{
    directory::SignOn,
    host::app1::{Event, Watched, meaning},
};
use jiff::{SignedDuration, Timestamp};

/// Two clocks that are read to the second may seem to go backwards by so much.
const ROUNDING: i64 = 2_000;

/// What was seen of a trip, by everybody who looked.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Whose password, and by whose hand.
    pub call: TripCall,
    /// When it began, by this machine's clock.
    pub began: Timestamp,
    /// What became of the request.
    pub asked: Asked,
    /// What the watch on APP1 saw, or why nobody watched.
    pub watched: Result<Watched, LookError>,
    /// The user in the domain before.
    pub before: Account,
    /// The same after.
    pub after: Account,
    /// The tenant's operation, as it was seen last.
    pub operation: Option<Operation>,
    /// Whether the domain takes the password.
    pub usable: Usable,
    /// By how much each clock is ahead.
    pub clocks: Clocks,
    /// What else was looked at once the trip had failed.
    pub causes: Causes,
}

/// What became of the request to Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The person's own hand: there was nothing to send.
    ByPerson,
    /// It was not sent, because nobody could have watched.
    NotSent(LookError),
    /// Graph refused it.
    Refused(LookError),
    /// Nobody saw the answer.
    InDoubt(LookError),
    /// Graph took it, at this time of its own clock.
    Accepted(Option<Timestamp>),
}

/// A user in the domain at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// `pwdLastSet`, as the domain writes it; `None` when it could not be read.
    pub set: Option<String>,
    /// `whenChanged`.
    pub changed: Option<Timestamp>,
    /// The domain's clock when it was read.
    pub at: Option<Timestamp>,
    /// Why it could not be read.
    pub why: Option<String>,
}

/// The tenant's operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whether it has ended, and how.
    pub ended: Option<bool>,
    /// Graph's own words on it.
    pub detail: Option<String>,
    /// When it ended, by Graph's clock.
    pub at: Option<Timestamp>,
}

/// Whether the domain takes the new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usable {
    /// Only the person knows the password.
    OnlyThePerson,
    /// The password did not come so far, so it was not tried: a wrong one counts towards a lock.
    NotTried,
    /// The domain answered, at this time of its own clock.
    Answered(SignOn, Option<Timestamp>),
    /// There is no way to try.
    NoWay(LookError),
}

/// By how many milliseconds each clock is ahead of this machine's; `None` when that could not be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Graph's.
    pub graph: Option<i64>,
    /// That of the machine with Entra Connect.
    pub app1: Option<i64>,
    /// The domain controller's.
    pub domain: Option<i64>,
}

impl Clocks {
    fn of(self, clock: ClockOf) -> Option<i64> {
        match clock {
            ClockOf::Graph => self.graph,
            ClockOf::App1 => self.app1,
            ClockOf::Domain => self.domain,
        }
    }
}

/// What may have stopped a trip; `None` is what nobody looked at, or could not see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    /// The state of Entra Connect's service: `Running`, `Stopped`, …
    pub service: Option<String>,
    /// Whether the wizard holds the scheduler.
    pub suspended: Option<bool>,
    /// Whether the server only rehearses.
    pub staging: Option<bool>,
    /// Whether writeback is on.
    pub writeback: Option<bool>,
    /// Whether password hashes are synchronised.
    pub hash_sync: Option<bool>,
    /// The newest event that tells of trouble with the service bus.
    pub bus: Option<u32>,
    /// By how many seconds APP1's clock is ahead of the domain's.
    pub skew: Option<i64>,
    /// Whether the user is protected by AdminSDHolder.
    pub protected: Option<bool>,
    /// Whether the account is locked.
    pub locked: Option<bool>,
    /// Whether the password was too young to be changed again.
    pub young: Option<bool>,
    /// Whether the machine with Entra Connect runs.
    pub machine: Option<bool>,
    /// Whether the tenant has another password than before.
    pub cloud: Option<bool>,
}

/// The events of a trip: it arrived, it was written, it was not.
#[must_use]
pub fn events_of(by: TripBy) -> &'static [[u32; 3]] {
    match by {
        TripBy::Administrator => &[[31_009, 31_010, 31_011]],
        TripBy::Person => &[[31_001, 31_002, 31_003], [31_006, 31_007, 31_008]],
    }
}

impl Seen {
    /// The trip that all this amounts to.
    #[must_use]
    pub fn trip(&self) -> Trip {
        let hops = self.hops();
        let first = |verdict| hops.iter().find(|hop| hop.verdict == verdict).map(|hop| hop.name);
        let verdict = match (first(Verdict::Fail), first(Verdict::Unknown)) {
            (Some(_), _) => Verdict::Fail,
            (None, Some(_)) => Verdict::Unknown,
            (None, None) => Verdict::Pass,
        };
        let stopped_at = first(Verdict::Fail).or_else(|| first(Verdict::Unknown));
        let code: Option<Code> = stopped_at.and_then(|_| cause::of(self));
        let timed = hops.iter().filter(|hop| hop.took_ms.is_some());
        let slowest = timed.max_by_key(|hop| hop.took_ms).map(|hop| hop.name);
        Trip { by: self.call.by, user: self.call.user.clone(), at: self.began, hops, slowest, stopped_at, code, verdict }
    }

    /// The hops in order, each with the time that it took since the one before it that has a time.
    #[must_use]
    pub fn hops(&self) -> Vec<Hop> {
        let mut hops = vec![self.asked(), self.received(), self.written(), self.confirmed(), self.finished(), self.usable()];
        let mut before: Option<SignedDuration> = None;
        for hop in &mut hops {
            hop.offset_ms = hop.clock.and_then(|clock| self.clocks.of(clock));
            let (Some(at), Some(offset)) = (hop.at, hop.offset_ms) else { continue };
            let here = at.duration_since(self.began) - SignedDuration::from_millis(offset);
            if let Some(before) = before {
                let took = i64::try_from((here - before).as_millis()).unwrap_or(i64::MAX);
                hop.took_ms = (took > -ROUNDING).then_some(took.max(0));
            }
            before = Some(before.map_or(here, |before| before.max(here)));
        }
        hops
    }

    fn asked(&self) -> Hop {
        match &self.asked {
            Asked::ByPerson => hop(HopName::Asked, Verdict::NotApplicable, "the person's own hand: Guidepost sends nothing"),
            Asked::NotSent(why) => {
                hop(HopName::Asked, Verdict::Unknown, format!("not sent, because nobody could have watched: {}", why.what))
            }
            Asked::Refused(why) => hop(HopName::Asked, Verdict::Fail, why.what.clone()),
            Asked::InDoubt(why) => hop(HopName::Asked, Verdict::Unknown, why.what.clone()),
            Asked::Accepted(at) => hop(HopName::Asked, Verdict::Pass, "Graph took the request").at(*at, ClockOf::Graph),
        }
    }

    /// Whether anything is on its way.
    fn left(&self) -> bool {
        match &self.asked {
            Asked::ByPerson | Asked::InDoubt(_) | Asked::Accepted(_) => true,
            Asked::NotSent(_) | Asked::Refused(_) => false,
        }
    }

    fn received(&self) -> Hop {
        let name = HopName::Received;
        if !self.left() {
            return not_so_far(name);
        }
        let watched = match &self.watched {
            Ok(watched) => watched,
            Err(why) => return hop(name, Verdict::Unknown, format!("nobody watched APP1: {}", why.what)),
        };
        if let Some(event) = self.event(watched, 0) {
            return hop(name, Verdict::Pass, told(event)).at(Some(event.time), ClockOf::App1);
        }
        match self.end() {
            Some(event) => hop(name, Verdict::Pass, format!("its event is missing, but {} came", event.id)),
            None if !watched.known => hop(name, Verdict::Fail, "APP1 has no PasswordResetService: writeback was never on there"),
            None => hop(name, Verdict::Fail, format!("APP1 wrote no event {} within {}", self.ids(0), waited(watched))),
        }
    }

    fn written(&self) -> Hop {
        let name = HopName::Written;
        if !self.left() {
            return not_so_far(name);
        }
        let (Some(before), Some(after)) = (&self.before.set, &self.after.set) else {
            let why = self.before.why.as_ref().or(self.after.why.as_ref());
            let why = why.map_or_else(|| "nobody may read it".to_owned(), Clone::clone);
            return hop(name, Verdict::Unknown, format!("`pwdLastSet` could not be read: {why}"));
        };
        if !self.moved() {
            return hop(name, Verdict::Fail, format!("the domain has the old password: `pwdLastSet` is still {}", shown(before)));
        }
        let at = filetime(after).or_else(|| self.after.changed.filter(|changed| Some(*changed) != self.before.changed));
        match (self.call.by, after == "0") {
            (TripBy::Person, true) => {
                let says = "the domain has a new password that expired at once: `pwdLastSet` is 0, so Unexpire Password is missing";
                hop(name, Verdict::Fail, says).at(at, ClockOf::Domain)
            }
            (TripBy::Administrator, true) => {
                hop(name, Verdict::Pass, "`pwdLastSet` is 0: the person has to change it, as after any administrator's reset")
                    .at(at, ClockOf::Domain)
            }
            (TripBy::Administrator | TripBy::Person, false) => {
                hop(name, Verdict::Pass, format!("`pwdLastSet` moved to {}", shown(after))).at(at, ClockOf::Domain)
            }
        }
    }

    /// Whether the domain has another password. After an administrator's reset `pwdLastSet` is 0, and after a second one it still is.
    #[must_use]
    pub fn moved(&self) -> bool {
        match (&self.before.set, &self.after.set) {
            (Some(before), Some(after)) if before == "0" && after == "0" => {
                // Something else of the user may have changed as well: what APP1 turned down was not written.
                !self.turned_down() && matches!((self.before.changed, self.after.changed), (Some(before), Some(after)) if after > before)
            }
            (Some(before), Some(after)) => before != after,
            (None, _) | (_, None) => false,
        }
    }

    fn confirmed(&self) -> Hop {
        let name = HopName::Confirmed;
        let Ok(watched) = &self.watched else {
            return if self.left() { hop(name, Verdict::Unknown, "nobody watched APP1") } else { not_so_far(name) };
        };
        if let Some(event) = self.event(watched, 1) {
            return hop(name, Verdict::Pass, told(event)).at(Some(event.time), ClockOf::App1);
        }
        if let Some(event) = self.event(watched, 2) {
            let why = self.reason().map_or_else(String::new, |reason| format!("; {}", told(reason)));
            return hop(name, Verdict::Fail, format!("{}{why}", told(event))).at(Some(event.time), ClockOf::App1);
        }
        if self.event(watched, 0).is_none() {
            return not_so_far(name);
        }
        hop(name, Verdict::Fail, format!("APP1 wrote no event {} within {}", self.ids(1), waited(watched)))
    }

    fn finished(&self) -> Hop {
        let name = HopName::Finished;
        if self.call.by == TripBy::Person {
            return hop(name, Verdict::NotApplicable, "Graph shows no operation for it; the audit record is looked at beside");
        }
        if !self.left() {
            return not_so_far(name);
        }
        let Some(Operation { ended, detail, at }) = &self.operation else {
            return hop(name, Verdict::Unknown, "Graph named no place where the operation could be watched");
        };
        let detail = detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}"));
        match ended {
            Some(true) => hop(name, Verdict::Pass, "Graph says that the operation succeeded").at(*at, ClockOf::Graph),
            Some(false) => hop(name, Verdict::Fail, format!("Graph says that the operation failed{detail}")).at(*at, ClockOf::Graph),
            None => hop(name, Verdict::Unknown, format!("Graph has not ended the operation{detail}")),
        }
    }

    fn usable(&self) -> Hop {
        let name = HopName::Usable;
        match &self.usable {
            Usable::OnlyThePerson => hop(name, Verdict::NotApplicable, "only the person knows the password"),
            Usable::NotTried => not_so_far(name),
            Usable::NoWay(why) => hop(name, Verdict::Unknown, format!("no way to sign on with it: {}", why.what)),
            Usable::Answered(answer, at) => {
                let (verdict, says) = match (answer.password_right(), answer) {
                    (_, SignOn::Accepted) => (Verdict::Pass, "the domain takes it".to_owned()),
                    (Some(true), SignOn::Refused { why, .. }) => (Verdict::Pass, format!("the domain knows it: {why}")),
                    (Some(false), SignOn::Refused { why, .. }) => (Verdict::Fail, format!("the domain does not know it: {why}")),
                    (None, SignOn::Refused { why, .. }) => (Verdict::Fail, format!("the domain does not let it in: {why}")),
                };
                hop(name, verdict, says).at(*at, ClockOf::Domain)
            }
        }
    }

    /// The first event of a part of the trip: 0 it arrived, 1 it was written, 2 it was not.
    fn event<'w>(&self, watched: &'w Watched, part: usize) -> Option<&'w Event> {
        watched.events.iter().find(|event| events_of(self.call.by).iter().any(|ids| ids.get(part) == Some(&event.id)))
    }

    /// The event that ended it.
    fn end(&self) -> Option<&Event> {
        let watched = self.watched.as_ref().ok()?;
        self.event(watched, 1).or_else(|| self.event(watched, 2))
    }

    /// Whether APP1 said that it was not written.
    pub(super) fn turned_down(&self) -> bool {
        self.watched.as_ref().is_ok_and(|watched| self.event(watched, 2).is_some())
    }

    /// The event that says why it was not written.
    pub(super) fn reason(&self) -> Option<&Event> {
        self.watched.as_ref().ok()?.events.iter().rfind(|event| (33_000..34_000).contains(&event.id))
    }

    /// The newest event that tells of trouble with the service bus.
    pub(super) fn bus_trouble(&self) -> Option<u32> {
        let events = &self.watched.as_ref().ok()?.events;
        events.iter().rfind(|event| cause::BUS.contains(&event.id)).map(|event| event.id).or(self.causes.bus)
    }

    fn ids(&self, part: usize) -> String {
        let ids: Vec<_> = events_of(self.call.by).iter().filter_map(|ids| ids.get(part)).map(u32::to_string).collect();
        ids.join(" or ")
    }
}

fn hop(name: HopName, verdict: Verdict, says: impl Into<String>) -> Hop {
    let says = crate::base::text::short(&says.into(), 300);
    Hop { name, verdict, at: None, clock: None, offset_ms: None, took_ms: None, says }
}

fn not_so_far(name: HopName) -> Hop {
    hop(name, Verdict::NotApplicable, "it did not come so far")
}

impl Hop {
    fn at(self, at: Option<Timestamp>, clock: ClockOf) -> Self {
        Self { at, clock: at.map(|_| clock), ..self }
    }
}

fn told(event: &Event) -> String {
    meaning(event.id).map_or_else(|| event.id.to_string(), |meaning| format!("{} {}: {}", event.id, meaning.name, meaning.words))
}

fn waited(watched: &Watched) -> String {
    let waited = watched.until.duration_since(watched.time).unsigned_abs();
    crate::engine::matcher::span(std::time::Duration::from_secs(waited.as_secs()))
}

/// `pwdLastSet` as a time; `None` for 0.
pub(super) fn filetime(text: &str) -> Option<Timestamp> {
    const TO_1970: i64 = 116_444_736_000_000_000;
    let count: i64 = text.parse().ok().filter(|count| *count > TO_1970)?;
    Timestamp::from_nanosecond(i128::from(count - TO_1970) * 100).ok()
}

pub(super) fn shown(set: &str) -> String {
    filetime(set).map_or_else(|| set.to_owned(), |at| format!("{at:.0}"))
}
