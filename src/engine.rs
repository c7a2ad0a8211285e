//! What happens: probes, checks, actions, the journal, the walk. Waits for no screen.

pub mod check;
pub mod page;
pub mod run;
