//! Rows of `pending_jobs`: what waits, clustered by due hour.

use super::instant;
use crate::PendingJob;
use crate::schema::pending_jobs;
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use oneoff_domain::{Job, JobKey, Timestamp};

/// Microseconds of an hour.
pub(crate) const HOUR_US: i64 = 3_600_000_000;

/// The hour since the epoch in which an instant lies.
pub(crate) fn due_hour(at: Timestamp) -> i64 {
    hour_of(at.as_micros())
}

/// The same of microseconds since the epoch.
pub(crate) fn hour_of(at_us: i64) -> i64 {
    at_us.div_euclid(HOUR_US)
}

/// A job that waits.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = pending_jobs, check_for_backend(Sqlite))]
pub(crate) struct PendingRow {
    job_key: i64,
    due_at: i64,
    priority: i64,
    job_type: String,
    concurrency_key: Option<String>,
}

impl PendingRow {
    /// It never fails: a row that was damaged must not keep the others from their time.
    pub(crate) fn into_domain(self) -> PendingJob {
        PendingJob {
            key: JobKey(self.job_key),
            due_at: instant(self.due_at),
            priority: u8::try_from(self.priority.clamp(1, 10)).unwrap_or(1),
            job_type: self.job_type,
            concurrency_key: self.concurrency_key,
        }
    }
}

/// What the due queue needs to know of a job that waits; `None` if it does not.
pub(crate) fn of_job(job: &Job) -> Option<PendingJob> {
    Some(PendingJob {
        key: job.key,
        due_at: job.state.due_at()?,
        priority: job.definition.priority,
        job_type: job.definition.job_type.clone(),
        concurrency_key: job.definition.concurrency_key.clone(),
    })
}

#[derive(Insertable)]
#[diesel(table_name = pending_jobs, treat_none_as_default_value = false)]
struct NewPendingRow<'a> {
    due_hour: i64,
    job_key: i64,
    due_at: i64,
    priority: i64,
    job_type: &'a str,
    concurrency_key: Option<&'a str>,
}

/// Lets a job wait.
pub(crate) fn insert(conn: &mut SqliteConnection, pending: &PendingJob) -> QueryResult<()> {
    let row = NewPendingRow {
        due_hour: due_hour(pending.due_at),
        job_key: pending.key.0,
        due_at: pending.due_at.as_micros(),
        priority: pending.priority.into(),
        job_type: &pending.job_type,
        concurrency_key: pending.concurrency_key.as_deref(),
    };
    diesel::insert_into(pending_jobs::table).values(row).execute(conn)?;
    Ok(())
}

/// Ends a job's waiting for `due_at`.
pub(crate) fn delete(conn: &mut SqliteConnection, job: JobKey, due_at: Timestamp) -> QueryResult<()> {
    diesel::delete(pending_jobs::table.find((due_hour(due_at), job.0))).execute(conn)?;
    Ok(())
}
