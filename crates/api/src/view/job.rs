//! Jobs on the wire.

use super::records;
use oneoff_api_types::{HoldView, JobView, OriginView};
use oneoff_domain::{Hold, Job, Origin};
use oneoff_storage::Catalog;

/// A job as the API answers it.
pub(crate) fn job(job: Job, catalog: &Catalog) -> JobView {
    let Job { id, definition, state, last_execution, origin, created_by, created_at, updated_at, .. } = job;
    JobView {
        id: id.to_string(),
        name: definition.name,
        job_type: definition.job_type,
        config: definition.config,
        status: state.status.to_string(),
        project_id: definition.project_id,
        tags: catalog.tags_of(&definition.tags).into_iter().map(records::tag).collect(),
        priority: definition.priority,
        timezone: definition.timezone,
        scheduled_at: state.scheduled_at.map(|at| at.to_string()),
        scheduled_local: state.scheduled_local,
        timeout_seconds: definition.timeout_seconds,
        max_retries: definition.retry.max_retries,
        retry_delay_seconds: definition.retry.delay_seconds,
        retry_max_delay_seconds: definition.retry.max_delay_seconds,
        retry_exit_codes: definition.retry.exit_codes,
        max_lateness_seconds: definition.max_lateness_seconds,
        on_late: definition.on_late.to_string(),
        on_crash: definition.on_crash.to_string(),
        concurrency_key: definition.concurrency_key,
        external_id: definition.external_id,
        metadata: definition.metadata,
        run: state.run,
        attempt: state.attempt,
        next_attempt_at: state.next_attempt_at.map(|at| at.to_string()),
        cancel_requested: state.cancel_requested,
        holds: state.holds.into_iter().map(hold).collect(),
        last_execution: last_execution.map(|id| id.to_string()),
        origin: origin.map(self::origin),
        created_by,
        created_at: created_at.to_string(),
        updated_at: updated_at.to_string(),
        version: state.version,
    }
}

fn hold(hold: Hold) -> HoldView {
    HoldView {
        reason: hold.reason.to_string(),
        by: hold.by,
        at: hold.at.to_string(),
        until: hold.until.map(|until| until.to_string()),
    }
}

fn origin(origin: Origin) -> OriginView {
    OriginView { kind: origin.kind.to_string(), id: origin.id, index: origin.index }
}
