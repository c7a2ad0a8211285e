//! How many requests a subscription takes: a bucket for reads and one for writes, refilled each second (`facts/wire.md` 26).

use jiff::{SignedDuration, Timestamp};

/// The two buckets, in memory only.
pub(in crate::practice) struct Throttle {
    reads: Bucket,
    writes: Bucket,
}

struct Bucket {
    most: i64,
    each_second: i64,
    left: i64,
    filled: Timestamp,
}

impl Default for Throttle {
    fn default() -> Self {
        let bucket = |most, each_second| Bucket { most, each_second, left: most, filled: Timestamp::MIN };
        Self { reads: bucket(250, 25), writes: bucket(200, 10) }
    }
}

impl Throttle {
    /// Takes one request out of its bucket, and says how many are left in it; `None` when it was empty.
    pub(in crate::practice) fn take(&mut self, reads: bool, now: Timestamp) -> Option<i64> {
        let bucket = if reads { &mut self.reads } else { &mut self.writes };
        bucket.fill(now);
        let left = bucket.left.checked_sub(1).filter(|left| *left >= 0)?;
        bucket.left = left;
        Some(left)
    }

    /// Seconds until there is something in the bucket again.
    pub(in crate::practice) fn wait(&self, reads: bool) -> u64 {
        let bucket = if reads { &self.reads } else { &self.writes };
        // Whole seconds are what the header holds.
        u64::from(bucket.left <= 0)
    }
}

impl Bucket {
    fn fill(&mut self, now: Timestamp) {
        let seconds = now.duration_since(self.filled).as_secs().max(0);
        if seconds > 0 {
            self.left = self.left.saturating_add(seconds.saturating_mul(self.each_second)).min(self.most);
            self.filled = self.filled.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_each_second() {
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let mut throttle = Throttle::default();
        let taken = |throttle: &mut Throttle, reads, now| std::iter::from_fn(|| throttle.take(reads, now)).count();
        assert_eq!((taken(&mut throttle, true, at(0)), taken(&mut throttle, false, at(0))), (250, 200));
        assert_eq!((throttle.take(true, at(0)), throttle.wait(true)), (None, 1));
        assert_eq!((taken(&mut throttle, true, at(1)), taken(&mut throttle, false, at(1))), (25, 10));
        assert_eq!(taken(&mut throttle, true, at(3600)), 250);
    }
}
