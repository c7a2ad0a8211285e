//! Which key does what: keys and actions as values, the key map read from `assets/keys.toml`. Knows no terminal library.

use crate::engine::page::Act;
use serde::Deserialize;
use std::collections::HashMap;

const DEFAULT: &str = include_str!("../../assets/keys.toml");

/// A key press as the key map names it; Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Which key.
    pub(crate) code: Code,
    /// With Ctrl.
    pub(crate) ctrl: bool,
    /// With Alt.
    pub(crate) alt: bool,
}

/// Which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    /// A character.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Deletes to the left.
    Backspace,
    /// A function key.
    F(u8),
}

/// The names of the keys that are not characters, as written in `keys.toml` and shown in help.
const NAMES: [(&str, Code); 14] = [
    ("enter", Code::Enter),
    ("esc", Code::Esc),
    ("tab", Code::Tab),
    ("up", Code::Up),
    ("down", Code::Down),
    ("left", Code::Left),
    ("right", Code::Right),
    ("pgup", Code::PageUp),
    ("pgdn", Code::PageDown),
    ("home", Code::Home),
    ("end", Code::End),
    ("backspace", Code::Backspace),
    ("space", Code::Char(' ')),
    ("f1", Code::F(1)),
];

impl Key {
    /// A key without Ctrl and Alt.
    #[must_use]
    pub(crate) fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// Reads `a`, `?`, `space`, `pgdn`, `ctrl-c`, `alt-x`; `None` for anything else.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("ctrl-") {
            return Self::parse(rest).map(|key| Self { ctrl: true, ..key });
        }
        if let Some(rest) = text.strip_prefix("alt-") {
            return Self::parse(rest).map(|key| Self { alt: true, ..key });
        }
        if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == text) {
            return Some(Self::plain(*code));
        }
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Some(Self::plain(Code::Char(c))),
            _ => None,
        }
    }

    /// The name in the key map; [`Key::parse`] reads it back.
    #[cfg(test)]
    pub(crate) fn name(self) -> String {
        let base = match NAMES.iter().find(|(_, code)| *code == self.code) {
            Some((name, _)) => (*name).to_owned(),
            None => match self.code {
                Code::Char(c) => c.to_string(),
                Code::F(n) => format!("f{n}"),
                other => format!("{other:?}").to_lowercase(),
            },
        };
        format!("{}{}{base}", if self.ctrl { "ctrl-" } else { "" }, if self.alt { "alt-" } else { "" })
    }
}

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// [`Act::Apply`].
    Apply,
    /// [`Act::Undo`].
    Undo,
    /// [`Act::CheckAgain`].
    CheckAgain,
    /// [`Act::Attest`].
    Attest,
    /// [`Act::Next`].
    Next,
    /// [`Act::Back`].
    Back,
    /// [`Act::SignIn`].
    SignIn,
    /// [`Act::Wizard`].
    Wizard,
    /// A line or task down.
    Down,
    /// A line or task up.
    Up,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// To the top.
    Top,
    /// To the end.
    Bottom,
    /// Keys go to the other pane.
    OtherPane,
    /// Opens and closes the wire log.
    Wire,
    /// Chooses, ticks or fills what has the keys in the wizard.
    Toggle,
    /// Presses a button of the wizard.
    Press,
    /// The wizard's page before.
    PageBefore,
    /// The wizard's next page.
    PageAfter,
    /// [`Act::Attest`] for the wizard's page in view.
    AttestPage,
    /// Closes the wizard's own window.
    CloseWindow,
    /// Sends what a dialog shows.
    Confirm,
    /// Closes what lies over the page.
    Close,
    /// Signs in in another way.
    OtherWay,
    /// Answers yes.
    Yes,
    /// Answers no.
    No,
    /// Opens the help.
    Help,
    /// Leaves.
    Quit,
    /// Gives the terminal back to the shell for a while.
    Suspend,
    /// Draws everything again.
    Redraw,
}

impl Action {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 31] = [
        Self::Apply,
        Self::Undo,
        Self::CheckAgain,
        Self::Attest,
        Self::Next,
        Self::Back,
        Self::SignIn,
        Self::Wizard,
        Self::Toggle,
        Self::Press,
        Self::PageBefore,
        Self::PageAfter,
        Self::AttestPage,
        Self::CloseWindow,
        Self::Down,
        Self::Up,
        Self::PageDown,
        Self::PageUp,
        Self::Top,
        Self::Bottom,
        Self::OtherPane,
        Self::Wire,
        Self::Confirm,
        Self::Close,
        Self::OtherWay,
        Self::Yes,
        Self::No,
        Self::Help,
        Self::Quit,
        Self::Suspend,
        Self::Redraw,
    ];

    /// The engine's act behind it; `None` for what only moves the screen.
    #[must_use]
    pub(crate) fn act(self) -> Option<Act> {
        Act::ALL.into_iter().find(|act| Self::of(*act) == self)
    }

    /// The action that asks for an act.
    #[must_use]
    pub(crate) fn of(act: Act) -> Self {
        match act {
            Act::Apply => Self::Apply,
            Act::Undo => Self::Undo,
            Act::CheckAgain => Self::CheckAgain,
            Act::Attest => Self::Attest,
            Act::Next => Self::Next,
            Act::Back => Self::Back,
            Act::SignIn => Self::SignIn,
            Act::Wizard => Self::Wizard,
        }
    }
}

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    /// Something lies over the page.
    Dialog,
    /// The wizard's mirror lies over the page.
    Wizard,
    /// The page itself.
    Screen,
    /// Everywhere, asked last.
    Global,
}

