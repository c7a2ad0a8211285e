//! The terminal app: draws the engine's pages and turns keys into commands. Never does I/O but on the terminal, never waits for it.

mod app;
mod input;
mod keys;
mod model;
mod term;
mod update;
mod view;

pub use app::Ended;

use crate::{
    base::{Problem, Secret},
    engine::run::Handle,
};
use std::{
    io::{self, Write as _},
    sync::Arc,
};

/// How the terminal app draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TuiOptions {
    /// Our own frame in ASCII only.
    pub ascii: bool,
    /// With colours; without: bold, dim and reverse only.
    pub colour: bool,
}

/// Walks on the terminal until the person leaves; the first frame is drawn before anything is awaited.
///
/// Runs on a current-thread runtime as well as on any other. The terminal is given back however this ends.
///
/// # Errors
/// When the terminal cannot be used, or the engine ended by itself.
pub async fn walk(mut handle: Handle, options: TuiOptions) -> Result<Ended, Problem> {
    let keys = keys::KeyMap::built_in().map_err(|error| Problem::usage(error.to_string()))?;
    let view = Arc::clone(&handle.views.borrow_and_update());
    let look = model::Look { ascii: options.ascii, colour: options.colour };
    let mut model = model::Model::new(view, look, Arc::new(keys));
    let mut stage = Live::take().map_err(|error| {
        Problem::new(format!("the terminal cannot be taken: {error}")).hint("use `guidepost walk --plain` where there is no terminal")
    })?;
    app::run(&mut stage, handle, &mut model).await
}

/// Reads a line that is not shown, on standard error; `None` when the person gives up.
///
/// # Errors
/// There is no terminal, or it cannot be used.
pub async fn read_hidden(prompt: &str) -> Result<Option<Secret>, Problem> {
    let failed = |error: io::Error| Problem::new(format!("the terminal cannot be used: {error}"));
    let mut out = io::stderr();
    let line = {
        // Before the prompt: what is pasted the moment it shows must not be echoed.
        let _raw = term::Raw::take().map_err(failed)?;
        out.write_all(prompt.as_bytes()).and_then(|()| out.flush()).map_err(failed)?;
        input::hidden_line(&mut out).await
    };
    out.write_all(b"\n").map_err(failed)?;
    line.map_err(failed)
}

/// Columns and rows of the terminal.
///
/// # Errors
/// There is none, or it does not tell.
pub fn size() -> io::Result<(u16, u16)> {
    term::size()
}

/// The real terminal.
struct Live {
    // Fields drop in this order: input first, so that nothing reads while the terminal is given back.
    inputs: input::Inputs,
    screen: view::screen::WriterScreen<term::Frames<io::Stdout>>,
    term: term::Term,
}

impl Live {
    fn take() -> io::Result<Self> {
        let inputs = input::Inputs::listen()?;
        let term = term::Term::take()?;
        Ok(Self { inputs, screen: view::screen::Screen::on(term::Frames::stdout())?, term })
    }

    fn heal(&mut self) -> io::Result<()> {
        if self.term.is_lost() {
            self.term.take_again()?;
            self.screen.forget()?;
        }
        Ok(())
    }
}

impl app::Stage for Live {
    async fn next(&mut self) -> input::Input {
        self.inputs.next().await
    }

    fn draw(&mut self, model: &mut model::Model) -> io::Result<()> {
        self.heal()?;
        self.screen.draw(model)
    }

    fn forget(&mut self) -> io::Result<()> {
        self.screen.forget()
    }

    fn regain(&mut self) -> io::Result<()> {
        self.term.take_again()
    }

    async fn suspend(&mut self) -> io::Result<()> {
        self.inputs.pause();
        self.term.suspend().await
    }
}
