//! The drawing surface: frames of a model onto a writer. ratatui's own types stay in here.

use super::draw;
use crate::tui::model::Model;
use ratatui::{
    Terminal,
    backend::{Backend, CrosstermBackend},
    layout::Rect,
};
use std::io::{self, Write};

/// A terminal's screen, drawn as differences to the last frame.
pub(crate) struct Screen<B: Backend>(Terminal<B>);

/// A screen behind a writer.
pub(crate) type WriterScreen<W> = Screen<CrosstermBackend<W>>;

impl<W: Write> WriterScreen<W> {
    /// A screen whose frames go to a writer. Asks the terminal nothing.
    pub(crate) fn on(writer: W) -> io::Result<Self> {
        Ok(Self(Terminal::new(CrosstermBackend::new(writer))?))
    }
}

impl<B: Backend> Screen<B>
where
    B::Error: Send + Sync + 'static,
{
    /// Draws one frame.
    pub(crate) fn draw(&mut self, model: &mut Model) -> io::Result<()> {
        self.0
            .draw(|frame| {
                let area = frame.area();
                draw(model, area, frame.buffer_mut());
            })
            .map_err(io::Error::other)?;
        model.dirty = false;
        Ok(())
    }

    /// Forgets what was drawn, so that the next frame writes every cell.
    ///
    /// Not `Terminal::clear`: that asks the terminal for its cursor, and some terminals never answer.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        let size = self.0.size().map_err(io::Error::other)?;
        self.0.resize(Rect::new(0, 0, size.width, size.height)).map_err(io::Error::other)
    }
}

#[cfg(test)]
pub(crate) type MemoryScreen = Screen<ratatui::backend::TestBackend>;

#[cfg(test)]
impl MemoryScreen {
    /// A screen in memory.
    pub(crate) fn in_memory(width: u16, height: u16) -> Self {
        Self(Terminal::new(ratatui::backend::TestBackend::new(width, height)).unwrap())
    }

    /// Gives the screen another size.
    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.0.backend_mut().resize(width, height);
    }

    /// What stands on the screen.
    pub(crate) fn buffer(&self) -> &ratatui::buffer::Buffer {
        self.0.backend().buffer()
    }

    /// What stands on the screen, line by line.
    pub(crate) fn text(&self) -> String {
        super::tests::text(self.buffer())
    }
}
