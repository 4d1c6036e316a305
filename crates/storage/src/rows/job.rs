//! Rows of `job_states`, and jobs as they are put together from state, definition and holds.

use super::definition::{DefinitionRow, ReadDefinition};
use super::ended::{self, EndedRow, is_of_job};
use super::running::{self, RunningRow};
use super::{Faults, hold, instant, number, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::postgres::locks;
use crate::schema::{ended_jobs, job_definitions, job_states, running_jobs};
use crate::statement::{self, Target};
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Hold, Job, JobId, JobKey, JobState, JobStatus};
use std::collections::HashMap;

/// What is read of a job's state.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = job_states, check_for_backend(AnyBackend))]
pub(crate) struct StateRow {
    key: i64,
    id: String,
    definition_key: i64,
    status: String,
    scheduled_at: Option<i64>,
    scheduled_local: Option<String>,
    run: i64,
    attempt: i64,
    next_attempt_at: Option<i64>,
    cancel_requested: bool,
    version: i64,
    last_attempt_key: Option<i64>,
    last_execution: Option<String>,
    created_by: Option<String>,
    created_at: i64,
    updated_at: i64,
}

impl StateRow {
    /// Takes over what changed since the job began to run.
    fn replace(&mut self, running: RunningRow) {
        self.status = JobStatus::Running.as_str().to_owned();
        self.run = running.run;
        self.attempt = running.attempt;
        self.next_attempt_at = None;
        self.cancel_requested = running.cancel_requested;
        self.version = running.version;
        self.last_attempt_key = Some(running.execution_key);
        self.last_execution = Some(running.execution_id);
        self.updated_at = running.updated_at;
    }

    /// Takes over how the job ended.
    fn end(&mut self, ended: EndedRow) {
        self.status = ended.status;
        self.run = ended.run;
        self.attempt = ended.attempt;
        self.next_attempt_at = None;
        self.cancel_requested = ended.cancel_requested;
        self.version = ended.version;
        self.last_attempt_key = ended.last_attempt_key;
        self.last_execution = ended.last_execution;
        self.updated_at = ended.ended_at;
    }
}

/// A job and the keys that only the store knows.
#[derive(Debug, Clone)]
pub(crate) struct StoredJob {
    /// The job.
    pub(crate) job: Job,
    /// The row of its present definition.
    pub(crate) definition_key: i64,
    /// The row of its last attempt, if that is kept.
    pub(crate) last_attempt_key: Option<i64>,
    /// The epoch that runs it.
    pub(crate) epoch: Option<i64>,
    /// Whether its present state is stored as that of a job that runs.
    has_running_row: bool,
    /// Where its present state is stored as that of a job that is over.
    pub(crate) ended_row_at: Option<i64>,
    /// Whether its row in `job_states` says that it is held.
    is_stored_as_held: bool,
    /// What cannot be read of it. Such a job can be shown, ended and removed, but not run or edited.
    pub(crate) fault: Option<RowError>,
}

impl StoredJob {
    /// The job after [`update_step`] has stored that it runs.
    pub(crate) fn that_runs(self) -> Self {
        Self { has_running_row: true, ..self }
    }

    /// The row of the attempt that runs.
    pub(crate) fn execution_key(&self) -> Option<i64> {
        self.epoch.and(self.last_attempt_key)
    }
}

/// A job's rows: its state, its definition, and its state in place of that while it runs or when it is over.
type JobRows = (StateRow, DefinitionRow, Option<RunningRow>, Option<EndedRow>);

fn assemble(
    mut state: StateRow,
    definition: DefinitionRow,
    running: Option<RunningRow>,
    ended: Option<EndedRow>,
    holds: Vec<Result<Hold, RowError>>,
) -> Result<StoredJob, RowError> {
    let is_stored_as_held = state.status == JobStatus::Held.as_str();
    let ended_row_at = ended.as_ref().map(|ended| ended.scheduled_at);
    if let Some(ended) = ended {
        state.end(ended);
    }
    let (has_running_row, epoch) = (running.is_some(), running.as_ref().map(|running| running.epoch));
    if let Some(running) = running {
        state.replace(running);
    }
    let ReadDefinition { revision, definition, origin, fault } = definition.into_domain();
    let mut faults = Faults::default();
    let last_execution = state.last_execution.map(|id| word("job_states.last_execution", &id)).transpose();
    let holds = holds.into_iter().filter_map(|hold| faults.or(hold.map(Some), None)).collect();
    let job = Job {
        key: JobKey(state.key),
        id: word("job_states.id", &state.id)?,
        revision,
        definition,
        state: JobState {
            status: word("job_states.status", &state.status)?,
            scheduled_at: state.scheduled_at.map(instant),
            scheduled_local: state.scheduled_local,
            run: number("job_states.run", state.run)?,
            attempt: number("job_states.attempt", state.attempt)?,
            next_attempt_at: state.next_attempt_at.map(instant),
            cancel_requested: state.cancel_requested,
            holds,
            version: state.version,
        },
        last_execution: faults.or(last_execution, None),
        origin,
        created_by: state.created_by,
        created_at: instant(state.created_at),
        updated_at: instant(state.updated_at),
    };
    let StateRow { definition_key, last_attempt_key, .. } = state;
    let fault = fault.or(faults.into_first());
    Ok(StoredJob {
        job,
        definition_key,
        last_attempt_key,
        epoch,
        has_running_row,
        ended_row_at,
        is_stored_as_held,
        fault,
    })
}

