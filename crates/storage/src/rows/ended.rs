//! Rows of `ended_jobs`: the state of the jobs that are over. They lie in the order of scheduled time, in which jobs
//! end, so that those which end together share the pages that are written.

use super::job::StoredJob;
use crate::connection::AnyBackend;
use crate::schema::ended_jobs;
use crate::statement::{self, Target};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use oneoff_domain::JobKey;

/// Stands for the scheduled time of a job that has none.
pub(crate) const NEVER: i64 = i64::MIN;

/// What changes until a job is over.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = ended_jobs, check_for_backend(AnyBackend))]
pub(crate) struct EndedRow {
    /// Where the row lies.
    pub(crate) scheduled_at: i64,
    pub(crate) status: String,
    pub(crate) run: i64,
    pub(crate) attempt: i64,
    pub(crate) cancel_requested: bool,
    pub(crate) version: i64,
    pub(crate) last_attempt_key: Option<i64>,
    pub(crate) last_execution: Option<String>,
    pub(crate) ended_at: i64,
}

diesel::define_sql_function! {
    /// The scheduled time, or what stands for none.
    #[sql_name = "coalesce"]
    fn or_never(scheduled_at: Nullable<BigInt>, never: BigInt) -> BigInt;
}

/// Whether a row is that of the job beside it. Written out as text it would be prepared anew each time.
macro_rules! is_of_job {
    () => {
        $crate::schema::ended_jobs::job_key.eq($crate::schema::job_states::key).and(
            $crate::schema::ended_jobs::scheduled_at.eq($crate::rows::ended::or_never(
                $crate::schema::job_states::scheduled_at,
                $crate::rows::ended::NEVER,
            )),
        )
    };
}
pub(crate) use is_of_job;

statement::statement!(
    InsertEnded,
    "INSERT INTO ended_jobs (scheduled_at, job_key, status, job_type, project_id, run, attempt, cancel_requested, \
     version, last_attempt_key, last_execution, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

/// The job is over. When that was is the time of its last change.
pub(super) fn insert(on: &mut impl Target, stored: &StoredJob) -> QueryResult<()> {
    let job = &stored.job;
    let last_execution = job.last_execution.map(|id| id.to_string());
    let values = [
        job.state.scheduled_at.map_or(NEVER, |at| at.as_micros()).into(),
        job.key.0.into(),
        job.state.status.as_str().into(),
        job.definition.job_type.as_str().into(),
        job.definition.project_id.as_str().into(),
        i64::from(job.state.run).into(),
        i64::from(job.state.attempt).into(),
        job.state.cancel_requested.into(),
        job.state.version.into(),
        stored.last_attempt_key.into(),
        last_execution.as_deref().into(),
        job.updated_at.as_micros().into(),
    ];
    statement::run::<InsertEnded>(on, &values)?;
    Ok(())
}

statement::statement!(DeleteEnded, "DELETE FROM ended_jobs WHERE scheduled_at = ? AND job_key = ?");

/// The job is over no more, or is gone.
pub(crate) fn delete(on: &mut impl Target, scheduled_at: i64, job: JobKey) -> QueryResult<()> {
    statement::run::<DeleteEnded>(on, &[scheduled_at.into(), job.0.into()])?;
    Ok(())
}
