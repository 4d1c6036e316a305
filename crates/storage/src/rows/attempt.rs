//! Rows of `attempts`: executions as the store keeps them.

use super::{from_json, instant, number, to_json, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::rows::ended::is_of_job;
use crate::schema::{attempts, ended_jobs, job_definitions, job_states, running_jobs};
use crate::statement::{self, Bind, Target};
use crate::writer::tx::Node;
use diesel::prelude::*;
use oneoff_domain::{AttemptOutcome, Execution, ExecutionId, Job, Timestamp};

/// What is read of an attempt.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = attempts, check_for_backend(AnyBackend))]
pub(crate) struct AttemptRow {
    /// Its own key.
    pub(crate) key: i64,
    id: String,
    project_id: String,
    node_id: String,
    run: i64,
    attempt: i64,
    status: String,
    reason: Option<String>,
    exit_code: Option<i64>,
    error: Option<String>,
    scheduled_for: i64,
    started_at: i64,
    completed_at: Option<i64>,
    duration_us: Option<i64>,
    lateness_us: i64,
    output_bytes: i64,
    output_truncated: bool,
    result: Option<String>,
}

/// An attempt with what its job and its definition say: job id, revision, name, type.
type JoinedRow = (AttemptRow, String, i64, String, String);

fn into_domain(row: JoinedRow) -> Result<Execution, RowError> {
    let (attempt, job_id, revision, job_name, job_type) = row;
    let result = attempt.result.map(|result| from_json("attempts.result", &result)).transpose();
    let (result, fault) = match result {
        Ok(result) => (result, None),
        Err(fault) => (None, Some(fault.to_string())),
    };
    Ok(Execution {
        id: word("attempts.id", &attempt.id)?,
        job_id: word("job_states.id", &job_id)?,
        job_name,
        job_type,
        project_id: attempt.project_id,
        revision,
        run: number("attempts.run", attempt.run)?,
        attempt: number("attempts.attempt", attempt.attempt)?,
        status: word("attempts.status", &attempt.status)?,
        reason: attempt.reason.map(|reason| word("attempts.reason", &reason)).transpose()?,
        exit_code: attempt.exit_code.map(|code| number("attempts.exit_code", code)).transpose()?,
        error: attempt.error.or(fault),
        scheduled_for: instant(attempt.scheduled_for),
        started_at: instant(attempt.started_at),
        completed_at: attempt.completed_at.map(instant),
        duration_us: attempt.duration_us,
        lateness_us: attempt.lateness_us,
        worker: attempt.node_id,
        output_bytes: attempt.output_bytes,
        output_truncated: attempt.output_truncated,
        result,
    })
}

macro_rules! executions_where {
    ($filter:expr) => {
        attempts::table
            .inner_join(job_states::table.on(job_states::key.eq(attempts::job_key)))
            .inner_join(job_definitions::table.on(job_definitions::key.eq(attempts::definition_key)))
            .filter($filter)
            .select((
                AttemptRow::as_select(),
                job_states::id,
                job_definitions::revision,
                job_definitions::name,
                job_definitions::job_type,
            ))
    };
}

/// The execution with this id.
pub(crate) fn by_id(conn: &mut AnyConnection, id: ExecutionId) -> Result<Option<Execution>, WriteError> {
    let row: Option<JoinedRow> =
        executions_where!(attempts::id.eq(id.to_string())).get_result(conn).optional()?;
    Ok(row.map(into_domain).transpose()?)
}

/// The executions with these keys, in the order of the keys given, without those that cannot be read.
pub(crate) fn by_keys(conn: &mut AnyConnection, keys: &[i64]) -> Result<Vec<Execution>, WriteError> {
    let rows: Vec<JoinedRow> = executions_where!(attempts::key.eq_any(keys)).load(conn)?;
    let mut by_key = std::collections::HashMap::with_capacity(rows.len());
    for row in rows {
        let key = row.0.key;
        match into_domain(row) {
            Ok(execution) => drop(by_key.insert(key, execution)),
            Err(error) => {
                tracing::error!(key, %error, "an execution is left out of a list: its row cannot be read");
            }
        }
    }
    Ok(keys.iter().filter_map(|key| by_key.remove(key)).collect())
}

/// The last attempt of a job, if that is kept.
pub(crate) fn last_of_job(conn: &mut AnyConnection, job_key: i64) -> QueryResult<Option<i64>> {
    type Row = (Option<i64>, Option<i64>, Option<(i64, Option<i64>)>);
    let job: Option<Row> = job_states::table
        .left_join(running_jobs::table.on(running_jobs::job_key.eq(job_states::key)))
        .left_join(ended_jobs::table.on(is_of_job!()))
        .filter(job_states::key.eq(job_key))
        .select((
            job_states::last_attempt_key,
            running_jobs::execution_key.nullable(),
            (ended_jobs::job_key, ended_jobs::last_attempt_key).nullable(),
        ))
        .get_result(conn)
        .optional()?;
    Ok(match job {
        None => None,
        Some((_, _, Some((_job_key, last)))) => last,
        Some((before, running, None)) => running.or(before),
    })
}

/// The attempt of the same job before this one, if that is kept.
pub(crate) fn previous(conn: &mut AnyConnection, key: i64, job_key: i64) -> QueryResult<Option<i64>> {
    let previous: Option<Option<i64>> = attempts::table
        .filter(attempts::key.eq(key))
        .filter(attempts::job_key.eq(job_key))
        .select(attempts::previous_key)
        .get_result(conn)
        .optional()?;
    Ok(previous.flatten())
}

/// The beginning of an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewAttempt<'a> {
    /// Its own key.
    pub(crate) key: i64,
    /// That of the attempt before.
    pub(crate) previous_key: Option<i64>,
    /// Its outer name.
    pub(crate) id: ExecutionId,
    /// Its job, as it runs.
    pub(crate) job: &'a Job,
    /// What it runs.
    pub(crate) definition_key: i64,
    /// Who runs it.
    pub(crate) node: &'a Node,
    /// When it should have started,
    pub(crate) scheduled_for: Timestamp,
    /// and when it did.
    pub(crate) started_at: Timestamp,
}

