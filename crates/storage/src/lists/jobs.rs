//! The list of jobs, by creation or by scheduled time.

use super::Listing;
use super::job_parts::Part;
use super::job_sets::{self, KEYS_AT_A_TIME, with_status};
use super::narrow::{NarrowRow, UNTAGGED};
use super::schedule::{self, Range};
use crate::catalog::job_tags;
use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::query::may_see;
use crate::rows::ended::is_of_job;
use crate::schema::{ended_jobs, job_states, running_jobs};
use crate::{JobFilter, JobSort, SortOrder};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{DEFAULT_PROJECT, JobStatus};
use std::collections::HashSet;

/// Jobs of rare statuses are all looked at when there are no more than these.
const RARE_MAX: u64 = 5_000;
/// The same of the jobs of a project, or with a tag.
const FEW_MAX: usize = 2_000;

/// From where rows are read.
enum Way {
    /// All jobs in the order of their creation.
    Created,
    /// Several parts of the jobs by scheduled time, then those without one.
    Schedule(Vec<Part>),
    /// The few jobs of these statuses, sorted when they are read.
    Rare(Vec<JobStatus>),
    /// The few jobs of this name, sorted when they are read.
    Named(String),
    /// Few jobs, sorted when they are read.
    Few(Vec<i64>),
    /// The jobs of a project or with a tag, in the order of their creation.
    OfSet,
}

pub(super) struct JobListing {
    filter: JobFilter,
    /// The keys of the tags that are asked for.
    tag_keys: Vec<i64>,
    sort: JobSort,
    order: SortOrder,
    way: Way,
}

/// A query for narrow rows.
pub(super) type Rows<'a> = job_states::BoxedQuery<
    'a,
    AnyBackend,
    diesel::dsl::SqlTypeOf<diesel::dsl::AsSelect<NarrowRow, AnyBackend>>,
>;

/// All jobs, to be narrowed.
pub(super) fn rows_of<'a>() -> Rows<'a> {
    job_states::table.select(NarrowRow::as_select()).into_boxed()
}

/// The jobs that are held.
fn held<'a>() -> Rows<'a> {
    // Written out, the condition is that of the partial index.
    rows_of().filter(sql::<Bool>("job_states.status = 'held'"))
}

/// The jobs that run: there are no more of them than there are worker slots.
fn running(conn: &mut AnyConnection) -> QueryResult<Vec<NarrowRow>> {
    // In two steps: of a join SQLite would go through all jobs, as it knows nothing of the sizes of tables.
    let keys: Vec<i64> = running_jobs::table.select(running_jobs::job_key).load(conn)?;
    rows_of()
        .filter(job_states::key.eq_any(keys))
        .load(conn)
        .map(|rows: Vec<NarrowRow>| rows.into_iter().map(NarrowRow::that_runs).collect())
}

/// Jobs in whatever state they are, to be narrowed.
macro_rules! present {
    () => {
        job_states::table
            .left_join(ended_jobs::table.on(is_of_job!()))
            .select((NarrowRow::as_select(), ended_jobs::status.nullable()))
    };
}

/// Says of the jobs that run that they do, and of those that are over how they ended.
fn tell_present(
    conn: &mut AnyConnection,
    rows: Vec<(NarrowRow, Option<String>)>,
) -> QueryResult<Vec<NarrowRow>> {
    let running: HashSet<i64> =
        running_jobs::table.select(running_jobs::job_key).load(conn)?.into_iter().collect();
    let present = |(row, ended): (NarrowRow, Option<String>)| match ended {
        Some(status) => NarrowRow { status, ..row },
        None if running.contains(&row.key) => row.that_runs(),
        None => row,
    };
    Ok(rows.into_iter().map(present).collect())
}

impl JobListing {
    pub(super) fn new(
        conn: &mut AnyConnection,
        filter: JobFilter,
        sort: JobSort,
        order: SortOrder,
    ) -> Result<Self, WriteError> {
        let tag_keys = job_tags::keys_of(conn, &filter.tag_ids)?;
        let mut listing = Self { filter, tag_keys, sort, order, way: Way::Created };
        listing.way = listing.way(conn)?;
        Ok(listing)
    }

