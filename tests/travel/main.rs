//! A password travels in the practice lab, from outside: asked for over Graph or by a person, seen in the operation, in APP1's log, in the audit and by
//! the domain controller, over the real wire.
#![expect(clippy::unwrap_used, reason = "tests: helpers outside of test functions fail the test too")]

#[path = "../practice/browser.rs"]
mod browser;
#[path = "../domain/dc.rs"]
#[allow(dead_code, clippy::allow_attributes, clippy::print_stderr, reason = "each test binary uses its own part of it")]
mod dc;
#[path = "../practice/lab.rs"]
mod lab;
mod own_hand;
mod reset;
mod stage;
