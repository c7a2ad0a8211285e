//! The room `rights` from outside: byte for byte, word for word, and what it says about who may do what.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "rights/bytes.rs"]
mod bytes;
#[path = "rights/delegated.rs"]
mod delegated;
#[path = "rights/effective.rs"]
mod effective;
#[path = "rights/given.rs"]
mod given;
#[path = "rights/handed_down.rs"]
mod handed_down;
#[path = "rights/words.rs"]
mod words;
