//! The loop: waits for a key, a view or the next moment that reads differently, updates, draws one frame. No tick.

use super::{
    input::Input,
    model::Model,
    update::{Effect, Msg, update},
};
use crate::{
    base::Problem,
    engine::run::{Command, Handle},
};
use std::{
    future::{Future as _, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

/// How a walk on the screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The person left.
    ByPerson,
    /// The system asked, by this signal's number; the exit code is 128 more.
    BySignal(u8),
}

/// What the loop needs of a terminal; tests play one.
pub(crate) trait Stage {
    /// The next thing that comes in; cancel safe.
    async fn next(&mut self) -> Input;
    /// Draws one frame.
    fn draw(&mut self, model: &mut Model) -> io::Result<()>;
    /// Forgets what was drawn, so that the next frame writes every cell.
    fn forget(&mut self) -> io::Result<()>;
    /// Takes the terminal again after the process was stopped from outside.
    fn regain(&mut self) -> io::Result<()>;
    /// Gives the terminal to the shell until it is given back.
    async fn suspend(&mut self) -> io::Result<()>;
}

/// How long keys typed ahead wait for the step that was asked for; the engine needs a millisecond.
const PATIENCE: Duration = Duration::from_secs(1);

/// What woke the loop.
enum Woken {
    Input(Input),
    View,
    EngineGone,
    Due,
    Late,
}

/// Runs until the person leaves, the system asks to end, or the engine is gone. The model's view is the one that `handle` has
/// given out as seen; one that came since is drawn next.
///
/// # Errors
/// When the terminal fails, or the engine ended by itself.
pub(crate) async fn run(stage: &mut impl Stage, handle: Handle, model: &mut Model) -> Result<Ended, Problem> {
    let mut walk = Walk { handle, came: Instant::now() };
    stage.draw(model).map_err(lost)?;
    loop {
        let woken = walk.wait(stage, model).await;
        if let Some(ended) = walk.take(stage, model, woken).await? {
            return Ok(ended);
        }
        // What waits already belongs into the same frame.
        while !model.waits()
            && let Some(input) = waiting(stage).await
        {
            if let Some(ended) = walk.take(stage, model, Woken::Input(input)).await? {
                return Ok(ended);
            }
        }
        if walk.handle.views.has_changed().is_ok_and(|changed| changed) {
            walk.take(stage, model, Woken::View).await?;
        }
        if model.dirty {
            model.elapsed = walk.came.elapsed();
            stage.draw(model).map_err(lost)?;
        }
    }
}

/// What waits already; `None` when nothing does.
///
/// Polled with the task's own waker, not by `now_or_never`: crossterm 0.29's event stream keeps the waker of the first poll
/// that found nothing, so a waker that does nothing would lose every later key.
async fn waiting(stage: &mut impl Stage) -> Option<Input> {
    let mut next = pin!(stage.next());
    poll_fn(|context| {
        Poll::Ready(match next.as_mut().poll(context) {
            Poll::Ready(input) => Some(input),
            Poll::Pending => None,
        })
    })
    .await
}

struct Walk {
    handle: Handle,
    /// When the view in the model came.
    came: Instant,
}

impl Walk {
    async fn wait(&mut self, stage: &mut impl Stage, model: &Model) -> Woken {
        let due = model.next_change().map(|after| self.came + after);
        tokio::select! {
            biased;
            input = stage.next(), if !model.waits() => Woken::Input(input),
            changed = self.handle.views.changed() => if changed.is_ok() { Woken::View } else { Woken::EngineGone },
            () = sleep(PATIENCE), if model.waits() => Woken::Late,
            () = sleep_until(due.unwrap_or(self.came)), if due.is_some() => Woken::Due,
        }
    }

    async fn take(&mut self, stage: &mut impl Stage, model: &mut Model, woken: Woken) -> Result<Option<Ended>, Problem> {
        let msg = match woken {
            Woken::Input(Input::Key(key)) => Msg::Key(key),
            Woken::Input(Input::Pasted(text)) => Msg::Pasted(text),
            Woken::Input(Input::Resized) => Msg::Redraw,
            Woken::Input(Input::Continued) => {
                stage.regain().map_err(lost)?;
                Msg::Redraw
            }
            Woken::Input(Input::Signal(number)) => return Ok(Some(Ended::BySignal(number))),
            Woken::Input(Input::Gone) => return Err(lost(io::ErrorKind::UnexpectedEof.into())),
            Woken::View => {
                self.came = Instant::now();
                Msg::View(Arc::clone(&self.handle.views.borrow_and_update()))
            }
            Woken::EngineGone => {
                return Err(Problem::new("the walk ended by itself").hint("start again: the journal knows how far it came"));
            }
            Woken::Late => Msg::Late,
            Woken::Due => Msg::Elapsed(self.came.elapsed()),
        };
        for effect in update(model, msg) {
            match effect {
                Effect::Send(command) => self.send(model, command),
                Effect::Suspend => {
                    stage.suspend().await.map_err(lost)?;
                    update(model, Msg::Elapsed(self.came.elapsed()));
                    stage.forget().map_err(lost)?;
                }
                Effect::RedrawAll => stage.forget().map_err(lost)?,
                Effect::Leave => return Ok(Some(Ended::ByPerson)),
            }
        }
        Ok(None)
    }

    /// A full queue means that the engine is behind: the person hears it and presses again. A closed one shows as a lost view.
    fn send(&self, model: &mut Model, command: Command) {
        if let Err(mpsc::error::TrySendError::Full(command)) = self.handle.commands.try_send(command) {
            if matches!(command, Command::Confirm(_)) {
                model.confirmed = None;
            }
            update(model, Msg::Dropped);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn lost(error: io::Error) -> Problem {
    Problem::new(format!("the terminal cannot be used: {error}")).hint("use `guidepost walk --plain`, or another terminal")
}

#[cfg(test)]
mod tests;
