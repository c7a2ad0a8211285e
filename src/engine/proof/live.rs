//! A trip under way, for screens: which hops are known by now, and what is waited for. Nothing of it is kept.

use super::{Hop, HopName};
use crate::engine::probe::TripCall;
use jiff::Timestamp;

/// A trip under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Travelling {
    /// Whose password, and by whose hand.
    pub call: TripCall,
    /// When it began, by this machine's clock.
    pub began: Timestamp,
    /// What is known by now.
    pub hops: Vec<Hop>,
    /// What is being done, as a sentence.
    pub doing: String,
    /// Which hop is waited for; `None` before it has begun and while causes are looked for.
    pub waiting: Option<HopName>,
    /// Since when, by this machine's clock.
    pub since: Timestamp,
    /// When waiting ends in any case.
    pub until: Option<Timestamp>,
}
