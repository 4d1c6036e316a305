//! The list of executions, by start.

use super::{Listing, Wanted};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::rows::attempt;
use crate::schema::{attempts, job_states};
use crate::{ExecutionFilter, ExecutionSort, Page, PageRequest, SortOrder};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteConnection};
use oneoff_domain::{Execution, ExecutionStatus};

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = attempts, check_for_backend(Sqlite))]
pub(crate) struct NarrowRow {
    key: i64,
    status: String,
    project_id: String,
    started_at: i64,
}

struct ExecutionListing {
    filter: ExecutionFilter,
    order: SortOrder,
    /// The key of the job that the filter names.
    job_key: Option<i64>,
}

impl Listing for ExecutionListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut SqliteConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (at, key) = (attempts::started_at, attempts::key);
        let mut rows = attempts::table.select(NarrowRow::as_select()).into_boxed();
        if let Some(job_key) = self.job_key {
            rows = rows.filter(attempts::job_key.eq(job_key));
        } else if self.filter.statuses == [ExecutionStatus::Running] {
            // Written out, the condition is that of the partial index: few rows, sorted as they are read.
            rows = rows.filter(sql::<Bool>("attempts.status = 'running'"));
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

    fn key(&self, row: &NarrowRow) -> i64 {
        row.key
    }

    fn position(&self, row: &NarrowRow) -> Position {
        Position { at: Some(row.started_at), key: row.key }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        let ExecutionFilter { statuses, project_id, .. } = &self.filter;
        (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && project_id.as_ref().is_none_or(|wanted| *wanted == row.project_id)
    }
}

/// A page of executions.
pub(crate) fn list(
    conn: &mut SqliteConnection,
    filter: ExecutionFilter,
    request: &PageRequest<ExecutionSort>,
) -> Result<Page<Execution>, WriteError> {
    let ExecutionSort::StartedAt = request.sort;
    let job_key = match filter.job_id {
        // No job has the key 0.
        Some(id) => Some(
            job_states::table
                .filter(job_states::id.eq(id.to_string()))
                .select(job_states::key)
                .get_result(conn)
                .optional()?
                .unwrap_or(0),
        ),
        None => None,
    };
    let wanted = Wanted {
        sort: 'e',
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    let listing = ExecutionListing { filter, order: request.order, job_key };
    super::page(conn, &listing, &wanted, None, attempt::by_keys)
}
