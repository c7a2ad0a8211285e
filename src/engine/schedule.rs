//! When to look again: a plain table of due times, driven from outside. No task, no socket, no clock of its own.

use super::probe::{Cost, Request};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// The first interval after something changed.
const FIRST: Duration = Duration::from_secs(5);
/// The longest interval of what is in view; reports always have it.
const LONGEST: Duration = Duration::from_mins(1);
/// The interval of scripts, in view or not.
const SCRIPTS: Duration = Duration::from_mins(10);
/// The interval of steps that are not in view: for drift.
const DRIFT: Duration = Duration::from_mins(5);

/// What is asked, by what it can take at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Microsoft Graph.
    Graph,
    /// The domain.
    Domain,
    /// Resource Manager.
    Azure,
    /// The lab's journal.
    Journal,
    /// The machine on which a guide's scripts run.
    App1,
}

impl System {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; 5] = [Self::Graph, Self::Domain, Self::Azure, Self::Journal, Self::App1];

    /// Which one a request goes to.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        match request.cost() {
            Cost::Graph | Cost::Report => Self::Graph,
            Cost::Ldap => Self::Domain,
            Cost::Azure => Self::Azure,
            Cost::Journal => Self::Journal,
            Cost::Script => Self::App1,
        }
    }

    /// Looks in flight at once: Graph's identity resources allow many, a screen needs few; one LDAP connection carries one.
    #[must_use]
    pub const fn in_flight(self) -> usize {
        match self {
            Self::Graph => 4,
            Self::Domain | Self::Journal | Self::App1 => 1,
            // A lab has three machines.
            Self::Azure => 3,
        }
    }
}

/// How near a look is to what the person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// The step in view.
    View,
    /// The step before or after.
    Near,
    /// Any other.
    Far,
}

/// A faster rhythm while a change becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Between two looks.
    pub every: Duration,
    /// Until then.
    pub until: Instant,
}

#[derive(Clone, Debug)]
struct Entry {
    nearness: Nearness,
    interval: Duration,
    due: Instant,
    /// Since when a look is under way.
    in_flight: Option<Instant>,
    looked: bool,
    settling: Option<Settling>,
}

/// The table.
#[derive(Debug)]
pub struct Schedule {
    entries: BTreeMap<Request, Entry>,
    /// Spreads looks by up to a tenth; a function so that tests can leave it out.
    jitter: fn(Duration) -> Duration,
}

impl Schedule {
    /// An empty table. `jitter` gives what is added to an interval.
    #[must_use]
    pub fn new(jitter: fn(Duration) -> Duration) -> Self {
        Self { entries: BTreeMap::new(), jitter }
    }

    /// Makes the table hold exactly `wanted`; what is new is due now, what came nearer is due by its new rhythm.
    pub fn want(&mut self, wanted: &BTreeMap<Request, Nearness>, now: Instant) {
        self.entries.retain(|request, entry| entry.in_flight.is_some() || wanted.contains_key(request));
        for (request, nearness) in wanted {
            if let Some(entry) = self.entries.get_mut(request) {
                entry.move_to(*nearness, request.cost(), now);
                continue;
            }
            let interval = first(request.cost());
            let entry = Entry { nearness: *nearness, interval, due: now, in_flight: None, looked: false, settling: None };
            self.entries.insert(request.clone(), entry);
        }
    }

    /// What to look at now: nearest first, then longest due; never more at once than a system takes ([`System::in_flight`]). They count as in
    /// flight.
    pub fn take_due(&mut self, now: Instant) -> Vec<Request> {
        let mut due: Vec<_> = self.entries.iter().filter(|(_, entry)| entry.in_flight.is_none() && entry.due <= now).collect();
        due.sort_by_key(|(_, entry)| (entry.nearness, entry.due));
        let mut taken: Vec<Request> = Vec::new();
        for (request, _) in due {
            let system = System::of(request);
            let begun = taken.iter().filter(|other| System::of(other) == system).count();
            if self.flying(system) + begun < system.in_flight() {
                taken.push(request.clone());
            }
        }
        for request in &taken {
            if let Some(entry) = self.entries.get_mut(request) {
                entry.in_flight = Some(now);
            }
        }
        taken
    }

    /// A look came back: after a change the rhythm begins anew, otherwise it slows by half.
    pub fn finished(&mut self, request: &Request, changed: bool, now: Instant) {
        let jitter = self.jitter;
        let Some(entry) = self.entries.get_mut(request) else { return };
        entry.in_flight = None;
        entry.settling = entry.settling.filter(|settling| now < settling.until);
        if changed || !entry.looked {
            entry.interval = first(request.cost());
        } else {
            entry.interval = (entry.interval * 3 / 2).min(LONGEST.max(first(request.cost())));
        }
        entry.looked = true;
        let pause = entry.pause(request.cost());
        entry.due = now + pause + if entry.settling.is_some() { Duration::ZERO } else { jitter(pause) };
    }

