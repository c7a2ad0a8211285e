//! What the guide says, as pure data: packs, their steps and words. Reads files, never a system, never a screen.

pub mod finding;
mod lint;
pub mod load;
mod outline;
pub mod pack;
pub mod prose;
pub mod rehearsal;
pub mod rights;
pub mod schema;
pub mod scripts;
pub mod source;
pub mod step;
pub mod variables;
mod words;
mod written;
mod yaml;

pub use finding::{Finding, PackError, Severity};
pub use pack::{Guide, Pack, Phase};
pub use prose::{Block, Span, SpanStyle, StepProse};
pub use step::{Check, Diagnosis, Op, Probe, Step, StepKind};
pub use variables::{Reference, Template};
