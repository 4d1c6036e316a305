//! By which request an execution came about. It is not written down with it: creating, claiming and finishing would all pay
//! for that. The audit log has it, at the very time that the request asked for.

use super::audit::{bounds, first_at};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::{from_json, instant};
use crate::schema::{attempts, audit_entries as entries, chain_executions, job_definitions, job_states};
use diesel::prelude::*;
use oneoff_domain::{ExecutionId, Origin};

/// Requests by which a job starts at once.
const STARTING: [&str; 3] = ["job.create", "job.execute", "job.update"];
/// Those by which a chain does.
const EXECUTING: [&str; 1] = ["chain.execute"];
/// Entries that are looked at on behalf of one execution: those of one request with many jobs have the same time.
const NEAR: i64 = 10_000;
/// Attempts of one run that are gone through to its first one.
const ATTEMPTS_MAX: usize = 200;

/// An attempt, as far as it matters here.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    previous_key: Option<i64>,
    job_key: i64,
    definition_key: i64,
    attempt: i64,
    scheduled_for: i64,
}

/// Of whom an entry is looked for.
struct Wanted<'a> {
    subject: String,
    actions: &'a [&'a str],
    at: i64,
    /// What the entry must tell of beside that.
    mentions: Option<String>,
}

/// The id of the request that made an execution start at once, or the one that it is another attempt of, or the execution
/// of the chain that it is a link of.
pub(crate) fn request_of(
    conn: &mut AnyConnection,
    execution: ExecutionId,
) -> Result<Option<String>, WriteError> {
    let Some(first) = first_attempt(conn, execution)? else { return Ok(None) };
    let origin: Option<String> = job_definitions::table
        .find(first.definition_key)
        .select(job_definitions::origin)
        .first(conn)
        .optional()?
        .flatten();
    let origin =
        origin.as_deref().map(|text| from_json::<Origin>("job_definitions.origin", text)).transpose()?;
    let wanted = match origin {
        None => of_job(conn, first)?,
        Some(origin) => of_chain(conn, origin)?,
    };
    match wanted {
        Some(wanted) => look(conn, &wanted),
        None => Ok(None),
    }
}

/// The first attempt of the run that this one belongs to.
fn first_attempt(conn: &mut AnyConnection, id: ExecutionId) -> QueryResult<Option<AttemptRow>> {
    let row = attempts::table.filter(attempts::id.eq(id.to_string())).select(AttemptRow::as_select());
    let mut found: Option<AttemptRow> = row.first(conn).optional()?;
    for _ in 0..ATTEMPTS_MAX {
        let Some(previous) = found.filter(|row| row.attempt > 0).map(|row| row.previous_key) else {
            return Ok(found);
        };
        found = match previous {
            Some(key) => attempts::table.find(key).select(AttemptRow::as_select()).first(conn).optional()?,
            None => None,
        };
    }
    Ok(None)
}

fn of_job(conn: &mut AnyConnection, first: AttemptRow) -> QueryResult<Option<Wanted<'static>>> {
    let id: Option<String> =
        job_states::table.find(first.job_key).select(job_states::id).first(conn).optional()?;
    let wanted = |subject| Wanted { subject, actions: &STARTING, at: first.scheduled_for, mentions: None };
    Ok(id.map(wanted))
}

fn of_chain(conn: &mut AnyConnection, origin: Origin) -> QueryResult<Option<Wanted<'static>>> {
    let found: Option<(String, i64)> = chain_executions::table
        .filter(chain_executions::id.eq(&origin.id))
        .select((chain_executions::chain_id, chain_executions::created_at))
        .first(conn)
        .optional()?;
    let wanted =
        |(subject, at)| Wanted { subject, actions: &EXECUTING, at, mentions: Some(origin.id.clone()) };
    Ok(found.map(wanted))
}

fn look(conn: &mut AnyConnection, wanted: &Wanted<'_>) -> Result<Option<String>, WriteError> {
    let Some((oldest, newest)) = bounds(conn)? else { return Ok(None) };
    let near = first_at(conn, instant(wanted.at), oldest, newest.saturating_add(1))?;
    let found: Vec<(Option<String>, Option<String>)> = entries::table
        .filter(entries::key.ge(near.saturating_sub(NEAR)))
        .filter(entries::key.lt(near.saturating_add(NEAR)))
        .filter(entries::subject_id.eq(&wanted.subject))
        .filter(entries::action.eq_any(wanted.actions.iter().copied()))
        .filter(entries::written_at.eq(wanted.at))
        .order(entries::key.desc())
        .limit(10)
        .select((entries::request_id, entries::after_json))
        .load(conn)?;
    let is_meant = |after: &Option<String>| match &wanted.mentions {
        Some(mentioned) => after.as_deref().is_some_and(|after| after.contains(mentioned.as_str())),
        None => true,
    };
    Ok(found.into_iter().find(|(_, after)| is_meant(after)).and_then(|(request, _)| request))
}
