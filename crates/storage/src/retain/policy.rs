//! What is kept for how long, and what a slice of retention did.

use oneoff_domain::Timestamp;

/// What is kept for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// The present.
    pub now: Timestamp,
    /// Finished jobs that ended before this are removed with all that belongs to them, and so are chain executions.
    pub jobs_before: Timestamp,
    /// Executions that ended before this are removed with their output.
    pub executions_before: Timestamp,
    /// Events that were written before this are removed.
    pub events_before: Timestamp,
    /// Audit entries that were written before this are removed.
    pub audit_before: Timestamp,
    /// Idempotency records that were written before this are removed.
    pub idempotency_before: Timestamp,
    /// Deliveries of webhooks that succeeded or were given up before this are removed.
    pub deliveries_before: Timestamp,
    /// Output beyond this many bytes in all is removed, the oldest first; `None` is no bound.
    pub output_max_bytes: Option<u64>,
}

impl RetentionPolicy {
    /// Keeps everything for as long as there is room.
    #[must_use]
    pub fn keep_all(now: Timestamp) -> Self {
        Self {
            now,
            jobs_before: Timestamp::EPOCH,
            executions_before: Timestamp::EPOCH,
            events_before: Timestamp::EPOCH,
            audit_before: Timestamp::EPOCH,
            idempotency_before: Timestamp::EPOCH,
            deliveries_before: Timestamp::EPOCH,
            output_max_bytes: None,
        }
    }
}

/// What one slice of retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionSlice {
    /// Jobs that were removed.
    pub jobs: usize,
    /// Executions that were removed.
    pub executions: usize,
    /// Events, audit entries, idempotency records, deliveries and chain executions that were removed.
    pub records: usize,
    /// Bytes of output that were removed.
    pub output_bytes: u64,
    /// Whether there is more to remove now.
    pub more: bool,
}

impl std::ops::AddAssign for RetentionSlice {
    fn add_assign(&mut self, later: Self) {
        self.jobs += later.jobs;
        self.executions += later.executions;
        self.records += later.records;
        self.output_bytes += later.output_bytes;
        self.more = later.more;
    }
}
