//! One way to change a job, which in a dry run decides and checks everything and changes nothing.

use super::Service;
use crate::ServiceError;
use oneoff_domain::{Context, Job, JobId, JobKey, Timestamp};
use oneoff_storage::{JobChange, NewJob, Refusal, Written};

impl Service {
    /// Changes a job as `decide` says, or answers what it would become.
    pub(super) async fn change(
        &self,
        context: Context,
        now: Timestamp,
        id: JobId,
        decide: impl FnOnce(&Job) -> Result<JobChange, Refusal> + Send + 'static,
    ) -> Result<Written<Job>, ServiceError> {
        if !context.dry_run {
            return Ok(self.inner.store.change_job(context, now, id, Box::new(decide)).await?);
        }
        let job = self.job(id).await?;
        check_conditions(&context, &job).map_err(ServiceError::Refused)?;
        let change =
            decide(&job).map_err(|refusal| ServiceError::from(oneoff_storage::StoreError::from(refusal)))?;
        let revision = job.revision + i64::from(change.definition.is_some());
        let definition = change.definition.unwrap_or(job.definition);
        let value = Job { revision, definition, state: change.state, updated_at: now, ..job };
        Ok(Written { value, replayed: false })
    }
}

/// The conditions that the store checks in the transaction of a real change.
pub(super) fn check_conditions(context: &Context, job: &Job) -> Result<(), Refusal> {
    let allowed = context.allowed_projects.as_ref();
    if allowed.is_some_and(|projects| !projects.contains(&job.definition.project_id)) {
        return Err(Refusal::NotFound { kind: "job", id: job.id.to_string() });
    }
    match context.if_match {
        Some(expected) if expected != job.state.version => {
            Err(Refusal::VersionMismatch { expected, actual: job.state.version })
        }
        _ => Ok(()),
    }
}

/// A new job as it would be stored.
pub(super) fn preview_of(new: NewJob, now: Timestamp) -> Written<Job> {
    let value = Job {
        key: JobKey(0),
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
    Written { value, replayed: false }
}