/// One line of the key map.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Binding {
    /// What it does.
    pub(crate) action: Action,
    /// The keys, the one to show first.
    pub(crate) keys: Vec<String>,
    /// The verb on the hint line.
    pub(crate) name: String,
    /// The line in the help.
    pub(crate) help: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    dialog: Vec<Binding>,
    wizard: Vec<Binding>,
    screen: Vec<Binding>,
    global: Vec<Binding>,
}

/// Why a key map cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeysError {
    /// Not the shape of a key map.
    #[error("the key map cannot be read: {0}")]
    Shape(#[from] toml::de::Error),
    /// Written for another version.
    #[error("the key map has format `{0}`, this program reads format `1`")]
    Format(u32),
    /// A name that is no key.
    #[error("`{0}` in the key map is no key")]
    NoKey(String),
    /// One key for two actions.
    #[error("`{0}` stands twice in one context of the key map")]
    Twice(String),
}

/// The key map, read once at start.
#[derive(Clone, Debug)]
pub(crate) struct KeyMap {
    table: HashMap<(Context, Key), Action>,
    bindings: Vec<(Context, Binding)>,
}

impl KeyMap {
    /// The built-in key map.
    ///
    /// # Errors
    /// Only if the asset is broken, which a test forbids.
    pub(crate) fn built_in() -> Result<Self, KeysError> {
        Self::read(DEFAULT)
    }

    /// Reads a key map from TOML.
    ///
    /// # Errors
    /// When it is not TOML of this shape, names no key, or gives one key two meanings in one context.
    pub(crate) fn read(text: &str) -> Result<Self, KeysError> {
        let file: File = toml::from_str(text)?;
        if file.format != 1 {
            return Err(KeysError::Format(file.format));
        }
        let contexts = [
            (Context::Dialog, file.dialog),
            (Context::Wizard, file.wizard),
            (Context::Screen, file.screen),
            (Context::Global, file.global),
        ];
        let bindings: Vec<_> = contexts.into_iter().flat_map(|(context, list)| list.into_iter().map(move |b| (context, b))).collect();
        let mut table = HashMap::new();
        for (context, binding) in &bindings {
            for name in &binding.keys {
                let key = Key::parse(name).ok_or_else(|| KeysError::NoKey(name.clone()))?;
                if table.insert((*context, key), binding.action).is_some() {
                    return Err(KeysError::Twice(name.clone()));
                }
            }
        }
        Ok(Self { table, bindings })
    }

    /// What a key means in a context.
    #[must_use]
    pub(crate) fn action(&self, first: Context, key: Key) -> Option<Action> {
        [first, Context::Global].into_iter().find_map(|context| self.table.get(&(context, key)).copied())
    }

    /// All lines of a context, in the order of the file.
    pub(crate) fn of(&self, context: Context) -> impl Iterator<Item = &Binding> {
        self.bindings.iter().filter(move |(c, _)| *c == context).map(|(_, binding)| binding)
    }

    /// The key to show for an action in a context, and its verb.
    #[must_use]
    pub(crate) fn hint(&self, context: Context, action: Action) -> Option<(&str, &str)> {
        let binding = self.of(context).find(|binding| binding.action == action)?;
        Some((binding.keys.first()?.as_str(), binding.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_key_map_is_whole() {
        let map = KeyMap::built_in().unwrap();
        for action in Action::ALL {
            let bound = map.bindings.iter().any(|(_, binding)| binding.action == action && !binding.keys.is_empty());
            assert!(bound, "{action:?} has no key");
        }
        assert!(map.bindings.iter().all(|(_, b)| !b.name.is_empty() && !b.help.is_empty()));
    }

    #[test]
    fn every_act_has_a_key_under_its_own_word() {
        let map = KeyMap::built_in().unwrap();
        for act in Act::ALL {
            let (_, name) = map.hint(Context::Screen, Action::of(act)).unwrap();
            assert_eq!(name, act.word());
            assert_eq!(Action::of(act).act(), Some(act));
        }
    }

    #[test]
    fn a_key_with_two_meanings_in_one_context_is_refused() {
        let clash = DEFAULT.replacen("keys = [\"u\"]", "keys = [\"a\"]", 1);
        assert_eq!(KeyMap::read(&clash).unwrap_err().to_string(), "`a` stands twice in one context of the key map");
        let no_key = DEFAULT.replacen("keys = [\"u\"]", "keys = [\"hyper-u\"]", 1);
        assert_eq!(KeyMap::read(&no_key).unwrap_err().to_string(), "`hyper-u` in the key map is no key");
    }

    #[test]
    fn key_names_read_back() {
        let map = KeyMap::built_in().unwrap();
        for (_, binding) in &map.bindings {
            for name in &binding.keys {
                assert_eq!(&Key::parse(name).unwrap().name(), name);
            }
        }
    }
}
