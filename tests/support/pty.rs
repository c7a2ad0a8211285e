//! A program in a pseudo-terminal, as a person meets it: type, look, resize, stop, kill, and see what it leaves behind.
//! Not for pictures: tests ask for text and modes. Linux only: `setsid` of util-linux gives the controlling terminal.

#![allow(dead_code, clippy::allow_attributes, reason = "each test binary uses its own part of it")]
#![expect(clippy::unwrap_used, reason = "tests")]

use rustix::{
    fs::{Mode, OFlags},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Termios, Winsize, tcgetattr, tcsetwinsize},
};
use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZero,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// How long a test waits for anything before it says what it saw instead.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program, its terminal, and what the terminal shows.
pub(crate) struct Pty {
    child: Child,
    /// The terminal's outer end, for keys and sizes.
    outer: File,
    /// The terminal's inner end, kept open so that its modes can be read after the program's end.
    inner: OwnedFd,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// The beginning of a character whose end is still to come.
    torn: Vec<u8>,
    /// Everything written so far.
    pub(crate) written: Vec<u8>,
    /// The terminal's modes before the program started.
    pub(crate) before: Termios,
}

/// A program's terminal modes that matter: input, output, local and control flags.
pub(crate) fn modes(termios: &Termios) -> String {
    format!("{:?} {:?} {:?} {:?}", termios.input_modes, termios.output_modes, termios.local_modes, termios.control_modes)
}

impl Pty {
    /// Starts a program in a terminal of this size, which becomes its controlling terminal.
    pub(crate) fn start(columns: u16, rows: u16, program: &str, args: &[&str], env: &[(&str, &str)]) -> Self {
        let outer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&outer).unwrap();
        unlockpt(&outer).unwrap();
        let name = ptsname(&outer, Vec::new()).unwrap();
        let inner = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        tcsetwinsize(&outer, winsize(columns, rows)).unwrap();
        let before = tcgetattr(&inner).unwrap();
        let end = || Stdio::from(inner.try_clone().unwrap());
        #[expect(clippy::disallowed_methods, reason = "the program under test is a child")]
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(args).env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(env.iter().copied());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let outer = File::from(outer);
        let output = reader(outer.try_clone().unwrap());
        Self {
            child,
            outer,
            inner,
            output,
            screen: vt100::Parser::new(size(rows), size(columns), 0),
            torn: Vec::new(),
            written: Vec::new(),
            before,
        }
    }

    /// Types bytes; `\r` is Enter, `\x1a` Ctrl-Z.
    pub(crate) fn types(&mut self, keys: impl AsRef<[u8]>) {
        for part in keys.as_ref().chunks(256) {
            self.outer.write_all(part).unwrap();
            // What is drawn meanwhile is taken, so that neither end waits for the other.
            while self.pump(Duration::ZERO) {}
        }
    }

    /// Gives the terminal another size; the system tells the program.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.screen.screen_mut().set_size(size(rows), size(columns));
        tcsetwinsize(&self.outer, winsize(columns, rows)).unwrap();
    }

    /// What the terminal shows now.
    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Whether the program's own screen is shown, not the shell's.
    pub(crate) fn on_alternate_screen(&self) -> bool {
        self.screen.screen().alternate_screen()
    }

    /// Whether the cursor is hidden.
    pub(crate) fn cursor_is_hidden(&self) -> bool {
        self.screen.screen().hide_cursor()
    }

    /// Waits until the terminal shows a text.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        self.until(&format!("the screen to show {text:?}"), |pty| pty.text().contains(text));
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !(self.frame_is_whole() && holds(self)) {
            assert!(Instant::now() < deadline, "waited for {what}; the screen:\n{}", self.text());
            self.pump(Duration::from_millis(20));
        }
    }

    /// The terminal's modes now.
    pub(crate) fn modes(&self) -> String {
        modes(&tcgetattr(&self.inner).unwrap())
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the program's end: its exit code, or 128 and the signal that killed it.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let mut status = None;
        self.until("the program to end", |pty| {
            status = pty.child.try_wait().unwrap();
            status.is_some()
        });
        // What it wrote last is on its way still.
        while self.pump(Duration::from_millis(100)) {}
        let status = status.unwrap();
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    /// Asserts that the terminal is as it was: modes, screen, cursor.
    #[track_caller]
    pub(crate) fn is_given_back(&self) {
        assert_eq!(self.modes(), modes(&self.before), "the terminal's modes");
        assert!(!self.on_alternate_screen(), "still on the alternate screen");
        assert!(!self.cursor_is_hidden(), "the cursor is still hidden");
    }

    /// vt100 draws nothing for U+FFFD, which every terminal shows in one column; a `?` stands for it here.
    fn draw(&mut self, bytes: &[u8]) {
        self.torn.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.torn) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.torn.len(),
        };
        let rest = self.torn.split_off(whole);
        let text = std::mem::replace(&mut self.torn, rest);
        self.screen.process(String::from_utf8_lossy(&text).replace('\u{fffd}', "?").as_bytes());
    }

    /// Whether no synchronized update is under way: a terminal shows a frame whole, so a person never sees half of one.
    fn frame_is_whole(&self) -> bool {
        let mode = self.written.windows(8).rev().find(|bytes| bytes.starts_with(b"\x1b[?2026"));
        mode.is_none_or(|mode| mode.ends_with(b"l"))
    }

    /// Takes what was written meanwhile; whether there was something.
    fn pump(&mut self, wait: Duration) -> bool {
        match self.output.recv_timeout(wait) {
            Ok(bytes) => {
                self.draw(&bytes);
                self.written.extend_from_slice(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => {
                thread::yield_now();
                false
            }
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Reads the terminal in a thread of its own: it ends when the terminal does. The channel is bounded; a full one makes the
/// program wait, as a slow terminal would.
fn reader(mut outer: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = sync_channel(64);
    thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(count) = outer.read(&mut buffer) {
            if count == 0 || sender.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
