//! `guidepost attest`: a person says that a task is done. Kept as attested, never as proved.

use super::{
    Globals,
    context::{Access, Context, DEFAULT_GUIDE, Where, step_id},
    out,
};
use crate::base::{Exit, Problem};
use crate::engine::{journal::Event, person};

/// Say that a task, or every task of a step, is done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The step, or one task of it
    #[arg(value_name = "STEP[/TASK]")]
    task: String,
    /// A built-in guide or a pack's directory
    #[arg(long, value_name = "GUIDE", default_value = DEFAULT_GUIDE)]
    guide: String,
    /// A configured lab; without it, the practice lab
    #[arg(long, value_name = "LAB")]
    lab: Option<String>,
    /// Take it back
    #[arg(long)]
    withdraw: bool,
}

/// Runs it.
///
/// # Errors
/// No such step or task, or the journal cannot be written.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let wanted = Where { guide: args.guide.clone(), lab: args.lab.clone() };
    let context = Context::open(&wanted, globals, "attest", Access::Write)?;
    let guide = context.engine.guide().clone();
    let short = args.task.strip_prefix(&format!("{}/", guide.pack.id)).unwrap_or(&args.task);
    let (step, task) = short.split_once('/').map_or((short, None), |(step, task)| (step, Some(task)));
    let step = step_id(&guide, step)?;
    let known: Vec<String> = guide.steps.get(&step).map(|step| step.tasks.iter().map(|task| task.id.clone()).collect()).unwrap_or_default();
    let tasks = match task {
        None => known,
        Some(task) if known.iter().any(|id| id == task) => vec![task.to_owned()],
        Some(task) => {
            let task = crate::base::text::short(task, 60);
            return Err(Problem::usage(format!("step `{step}` has no task `{task}`")).hint(format!("its tasks are {}", known.join(", "))));
        }
    };
    let word = if args.withdraw { "not attested any more" } else { "attested" };
    for task in tasks {
        context.engine.record(Some(&step), Event::Attested { task: task.clone(), by: person(), withdrawn: args.withdraw })?;
        out::say(&format!("{step}/{task}: {word}"));
    }
    Ok(Exit::Fine)
}
