//! All SQL of the search: the index of SQLite, of which nothing outside of this file knows. Another database has
//! this file once more.

use crate::connection::{AnyBackend, AnyConnection};
use crate::statement;
use crate::{JobFilter, SortOrder};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

diesel::table! {
    job_search (rowid) {
        rowid -> BigInt,
        // The name of the table stands for all of its columns in a match.
        #[sql_name = "job_search"]
        index -> Text,
    }
}

diesel::table! {
    job_search_progress (key) {
        key -> BigInt,
        indexed_to -> BigInt,
    }
}

diesel::table! {
    job_search_removed (job_key) {
        job_key -> BigInt,
    }
}

diesel::infix_operator!(Matches, " MATCH ", backend: AnyBackend);

use crate::rows::ended::is_of_job;
use crate::schema::{ended_jobs, job_definitions, job_states};

/// A part of the index: keys of jobs between two others, in an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    /// The smallest.
    pub(super) first: i64,
    /// The largest.
    pub(super) last: i64,
    /// Their order.
    pub(super) order: SortOrder,
}

/// The jobs whose text has all of these pieces, at most `limit` of them.
pub(super) fn matches(
    conn: &mut AnyConnection,
    grams: &[&str],
    keys: Keys,
    limit: usize,
) -> QueryResult<Vec<i64>> {
    let quoted: Vec<String> = grams.iter().map(|gram| format!("\"{}\"", gram.replace('"', "\"\""))).collect();
    let wanted = Matches::new(job_search::index, quoted.join(" AND ").into_sql::<diesel::sql_types::Text>());
    let rows = job_search::table
        .filter(wanted)
        .filter(job_search::rowid.ge(keys.first))
        .filter(job_search::rowid.le(keys.last))
        .select(job_search::rowid);
    // Read one by one instead of with `LIMIT`, for which SQLite would prepare the statement anew each time.
    match keys.order {
        SortOrder::Ascending => take(rows.order(job_search::rowid.asc()).load_iter(conn)?, limit),
        SortOrder::Descending => take(rows.order(job_search::rowid.desc()).load_iter(conn)?, limit),
    }
}

fn take(rows: impl Iterator<Item = QueryResult<i64>>, limit: usize) -> QueryResult<Vec<i64>> {
    rows.take(limit).collect()
}

/// The keys of jobs in a part, at most `limit` of them.
pub(super) fn jobs(conn: &mut AnyConnection, keys: Keys, limit: usize) -> QueryResult<Vec<i64>> {
    let key = job_states::key;
    let rows = job_states::table.filter(key.ge(keys.first)).filter(key.le(keys.last)).select(key);
    match keys.order {
        SortOrder::Ascending => take(rows.order(key.asc()).load_iter(conn)?, limit),
        SortOrder::Descending => take(rows.order(key.desc()).load_iter(conn)?, limit),
    }
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
    take(rows.load_iter(conn)?, limit)
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
}

impl Candidate {
    /// Whether the filter lets it through.
    pub(super) fn passes(&self, filter: &JobFilter) -> bool {
        let equals = |wanted: &Option<String>, own: &str| wanted.as_ref().is_none_or(|wanted| wanted == own);
        (filter.statuses.is_empty() || filter.statuses.iter().any(|status| status.as_str() == self.status))
            && equals(&filter.job_type, &self.job_type)
            && equals(&filter.project_id, &self.project_id)
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
        ))
        .load(conn)
}

/// Up to which definition the index is filled.
pub(super) fn indexed_to(conn: &mut AnyConnection) -> QueryResult<i64> {
    job_search_progress::table.find(1).select(job_search_progress::indexed_to).get_result(conn)
}

/// The last definition.
pub(super) fn last_definition(conn: &mut AnyConnection) -> QueryResult<i64> {
    let last: Option<i64> =
        job_definitions::table.select(diesel::dsl::max(job_definitions::key)).get_result(conn)?;
    Ok(last.unwrap_or(0))
}

