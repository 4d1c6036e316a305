//! The list of executions, by start.

use super::full_rows::Loaded;
use super::{Listing, Wanted, sorted};
use crate::catalog::job_tags;
use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::query::may_see;
use crate::rows::attempt;
use crate::schema::{attempts, job_states, running_jobs};
use crate::{ExecutionFilter, ExecutionSort, Page, PageRequest, SortOrder};
use diesel::prelude::*;
use oneoff_domain::{Execution, ExecutionStatus, JobId};

/// Executions of one job that can be listed, the latest of them.
const EXECUTIONS_OF_JOB_MAX: usize = 10_000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = attempts, check_for_backend(AnyBackend))]
pub(crate) struct NarrowRow {
    key: i64,
    job_key: i64,
    status: String,
    project_id: String,
    started_at: i64,
    duration_us: Option<i64>,
}

struct ExecutionListing {
    filter: ExecutionFilter,
    order: SortOrder,
    /// The executions of the job that the filter names, where it names one.
    of_job: Option<Vec<i64>>,
    /// The keys of the tags that are asked for.
    tag_keys: Vec<i64>,
}

/// Stands for the status of an execution that is not meant, whatever that is.
const UNTAGGED: &str = "";

impl Listing for ExecutionListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let mut rows = self.all_rows(conn, after, limit)?;
        if !self.filter.tag_ids.is_empty() {
            let jobs: Vec<i64> = rows.iter().map(|row| row.job_key).collect();
            let tagged = job_tags::among(conn, &self.tag_keys, &jobs)?;
            for row in rows.iter_mut().filter(|row| !tagged.contains(&row.job_key)) {
                UNTAGGED.clone_into(&mut row.status);
            }
        }
        Ok(rows)
    }

    fn key(&self, row: &NarrowRow) -> i64 {
        row.key
    }

    fn position(&self, row: &NarrowRow) -> Position {
        Position { at: Some(row.started_at), key: row.key }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        let ExecutionFilter { statuses, project_id, allowed_projects, .. } = &self.filter;
        row.status != UNTAGGED
            && (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && project_id.as_ref().is_none_or(|wanted| *wanted == row.project_id)
            && may_see(allowed_projects.as_ref(), &row.project_id)
    }
}

impl ExecutionListing {
    fn all_rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        if self.of_job.is_none() && self.filter.statuses == [ExecutionStatus::Running] {
            return Ok(self.cut(running(conn)?, after, limit));
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (at, key) = (attempts::started_at, attempts::key);
        let mut rows = attempts::table.select(NarrowRow::as_select()).into_boxed();
        if let Some(keys) = &self.of_job {
            rows = rows.filter(key.eq_any(keys));
        }
        if let Some(from) = self.filter.started_from {
            rows = rows.filter(at.ge(from.as_micros()));
        }
        if let Some(to) = self.filter.started_to {
            rows = rows.filter(at.le(to.as_micros()));
        }
        if let Some(Position { at: Some(last), key: last_key }) = after {
            rows = match self.order {
                SortOrder::Ascending => rows.filter(at.ge(last)).filter(at.gt(last).or(key.gt(last_key))),
                SortOrder::Descending => rows.filter(at.le(last)).filter(at.lt(last).or(key.lt(last_key))),
            };
        }
        let rows = match self.order {
            SortOrder::Ascending => rows.order((at.asc(), key.asc())),
            SortOrder::Descending => rows.order((at.desc(), key.desc())),
        };
        Ok(rows.limit(limit).load(conn)?)
    }
}

/// The executions that run: there are no more of them than there are worker slots.
fn running(conn: &mut AnyConnection) -> QueryResult<Vec<NarrowRow>> {
    // In two steps: with a join, an order or a range SQLite would rather go through all executions.
    let keys: Vec<i64> = running_jobs::table.select(running_jobs::execution_key).load(conn)?;
    attempts::table.filter(attempts::key.eq_any(keys)).select(NarrowRow::as_select()).load(conn)
}

impl ExecutionListing {
    /// Of rows that are all there, those in the range and after a place, in order.
    fn cut(&self, mut rows: Vec<NarrowRow>, after: Option<Position>, limit: usize) -> Vec<NarrowRow> {
        let ExecutionFilter { started_from, started_to, .. } = &self.filter;
        rows.retain(|row| {
            started_from.is_none_or(|from| row.started_at >= from.as_micros())
                && started_to.is_none_or(|to| row.started_at <= to.as_micros())
        });
        rows.sort_unstable_by_key(|row| (row.started_at, row.key));
        if self.order == SortOrder::Descending {
            rows.reverse();
        }
        if let Some(Position { at: Some(at), key }) = after {
            rows.retain(|row| match self.order {
                SortOrder::Ascending => (row.started_at, row.key) > (at, key),
                SortOrder::Descending => (row.started_at, row.key) < (at, key),
            });
        }
        rows.truncate(limit);
        rows
    }
}

/// The keys of the executions of a job, the last one first, up to a number that no list goes beyond.
fn of_job(conn: &mut AnyConnection, id: JobId) -> Result<Vec<i64>, WriteError> {
    let job = job_states::table.filter(job_states::id.eq(id.to_string())).select(job_states::key);
    let Some(job_key) = job.get_result(conn).optional()? else { return Ok(Vec::new()) };
    let mut keys = Vec::new();
    let mut next = attempt::last_of_job(conn, job_key)?;
    while let Some(key) = next.filter(|_| keys.len() < EXECUTIONS_OF_JOB_MAX) {
        next = attempt::previous(conn, key, job_key)?;
        keys.push(key);
    }
    Ok(keys)
}

/// A page of executions.
pub(crate) fn list(
    conn: &mut AnyConnection,
    filter: ExecutionFilter,
    request: &PageRequest<ExecutionSort>,
) -> Result<Page<Execution>, WriteError> {
    let of_job = match filter.job_id {
        Some(id) => Some(of_job(conn, id)?),
        None => None,
    };
    let wanted = Wanted {
        sort: match request.sort {
            ExecutionSort::StartedAt => 'e',
            ExecutionSort::Duration => 'd',
        },
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    let tag_keys = job_tags::keys_of(conn, &filter.tag_ids)?;
    let listing = ExecutionListing { filter, order: request.order, of_job, tag_keys };
    let load =
        |conn: &mut AnyConnection, keys: &[i64]| Ok(Loaded::small(attempt::by_keys(conn, keys)?, keys));
    if request.sort == ExecutionSort::Duration {
        let rows = sorted::all(conn, &listing, "duration_ms", "job_id, date_from or date_to")?;
        // What has not ended took no time so far that is known.
        let rows = rows.iter().map(|row| (row.duration_us.unwrap_or(-1), row.key)).collect();
        return sorted::page(conn, rows, request.order, &wanted, load);
    }
    super::page(conn, &listing, &wanted, None, load)
}
