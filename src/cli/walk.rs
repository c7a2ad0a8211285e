//! `guidepost walk`: the terminal app, or the same walk line by line.

use super::{
    Colour, Globals,
    context::{Access, Chosen, Context, DEFAULT_GUIDE, Where, step_id},
};
use crate::base::{Exit, Problem};
use crate::engine::run::{Begin, kept_options, start};
use crate::guide::load;
use crate::lab::profile::{self, Places};
use crate::{plain, tui};
use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

/// Walk through a guide.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    #[command(flatten)]
    options: Chosen,
    /// Begin with this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
    /// Line by line: for screen readers, pipes and dumb terminals
    #[arg(long)]
    plain: bool,
}

impl Default for Args {
    fn default() -> Self {
        Self { wanted: Where { guide: DEFAULT_GUIDE.into(), lab: None }, options: Chosen::default(), step: None, plain: false }
    }
}

/// Runs it.
///
/// # Errors
/// The guide, the lab's profile or the journal cannot be read, or the terminal cannot be taken.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let options = chosen(args, globals)?;
    let context = Context::open_with(&args.wanted, &options, globals, "walk", Access::Write)?;
    let step = args.step.as_deref().map(|step| step_id(context.engine.guide(), step)).transpose()?;
    let position = position(&context.places, &context.lab.name, &context.engine.guide().pack.id);
    // The face has this thread; the engine has its own, so that neither waits for the other.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Problem::unknown(format!("the system gives no event loop: {error}")))?;
    runtime.block_on(async {
        let handle =
            start(Begin { engine: context.engine, door: context.door, step, options: options.options, position: Some(position), jitter });
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

/// What was given, before it what the last walk here was given: the last word for a step counts.
fn chosen(args: &Args, globals: &Globals) -> Result<Chosen, Problem> {
    let places = Places::find(globals.config.as_deref())?;
    let lab = args.wanted.lab.as_deref().filter(|lab| profile::is_name(lab)).unwrap_or(profile::PRACTICE);
    let guide = load::named(&args.wanted.guide)?;
    let mut options = kept_options(&position(&places, lab, &guide.pack.id));
    // A guide that was changed since may have dropped one.
    options.retain(|given| given.split_once('=').is_some_and(|(step, option)| guide.clone().choose(step, option).is_ok()));
    options.extend(args.options.options.iter().cloned());
    let mut last: Vec<String> = Vec::new();
    for given in options {
        last.retain(|earlier| earlier.split_once('=').map(|(step, _)| step) != given.split_once('=').map(|(step, _)| step));
        last.push(given);
    }
    Ok(Chosen { options: last })
}

/// Where the walk through a guide in a lab stands.
fn position(places: &Places, lab: &str, guide: &str) -> PathBuf {
    places.lab(lab).join(format!("{guide}.position"))
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
