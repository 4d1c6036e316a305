//! Jobs by scheduled time: hour after hour, each sorted when it is read.
//!
//! The keys of jobs begin with the hour in which they were first due, and what waits is clustered by hour, so
//! no index has to keep all jobs in the exact order of their times.

use super::jobs::{NarrowRow, Rows, rows_of};
use crate::SortOrder;
use crate::rows::job_key;
use crate::rows::pending::{HOUR_US, hour_of};
use crate::schema::{job_states, pending_jobs};
use diesel::dsl::{max, min, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::SqliteConnection;
use std::collections::HashMap;

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

    fn contains(&self, row: &NarrowRow) -> bool {
        let Some(at) = row.scheduled_at else { return false };
        let (first, last) = self.bounds();
        let is_after = self.after.is_none_or(|after| match self.order {
            SortOrder::Ascending => (at, row.key) > after,
            SortOrder::Descending => (at, row.key) < after,
        });
        is_after && (first..=last).contains(&at)
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
    conn: &mut SqliteConnection,
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

/// Collects hours in order until there are enough rows.
fn walk(
    conn: &mut SqliteConnection,
    range: &Range,
    limit: usize,
    next_hour: impl Fn(&mut SqliteConnection, &Range, i64) -> QueryResult<Option<i64>>,
    of_hour: impl Fn(&mut SqliteConnection, i64) -> QueryResult<Vec<NarrowRow>>,
) -> QueryResult<Vec<NarrowRow>> {
    let (first, last) = range.bounds();
    let (first_hour, last_hour) = (hour_of(first), hour_of(last));
    let mut found = Vec::new();
    let mut from = if range.is_ascending() { first_hour } else { last_hour };
    while found.len() < limit {
        let Some(hour) = next_hour(conn, range, from)?.filter(|hour| (first_hour..=last_hour).contains(hour))
        else {
            break;
        };
        let mut rows = of_hour(conn, hour)?;
        rows.retain(|row| range.contains(row));
        range.sort(&mut rows);
        found.extend(rows);
        from = if range.is_ascending() { hour + 1 } else { hour - 1 };
    }
    found.truncate(limit);
    Ok(found)
}

/// The jobs that wait, with the time of their next start.
pub(super) fn waiting(
    conn: &mut SqliteConnection,
    range: &Range,
    limit: usize,
) -> QueryResult<Vec<NarrowRow>> {
    let due_hour = pending_jobs::due_hour;
    let next_hour = |conn: &mut SqliteConnection, range: &Range, from: i64| match range.order {
        SortOrder::Ascending => {
            pending_jobs::table.filter(due_hour.ge(from)).select(min(due_hour)).get_result(conn)
        }
        SortOrder::Descending => {
            pending_jobs::table.filter(due_hour.le(from)).select(max(due_hour)).get_result(conn)
        }
    };
    let of_hour = |conn: &mut SqliteConnection, hour: i64| {
        let (at, key) = (pending_jobs::due_at, pending_jobs::job_key);
        let (first, last) = range.bounds();
        let mut due = pending_jobs::table
            .filter(due_hour.eq(hour))
            .filter(at.ge(first))
            .filter(at.le(last))
            .select((key, at))
            .into_boxed();
        if let Some((after_at, after_key)) = range.after {
            due = match range.order {
                SortOrder::Ascending => due.filter(at.gt(after_at).or(key.gt(after_key))),
                SortOrder::Descending => due.filter(at.lt(after_at).or(key.lt(after_key))),
            };
        }
        let due = match range.order {
            SortOrder::Ascending => due.order((at.asc(), key.asc())),
            SortOrder::Descending => due.order((at.desc(), key.desc())),
        };
        let due: Vec<(i64, i64)> = due.limit(row_limit(limit)).load(conn)?;
        with_due_times(conn, &due)
    };
    walk(conn, range, limit, next_hour, of_hour)
}

/// The jobs with these keys, with these times as what they are sorted by.
pub(super) fn with_due_times(conn: &mut SqliteConnection, due: &[(i64, i64)]) -> QueryResult<Vec<NarrowRow>> {
    let due_of: HashMap<i64, i64> = due.iter().copied().collect();
    let keys: Vec<i64> = due.iter().map(|(key, _)| *key).collect();
    let mut rows: Vec<NarrowRow> = Vec::with_capacity(keys.len());
    for keys in keys.chunks(1_000) {
        rows.extend(rows_of().filter(job_states::key.eq_any(keys)).load(conn)?);
    }
    for row in &mut rows {
        row.scheduled_at = due_of.get(&row.key).copied();
    }
    Ok(rows)
}

/// All jobs that have a time.
pub(super) fn all(conn: &mut SqliteConnection, range: &Range, limit: usize) -> QueryResult<Vec<NarrowRow>> {
    let (from, to) = range.bounds();
    let of_hour = |conn: &mut SqliteConnection, hour: i64| {
        let home = job_states::key.between(job_key::first_of_hour(hour), job_key::last_of_hour(hour));
        let first = hour.saturating_mul(HOUR_US);
        let last = first.saturating_add(HOUR_US - 1);
        let part = Range { from: Some(first.max(from)), to: Some(last.min(to)), ..*range };
        let mut rows = sorted(conn, rows_of().filter(home), &part, limit)?;
        rows.extend(sorted(conn, moved(), &part, limit)?);
        // A moved job may have come back to the hour that is its home.
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        Ok(rows)
    };
    walk(conn, range, limit, next_hour, of_hour)
}

fn moved<'a>() -> Rows<'a> {
    // Written out, the condition is that of the partial index.
    rows_of().filter(sql::<Bool>(
        "(job_states.scheduled_at < 0 OR job_states.scheduled_at / 3600000000 <> job_states.key >> 36)",
    ))
}

/// The first hour from `from` on in which a job has its home or to which one was moved.
fn next_hour(conn: &mut SqliteConnection, range: &Range, from: i64) -> QueryResult<Option<i64>> {
    let key = job_states::key;
    let away = Range { from: None, to: None, after: None, order: range.order };
    let (home, moved): (Option<i64>, _) = match range.order {
        SortOrder::Ascending => {
            let home = job_states::table.filter(key.ge(job_key::first_of_hour(from))).select(min(key));
            let away = Range { from: Some(from.saturating_mul(HOUR_US)), ..away };
            (home.get_result(conn)?, sorted(conn, moved(), &away, 1)?)
        }
        SortOrder::Descending => {
            let home = job_states::table.filter(key.le(job_key::last_of_hour(from))).select(max(key));
            let last = from.saturating_mul(HOUR_US).saturating_add(HOUR_US - 1);
            (home.get_result(conn)?, sorted(conn, moved(), &Range { to: Some(last), ..away }, 1)?)
        }
    };
    let home = home.map(job_key::hour);
    let moved = moved.first().and_then(|row| row.scheduled_at).map(hour_of);
    let hours = home.into_iter().chain(moved);
    Ok(if range.is_ascending() { hours.min() } else { hours.max() })
}
