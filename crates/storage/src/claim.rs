//! Claiming: in one transaction a due job becomes running and its execution exists.

use crate::ahead::ReadAhead;
use crate::failure::{RowError, WriteError};
use crate::postgres::locks;
use crate::rows::attempt::{self, NewAttempt};
use crate::rows::job as job_rows;
use crate::rows::job::StoredJob;
use crate::statement;
use crate::writer::tx::Tx;
use crate::{Change, catalog};
use oneoff_domain::{EventKind, ExecutionId, Fence, Job, JobId, JobKey, JobStatus, Timestamp};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A wish to start a job that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The job.
    pub job: JobKey,
    /// The due time by which it was found. A job that has been moved since is not claimed.
    pub due_at: Timestamp,
    /// The name of the execution that the claim begins.
    pub execution_id: ExecutionId,
}

/// A job that is running now, and whose execution is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// The job, in its state after the claim.
    pub job: Job,
    /// Its execution.
    pub execution_id: ExecutionId,
    /// What its outcome must show.
    pub fence: Fence,
    /// When it should have started.
    pub scheduled_for: Timestamp,
}

/// What came of a claim.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimResult {
    /// It is ours.
    Claimed(Box<ClaimedJob>),
    /// It was too late by its own policy and is `missed` now.
    Missed(JobKey),
    /// Another job of the same concurrency key runs. It still waits; `Change::KeyFree` will tell.
    KeyBusy(JobKey),
    /// As many jobs of its type run on all nodes together as may. It still waits; nobody tells when that changes.
    LimitReached(JobKey),
    /// Its project is paused. It still waits; `Change::Catalog` will tell when that is over.
    Paused(JobKey),
    /// It does not wait any more, or for another time.
    Gone(JobKey),
    /// Its rows cannot be read: the file was altered or is damaged. It still waits, and no claim will succeed
    /// before the rows are repaired or the job is deleted.
    Unreadable(JobKey),
}

/// Claims due jobs, each on its own terms.
pub(crate) fn claim(
    tx: &mut Tx<'_>,
    now: &dyn Fn() -> Timestamp,
    requests: &[ClaimRequest],
    mut read: ReadAhead,
) -> Result<Vec<ClaimResult>, WriteError> {
    let began = now();
    if !may_claim(tx)? {
        return Ok(requests.iter().map(|request| ClaimResult::Gone(request.job)).collect());
    }
    if tx.node.is_shared() && tx.type_rooms.is_none() {
        let limits = tx.node.type_limits(tx.catalog);
        *tx.type_rooms = limits.map(|limits| locks::type_rooms(tx.conn, limits)).transpose()?;
    }
    let mut results = Vec::with_capacity(requests.len());
    for request in requests {
        let known = match &mut tx.waiting {
            Some(waiting) => waiting.remove(&request.job).transpose(),
            None => Ok(read.take(request.job, tx.changed)),
        };
        results.push(claim_one(tx, began, now, request, known)?);
    }
    Ok(results)
}

/// Whether this node may claim. It knows by then which projects are paused.
fn may_claim(tx: &mut Tx<'_>) -> Result<bool, WriteError> {
    if tx.waiting.is_some() {
        return Ok(true);
    }
    let Some(version) = locks::epoch(tx.conn, tx.node.epoch())? else { return Ok(false) };
    if version > tx.catalog.version {
        let catalog = Arc::new(catalog::load(tx.conn)?);
        tx.effects.changes.push(Change::Catalog(Arc::clone(&catalog)));
        *tx.catalog = catalog;
    }
    Ok(true)
}

fn claim_one(
    tx: &mut Tx<'_>,
    began: Timestamp,
    now: &dyn Fn() -> Timestamp,
    request: &ClaimRequest,
    known: Result<Option<StoredJob>, RowError>,
) -> Result<ClaimResult, WriteError> {
    let found = match known {
        Ok(Some(stored)) => Ok(Some(stored)),
        // Where jobs that wait are locked for all claims, another node has the one that is not there.
        Ok(None) if tx.waiting.is_some() => Ok(None),
        Ok(None) => job_rows::to_change(tx.conn, request.job),
        Err(fault) => Err(fault.into()),
    };
    let stored = match found {
        Ok(Some(stored)) => stored,
        Ok(None) => return Ok(ClaimResult::Gone(request.job)),
        Err(WriteError::Row(fault)) => return Ok(unreadable(tx, request.job, None, &fault)),
        Err(error) => return Err(error),
    };
    if stored.job.state.due_at() != Some(request.due_at) {
        return Ok(ClaimResult::Gone(request.job));
    }
    if let Some(fault) = &stored.fault {
        return Ok(unreadable(tx, request.job, Some(stored.job.id), fault));
    }
    if tx.catalog.is_paused(&stored.job.definition.project_id) {
        return Ok(ClaimResult::Paused(request.job));
    }
    if stored.job.definition.is_too_late(request.due_at, began) {
        return miss(tx, began, stored, request.due_at);
    }
    if has_no_room(tx, &stored.job.definition.job_type) {
        return Ok(ClaimResult::LimitReached(request.job));
    }
    if !take_key(tx, &stored.job)? {
        return Ok(ClaimResult::KeyBusy(request.job));
    }
    let now = match &stored.job.definition.concurrency_key {
        // It was waited for until another node had committed the end of the job that had it: this one starts after that.
        Some(_) if tx.node.is_shared() => now(),
        _ => began,
    };
    if stored.job.definition.is_too_late(request.due_at, now) {
        give_key_back(tx, &stored.job)?;
        return miss(tx, now, stored, request.due_at);
    }
    start(tx, now, stored, request)
}

