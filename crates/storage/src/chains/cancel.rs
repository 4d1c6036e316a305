//! Cancelling a chain execution: the job of its active link, and with it all that would follow.

use super::{no_execution, step};
use crate::audit::{self, Deed};
use crate::failure::WriteError;
use crate::idempotency;
use crate::job_write::{self, is_allowed};
use crate::rows::chain_execution as rows;
use crate::rows::job as job_rows;
use crate::writer::tx::Tx;
use crate::{JobChange, Refusal, Written};
use oneoff_domain::{ChainExecution, ChainExecutionId, Context, EventKind, Job, JobId, JobStatus, Timestamp};
use serde_json::{Map, json};

/// Cancels; `None` if another link became active while the job of the one was locked.
pub(super) fn cancel(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: ChainExecutionId,
) -> Result<Option<Written<ChainExecution>>, WriteError> {
    if idempotency::earlier_subjects::<ChainExecutionId>(tx, context)?.is_some() {
        let value = find(tx, context, id)?;
        return Ok(Some(Written { value, replayed: true }));
    }
    let active = |chain: &ChainExecution| chain.active_link().map(|link| link.job_id);
    let seen = rows::by_id(tx.conn, id)?.as_ref().and_then(active);
    // The job first: so does whoever ends it.
    let job = match seen {
        Some(job) => job_rows::to_change_by_id(tx.conn, job)?,
        None => None,
    };
    let mut chain = find(tx, context, id)?;
    if active(&chain) != seen {
        return Ok(None);
    }
    if chain.status.is_final() {
        let status = chain.status.to_string();
        return Err(Refusal::Over { kind: "chain execution", id: id.to_string(), status }.into());
    }
    if let Some(expected) = context.if_match.filter(|expected| *expected != chain.version) {
        return Err(Refusal::VersionMismatch { expected, actual: chain.version }.into());
    }
    if !chain.cancel_requested {
        chain.cancel_requested = true;
        chain.version += 1;
        step::go_on(tx, now, now, &mut chain, None)?;
        rows::update(tx.conn, &chain)?;
        note(tx, context, now, &chain)?;
    }
    if let Some(stored) = job {
        let waits_to_end = stored.job.state.cancel_requested;
        if let Some(change) = decide(&stored.job).filter(|_| !waits_to_end) {
            job_write::apply(tx, context, now, stored, change)?;
        }
    }
    idempotency::record(tx, context, now, &[id])?;
    tx.effects.operations.add("chain_cancel");
    // The end of the job, where it was only waiting, has ended the chain.
    Ok(Some(Written { value: find(tx, context, id)?, replayed: false }))
}

fn find(tx: &mut Tx<'_>, context: &Context, id: ChainExecutionId) -> Result<ChainExecution, WriteError> {
    let found = rows::to_change(tx.conn, id)?.filter(|chain| is_allowed(context, &chain.project_id));
    Ok(found.ok_or_else(|| no_execution(id))?)
}

/// What cancelling makes of the job; `None` of one that is over.
fn decide(job: &Job) -> Option<JobChange> {
    let state = job.state.cancel().ok()?;
    let event = match state.status {
        JobStatus::Cancelled => EventKind::JobCancelled,
        _ => EventKind::JobUpdated,
    };
    let event_data = Map::new();
    Some(JobChange {
        state,
        definition: None,
        event: Some(event),
        event_data,
        action: "job.cancel",
        delete: false,
    })
}

fn note(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    chain: &ChainExecution,
) -> Result<(), WriteError> {
    let active: Option<JobId> = chain.active_link().map(|link| link.job_id);
    let after = json!({ "cancel_requested": true, "active_job_id": active });
    let deed = Deed {
        action: "chain_execution.cancel",
        kind: "chain_execution",
        id: chain.id.to_string(),
        project: Some(chain.project_id.as_str()),
        before: None,
        after: Some(&after),
    };
    audit::record(tx, context, now, deed)
}
