//! Entra Connect on APP1: its service, what is switched on in it, what holds its cycles up, and its event log. Not what a cycle brings, nor what a
//! script says of all this.

mod names;

pub(in crate::practice) use names::event_name;

use super::{APP1, World, later, wizard::Wizard};
use crate::practice::chance;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// The version that an installer of today brings (`facts/domain.md` 6, item 13).
const VERSION: &str = "2.6.84.0";
/// The oldest events go when there are more: a log that is full overwrites.
pub(in crate::practice) const MOST_EVENTS: usize = 2_000;
/// How often a listening machine says so (MIR concept-sspr-writeback.md).
pub(in crate::practice) const HEARTBEAT: SignedDuration = SignedDuration::from_mins(5);
/// How long a cycle that somebody starts takes here.
pub(in crate::practice) const CYCLE_TAKES: SignedDuration = SignedDuration::from_secs(5);
/// Events that are closer than this were written one after the other.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);
/// The relay that the tenant was given; events name it.
const NAMESPACE: &str = "ssprdedicatedsbprodfra-1";
/// The memory of APP1: more than the 6 GB that Entra Connect asks for.
const MEMORY: u64 = 8 << 30;

/// Entra Connect and the machine that it runs on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::practice) struct Connect {
    /// Whether its service, `ADSync`, runs when the machine does.
    pub(in crate::practice) running: bool,
    /// `None` while it is not installed.
    pub(in crate::practice) version: Option<String>,
    /// Whether this server only rehearses: it imports, and writes nothing.
    pub(in crate::practice) staging: bool,
    /// Password hash synchronisation.
    pub(in crate::practice) hash_sync: bool,
    /// Password writeback.
    pub(in crate::practice) writeback: bool,
    /// What else is ticked among the optional features.
    pub(in crate::practice) features: BTreeSet<Feature>,
    /// Whether the relay in the cloud can be reached.
    pub(in crate::practice) bus: bool,
    /// The seconds by which APP1's clock is ahead of world time.
    pub(in crate::practice) clock: i64,
    /// When the cycle that runs now ends; `None` when none runs.
    pub(in crate::practice) cycle_until: Option<Timestamp>,
    /// The open wizard: it suspends the scheduler.
    pub(in crate::practice) wizard: Option<Wizard>,
    /// The event log, oldest first, at most [`MOST_EVENTS`].
    pub(in crate::practice) events: VecDeque<LogEvent>,
    /// The memory of APP1 in bytes.
    pub(in crate::practice) memory: u64,
    /// Whether the AD tools of RSAT are installed on APP1.
    pub(in crate::practice) rsat: bool,
    /// Whether TLS 1.2 is switched on for Windows and .NET on APP1.
    pub(in crate::practice) tls: bool,
    /// The number of the newest event.
    record: u64,
    /// When the last heartbeat was written; `None` while nobody listens.
    beat: Option<Timestamp>,
    /// Since when nothing holds cycles up; `None` while something does.
    free: Option<Timestamp>,
}

impl Default for Connect {
    /// APP1 as the base configuration leaves it: nothing installed.
    fn default() -> Self {
        Self {
            running: false,
            version: None,
            staging: false,
            hash_sync: false,
            writeback: false,
            features: BTreeSet::new(),
            bus: true,
            clock: 0,
            cycle_until: None,
            wizard: None,
            events: VecDeque::new(),
            memory: MEMORY,
            rsat: false,
            tls: true,
            record: 0,
            beat: None,
            free: Some(Timestamp::MIN),
        }
    }
}

/// An optional feature of the wizard, apart from hash synchronisation and writeback (`facts/domain.md` 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::practice) enum Feature {
    /// Exchange hybrid deployment.
    ExchangeHybrid,
    /// Exchange mail public folders.
    ExchangePublicFolders,
    /// Microsoft Entra app and attribute filtering.
    AttributeFiltering,
    /// Group writeback.
    GroupWriteback,
    /// Device writeback.
    DeviceWriteback,
    /// Directory extension attribute sync.
    DirectoryExtensions,
}

impl Feature {
    /// All of them, in the wizard's order.
    pub(in crate::practice) const ALL: [Self; 6] = [
        Self::ExchangeHybrid,
        Self::ExchangePublicFolders,
        Self::AttributeFiltering,
        Self::GroupWriteback,
        Self::DeviceWriteback,
        Self::DirectoryExtensions,
    ];

