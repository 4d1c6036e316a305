//! Rows of `running_jobs`: the present state of the jobs that run.

use super::job::StoredJob;
use crate::schema::running_jobs;
use crate::statement::{self, Statement};
use diesel::prelude::*;
use diesel::sqlite::{Sqlite, SqliteConnection};
use oneoff_domain::JobKey;

/// What changes when a job starts, and until it ends.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = running_jobs, check_for_backend(Sqlite))]
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

#[derive(Insertable)]
#[diesel(table_name = running_jobs, treat_none_as_default_value = false)]
struct NewRunningRow {
    job_key: i64,
    execution_key: i64,
    execution_id: String,
    epoch: i64,
    run: i64,
    attempt: i64,
    cancel_requested: bool,
    version: i64,
    updated_at: i64,
}

/// The job began to run.
pub(super) fn insert(conn: &mut SqliteConnection, stored: &StoredJob) -> QueryResult<()> {
    let job = &stored.job;
    let (Some(execution_key), Some(epoch), Some(execution_id)) =
        (stored.last_attempt_key, stored.epoch, job.last_execution)
    else {
        return Err(diesel::result::Error::QueryBuilderError("a job runs without an attempt".into()));
    };
    let row = NewRunningRow {
        job_key: job.key.0,
        execution_key,
        execution_id: execution_id.to_string(),
        epoch,
        run: job.state.run.into(),
        attempt: job.state.attempt.into(),
        cancel_requested: job.state.cancel_requested,
        version: job.state.version,
        updated_at: job.updated_at.as_micros(),
    };
    diesel::insert_into(running_jobs::table).values(row).execute(conn)?;
    Ok(())
}

enum UpdateRunning {}

impl Statement for UpdateRunning {
    const SQL: &'static str =
        "UPDATE running_jobs SET cancel_requested = ?, version = ?, updated_at = ? WHERE job_key = ?";
}

/// Something changed of a job that goes on running.
pub(super) fn update(conn: &mut SqliteConnection, stored: &StoredJob) -> QueryResult<()> {
    let job = &stored.job;
    let values = [
        job.state.cancel_requested.into(),
        job.state.version.into(),
        job.updated_at.as_micros().into(),
        job.key.0.into(),
    ];
    statement::run::<UpdateRunning>(conn, &values)?;
    Ok(())
}

/// The job does not run any more.
pub(crate) fn delete(conn: &mut SqliteConnection, job: JobKey) -> QueryResult<()> {
    diesel::delete(running_jobs::table.find(job.0)).execute(conn)?;
    Ok(())
}
