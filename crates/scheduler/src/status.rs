//! What the scheduler says of itself.

use oneoff_domain::{ExecutionId, JobId, JobStatus, Timestamp};
use oneoff_storage::Space;
use std::collections::BTreeMap;

/// An attempt that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningJob {
    /// The job.
    pub job_id: JobId,
    /// Its name.
    pub job_name: String,
    /// Its type.
    pub job_type: String,
    /// The execution.
    pub execution_id: ExecutionId,
    /// When it started.
    pub started_at: Timestamp,
}

/// The worker slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerStatus {
    /// Slots in all.
    pub total_workers: usize,
    /// Slots in use.
    pub active_workers: usize,
    /// Jobs that are due and wait for a slot.
    pub queued_jobs: usize,
    /// What runs.
    pub running: Vec<RunningJob>,
    /// Whether claiming is paused, and why: the wall clock jumped, or the server is stopping.
    pub paused: Option<String>,
}

/// The state of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SystemStatus {
    /// Jobs by status.
    pub jobs: BTreeMap<JobStatus, u64>,
    /// The slots.
    pub workers: WorkerStatus,
    /// When the next job is due.
    pub next_due_at: Option<Timestamp>,
    /// When this process started.
    pub started_at: Option<Timestamp>,
    /// The wall time.
    pub now: Option<Timestamp>,
    /// The absolute path of the database.
    pub database: String,
    /// How much space it takes.
    pub space: Space,
    /// The epoch: how often servers were started on this database.
    pub epoch: i64,
}
