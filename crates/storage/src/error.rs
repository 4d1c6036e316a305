//! The errors of the store's public API, free of any database's types.

use crate::AccessRefusal;
use oneoff_domain::{IllegalTransition, ValidationErrors};
use std::sync::Arc;

/// Why the domain refuses a change. The database is fine; nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No record of this kind has this id.
    #[error("there is no {kind} `{id}`")]
    NotFound {
        /// `job`, `execution`.
        kind: &'static str,
        /// The id as given.
        id: String,
    },
    /// The job's status does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The record has changed since the client read it.
    #[error("the record has version {actual}, not {expected}")]
    VersionMismatch {
        /// What the client expected.
        expected: i64,
        /// What it is.
        actual: i64,
    },
    /// Another record has this unique value.
    #[error("{field} `{value}` is taken by another job of the project")]
    Duplicate {
        /// The field, `external_id`.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// Another record of this kind has this unique value.
    #[error("there is another {kind} with the {field} `{value}`")]
    Taken {
        /// `project`, `tag`.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// The value.
        value: String,
    },
    /// There are as many records of this kind as there may be.
    #[error("there are {most} {kind}, which is as many as there may be: delete some that are not needed")]
    TooMany {
        /// `projects`, `tags`.
        kind: &'static str,
        /// As many as there may be.
        most: usize,
    },
    /// The caller is not allowed to do this.
    #[error("{what}")]
    Barred {
        /// Why not.
        what: &'static str,
    },
    /// The default project is always there.
    #[error("the default project cannot be deleted: jobs that name no project go there")]
    DefaultProject,
    /// A project that still has jobs is not deleted without a word about them.
    #[error(
        "the project `{id}` has jobs or chains: send jobs=move with move_to=<project> to keep them elsewhere, or jobs=delete to \
         delete them with it"
    )]
    ProjectHasJobs {
        /// Its id.
        id: String,
    },
    /// A project of which jobs run is not deleted.
    #[error("jobs or chains of the project `{id}` are running: wait for them or cancel them first")]
    ProjectRuns {
        /// Its id.
        id: String,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was already used for a different request")]
    IdempotencyMismatch,
    /// A request with the same idempotency key made this job, and it was removed since.
    #[error("what this request made before under the same idempotency key, `{id}`, was removed since")]
    Removed {
        /// The job's id.
        id: String,
    },
    /// A rule of access to the server.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The record is over, and nothing can be done with it any more.
    #[error("the {kind} `{id}` is {status} already")]
    Over {
        /// `chain execution`.
        kind: &'static str,
        /// The id as given.
        id: String,
        /// What became of it.
        status: String,
    },
    /// The input cannot be accepted.
    #[error(transparent)]
    Invalid(#[from] ValidationErrors),
    /// One of several records is refused.
    #[error("job {index}: {refusal}")]
    OfItem {
        /// Its place in the request, from 0.
        index: usize,
        /// Why.
        refusal: Box<Refusal>,
    },
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The domain refuses it; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The disk or the quota is full; nothing was written.
    #[error("the disk is full: nothing was written")]
    Full(#[source] Source),
    /// Too many requests wait; nothing was written. Try again later.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The commit itself failed: whether it took effect is not known.
    #[error("the commit failed, and whether it took effect is not known")]
    OutcomeUnknown(#[source] Source),
    /// The database failed; nothing was written.
    #[error("the database failed")]
    Unavailable(#[source] Source),
    /// The database is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(#[source] Source),
    /// The database file is not at its place any more: whether what was written last is found again is not known.
    #[error("the database file is gone: {0}")]
    Replaced(#[source] Source),
    /// The store is shut down.
    #[error("the store is closed")]
    Closed,
}

/// The database's own error, shared by all whom it concerns.
pub type Source = Arc<dyn std::error::Error + Send + Sync + 'static>;
