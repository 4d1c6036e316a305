//! What runs a job: the [`Executor`] trait, the [`Registry`] of job types, and one folder per built-in type.
//!
//! An executor knows no database and no schedule. It is given a [`RunContext`] and gives back an outcome.

mod builtin;
pub mod chain;
pub mod context;
pub mod executor;
mod fields;
pub mod http;
pub mod output;
pub mod process;
pub mod registry;
mod schema;
pub mod shell;
pub mod stop;

pub use builtin::BUILTIN_JOB_TYPES;
pub use chain::{CHAIN_VARIABLES, ChainPlace};
pub use context::RunContext;
pub use executor::{Executor, RunFuture};
pub use http::HttpExecutor;
pub use oneoff_outbound::{BuildError, EgressPolicy};
pub use output::{OutputChunk, OutputWriter};
pub use process::{Guardian, ProcessWatch, Unwatched};
pub use registry::{Registry, UnknownJobType};
pub use shell::{BaseEnvironment, ShellExecutor};
pub use stop::{StopReason, StopSignal, StopTrigger};
