//! Removal of jobs that ended long ago, with everything that belongs to them: executions and output first, so that
//! a job is there until nothing of it is left. One event names all jobs of a slice.

use super::Budget;
use super::output::remove_execution;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::failure::WriteError;
use crate::rows::{attempt, definition, word};
use crate::schema::job_states;
use crate::statement;
use crate::writer::tx::Tx;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{EventKind, JobStatus, NewEvent};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Work of the removal of one job without executions.
const WORK_OF_ONE: i64 = 6;

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_states, check_for_backend(diesel::sqlite::Sqlite))]
struct OldJob {
    key: i64,
    id: String,
    status: String,
    project_id: String,
    definition_key: i64,
    last_attempt_key: Option<i64>,
}

/// Removes the jobs that ended first.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    // Written out, the condition is that of the partial index.
    let is_over = sql::<Bool>("job_states.status NOT IN ('scheduled', 'held')");
    let old: Vec<OldJob> = job_states::table
        .filter(is_over)
        .filter(job_states::updated_at.lt(policy.jobs_before.as_micros()))
        .order((job_states::updated_at, job_states::key))
        .limit(budget.rows(WORK_OF_ONE))
        .select(OldJob::as_select())
        .load(tx.conn)?;
    let mut removed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in old {
        if budget.is_spent() || !remove_executions(tx, &job, budget, slice)? {
            break;
        }
        let status: JobStatus = word("job_states.status", &job.status)?;
        diesel::delete(job_states::table.find(job.key)).execute(tx.conn)?;
        definition::delete_all(tx.conn, job.definition_key)?;
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
    "UPDATE job_states SET last_execution = NULL, last_attempt_key = ? WHERE key = ?"
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
            statement::run::<SetLast>(tx.conn, &[last.into(), job.key.into()])?;
            return Ok(false);
        }
        last = previous;
    }
    Ok(true)
}