/// Whether as many jobs of a type run as may.
fn has_no_room(tx: &Tx<'_>, job_type: &str) -> bool {
    let rooms = tx.type_rooms.as_ref();
    rooms.and_then(|rooms| rooms.get(job_type)).is_some_and(|room| *room == 0)
}

fn unreadable(tx: &mut Tx<'_>, key: JobKey, id: Option<JobId>, fault: &RowError) -> ClaimResult {
    if tx.unreadable.insert(key) {
        let job = id.map(|id| id.to_string()).unwrap_or_default();
        tracing::error!(
            %job, key = key.0, error = %fault,
            "a due job does not start because its row cannot be read: repair the row or delete the job"
        );
    }
    ClaimResult::Unreadable(key)
}

fn miss(
    tx: &mut Tx<'_>,
    now: Timestamp,
    mut stored: StoredJob,
    due_at: Timestamp,
) -> Result<ClaimResult, WriteError> {
    stored.job.state = stored.job.state.miss().map_err(crate::Refusal::from)?;
    stored.job.updated_at = now;
    job_rows::update_step(tx, &stored)?;
    tx.stop_waiting(stored.job.key, due_at)?;
    tx.effects.count(Some(JobStatus::Scheduled), Some(JobStatus::Missed));
    let data = data(json!({ "due_at": due_at, "lateness_us": now.micros_since(due_at) }));
    tx.record_job(now, EventKind::JobMissed, &stored.job, None, data)?;
    tx.effects.operations.add("miss");
    Ok(ClaimResult::Missed(stored.job.key))
}

statement::statement!(
    TakeKey,
    "INSERT INTO busy_keys (job_key, concurrency_key) VALUES (?, ?) ON CONFLICT DO NOTHING"
);

/// Makes the job's concurrency key busy; `false` if another job has it.
fn take_key(tx: &mut Tx<'_>, job: &Job) -> Result<bool, WriteError> {
    let Some(key) = &job.definition.concurrency_key else { return Ok(true) };
    Ok(statement::run::<TakeKey>(tx.conn, &[job.key.0.into(), key.as_str().into()])? == 1)
}

statement::statement!(GiveKeyBack, "DELETE FROM busy_keys WHERE job_key = ?");

/// Undoes [`take_key`]: nobody has seen the key taken.
fn give_key_back(tx: &mut Tx<'_>, job: &Job) -> Result<(), WriteError> {
    statement::run::<GiveKeyBack>(tx.conn, &[job.key.0.into()])?;
    Ok(())
}

fn start(
    tx: &mut Tx<'_>,
    now: Timestamp,
    mut stored: StoredJob,
    request: &ClaimRequest,
) -> Result<ClaimResult, WriteError> {
    let execution_key = tx.new_attempt_key()?;
    stored.job.state = stored.job.state.claim().map_err(crate::Refusal::from)?;
    stored.job.updated_at = now;
    stored.job.last_execution = Some(request.execution_id);
    let previous_key = stored.last_attempt_key.replace(execution_key);
    stored.epoch = Some(tx.node.epoch());
    let StoredJob { job, definition_key, .. } = &stored;
    let lateness_us = now.micros_since(request.due_at).max(0);
    let new = NewAttempt {
        key: execution_key,
        previous_key,
        id: request.execution_id,
        job,
        definition_key: *definition_key,
        node: tx.node,
        scheduled_for: request.due_at,
        started_at: now,
    };
    attempt::insert(&mut tx.rows(), new)?;
    job_rows::update_step(tx, &stored)?;
    tx.claimed.insert(job.key, stored.clone().that_runs());
    tx.stop_waiting(job.key, request.due_at)?;
    tx.effects.count(Some(JobStatus::Scheduled), Some(JobStatus::Running));
    let data = data(json!({
        "run": job.state.run, "attempt": job.state.attempt, "lateness_us": lateness_us,
    }));
    tx.record_job(now, EventKind::JobStarted, job, Some(request.execution_id), data)?;
    if let Some(room) = tx.type_rooms.as_mut().and_then(|rooms| rooms.get_mut(&job.definition.job_type)) {
        *room = room.saturating_sub(1);
    }
    tx.effects.operations.add("claim");
    let fence =
        Fence { job: job.key, run: job.state.run, attempt: job.state.attempt, epoch: tx.node.epoch() };
    Ok(ClaimResult::Claimed(Box::new(ClaimedJob {
        job: stored.job,
        execution_id: request.execution_id,
        fence,
        scheduled_for: request.due_at,
    })))
}

/// The fields of an object.
pub(crate) fn data(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
