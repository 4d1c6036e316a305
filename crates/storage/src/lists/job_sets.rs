//! Jobs by what they belong to, and what they are sorted by that is not in their narrow rows.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::{job_definitions, job_states};
use crate::system::counters;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::JobStatus;

/// Jobs that are asked for by their keys in one statement.
pub(super) const KEYS_AT_A_TIME: usize = 1_000;

/// What makes a list shorter.
pub(super) const NARROW_BY: &str = "status, project_id, tag_id or external_id";

/// The priorities of jobs, each with its key.
pub(super) fn priorities(conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(KEYS_AT_A_TIME) {
        let part: Vec<(i64, i64)> = job_states::table
            .inner_join(job_definitions::table.on(job_definitions::key.eq(job_states::definition_key)))
            .filter(job_states::key.eq_any(keys))
            .select((job_definitions::priority, job_states::key))
            .load(conn)?;
        found.extend(part);
    }
    Ok(found)
}

/// The jobs of a project other than the default one after a key.
pub(super) fn of_project(
    conn: &mut AnyConnection,
    id: &str,
    after: Option<i64>,
    ascending: bool,
    limit: i64,
) -> QueryResult<Vec<i64>> {
    let key = job_states::key;
    let rows = job_states::table
        .filter(job_states::project_id.eq(id))
        // Written out, the condition is that of the partial index.
        .filter(sql::<Bool>("job_states.project_id <> 'default'"))
        .select(key);
    match ascending {
        true => rows.filter(key.gt(after.unwrap_or(i64::MIN))).order(key.asc()).limit(limit).load(conn),
        false => rows.filter(key.lt(after.unwrap_or(i64::MAX))).order(key.desc()).limit(limit).load(conn),
    }
}

/// How many jobs have one of these statuses.
pub(super) fn with_status(conn: &mut AnyConnection, statuses: &[JobStatus]) -> Result<u64, WriteError> {
    let counters = counters(conn)?;
    Ok(statuses.iter().filter_map(|status| counters.jobs.get(status)).sum())
}
