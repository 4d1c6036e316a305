//! What happened: the closed list of events that the outbox carries.

use crate::job::named;
use crate::{ExecutionId, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

named! {
    /// What happened.
    EventKind {
        /// A job was accepted.
        JobCreated = "job.created",
        /// A job's definition or time was edited.
        JobUpdated = "job.updated",
        /// A job was held.
        JobHeld = "job.held",
        /// A hold was released.
        JobReleased = "job.released",
        /// An attempt started.
        JobStarted = "job.started",
        /// An attempt failed and another one waits.
        JobRetrying = "job.retrying",
        /// The job succeeded.
        JobCompleted = "job.completed",
        /// The job failed for good.
        JobFailed = "job.failed",
        /// The job was cancelled.
        JobCancelled = "job.cancelled",
        /// The job was too late and did not run.
        JobMissed = "job.missed",
        /// The job and its executions were deleted.
        JobDeleted = "job.deleted",
        /// Jobs that ended long ago were removed; the data names them all.
        JobsRemoved = "jobs.removed",
        /// A chain was made.
        ChainCreated = "chain.created",
        /// A chain was edited.
        ChainUpdated = "chain.updated",
        /// A chain was deleted. Its executions stay.
        ChainDeleted = "chain.deleted",
        /// The first job of a chain execution started.
        ChainExecutionStarted = "chain_execution.started",
        /// A chain execution is over, and no link failed that stops the chain.
        ChainExecutionCompleted = "chain_execution.completed",
        /// A chain execution is over, and a link failed that stops the chain.
        ChainExecutionFailed = "chain_execution.failed",
        /// A chain execution was cancelled and is over.
        ChainExecutionCancelled = "chain_execution.cancelled",
        /// The wall clock jumped, and claiming paused until it held.
        ClockStep = "clock.step",
    }
}

/// An event to be written with the change it tells of.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// To which job.
    pub job_id: Option<JobId>,
    /// In which execution.
    pub execution_id: Option<ExecutionId>,
    /// In which project.
    pub project_id: String,
    /// More, by kind.
    pub data: Map<String, Value>,
}

/// An event as the outbox holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the order; readers keep it as their cursor.
    pub sequence: i64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: NewEvent,
}