    /// Looks faster at `request` for a while.
    pub fn settle(&mut self, request: &Request, settling: Settling, now: Instant) {
        if let Some(entry) = self.entries.get_mut(request) {
            entry.settling = Some(settling);
            entry.due = entry.due.min(now + settling.every);
        }
    }

    /// Ends a settle window before its time.
    pub fn settled(&mut self, request: &Request) {
        if let Some(entry) = self.entries.get_mut(request) {
            entry.settling = None;
        }
    }

    /// Everything in view is due now.
    pub fn look_now(&mut self, now: Instant) {
        for (request, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.nearness == Nearness::View) {
            entry.due = now;
            entry.interval = first(request.cost());
        }
    }

    /// Whether a look at `request` is under way.
    #[must_use]
    pub fn in_flight(&self, request: &Request) -> bool {
        self.since(request).is_some()
    }

    /// Since when a look at `request` is under way; `None` when none is.
    #[must_use]
    pub fn since(&self, request: &Request) -> Option<Instant> {
        self.entries.get(request)?.in_flight
    }

    /// When `request` is looked at next; `None` while a look is under way or when it is not wanted.
    #[must_use]
    pub fn due(&self, request: &Request) -> Option<Instant> {
        self.entries.get(request).filter(|entry| entry.in_flight.is_none()).map(|entry| entry.due)
    }

    /// The interval that `request` has now; a look older than twice that is stale.
    #[must_use]
    pub fn interval(&self, request: &Request) -> Option<Duration> {
        self.entries.get(request).map(|entry| entry.pause(request.cost()))
    }

    /// When to wake up next; `None` sleeps until something else happens.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let open = System::ALL.map(|system| self.flying(system) < system.in_flight());
        let waiting = self.entries.iter().filter(|(request, entry)| entry.in_flight.is_none() && open[System::of(request) as usize]);
        waiting.map(|(_, entry)| entry.due).min()
    }

    /// Looks under way at a system.
    fn flying(&self, system: System) -> usize {
        self.entries.iter().filter(|(request, entry)| entry.in_flight.is_some() && System::of(request) == system).count()
    }
}

impl Entry {
    fn pause(&self, cost: Cost) -> Duration {
        if let Some(settling) = self.settling {
            return settling.every;
        }
        match self.nearness {
            Nearness::View => self.interval.max(first(cost)),
            Nearness::Near => LONGEST.max(first(cost)),
            Nearness::Far => DRIFT.max(first(cost)),
        }
    }

    fn move_to(&mut self, nearness: Nearness, cost: Cost, now: Instant) {
        if nearness < self.nearness {
            self.interval = first(cost);
            // A step that comes into view is looked at soon, but a look that just came back need not be asked again.
            self.due = self.due.min(now + first(cost));
        }
        self.nearness = nearness;
    }
}