    /// As the wizard labels it.
    pub(in crate::practice) fn label(self) -> &'static str {
        match self {
            Self::ExchangeHybrid => "Exchange hybrid deployment",
            Self::ExchangePublicFolders => "Exchange mail public folders",
            Self::AttributeFiltering => "Microsoft Entra app and attribute filtering",
            Self::GroupWriteback => "Group writeback",
            Self::DeviceWriteback => "Device writeback",
            Self::DirectoryExtensions => "Directory extension attribute sync",
        }
    }

    /// The property of `onPremisesDirectorySynchronizationFeature` that follows it in the tenant; `None` when Graph has none.
    fn property(self) -> Option<&'static str> {
        match self {
            Self::GroupWriteback => Some("groupWriteBackEnabled"),
            Self::DeviceWriteback => Some("deviceWritebackEnabled"),
            Self::DirectoryExtensions => Some("directoryExtensionsEnabled"),
            Self::ExchangeHybrid | Self::ExchangePublicFolders | Self::AttributeFiltering => None,
        }
    }
}

/// Who wrote an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) enum Provider {
    /// Password writeback.
    PasswordResetService,
    /// The synchronisation itself.
    ADSync,
}

impl Provider {
    /// Both, in the order in which the script asks for them.
    pub(in crate::practice) const ALL: [Self; 2] = [Self::PasswordResetService, Self::ADSync];

    /// Its name in the log.
    pub(in crate::practice) fn name(self) -> &'static str {
        match self {
            Self::PasswordResetService => "PasswordResetService",
            Self::ADSync => "ADSync",
        }
    }
}

/// One event of APP1's Application log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct LogEvent {
    /// Its number in the log.
    pub(in crate::practice) record: u64,
    /// Who wrote it.
    pub(in crate::practice) provider: Provider,
    /// What happened.
    pub(in crate::practice) id: u32,
    /// 2 error, 3 warning, 4 information.
    pub(in crate::practice) level: u32,
    /// When, by APP1's own clock.
    pub(in crate::practice) at: Timestamp,
    /// Its words.
    pub(in crate::practice) text: String,
}

/// What holds a cycle up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::practice) enum Holdup {
    /// Nothing is installed.
    #[error("Entra Connect is not installed; `start-sync` installs it")]
    NotInstalled,
    /// The machine is off.
    #[error("`APP1` does not run; `start-machine` starts it")]
    MachineOff,
    /// The service does not run.
    #[error("the service of Entra Connect does not run; `start-service` starts it")]
    ServiceStopped,
    /// The wizard is open.
    #[error("the wizard of Entra Connect is open, which suspends its scheduler")]
    Suspended,
    /// The server is in staging mode.
    #[error("the server is in staging mode, and exports nothing; `unstage` ends that")]
    Staging,
    /// A cycle runs.
    #[error("a cycle runs already")]
    Running,
}

impl Connect {
    /// What the express installer leaves: hash synchronisation on, writeback off (MIR how-to-connect-install-express.md).
    pub(in crate::practice) fn express() -> Self {
        Self { running: true, version: Some(VERSION.to_owned()), hash_sync: true, rsat: true, ..Self::default() }
    }

    /// Whether it is installed.
    pub(in crate::practice) fn is_installed(&self) -> bool {
        self.version.is_some()
    }

    /// Whether an open wizard suspends the scheduler.
    pub(in crate::practice) fn is_suspended(&self) -> bool {
        self.wizard.is_some()
    }

    /// Whether a cycle runs.
    pub(in crate::practice) fn is_cycling(&self, now: Timestamp) -> bool {
        self.cycle_until.is_some_and(|until| now < until)
    }

    /// Since when nothing holds cycles up; `None` when something does.
    pub(in crate::practice) fn free_since(&self) -> Option<Timestamp> {
        self.free
    }

    /// APP1's own clock.
    pub(in crate::practice) fn own_clock(&self, now: Timestamp) -> Timestamp {
        later(now, SignedDuration::from_secs(self.clock))
    }