/// A query for jobs with their definitions, to be narrowed by a filter.
macro_rules! jobs_where {
    ($filter:expr) => {
        job_states::table
            .inner_join(job_definitions::table.on(job_definitions::key.eq(job_states::definition_key)))
            .left_join(running_jobs::table.on(running_jobs::job_key.eq(job_states::key)))
            .left_join(ended_jobs::table.on(is_of_job!()))
            .filter($filter)
            .select((
                StateRow::as_select(),
                DefinitionRow::as_select(),
                Option::<RunningRow>::as_select(),
                Option::<EndedRow>::as_select(),
            ))
    };
}

/// Runs a query on the connection to the one database or the other. Through the type for either one Diesel would put
/// its text together anew at each run, and this is what every claim and every page of jobs is read by.
macro_rules! on_each {
    ($either:expr, |$conn:ident| $run:expr) => {
        match $either {
            AnyConnection::Sqlite($conn) => $run,
            AnyConnection::Postgres($conn) => $run,
        }
    };
}

/// Jobs with their holds, each on its own: one that cannot be read at all does not keep the others out.
fn complete(
    conn: &mut AnyConnection,
    rows: Vec<JobRows>,
) -> QueryResult<Vec<(i64, Result<StoredJob, RowError>)>> {
    let held: Vec<i64> = rows
        .iter()
        .filter(|(state, _, _, ended)| ended.is_none() && state.status == JobStatus::Held.as_str())
        .map(|(state, ..)| state.key)
        .collect();
    let mut holds: HashMap<i64, Vec<Result<Hold, RowError>>> = HashMap::new();
    if !held.is_empty() {
        for row in hold::of_jobs(conn, &held)? {
            holds.entry(row.job_key).or_default().push(row.into_domain());
        }
    }
    let mut jobs = Vec::with_capacity(rows.len());
    for (state, definition, running, ended) in rows {
        let open = holds.remove(&state.key).unwrap_or_default();
        jobs.push((state.key, assemble(state, definition, running, ended, open)));
    }
    Ok(jobs)
}

fn single(conn: &mut AnyConnection, row: Option<JobRows>) -> Result<Option<StoredJob>, WriteError> {
    let found = complete(conn, row.into_iter().collect())?.pop();
    Ok(found.map(|(_, stored)| stored).transpose()?)
}

/// The job with this key.
pub(crate) fn by_key(conn: &mut AnyConnection, key: JobKey) -> Result<Option<StoredJob>, WriteError> {
    let row = on_each!(conn, |conn| jobs_where!(job_states::key.eq(key.0))
        .get_result::<JobRows>(conn)
        .optional()?);
    single(conn, row)
}

/// Jobs by their keys, each on its own, in no order.
pub(crate) fn stored_by_keys(
    conn: &mut AnyConnection,
    keys: &[i64],
) -> QueryResult<Vec<(i64, Result<StoredJob, RowError>)>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let rows = on_each!(conn, |conn| jobs_where!(job_states::key.eq_any(keys)).load::<JobRows>(conn)?);
    complete(conn, rows)
}

/// The job with this key, to be changed: nobody else changes it before the transaction ends.
pub(crate) fn to_change(conn: &mut AnyConnection, key: JobKey) -> Result<Option<StoredJob>, WriteError> {
    let status = |found: &Option<StoredJob>| found.as_ref().map(|stored| stored.job.state.status);
    locks::locked(conn, key, |conn| by_key(conn, key), status)
}

/// The job with this id, to be changed.
pub(crate) fn to_change_by_id(conn: &mut AnyConnection, id: JobId) -> Result<Option<StoredJob>, WriteError> {
    if let AnyConnection::Sqlite(_) = conn {
        return by_id(conn, id);
    }
    let key = job_states::table.filter(job_states::id.eq(id.to_string())).select(job_states::key);
    match key.get_result(conn).optional()? {
        Some(key) => to_change(conn, JobKey(key)),
        None => Ok(None),
    }
}

/// The job with this id.
pub(crate) fn by_id(conn: &mut AnyConnection, id: JobId) -> Result<Option<StoredJob>, WriteError> {
    let row = on_each!(conn, |conn| jobs_where!(job_states::id.eq(id.to_string()))
        .get_result::<JobRows>(conn)
        .optional()?);
    single(conn, row)
}

