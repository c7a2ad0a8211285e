//! `guidepost attest`: a person says that a task is done. Kept as attested, never as proved.

use super::{
    Globals,
    context::{Access, Context, DEFAULT_GUIDE, Where, step_id},
    out,
};
use crate::base::{Exit, Problem};
use crate::engine::{
    journal::Event,
    ledger::{Consent, Entry, LEDGER},
    person,
};
use crate::guide::Guide;

/// Say that a task, a page of a wizard, or every task of a step, is done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The step, one task or wizard page of it, or a consent or a change that the ledger names
    #[arg(value_name = "STEP[/TASK|/PAGE]|consent/LINE|ledger/LINE")]
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
    if let Some(n) = short.strip_prefix("consent/") {
        return consent(&context, n, args);
    }
    if let Some(n) = short.strip_prefix(LEDGER) {
        return change(&context, n, args);
    }
    let (step, task) = short.split_once('/').map_or((short, None), |(step, task)| (step, Some(task)));
    let step = step_id(&guide, step)?;
    let (known, pages) = names(&guide, &step);
    let tasks = match task {
        None => known,
        Some(task) if known.iter().chain(&pages).any(|id| id == task) => vec![task.to_owned()],
        Some(task) => {
            let task = crate::base::text::short(task, 60);
            let pages = if pages.is_empty() { String::new() } else { format!("; its pages are {}", pages.join(", ")) };
            let hint = format!("its tasks are {}{pages}", known.join(", "));
            return Err(Problem::usage(format!("step `{step}` has no task `{task}`")).hint(hint));
        }
    };
    let word = if args.withdraw { "not attested any more" } else { "attested" };
    for task in tasks {
        for name in context.engine.attest(&step, &task, args.withdraw)? {
            out::say(&format!("{step}/{name}: {word}"));
        }
    }
    Ok(Exit::Fine)
}

/// What can be attested in a step: its tasks, and the pages of its wizard.
fn names(guide: &Guide, step: &str) -> (Vec<String>, Vec<String>) {
    let Some(step) = guide.steps.get(step) else { return (Vec::new(), Vec::new()) };
    (step.tasks.iter().map(|task| task.id.clone()).collect(), step.pages.iter().map(|page| page.id.clone()).collect())
}

/// A person closes a change of the ledger by saying so: it was taken back by hand, or is left on purpose. Nothing is sent.
fn change(context: &Context, line: &str, args: &Args) -> Result<Exit, Problem> {
    let ledger = context.engine.ledger();
    let known = if args.withdraw { &ledger.closed } else { &ledger.open };
    let Some(entry) = known.iter().find(|entry| entry.n.to_string() == line) else {
        let lines: Vec<String> = known.iter().map(Entry::task).collect();
        let names = if lines.is_empty() { "there is none".to_owned() } else { lines.join(", ") };
        let (line, word) = (crate::base::text::short(line, 20), if args.withdraw { "closed" } else { "open" });
        return Err(Problem::usage(format!("the ledger has no {word} change in line `{line}`")).hint(format!("{word} changes: {names}")));
    };
    let event = Event::Attested { task: entry.task(), by: person(), withdrawn: args.withdraw };
    context.engine.record(Some(&entry.step), event)?;
    let word = if args.withdraw { "open again" } else { "closed by hand, attested" };
    out::say(&format!("{} {}/{}: {word}", entry.task(), entry.step, entry.op));
    if !args.withdraw && entry.undo.is_some() {
        out::tell("nothing was taken back by this; `guidepost undo` would not touch it any more");
    }
    Ok(Exit::Fine)
}

/// A person took a consent back by hand; the ledger's entry is closed by that word, and opened again when it is withdrawn.
fn consent(context: &Context, line: &str, args: &Args) -> Result<Exit, Problem> {
    let ledger = context.engine.ledger();
    let Some(known) = ledger.consents.iter().find(|known| known.n.to_string() == line) else {
        let lines: Vec<String> = ledger.consents.iter().map(Consent::task).collect();
        let names = if lines.is_empty() { "there is none".to_owned() } else { lines.join(", ") };
        let line = crate::base::text::short(line, 20);
        return Err(Problem::usage(format!("the ledger has no consent in line `{line}`")).hint(format!("open consents: {names}")));
    };
    let event = Event::Attested { task: known.task(), by: person(), withdrawn: args.withdraw };
    context.engine.record(context.engine.consent_step(), event)?;
    out::say(&format!("{}: {}", known.task(), if args.withdraw { "open again" } else { "taken back by hand, attested" }));
    Ok(Exit::Fine)
}
