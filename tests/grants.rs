//! Granting, taking back and surveying over the trait alone: a scripted directory in memory stands behind it, and
//! a real domain controller where one is named.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "grants/grant.rs"]
mod grant;
#[path = "grants/memory.rs"]
mod memory;
#[path = "grants/real.rs"]
mod real;
#[path = "grants/survey.rs"]
mod survey;
