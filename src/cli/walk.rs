//! `guidepost walk`: the terminal app, or the same walk line by line.

use super::{
    Colour, Globals,
    context::{Access, Context, DEFAULT_GUIDE, Where, step_id},
};
use crate::base::{Exit, Problem};
use crate::engine::run::{Begin, start};
use crate::{plain, tui};
use std::{io::IsTerminal as _, time::Duration};

/// Walk through a guide.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    /// Begin with this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Line by line: for screen readers, pipes and dumb terminals
    #[arg(long)]
    plain: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { wanted: Where { guide: DEFAULT_GUIDE.into(), lab: None }, step: None, plain: false }
    }
}

/// Runs it.
///
/// # Errors
/// The guide, the lab's profile or the journal cannot be read, or the terminal cannot be taken.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let context = Context::open(&args.wanted, globals, "walk", Access::Write)?;
    let step = args.step.as_deref().map(|step| step_id(context.engine.guide(), step)).transpose()?;
    let position = context.places.lab(&context.lab.name).join(format!("{}.position", context.engine.guide().pack.id));
    // The face has this thread; the engine has its own, so that neither waits for the other.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Problem::unknown(format!("the system gives no event loop: {error}")))?;
    runtime.block_on(async {
        let handle = start(Begin { engine: context.engine, door: context.door, step, position: Some(position), jitter });
        if args.plain || !has_screen() {
            let input = tokio::io::BufReader::new(tokio::io::stdin());
            plain::walk(handle, input, std::io::stdout()).await?;
            return Ok(Exit::Fine);
        }
        let options = tui::TuiOptions { ascii: globals.ascii, colour: colour(globals) };
        Ok(match tui::walk(handle, options).await? {
            tui::Ended::ByPerson => Exit::Fine,
            tui::Ended::BySignal(number) => Exit::Signal(number),
        })
    })
}

/// Whether there is a screen to draw on: a terminal at both ends that can move its cursor (terminfo's `dumb` cannot).
fn has_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}

/// `NO_COLOR` (no-color.org) counts when it is set and not empty.
fn colour(globals: &Globals) -> bool {
    match globals.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Up to a tenth of an interval, so that a room full of laptops does not ask at once.
fn jitter(interval: Duration) -> Duration {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return Duration::ZERO;
    }
    interval / 10 * (u32::from_le_bytes(bytes) % 1_000) / 1_000
}
