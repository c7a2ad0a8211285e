//! The wall clock as a value that is passed in, so that tests can move it. Not for intervals: those are tokio's.

pub use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;

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
        let mut now = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ManualClock, SignedDuration, SystemClock, Timestamp};

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
    fn the_system_clock_is_the_machines() {
        let before = Timestamp::now();
        let now = SystemClock.now();
        assert!(before <= now && now <= Timestamp::now());
    }
}
