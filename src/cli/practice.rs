//! `guidepost practice`: run and steer the built-in lab.

use super::Globals;
use crate::base::{Exit, Problem};

/// Run and steer the practice lab.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// A [`Problem`] that says what the lab answered.
pub fn run(_args: Args, _globals: &Globals) -> Result<Exit, Problem> {
    Err(Problem::usage("not built yet"))
}
