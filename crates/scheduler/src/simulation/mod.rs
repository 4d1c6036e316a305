//! Deterministic simulation: the real core, service, reconcilers, recovery and store, and everything else made up.
//!
//! A seed makes a history: what clients ask for and when, how long each answer takes, what shares a commit, when the
//! server dies, the clock is set, the machine sleeps and the disk fails. Time is virtual, so that years pass in
//! milliseconds, and the same seed makes the same history, step by step. A book outside of the server compares what
//! it promised with what is seen.

mod book;
mod client;
mod clock;
mod dice;
mod disk;
mod effects;
mod executor;
mod freed;
mod history;
mod look;
mod machine;
mod many;
mod mischief;
mod plan;
mod processes;
mod removal;
mod rests;
mod run;
mod server;
mod tasks;
mod trace;
mod violation;

#[cfg(test)]
mod tests;

pub use machine::SetUpError;
pub use run::{Failed, Length, Options, Report, simulate};
pub use violation::Violation;
