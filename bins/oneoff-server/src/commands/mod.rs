//! What the binary can be told to do, one file per command.

pub mod check_config;
pub mod healthcheck;
pub mod keys;
pub mod migrate;
pub mod serve;

/// The boxed error of a command: it is printed once, with what caused it.
pub type CommandError = Box<dyn std::error::Error + Send + Sync>;
