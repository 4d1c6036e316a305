//! What the scheduler and the operator need beside jobs: counters, recovery, retention.

use crate::failure::WriteError;
use crate::rows::{number, word};
use crate::schema::job_counters;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::{ExecutionId, Job, JobStatus, Timestamp};
use std::collections::BTreeMap;

/// Numbers over all jobs, summed with every commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// Jobs by status.
    pub jobs: BTreeMap<JobStatus, u64>,
}

/// An execution whose server died under it, and the job as it is after its `on_crash` was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct LostExecution {
    /// The execution, which is closed as `failed` with the reason `lost`.
    pub execution_id: ExecutionId,
    /// The job now.
    pub job: Job,
}

/// What is kept for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Executions that ended before this are removed with their output.
    pub executions_before: Timestamp,
    /// Events and audit rows that were written before this are removed.
    pub events_before: Timestamp,
    /// Idempotency records that were written before this are removed.
    pub idempotency_before: Timestamp,
}

/// What one slice of retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetentionSlice {
    /// Executions that were removed.
    pub executions: usize,
    /// Events, audit rows and idempotency records that were removed.
    pub records: usize,
    /// Whether there is more to remove now.
    pub more: bool,
}

/// The counters: every status, also those that no job has.
pub(crate) fn counters(conn: &mut SqliteConnection) -> Result<Counters, WriteError> {
    let rows: Vec<(String, i64)> =
        job_counters::table.select((job_counters::status, job_counters::jobs)).load(conn)?;
    let mut jobs = BTreeMap::new();
    for (status, count) in rows {
        jobs.insert(word("job_counters.status", &status)?, number("job_counters.jobs", count)?);
    }
    Ok(Counters { jobs })
}
