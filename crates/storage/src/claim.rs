//! Claiming: in one transaction a due job becomes running and its execution exists.

use oneoff_domain::{ExecutionId, Fence, Job, JobKey, Timestamp};

/// A wish to start a job that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The job.
    pub job: JobKey,
    /// The due time by which it was found. A job that has been moved since is not claimed.
    pub due_at: Timestamp,
    /// The name of the execution that the claim begins.
    pub execution_id: ExecutionId,
}

/// A job that is running now, and whose execution is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The job, in its state after the claim.
    pub job: Job,
    /// Its execution.
    pub execution_id: ExecutionId,
    /// What its outcome must show.
    pub fence: Fence,
    /// When it should have started.
    pub scheduled_for: Timestamp,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimResult {
    /// It is ours.
    Claimed(Box<ClaimedJob>),
    /// It was too late by its own policy and is `missed` now.
    Missed(JobKey),
    /// Another job of the same concurrency key runs. It still waits; `Change::KeyFree` will tell.
    KeyBusy(JobKey),
    /// It does not wait any more, or for another time.
    Gone(JobKey),
}
