//! What can go wrong when a program embeds OneOff.

use oneoff_executors::BuildError;
use oneoff_scheduler::{ServiceError, StartError};
use oneoff_secrets::KeyFileError;
use oneoff_storage::{NotAnAddress, OpenError};

/// Why OneOff could not be built or started, or did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The builder was told something that cannot be.
    #[error("{what} cannot be `{given}`: {allowed}")]
    Setting {
        /// What it is about: `timezone`, `default_priority`.
        what: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        allowed: String,
    },
    /// The address of the PostgreSQL database is none. It is not shown, as it may hold a password.
    #[error("the address of the database cannot be used: {0}")]
    Address(#[from] NotAnAddress),
    /// The client of the built-in `http` type cannot be set up.
    #[error(transparent)]
    Builtin(#[from] BuildError),
    /// The key that seals secrets cannot be used. The text says what to do.
    #[error(transparent)]
    SealingKey(#[from] KeyFileError),
    /// The database cannot be opened. The text says what to do.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The scheduler cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What was asked cannot be done, or the store failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The runtime ended while OneOff was being started.
    #[error("the runtime ended while OneOff was being started")]
    Interrupted(#[source] tokio::task::JoinError),
}
