//! `guidepost guide test`: proves each check of a guide in fresh practice labs. Touches no lab that a person uses, and none of its journals.

use super::{Format, pretty, show};
use crate::base::{Exit, Problem};
use crate::cli::{
    Globals,
    context::{DEFAULT_GUIDE, block_on, width},
    out,
};
use crate::engine::rehearse;
use crate::guide::load;
use crate::report::proofs;
use serde_json::json;
use std::sync::Arc;

/// SIGINT, as the shell counts it.
const INTERRUPT: u8 = 2;

/// Prove each check of a guide red before and green after.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A built-in guide or a pack's directory
    #[arg(value_name = "GUIDE", default_value = DEFAULT_GUIDE)]
    guide: String,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs it.
///
/// # Errors
/// There is no such guide, or the pack is wrong.
pub(super) fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let guide = Arc::new(load::named(&args.guide)?);
    if let Some(rights) = show::foreign(&guide) {
        out::tell(&format!("note: this pack is not built in; it is tried against simulated labs only\n\n{rights}"));
    }
    let proved = block_on(async {
        // The labs end when the proof is dropped; without this they would live on for some seconds.
        tokio::select! {
            proved = rehearse::prove(&guide) => Ok(Some(proved)),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    })?;
    let Some(proved) = proved else { return Ok(Exit::Signal(INTERRUPT)) };
    let report = proofs::proofs(&guide, &proved);
    match args.format {
        Format::Text => out::say(report.text(width(), globals.ascii).trim_end()),
        Format::Json => out::say(&pretty(&json!(report))),
    }
    Ok(report.exit())
}
