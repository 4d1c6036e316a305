//! What waits: rows of `arrivals`, in the order of keys, from where they are moved to `pending_jobs`, clustered by
//! due hour. Whoever asks need not know in which of the two a job is.

use super::instant;
use crate::PendingJob;
use crate::connection::{AnyBackend, AnyConnection};
use crate::schema::{arrivals, pending_jobs};
use crate::statement::{self, Target};
use diesel::dsl::{max, min};
use diesel::prelude::*;
use oneoff_domain::{Job, JobKey, Timestamp};

const HOUR_US: i64 = 3_600_000_000;

/// The hour since the epoch in which an instant in microseconds lies.
pub(super) fn hour_of(at_us: i64) -> i64 {
    at_us.div_euclid(HOUR_US)
}

/// A job that waits.
#[derive(Debug, Queryable)]
struct PendingRow {
    job_key: i64,
    due_at: i64,
    priority: i64,
    job_type: String,
    project_id: String,
    concurrency_key: Option<String>,
}

impl PendingRow {
    /// It never fails: a row that was damaged must not keep the others from their time.
    fn into_domain(self) -> PendingJob {
        PendingJob {
            key: JobKey(self.job_key),
            due_at: instant(self.due_at),
            priority: u8::try_from(self.priority.clamp(1, 10)).unwrap_or(1),
            job_type: self.job_type,
            project_id: self.project_id,
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
        project_id: job.definition.project_id.clone(),
        concurrency_key: job.definition.concurrency_key.clone(),
    })
}

statement::statement!(
    InsertArrival,
    "INSERT INTO arrivals (job_key, due_at, priority, job_type, project_id, concurrency_key) \
     VALUES (?, ?, ?, ?, ?, ?)"
);

/// Lets a job wait.
pub(crate) fn insert(on: &mut impl Target, pending: &PendingJob) -> QueryResult<()> {
    let values = [
        pending.key.0.into(),
        pending.due_at.as_micros().into(),
        i64::from(pending.priority).into(),
        pending.job_type.as_str().into(),
        pending.project_id.as_str().into(),
        pending.concurrency_key.as_deref().into(),
    ];
    statement::run::<InsertArrival>(on, &values)?;
    Ok(())
}

statement::statement!(DeleteArrival, "DELETE FROM arrivals WHERE job_key = ?");
statement::statement!(DeletePending, "DELETE FROM pending_jobs WHERE due_hour = ? AND job_key = ?");

/// Ends a job's waiting for `due_at`.
pub(crate) fn delete(on: &mut impl Target, job: JobKey, due_at: Timestamp) -> QueryResult<()> {
    // Gathered for a server, it counts as done.
    if statement::run::<DeleteArrival>(on, &[job.0.into()])? == 0 && on.is_clustered() {
        let hour = hour_of(due_at.as_micros());
        statement::run::<DeletePending>(on, &[hour.into(), job.0.into()])?;
    }
    Ok(())
}

// Division rounds towards zero, and an instant before 1970 is in the hour below.
statement::statement!(
    MoveArrivals,
    "INSERT INTO pending_jobs \
        (due_hour, job_key, due_at, priority, job_type, project_id, concurrency_key) \
        SELECT (due_at - CASE WHEN due_at < 0 THEN 3599999999 ELSE 0 END) / 3600000000 AS due_hour, \
        job_key, due_at, priority, job_type, project_id, concurrency_key \
        FROM arrivals WHERE job_key <= ? ORDER BY due_hour, job_key"
);

statement::statement!(RemoveArrivals, "DELETE FROM arrivals WHERE job_key <= ?");

/// Moves the first arrivals to where they are clustered, at most `limit`, in the order of their hours. Answers how
/// many.
pub(crate) fn move_arrivals(conn: &mut AnyConnection, limit: i64) -> QueryResult<usize> {
    let nth = arrivals::table.order(arrivals::job_key).offset(limit - 1).limit(1).select(arrivals::job_key);
    let last: Option<i64> = nth.get_result(conn).optional()?;
    let last = last.unwrap_or(i64::MAX);
    statement::run::<MoveArrivals>(conn, &[last.into()])?;
    statement::run::<RemoveArrivals>(conn, &[last.into()])
}

/// How many arrivals were not moved yet.
pub(crate) fn count_arrivals(conn: &mut AnyConnection) -> QueryResult<i64> {
    arrivals::table.count().get_result(conn)
}

/// A part of what waits, by due time and key.
pub(crate) struct DuePart {
    /// From this instant in microseconds,
    pub(crate) first: i64,
    /// to this one,
    pub(crate) last: i64,
    /// after this time and key, in its order,
    pub(crate) after: Option<(i64, i64)>,
    /// which is that of time, or the other way round.
    pub(crate) descending: bool,
}

