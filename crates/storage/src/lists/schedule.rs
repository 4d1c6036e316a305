//! Jobs by scheduled time: those that wait from where they wait, all others by an index.

use super::jobs::{Rows, rows_of};
use super::narrow::NarrowRow;
use crate::SortOrder;
use crate::connection::{AnyBackend, AnyConnection};
use crate::rows::ended::NEVER;
use crate::rows::pending::{self, DuePart};
use crate::schema::{ended_jobs, job_states};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::JobStatus;
use std::collections::HashMap;

/// Rows that are asked for by their keys in one statement.
const KEYS_AT_A_TIME: usize = 1_000;

/// Which part of the list is read, and in which order.
pub(super) struct Range {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    /// Rows after this place: time and key.
    pub(super) after: Option<(i64, i64)>,
    pub(super) order: SortOrder,
}

impl Range {
    fn is_ascending(&self) -> bool {
        self.order == SortOrder::Ascending
    }

    /// The first and the last instant that can be in it.
    fn bounds(&self) -> (i64, i64) {
        let (mut first, mut last) = (self.from.unwrap_or(i64::MIN), self.to.unwrap_or(i64::MAX));
        if let Some((at, _)) = self.after {
            match self.order {
                SortOrder::Ascending => first = first.max(at),
                SortOrder::Descending => last = last.min(at),
            }
        }
        (first, last)
    }

    fn sort(&self, rows: &mut [NarrowRow]) {
        rows.sort_by_key(|row| (row.scheduled_at, row.key));
        if !self.is_ascending() {
            rows.reverse();
        }
    }
}

fn row_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Those of `rows` in the range, by an index that ends with the scheduled time.
pub(super) fn sorted(
    conn: &mut AnyConnection,
    rows: Rows<'_>,
    range: &Range,
    limit: usize,
) -> QueryResult<Vec<NarrowRow>> {
    let (at, key) = (job_states::scheduled_at, job_states::key);
    let (first, last) = range.bounds();
    let mut rows = rows.filter(at.is_not_null());
    if first > i64::MIN {
        rows = rows.filter(at.ge(first));
    }
    if last < i64::MAX {
        rows = rows.filter(at.le(last));
    }
    // The bounds above are those of the index; this takes the edge apart.
    if let Some((after_at, after_key)) = range.after {
        rows = match range.order {
            SortOrder::Ascending => rows.filter(at.gt(after_at).or(key.gt(after_key))),
            SortOrder::Descending => rows.filter(at.lt(after_at).or(key.lt(after_key))),
        };
    }
    let rows = match range.order {
        SortOrder::Ascending => rows.order((at.asc(), key.asc())),
        SortOrder::Descending => rows.order((at.desc(), key.desc())),
    };
    rows.limit(row_limit(limit)).load(conn)
}

