//! What every room may use: errors with hints, secrets, clean text, the clock, encoders, HTTP with limits. Knows nothing of ours.

pub mod clock;
pub mod encode;
pub mod error;
pub mod http;
pub mod secret;
pub mod text;

pub use error::{Exit, Problem};
pub use secret::{Personal, Secret, Typing};
