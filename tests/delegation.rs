//! Granting, taking back and surveying over the trait alone: a scripted directory in memory stands behind it, and
//! a real domain controller where one is named.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "delegation/command.rs"]
mod command;
#[path = "delegation/grant.rs"]
mod grant;
#[path = "support/home.rs"]
mod home;
#[path = "delegation/memory.rs"]
mod memory;
#[path = "delegation/real.rs"]
mod real;
#[path = "delegation/survey.rs"]
mod survey;
