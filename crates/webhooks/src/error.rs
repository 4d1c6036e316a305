//! Why something about a webhook was not done.

use oneoff_domain::{FieldError, ValidationErrors};
use oneoff_storage::{Refusal, StoreError};

/// Why something about a webhook was not done.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Fields that cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] ValidationErrors),
    /// The store refuses it or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WebhookError {
    /// One field that cannot be accepted.
    #[must_use]
    pub fn field(error: FieldError) -> Self {
        Self::Invalid(ValidationErrors::one(error))
    }

    /// There is no such record.
    #[must_use]
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::Store(StoreError::Refused(Refusal::NotFound { kind, id: id.to_string() }))
    }
}
