//! `guidepost plan`, `apply` and `undo`: show what would change, ask, send, wait until it shows.

use super::{
    Globals,
    context::{Access, Chosen, Context, Where, block_on, may_ask, step_id, width},
    out,
};
use crate::base::{Exit, Problem};
use crate::engine::{
    action::{Carried, Direction, How, Plan, PlannedOp},
    attest,
    check::{Verdict, judge_step},
};
use crate::lab::{
    connect::{Lab, person_needed},
    profile::Places,
};
use crate::report::wrapped;
use clap::ValueEnum;
use serde_json::json;
use std::io::BufRead as _;

/// What to change.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
    #[command(flatten)]
    options: Chosen,
    /// This step
    #[arg(long, value_name = "STEP", required_unless_present = "all")]
    step: Option<String>,
    /// Every step, in order; stops at the first that needs a person
    #[arg(long, conflicts_with = "step")]
    all: bool,
    /// Confirm everything that is shown; the journal says so
    #[arg(long)]
    yes: bool,
    /// Make a round trip sooner than 15 minutes after the last one
    #[arg(long)]
    force: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// `guidepost plan`: what `apply` would send. Sends nothing, writes nothing.
///
/// # Errors
/// What must be done first, or what could not be read.
pub fn plan(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    admits_changes(&args.wanted, globals)?;
    let context = Context::open_with(&args.wanted, &args.options, globals, "plan", Access::Read)?;
    let named = named(&context, args)?;
    block_on(async {
        context.connect(globals).await?;
        for step in chosen(&context, named, Direction::Apply) {
            if args.all && stands(&context, &step).await {
                continue;
            }
            show(&context.engine.plan(&step, Direction::Apply).await?, args.format, None)?;
        }
        Ok(Exit::Fine)
    })
}

/// `guidepost apply`.
///
/// # Errors
/// Refused, failed, or a person is needed.
pub fn apply(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    change(args, globals, Direction::Apply)
}

/// `guidepost undo`.
///
/// # Errors
/// Refused or failed.
pub fn undo(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    change(args, globals, Direction::Undo)
}

fn change(args: &Args, globals: &Globals, direction: Direction) -> Result<Exit, Problem> {
    admits_changes(&args.wanted, globals)?;
    let context = Context::open_with(&args.wanted, &args.options, globals, direction.word(), Access::Write)?;
    if let Some(why) = context.engine.read_only() {
        return Err(Problem::new(format!("nothing is changed without a journal: {why}")).hint(context.engine.read_only_hint()));
    }
    let named = named(&context, args)?;
    block_on(async {
        context.connect(globals).await?;
        if !context.engine.ledger().in_doubt.is_empty() {
            out::tell("an earlier run ended before it saw an answer; looking whether its change arrived");
            context.engine.settle_doubts().await?;
        }
        // Only now: what was in doubt may have become an open change.
        for step in chosen(&context, named, direction) {
            match one(&context, &step, direction, args, globals).await? {
                Exit::Fine => {}
                exit @ (Exit::Not | Exit::Unknown | Exit::Usage | Exit::Signal(_)) => return Ok(exit),
            }
        }
        Ok(Exit::Fine)
    })
}

/// Before anything is opened or written: a change is a person's.
fn admits_changes(wanted: &Where, globals: &Globals) -> Result<(), Problem> {
    let lab = Lab::choose(wanted.lab.as_deref(), &Places::find(globals.config.as_deref())?)?;
    if lab.app_only { Err(person_needed()) } else { Ok(()) }
}

/// The step that was named; none with `--all`.
fn named(context: &Context, args: &Args) -> Result<Option<String>, Problem> {
    args.step.as_deref().map(|step| step_id(context.engine.guide(), step)).transpose()
}

/// The steps in the order in which they are changed: undo goes backwards through what was changed.
fn chosen(context: &Context, named: Option<String>, direction: Direction) -> Vec<String> {
    if let Some(step) = named {
        return vec![step];
    }
    match direction {
        Direction::Apply => context.engine.guide().steps.keys().cloned().collect(),
        Direction::Undo => {
            let ledger = context.engine.ledger();
            let mut steps: Vec<String> = ledger.open.iter().rev().map(|entry| entry.step.clone()).collect();
            // Consents last: taking the changes back needs them.
            steps.extend(ledger.open_consents().next().and(context.engine.consent_step()).map(str::to_owned));
            steps.dedup();
            steps
        }
    }
}

async fn one(context: &Context, step: &str, direction: Direction, args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    if args.all && direction == Direction::Apply && stands(context, step).await {
        return Ok(Exit::Fine);
    }
    if direction == Direction::Apply {
        // A change of a moment ago may still be showing; planning waits for it.
        context.engine.wait_settled(step).await;
    }
    let mut sent: Vec<String> = Vec::new();
    loop {
        let plan = context.engine.plan(step, direction).await?;
        // What was sent once and is wanted again did not show: a person looks why.
        let again = plan.ops.iter().any(|op| op.undo_of.is_none() && sent.contains(&op.op));
        if plan.ops.is_empty() || again {
            show(&plan, args.format, Some("nothing"))?;
            let fine = plan.by_hand.is_empty() && plan.later.is_empty() && !again;
            return Ok(if fine { Exit::Fine } else { Exit::Not });
        }
        if args.format == Format::Text {
            show(&plan, args.format, None)?;
        }
        let how = confirm(&plan, args, globals)?;
        if plan.writes_to_tenant() {
            context.ready_to_write(globals).await?;
        }
        let carried = context.engine.carry_out(&plan, how).await.map_err(Problem::from)?;
        if plan.later.is_empty() {
            let verdict = context.engine.wait_settled(step).await;
            return finish(&plan, carried, verdict, args.format);
        }
        out::tell("done; what comes next waits until this has shown");
        sent.extend(plan.ops.iter().map(|op| op.op.clone()));
        context.engine.wait_for_next(step).await;
    }
}

