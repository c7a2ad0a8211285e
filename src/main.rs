//! Arguments in, a face chosen, an exit code out.

use clap::Parser as _;
use color_eyre::{config::HookBuilder, eyre};
use guidepost::{
    base::{Exit, Problem, http},
    cli::{self, Cli, out},
};
use std::process::ExitCode;

fn main() -> ExitCode {
    http::install_tls_provider();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return code(if error.use_stderr() { Exit::Usage } else { Exit::Fine });
        }
    };
    match install_hooks().and_then(|()| Ok(cli::run(cli)?)) {
        Ok(exit) => code(exit),
        Err(report) => code(tell(&report)),
    }
}

/// Panics and unforeseen errors are told by color-eyre, without the environment: it may hold secrets of others.
fn install_hooks() -> eyre::Result<()> {
    HookBuilder::default().display_env_section(false).install()
}

/// A foreseen error is its own sentence and hint; anything else is shown with all that is known.
fn tell(report: &eyre::Report) -> Exit {
    let Some(problem) = report.downcast_ref::<Problem>() else {
        out::tell(&format!("error: {report:?}"));
        return Exit::Unknown;
    };
    out::tell(&format!("error: {problem}"));
    problem.exit
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit.number())
}
