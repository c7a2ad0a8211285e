//! Takes the terminal and gives it back, whatever ends the program. Not for reading keys: that is `input`.

use crossterm::{
    cursor,
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute, style,
    terminal::{self, EnterAlternateScreen, LeaveAlternateScreen},
};
use std::{
    io::{self, Write},
    panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether this process holds the terminal now. One process has one terminal, so this is the one global of the room.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Begins a frame that the terminal shows at once (synchronized update, DEC private mode 2026); others ignore it.
const BEGIN: &[u8] = b"\x1b[?2026h";

/// Ends it.
const END: &[u8] = b"\x1b[?2026l";

/// A process that stops at all stops within this time after the signal.
#[cfg(unix)]
const STOPS_WITHIN: std::time::Duration = std::time::Duration::from_millis(100);

/// Columns and rows, from the system; no question is sent to the terminal.
pub(crate) fn size() -> io::Result<(u16, u16)> {
    terminal::size()
}

/// Keys come one by one and are not shown, on the screen as it is; dropping it ends that.
#[must_use = "dropping it gives the terminal back"]
pub(crate) struct Raw;

impl Raw {
    pub(crate) fn take() -> io::Result<Self> {
        terminal::enable_raw_mode().map(|()| Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = terminal::disable_raw_mode();
    }
}

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
#[must_use = "dropping it gives the terminal back"]
pub(crate) struct Term {
    held: &'static AtomicBool,
}

impl Term {
    /// Takes the terminal: raw mode, alternate screen, no cursor. Asks it nothing.
    pub(crate) fn take() -> io::Result<Self> {
        give_back_on_panic();
        // The theme alone decides: crossterm 0.29 reads `NO_COLOR` itself and would overrule `--color always`.
        style::force_color_output(true);
        let mut term = Self { held: &TAKEN };
        term.take_now()?;
        Ok(term)
    }

    /// Whether a panic elsewhere gave the terminal back meanwhile.
    pub(crate) fn is_lost(&self) -> bool {
        !self.held.load(Ordering::SeqCst)
    }

    /// Takes the terminal again after it was given back, or after a shell may have changed its modes behind our back.
    pub(crate) fn take_again(&mut self) -> io::Result<()> {
        // crossterm takes no raw mode twice, so it is left first.
        terminal::disable_raw_mode()?;
        self.take_now()
    }

    /// Gives the terminal to the shell, stops like any job, and takes the terminal again when it goes on.
    ///
    /// The whole process group is stopped, as by a terminal's own Ctrl-Z, so that `cargo run` stops with us. The system may
    /// deliver the signal to another thread while this one runs on, so the terminal is taken only after SIGCONT came. Where
    /// no shell waits for the group (POSIX: an orphaned process group) the signal is ignored, no SIGCONT comes, and we go on.
    #[cfg(unix)]
    pub(crate) async fn suspend(&mut self) -> io::Result<()> {
        use rustix::process::{Signal, kill_current_process_group};
        use tokio::signal::unix::{SignalKind, signal};
        let mut goes_on = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
        give_back();
        kill_current_process_group(Signal::TSTP)?;
        let _ = tokio::time::timeout(STOPS_WITHIN, goes_on.recv()).await;
        self.take_now()
    }

    /// Windows consoles have no jobs: the screen is only taken anew.
    #[cfg(not(unix))]
    #[expect(clippy::unused_async, reason = "the same shape as on Unix")]
    pub(crate) async fn suspend(&mut self) -> io::Result<()> {
        self.take_again()
    }

    fn take_now(&mut self) -> io::Result<()> {
        // First, so that whatever fails below is given back.
        self.held.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        // So that pasted text is told from keys: a page of it holds a `u` and an Enter. Not on Windows: crossterm 0.29 reads
        // console events there and would take the brackets for keys.
        if cfg!(unix) { execute!(io::stdout(), EnableBracketedPaste) } else { Ok(()) }
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back if it is taken. Nothing can be done about errors here: the terminal may be gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // A frame that a panic cut short must not hold the terminal's picture.
        let _ = out.write_all(END);
        if cfg!(unix) {
            let _ = execute!(out, DisableBracketedPaste);
        }
        let _ = execute!(out, LeaveAlternateScreen, cursor::Show);
        let _ = terminal::disable_raw_mode();
    }
}

/// Puts giving back the terminal before whatever hook is there, so that its message lands on the normal screen.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            next(info);
        }));
    });
}

/// Standard output a frame at a time: gathers what is written, and sends it whole and synchronized at each flush.
#[derive(Debug)]
pub(crate) struct Frames<W: Write> {
    out: W,
    frame: Vec<u8>,
}

impl Frames<io::Stdout> {
    /// Frames to the terminal on standard output.
    pub(crate) fn stdout() -> Self {
        Self::to(io::stdout())
    }
}

impl<W: Write> Frames<W> {
    fn to(out: W) -> Self {
        Self { out, frame: Vec::with_capacity(16 * 1024) }
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        self.frame.splice(0..0, BEGIN.iter().copied());
        self.frame.extend_from_slice(END);
        let written = self.out.write_all(&self.frame).and_then(|()| self.out.flush());
        self.frame.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_goes_out_whole_and_synchronized_and_an_empty_one_not_at_all() {
        let mut frames = Frames::to(Vec::new());
        frames.flush().unwrap();
        frames.write_all(b"one").unwrap();
        frames.write_all(b" two").unwrap();
        assert!(frames.out.is_empty(), "written before the flush");
        frames.flush().unwrap();
        assert_eq!(frames.out, b"\x1b[?2026hone two\x1b[?2026l");
    }
}
