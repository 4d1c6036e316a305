//! Recovery: the attempts that earlier epochs left running, and what becomes of their jobs.

use crate::LostExecution;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::finish;
use crate::job_write;
use crate::overdue;
use crate::postgres::locks;
use crate::rows::attempt::{self, Ending};
use crate::rows::{job as job_rows, running, word};
use crate::schema::{attempts, busy_keys, epochs, events};
use crate::writer::tx::Tx;
use diesel::dsl::{max, min, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::state::AfterAttempt;
use oneoff_domain::{
    AttemptOutcome, ExecutionId, ExecutionStatus, HoldReason, Job, JobKey, JobStatus, Reason, Timestamp,
};

/// The attempts of epochs before `epoch` that are recorded as running, oldest first.
pub(crate) fn lost(conn: &mut AnyConnection, epoch: i64) -> Result<Vec<ExecutionId>, WriteError> {
    // Written out, the condition is that of the partial index. In the order of keys SQLite would rather read all
    // attempts than sort these few.
    let running = sql::<Bool>("attempts.status = 'running'");
    let mut ids: Vec<(i64, String)> = attempts::table
        .filter(running)
        .filter(attempts::epoch.lt(epoch))
        .select((attempts::key, attempts::id))
        .load(conn)?;
    ids.sort_unstable();
    let mut lost = Vec::with_capacity(ids.len());
    for (_, id) in ids {
        match word("attempts.id", &id) {
            Ok(id) => lost.push(id),
            Err(error) => tracing::error!(%error, "a lost execution stays open: its id cannot be read"),
        }
    }
    Ok(lost)
}

/// The latest time, not after `until`, that epochs before `epoch` wrote down, in an event or as their own beginning.
pub(crate) fn last_written(
    conn: &mut AnyConnection,
    epoch: i64,
    until: Timestamp,
) -> Result<Option<Timestamp>, WriteError> {
    let start: Option<i64> = epochs::table
        .filter(epochs::epoch.lt(epoch))
        .filter(epochs::started_at.le(until.as_micros()))
        .select(max(epochs::started_at))
        .get_result(conn)?;
    let event = last_event(conn, until)?;
    Ok(event.max(start).map(Timestamp::from_micros_clamped))
}

/// When the last event not after `until` was written. Their times rise with their numbers, but for steps of the clock.
fn last_event(conn: &mut AnyConnection, until: Timestamp) -> QueryResult<Option<i64>> {
    // Two statements: for both ends in one SQLite would read all events.
    let first: Option<i64> = events::table.select(min(events::sequence)).get_result(conn)?;
    let last: Option<i64> = events::table.select(max(events::sequence)).get_result(conn)?;
    let (Some(mut low), Some(last)) = (first, last) else { return Ok(None) };
    let (mut high, mut found) = (last + 1, None);
    while low < high {
        let middle = low + (high - low) / 2;
        let at: i64 = events::table.find(middle).select(events::written_at).get_result(conn)?;
        if at <= until.as_micros() {
            (low, found) = (middle + 1, Some(at));
        } else {
            high = middle;
        }
    }
    Ok(found)
}

/// Closes attempts of epochs that are over. One that is not lost, or not any more, is left out; on a server also one
/// that somebody else has locked, for which the others would wait with it.
pub(crate) fn close(
    tx: &mut Tx<'_>,
    now: Timestamp,
    executions: &[ExecutionId],
    hold: Option<HoldReason>,
) -> Result<Vec<LostExecution>, WriteError> {
    let mut closed = Vec::with_capacity(executions.len());
    let free = locks::lost(tx.conn, executions)?;
    let is_free = |id: &ExecutionId| free.as_ref().is_none_or(|free| free.contains(&id.to_string()));
    for id in executions.iter().filter(|id| is_free(id)) {
        if let Some(job) = close_one(tx, now, *id, hold)? {
            closed.push(LostExecution { execution_id: *id, job });
        }
    }
    tx.effects.operations.add("rescue");
    Ok(closed)
}

fn close_one(
    tx: &mut Tx<'_>,
    now: Timestamp,
    id: ExecutionId,
    hold: Option<HoldReason>,
) -> Result<Option<Job>, WriteError> {
    let own = tx.node.epoch();
    // Given up or ended; or of a database that is not shared, where nothing but this process lives.
    let is_over = epochs::ended_at.is_not_null().or(epochs::lease_until.is_null().and(epochs::epoch.lt(own)));
    let is_over = epochs::table.filter(is_over);
    let found: Option<(i64, i64)> = attempts::table
        .filter(attempts::id.eq(id.to_string()))
        .filter(attempts::status.eq(ExecutionStatus::Running.as_str()))
        .filter(attempts::epoch.ne(own))
        .filter(attempts::epoch.eq_any(is_over.select(epochs::epoch)))
        .select((attempts::key, attempts::job_key))
        .get_result(tx.conn)
        .optional()?;
    let Some((execution_key, job_key)) = found else { return Ok(None) };
    let outcome = AttemptOutcome::failed(Reason::Lost, "the server died while this ran");
    let ending = Ending { outcome: &outcome, completed_at: now, duration_us: None, output: None };
    if !attempt::end(tx.conn, execution_key, &ending)? {
        // Another node has closed it since it was read.
        return Ok(None);
    }
    tx.claimed.remove(&JobKey(job_key));
    let stored = match job_rows::to_change(tx.conn, JobKey(job_key)) {
        Ok(Some(stored)) => stored,
        Ok(None) => return stop(tx, JobKey(job_key)),
        Err(WriteError::Row(error)) => {
            tracing::error!(key = job_key, %error, "the job of a lost execution cannot be read");
            return stop(tx, JobKey(job_key));
        }
        Err(error) => return Err(error),
    };
    let is_its_attempt =
        stored.job.state.status == JobStatus::Running && stored.execution_key() == Some(execution_key);
    if !is_its_attempt {
        return Ok(Some(stored.job));
    }
    let after = match &stored.fault {
        Some(error) if !stored.job.state.cancel_requested => {
            tracing::error!(job = %stored.job.id, %error, "a lost job ends as failed: its row cannot be read");
            AfterAttempt::Final(JobStatus::Failed)
        }
        _ => stored.job.after_loss(now),
    };
    // How long it ran before its server died is not known.
    tx.effects.runs.add(outcome.status, now, 0);
    let job = finish::settle(tx, now, stored, after, id, &outcome)?;
    match (hold, job.state.status) {
        (Some(reason), JobStatus::Scheduled) => hold_again(tx, now, reason, job).map(Some),
        _ => Ok(Some(job)),
    }
}

/// Ends the run of a job of which nothing else can be said: its attempt is over, and neither its slot nor its key is in
/// use. Nobody is to look for it again.
fn stop(tx: &mut Tx<'_>, job: JobKey) -> Result<Option<Job>, WriteError> {
    tx.changed.note(job);
    running::delete(tx.conn, job)?;
    let key = busy_keys::table.find(job.0).select(busy_keys::concurrency_key);
    if let Some(key) = key.get_result(tx.conn).optional()? {
        job_write::give_key_back(tx, job, key)?;
    }
    // Its row was left as it was before it began to run.
    tx.effects.count(Some(JobStatus::Running), Some(JobStatus::Scheduled));
    Ok(None)
}

/// Holds a job that would start again after its loss.
fn hold_again(tx: &mut Tx<'_>, now: Timestamp, reason: HoldReason, job: Job) -> Result<Job, WriteError> {
    match job_rows::to_change(tx.conn, job.key)? {
        Some(stored) => overdue::hold_one(tx, now, reason, stored),
        None => Ok(job),
    }
}
