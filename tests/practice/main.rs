//! The practice lab from outside: the real binary, real sockets and TLS, as an administrator, a browser and an attacker meet it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests: helpers outside of test functions fail the test too")]

mod app;
mod azure;
mod browser;
mod control;
mod description;
mod device;
mod faults;
mod graph;
mod hostile;
mod lab;
mod our_client;
mod process;
mod roles;
mod scripts;
mod sign_in;
mod tenant;
mod wizard;