statement::statement!(
    InsertAttempt,
    "INSERT INTO attempts (key, previous_key, id, job_key, definition_key, project_id, node_id, epoch, run, attempt, \
     status, scheduled_for, started_at, lateness_us, output_bytes, output_truncated) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, 0, FALSE)"
);

/// Records that an attempt began.
pub(crate) fn insert(on: &mut impl Target, new: NewAttempt<'_>) -> QueryResult<()> {
    let id = new.id.to_string();
    let values = [
        new.key.into(),
        new.previous_key.into(),
        id.as_str().into(),
        new.job.key.0.into(),
        new.definition_key.into(),
        new.job.definition.project_id.as_str().into(),
        new.node.name.as_str().into(),
        new.node.epoch().into(),
        i64::from(new.job.state.run).into(),
        i64::from(new.job.state.attempt).into(),
        new.scheduled_for.as_micros().into(),
        new.started_at.as_micros().into(),
        new.started_at.micros_since(new.scheduled_for).max(0).into(),
    ];
    statement::run::<InsertAttempt>(on, &values)?;
    Ok(())
}

/// How an attempt ended. What is `None` stays as it is.
pub(crate) struct Ending<'a> {
    /// The outcome.
    pub(crate) outcome: &'a AttemptOutcome,
    /// When.
    pub(crate) completed_at: Timestamp,
    /// How long it took, where that is known.
    pub(crate) duration_us: Option<i64>,
    /// Bytes of output in all and whether a part is missing, where that is known.
    pub(crate) output: Option<(i64, bool)>,
}

statement::statement!(
    EndAttempt,
    "UPDATE attempts SET status = ?, reason = ?, exit_code = ?, error = ?, \
        completed_at = ?, duration_us = ?, result = ?, output_bytes = coalesce(?, output_bytes), \
        output_truncated = (output_truncated OR coalesce(?, FALSE)) WHERE key = ? AND status = 'running'"
);

/// Records how an attempt ended; `false` if it does not run any more, and then nothing is written.
pub(crate) fn end(on: &mut impl Target, key: i64, ending: &Ending<'_>) -> Result<bool, WriteError> {
    let outcome = ending.outcome;
    let result = outcome.result.as_ref().map(|result| to_json("attempts.result", result)).transpose()?;
    // A server's texts have no place for it.
    let error = outcome.error.as_ref().map(|error| error.replace('\0', "\u{FFFD}"));
    let (bytes, truncated) = match ending.output {
        Some((bytes, truncated)) => (Bind::from(bytes), Bind::from(truncated)),
        None => (Bind::Number(None), Bind::Flag(None)),
    };
    let values = [
        outcome.status.as_str().into(),
        outcome.reason.as_str().into(),
        outcome.exit_code.map(i64::from).into(),
        error.as_deref().into(),
        ending.completed_at.as_micros().into(),
        ending.duration_us.into(),
        result.as_deref().into(),
        bytes,
        truncated,
        key.into(),
    ];
    Ok(statement::run::<EndAttempt>(on, &values)? == 1)
}

statement::statement!(SetOutputBytes, "UPDATE attempts SET output_bytes = ? WHERE key = ?");

/// Records how much output a running attempt wrote so far.
pub(crate) fn set_output_bytes(conn: &mut AnyConnection, key: i64, bytes: i64) -> QueryResult<()> {
    statement::run::<SetOutputBytes>(conn, &[bytes.into(), key.into()])?;
    Ok(())
}
