//! Writing jobs: what the service decides, and what the store needs to make it durable.

use crate::Refusal;
use crate::audit::{self, Deed};
use crate::audit_of_job;
use crate::catalog::{self, job_tags};
use crate::failure::{WriteError, is_taken};
use crate::idempotency;
use crate::retain;
use crate::rows::definition::{self, Revision};
use crate::rows::job::StoredJob;
use crate::rows::{ended, hold, job as job_rows, pending, running};
use crate::schema::job_states;
use crate::statement;
use crate::writer::tx::Tx;
use crate::{CancelledAttempt, Change};
use diesel::prelude::*;
use oneoff_domain::{
    Actor, Context, EventKind, Job, JobDefinition, JobId, JobKey, JobState, JobStatus, Origin, Timestamp,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A job to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its outer name.
    pub id: JobId,
    /// What it does.
    pub definition: JobDefinition,
    /// Its first state.
    pub state: JobState,
    /// What made it, e.g. an execution of a chain.
    pub origin: Option<Origin>,
    /// Who made it.
    pub created_by: Actor,
}

/// A change to a job, as decided from its present state within the transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct JobChange {
    /// The new state; its version is one above the present one.
    pub state: JobState,
    /// The new definition, where it is edited: it becomes a new revision.
    pub definition: Option<JobDefinition>,
    /// The event to be written.
    pub event: Option<EventKind>,
    /// More for the event.
    pub event_data: Map<String, Value>,
    /// The word for the audit row: `job.cancel`.
    pub action: &'static str,
    /// Whether the job is removed, with its executions and their output.
    pub delete: bool,
}

/// The answer to a write that may be a repetition.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<T> {
    /// The record.
    pub value: T,
    /// Whether an earlier request with the same idempotency key had already done it.
    pub replayed: bool,
}

/// What a present job becomes, as [`crate::Store::change_job`] asks within its transaction.
pub type Decide = Box<dyn FnOnce(&Job) -> Result<JobChange, Refusal> + Send>;

/// Whether the actor may touch what belongs to a project.
pub(crate) fn is_allowed(context: &Context, project: &str) -> bool {
    match &context.allowed_projects {
        Some(allowed) => allowed.iter().any(|name| name == project),
        None => true,
    }
}

pub(crate) fn no_project(project: &str) -> Refusal {
    Refusal::NotFound { kind: "project", id: project.to_owned() }
}

/// The job, if it is there and the actor may touch it.
fn find(tx: &mut Tx<'_>, context: &Context, id: JobId) -> Result<StoredJob, WriteError> {
    let stored = job_rows::to_change_by_id(tx.conn, id)?.ok_or_else(|| no_job(id))?;
    check_project(context, &stored)?;
    Ok(stored)
}

fn no_job(id: JobId) -> Refusal {
    Refusal::NotFound { kind: "job", id: id.to_string() }
}

/// A job that the actor may not touch is not there.
fn check_project(context: &Context, stored: &StoredJob) -> Result<(), Refusal> {
    let job = &stored.job;
    if is_allowed(context, &job.definition.project_id) { Ok(()) } else { Err(no_job(job.id)) }
}

/// A job whose `external_id` or id is taken is refused by name; any other error stays what it is.
fn name_taken(error: WriteError, job: &Job) -> WriteError {
    let WriteError::Database(error) = error else { return error };
    let refusal = |field, value| Refusal::Duplicate { field, value }.into();
    if is_taken(&error, "job_states.external_id") {
        return refusal("external_id", job.definition.external_id.clone().unwrap_or_default());
    }
    if is_taken(&error, "job_states.id") {
        return refusal("id", job.id.to_string());
    }
    error.into()
}

/// Whether none of the jobs has a name of its own that another could have.
pub(crate) fn are_unnamed(jobs: &[NewJob]) -> bool {
    jobs.iter().all(|job| job.definition.external_id.is_none() && job.state.holds.is_empty())
}

/// Stores new jobs, all of them or none.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    jobs: Vec<NewJob>,
) -> Result<Written<Vec<Job>>, WriteError> {
    if let Some(ids) = idempotency::earlier(tx, context)? {
        let mut value = Vec::with_capacity(ids.len());
        for id in ids {
            let removed = || Refusal::Removed { id: id.to_string() };
            let stored = job_rows::by_id(tx.conn, id)?.ok_or_else(removed)?;
            check_project(context, &stored)?;
            value.push(stored.job);
        }
        return Ok(Written { value, replayed: true });
    }
    let mut value = Vec::with_capacity(jobs.len());
    for new in jobs {
        value.push(create_one(tx, context, now, new)?);
    }
    tx.effects.operations.add("create");
    let ids: Vec<JobId> = value.iter().map(|job| job.id).collect();
    idempotency::record(tx, context, now, &ids)?;
    Ok(Written { value, replayed: false })
}

