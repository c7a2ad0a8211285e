//! Simulated Entra Connect: its scheduler and what a cycle brings. The wizard and password writeback come here later.

use super::world::Directory;
use jiff::{SignedDuration, Timestamp};

/// The default cycle of Entra Connect (MIR how-to-connect-sync-feature-scheduler.md).
const CYCLE: SignedDuration = SignedDuration::from_mins(30);

impl Directory {
    /// Runs the cycles that were due by `now`; true if there was one.
    pub(super) fn keep_schedule(&mut self, now: Timestamp) -> bool {
        let (Some(true), Some(last), true) = (self.sync.enabled, self.sync.last, self.sync.scheduler) else { return false };
        let due = now.duration_since(last).as_secs() / CYCLE.as_secs();
        if due < 1 {
            return false;
        }
        let Ok(at) = last.checked_add(SignedDuration::from_secs(due.saturating_mul(CYCLE.as_secs()))) else { return false };
        self.cycle(at);
        true
    }

    /// One delta cycle that ends at `at`.
    pub(super) fn cycle(&mut self, at: Timestamp) {
        self.sync.last = Some(at);
        self.receive_user1(at);
    }
}

#[cfg(test)]
mod tests {
    use crate::practice::world::{Preset, World};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn cycles_come_every_half_hour_of_world_time_and_stop_with_the_scheduler() {
        let start = Timestamp::UNIX_EPOCH;
        let mut directory = World::new(Preset::PhaseOne, String::new(), start).directory;
        let first = start - SignedDuration::from_mins(10);
        assert!(!directory.keep_schedule(start + SignedDuration::from_mins(19)));
        assert!(directory.keep_schedule(start + SignedDuration::from_mins(95)));
        assert_eq!(directory.sync.last, Some(first + SignedDuration::from_mins(90)));
        directory.sync.scheduler = false;
        assert!(!directory.keep_schedule(start + SignedDuration::from_hours(5)));
    }
}
