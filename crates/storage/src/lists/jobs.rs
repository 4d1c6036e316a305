//! The list of jobs, by creation or by scheduled time.

use super::{COUNT_MAX, Listing, Wanted};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::rows::job as job_rows;
use crate::schema::job_states;
use crate::system::counters;
use crate::{JobFilter, JobSort, Page, PageRequest, SortOrder};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::{Sqlite, SqliteConnection};
use oneoff_domain::{Job, JobStatus};

/// Jobs of rare statuses are all looked at when there are no more than these.
const RARE_MAX: u64 = 5_000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_states, check_for_backend(Sqlite))]
pub(crate) struct NarrowRow {
    key: i64,
    status: String,
    job_type: String,
    project_id: String,
    external_id: Option<String>,
    scheduled_at: Option<i64>,
}

/// From which index rows are read.
enum Way {
    /// All jobs in the order of their keys, which is that of creation.
    ByKey,
    /// All jobs by scheduled time, then those without one.
    BySchedule,
    /// The jobs of these statuses by scheduled time, then those without one.
    ByStatus(Vec<JobStatus>),
    /// The few jobs of these statuses, sorted when they are read.
    Rare(Vec<JobStatus>),
    /// The few jobs of this name, sorted when they are read.
    Named(String),
}

struct JobListing {
    filter: JobFilter,
    sort: JobSort,
    order: SortOrder,
    way: Way,
}

type Rows<'a> =
    job_states::BoxedQuery<'a, Sqlite, diesel::dsl::SqlTypeOf<diesel::dsl::AsSelect<NarrowRow, Sqlite>>>;

fn rows_of<'a>() -> Rows<'a> {
    job_states::table.select(NarrowRow::as_select()).into_boxed()
}

impl JobListing {
    fn new(
        conn: &mut SqliteConnection,
        filter: JobFilter,
        sort: JobSort,
        order: SortOrder,
    ) -> Result<Self, WriteError> {
        let way = Self::way(conn, &filter, sort)?;
        Ok(Self { filter, sort, order, way })
    }

    fn way(conn: &mut SqliteConnection, filter: &JobFilter, sort: JobSort) -> Result<Way, WriteError> {
        if let Some(name) = &filter.external_id {
            return Ok(Way::Named(name.clone()));
        }
        let statuses = &filter.statuses;
        // The index by status leaves `completed` out.
        let is_indexed = !statuses.is_empty() && !statuses.contains(&JobStatus::Completed);
        match (is_indexed, sort) {
            (true, JobSort::ScheduledAt) => Ok(Way::ByStatus(statuses.clone())),
            (true, JobSort::CreatedAt) if with_status(conn, statuses)? <= RARE_MAX => {
                Ok(Way::Rare(statuses.clone()))
            }
            (_, JobSort::CreatedAt) => Ok(Way::ByKey),
            (false, JobSort::ScheduledAt) => Ok(Way::BySchedule),
        }
    }

    fn has_schedule_filter(&self) -> bool {
        self.filter.scheduled_from.is_some() || self.filter.scheduled_to.is_some()
    }

    fn by_key(
        &self,
        conn: &mut SqliteConnection,
        after: Option<Position>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let rows = match (self.order, after) {
            (SortOrder::Ascending, Some(after)) => rows_of().filter(job_states::key.gt(after.key)),
            (SortOrder::Descending, Some(after)) => rows_of().filter(job_states::key.lt(after.key)),
            (_, None) => rows_of(),
        };
        match self.order {
            SortOrder::Ascending => rows.order(job_states::key.asc()).limit(limit).load(conn),
            SortOrder::Descending => rows.order(job_states::key.desc()).limit(limit).load(conn),
        }
    }

    /// Jobs with a scheduled time after a place, optionally of one status.
    fn scheduled(
        &self,
        conn: &mut SqliteConnection,
        status: Option<JobStatus>,
        after: Option<(i64, i64)>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let at = job_states::scheduled_at;
        let mut rows = of_status(status).filter(at.is_not_null());
        if let Some(from) = self.filter.scheduled_from {
            rows = rows.filter(at.ge(from.as_micros()));
        }
        if let Some(to) = self.filter.scheduled_to {
            rows = rows.filter(at.le(to.as_micros()));
        }
        // The first condition bounds the range of the index, the second one takes its edge apart.
        match (self.order, after) {
            (SortOrder::Ascending, Some((last, key))) => {
                rows = rows.filter(at.ge(last)).filter(at.gt(last).or(job_states::key.gt(key)));
            }
            (SortOrder::Descending, Some((last, key))) => {
                rows = rows.filter(at.le(last)).filter(at.lt(last).or(job_states::key.lt(key)));
            }
            (_, None) => {}
        }
        match self.order {
            SortOrder::Ascending => rows.order((at.asc(), job_states::key.asc())).limit(limit).load(conn),
            SortOrder::Descending => rows.order((at.desc(), job_states::key.desc())).limit(limit).load(conn),
        }
    }

    /// Jobs without a scheduled time after a place, optionally of one status.
    fn unscheduled(
        &self,
        conn: &mut SqliteConnection,
        status: Option<JobStatus>,
        after: Option<i64>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let mut rows = of_status(status).filter(job_states::scheduled_at.is_null());
        match (self.order, after) {
            (SortOrder::Ascending, Some(key)) => rows = rows.filter(job_states::key.gt(key)),
            (SortOrder::Descending, Some(key)) => rows = rows.filter(job_states::key.lt(key)),
            (_, None) => {}
        }
        match self.order {
            SortOrder::Ascending => rows.order(job_states::key.asc()).limit(limit).load(conn),
            SortOrder::Descending => rows.order(job_states::key.desc()).limit(limit).load(conn),
        }
    }

