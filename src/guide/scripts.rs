//! The scripts of the program that a pack may name: which machine each runs on, whether it changes anything, what it takes. Not their text: a
//! guide knows no system. A test holds this table against `services/host/app1.rs`.

use super::step::{MachinePart, ScriptValue};

/// A script that a pack may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownScript {
    /// Its name: the file's in `assets/scripts`.
    pub name: &'static str,
    /// Where it runs.
    pub machine: MachinePart,
    /// Whether it changes anything; probes take those that do not, ops those that do.
    pub changes: bool,
    /// Whether a probe may say `within`: it reads a record of what happened.
    pub within: bool,
    /// The values that it takes, all of which an op must give.
    pub values: &'static [(&'static str, ValueKind)],
}

/// What a value of a script may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// `true` or `false`.
    Flag,
    /// A whole number, both ends included.
    Number(u32, u32),
}

impl ValueKind {
    /// Whether a value is of this kind.
    #[must_use]
    pub fn takes(self, value: ScriptValue) -> bool {
        match (self, value) {
            (Self::Flag, ScriptValue::Flag(_)) => true,
            (Self::Number(least, most), ScriptValue::Number(number)) => (least..=most).contains(&number),
            (Self::Flag, ScriptValue::Number(_)) | (Self::Number(..), ScriptValue::Flag(_)) => false,
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Number(least, most) => format!("a whole number from {least} to {most}"),
        }
    }
}

const fn reads(name: &'static str) -> KnownScript {
    KnownScript { name, machine: MachinePart::App1, changes: false, within: false, values: &[] }
}

const fn changes(name: &'static str, values: &'static [(&'static str, ValueKind)]) -> KnownScript {
    KnownScript { name, machine: MachinePart::App1, changes: true, within: false, values }
}

/// All of them.
pub const SCRIPTS: &[KnownScript] = &[
    reads("connect-service"),
    reads("scheduler"),
    reads("connectors"),
    reads("writeback"),
    reads("hash-sync"),
    KnownScript { within: true, ..reads("connect-events") },
    reads("tls"),
    reads("clock"),
    reads("memory"),
    reads("rsat"),
    changes("sync-delta", &[]),
    // A host gives a script three minutes in all.
    changes("set-writeback", &[("enable", ValueKind::Flag), ("seconds", ValueKind::Number(1, 120))]),
];

/// The script with this name.
#[must_use]
pub fn known(name: &str) -> Option<&'static KnownScript> {
    SCRIPTS.iter().find(|script| script.name == name)
}
