//! The command line: clap types, one file a command, results to standard output, everything else to standard error.

pub mod guide;
pub mod out;
pub mod practice;

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
    /// Look at guides: list, show, lint, schema
    Guide(guide::Args),
    /// Run and steer the built-in practice lab
    Practice(practice::Args),
}

/// Runs what the arguments ask for.
///
/// # Errors
/// A [`Problem`] whose exit code `main` returns.
pub fn run(cli: Cli) -> Result<Exit, Problem> {
    match cli.command {
        Some(Command::Guide(args)) => guide::run(args, &cli.globals),
        Some(Command::Practice(args)) => practice::run(args, &cli.globals),
        None => Err(Problem::usage("the walk is not built yet")),
    }
}
