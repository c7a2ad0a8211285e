//! The words that every face says alike: acts, ages, connection, verdicts. Not for the words of a guide: those are the pack's.

use super::{Act, CheckPane, Connection, LabLine, Page, RailStep};
use crate::engine::check::Verdict;
use crate::engine::matcher::span;
use std::time::Duration;

impl Act {
    /// All of them, in the order of the hint line.
    pub const ALL: [Self; 8] =
        [Self::Apply, Self::Undo, Self::CheckAgain, Self::Attest, Self::Next, Self::Back, Self::SignIn, Self::Wizard];

    /// The verb that stands on a key and is typed as a command.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::CheckAgain => "check again",
            Self::Attest => "attest",
            Self::Next => "next",
            Self::Back => "back",
            Self::SignIn => "sign in",
            Self::Wizard => "wizard",
        }
    }
}

impl Page {
    /// Why something cannot be done now; `None` when it can.
    #[must_use]
    pub fn why_not(&self, act: Act) -> Option<String> {
        match self.offers.iter().find(|offer| offer.act == act) {
            Some(offer) => offer.why_not.clone(),
            None => Some(format!("{} has no meaning in this step", act.word())),
        }
    }

    /// The id of the step `by` places away from the one in view; `None` at the ends.
    #[must_use]
    pub fn neighbour(&self, by: isize) -> Option<&str> {
        let steps: Vec<&RailStep> = self.steps().collect();
        let here = steps.iter().position(|step| step.id == self.step.id)?;
        let there = here.checked_add_signed(by)?;
        steps.get(there).map(|step| step.id.as_str())
    }

    /// All steps in walking order.
    pub fn steps(&self) -> impl Iterator<Item = &RailStep> {
        self.rail.iter().flat_map(|phase| &phase.steps)
    }
}

/// Seconds from which a look is long: a script on a machine in Azure takes 20 and more, and a person wants to see that it goes on.
const LONG: u64 = 3;
/// Seconds from which it is not counted any more: a script may take 180, and as long again where another one was before it.
const ENDLESS: u64 = 600;

impl CheckPane {
    /// When the check is looked at next, `elapsed` after the page was built: seconds only while a settle window runs.
    #[must_use]
    pub fn next_look_words(&self, elapsed: Duration) -> Option<String> {
        let next = self.next_look?;
        if self.counts_down() {
            let left = next.saturating_sub(elapsed);
            return Some(if left.is_zero() { "next now".to_owned() } else { format!("next in {} s", ceil_seconds(left)) });
        }
        let minutes = next.as_secs().div_ceil(60).max(1);
        Some(format!("next within {minutes} min"))
    }

    /// Whether seconds until the next look are shown.
    #[must_use]
    pub fn counts_down(&self) -> bool {
        self.verdict == Some(Verdict::Pending) && self.next_look.is_some() && self.looking.is_none()
    }

    /// What is said of looking, `elapsed` after the page was built: for how long it has been under way once that is long, else when it is next.
    #[must_use]
    pub fn look_words(&self, elapsed: Duration) -> Option<String> {
        let Some(looking) = self.looking else { return self.next_look_words(elapsed) };
        let seconds = (looking + elapsed).as_secs();
        Some(match seconds {
            0..LONG => "looking now".to_owned(),
            LONG..ENDLESS => format!("looking for {seconds} s"),
            ENDLESS.. => format!("looking for more than {} min", ENDLESS / 60),
        })
    }

    /// Until [`Self::look_words`] counts on, `elapsed` after the page was built; `None` when it does not.
    #[must_use]
    pub fn until_look_counts(&self, elapsed: Duration) -> Option<Duration> {
        let so_far = self.looking? + elapsed;
        (so_far.as_secs() < ENDLESS).then(|| Duration::from_secs((so_far.as_secs() + 1).max(LONG)).saturating_sub(so_far))
    }

    /// The verdict as a word: `unseen` before the first look, `drifted` is said beside it.
    #[must_use]
    pub fn verdict_word(&self) -> &'static str {
        verdict_word(self.verdict)
    }
}

/// The word of a verdict; `unseen` for none.
#[must_use]
pub fn verdict_word(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("unseen", Verdict::word)
}

