//! Why the service did not do what was asked.

use oneoff_domain::ValidationErrors;
use oneoff_storage::{Refusal, StoreError};

/// Why the service did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ServiceError {
    /// The input cannot be accepted: every field that is wrong.
    #[error(transparent)]
    Invalid(#[from] ValidationErrors),
    /// The domain refuses it.
    #[error(transparent)]
    Refused(Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(Refusal::Invalid(errors)) => Self::Invalid(errors),
            StoreError::Refused(refusal) => Self::Refused(refusal),
            other => Self::Store(other),
        }
    }
}
