//! The beginning of a chain execution.

use super::records::{self, no_job_of_link};
use super::{no_execution, step};
use crate::audit::{self, Deed};
use crate::catalog::check_takes_jobs;
use crate::failure::WriteError;
use crate::idempotency;
use crate::job_write::is_allowed;
use crate::rows::chain_execution as rows;
use crate::rows::job as job_rows;
use crate::writer::tx::Tx;
use crate::{Refusal, Written};
use oneoff_domain::limits::CHAIN_LINKS_MAX_BYTES;
use oneoff_domain::{
    Chain, ChainExecution, ChainExecutionId, ChainId, Context, FieldError, JobDefinition, JobId, LinkSource,
    Timestamp, ValidationErrors,
};
use serde_json::json;

/// An execution that is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewChainExecution {
    /// Its outer name.
    pub id: ChainExecutionId,
    /// The chain.
    pub chain_id: ChainId,
    /// When the first job starts.
    pub scheduled_at: Timestamp,
}

/// Begins an execution.
pub(super) fn execute(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    new: NewChainExecution,
    new_job_id: impl FnMut() -> JobId,
) -> Result<Written<ChainExecution>, WriteError> {
    if let Some(ids) = idempotency::earlier_subjects::<ChainExecutionId>(tx, context)? {
        let Some(id) = ids.first() else { return Err(Refusal::IdempotencyMismatch.into()) };
        let value = rows::by_id(tx.conn, *id)?.filter(|found| is_allowed(context, &found.project_id));
        return Ok(Written { value: value.ok_or_else(|| no_execution(*id))?, replayed: true });
    }
    let chain = records::find(tx, context, new.chain_id)?;
    check_takes_jobs(tx.catalog, context, &chain.project_id)?;
    let definitions = snapshot(tx, context, &chain)?;
    let who_and_when = (context.actor.label(), now);
    let named = (new.id, new.scheduled_at);
    let mut execution = ChainExecution::of(chain, &definitions, named, who_and_when, new_job_id);
    execution.key = rows::insert(tx.conn, &execution, &definitions)?;
    step::go_on(tx, now, new.scheduled_at, &mut execution, None)?;
    rows::update(tx.conn, &execution)?;
    let after = json!({ "chain_execution_id": execution.id, "scheduled_at": execution.scheduled_at });
    let deed = Deed {
        action: "chain.execute",
        kind: "chain",
        id: execution.chain_id.to_string(),
        project: Some(execution.project_id.as_str()),
        before: None,
        after: Some(&after),
    };
    audit::record(tx, context, now, deed)?;
    idempotency::record(tx, context, now, &[execution.id])?;
    tx.effects.operations.add("chain_execute");
    Ok(Written { value: execution, replayed: false })
}

/// What the links are to run: their definitions, and copies of the jobs that they name as these are now.
fn snapshot(tx: &mut Tx<'_>, context: &Context, chain: &Chain) -> Result<Vec<JobDefinition>, WriteError> {
    let mut definitions = Vec::with_capacity(chain.links.len());
    let (mut errors, mut bytes) = (Vec::new(), 0);
    for (index, link) in chain.links.iter().enumerate() {
        let definition = match &link.source {
            LinkSource::Definition(definition) => Some(definition.as_ref().clone()),
            LinkSource::Job(id) => {
                let stored = job_rows::by_id(tx.conn, *id)?;
                let stored = stored.filter(|stored| is_allowed(context, &stored.job.definition.project_id));
                if let Some(fault) = stored.as_ref().and_then(|stored| stored.fault.clone()) {
                    return Err(fault.into());
                }
                if stored.is_none() {
                    errors.push(no_job_of_link(index, id));
                }
                stored.map(|stored| stored.job.definition)
            }
        };
        let Some(definition) = definition else { continue };
        bytes += serde_json::to_string(&definition).map_or(0, |text| text.len());
        definitions.push(JobDefinition {
            project_id: chain.project_id.clone(),
            // It names the original, and no second job of a project can have it.
            external_id: None,
            ..definition
        });
    }
    if bytes > CHAIN_LINKS_MAX_BYTES {
        let error = FieldError::new("/links", format!("what they run takes {bytes} bytes together"));
        errors.push(error.with_hint(format!("at most {CHAIN_LINKS_MAX_BYTES} bytes as JSON")));
    }
    ValidationErrors(errors).into_result().map_err(Refusal::from)?;
    Ok(definitions)
}
