//! The audit log: the newest entries first, in windows of keys, so that no filter looks at everything at once.

use crate::Catalog;
use crate::audit_of_job;
use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::{self, Position};
use crate::failure::WriteError;
use crate::query::Page;
use crate::rows::definition::DefinitionRow;
use crate::rows::instant;
use crate::schema::{audit_entries as entries, job_definitions, job_states};
use diesel::dsl::{max, min};
use diesel::prelude::*;
use oneoff_domain::{Context, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Entries that are read at a time where all are wanted; each may be some tens of kilobytes.
pub const AUDIT_EXPORT_PAGE_ROWS: u32 = 500;
/// Keys of a window.
const WINDOW: i64 = 5_000;
/// For how long a page looks through further windows.
const LOOK_TIME: Duration = Duration::from_millis(20);
/// Entries are written in the order of their time, but for nodes that write at once and clocks that were set.
const OUT_OF_ORDER: Duration = Duration::from_secs(24 * 3600);

/// Which entries are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who, as the entry has it, or the id of their key.
    pub actor: Option<String>,
    /// One of these; empty is any.
    pub actions: Vec<String>,
    /// The kind of the record.
    pub subject_kind: Option<String>,
    /// The record.
    pub subject_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Written at or after.
    pub from: Option<Timestamp>,
    /// Written at or before.
    pub to: Option<Timestamp>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place in the log; rises.
    pub key: i64,
    /// When it was written.
    pub at: Timestamp,
    /// Who, as [`oneoff_domain::Actor::label`] writes it.
    pub actor: String,
    /// The id of the API key.
    pub actor_key: Option<String>,
    /// From where.
    pub client_address: Option<String>,
    /// `job.cancel`.
    pub action: String,
    /// `job`.
    pub subject_kind: String,
    /// The record.
    pub subject_id: String,
    /// Its project.
    pub project_id: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// What was changed, as it was.
    pub before: Option<Value>,
    /// The same, as it was then.
    pub after: Option<Value>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = entries, check_for_backend(AnyBackend))]
struct EntryRow {
    key: i64,
    written_at: i64,
    actor: String,
    actor_key: Option<String>,
    client_address: Option<String>,
    action: String,
    subject_kind: String,
    subject_id: String,
    project_id: Option<String>,
    request_id: Option<String>,
    before_json: Option<String>,
    after_json: Option<String>,
}

