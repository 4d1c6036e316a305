//! The SQL of the search that both databases share: what is looked at of a job that may be meant.

use crate::connection::AnyConnection;
use crate::query::may_see;
use crate::rows::ended::is_of_job;
use crate::rows::from_json;
use crate::schema::{ended_jobs, job_definitions, job_states};
use crate::{JobFilter, SortOrder};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

/// A part of the jobs: keys between two others, in an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// The smallest.
    pub(super) first: i64,
    /// The largest.
    pub(super) last: i64,
    /// Their order.
    pub(super) order: SortOrder,
}

impl Keys {
    pub(super) fn contains(self, key: i64) -> bool {
        (self.first..=self.last).contains(&key)
    }

    /// The key at the end, in their order.
    pub(super) fn end(self) -> i64 {
        match self.order {
            SortOrder::Ascending => self.last,
            SortOrder::Descending => self.first,
        }
    }

    /// So many keys at the beginning.
    pub(super) fn beginning(self, span: i64) -> Self {
        match self.order {
            SortOrder::Ascending => self.up_to(self.first.saturating_add(span).min(self.last)),
            SortOrder::Descending => self.up_to(self.last.saturating_sub(span).max(self.first)),
        }
    }

    /// Adds those of some keys that are among these to others, in their order.
    pub(super) fn add(self, some: &[i64], to: &mut Vec<i64>) {
        to.extend(some.iter().copied().filter(|key| self.contains(*key)));
        to.sort_unstable();
        to.dedup();
        if self.order == SortOrder::Descending {
            to.reverse();
        }
    }

    /// The keys up to this one.
    pub(super) fn up_to(self, end: i64) -> Self {
        match self.order {
            SortOrder::Ascending => Self { last: end, ..self },
            SortOrder::Descending => Self { first: end, ..self },
        }
    }
}

/// What of a job decides whether it is in a list.
#[derive(Debug, Queryable)]
pub(super) struct Candidate {
    pub(super) key: i64,
    pub(super) id: String,
    pub(super) status: String,
    job_type: String,
    project_id: String,
    pub(super) scheduled_at: Option<i64>,
    pub(super) next_attempt_at: Option<i64>,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) tags: String,
    pub(super) priority: i64,
}

impl Candidate {
    /// The tags of a definition are a JSON array of ids.
    fn has_tag(&self, id: &str) -> bool {
        let ids: Vec<String> = from_json("job_definitions.tags", &self.tags).unwrap_or_default();
        ids.iter().any(|own| own == id)
    }

    /// Whether the filter lets it through.
    pub(super) fn passes(&self, filter: &JobFilter) -> bool {
        let equals = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|wanted| wanted == own);
        (filter.statuses.is_empty() || filter.statuses.iter().any(|status| status.as_str() == self.status))
            && equals(&filter.job_type, &self.job_type)
            && equals(&filter.project_id, &self.project_id)
            && may_see(filter.allowed_projects.as_ref(), &self.project_id)
            && (filter.tag_ids.is_empty() || filter.tag_ids.iter().any(|id| self.has_tag(id)))
            && filter.external_id.as_ref().is_none_or(|wanted| Some(wanted) == self.external_id.as_ref())
            && filter
                .scheduled_from
                .is_none_or(|from| self.scheduled_at.is_some_and(|at| at >= from.as_micros()))
            && filter.scheduled_to.is_none_or(|to| self.scheduled_at.is_some_and(|at| at <= to.as_micros()))
    }
}

/// The jobs with these keys as they are now, in no order.
pub(super) fn candidates(conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<Candidate>> {
    job_states::table
        .inner_join(job_definitions::table.on(job_definitions::key.eq(job_states::definition_key)))
        .left_join(ended_jobs::table.on(is_of_job!()))
        .filter(job_states::key.eq_any(keys))
        .select((
            job_states::key,
            job_states::id,
            sql::<Text>("coalesce(ended_jobs.status, job_states.status)"),
            job_states::job_type,
            job_states::project_id,
            job_states::scheduled_at,
            job_states::next_attempt_at,
            job_definitions::name,
            job_definitions::external_id,
            job_definitions::tags,
            job_definitions::priority,
        ))
        .load(conn)
}

/// The last jobs whose ids begin with this, at most `limit` of them.
pub(super) fn jobs_by_id(conn: &mut AnyConnection, beginning: &str, limit: usize) -> QueryResult<Vec<i64>> {
    // Behind all digits that can follow.
    let end = format!("{beginning}g");
    let rows = job_states::table
        .filter(job_states::id.ge(beginning))
        .filter(job_states::id.lt(end))
        .order(job_states::id.desc())
        .select(job_states::key);
    match conn {
        AnyConnection::Sqlite(_) => take(rows.load_iter(conn)?, limit),
        AnyConnection::Postgres(_) => rows.limit(i64::try_from(limit).unwrap_or(i64::MAX)).load(conn),
    }
}

/// The first rows of a file. They are read one by one instead of with `LIMIT`, for which SQLite would prepare the
/// statement anew each time.
pub(super) fn take(rows: impl Iterator<Item = QueryResult<i64>>, limit: usize) -> QueryResult<Vec<i64>> {
    rows.take(limit).collect()
}