/// The jobs with these keys, in the order of the keys given, without those that cannot be read at all.
pub(crate) fn by_keys(conn: &mut AnyConnection, keys: &[i64]) -> Result<Vec<(i64, Job)>, WriteError> {
    let rows = on_each!(conn, |conn| jobs_where!(job_states::key.eq_any(keys)).load::<JobRows>(conn)?);
    let mut by_key: HashMap<i64, Job> = HashMap::with_capacity(rows.len());
    for (key, stored) in complete(conn, rows)? {
        match stored {
            Ok(stored) => drop(by_key.insert(key, stored.job)),
            Err(error) => tracing::error!(key, %error, "a job is left out of a list: its row cannot be read"),
        }
    }
    Ok(keys.iter().filter_map(|key| by_key.remove_entry(key)).collect())
}

statement::statement!(
    InsertState,
    "INSERT INTO job_states (key, id, definition_key, job_type, project_id, external_id, status, scheduled_at, \
     scheduled_local, run, attempt, next_attempt_at, cancel_requested, version, created_by, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

/// Stores a new job's state.
pub(crate) fn insert(on: &mut impl Target, job: &Job, definition_key: i64) -> QueryResult<()> {
    let (state, definition) = (&job.state, &job.definition);
    let id = job.id.to_string();
    let values = [
        job.key.0.into(),
        id.as_str().into(),
        definition_key.into(),
        definition.job_type.as_str().into(),
        definition.project_id.as_str().into(),
        definition.external_id.as_deref().into(),
        state.status.as_str().into(),
        state.scheduled_at.map(|at| at.as_micros()).into(),
        state.scheduled_local.as_deref().into(),
        i64::from(state.run).into(),
        i64::from(state.attempt).into(),
        state.next_attempt_at.map(|at| at.as_micros()).into(),
        state.cancel_requested.into(),
        state.version.into(),
        job.created_by.as_deref().into(),
        job.created_at.as_micros().into(),
        job.updated_at.as_micros().into(),
    ];
    statement::run::<InsertState>(on, &values)?;
    Ok(())
}

// What a step of a job changes. The scheduled time is not among it.
statement::statement!(
    UpdateStep,
    "UPDATE job_states SET status = ?, run = ?, attempt = ?, next_attempt_at = ?, \
        cancel_requested = ?, version = ?, last_attempt_key = ?, last_execution = ?, updated_at = ? \
        WHERE key = ?"
);

statement::statement!(NotHeld, "UPDATE job_states SET status = 'scheduled' WHERE key = ?");

/// Writes a step of a job that leaves its definition and its scheduled time as they are. While the job runs and when
/// it is over, its row in `job_states` stays as it was before.
pub(crate) fn update_step(tx: &mut Tx<'_>, stored: &StoredJob) -> QueryResult<()> {
    tx.changed.note(stored.job.key);
    let rows = &mut tx.rows();
    match (stored.has_running_row, stored.job.state.status == JobStatus::Running) {
        (false, true) => return running::insert(rows, stored),
        (true, true) => return running::update(rows, stored),
        (true, false) => running::delete(rows, stored.job.key)?,
        (false, false) => {}
    }
    let job = &stored.job;
    if let Some(scheduled_at) = stored.ended_row_at {
        ended::delete(rows, scheduled_at, job.key)?;
    }
    if job.state.status.is_final() {
        if stored.is_stored_as_held {
            statement::run::<NotHeld>(rows, &[job.key.0.into()])?;
        }
        return ended::insert(rows, stored);
    }
    let last_execution = job.last_execution.map(|id| id.to_string());
    let values = [
        job.state.status.as_str().into(),
        i64::from(job.state.run).into(),
        i64::from(job.state.attempt).into(),
        job.state.next_attempt_at.map(|at| at.as_micros()).into(),
        job.state.cancel_requested.into(),
        job.state.version.into(),
        stored.last_attempt_key.into(),
        last_execution.as_deref().into(),
        job.updated_at.as_micros().into(),
        job.key.0.into(),
    ];
    statement::run::<UpdateStep>(rows, &values)?;
    Ok(())
}

#[derive(AsChangeset)]
#[diesel(table_name = job_states, treat_none_as_null = true)]
struct EditedRow<'a> {
    definition_key: i64,
    job_type: &'a str,
    project_id: &'a str,
    external_id: Option<&'a str>,
    scheduled_at: Option<i64>,
    scheduled_local: Option<&'a str>,
}

/// Writes everything of a job that can change, except for its definition and its holds.
pub(crate) fn update_all(tx: &mut Tx<'_>, stored: &StoredJob) -> QueryResult<()> {
    update_step(tx, stored)?;
    let definition = &stored.job.definition;
    let row = EditedRow {
        definition_key: stored.definition_key,
        job_type: &definition.job_type,
        project_id: &definition.project_id,
        external_id: definition.external_id.as_deref(),
        scheduled_at: stored.job.state.scheduled_at.map(|at| at.as_micros()),
        scheduled_local: stored.job.state.scheduled_local.as_deref(),
    };
    diesel::update(job_states::table.find(stored.job.key.0)).set(row).execute(tx.conn)?;
    Ok(())
}
