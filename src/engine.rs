//! What happens: probes, checks, actions, the journal, the walk. Waits for no screen.

pub mod action;
pub mod attest;
mod azure;
pub mod check;
pub mod consent;
pub mod core;
pub mod diagnose;
pub mod domain;
pub mod journal;
pub mod known;
pub mod ledger;
pub mod matcher;
pub mod object;
pub mod page;
pub mod permissions;
pub mod probe;
pub mod proof;
pub mod rehearse;
pub mod run;
pub mod schedule;
pub mod scripts;
pub mod systems;

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Who sits here, by the operating system's user name; for the journal's attestations.
#[must_use]
pub fn person() -> String {
    let name = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    name.map_or_else(|| "somebody".into(), |name| crate::base::text::short(&name, 64))
}
