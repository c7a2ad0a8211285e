//! Granting, taking back and surveying over the trait alone: a scripted directory in memory stands behind it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "grants/grant.rs"]
mod grant;
#[path = "grants/memory.rs"]
mod memory;
#[path = "grants/survey.rs"]
mod survey;
