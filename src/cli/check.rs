//! `guidepost check`: looks at everything once and says how it stands. Writes nothing.

use super::{
    Globals,
    context::{Access, Chosen, Context, Where, block_on, width},
    out,
};
use crate::base::{Exit, Problem};
use crate::report::{self, Report};
use clap::ValueEnum;
use std::time::Duration;

/// Between two looks of `--wait`.
const EVERY: Duration = Duration::from_secs(5);

/// Verify a guide in a lab.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    #[command(flatten)]
    options: Chosen,
    /// Only this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Look again until nothing is pending
    #[arg(long)]
    wait: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// For pipelines
    Junit,
}

/// Runs it.
///
/// # Errors
/// The guide, the lab's profile or the journal cannot be read.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let context = Context::open_with(&args.wanted, &args.options, globals, "check", Access::Read)?;
    let steps = context.steps(args.step.as_deref())?;
    let report = block_on(look(&context, &steps, args, globals))?;
    print(&report, args.format, globals)?;
    Ok(exit(&report))
}

async fn look(context: &Context, steps: &[String], args: &Args, globals: &Globals) -> Result<Report, Problem> {
    // A lab that cannot be reached is a finding: every check is unknown, and says why.
    let unreached = context.connect(globals).await.err();
    loop {
        context.engine.survey(steps).await;
        let report = report::report(&context.engine, steps, unreached.as_ref());
        if !args.wait || report.summary.pending == 0 {
            return Ok(report);
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn print(report: &Report, format: Format, globals: &Globals) -> Result<(), Problem> {
    let text = match format {
        Format::Text => report::text(report, width(), globals.ascii),
        Format::Json => {
            serde_json::to_string_pretty(report).map_err(|error| Problem::unknown(format!("cannot print the report: {error}")))?
        }
        Format::Junit => report::junit(report),
    };
    out::say(text.trim_end());
    Ok(())
}

/// DESIGN section 3: 1 if any is fail, pending or blocked, else 2 if any is unknown, else 0.
fn exit(report: &Report) -> Exit {
    let summary = &report.summary;
    if summary.fail + summary.pending + summary.blocked > 0 {
        Exit::Not
    } else if summary.unknown > 0 {
        Exit::Unknown
    } else {
        Exit::Fine
    }
}
