//! The index of a file: all SQL that only SQLite has. A server has `server_index` in its place.

use super::sql::{Keys, take};
use crate::SortOrder;
use crate::connection::{AnyBackend, AnyConnection};
use crate::schema::{job_definitions, job_states};
use crate::statement;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

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
    match keys.order {
        SortOrder::Ascending => take(rows.order(job_search::rowid.asc()).load_iter(conn)?, limit),
        SortOrder::Descending => take(rows.order(job_search::rowid.desc()).load_iter(conn)?, limit),
    }
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