    /// Writes an event at world time `now`; the log keeps it by APP1's own clock. Its level is that of its number: an error when nobody lists it.
    pub(in crate::practice) fn log(&mut self, provider: Provider, id: u32, text: impl Into<String>, now: Timestamp) {
        self.record += 1;
        let level = event_name(id).map_or(2, |event| event.level);
        let at = self.own_clock(now);
        // No two events of a moment: their order is what tells which state is the last.
        let just_before = self.events.back().map(|last| last.at).filter(|last| at.duration_since(*last).abs() < TOGETHER);
        let at = just_before.map_or(at, |last| at.max(later(last, SignedDuration::from_millis(1))));
        let event = LogEvent { record: self.record, provider, id, level, at, text: text.into() };
        self.events.push_back(event);
        while self.events.len() > MOST_EVENTS {
            self.events.pop_front();
        }
    }

    /// Writes an event of password writeback in its usual words: a tracking id, the event's name, and `details`.
    pub(in crate::practice) fn log_writeback(&mut self, id: u32, details: &str, now: Timestamp) {
        let tracking = chance::guid_of(&format!("tracking {} {now}", self.record));
        let name = event_name(id).map_or("UnknownError", |event| event.name);
        let details = if details.is_empty() { String::new() } else { format!(", Details: {details}") };
        self.log(Provider::PasswordResetService, id, format!("TrackingId: {tracking}, {name}{details}"), now);
    }

    fn heartbeat(&mut self, at: Timestamp) {
        self.log_writeback(31019, &format!("Namespace: {NAMESPACE}, listening"), at);
        self.beat = Some(at);
    }

    /// Writes the heartbeats that were due by `now`, as if somebody had looked all the time. No more than the log holds.
    fn beat_until(&mut self, now: Timestamp) {
        let Some(last) = self.beat else { return };
        let due = now.duration_since(last).as_secs() / HEARTBEAT.as_secs();
        let most = i64::try_from(MOST_EVENTS).unwrap_or(i64::MAX);
        let nth = |n: i64| later(last, SignedDuration::from_secs(HEARTBEAT.as_secs().saturating_mul(n)));
        for n in due.saturating_sub(most).max(0) + 1..=due {
            self.heartbeat(nth(n));
        }
    }
}

impl World {
    /// Whether a password that is reset in the cloud reaches APP1: the machine and the service run, the relay can be reached, writeback is on, and
    /// the server is not staging.
    pub(in crate::practice) fn is_listening(&self, now: Timestamp) -> bool {
        let Connect { running, bus, writeback, staging, .. } = self.connect;
        running && bus && writeback && !staging && self.azure.runs(APP1, now)
    }

    /// Brings the log up to `now`: heartbeats while APP1 listens, one at once when it begins to. Notes as well when cycles are held up no more. To be
    /// called before and after whatever changes that, as `Live` does around every change.
    pub(in crate::practice) fn attend(&mut self, now: Timestamp) {
        match (self.is_held_up(now), self.connect.free) {
            (true, _) => self.connect.free = None,
            (false, None) => self.connect.free = Some(now),
            (false, Some(_)) => {}
        }
        match (self.is_listening(now), self.connect.beat) {
            (true, None) => self.connect.heartbeat(now),
            (true, Some(_)) => self.connect.beat_until(now),
            (false, Some(_)) => self.connect.beat = None,
            (false, None) => {}
        }
    }

    fn is_held_up(&self, now: Timestamp) -> bool {
        self.holdup(now).is_some_and(|why| why != Holdup::Running)
    }

    /// Whether [`World::attend`] has something to do at `now`.
    pub(in crate::practice) fn is_attention_due(&self, now: Timestamp) -> bool {
        if self.is_held_up(now) == self.connect.free.is_some() {
            return true;
        }
        match (self.is_listening(now), self.connect.beat) {
            (true, Some(last)) => now.duration_since(last) >= HEARTBEAT,
            (listens, beat) => listens != beat.is_some(),
        }
    }

    /// What holds a cycle up right now, the first that does.
    pub(in crate::practice) fn holdup(&self, now: Timestamp) -> Option<Holdup> {
        let connect = &self.connect;
        [
            (!connect.is_installed(), Holdup::NotInstalled),
            (!self.azure.runs(APP1, now), Holdup::MachineOff),
            (!connect.running, Holdup::ServiceStopped),
            (connect.is_suspended(), Holdup::Suspended),
            (connect.staging, Holdup::Staging),
            (connect.is_cycling(now), Holdup::Running),
        ]
        .into_iter()
        .find_map(|(holds, why)| holds.then_some(why))
    }

