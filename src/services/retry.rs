//! When to ask again, and how long to wait before. Not for what is asked.

use crate::base::http::{Reply, parse_date};
use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How far a read may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often a page is asked for at most.
    pub tries: usize,
    /// How long a whole read may take, waits included; also the longest that a write waits for `Retry-After` in sum.
    pub deadline: Duration,
    /// The most pages of a list.
    pub pages: usize,
    /// The most items of a list.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tries: 4, deadline: Duration::from_secs(30), pages: 50, items: 20_000 }
    }
}

/// How waiting is done, so that tests need not wait.
pub trait Pause: Send + Sync {
    /// Ends after `time`.
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()>;
}

/// Waits by tokio's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioPause;

impl Pause for TokioPause {
    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Whether the same request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It may not, or it would not help.
    Never,
    /// Not before this time has passed: the server said so.
    After(Duration),
    /// After a while that grows from try to try.
    Later,
}

/// Tries until it works, may not be tried again, or would take longer than the limits allow.
///
/// Why not `backon`'s own loop? Its closures over `&E` keep the compiler from seeing that the whole may move between threads.
pub(super) async fn retrying<'a, T, E>(
    limits: Limits,
    pause: &Arc<dyn Pause>,
    again: fn(&E) -> Again,
    mut deed: impl FnMut() -> BoxFuture<'a, Result<T, E>>,
) -> Result<T, E> {
    let mut budget = Budget { started: Instant::now(), waited: Duration::ZERO, limit: limits.deadline };
    let mut waits = waits(limits.tries);
    loop {
        let error = match deed().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let growing = waits.next();
        match growing.and_then(|growing| wait(again(&error), growing)).and_then(|time| budget.take(time)) {
            Some(time) => pause.pause(time).await,
            None => return Err(error),
        }
    }
}

/// One wait less than tries, about 0.5, 1, 2, … s.
fn waits(tries: usize) -> impl Iterator<Item = Duration> + Send {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(8))
        .with_max_times(tries.saturating_sub(1))
        .with_jitter()
        .with_jitter_seed(seed())
        .build()
}

fn wait(again: Again, growing: Duration) -> Option<Duration> {
    match again {
        Again::After(asked) => Some(asked),
        Again::Later => Some(growing),
        Again::Never => None,
    }
}

/// What is left to wait.
struct Budget {
    started: Instant,
    waited: Duration,
    limit: Duration,
}

impl Budget {
    /// The wait, if it ends within the limit.
    fn take(&mut self, wait: Duration) -> Option<Duration> {
        let used = self.started.elapsed().max(self.waited);
        if used.saturating_add(wait) > self.limit {
            return None;
        }
        self.waited += wait;
        Some(wait)
    }
}

/// Without a seed of its own every process would wait alike (backon has no `std` here), which is what jitter is against.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_default()
}

/// What `Retry-After` says: seconds, with decimals in Microsoft's own sample (`2.128`), or a date (RFC 9110 10.2.3).
///
/// A date is measured against the reply's own `Date`, else against `now`.
pub(super) fn retry_after(reply: &Reply, now: Timestamp) -> Option<Duration> {
    let text = reply.header("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = parse_date(&text)?;
    let left = until.duration_since(reply.date.unwrap_or(now));
    Some(Duration::try_from(left).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::{Again, Limits, Pause, TokioPause, retry_after, retrying};
    use crate::base::http::{HeaderMap, HeaderValue, Reply, parse_date};
    use jiff::Timestamp;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_wait_that_a_server_asks_for_is_kept_with_its_decimals() {
        let asked = Duration::from_millis(2_128);
        let (pause, started): (Arc<dyn Pause>, _) = (Arc::new(TokioPause), tokio::time::Instant::now());
        let mut tries = 0;
        let done = retrying(
            Limits::default(),
            &pause,
            |asked: &Duration| Again::After(*asked),
            || {
                tries += 1;
                let answer = if tries == 1 { Err(asked) } else { Ok(()) };
                Box::pin(std::future::ready(answer))
            },
        );
        assert_eq!(done.await, Ok(()));
        // tokio's timer counts whole milliseconds, upwards.
        assert!((asked..asked + Duration::from_millis(2)).contains(&started.elapsed()), "{:?}", started.elapsed());
    }

    fn asked(value: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_str(value).unwrap());
        let reply = Reply { status: 429, headers, body: Vec::new(), date: date.and_then(parse_date), took: Duration::ZERO };
        retry_after(&reply, Timestamp::from_second(784_111_770).unwrap())
    }

    #[test]
    fn retry_after_is_read_as_seconds_decimals_and_dates() {
        assert_eq!(asked("5", None), Some(Duration::from_secs(5)));
        assert_eq!(asked("2.128", None), Some(Duration::from_millis(2128)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 08:49:07 GMT")), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", None), Some(Duration::from_secs(7)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", Some("Sun, 06 Nov 1994 09:49:37 GMT")), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_in_retry_after_is_as_if_it_were_absent() {
        for value in ["", "soon", "-1", "inf", "NaN", "1e300", "5 minutes"] {
            assert_eq!(asked(value, None), None, "{value}");
        }
    }
}
