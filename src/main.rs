//! Arguments in, a face chosen, an exit code out.

use clap::Parser as _;
use guidepost::{
    base::{Exit, http},
    cli::{self, Cli},
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
    match cli::run(cli) {
        Ok(exit) => code(exit),
        Err(problem) => {
            cli::out::tell(&format!("error: {problem}"));
            code(problem.exit)
        }
    }
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
