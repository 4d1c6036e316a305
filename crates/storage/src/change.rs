//! What a commit changed, passed on by the writer in commit order before anybody is answered.

use crate::Catalog;
use oneoff_domain::{EventKind, JobId, JobKey, Timestamp};
use std::sync::Arc;

/// A job that waits for its time, with what the due queue needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingJob {
    /// The job.
    pub key: JobKey,
    /// When it is due.
    pub due_at: Timestamp,
    /// 1 to 10, higher first.
    pub priority: u8,
    /// Its type, for the limits per type.
    pub job_type: String,
    /// Its project, which may be paused.
    pub project_id: String,
    /// Its concurrency key, of which one runs at a time.
    pub concurrency_key: Option<String>,
}

/// A running attempt that is to end as cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelledAttempt {
    /// The job.
    pub job: JobId,
    /// Its run.
    pub run: u32,
    /// The attempt within the run.
    pub attempt: u32,
}

/// A change to what waits or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The job waits, from now on with this due time; an earlier one of the same key no longer holds.
    Pending(PendingJob),
    /// The job does not wait any more: it runs, is held, is over or is gone.
    NotPending(JobKey),
    /// No job of this concurrency key runs any more.
    KeyFree(String),
    /// A hold ends by itself at this instant.
    HoldEnds(Timestamp),
    /// This running attempt is to end as cancelled.
    Cancelled(CancelledAttempt),
    /// Projects, tags and settings are these from now on, unless newer ones are known.
    Catalog(Arc<Catalog>),
}

/// All that one commit changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Changes to what waits, in the order in which they were made.
    pub changes: Vec<Change>,
    /// The jobs that changed, each as often as it did. New ones are not among them.
    pub touched: Vec<JobId>,
    /// The events of records other than jobs, of which others may have something in memory.
    pub records: Vec<EventKind>,
    /// The last event that was written, if any was.
    pub last_event_sequence: Option<i64>,
    /// Whether events were written that are numbered later.
    pub wrote_unnumbered: bool,
}

/// Is told of every commit, on the writer's thread: it must not block.
pub trait CommitListener: Send + Sync + 'static {
    /// A transaction was committed.
    fn committed(&self, committed: Committed);

    /// The database was opened anew after a failure: a commit whose outcome was unknown may have taken effect
    /// without having been told. What waits is to be read again.
    fn reopened(&self) {}
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoListener;

impl CommitListener for NoListener {
    fn committed(&self, _committed: Committed) {}
}
