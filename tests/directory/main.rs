//! The directory by LDAP: against a server that behaves badly, and against a real domain controller where one is named. The promises are
//! the names. Not for rights: those are judged in their own room.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod real;
mod rude;
mod trouble;
mod trust;
mod ways;