/// An age to the minute: `just now`, `1 min ago`, `2 h ago`, `3 days ago`.
#[must_use]
pub fn age(age: Duration) -> String {
    let minutes = age.as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..2880 => "1 day ago".to_owned(),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// How long until [`age`] reads differently.
#[must_use]
pub fn until_age_changes(age: Duration) -> Duration {
    let unit = match age.as_secs() / 60 {
        0..60 => 60,
        60..1440 => 3600,
        _ => 86_400,
    };
    let next = Duration::from_secs((age.as_secs() / unit + 1) * unit);
    next.saturating_sub(age)
}

/// How long something took: `87 ms`, `1.2 s`, `3 min`.
#[must_use]
pub fn took(took: Duration) -> String {
    let ms = took.as_millis();
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}

/// What is left of something that ends soon: `14:59`.
#[must_use]
pub fn countdown(left: Duration) -> String {
    let seconds = ceil_seconds(left);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// How long until [`countdown`] reads differently; `None` once it is at its end.
#[must_use]
pub fn until_countdown_changes(left: Duration) -> Option<Duration> {
    let shown = ceil_seconds(left);
    (shown > 0).then(|| left.saturating_sub(Duration::from_secs(shown - 1)).max(Duration::from_millis(1)))
}

/// A way to sign in, as a person says it.
#[must_use]
pub fn way(way: super::Way) -> &'static str {
    match way {
        super::Way::Browser => "in the browser",
        super::Way::Paste => "by pasting",
        super::Way::Device => "by a code",
    }
}

/// Whole seconds, rounded up, so that a countdown ends at 0 and not before.
#[must_use]
pub fn ceil_seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

impl Connection {
    /// How it stands, in few words.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Connecting(_) => "connecting",
            Self::Ready => "connected",
            Self::SignedOut => "signed out",
            Self::Failed { .. } => "no connection",
        }
    }
}

impl LabLine {
    /// How far the lab's clock is off, so that nobody wonders at its times.
    #[must_use]
    pub fn clock_words(&self) -> Option<String> {
        let ahead = self.clock_ahead?;
        let way = if ahead.is_negative() { "behind" } else { "ahead" };
        Some(format!("lab's clock {} {way}", span(ahead.unsigned_abs())))
    }

    /// How many changes are not taken back; `None` for none.
    #[must_use]
    pub fn open_words(&self) -> Option<String> {
        match self.open_changes {
            0 => None,
            1 => Some("1 change open".to_owned()),
            n => Some(format!("{n} changes open")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_reads_differently_exactly_when_it_says_so() {
        for seconds in [0, 1, 59, 60, 61, 119, 3599, 3600, 7199, 86_399, 86_400, 200_000] {
            let now = Duration::from_secs(seconds);
            let until = until_age_changes(now);
            assert_ne!(age(now + until), age(now), "{seconds} s");
            assert_eq!(age((now + until).saturating_sub(Duration::from_millis(1))), age(now), "{seconds} s");
        }
    }

    #[test]
    fn a_countdown_ends_at_zero_and_changes_exactly_when_it_says_so() {
        for (ms, words) in [(899_001, "15:00"), (60_000, "1:00"), (59_999, "1:00"), (1, "0:01"), (0, "0:00")] {
            let left = Duration::from_millis(ms);
            assert_eq!(countdown(left), words);
            if let Some(after) = until_countdown_changes(left) {
                assert_ne!(countdown(left.saturating_sub(after)), words, "{ms}");
            }
        }
    }

    #[test]
    fn a_look_that_takes_long_says_for_how_long_and_changes_exactly_when_it_says_so() {
        let pane = |looking: u64| {
            let view = crate::engine::page::scenes::fail();
            CheckPane { looking: Some(Duration::from_millis(looking)), ..view.page.checks[0].clone() }
        };
        for (ms, words) in [
            (0, "looking now"),
            (2_999, "looking now"),
            (3_000, "looking for 3 s"),
            (20_500, "looking for 20 s"),
            (599_999, "looking for 599 s"),
            (600_000, "looking for more than 10 min"),
        ] {
            // Half of it before the page was built, half since.
            let (pane, elapsed) = (pane(ms - ms / 2), Duration::from_millis(ms / 2));
            assert_eq!(pane.look_words(elapsed).as_deref(), Some(words));
            let Some(until) = pane.until_look_counts(elapsed) else {
                assert_eq!(ms, 600_000, "nothing counts on for ever");
                continue;
            };
            assert_ne!(pane.look_words(elapsed + until).as_deref(), Some(words), "{ms}");
            assert_eq!(pane.look_words((elapsed + until).saturating_sub(Duration::from_millis(1))).as_deref(), Some(words), "{ms}");
        }
        assert_eq!(CheckPane { looking: None, ..pane(0) }.until_look_counts(Duration::ZERO), None);
    }

    #[test]
    fn ages_are_words_to_the_minute() {
        let words = [0, 59, 60, 3600, 86_400, 259_200].map(|s| age(Duration::from_secs(s)));
        assert_eq!(words, ["just now", "just now", "1 min ago", "1 h ago", "1 day ago", "3 days ago"]);
    }
}