/// Whether a step needs nothing: it passes, or only a person could tell and every task is attested.
async fn stands(context: &Context, step: &str) -> bool {
    context.engine.survey(&[step.to_owned()]).await;
    let (verdict, _) = context.engine.with_known(|known| judge_step(known, step));
    let Some(definition) = context.engine.guide().steps.get(step) else { return false };
    let attested = definition.tasks.len() == attest::count(&context.engine.ledger(), definition);
    match verdict {
        Some(Verdict::Pass | Verdict::Waived | Verdict::NotApplicable) => true,
        Some(Verdict::Unknown) => definition.checks.is_empty() && attested,
        Some(Verdict::Fail | Verdict::Pending | Verdict::Blocked) | None => false,
    }
}

fn confirm(plan: &Plan, args: &Args, globals: &Globals) -> Result<How, Problem> {
    if let Some(sooner) = plan.too_soon.as_ref().filter(|_| !args.force && (args.yes || !may_ask(globals))) {
        return Err(sooner.problem());
    }
    if args.yes {
        return Ok(if plan.too_soon.is_some() { How::Forced } else { How::Yes });
    }
    let word = plan.direction.word();
    if !may_ask(globals) {
        return Err(Problem::new(format!("`{word}` needs a confirmation, and nobody can be asked here"))
            .hint("read `guidepost plan`, then give `--yes`"));
    }
    let (wanted, how) = match plan.typed() {
        Some(typed) => (typed, How::Typed),
        None => ("y", How::Key),
    };
    out::tell(&format!("type `{wanted}` to go on, anything else to stop:"));
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer);
    if answer.trim() == wanted {
        return Ok(how);
    }
    Err(Problem::new("nothing was changed: it was not confirmed"))
}

fn finish(plan: &Plan, carried: Carried, verdict: Option<Verdict>, format: Format) -> Result<Exit, Problem> {
    let exit = match (plan.direction, verdict) {
        // A step without a settling check: what was answered is all there is.
        (_, None)
        | (Direction::Apply, Some(Verdict::Pass))
        | (Direction::Undo, Some(Verdict::Fail | Verdict::Blocked | Verdict::NotApplicable | Verdict::Waived)) => Exit::Fine,
        (_, Some(Verdict::Unknown)) => Exit::Unknown,
        (Direction::Apply, Some(Verdict::Fail | Verdict::Pending | Verdict::Blocked | Verdict::Waived | Verdict::NotApplicable))
        | (Direction::Undo, Some(Verdict::Pass | Verdict::Pending)) => Exit::Not,
    };
    let exit = if exit == Exit::Fine && !plan.by_hand.is_empty() { Exit::Not } else { exit };
    let done = match carried {
        Carried::Nothing => "nothing was left to do".to_owned(),
        Carried::Done(_) if plan.direction == Direction::Apply => "done".to_owned(),
        Carried::Done(_) => "taken back".to_owned(),
    };
    let shown = verdict.map_or_else(String::new, |verdict| format!("; its check is now: {}", verdict.word()));
    match format {
        Format::Text => out::say(&format!("{done}{shown}")),
        Format::Json => print_json(&json!({"format": 1, "plan": plan, "outcome": done, "verdict": verdict}))?,
    }
    Ok(exit)
}

fn show(plan: &Plan, format: Format, outcome: Option<&str>) -> Result<(), Problem> {
    if format == Format::Json {
        return print_json(&match outcome {
            Some(outcome) => json!({"format": 1, "plan": plan, "outcome": outcome}),
            None => json!({"format": 1, "plan": plan}),
        });
    }
    out::say(&format!("{} {}/{} in {}", plan.direction.word(), plan.guide, plan.step, plan.lab));
    for skipped in &plan.skipped {
        out::say(&format!("  not needed: {skipped}"));
    }
    for op in &plan.ops {
        show_op(op);
    }
    for later in &plan.later {
        for (number, line) in wrapped(&format!("comes later: {later}"), width().saturating_sub(4)).into_iter().enumerate() {
            out::say(&format!("  {}{line}", if number == 0 { "" } else { "  " }));
        }
    }
    for by_hand in &plan.by_hand {
        for (number, line) in wrapped(&format!("a person is needed: {by_hand}"), width().saturating_sub(4)).into_iter().enumerate() {
            out::say(&format!("  {}{line}", if number == 0 { "" } else { "  " }));
        }
    }
    if let Some(sooner) = &plan.too_soon {
        let problem = sooner.problem();
        out::say(&format!("  too soon: {}", problem.what));
    }
    if plan.ops.is_empty() {
        out::say("  nothing to do");
    } else {
        out::say(&format!("  plan {}", plan.id));
    }
    Ok(())
}

fn show_op(op: &PlannedOp) {
    let field = |name: &str, value: &str| {
        for (number, line) in wrapped(value, width().saturating_sub(14)).into_iter().enumerate() {
            out::say(&format!("    {:<9} {line}", if number == 0 { name } else { "" }));
        }
    };
    out::say(&format!("  {}", op.title));
    field("sends", &op.sends());
    for line in op.carries().lines() {
        out::say(&format!("              {line}"));
    }
    field("now", &op.before);
    field("undo", &op.undo);
    if let Some(needs) = &op.needs {
        field("needs", needs);
    }
}

fn print_json(value: &serde_json::Value) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Problem::unknown(format!("cannot print JSON: {error}")))?;
    out::say(&text);
    Ok(())
}
