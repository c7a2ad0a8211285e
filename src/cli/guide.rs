//! `guidepost guide`: list, show, lint, test, schema.

mod show;
mod test;

use super::{Globals, out};
use crate::base::{Exit, Problem, text};
use crate::guide::finding::{Finding, PackError, Severity, counted};
use crate::guide::{Guide, load, schema};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// Look at guides.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The built-in guides
    List {
        /// How to print
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// What a guide does, reads and can change
    Show {
        /// A built-in guide or a pack's directory
        guide: String,
    },
    /// Find what is wrong with a guide
    Lint {
        /// Built-in guides or packs' directories; all built-in ones when none is given
        guides: Vec<String>,
        /// How to print
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Prove each check red before and green after its action or rehearsal, in fresh practice labs
    Test(test::Args),
    /// The JSON Schema of pack.yaml, step.yaml and rehearsal.yaml
    Schema,
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
/// A [`Problem`] with the file, line and value.
pub fn run(args: Args, globals: &Globals) -> Result<Exit, Problem> {
    match args.command {
        Command::List { format } => list(format),
        Command::Show { guide } => {
            out::say(show::text(&load::named(&guide)?).trim_end());
            Ok(Exit::Fine)
        }
        Command::Lint { guides, format } => lint(guides, format),
        Command::Test(args) => test::run(&args, globals),
        Command::Schema => {
            out::say(&pretty(&schema::document()));
            Ok(Exit::Fine)
        }
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn list(format: Format) -> Result<Exit, Problem> {
    let guides = load::built_in_ids().iter().map(|id| load::built_in(id)).collect::<Result<Vec<_>, _>>()?;
    match format {
        Format::Json => {
            let guides: Vec<Value> = guides.iter().map(summary).collect();
            out::say(&pretty(&json!({"format": 1, "guides": guides})));
        }
        Format::Text if guides.is_empty() => out::tell("there is no built-in guide"),
        Format::Text => guides.iter().for_each(|guide| out::say(&line(guide))),
    }
    Ok(Exit::Fine)
}

fn summary(guide: &Guide) -> Value {
    let pack = &guide.pack;
    json!({
        "id": pack.id,
        "title": show::title(guide),
        "version": pack.version,
        "source": {"title": pack.source.title, "dated": pack.source.dated},
        "steps": guide.steps.len(),
        "hash": guide.hash,
        "built_in": guide.built_in,
    })
}

fn line(guide: &Guide) -> String {
    format!("{}  {}, {}: {}", guide.pack.id, guide.pack.version, counted(guide.steps.len(), "step"), show::title(guide))
}

fn lint(guides: Vec<String>, format: Format) -> Result<Exit, Problem> {
    let guides = if guides.is_empty() { load::built_in_ids() } else { guides };
    let mut results = Vec::new();
    for name in guides {
        let not_found = || PackError::NotFound { id: name.clone(), known: load::built_in_ids() };
        let examined = load::examine_named(&name).ok_or_else(not_found)?;
        results.push((name, examined.findings));
    }
    match format {
        Format::Text => results.iter().for_each(|(name, findings)| tell(name, findings)),
        Format::Json => {
            let guides: Vec<Value> = results.iter().map(|(name, findings)| json!({"guide": name, "findings": told(findings)})).collect();
            out::say(&pretty(&json!({"format": 1, "guides": guides})));
        }
    }
    let wrong = results.iter().any(|(_, findings)| findings.iter().any(Finding::is_error));
    Ok(if wrong { Exit::Usage } else { Exit::Fine })
}

/// Findings to standard error, the sum of them to standard output.
fn tell(name: &str, findings: &[Finding]) {
    for finding in findings {
        out::tell(&format!("{finding}\n"));
    }
    let errors = findings.iter().filter(|finding| finding.is_error()).count();
    let warnings = findings.len() - errors;
    out::say(&format!("{}: {}, {}", text::line(name), counted(errors, "error"), counted(warnings, "warning")));
}

fn told(findings: &[Finding]) -> Vec<Value> {
    let position = |number: usize| if number == 0 { Value::Null } else { json!(number) };
    let one = |finding: &Finding| {
        json!({
            "severity": match finding.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "file": finding.file,
            "line": position(finding.line),
            "column": position(finding.column),
            "what": finding.what,
            "hint": finding.hint,
        })
    };
    findings.iter().map(one).collect()
}