pub(crate) fn create_one(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    new: NewJob,
) -> Result<Job, WriteError> {
    if !is_allowed(context, &new.definition.project_id) {
        return Err(no_project(&new.definition.project_id).into());
    }
    catalog::check_takes_jobs(tx.catalog, context, &new.definition.project_id)?;
    create_accepted(tx, context, now, new)
}

/// The same of a job that was accepted before, with something else: it must not be refused any more.
pub(crate) fn create_accepted(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    new: NewJob,
) -> Result<Job, WriteError> {
    let key = tx.new_job_key()?;
    let job = Job {
        key,
        id: new.id,
        revision: 1,
        definition: new.definition,
        state: new.state,
        last_execution: None,
        origin: new.origin,
        created_by: Some(new.created_by.label()),
        created_at: now,
        updated_at: now,
    };
    // First of all, because this alone may be refused.
    let stored = job_rows::insert(&mut tx.rows(), &job, key.0);
    stored.map_err(|error| name_taken(error.into(), &job))?;
    let revision = Revision {
        key: key.0,
        previous_key: None,
        job: job.key,
        revision: 1,
        definition: &job.definition,
        origin: job.origin.as_ref(),
        now,
    };
    definition::insert(&mut tx.rows(), revision)?;
    set_tags(tx, job.key, &[], &job.definition.tags)?;
    if !job.state.holds.is_empty() {
        hold::replace(tx.conn, job.key, &job.state.holds)?;
    }
    if let Some(waiting) = pending::of_job(&job) {
        tx.wait(waiting)?;
    }
    tx.effects.count(None, Some(job.state.status));
    tx.record_job(now, EventKind::JobCreated, &job, None, Map::new())?;
    let deed = deed(&job, "job.create");
    audit::record(tx, context, now, deed)?;
    Ok(job)
}

fn deed<'a>(job: &'a Job, action: &'a str) -> Deed<'a> {
    let project = Some(job.definition.project_id.as_str());
    Deed { action, kind: "job", id: job.id.to_string(), project, before: None, after: None }
}

/// Changes a job as `decide` says.
pub(crate) fn change(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: JobId,
    decide: Decide,
) -> Result<Written<Job>, WriteError> {
    if let Some(ids) = idempotency::earlier(tx, context)? {
        if ids != [id] {
            return Err(Refusal::IdempotencyMismatch.into());
        }
        return Ok(Written { value: find(tx, context, id)?.job, replayed: true });
    }
    let before = find(tx, context, id)?;
    let actual = before.job.state.version;
    if let Some(expected) = context.if_match.filter(|expected| *expected != actual) {
        return Err(Refusal::VersionMismatch { expected, actual }.into());
    }
    let change = decide(&before.job)?;
    let job = apply(tx, context, now, before, change)?;
    idempotency::record(tx, context, now, &[id])?;
    Ok(Written { value: job, replayed: false })
}

/// Makes a change that was decided, with its event and its audit row.
pub(crate) fn apply(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    before: StoredJob,
    change: JobChange,
) -> Result<Job, WriteError> {
    tx.claimed.remove(&before.job.key);
    let JobChange { event, event_data, action, delete, .. } = change.clone();
    let was = before.job.clone();
    let job = if delete { remove(tx, before)? } else { rewrite(tx, context, now, before, change)? };
    let (old, new) = match delete {
        true => (audit_of_job::of_removed(&was, tx.catalog), None),
        false => audit_of_job::of_change(&was, &job, tx.catalog),
    };
    if let Some(kind) = event {
        tx.record_job(now, kind, &job, None, event_data)?;
    }
    let deed = Deed { before: old.as_ref(), after: new.as_ref(), ..deed(&job, action) };
    audit::record(tx, context, now, deed)?;
    tx.effects.operations.add(action.trim_start_matches("job."));
    Ok(job)
}

