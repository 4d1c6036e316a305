//! Removal of jobs that ended long ago, with everything that belongs to them: executions and output first, so that
//! a job is there until nothing of it is left. One event names all jobs of a slice.

use super::Budget;
use super::output::remove_execution;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::catalog::job_tags;
use crate::failure::WriteError;
use crate::rows::{attempt, definition, ended, word};
use crate::schema::{ended_jobs, job_states};
use crate::statement;
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{EventKind, JobKey, JobStatus, NewEvent};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Work of the removal of one job without executions.
const WORK_OF_ONE: i64 = 6;

#[derive(Queryable)]
struct OldJob {
    key: i64,
    scheduled_at: i64,
    status: String,
    project_id: String,
    last_attempt_key: Option<i64>,
    id: String,
    definition_key: i64,
}

/// Removes the jobs that ended first.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let old: Vec<OldJob> = ended_jobs::table
        .inner_join(job_states::table.on(job_states::key.eq(ended_jobs::job_key)))
        .filter(ended_jobs::ended_at.lt(policy.jobs_before.as_micros()))
        .order((ended_jobs::ended_at, ended_jobs::scheduled_at, ended_jobs::job_key))
        .limit(budget.rows(WORK_OF_ONE))
        .select((
            ended_jobs::job_key,
            ended_jobs::scheduled_at,
            ended_jobs::status,
            ended_jobs::project_id,
            ended_jobs::last_attempt_key,
            job_states::id,
            job_states::definition_key,
        ))
        .load(tx.conn)?;
    let mut removed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in old {
        if budget.is_spent() || !remove_executions(tx, &job, budget, slice)? {
            break;
        }
        let status: JobStatus = word("ended_jobs.status", &job.status)?;
        tx.changed.note(JobKey(job.key));
        ended::delete(tx.conn, job.scheduled_at, JobKey(job.key))?;
        diesel::delete(job_states::table.find(job.key)).execute(tx.conn)?;
        let tags = definition::delete_all(tx.conn, job.definition_key)?;
        job_tags::delete(tx.conn, &Arc::clone(tx.catalog), JobKey(job.key), &tags)?;
        tx.effects.count(Some(status), None);
        budget.spend(WORK_OF_ONE);
        slice.jobs += 1;
        removed.entry(job.project_id).or_default().push(job.id);
    }
    for (project_id, job_ids) in removed {
        let data = Map::from_iter([
            ("reason".to_owned(), Value::from("retention")),
            ("job_ids".to_owned(), json!(job_ids)),
        ]);
        let event =
            NewEvent { kind: EventKind::JobsRemoved, job_id: None, execution_id: None, project_id, data };
        tx.record(policy.now, &event)?;
    }
    Ok(())
}

statement::statement!(
    SetLast,
    "UPDATE ended_jobs SET last_execution = NULL, last_attempt_key = ? WHERE scheduled_at = ? AND job_key = ?"
);

/// Removes the executions of a job, the last one first, as each leads to the one before; `true` when there are none
/// left.
fn remove_executions(
    tx: &mut Tx<'_>,
    job: &OldJob,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<bool, WriteError> {
    let mut last = job.last_attempt_key;
    while let Some(key) = last {
        let previous = attempt::previous(tx.conn, key, job.key)?;
        if budget.is_spent() || !remove_execution(tx, key, budget, slice)? {
            tx.changed.note(JobKey(job.key));
            statement::run::<SetLast>(tx.conn, &[last.into(), job.scheduled_at.into(), job.key.into()])?;
            return Ok(false);
        }
        last = previous;
    }
    Ok(true)
}
