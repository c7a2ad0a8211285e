//! Where keys, sizes and signals come from. Not for what they mean: that is `keys` and `update`.

use super::keys::{Code, Key};
use crate::base::{Secret, Typing};
use crate::engine::run::Pasted;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt as _;
use std::io;

/// What comes in from the terminal and the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A key was pressed or repeats.
    Key(Key),
    /// A text was pasted; it is no keys, whatever is in it.
    Pasted(Pasted),
    /// The terminal has another size.
    Resized,
    /// The process goes on after it was stopped.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only POSIX signals make it"))]
    Continued,
    /// The system asks to end, by this signal's number.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only POSIX signals make it"))]
    Signal(u8),
    /// No more keys can come.
    Gone,
}

/// Reads the terminal; dropping it leaves the terminal's input alone.
pub(crate) struct Inputs {
    /// `None` while the terminal is the shell's.
    events: Option<EventStream>,
    signals: signals::Signals,
}

impl Inputs {
    /// Starts to listen; needs a runtime. Before the terminal is taken and the first frame drawn: a signal or a resize that
    /// came between would be lost.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { events: Some(EventStream::new()), signals: signals::Signals::listen()? })
    }

    /// Leaves the terminal's input to somebody else until the next [`Inputs::next`].
    pub(crate) fn pause(&mut self) {
        self.events = None;
    }

    /// The next thing that comes in. Cancel safe: what was not returned is not lost.
    pub(crate) async fn next(&mut self) -> Input {
        let events = self.events.get_or_insert_default();
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => return signal,
                event = events.next() => match event {
                    Some(Ok(event)) => {
                        if let Some(input) = read(&event) {
                            return input;
                        }
                    }
                    Some(Err(_)) | None => return Input::Gone,
                },
            }
        }
    }
}

fn read(event: &Event) -> Option<Input> {
    match event {
        Event::Key(key) => read_key(*key).map(Input::Key),
        Event::Resize(..) => Some(Input::Resized),
        // Pasted text must not act as keys.
        Event::Paste(text) => Some(Input::Pasted(Pasted(Secret::new(text.as_str())))),
        // The mouse is never switched on.
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}

/// Windows sends each key as Press and Release: only what is pressed or repeats counts.
fn read_key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    Some(with_modifiers(code, event.modifiers))
}

/// AltGr comes as Ctrl and Alt on Windows (`@`, `\` on many keyboards): then the character is meant.
fn with_modifiers(code: Code, modifiers: KeyModifiers) -> Key {
    let ctrl = modifiers.contains(KeyModifiers::CONTROL);
    let alt = modifiers.contains(KeyModifiers::ALT);
    let alt_gr = ctrl && alt && matches!(code, Code::Char(c) if !c.is_ascii_alphabetic());
    Key { code, ctrl: ctrl && !alt_gr, alt: alt && !alt_gr }
}

/// Reads a line that is not shown: a dot for each character, up to a few. Enter ends it; Esc and Ctrl-C give `None`.
///
/// Key by key, because a terminal's own line ends at 4,096 characters on Linux and 1,024 on macOS, and an address may be longer.
pub(super) async fn hidden_line(out: &mut impl io::Write) -> io::Result<Option<Secret>> {
    const MOST_SHOWN: usize = 40;
    // Whoever ends the process by a signal gets the terminal back as well: the line is given up, and the caller's guard drops.
    let mut signals = signals::Signals::listen()?;
    let mut events = EventStream::new();
    let mut typing = Typing::default();
    loop {
        let event = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Input::Signal(_) | Input::Gone => return Ok(None),
                Input::Key(_) | Input::Resized | Input::Continued | Input::Pasted(_) => continue,
            },
            event = events.next() => event,
        };
        let Some(event) = event else { return Ok(None) };
        let Some(Input::Key(key)) = read(&event?) else { continue };
        match (key.code, key.ctrl, key.alt) {
            (Code::Enter, ..) => return Ok(Some(typing.take())),
            (Code::Esc, ..) | (Code::Char('c' | 'd'), true, false) => return Ok(None),
            (Code::Backspace, ..) => {
                if (1..=MOST_SHOWN).contains(&typing.count()) {
                    out.write_all(b"\x08 \x08")?;
                }
                typing.pop();
            }
            (Code::Char(c), false, false) => {
                typing.push(c);
                if typing.count() <= MOST_SHOWN {
                    out.write_all(b"*")?;
                }
            }
            _ => {}
        }
        out.flush()?;
    }
}

#[cfg(unix)]
mod signals {
    use super::Input;
    use std::io;
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// The signals that end the walk, and the one that follows a stop.
    pub(super) struct Signals {
        term: Signal,
        hangup: Signal,
        interrupt: Signal,
        go_on: Signal,
    }

    impl Signals {
        pub(super) fn listen() -> io::Result<Self> {
            let go_on = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
            Ok(Self {
                term: signal(SignalKind::terminate())?,
                hangup: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                go_on: signal(go_on)?,
            })
        }

        pub(super) async fn next(&mut self) -> Input {
            // The numbers are POSIX's: 15, 1, 2.
            tokio::select! {
                Some(()) = self.term.recv() => Input::Signal(15),
                Some(()) = self.hangup.recv() => Input::Signal(1),
                Some(()) = self.interrupt.recv() => Input::Signal(2),
                Some(()) = self.go_on.recv() => Input::Continued,
                else => std::future::pending().await,
            }
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use super::Input;
    use std::io;

    /// Windows ends console programs by other means; keys come through the console.
    pub(super) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "the same shape as on Unix")]
        pub(super) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> Input {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::KeyEventState;

    fn event(code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent { code, modifiers, kind, state: KeyEventState::NONE })
    }

    #[test]
    fn a_release_is_no_key_press() {
        assert_eq!(read(&event(KeyCode::Char('a'), KeyModifiers::NONE, KeyEventKind::Release)), None);
        for kind in [KeyEventKind::Press, KeyEventKind::Repeat] {
            assert_eq!(read(&event(KeyCode::Char('a'), KeyModifiers::NONE, kind)), Some(Input::Key(Key::plain(Code::Char('a')))));
        }
    }

    #[test]
    fn shift_is_in_the_character_and_alt_gr_is_the_character() {
        let key = |code, modifiers| read(&event(code, modifiers, KeyEventKind::Press));
        assert_eq!(key(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Input::Key(Key::plain(Code::Char('?')))));
        let alt_gr = KeyModifiers::CONTROL | KeyModifiers::ALT;
        assert_eq!(key(KeyCode::Char('@'), alt_gr), Some(Input::Key(Key::plain(Code::Char('@')))));
    }

    #[test]
    fn pasted_text_is_no_key() {
        assert_eq!(read(&Event::Paste("a\n".to_owned())), Some(Input::Pasted(Pasted(Secret::new("a\n")))));
    }
}