fn rewrite(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    before: StoredJob,
    change: JobChange,
) -> Result<Job, WriteError> {
    let mut after = before.clone();
    after.job.state = change.state;
    after.job.updated_at = now;
    if let Some(edited) = change.definition {
        // The edit was made of what could be read: the rest would be lost with it.
        if let Some(fault) = &before.fault {
            return Err(fault.clone().into());
        }
        if !is_allowed(context, &edited.project_id) {
            return Err(no_project(&edited.project_id).into());
        }
        if edited.project_id != before.job.definition.project_id {
            catalog::check_takes_jobs(tx.catalog, context, &edited.project_id)?;
        }
        set_tags(tx, after.job.key, &before.job.definition.tags, &edited.tags)?;
        after.job.definition = edited;
        after.job.revision += 1;
        after.definition_key = store_revision(tx, &before, &after.job, now)?;
    }
    if after.job.state.status != JobStatus::Running {
        after.epoch = None;
    }
    let stored = job_rows::update_all(tx, &after);
    stored.map_err(|error| name_taken(error.into(), &after.job))?;
    if before.job.state.holds != after.job.state.holds {
        hold::replace(tx.conn, after.job.key, &after.job.state.holds)?;
        let ends = after.job.state.holds.iter().filter_map(|hold| hold.until).min();
        tx.effects.changes.extend(ends.map(Change::HoldEnds));
    }
    if after.job.state.cancel_requested {
        let JobState { run, attempt, .. } = after.job.state;
        tx.effects.changes.push(Change::Cancelled(CancelledAttempt { job: after.job.id, run, attempt }));
    }
    requeue(tx, &before.job, &after.job)?;
    if before.job.state.status == JobStatus::Running && after.job.state.status != JobStatus::Running {
        free_key(tx, &before.job)?;
    }
    tx.effects.count(Some(before.job.state.status), Some(after.job.state.status));
    Ok(after.job)
}

/// By which jobs of a tag are found. Nothing is written for a job without tags.
fn set_tags(tx: &mut Tx<'_>, job: JobKey, before: &[String], after: &[String]) -> Result<(), WriteError> {
    if before == after {
        return Ok(());
    }
    let catalog = Arc::clone(tx.catalog);
    job_tags::delete(tx.conn, &catalog, job, before)?;
    job_tags::insert(&mut tx.rows(), &catalog, job, after)?;
    Ok(())
}

fn store_revision(tx: &mut Tx<'_>, before: &StoredJob, job: &Job, now: Timestamp) -> Result<i64, WriteError> {
    let key = tx.new_definition_key()?;
    let revision = Revision {
        key,
        previous_key: Some(before.definition_key),
        job: job.key,
        revision: job.revision,
        definition: &job.definition,
        origin: job.origin.as_ref(),
        now,
    };
    definition::insert(&mut tx.rows(), revision)?;
    Ok(key)
}

/// Lets the job wait as it does after a change, where that differs from before.
pub(crate) fn requeue(tx: &mut Tx<'_>, before: &Job, after: &Job) -> Result<(), WriteError> {
    let (old, new) = (pending::of_job(before), pending::of_job(after));
    if old == new {
        return Ok(());
    }
    match (old, new) {
        (Some(old), None) => tx.stop_waiting(old.key, old.due_at),
        (Some(old), Some(new)) => {
            pending::delete(&mut tx.rows(), old.key, old.due_at)?;
            tx.wait(new)
        }
        (None, Some(new)) => tx.wait(new),
        (None, None) => Ok(()),
    }
}

statement::statement!(FreeKey, "DELETE FROM busy_keys WHERE job_key = ?");

/// Lets the next job of the same concurrency key run.
pub(crate) fn free_key(tx: &mut Tx<'_>, job: &Job) -> Result<(), WriteError> {
    match &job.definition.concurrency_key {
        Some(key) => give_key_back(tx, job.key, key.clone()),
        None => Ok(()),
    }
}

/// Frees this key of a job that has it.
pub(crate) fn give_key_back(tx: &mut Tx<'_>, job: JobKey, key: String) -> Result<(), WriteError> {
    statement::run::<FreeKey>(&mut tx.rows(), &[job.0.into()])?;
    tx.effects.changes.push(Change::KeyFree(key));
    Ok(())
}

/// Removes a job with its executions; their output goes later, in slices. Its holds go with it by their foreign key.
fn remove(tx: &mut Tx<'_>, stored: StoredJob) -> Result<Job, WriteError> {
    let StoredJob { job, definition_key, last_attempt_key, ended_row_at, .. } = stored;
    if let Some(due_at) = job.state.due_at() {
        tx.stop_waiting(job.key, due_at)?;
    }
    if job.state.status == JobStatus::Running {
        free_key(tx, &job)?;
    }
    retain::leave_output(tx, job.key.0, last_attempt_key)?;
    running::delete(tx.conn, job.key)?;
    if let Some(scheduled_at) = ended_row_at {
        ended::delete(tx.conn, scheduled_at, job.key)?;
    }
    tx.changed.note(job.key);
    diesel::delete(job_states::table.find(job.key.0)).execute(tx.conn)?;
    set_tags(tx, job.key, &job.definition.tags, &[])?;
    definition::delete_all(tx.conn, definition_key)?;
    tx.effects.count(Some(job.state.status), None);
    Ok(job)
}
