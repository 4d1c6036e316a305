//! What happened: the closed list of events that the outbox carries.

use crate::job::named;
use crate::{ExecutionId, JobId, JobStatus, Timestamp};
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
        /// The wall clock jumped, and claiming paused until it held.
        ClockStep = "clock.step",
        /// A webhook was made.
        WebhookCreated = "webhook.created",
        /// A webhook was edited, switched on or off, or got a new secret.
        WebhookUpdated = "webhook.updated",
        /// A webhook was deleted.
        WebhookDeleted = "webhook.deleted",
        /// The server switched a webhook off: its receiver is gone, or failed for too long.
        WebhookPaused = "webhook.paused",
        /// Deliveries of a webhook are to be made again.
        WebhookRedelivered = "webhook.redelivered",
        /// Events were removed before webhooks were told of them; the data says which.
        WebhookEventsLost = "webhook.events_lost",
    }
}

impl EventKind {
    /// The status that a job has when this happens to it, where every one has the same. Of others the data of the
    /// event says it.
    #[must_use]
    pub fn job_status(self) -> Option<JobStatus> {
        match self {
            Self::JobCreated | Self::JobUpdated | Self::JobReleased | Self::JobRetrying => {
                Some(JobStatus::Scheduled)
            }
            Self::JobHeld => Some(JobStatus::Held),
            Self::JobStarted => Some(JobStatus::Running),
            Self::JobCompleted => Some(JobStatus::Completed),
            Self::JobFailed => Some(JobStatus::Failed),
            Self::JobCancelled => Some(JobStatus::Cancelled),
            Self::JobMissed => Some(JobStatus::Missed),
            _ => None,
        }
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
