//! What the due queue reads: waiting jobs by due time, how many are overdue, and which holds end.

use crate::PendingJob;
use crate::failure::WriteError;
use crate::rows::pending::{PendingRow, due_hour};
use crate::rows::{instant, word};
use crate::schema::{job_holds, job_states, pending_jobs};
use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::{JobId, JobKey, Timestamp};

diesel::joinable!(job_holds -> job_states (job_key));
diesel::allow_tables_to_appear_in_same_query!(job_holds, job_states);

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The first hour from `hour` on in which a job is due.
fn next_hour(conn: &mut SqliteConnection, hour: i64) -> QueryResult<Option<i64>> {
    pending_jobs::table
        .filter(pending_jobs::due_hour.ge(hour))
        .select(min(pending_jobs::due_hour))
        .get_result(conn)
}

/// Waiting jobs after `after` and not later than `until`, in the order of due time and key.
pub(crate) fn window(
    conn: &mut SqliteConnection,
    after: Option<(Timestamp, JobKey)>,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<PendingJob>, WriteError> {
    let (after_at, after_key) = match after {
        Some((at, key)) => (at.as_micros(), key.0),
        None => (i64::MIN, i64::MIN),
    };
    let mut window = Vec::new();
    let mut from = after.map_or(i64::MIN, |(at, _)| due_hour(at));
    while window.len() < limit {
        let Some(hour) = next_hour(conn, from)?.filter(|hour| *hour <= due_hour(until)) else { break };
        let rows: Vec<PendingRow> = pending_jobs::table
            .filter(pending_jobs::due_hour.eq(hour))
            .filter(pending_jobs::due_at.le(until.as_micros()))
            .filter(
                pending_jobs::due_at
                    .gt(after_at)
                    .or(pending_jobs::due_at.eq(after_at).and(pending_jobs::job_key.gt(after_key))),
            )
            .order((pending_jobs::due_at, pending_jobs::job_key))
            .limit(row_limit(limit - window.len()))
            .select(PendingRow::as_select())
            .load(conn)?;
        window.extend(rows.into_iter().map(PendingRow::into_domain));
        from = hour + 1;
    }
    Ok(window)
}

/// How many jobs wait whose time is before `now`, counted up to `limit`.
pub(crate) fn overdue(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
) -> Result<usize, WriteError> {
    let rows: Vec<i64> = pending_jobs::table
        .filter(pending_jobs::due_hour.le(due_hour(now)))
        .filter(pending_jobs::due_at.lt(now.as_micros()))
        .limit(row_limit(limit))
        .select(pending_jobs::job_key)
        .load(conn)?;
    Ok(rows.len())
}

/// When the first waiting job is due.
pub(crate) fn next_due(conn: &mut SqliteConnection) -> Result<Option<Timestamp>, WriteError> {
    let Some(hour) = next_hour(conn, i64::MIN)? else { return Ok(None) };
    let due: Option<i64> = pending_jobs::table
        .filter(pending_jobs::due_hour.eq(hour))
        .select(min(pending_jobs::due_at))
        .get_result(conn)?;
    Ok(due.map(instant))
}

/// The holds that end by themselves, the earliest first: one line per job.
pub(crate) fn holds_ending(
    conn: &mut SqliteConnection,
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
        let id: JobId = word("job_states.id", &id)?;
        if ending.len() < limit && seen.insert(id) {
            ending.extend(until.map(|until| (id, instant(until))));
        }
    }
    Ok(ending)
}