    /// Switches password writeback, with the events of it; nothing when it is so already.
    pub(in crate::practice) fn set_writeback(&mut self, on: bool, now: Timestamp) {
        if self.connect.writeback == on {
            return;
        }
        self.attend(now);
        self.connect.writeback = on;
        // 31004 start, 31018 key pair, 31005 success, 31015 service started; 31012, 31013, 31016 the other way round.
        let events: &[u32] = if on { &[31004, 31018, 31005, 31015] } else { &[31012, 31013, 31016] };
        for id in events {
            self.connect.log_writeback(*id, "", now);
        }
        self.tell_of_bus(now);
        self.attend(now);
    }

    /// Whoever would listen and cannot reach the relay says so.
    fn tell_of_bus(&mut self, now: Timestamp) {
        let Connect { running, bus, writeback, staging, .. } = self.connect;
        if running && writeback && !staging && !bus && self.azure.runs(APP1, now) {
            self.connect.log_writeback(31034, &format!("Namespace: {NAMESPACE}, the listener cannot connect"), now);
        }
    }

    /// Switches password hash synchronisation, which the tenant shows.
    pub(in crate::practice) fn set_hash_sync(&mut self, on: bool, _now: Timestamp) {
        self.connect.hash_sync = on;
        self.show_feature("passwordSyncEnabled", (!on).then_some(false));
    }

    /// Ticks or unticks another optional feature, which the tenant shows where Graph has a property for it.
    pub(in crate::practice) fn set_feature(&mut self, feature: Feature, on: bool) {
        if on {
            self.connect.features.insert(feature);
        } else {
            self.connect.features.remove(&feature);
        }
        if let Some(property) = feature.property() {
            self.show_feature(property, on.then_some(true));
        }
    }

    /// What the tenant shows of a feature; `None` is as after the express installation.
    fn show_feature(&mut self, property: &str, shown: Option<bool>) {
        let features = &mut self.directory.sync_features;
        match shown {
            Some(shown) => drop(features.insert(property.to_owned(), shown.into())),
            None => drop(features.remove(property)),
        }
    }

    /// Lets the relay be reached, or not.
    pub(in crate::practice) fn set_bus(&mut self, reachable: bool, now: Timestamp) {
        if self.connect.bus == reachable {
            return;
        }
        self.attend(now);
        self.connect.bus = reachable;
        self.tell_of_bus(now);
        self.attend(now);
    }

    /// Puts the server into staging mode or out of it.
    pub(in crate::practice) fn set_staging(&mut self, on: bool, now: Timestamp) {
        self.attend(now);
        self.connect.staging = on;
        self.attend(now);
    }

