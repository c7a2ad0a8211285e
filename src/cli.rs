//! The command line: clap types, one file a command, results to standard output, everything else to standard error.

pub mod attest;
pub mod change;
pub mod check;
pub mod context;
pub mod doctor;
mod finding;
pub mod guide;
pub mod lab;
pub mod ledger;
pub mod out;
pub mod practice;
pub mod signin;
pub mod survey;
pub mod walk;

use crate::base::{Exit, Problem};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Walks an administrator through a Microsoft 365 Test Lab Guide, and proves each step.
#[derive(Debug, Parser)]
#[command(name = "guidepost", version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub globals: Globals,
    /// Without a command: walk, and with no lab configured, in the practice lab.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What holds for every command.
#[derive(Clone, Debug, clap::Args)]
pub struct Globals {
    /// Where lab profiles and settings are, instead of the platform's place
    #[arg(long, global = true, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Never ask and never start a sign-in
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Read secrets from this open file: one JSON object, {"refresh-token": "…", "certificate-password": "…"}; Unix only
    #[arg(long, global = true, value_name = "N")]
    pub secrets_fd: Option<u32>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub color: Colour,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Say more on standard error; twice for each request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// When it goes to a terminal and `NO_COLOR` is not set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk through a guide, step by step, in the terminal
    Walk(walk::Args),
    /// Verify a guide in a lab; writes nothing
    Check(check::Args),
    /// Show what `apply` would change; changes nothing
    Plan(change::Args),
    /// Make a step's changes, after showing and confirming them
    Apply(change::Args),
    /// Take a step's changes back, after showing and confirming that
    Undo(change::Args),
    /// Say that a task was done by hand
    Attest(attest::Args),
    /// Show what was changed and not taken back
    Ledger(ledger::Args),
    /// Tell which users of a domain the reset rights do not reach, and why
    Survey(survey::Args),
    /// Find out whether this machine can do the job
    Doctor(doctor::Args),
    /// Look at labs: add, list, show, test, remove
    Lab(lab::Args),
    /// Sign in to a lab, and stay signed in
    Signin(signin::Args),
    /// Forget the sign-in of a lab
    Signout(signin::OutArgs),
    /// Look at guides: list, show, lint, test, schema
    Guide(guide::Args),
    /// Run and steer the built-in practice lab
    Practice(practice::Args),
}

/// Runs what the arguments ask for.
///
/// # Errors
/// A [`Problem`] whose exit code `main` returns.
pub fn run(cli: Cli) -> Result<Exit, Problem> {
    let globals = &cli.globals;
    match cli.command {
        None => walk::run(&walk::Args::default(), globals),
        Some(Command::Walk(args)) => walk::run(&args, globals),
        Some(Command::Check(args)) => check::run(&args, globals),
        Some(Command::Plan(args)) => change::plan(&args, globals),
        Some(Command::Apply(args)) => change::apply(&args, globals),
        Some(Command::Undo(args)) => change::undo(&args, globals),
        Some(Command::Attest(args)) => attest::run(&args, globals),
        Some(Command::Ledger(args)) => ledger::run(&args, globals),
        Some(Command::Survey(args)) => survey::run(&args, globals),
        Some(Command::Doctor(args)) => doctor::run(&args, globals),
        Some(Command::Lab(args)) => lab::run(args, globals),
        Some(Command::Signin(args)) => signin::run(&args, globals),
        Some(Command::Signout(args)) => signin::out(&args, globals),
        Some(Command::Guide(args)) => guide::run(args, globals),
        Some(Command::Practice(args)) => practice::run(args, globals),
    }
}
