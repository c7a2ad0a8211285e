//! The round trip of a step as its screen shows it: a clock per hop, what is waited for, and the cause where it stopped. Knows no terminal.

use super::words;
use crate::engine::{
    check::Verdict,
    known::Known,
    matcher::span,
    proof::{Hop, HopName, Trip, live::Travelling},
};
use crate::guide::{
    Step,
    step::{Change, TripBy},
};
use jiff::Timestamp;
use std::time::Duration;

/// The round trip of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TripPane {
    /// Whose hand it was and how long ago, or that there was none yet; and the slowest hop.
    pub head: String,
    /// The hops in order.
    pub hops: Vec<HopLine>,
    /// What is being done right now; `None` when no trip is under way.
    pub waiting: Option<Waiting>,
    /// The hop at which it stopped, with the cause's code.
    pub stopped: Option<String>,
}

impl TripPane {
    /// Whether a trip is under way or was made.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.waiting.is_some() || !self.hops.is_empty()
    }
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopLine {
    /// Its word.
    pub name: &'static str,
    /// How it stands; `None` while it is not known.
    pub verdict: Option<Verdict>,
    /// When, by whose clock, and how far that clock is from ours; empty without a time.
    pub clock: String,
    /// How long it took.
    pub took: String,
    /// What was seen.
    pub says: String,
    /// It is the one that is waited for.
    pub waiting: bool,
}

/// What a trip waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What is being done.
    pub doing: String,
    /// Since so long, at the moment the page was built.
    pub waited: Duration,
    /// Until the time is over, at the moment the page was built; `None` where there is no end to count to.
    pub left: Option<Duration>,
}

/// The round trip of a step; `None` for a step that makes none.
pub(super) fn pane(known: &Known<'_>, step: &Step) -> Option<TripPane> {
    let by = step.apply.iter().flat_map(|apply| &apply.ops).find_map(|op| match &op.change {
        Change::Trip(trip) => Some(trip.by),
        Change::Graph(_) | Change::Grant(_) | Change::Azure(_) | Change::Script(_) | Change::Ldap(_) => None,
    })?;
    match known.travelling.filter(|travelling| travelling.call.by == by) {
        Some(travelling) => Some(live(travelling, known.now)),
        None => Some(known.ledger.trips.get(&by).map_or_else(none, |travelled| made(&travelled.trip, known.now))),
    }
}

fn none() -> TripPane {
    TripPane { head: "none was made yet".to_owned(), hops: Vec::new(), waiting: None, stopped: None }
}

fn made(trip: &Trip, now: Timestamp) -> TripPane {
    let hand = match trip.by {
        TripBy::Administrator => "an administrator's reset",
        TripBy::Person => "the person's own hand",
    };
    let took = |hop: &Hop| hop.took_ms.map_or_else(String::new, seconds);
    let slowest = trip.hops.iter().find(|hop| Some(hop.name) == trip.slowest);
    let slowest = slowest.map_or_else(String::new, |hop| format!("; slowest: {}, {}", hop.name.word(), took(hop)));
    let head = format!("{hand}, {}{slowest}", words::age(now.duration_since(trip.at).unsigned_abs()));
    let stopped = trip.stopped_at.map(|hop| {
        let code = trip.code.map_or("no known cause", |code| code.word());
        format!("stopped at {}: {code}", hop.word())
    });
    TripPane { head, hops: trip.hops.iter().map(line).collect(), waiting: None, stopped }
}

fn live(travelling: &Travelling, now: Timestamp) -> TripPane {
    let hops = HopName::ALL.iter().map(|name| {
        let waiting = travelling.waiting == Some(*name);
        match travelling.hops.iter().find(|hop| hop.name == *name) {
            Some(hop) => HopLine { waiting, ..line(hop) },
            None => HopLine { name: name.word(), verdict: None, clock: String::new(), took: String::new(), says: String::new(), waiting },
        }
    });
    let waiting = Waiting {
        doing: travelling.doing.clone(),
        waited: now.duration_since(travelling.since).unsigned_abs(),
        left: travelling.until.map(|until| Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO)),
    };
    TripPane { head: "under way".to_owned(), hops: hops.collect(), waiting: Some(waiting), stopped: None }
}

fn line(hop: &Hop) -> HopLine {
    let clock = hop.at.zip(hop.clock).map_or_else(String::new, |(at, clock)| {
        let offset = match hop.offset_ms {
            None => ", how far off unknown".to_owned(),
            Some(offset) if offset.unsigned_abs() < 50 => ", as ours".to_owned(),
            Some(offset) => format!(", {} {}", seconds(offset.abs()), if offset > 0 { "ahead" } else { "behind" }),
        };
        format!("{} {}{offset}", at.strftime("%H:%M:%S"), clock.word())
    });
    HopLine {
        name: hop.name.word(),
        verdict: Some(hop.verdict),
        clock,
        took: hop.took_ms.map_or_else(String::new, seconds),
        says: hop.says.clone(),
        waiting: false,
    }
}

impl Waiting {
    /// The same as a sentence, so long after the page was built.
    #[must_use]
    pub fn words(&self, elapsed: Duration) -> String {
        let waited = Duration::from_secs((self.waited + elapsed).as_secs());
        let left = self.left.map_or_else(String::new, |left| {
            let left = Duration::from_secs(words::ceil_seconds(left.saturating_sub(elapsed)));
            format!(", at most {} more", whole(left))
        });
        format!("{} since {}{left}", self.doing, whole(waited))
    }
}

/// Whole seconds.
fn whole(time: Duration) -> String {
    if time.is_zero() { "0 s".to_owned() } else { span(time) }
}

/// Seconds with one digit behind the point; whole from a minute on.
fn seconds(ms: i64) -> String {
    let tenths = (ms + 50) / 100;
    if tenths < 600 { format!("{}.{} s", tenths / 10, tenths % 10) } else { span(Duration::from_secs(ms.unsigned_abs() / 1000)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_countdown_says_how_long_and_how_much_longer_and_never_below_nothing() {
        let waiting = Waiting { doing: "waiting for APP1".into(), waited: Duration::from_secs(3), left: Some(Duration::from_secs(117)) };
        assert_eq!(waiting.words(Duration::ZERO), "waiting for APP1 since 3 s, at most 1 min 57 s more");
        assert_eq!(waiting.words(Duration::from_secs(200)), "waiting for APP1 since 3 min 23 s, at most 0 s more");
    }

    #[test]
    fn times_of_hops_read_in_tenths_of_a_second() {
        assert_eq!(
            (seconds(0), seconds(2_068), seconds(131), seconds(61_000)),
            ("0.0 s".into(), "2.1 s".into(), "0.1 s".into(), "1 min 1 s".into())
        );
    }
}
