//! What the guide says, as pure data: packs, their steps and words. Reads files, never a system, never a screen.

pub mod pack;
pub mod prose;
pub mod rights;
pub mod step;
pub mod variables;
mod written;

pub use pack::{Guide, Pack, Phase};
pub use prose::{Block, Span, SpanStyle, StepProse};
pub use step::{Check, Diagnosis, Op, Probe, Step, StepKind};
pub use variables::{Reference, Template};