    /// By scheduled time: first those that have one, then those that have none.
    fn by_schedule(
        &self,
        conn: &mut SqliteConnection,
        status: Option<JobStatus>,
        after: Option<Position>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let (with_time, without_after) = match after {
            None => (Some(None), None),
            Some(Position { at: Some(at), key }) => (Some(Some((at, key))), None),
            Some(Position { at: None, key }) => (None, Some(key)),
        };
        let mut rows = match with_time {
            Some(after) => self.scheduled(conn, status, after, limit)?,
            None => Vec::new(),
        };
        let room = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if room > 0 && !self.has_schedule_filter() {
            rows.extend(self.unscheduled(conn, status, without_after, room)?);
        }
        Ok(rows)
    }

    fn sort(&self, rows: &mut [NarrowRow]) {
        rows.sort_by_key(|row| self.rank(self.position(row)));
    }

    /// Larger for what comes later in the list.
    fn rank(&self, position: Position) -> (bool, i128, i128) {
        let sign = if self.order == SortOrder::Ascending { 1 } else { -1 };
        let at = position.at.map_or(0, |at| i128::from(at) * sign);
        (position.at.is_none(), at, i128::from(position.key) * sign)
    }

    /// Of rows that are all there, those after a place.
    fn cut(&self, mut rows: Vec<NarrowRow>, after: Option<Position>, limit: usize) -> Vec<NarrowRow> {
        if let Some(after) = after.map(|after| self.rank(after)) {
            rows.retain(|row| self.rank(self.position(row)) > after);
        }
        self.sort(&mut rows);
        rows.truncate(limit);
        rows
    }
}

/// How many jobs have one of these statuses.
fn with_status(conn: &mut SqliteConnection, statuses: &[JobStatus]) -> Result<u64, WriteError> {
    let counters = counters(conn)?;
    Ok(statuses.iter().filter_map(|status| counters.jobs.get(status)).sum())
}

fn of_status<'a>(status: Option<JobStatus>) -> Rows<'a> {
    let rows = rows_of();
    match status {
        // Written out, the second condition is that of the partial index.
        Some(status) => rows
            .filter(job_states::status.eq(status.as_str()))
            .filter(sql::<Bool>("job_states.status <> 'completed'")),
        None => rows,
    }
}

impl Listing for JobListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut SqliteConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let row_limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match &self.way {
            Way::ByKey => Ok(self.by_key(conn, after, row_limit)?),
            Way::BySchedule => Ok(self.by_schedule(conn, None, after, row_limit)?),
            Way::ByStatus(statuses) => {
                let mut rows = Vec::new();
                for status in statuses {
                    rows.extend(self.by_schedule(conn, Some(*status), after, row_limit)?);
                }
                self.sort(&mut rows);
                rows.dedup_by_key(|row| row.key);
                rows.truncate(limit);
                Ok(rows)
            }
            Way::Rare(statuses) => {
                let mut rows = Vec::new();
                for status in statuses {
                    rows.extend(of_status(Some(*status)).load(conn)?);
                }
                self.sort(&mut rows);
                rows.dedup_by_key(|row| row.key);
                Ok(self.cut(rows, after, limit))
            }
            Way::Named(name) => {
                let rows = rows_of().filter(job_states::external_id.eq(name)).load(conn)?;
                Ok(self.cut(rows, after, limit))
            }
        }
    }

    fn position(&self, row: &NarrowRow) -> Position {
        match self.sort {
            JobSort::CreatedAt => Position { at: None, key: row.key },
            JobSort::ScheduledAt => Position { at: row.scheduled_at, key: row.key },
        }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        let JobFilter { statuses, job_type, project_id, external_id, scheduled_from, scheduled_to } =
            &self.filter;
        (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && job_type.as_ref().is_none_or(|wanted| *wanted == row.job_type)
            && project_id.as_ref().is_none_or(|wanted| *wanted == row.project_id)
            && external_id.as_ref().is_none_or(|wanted| Some(wanted) == row.external_id.as_ref())
            && scheduled_from.is_none_or(|from| row.scheduled_at.is_some_and(|at| at >= from.as_micros()))
            && scheduled_to.is_none_or(|to| row.scheduled_at.is_some_and(|at| at <= to.as_micros()))
    }
}

/// A page of jobs.
pub(crate) fn list(
    conn: &mut SqliteConnection,
    filter: JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let only_statuses = JobFilter { statuses: filter.statuses.clone(), ..JobFilter::default() } == filter;
    let known_total = match only_statuses && request.with_total {
        true => Some(total(conn, &filter.statuses)?),
        false => None,
    };
    let wanted = Wanted {
        sort: match request.sort {
            JobSort::CreatedAt => 'c',
            JobSort::ScheduledAt => 's',
        },
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    let listing = JobListing::new(conn, filter, request.sort, request.order)?;
    super::page(conn, &listing, &wanted, known_total, job_rows::by_keys)
}

/// What the counters say, up to the number to which totals are exact.
fn total(conn: &mut SqliteConnection, statuses: &[JobStatus]) -> Result<(u64, bool), WriteError> {
    let mut distinct = if statuses.is_empty() { JobStatus::ALL.to_vec() } else { statuses.to_vec() };
    distinct.sort_unstable();
    distinct.dedup();
    let jobs = with_status(conn, &distinct)?;
    Ok((jobs.min(COUNT_MAX), jobs > COUNT_MAX))
}