impl EntryRow {
    fn into_entry(self) -> AuditEntry {
        // What cannot be read is told as the text that it is: an audit log does not hide a damaged row.
        let read = |text: Option<String>| {
            text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        AuditEntry {
            key: self.key,
            at: instant(self.written_at),
            actor: self.actor,
            actor_key: self.actor_key,
            client_address: self.client_address,
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            project_id: self.project_id,
            request_id: self.request_id,
            before: read(self.before_json),
            after: read(self.after_json),
        }
    }
}

/// A page of the entries that the caller may see, the newest first.
pub(crate) fn list(
    conn: &mut AnyConnection,
    catalog: &Catalog,
    context: &Context,
    filter: &AuditFilter,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<AuditEntry>, WriteError> {
    let began = Instant::now();
    let limit = usize::try_from(limit.clamp(1, AUDIT_EXPORT_PAGE_ROWS)).unwrap_or(1);
    let cursor = after.map(|text| cursor::decode('a', text)).transpose()?;
    let Some((oldest, newest)) = bounds(conn)? else { return Ok(page(Vec::new(), None)) };
    let end = newest.saturating_add(1);
    let mut before = match filter.to.map(|to| to.saturating_add(OUT_OF_ORDER)) {
        Some(to) => first_at(conn, to, oldest, end)?,
        None => end,
    };
    let stop = match filter.from.map(|from| from.saturating_sub(OUT_OF_ORDER)) {
        Some(from) => first_at(conn, from, oldest, end)?,
        None => oldest,
    };
    before = cursor.map_or(before, |cursor| cursor.key.min(before));
    let mut items: Vec<AuditEntry> = Vec::new();
    while before > stop {
        let low = before.saturating_sub(WINDOW).max(stop);
        let wanted = limit + 1 - items.len();
        let rows = window(conn, context, filter, low..before, wanted)?;
        items.extend(rows.into_iter().map(EntryRow::into_entry));
        if items.len() > limit {
            items.truncate(limit);
            let last = items.last().map_or(before, |entry| entry.key);
            complete(conn, catalog, &mut items)?;
            return Ok(page(items, Some(last)));
        }
        before = low;
        if began.elapsed() > LOOK_TIME {
            break;
        }
    }
    complete(conn, catalog, &mut items)?;
    Ok(page(items, (before > stop).then_some(before)))
}

/// The keys of the oldest and the newest entry. Each is asked for alone: of both at once SQLite reads the whole table.
pub(super) fn bounds(conn: &mut AnyConnection) -> QueryResult<Option<(i64, i64)>> {
    let oldest: Option<i64> = entries::table.select(min(entries::key)).get_result(conn)?;
    let newest: Option<i64> = entries::table.select(max(entries::key)).get_result(conn)?;
    Ok(oldest.zip(newest))
}

fn page(items: Vec<AuditEntry>, next: Option<i64>) -> Page<AuditEntry> {
    let next_cursor = next.map(|key| cursor::encode('a', Position { at: None, key }));
    Page { items, next_cursor, total: None, total_is_estimate: false, bytes: 0 }
}

fn window(
    conn: &mut AnyConnection,
    context: &Context,
    filter: &AuditFilter,
    keys: std::ops::Range<i64>,
    limit: usize,
) -> QueryResult<Vec<EntryRow>> {
    let mut query = entries::table
        .filter(entries::key.ge(keys.start))
        .filter(entries::key.lt(keys.end))
        .order(entries::key.desc())
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(EntryRow::as_select())
        .into_boxed();
    if let Some(allowed) = &context.allowed_projects {
        query = query.filter(entries::project_id.eq_any(allowed.clone()));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(entries::actor.eq(actor.clone()).or(entries::actor_key.eq(actor.clone())));
    }
    if !filter.actions.is_empty() {
        query = query.filter(entries::action.eq_any(filter.actions.clone()));
    }
    if let Some(kind) = &filter.subject_kind {
        query = query.filter(entries::subject_kind.eq(kind.clone()));
    }
    if let Some(id) = &filter.subject_id {
        query = query.filter(entries::subject_id.eq(id.clone()));
    }
    if let Some(project) = &filter.project_id {
        query = query.filter(entries::project_id.eq(project.clone()));
    }
    if let Some(request) = &filter.request_id {
        query = query.filter(entries::request_id.eq(request.clone()));
    }
    if let Some(from) = filter.from {
        query = query.filter(entries::written_at.ge(from.as_micros()));
    }
    if let Some(to) = filter.to {
        query = query.filter(entries::written_at.le(to.as_micros()));
    }
    query.load(conn)
}

/// The first key whose entry was not written before `at`, as far as entries are in the order of their time.
pub(super) fn first_at(conn: &mut AnyConnection, at: Timestamp, oldest: i64, end: i64) -> QueryResult<i64> {
    let (mut low, mut high) = (oldest, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = entries::table
            .filter(entries::key.ge(middle))
            .order(entries::key)
            .select((entries::key, entries::written_at))
            .first(conn)
            .optional()?;
        match found {
            Some((key, written_at)) if written_at < at.as_micros() => low = key + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Adds to entries of jobs that were made what these were, from their first revision, which never changes: writing it
/// down twice would cost each of them.
fn complete(conn: &mut AnyConnection, catalog: &Catalog, items: &mut [AuditEntry]) -> Result<(), WriteError> {
    let is_bare = |entry: &AuditEntry| entry.action == "job.create" && entry.after.is_none();
    let ids: Vec<&str> =
        items.iter().filter(|entry| is_bare(entry)).map(|entry| entry.subject_id.as_str()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let jobs: Vec<(i64, String)> = job_states::table
        .filter(job_states::id.eq_any(ids))
        .select((job_states::key, job_states::id))
        .load(conn)?;
    // The first definition of a job has the job's own key.
    let keys: Vec<i64> = jobs.iter().map(|(key, _)| *key).collect();
    let definitions: Vec<(i64, DefinitionRow)> = job_definitions::table
        .filter(job_definitions::key.eq_any(keys))
        .select((job_definitions::key, DefinitionRow::as_select()))
        .load(conn)?;
    let mut definitions: HashMap<i64, DefinitionRow> = definitions.into_iter().collect();
    let mut made: HashMap<String, Value> = HashMap::new();
    for (key, id) in jobs {
        let definition = definitions.remove(&key).map(|row| row.into_domain().definition);
        if let Some(told) = definition.as_ref().and_then(|made| audit_of_job::of_made(made, catalog)) {
            made.insert(id, told);
        }
    }
    for entry in items.iter_mut().filter(|entry| is_bare(entry)) {
        entry.after = made.get(&entry.subject_id).cloned();
    }
    Ok(())
}
