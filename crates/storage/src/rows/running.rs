//! Rows of `running_jobs`: the present state of the jobs that run.

use super::job::StoredJob;
use crate::connection::AnyBackend;
use crate::schema::running_jobs;
use crate::statement::{self, Target};
use diesel::prelude::*;
use oneoff_domain::JobKey;

/// What changes when a job starts, and until it ends.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = running_jobs, check_for_backend(AnyBackend))]
pub(crate) struct RunningRow {
    pub(crate) execution_key: i64,
    pub(crate) execution_id: String,
    pub(crate) epoch: i64,
    pub(crate) run: i64,
    pub(crate) attempt: i64,
    pub(crate) cancel_requested: bool,
    pub(crate) version: i64,
    pub(crate) updated_at: i64,
}

statement::statement!(
    InsertRunning,
    "INSERT INTO running_jobs (job_key, execution_key, execution_id, epoch, run, attempt, cancel_requested, \
     version, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

/// The job began to run.
pub(super) fn insert(on: &mut impl Target, stored: &StoredJob) -> QueryResult<()> {
    let job = &stored.job;
    let (Some(execution_key), Some(epoch), Some(execution_id)) =
        (stored.last_attempt_key, stored.epoch, job.last_execution)
    else {
        return Err(diesel::result::Error::QueryBuilderError("a job runs without an attempt".into()));
    };
    let execution_id = execution_id.to_string();
    let values = [
        job.key.0.into(),
        execution_key.into(),
        execution_id.as_str().into(),
        epoch.into(),
        i64::from(job.state.run).into(),
        i64::from(job.state.attempt).into(),
        job.state.cancel_requested.into(),
        job.state.version.into(),
        job.updated_at.as_micros().into(),
    ];
    statement::run::<InsertRunning>(on, &values)?;
    Ok(())
}

statement::statement!(
    UpdateRunning,
    "UPDATE running_jobs SET cancel_requested = ?, version = ?, updated_at = ? WHERE job_key = ?"
);

/// Something changed of a job that goes on running.
pub(super) fn update(on: &mut impl Target, stored: &StoredJob) -> QueryResult<()> {
    let job = &stored.job;
    let values = [
        job.state.cancel_requested.into(),
        job.state.version.into(),
        job.updated_at.as_micros().into(),
        job.key.0.into(),
    ];
    statement::run::<UpdateRunning>(on, &values)?;
    Ok(())
}

statement::statement!(DeleteRunning, "DELETE FROM running_jobs WHERE job_key = ?");

/// The job does not run any more.
pub(crate) fn delete(on: &mut impl Target, job: JobKey) -> QueryResult<()> {
    statement::run::<DeleteRunning>(on, &[job.0.into()])?;
    Ok(())
}
