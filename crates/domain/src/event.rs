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
        /// An API key was made.
        ApiKeyCreated = "api_key.created",
        /// An API key's name, scopes, projects, expiry or activity was changed.
        ApiKeyUpdated = "api_key.updated",
        /// An API key was revoked.
        ApiKeyRevoked = "api_key.revoked",
        /// An API key was given a successor.
        ApiKeyRotated = "api_key.rotated",
        /// An API key was deleted.
        ApiKeyDeleted = "api_key.deleted",
        /// Somebody signed in with an API key.
        ApiKeySignedIn = "api_key.signed_in",
        /// A session of an API key was ended.
        ApiKeySignedOut = "api_key.signed_out",
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
        /// A project was made.
        ProjectCreated = "project.created",
        /// A project was edited, archived, paused or resumed.
        ProjectUpdated = "project.updated",
        /// A project was deleted.
        ProjectDeleted = "project.deleted",
        /// A tag was made.
        TagCreated = "tag.created",
        /// A tag was edited.
        TagUpdated = "tag.updated",
        /// A tag was deleted, and so taken from its jobs.
        TagDeleted = "tag.deleted",
        /// Settings were changed while servers run.
        SettingsUpdated = "settings.updated",
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
    /// Whether projects, tags or settings are others after it.
    #[must_use]
    pub fn changes_catalog(self) -> bool {
        matches!(
            self,
            Self::ProjectCreated
                | Self::ProjectUpdated
                | Self::ProjectDeleted
                | Self::TagCreated
                | Self::TagUpdated
                | Self::TagDeleted
                | Self::SettingsUpdated
        )
    }

    /// Whether it concerns a single project, so that those may hear of it who may see that one only.
    #[must_use]
    pub fn is_of_project(self) -> bool {
        !matches!(self, Self::JobsRemoved | Self::ClockStep | Self::WebhookEventsLost)
    }

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
