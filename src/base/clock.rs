//! The wall clock as a value that is passed in, so that tests can move it. Not for intervals: those are tokio's.

pub use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};

/// Where "now" comes from.
pub trait Clock: Send + Sync {
    /// This machine's time.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// Stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves it forward (or back, by a negative duration).
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine's own clock, as far ahead as time was let pass in a practice lab: nobody has to wait for what takes half an hour.
#[derive(Debug, Default)]
pub struct AheadClock(Mutex<SignedDuration>);

impl AheadClock {
    /// Moves it forward.
    pub fn advance(&self, by: SignedDuration) {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = ahead.saturating_add(by);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        let (wall, ahead) = (Timestamp::now(), *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        wall.saturating_add(ahead).unwrap_or(wall)
    }
}

#[cfg(test)]
mod tests {
    use super::{AheadClock, Clock, ManualClock, SignedDuration, SystemClock, Timestamp};

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        assert_eq!((clock.now(), clock.now()), (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH));
        clock.advance(SignedDuration::from_mins(30));
        assert_eq!(clock.now().as_second(), 1800);
        clock.advance(SignedDuration::from_secs(-1801));
        assert_eq!(clock.now().as_second(), -1);
    }

    #[test]
    fn a_clock_that_is_ahead_goes_on_from_there() {
        let clock = AheadClock::default();
        clock.advance(SignedDuration::from_hours(4));
        let before = Timestamp::now();
        assert!(clock.now().duration_since(before) >= SignedDuration::from_hours(4));
        assert!(clock.now().duration_since(Timestamp::now()) <= SignedDuration::from_hours(4));
    }

    #[test]
    fn the_system_clock_is_the_machines() {
        let before = Timestamp::now();
        let now = SystemClock.now();
        assert!(before <= now && now <= Timestamp::now());
    }
}
