//! What the due queue reads: waiting jobs by due time, how many are overdue, and which holds end.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::pending::{self, DuePart};
use crate::rows::{first_due, instant, number, word};
use crate::schema::{job_holds, job_states, running_jobs};
use crate::{CancelledAttempt, PendingJob};
use diesel::prelude::*;
use oneoff_domain::{JobId, JobKey, Timestamp};
use std::collections::BTreeSet;

diesel::joinable!(job_holds -> job_states (job_key));
diesel::allow_tables_to_appear_in_same_query!(job_holds, job_states);

/// Waiting jobs after `after` and not later than `until`, in the order of due time and key.
pub(crate) fn window(
    conn: &mut AnyConnection,
    after: Option<(Timestamp, JobKey)>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<PendingJob>, WriteError> {
    let after = after.map(|(at, key)| (at.as_micros(), key.0));
    let part = DuePart {
        first: after.map_or(i64::MIN, |(at, _)| at),
        last: until.as_micros(),
        after,
        descending: false,
    };
    Ok(pending::due(conn, &part, limit)?)
}

/// How many jobs wait whose time is before `now`, counted up to `limit`.
pub(crate) fn overdue(conn: &mut AnyConnection, now: Timestamp, limit: usize) -> Result<usize, WriteError> {
    Ok(pending::count_before(conn, now.as_micros(), row_limit(limit))?)
}

/// When the first waiting job is due.
pub(crate) fn next_due(conn: &mut AnyConnection) -> Result<Option<Timestamp>, WriteError> {
    Ok(first_due::first_due(conn)?)
}

/// When the first waiting job is due that may start then: paused projects start nothing.
pub(crate) fn next_start(
    conn: &mut AnyConnection,
    paused: &BTreeSet<String>,
) -> Result<Option<Timestamp>, WriteError> {
    match paused.is_empty() {
        true => next_due(conn),
        false => Ok(first_due::first_due_outside(conn, paused)?),
    }
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The attempts of this epoch that run and are to end as cancelled.
pub(crate) fn cancelled(conn: &mut AnyConnection, epoch: i64) -> Result<Vec<CancelledAttempt>, WriteError> {
    let rows: Vec<(String, i64, i64)> = running_jobs::table
        .inner_join(job_states::table.on(job_states::key.eq(running_jobs::job_key)))
        .filter(running_jobs::cancel_requested)
        .filter(running_jobs::epoch.eq(epoch))
        .order(running_jobs::job_key)
        .select((job_states::id, running_jobs::run, running_jobs::attempt))
        .load(conn)?;
    let cancelled = |(id, run, attempt): (String, i64, i64)| {
        Ok(CancelledAttempt {
            job: word("job_states.id", &id)?,
            run: number("running_jobs.run", run)?,
            attempt: number("running_jobs.attempt", attempt)?,
        })
    };
    rows.into_iter().map(cancelled).collect()
}

/// The holds that end by themselves, the earliest first: one line per job.
pub(crate) fn holds_ending(
    conn: &mut AnyConnection,
    limit: usize,
) -> Result<Vec<(JobId, Timestamp)>, WriteError> {
    // A job may have several such holds: as many more rows are read as there are reasons.
    let rows: Vec<(String, Option<i64>)> = job_holds::table
        .inner_join(job_states::table)
        .filter(job_holds::until.is_not_null())
        .order((job_holds::until, job_holds::key))
        .limit(row_limit(limit).saturating_mul(row_limit(oneoff_domain::HoldReason::ALL.len())))
        .select((job_states::id, job_holds::until))
        .load(conn)?;
    let mut ending: Vec<(JobId, Timestamp)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (id, until) in rows {
        let id: JobId = match word("job_states.id", &id) {
            Ok(id) => id,
            Err(error) => {
                tracing::error!(%error, "a hold does not end: the id of its job cannot be read");
                continue;
            }
        };
        if ending.len() < limit && seen.insert(id) {
            ending.extend(until.map(|until| (id, instant(until))));
        }
    }
    Ok(ending)
}
