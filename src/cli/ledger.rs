//! `guidepost ledger`: what Guidepost changed and has not taken back. Reads the journal only.

use super::{
    Globals,
    context::{Access, Context, Where, width},
    out,
};
use crate::base::{Exit, Problem};
use crate::engine::ledger::Consent;
use crate::report::wrapped;
use clap::ValueEnum;
use serde_json::json;

/// Show what was changed and not taken back.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    wanted: Where,
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

/// Runs it.
///
/// # Errors
/// The journal cannot be read.
pub fn run(args: &Args, globals: &Globals) -> Result<Exit, Problem> {
    let context = Context::open(&args.wanted, globals, "ledger", Access::Read)?;
    let ledger = context.engine.ledger();
    let consents: Vec<_> = ledger.open_consents().collect();
    if args.format == Format::Json {
        let doubts: Vec<_> = ledger
            .in_doubt
            .iter()
            .map(|doubt| json!({"n": doubt.n, "step": doubt.step, "op": doubt.op, "request": doubt.request}))
            .collect();
        let value = json!({"format": 1, "lab": context.lab.name, "open": ledger.open, "closed": ledger.closed, "consents": consents, "in_doubt": doubts});
        out::say(&serde_json::to_string_pretty(&value).map_err(|error| Problem::unknown(format!("cannot print JSON: {error}")))?);
        return Ok(Exit::Fine);
    }
    if ledger.open.is_empty() && consents.is_empty() && ledger.in_doubt.is_empty() {
        out::say(&format!("nothing of Guidepost's is open in {}", context.lab.name));
    }
    for entry in &ledger.open {
        out::say(&format!("{} {}/{}  done {:.0} (journal line {})", entry.guide, entry.step, entry.op, entry.at, entry.n));
        let undo = match (&entry.undo, &entry.no_undo) {
            (Some(undo), _) => format!("undo: {}", undo.line()),
            (None, Some(why)) if entry.with.is_some() => format!("undo: {why}"),
            (None, Some(why)) => format!("cannot be taken back: {why}; when it is done with, say so: `guidepost attest {}`", entry.task()),
            (None, None) => format!("cannot be taken back; when it is done with, say so: `guidepost attest {}`", entry.task()),
        };
        for line in wrapped(&undo, width().saturating_sub(2)) {
            out::say(&format!("  {line}"));
        }
    }
    for entry in &ledger.closed {
        let said = ledger.attested.iter().find(|((_, task), _)| *task == entry.task()).map(|(_, said)| said);
        let said = said.map_or_else(String::new, |said| format!(" by {} {:.0}", said.by, said.at));
        out::say(&format!("{} {}/{}  closed by hand, attested{said} (journal line {})", entry.guide, entry.step, entry.op, entry.n));
    }
    for consent in consents {
        show_consent(consent);
    }
    for doubt in &ledger.in_doubt {
        out::say(&format!("{} {}/{}  in doubt since {:.0} (journal line {})", doubt.guide, doubt.step, doubt.op, doubt.at, doubt.n));
    }
    Ok(Exit::Fine)
}

fn show_consent(consent: &Consent) {
    let open = match (consent.asked, consent.unproven) {
        (true, _) => "asked for",
        (false, true) => "may be ours, seen",
        (false, false) => "given",
    };
    out::say(&format!("{} {}  {open} {:.0} (journal line {})", consent.guide, consent.task(), consent.at, consent.n));
    let undo = format!(
        "undo: `guidepost undo --all`, by Graph where that may; else by hand: {}; then `guidepost attest {}`",
        consent.by_hand(),
        consent.task()
    );
    let undo = if consent.unproven || consent.asked {
        format!("if it is ours, by hand: {}; then `guidepost attest {}`", consent.by_hand(), consent.task())
    } else {
        undo
    };
    for line in [consent.sentence(), undo].iter().flat_map(|text| wrapped(text, width().saturating_sub(2))) {
        out::say(&format!("  {line}"));
    }
}
