//! Rows of `job_definitions`: what a job does, one immutable row per revision.

use super::{Faults, from_json, number, to_json, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::RowError;
use crate::schema::job_definitions;
use crate::statement::{self, Target};
use diesel::prelude::*;
use oneoff_domain::{JobDefinition, JobKey, OnCrash, OnLate, Origin, RetryPolicy, Timestamp};
use serde_json::Map;

/// What is read of a definition.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_definitions, check_for_backend(AnyBackend))]
pub(crate) struct DefinitionRow {
    revision: i64,
    name: String,
    job_type: String,
    config: String,
    project_id: String,
    tags: String,
    priority: i64,
    timezone: String,
    timeout_seconds: Option<i64>,
    max_retries: i64,
    retry_delay_seconds: i64,
    retry_max_delay_seconds: i64,
    retry_exit_codes: Option<String>,
    max_lateness_seconds: Option<i64>,
    on_late: String,
    on_crash: String,
    concurrency_key: Option<String>,
    external_id: Option<String>,
    metadata: String,
    origin: Option<String>,
}

/// A definition as far as it can be read.
pub(crate) struct ReadDefinition {
    pub(crate) revision: i64,
    /// What cannot be read is empty, and the name says so.
    pub(crate) definition: JobDefinition,
    /// What made the job.
    pub(crate) origin: Option<Origin>,
    /// What cannot be read.
    pub(crate) fault: Option<RowError>,
}

impl DefinitionRow {
    /// The definition. It never fails, so that a job can be found and deleted although its row was damaged.
    pub(crate) fn into_domain(self) -> ReadDefinition {
        let mut faults = Faults::default();
        let exit_codes = self.retry_exit_codes.as_deref();
        let exit_codes =
            exit_codes.map(|text| from_json("job_definitions.retry_exit_codes", text)).transpose();
        let seconds = |place, value: Option<i64>| value.map(|value| number(place, value)).transpose();
        let max_delay = number("job_definitions.retry_max_delay_seconds", self.retry_max_delay_seconds);
        let origin = self.origin.as_deref().map(|text| from_json("job_definitions.origin", text)).transpose();
        let origin = faults.or(origin, None);
        let mut definition = JobDefinition {
            config: faults.or(from_json("job_definitions.config", &self.config), Map::new()),
            tags: faults.or(from_json("job_definitions.tags", &self.tags), Vec::new()),
            priority: faults.or(number("job_definitions.priority", self.priority), 1),
            timeout_seconds: faults
                .or(seconds("job_definitions.timeout_seconds", self.timeout_seconds), None),
            retry: RetryPolicy {
                max_retries: faults.or(number("job_definitions.max_retries", self.max_retries), 0),
                delay_seconds: faults
                    .or(number("job_definitions.retry_delay_seconds", self.retry_delay_seconds), 0),
                max_delay_seconds: faults.or(max_delay, 0),
                exit_codes: faults.or(exit_codes, None),
            },
            max_lateness_seconds: faults
                .or(seconds("job_definitions.max_lateness_seconds", self.max_lateness_seconds), None),
            on_late: faults.or(word("job_definitions.on_late", &self.on_late), OnLate::Run),
            on_crash: faults.or(word("job_definitions.on_crash", &self.on_crash), OnCrash::Fail),
            metadata: faults.or(from_json("job_definitions.metadata", &self.metadata), Map::new()),
            name: self.name,
            job_type: self.job_type,
            project_id: self.project_id,
            timezone: self.timezone,
            concurrency_key: self.concurrency_key,
            external_id: self.external_id,
        };
        let fault = faults.into_first();
        if let Some(fault) = &fault {
            definition.name = format!("{} (unreadable: {})", definition.name, fault.place);
        }
        ReadDefinition { revision: self.revision, definition, origin, fault }
    }
}

statement::statement!(
    InsertDefinition,
    "INSERT INTO job_definitions (key, previous_key, job_key, revision, name, job_type, config, project_id, tags, \
     priority, timezone, timeout_seconds, max_retries, retry_delay_seconds, retry_max_delay_seconds, \
     retry_exit_codes, max_lateness_seconds, on_late, on_crash, concurrency_key, external_id, metadata, origin, \
     created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

/// A revision that is to be stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Revision<'a> {
    /// Its own key.
    pub(crate) key: i64,
    /// The key of the revision before.
    pub(crate) previous_key: Option<i64>,
    /// The job.
    pub(crate) job: JobKey,
    /// Its number, from 1.
    pub(crate) revision: i64,
    /// What it says.
    pub(crate) definition: &'a JobDefinition,
    /// Where the job came from.
    pub(crate) origin: Option<&'a Origin>,
    /// When it is written.
    pub(crate) now: Timestamp,
}

/// Stores a revision.
pub(crate) fn insert(on: &mut impl Target, new: Revision<'_>) -> Result<(), crate::failure::WriteError> {
    let definition = new.definition;
    let config = to_json("job_definitions.config", &definition.config)?;
    let tags = to_json("job_definitions.tags", &definition.tags)?;
    let metadata = to_json("job_definitions.metadata", &definition.metadata)?;
    let exit_codes = definition.retry.exit_codes.as_deref();
    let exit_codes =
        exit_codes.map(|codes| to_json("job_definitions.retry_exit_codes", codes)).transpose()?;
    let origin = new.origin.map(|origin| to_json("job_definitions.origin", origin)).transpose()?;
    let values = [
        new.key.into(),
        new.previous_key.into(),
        new.job.0.into(),
        new.revision.into(),
        definition.name.as_str().into(),
        definition.job_type.as_str().into(),
        config.as_str().into(),
        definition.project_id.as_str().into(),
        tags.as_str().into(),
        i64::from(definition.priority).into(),
        definition.timezone.as_str().into(),
        definition.timeout_seconds.map(i64::from).into(),
        i64::from(definition.retry.max_retries).into(),
        i64::from(definition.retry.delay_seconds).into(),
        i64::from(definition.retry.max_delay_seconds).into(),
        exit_codes.as_deref().into(),
        definition.max_lateness_seconds.map(i64::from).into(),
        definition.on_late.as_str().into(),
        definition.on_crash.as_str().into(),
        definition.concurrency_key.as_deref().into(),
        definition.external_id.as_deref().into(),
        metadata.as_str().into(),
        origin.as_deref().into(),
        new.now.as_micros().into(),
    ];
    statement::run::<InsertDefinition>(on, &values)?;
    Ok(())
}

/// The definition that a job had at a time, where that is not the one of `last`, which is its newest; `None` where it is.
pub(crate) fn at(conn: &mut AnyConnection, last: i64, time: Timestamp) -> QueryResult<Option<JobDefinition>> {
    let mut next = Some(last);
    while let Some(key) = next {
        let row = job_definitions::table.find(key);
        let found: Option<(i64, Option<i64>)> = row
            .select((job_definitions::created_at, job_definitions::previous_key))
            .get_result(conn)
            .optional()?;
        let Some((created_at, previous)) = found else { return Ok(None) };
        if created_at > time.as_micros() && previous.is_some() {
            next = previous;
            continue;
        }
        if key == last {
            return Ok(None);
        }
        let row: DefinitionRow = row.select(DefinitionRow::as_select()).get_result(conn)?;
        return Ok(Some(row.into_domain().definition));
    }
    Ok(None)
}

/// Removes all revisions of a job, of which `last` is the newest. Answers the tags of that one.
pub(crate) fn delete_all(conn: &mut AnyConnection, last: i64) -> QueryResult<Vec<String>> {
    let mut next = Some(last);
    let mut tags = Vec::new();
    while let Some(key) = next {
        let row = job_definitions::table.find(key);
        let found: Option<(Option<i64>, String)> =
            row.select((job_definitions::previous_key, job_definitions::tags)).get_result(conn).optional()?;
        diesel::delete(row).execute(conn)?;
        if let Some((_, text)) = found.as_ref().filter(|_| key == last) {
            tags = from_json("job_definitions.tags", text).unwrap_or_default();
        }
        next = found.and_then(|(previous, _)| previous);
    }
    Ok(tags)
}