/// The largest key that the index may know. It must not be given to a new job, which would be taken for the old one.
pub(super) fn last_known(conn: &mut AnyConnection) -> QueryResult<i64> {
    let removed: Option<i64> =
        job_search_removed::table.select(diesel::dsl::max(job_search_removed::job_key)).get_result(conn)?;
    Ok(indexed_to(conn)?.max(removed.unwrap_or(0)))
}

/// A definition that is to be indexed.
#[derive(Debug, Queryable)]
pub(super) struct Definition {
    pub(super) key: i64,
    pub(super) job_key: i64,
    pub(super) previous_key: Option<i64>,
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    pub(super) tags: String,
}

/// The definitions after this one, at most `limit`.
pub(super) fn definitions_after(
    conn: &mut AnyConnection,
    key: i64,
    limit: i64,
) -> QueryResult<Vec<Definition>> {
    job_definitions::table
        .filter(job_definitions::key.gt(key))
        .order(job_definitions::key)
        .limit(limit)
        .select((
            job_definitions::key,
            job_definitions::job_key,
            job_definitions::previous_key,
            job_definitions::name,
            job_definitions::external_id,
            job_definitions::tags,
        ))
        .load(conn)
}

/// The jobs that were edited after this definition, the last first, at most `limit`.
pub(super) fn edited_after(conn: &mut AnyConnection, key: i64, limit: i64) -> QueryResult<Vec<i64>> {
    job_definitions::table
        .filter(job_definitions::previous_key.is_not_null())
        .filter(job_definitions::key.gt(key))
        .order(job_definitions::key.desc())
        .limit(limit)
        .select(job_definitions::job_key)
        .load(conn)
}

/// Jobs that are gone and still in the index, at most `limit`.
pub(super) fn removed(conn: &mut AnyConnection, limit: i64) -> QueryResult<Vec<i64>> {
    job_search_removed::table
        .order(job_search_removed::job_key)
        .limit(limit)
        .select(job_search_removed::job_key)
        .load(conn)
}

macro_rules! statements {
    ($($name:ident = $sql:literal;)+) => {
        $(statement::statement!($name, $sql);)+
    };
}

statements! {
    Insert = "INSERT INTO job_search (rowid, text) VALUES (?, ?)";
    Remove = "DELETE FROM job_search WHERE rowid = ?";
    Forget = "DELETE FROM job_search_removed WHERE job_key = ?";
    Progress = "UPDATE job_search_progress SET indexed_to = ? WHERE key = 1";
    Merge = "INSERT INTO job_search (job_search, rank) VALUES ('merge', ?)";
}

/// Puts a job into the index.
pub(super) fn insert(conn: &mut AnyConnection, job_key: i64, text: &str) -> QueryResult<()> {
    statement::run::<Insert>(conn, &[job_key.into(), text.into()]).map(drop)
}

/// Takes a job out of the index, if it is in it.
pub(super) fn remove(conn: &mut AnyConnection, job_key: i64) -> QueryResult<()> {
    statement::run::<Remove>(conn, &[job_key.into()]).map(drop)
}

/// Takes a job that is gone out of the index for good.
pub(super) fn forget(conn: &mut AnyConnection, job_key: i64) -> QueryResult<()> {
    remove(conn, job_key)?;
    statement::run::<Forget>(conn, &[job_key.into()]).map(drop)
}

/// Notes up to which definition the index is filled.
pub(super) fn set_indexed_to(conn: &mut AnyConnection, key: i64) -> QueryResult<()> {
    statement::run::<Progress>(conn, &[key.into()]).map(drop)
}

/// Merges parts of the index, writing about so many pages. Answers whether there was anything to do.
pub(super) fn merge(conn: &mut AnyConnection, pages: i64) -> QueryResult<bool> {
    let changes = diesel::dsl::sql::<BigInt>("total_changes()");
    let before: i64 = diesel::select(changes.clone()).get_result(conn)?;
    statement::run::<Merge>(conn, &[pages.into()])?;
    let after: i64 = diesel::select(changes).get_result(conn)?;
    // The command itself counts as one.
    Ok(after - before > 1)
}