/// Those of `rows` that have no scheduled time, after this key, in the order of the keys.
pub(super) fn never(
    conn: &mut AnyConnection,
    rows: Rows<'_>,
    order: SortOrder,
    last: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<NarrowRow>> {
    let key = job_states::key;
    let rows = rows.filter(job_states::scheduled_at.is_null());
    let rows = match (order, last) {
        (SortOrder::Ascending, Some(last)) => rows.filter(key.gt(last)),
        (SortOrder::Descending, Some(last)) => rows.filter(key.lt(last)),
        (_, None) => rows,
    };
    match order {
        SortOrder::Ascending => rows.order(key.asc()).limit(limit).load(conn),
        SortOrder::Descending => rows.order(key.desc()).limit(limit).load(conn),
    }
}

/// Jobs that are over, as narrow rows, to be narrowed further.
macro_rules! ended_rows {
    ($status:expr) => {{
        let columns = (
            ended_jobs::job_key,
            ended_jobs::scheduled_at,
            ended_jobs::status,
            ended_jobs::job_type,
            ended_jobs::project_id,
        );
        let rows = ended_jobs::table.select(columns).into_boxed::<AnyBackend>();
        match $status {
            None => rows,
            // Written out, the second condition is that of the partial index.
            Some(status) => rows
                .filter(ended_jobs::status.eq(JobStatus::as_str(status)))
                .filter(sql::<Bool>("ended_jobs.status <> 'completed'")),
        }
    }};
}

/// The jobs that are over, all or those that ended in this status, in the range, in its order.
pub(super) fn ended(
    conn: &mut AnyConnection,
    status: Option<JobStatus>,
    range: &Range,
    limit: usize,
) -> QueryResult<Vec<NarrowRow>> {
    let (at, key) = (ended_jobs::scheduled_at, ended_jobs::job_key);
    let (first, last) = range.bounds();
    let mut rows = ended_rows!(status).filter(at.ge(first.max(NEVER + 1)));
    if last < i64::MAX {
        rows = rows.filter(at.le(last));
    }
    if let Some((after_at, after_key)) = range.after {
        rows = match range.order {
            SortOrder::Ascending => rows.filter(at.gt(after_at).or(key.gt(after_key))),
            SortOrder::Descending => rows.filter(at.lt(after_at).or(key.lt(after_key))),
        };
    }
    let rows = match range.order {
        SortOrder::Ascending => rows.order((at.asc(), key.asc())),
        SortOrder::Descending => rows.order((at.desc(), key.desc())),
    };
    Ok(narrow(rows.limit(row_limit(limit)).load(conn)?))
}

/// Those of them that have no scheduled time, after this key, in the order of the keys.
pub(super) fn never_ended(
    conn: &mut AnyConnection,
    status: Option<JobStatus>,
    order: SortOrder,
    last: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<NarrowRow>> {
    let key = ended_jobs::job_key;
    let rows = ended_rows!(status).filter(ended_jobs::scheduled_at.eq(NEVER));
    let rows = match (order, last) {
        (SortOrder::Ascending, Some(last)) => rows.filter(key.gt(last)),
        (SortOrder::Descending, Some(last)) => rows.filter(key.lt(last)),
        (_, None) => rows,
    };
    let rows = match order {
        SortOrder::Ascending => rows.order(key.asc()),
        SortOrder::Descending => rows.order(key.desc()),
    };
    Ok(narrow(rows.limit(limit).load(conn)?))
}

/// All jobs that ended in this status, in no order.
pub(super) fn all_ended(conn: &mut AnyConnection, status: JobStatus) -> QueryResult<Vec<NarrowRow>> {
    Ok(narrow(ended_rows!(Some(status)).load(conn)?))
}

fn narrow(rows: Vec<(i64, i64, String, String, String)>) -> Vec<NarrowRow> {
    rows.into_iter().map(NarrowRow::that_ended).collect()
}

/// The jobs that wait, with the time of their next start. Of those whose type is not `wanted`, nothing else is read.
pub(super) fn waiting(
    conn: &mut AnyConnection,
    range: &Range,
    limit: usize,
    wanted: impl Fn(&str) -> bool,
) -> QueryResult<Vec<NarrowRow>> {
    let (first, last) = range.bounds();
    let part = DuePart { first, last, after: range.after, descending: !range.is_ascending() };
    let (mut due, mut rows) = (Vec::new(), Vec::new());
    for job in pending::due(conn, &part, limit)? {
        let (key, at) = (job.key.0, job.due_at.as_micros());
        match wanted(&job.job_type) {
            true => due.push((key, at)),
            false => rows.push(NarrowRow::that_waits(key, at, job.job_type)),
        }
    }
    rows.extend(with_due_times(conn, &due)?);
    range.sort(&mut rows);
    Ok(rows)
}

/// All jobs that wait, with the time of their next start, in no order.
pub(super) fn all_waiting(conn: &mut AnyConnection) -> QueryResult<Vec<NarrowRow>> {
    let everything = Range { from: None, to: None, after: None, order: SortOrder::Ascending };
    waiting(conn, &everything, usize::MAX, |_any_type| true)
}

/// The jobs with these keys, with these times as what they are sorted by.
fn with_due_times(conn: &mut AnyConnection, due: &[(i64, i64)]) -> QueryResult<Vec<NarrowRow>> {
    let due_of: HashMap<i64, i64> = due.iter().copied().collect();
    let keys: Vec<i64> = due.iter().map(|(key, _)| *key).collect();
    let mut rows: Vec<NarrowRow> = Vec::with_capacity(keys.len());
    for keys in keys.chunks(KEYS_AT_A_TIME) {
        rows.extend(rows_of().filter(job_states::key.eq_any(keys)).load(conn)?);
    }
    for row in &mut rows {
        row.scheduled_at = due_of.get(&row.key).copied();
    }
    Ok(rows)
}