    /// The jobs of a project or with a tag after a key, by an index of these; `None` where nothing is asked for that has one.
    fn set(
        &self,
        conn: &mut AnyConnection,
        after: Option<i64>,
        order: SortOrder,
        limit: i64,
    ) -> QueryResult<Option<Vec<i64>>> {
        let ascending = order == SortOrder::Ascending;
        if !self.filter.tag_ids.is_empty() {
            return job_tags::jobs(conn, &self.tag_keys, after, ascending, limit).map(Some);
        }
        match &self.filter.project_id {
            Some(id) if id != DEFAULT_PROJECT => {
                job_sets::of_project(conn, id, after, ascending, limit).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn way(&self, conn: &mut AnyConnection) -> Result<Way, WriteError> {
        let (filter, sort) = (&self.filter, self.sort);
        if let Some(name) = &filter.external_id {
            return Ok(Way::Named(name.clone()));
        }
        let few = i64::try_from(FEW_MAX).unwrap_or(i64::MAX);
        if let Some(keys) = self.set(conn, None, SortOrder::Ascending, few + 1)? {
            if keys.len() <= FEW_MAX {
                return Ok(Way::Few(keys));
            }
            if sort != JobSort::ScheduledAt {
                return Ok(Way::OfSet);
            }
        }
        let mut statuses = filter.statuses.clone();
        statuses.sort_unstable();
        statuses.dedup();
        let may_be_rare = !statuses.is_empty() && !statuses.contains(&JobStatus::Completed);
        match sort {
            JobSort::ScheduledAt => Ok(Way::Schedule(Part::of(&statuses))),
            _ if may_be_rare && with_status(conn, &statuses)? <= RARE_MAX => Ok(Way::Rare(statuses)),
            JobSort::CreatedAt | JobSort::Priority => Ok(Way::Created),
        }
    }

    /// Jobs by their keys, whatever state they are in.
    fn present(conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<NarrowRow>> {
        let mut rows = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_AT_A_TIME) {
            let part: Vec<(NarrowRow, Option<String>)> =
                present!().filter(job_states::key.eq_any(keys)).load(conn)?;
            rows.extend(part);
        }
        tell_present(conn, rows)
    }

    /// Says of the rows that have none of the tags that they are not meant.
    fn mark_untagged(&self, conn: &mut AnyConnection, rows: &mut [NarrowRow]) -> QueryResult<()> {
        if self.filter.tag_ids.is_empty() {
            return Ok(());
        }
        let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
        let tagged = job_tags::among(conn, &self.tag_keys, &keys)?;
        for row in rows.iter_mut().filter(|row| !tagged.contains(&row.key)) {
            UNTAGGED.clone_into(&mut row.status);
        }
        Ok(())
    }

    fn range(&self, after: Option<Position>) -> Range {
        Range {
            from: self.filter.scheduled_from.map(|at| at.as_micros()),
            to: self.filter.scheduled_to.map(|at| at.as_micros()),
            after: after.and_then(|after| Some((after.at?, after.key))),
            order: self.order,
        }
    }

    fn by_creation(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let key = job_states::key;
        let rows = present!().into_boxed::<AnyBackend>();
        let rows = match (self.order, after) {
            (SortOrder::Ascending, Some(after)) => rows.filter(key.gt(after.key)),
            (SortOrder::Descending, Some(after)) => rows.filter(key.lt(after.key)),
            (_, None) => rows,
        };
        let rows = match self.order {
            SortOrder::Ascending => rows.order(key.asc()).limit(limit).load(conn)?,
            SortOrder::Descending => rows.order(key.desc()).limit(limit).load(conn)?,
        };
        tell_present(conn, rows)
    }

    /// Jobs with a scheduled time after a place.
    fn scheduled(
        &self,
        conn: &mut AnyConnection,
        part: Part,
        after: Option<Position>,
        limit: usize,
    ) -> QueryResult<Vec<NarrowRow>> {
        let range = self.range(after);
        match part {
            Part::Waiting => schedule::waiting(conn, &range, limit, |job_type| {
                self.filter.job_type.as_ref().is_none_or(|wanted| wanted == job_type)
            }),
            Part::Running => Ok(self.cut(running(conn)?, after, limit)),
            Part::Held => schedule::sorted(conn, held(), &range, limit),
            Part::Ended(status) => schedule::ended(conn, status, &range, limit),
        }
    }

    /// Jobs without a scheduled time after a place. What waits or runs has one.
    fn unscheduled(
        &self,
        conn: &mut AnyConnection,
        part: Part,
        after: Option<Position>,
        limit: i64,
    ) -> QueryResult<Vec<NarrowRow>> {
        let last = match after {
            Some(Position { at: None, key }) => Some(key),
            _ => None,
        };
        match part {
            Part::Waiting | Part::Running => Ok(Vec::new()),
            Part::Held => schedule::never(conn, held(), self.order, last, limit),
            Part::Ended(status) => schedule::never_ended(conn, status, self.order, last, limit),
        }
    }

    /// By scheduled time: first those that have one, then those that have none.
    fn by_schedule(
        &self,
        conn: &mut AnyConnection,
        part: Part,
        after: Option<Position>,
        limit: usize,
    ) -> QueryResult<Vec<NarrowRow>> {
        let mut rows = match after {
            Some(Position { at: None, .. }) => Vec::new(),
            _ => self.scheduled(conn, part, after, limit)?,
        };
        let has_range = self.filter.scheduled_from.is_some() || self.filter.scheduled_to.is_some();
        let room = i64::try_from(limit.saturating_sub(rows.len())).unwrap_or(i64::MAX);
        if room > 0 && !has_range {
            rows.extend(self.unscheduled(conn, part, after, room)?);
        }
        Ok(rows)
    }

    /// Larger for what comes later in the list.
    fn rank(&self, position: Position) -> (bool, i128, i128) {
        let sign = if self.order == SortOrder::Ascending { 1 } else { -1 };
        let at = position.at.map_or(0, |at| i128::from(at) * sign);
        (position.at.is_none(), at, i128::from(position.key) * sign)
    }

    /// Of rows that are all there, those after a place, in order.
    fn cut(&self, mut rows: Vec<NarrowRow>, after: Option<Position>, limit: usize) -> Vec<NarrowRow> {
        if let Some(after) = after.map(|after| self.rank(after)) {
            rows.retain(|row| self.rank(self.position(row)) > after);
        }
        rows.sort_by_key(|row| self.rank(self.position(row)));
        rows.truncate(limit);
        rows
    }
}

impl Listing for JobListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let mut rows = self.rows_of_way(conn, after, limit)?;
        self.mark_untagged(conn, &mut rows)?;
        Ok(rows)
    }

    fn key(&self, row: &NarrowRow) -> i64 {
        row.key
    }

    fn position(&self, row: &NarrowRow) -> Position {
        match (self.sort, row.scheduled_at) {
            (JobSort::ScheduledAt, Some(at)) => Position { at: Some(at), key: row.key },
            _ => Position { at: None, key: row.key },
        }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        // An external id is looked up: all that is read has it. Of tags the status tells.
        let JobFilter {
            statuses, job_type, project_id, scheduled_from, scheduled_to, allowed_projects, ..
        } = &self.filter;
        row.status != UNTAGGED
            && (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && job_type.as_ref().is_none_or(|wanted| *wanted == row.job_type)
            && project_id.as_ref().is_none_or(|wanted| *wanted == row.project_id)
            && may_see(allowed_projects.as_ref(), &row.project_id)
            && scheduled_from.is_none_or(|from| row.scheduled_at.is_some_and(|at| at >= from.as_micros()))
            && scheduled_to.is_none_or(|to| row.scheduled_at.is_some_and(|at| at <= to.as_micros()))
    }
}

impl JobListing {
    fn rows_of_way(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let row_limit = i64::try_from(limit).unwrap_or(i64::MAX);
        match &self.way {
            Way::Created => Ok(self.by_creation(conn, after, row_limit)?),
            Way::Schedule(parts) => {
                let mut rows = Vec::new();
                for part in parts {
                    rows.extend(self.by_schedule(conn, *part, after, limit)?);
                }
                Ok(self.cut(rows, None, limit))
            }
            Way::Rare(statuses) => {
                let mut rows = Vec::new();
                for status in statuses {
                    rows.extend(match status {
                        JobStatus::Scheduled => schedule::all_waiting(conn)?,
                        JobStatus::Running => running(conn)?,
                        JobStatus::Held => held().load(conn)?,
                        status => schedule::all_ended(conn, *status)?,
                    });
                }
                Ok(self.cut(rows, after, limit))
            }
            Way::Few(keys) => Ok(self.cut(Self::present(conn, keys)?, after, limit)),
            Way::OfSet => {
                let keys = self.set(conn, after.map(|after| after.key), self.order, row_limit)?;
                let keys = keys.unwrap_or_default();
                let mut rows = Self::present(conn, &keys)?;
                // One that is gone since the keys were read keeps its place, so that this does not look like the end.
                let found: HashSet<i64> = rows.iter().map(|row| row.key).collect();
                rows.extend(keys.iter().filter(|key| !found.contains(key)).map(|key| NarrowRow::gone(*key)));
                Ok(self.cut(rows, None, limit))
            }
            Way::Named(name) => {
                let rows = present!().filter(job_states::external_id.eq(name)).load(conn)?;
                Ok(self.cut(tell_present(conn, rows)?, after, limit))
            }
        }
    }
}