fn first(cost: Cost) -> Duration {
    match cost {
        Cost::Graph | Cost::Ldap | Cost::Azure | Cost::Journal => FIRST,
        Cost::Report => LONGEST,
        Cost::Script => SCRIPTS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str) -> Request {
        Request::Graph { path: path.into(), query: Vec::new(), eventual: false }
    }

    fn wanted(pairs: &[(&str, Nearness)]) -> BTreeMap<Request, Nearness> {
        pairs.iter().map(|(path, nearness)| (request(path), *nearness)).collect()
    }

    fn still(_: Duration) -> Duration {
        Duration::ZERO
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_view_comes_first_and_four_fly_at_most() {
        let mut schedule = Schedule::new(still);
        let now = Instant::now();
        schedule.want(
            &wanted(&[
                ("/far", Nearness::Far),
                ("/near", Nearness::Near),
                ("/a", Nearness::View),
                ("/b", Nearness::View),
                ("/c", Nearness::View),
            ]),
            now,
        );
        let taken = schedule.take_due(now);
        assert_eq!(taken, [request("/a"), request("/b"), request("/c"), request("/near")]);
        assert_eq!(schedule.take_due(now), []);
        assert_eq!(schedule.next(), None);
        schedule.finished(&request("/a"), true, now);
        assert_eq!(schedule.take_due(now), [request("/far")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_domain_that_hangs_is_asked_one_thing_at_a_time_and_keeps_nobody_else_waiting() {
        let mut schedule = Schedule::new(still);
        let now = Instant::now();
        let ldap = |on: &str| Request::Rights { on: on.into(), trustee: "S-1-5-18".into(), wanted: Vec::new() };
        let mut all = wanted(&[("/a", Nearness::View), ("/b", Nearness::View)]);
        all.extend([(ldap("DC=a"), Nearness::View), (ldap("DC=b"), Nearness::View)]);
        schedule.want(&all, now);
        assert_eq!(schedule.take_due(now), [request("/a"), request("/b"), ldap("DC=a")]);
        assert_eq!((schedule.take_due(now), schedule.next()), (Vec::new(), None));
        schedule.finished(&request("/a"), true, now);
        assert_eq!(schedule.next(), Some(now + FIRST), "the domain still hangs, and Graph is due again");
        schedule.finished(&ldap("DC=a"), true, now);
        assert_eq!(schedule.take_due(now), [ldap("DC=b")]);
    }

    #[tokio::test(start_paused = true)]
    async fn intervals_grow_by_half_to_a_minute_and_a_change_begins_anew() {
        let mut schedule = Schedule::new(still);
        let mut now = Instant::now();
        schedule.want(&wanted(&[("/a", Nearness::View)]), now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(schedule.take_due(now).len(), 1);
            schedule.finished(&request("/a"), false, now);
            let due = schedule.due(&request("/a")).unwrap();
            pauses.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(pauses, [5_000, 7_500, 11_250, 16_875, 25_312, 37_968, 56_953, 60_000, 60_000]);
        schedule.take_due(now);
        schedule.finished(&request("/a"), true, now);
        assert_eq!(schedule.due(&request("/a")), Some(now + FIRST));
    }

    #[tokio::test(start_paused = true)]
    async fn a_settle_window_is_fast_and_ends() {
        let mut schedule = Schedule::new(still);
        let start = Instant::now();
        let second = Duration::from_secs(1);
        schedule.want(&wanted(&[("/a", Nearness::View)]), start);
        schedule.take_due(start);
        schedule.finished(&request("/a"), false, start);
        schedule.settle(&request("/a"), Settling { every: second, until: start + 3 * second }, start);
        let mut now = start;
        let mut looks = 0;
        while now < start + 3 * second {
            now = schedule.due(&request("/a")).unwrap();
            assert_eq!(schedule.take_due(now).len(), 1);
            schedule.finished(&request("/a"), false, now);
            looks += 1;
        }
        assert_eq!(looks, 3);
        assert!(schedule.due(&request("/a")).unwrap() >= now + FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn scripts_run_one_at_a_time_every_ten_minutes_at_settle_and_when_a_person_asks() {
        let mut schedule = Schedule::new(still);
        let mut now = Instant::now();
        let script = |run: &str| Request::Script { run: run.into(), within: None };
        let mut all = wanted(&[("/a", Nearness::View)]);
        all.extend([(script("far"), Nearness::Far), (script("a"), Nearness::View), (script("b"), Nearness::View)]);
        schedule.want(&all, now);
        assert_eq!(schedule.take_due(now), [request("/a"), script("a")], "Graph does not wait for a script");
        assert_eq!((schedule.take_due(now), schedule.since(&script("a"))), (Vec::new(), Some(now)));
        let asked = now;
        now += Duration::from_secs(20);
        assert_eq!(schedule.since(&script("a")), Some(asked));
        schedule.finished(&script("a"), true, now);
        assert_eq!(schedule.take_due(now), [script("b")], "what is in view goes before what is not");
        schedule.finished(&script("b"), false, now);
        assert_eq!(schedule.take_due(now), [script("far")]);
        schedule.finished(&script("far"), false, now);
        schedule.finished(&request("/a"), false, now);
        assert_eq!(schedule.due(&script("a")), Some(now + SCRIPTS));
        for _ in 0..9 {
            now = schedule.due(&script("a")).unwrap();
            assert!(schedule.take_due(now).contains(&script("a")));
            schedule.finished(&script("a"), false, now);
            assert_eq!(schedule.due(&script("a")), Some(now + SCRIPTS), "neither faster nor slower");
            for other in [script("b"), script("far"), request("/a")] {
                while schedule.take_due(now).contains(&other) {}
                schedule.finished(&other, false, now);
            }
        }
        schedule.look_now(now);
        assert_eq!(schedule.due(&script("a")), Some(now), "the key to look again asks anew");
        assert!(schedule.due(&script("far")).unwrap() > now, "what nobody sees waits");
        let every = Duration::from_secs(30);
        schedule.settle(&script("a"), Settling { every, until: now + Duration::from_mins(10) }, now);
        assert!(schedule.take_due(now).contains(&script("a")));
        schedule.finished(&script("a"), false, now);
        assert_eq!(schedule.due(&script("a")), Some(now + every));
    }

    #[tokio::test(start_paused = true)]
    async fn equal_requests_of_two_steps_are_one_entry_and_reports_are_slow() {
        let mut schedule = Schedule::new(still);
        let now = Instant::now();
        schedule.want(&wanted(&[("/v1.0/reports/x", Nearness::View)]), now);
        schedule.take_due(now);
        schedule.finished(&request("/v1.0/reports/x"), true, now);
        assert_eq!(schedule.due(&request("/v1.0/reports/x")), Some(now + LONGEST));
        schedule.look_now(now);
        assert_eq!(schedule.take_due(now), [request("/v1.0/reports/x")]);
        schedule.want(&BTreeMap::new(), now);
        assert!(schedule.in_flight(&request("/v1.0/reports/x")), "a look under way is not forgotten");
    }
}
