//! The real program in a pseudo-terminal, in a real practice lab that it starts itself: what a person types, sees and is left with.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod flow;
mod house;
mod lines;
#[path = "../support/pty.rs"]
mod pty;
mod signin;
mod slow;
mod terminal;
mod trouble;
mod whole;
mod wizard;