    /// Starts or stops the service; a cycle that runs is given up.
    pub(in crate::practice) fn set_service(&mut self, running: bool, now: Timestamp) {
        if self.connect.running == running {
            return;
        }
        self.attend(now);
        self.connect.running = running;
        if !running {
            self.connect.cycle_until = None;
        }
        if self.connect.writeback {
            self.connect.log_writeback(if running { 31015 } else { 31016 }, "", now);
        }
        self.tell_of_bus(now);
        self.attend(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::practice::world::{Power, Preset};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn listening() -> World {
        let mut world = World::new(Preset::PhaseOne, String::new(), at(0));
        world.set_writeback(true, at(0));
        world
    }

    fn ids(world: &World) -> Vec<u32> {
        world.connect.events.iter().map(|event| event.id).collect()
    }

    fn beats(world: &World) -> Vec<i64> {
        world.connect.events.iter().filter(|event| event.id == 31019).map(|event| event.at.as_second()).collect()
    }

    #[test]
    fn writeback_is_switched_with_the_events_of_it_and_nothing_is_written_twice() {
        let mut world = listening();
        world.set_writeback(true, at(1));
        assert_eq!(ids(&world), [31004, 31018, 31005, 31015, 31019]);
        world.set_writeback(false, at(2));
        assert_eq!(ids(&world)[5..], [31012, 31013, 31016]);
        let records: Vec<u64> = world.connect.events.iter().map(|event| event.record).collect();
        assert_eq!(records, (1..=8).collect::<Vec<_>>());
        assert!(world.connect.events.iter().zip(world.connect.events.iter().skip(1)).all(|(one, next)| one.at < next.at));
        let first = &world.connect.events[0];
        assert!(first.text.starts_with("TrackingId: ") && first.text.ends_with(", OnboardingEventStart"), "{}", first.text);
        assert_eq!((first.level, first.provider), (4, Provider::PasswordResetService));
    }

    #[test]
    fn heartbeats_are_there_as_if_somebody_had_looked_all_the_time() {
        let mut world = listening();
        assert!(!world.is_attention_due(at(299)) && world.is_attention_due(at(300)));
        world.attend(at(1_000));
        assert_eq!(beats(&world), [0, 300, 600, 900]);
        world.attend(at(1_100));
        assert_eq!(beats(&world).len(), 4);
    }

    #[test]
    fn only_a_machine_that_can_hear_has_heartbeats() {
        type Change = fn(&mut World, bool, Timestamp);
        let changes: [(Change, &[u32]); 4] = [
            (|world, off, now| world.set_service(!off, now), &[31016, 31015]),
            (|world, off, now| world.set_bus(!off, now), &[31034]),
            (|world, off, now| world.set_staging(off, now), &[]),
            (
                |world, off, now| {
                    let app1 = world.azure.machine_mut(APP1).unwrap();
                    if off { app1.stop(Power::Stopped, now) } else { app1.start(now, SignedDuration::ZERO) }
                },
                &[],
            ),
        ];
        for (change, told) in changes {
            let mut world = listening();
            world.attend(at(600));
            let before = ids(&world).len();
            change(&mut world, true, at(600));
            world.attend(at(600));
            assert!(!world.is_listening(at(600)));
            world.attend(at(5_000));
            assert_eq!(beats(&world), [0, 300, 600]);
            change(&mut world, false, at(5_000));
            world.attend(at(5_000));
            let since: Vec<u32> = ids(&world).into_iter().skip(before).filter(|id| *id != 31019).collect();
            assert_eq!((since.as_slice(), beats(&world).len()), (told, 4));
        }
    }

    #[test]
    fn the_log_is_by_the_machines_own_clock_and_holds_so_many_events() {
        let mut world = listening();
        world.connect.clock = 720;
        world.connect.log(Provider::ADSync, 6329, "refused", at(10));
        let last = world.connect.events.back().unwrap();
        assert_eq!((last.at, last.level, last.id), (at(730), 2, 6329));
        world.attend(at(10_000_000));
        assert_eq!(world.connect.events.len(), MOST_EVENTS);
        assert_eq!(world.connect.own_clock(at(10_000_000)).duration_since(world.connect.events.back().unwrap().at).as_mins(), 1);
    }

    #[test]
    fn a_world_of_an_older_version_has_entra_connect_where_it_is_synchronised() {
        for (preset, version) in [(Preset::Start, None), (Preset::PhaseOne, Some(VERSION)), (Preset::Done, Some(VERSION))] {
            let mut stored = serde_json::to_value(World::new(preset, String::new(), at(0))).unwrap();
            stored.as_object_mut().unwrap().remove("connect");
            for user in stored["directory"]["users"].as_array_mut().unwrap() {
                user["on_premises"].as_object_mut().map(|there| there.remove("password_set"));
            }
            let mut old: World = serde_json::from_value(stored).unwrap();
            old.make_connect();
            assert_eq!((old.connect.version.as_deref(), old.connect.hash_sync), (version, version.is_some()));
            assert_eq!(old.connect, World::new(preset, String::new(), at(0)).connect);
        }
    }

    #[test]
    fn what_is_ticked_besides_is_kept_apart() {
        let mut world = listening();
        for feature in Feature::ALL {
            world.set_feature(feature, true);
        }
        world.set_feature(Feature::GroupWriteback, false);
        assert_eq!((world.connect.features.len(), world.connect.writeback, world.connect.hash_sync), (5, true, true));
        let shown = |world: &World| serde_json::to_value(&world.directory.sync_features).unwrap();
        assert_eq!(shown(&world), serde_json::json!({"deviceWritebackEnabled": true, "directoryExtensionsEnabled": true}));
        for feature in Feature::ALL {
            world.set_feature(feature, false);
        }
        world.set_hash_sync(false, at(1));
        assert_eq!(shown(&world), serde_json::json!({"passwordSyncEnabled": false}));
        world.set_hash_sync(true, at(2));
        assert_eq!(shown(&world), serde_json::json!({}), "as it was");
    }
}
