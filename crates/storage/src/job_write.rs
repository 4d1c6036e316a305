//! Writing jobs: what the service decides, and what the store needs to make it durable.

use oneoff_domain::{Actor, EventKind, JobDefinition, JobId, JobState};
use serde_json::{Map, Value};

/// A job to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its outer name.
    pub id: JobId,
    /// What it does.
    pub definition: JobDefinition,
    /// Its first state.
    pub state: JobState,
    /// Where it came from, e.g. a chain's link: `{kind, id, index}`.
    pub origin: Option<Value>,
    /// Who made it.
    pub created_by: Actor,
}

/// A change to a job, as decided from its present state within the transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct JobChange {
    /// The new state; its version is one above the present one.
    pub state: JobState,
    /// The new definition, where it is edited: it becomes a new revision.
    pub definition: Option<JobDefinition>,
    /// The event to be written.
    pub event: Option<EventKind>,
    /// More for the event.
    pub event_data: Map<String, Value>,
    /// The word for the audit row: `job.cancel`.
    pub action: &'static str,
    /// Whether the job is removed, with its executions and their output.
    pub delete: bool,
}

/// The answer to a write that may be a repetition.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<T> {
    /// The record.
    pub value: T,
    /// Whether an earlier request with the same idempotency key had already done it.
    pub replayed: bool,
}
