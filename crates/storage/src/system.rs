//! What the scheduler and the operator need beside jobs: counters and recovery.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::{number, word};
use crate::schema::job_counters;
use diesel::prelude::*;
use oneoff_domain::{ExecutionId, Job, JobStatus};
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

/// The counters: every status, also those that no job has.
pub(crate) fn counters(conn: &mut AnyConnection) -> Result<Counters, WriteError> {
    let rows: Vec<(String, i64)> =
        job_counters::table.select((job_counters::status, job_counters::jobs)).load(conn)?;
    // A job that one shard has counted in may be counted out by another: only their sum is a number of jobs.
    let mut sums: BTreeMap<JobStatus, i64> = BTreeMap::new();
    for (status, count) in rows {
        *sums.entry(word("job_counters.status", &status)?).or_default() += count;
    }
    let mut jobs = BTreeMap::new();
    for (status, sum) in sums {
        jobs.insert(status, number("job_counters.jobs", sum)?);
    }
    Ok(Counters { jobs })
}