/// The rows of a table in a part of what waits.
macro_rules! rows_of {
    ($table:ident, $filter:expr, $part:ident, $limit:ident) => {{
        let (at, key) = ($table::due_at, $table::job_key);
        let mut rows = $table::table
            .filter($filter)
            .select((
                key,
                at,
                $table::priority,
                $table::job_type,
                $table::project_id,
                $table::concurrency_key,
            ))
            .into_boxed::<AnyBackend>();
        if let Some((after_at, after_key)) = $part.after {
            rows = match $part.descending {
                false => rows.filter(at.gt(after_at).or(at.eq(after_at).and(key.gt(after_key)))),
                true => rows.filter(at.lt(after_at).or(at.eq(after_at).and(key.lt(after_key)))),
            };
        }
        match $part.descending {
            false => rows.order((at.asc(), key.asc())),
            true => rows.order((at.desc(), key.desc())),
        }
        .limit($limit)
    }};
}

/// Jobs that wait and were not moved, by their keys.
pub(crate) fn by_keys(conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<PendingJob>> {
    let rows: Vec<PendingRow> = arrivals::table
        .filter(arrivals::job_key.eq_any(keys))
        .select((
            arrivals::job_key,
            arrivals::due_at,
            arrivals::priority,
            arrivals::job_type,
            arrivals::project_id,
            arrivals::concurrency_key,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(PendingRow::into_domain).collect())
}

/// What waits in a part of the time, in the part's order.
pub(crate) fn due(conn: &mut AnyConnection, part: &DuePart, limit: usize) -> QueryResult<Vec<PendingJob>> {
    let row_limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let in_part = arrivals::due_at.between(part.first, part.last);
    let mut found: Vec<PendingRow> = rows_of!(arrivals, in_part, part, row_limit).load(conn)?;
    found.extend(clustered(conn, part, row_limit)?);
    found.sort_unstable_by_key(|row| (row.due_at, row.job_key));
    if part.descending {
        found.reverse();
    }
    found.truncate(limit);
    Ok(found.into_iter().map(PendingRow::into_domain).collect())
}

/// The same of `pending_jobs` alone: hour after hour, each sorted as it is read.
fn clustered(conn: &mut AnyConnection, part: &DuePart, limit: i64) -> QueryResult<Vec<PendingRow>> {
    if !conn.is_clustered() {
        return Ok(Vec::new());
    }
    let (mut first, mut last) = (part.first, part.last);
    match part.after {
        Some((at, _)) if part.descending => last = last.min(at),
        Some((at, _)) => first = first.max(at),
        None => {}
    }
    let hours = hour_of(first)..=hour_of(last);
    let mut found: Vec<PendingRow> = Vec::new();
    let mut from = if part.descending { *hours.end() } else { *hours.start() };
    loop {
        let room = limit - i64::try_from(found.len()).unwrap_or(limit);
        let next = if room > 0 { next_hour(conn, from, part.descending)? } else { None };
        let Some(hour) = next.filter(|hour| hours.contains(hour)) else { return Ok(found) };
        let in_part = pending_jobs::due_hour.eq(hour).and(pending_jobs::due_at.between(first, last));
        found.extend(rows_of!(pending_jobs, in_part, part, room).load::<PendingRow>(conn)?);
        from = if part.descending { hour - 1 } else { hour + 1 };
    }
}

/// The first hour from `from` on in which a job is due.
pub(super) fn next_hour(conn: &mut AnyConnection, from: i64, descending: bool) -> QueryResult<Option<i64>> {
    let hour = pending_jobs::due_hour;
    match descending {
        false => pending_jobs::table.filter(hour.ge(from)).select(min(hour)).get_result(conn),
        true => pending_jobs::table.filter(hour.le(from)).select(max(hour)).get_result(conn),
    }
}

/// How many jobs wait whose time is before `at_us`, counted up to `limit`.
pub(crate) fn count_before(conn: &mut AnyConnection, at_us: i64, limit: i64) -> QueryResult<usize> {
    // In the order of an index, as a server would rather go through all of them otherwise.
    let arrived: Vec<i64> = arrivals::table
        .filter(arrivals::due_at.lt(at_us))
        .order((arrivals::due_at, arrivals::job_key))
        .limit(limit)
        .select(arrivals::job_key)
        .load(conn)?;
    if !conn.is_clustered() {
        return Ok(arrived.len());
    }
    let clustered: Vec<i64> = pending_jobs::table
        .filter(pending_jobs::due_hour.le(hour_of(at_us)))
        .filter(pending_jobs::due_at.lt(at_us))
        .limit(limit)
        .select(pending_jobs::job_key)
        .load(conn)?;
    Ok((arrived.len() + clustered.len()).min(usize::try_from(limit).unwrap_or(usize::MAX)))
}
