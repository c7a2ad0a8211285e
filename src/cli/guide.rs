//! `guidepost guide`: list, show, lint, schema.

use super::Globals;
use crate::base::{Exit, Problem};

/// Look at guides.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
///
/// # Errors
/// A [`Problem`] with the file, line and value.
pub fn run(_args: Args, _globals: &Globals) -> Result<Exit, Problem> {
    Err(Problem::usage("not built yet"))
}
