//! Jobs: create, read, wait, start, cancel, hold, clone, delete.

use super::plan::Plan;
use super::validate::Checks;
use super::{Service, release};
use crate::{JobDraft, Schedule, ServiceError};
use oneoff_domain::{
    Context, EventKind, FieldError, Hold, HoldReason, Job, JobId, JobKey, JobState, JobStatus, Timestamp,
    Transition, state,
};
use oneoff_storage::{JobChange, JobFilter, JobSort, NewJob, Page, PageRequest, Refusal, Written};
use serde_json::Map;
use std::time::Duration;
use tokio::time::Instant;

/// How long cancelling waits for a running attempt to be over.
const CANCEL_WAIT: Duration = Duration::from_secs(5);
/// Somebody who waits for a job looks at most this often, however many events there are.
const LOOK_APART: Duration = Duration::from_millis(20);

impl Service {
    /// Accepts a job: it is on stable storage when this returns.
    ///
    /// # Errors
    /// [`ServiceError`]: everything that is wrong with the draft, or a store that cannot take it.
    pub async fn create_job(&self, context: Context, draft: JobDraft) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let job = self.new_job(&context, draft, now)?;
        self.store_job(context, now, job).await
    }

    /// What [`Self::create_job`] would make of it, without making it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] as creating would answer.
    pub fn preview_job(&self, context: &Context, draft: JobDraft) -> Result<Job, ServiceError> {
        let now = self.now();
        let new = self.new_job(context, draft, now)?;
        Ok(Job {
            key: JobKey(0),
            id: new.id,
            revision: 1,
            definition: new.definition,
            state: new.state,
            last_execution: None,
            created_by: Some(new.created_by.label()),
            created_at: now,
            updated_at: now,
        })
    }

    fn new_job(&self, context: &Context, draft: JobDraft, now: Timestamp) -> Result<NewJob, ServiceError> {
        let held = draft.held;
        let Plan { definition, mut state } = self.plan(draft, now)?;
        if held {
            let hold = Hold { reason: HoldReason::Manual, by: context.actor.label(), at: now, until: None };
            state = JobState { status: JobStatus::Held, holds: vec![hold], ..state };
        }
        let id = JobId::generate(now, self.inner.random.as_ref());
        Ok(NewJob { id, definition, state, origin: None, created_by: context.actor.clone() })
    }

    async fn store_job(
        &self,
        context: Context,
        now: Timestamp,
        job: NewJob,
    ) -> Result<Written<Job>, ServiceError> {
        let id = job.id;
        let written = self.inner.store.create_jobs(context, now, vec![job]).await?;
        let not_found = || Refusal::NotFound { kind: "job", id: id.to_string() };
        let job = written.value.into_iter().next().ok_or_else(|| ServiceError::Refused(not_found()))?;
        Ok(Written { value: job, replayed: written.replayed })
    }

    /// A job.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn job(&self, id: JobId) -> Result<Job, ServiceError> {
        let not_found = || ServiceError::Refused(Refusal::NotFound { kind: "job", id: id.to_string() });
        self.inner.store.job(id).await?.ok_or_else(not_found)
    }

    /// Waits until the job is over or `timeout` has passed; answers it as it is then.
    ///
    /// # Errors
    /// As [`Self::job`].
    pub async fn wait_for_job(&self, id: JobId, timeout: Duration) -> Result<Job, ServiceError> {
        self.wait_until(id, timeout, |job| job.state.status.is_final()).await
    }

    async fn wait_until(
        &self,
        id: JobId,
        timeout: Duration,
        done: impl Fn(&Job) -> bool,
    ) -> Result<Job, ServiceError> {
        let deadline = Instant::now() + timeout;
        let mut events = self.event_sequence();
        loop {
            events.mark_unchanged();
            let job = self.job(id).await?;
            if done(&job) || Instant::now() >= deadline {
                return Ok(job);
            }
            let _timed_out_or_closed = tokio::time::timeout_at(deadline, events.changed()).await;
            tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_APART)).await;
        }
    }

    /// A page of jobs.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one.
    pub async fn jobs(
        &self,
        filter: JobFilter,
        page: PageRequest<JobSort>,
    ) -> Result<Page<Job>, ServiceError> {
        Ok(self.inner.store.jobs(filter, page).await?)
    }

    /// Starts the job now: a waiting one early, a finished one again as a new run.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it runs or is held.
    pub async fn execute_job(&self, context: Context, id: JobId) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let decide =
            move |job: &Job| Ok(change(job.state.execute(now)?, Some(EventKind::JobUpdated), "job.execute"));
        Ok(self.inner.store.change_job(context, now, id, Box::new(decide)).await?)
    }

    /// Makes a new job like this one. Its name is the old one and ` (clone)` unless another is given.
    ///
    /// # Errors
    /// As [`Self::create_job`].
    pub async fn clone_job(
        &self,
        context: Context,
        id: JobId,
        name: Option<String>,
        schedule: Schedule,
    ) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let original = self.job(id).await?;
        let now = self.now();
        let timezone = schedule.timezone.clone().unwrap_or_else(|| original.definition.timezone.clone());
        let mut checks = Checks::default();
        let time = self.time(&Schedule { timezone: Some(timezone), ..schedule }, now, &mut checks);
        let mut definition = original.definition;
        definition.name = name.unwrap_or_else(|| clone_name(&definition.name));
        definition.timezone = time.timezone;
        // The external id names the original; a second job cannot have it.
        definition.external_id = None;
        checks.name("/name", &definition.name);
        checks.into_result()?;
        let job = NewJob {
            id: JobId::generate(now, self.inner.random.as_ref()),
            definition,
            state: JobState::scheduled(time.instant.unwrap_or(now), time.local),
            origin: None,
            created_by: context.actor.clone(),
        };
        self.store_job(context, now, job).await
    }

    /// Cancels: a waiting job at once; a running one is told to end, and this answers when it has ended or
    /// after five seconds, with `cancel_requested` still set.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the job is over.
    pub async fn cancel_job(&self, context: Context, id: JobId) -> Result<Job, ServiceError> {
        let now = self.now();
        let decide = move |job: &Job| {
            let state = job.state.cancel()?;
            let event = match state.status {
                JobStatus::Cancelled => EventKind::JobCancelled,
                _ => EventKind::JobUpdated,
            };
            Ok(change(state, Some(event), "job.cancel"))
        };
        let job = self.inner.store.change_job(context, now, id, Box::new(decide)).await?.value;
        if !job.state.cancel_requested {
            return Ok(job);
        }
        self.inner.running.cancel(&job);
        let (run, attempt) = (job.state.run, job.state.attempt);
        self.wait_until(id, CANCEL_WAIT, |job| {
            job.state.status != JobStatus::Running || (job.state.run, job.state.attempt) != (run, attempt)
        })
        .await
    }

    /// Holds a job that waits. With `until`, the hold ends by itself.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the job runs or is over; [`ServiceError::Invalid`] for a bad time.
    pub async fn hold_job(
        &self,
        context: Context,
        id: JobId,
        reason: HoldReason,
        until: Option<Schedule>,
    ) -> Result<Job, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let until = until.map(|until| self.parse_until(&until)).transpose()?;
        let hold = Hold { reason, by: context.actor.label(), at: now, until };
        let decide = move |job: &Job| release::hold(job, hold);
        let job = self.inner.store.change_job(context, now, id, Box::new(decide)).await?.value;
        self.inner.look_at_holds.notify_one();
        Ok(job)
    }

    fn parse_until(&self, until: &Schedule) -> Result<Timestamp, ServiceError> {
        self.parse_time(until).map(|time| time.instant).map_err(|error| match error {
            ServiceError::Invalid(mut errors) => {
                let at_until = |error: &mut FieldError| {
                    if error.pointer == "/scheduled_at" {
                        "/until".clone_into(&mut error.pointer);
                    }
                };
                errors.0.iter_mut().for_each(at_until);
                ServiceError::Invalid(errors)
            }
            other => other,
        })
    }

    /// Releases the hold of this reason; others stay.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the job has no such hold.
    pub async fn release_job(
        &self,
        context: Context,
        id: JobId,
        reason: HoldReason,
    ) -> Result<Job, ServiceError> {
        self.accepting()?;
        let decide = move |job: &Job| release::release(job, reason);
        Ok(self.inner.store.change_job(context, self.now(), id, Box::new(decide)).await?.value)
    }

    /// Deletes the job with its executions. A running one is refused.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it runs or does not exist.
    pub async fn delete_job(&self, context: Context, id: JobId) -> Result<(), ServiceError> {
        self.accepting()?;
        let decide = move |job: &Job| {
            state::next_status(job.state.status, Transition::Delete)?;
            let state = JobState { version: job.state.version + 1, ..job.state.clone() };
            Ok(JobChange { delete: true, ..change(state, Some(EventKind::JobDeleted), "job.delete") })
        };
        self.inner.store.change_job(context, self.now(), id, Box::new(decide)).await?;
        Ok(())
    }
}

fn change(state: JobState, event: Option<EventKind>, action: &'static str) -> JobChange {
    JobChange { state, definition: None, event, event_data: Map::new(), action, delete: false }
}

/// The name of a clone, cut so that it fits.
fn clone_name(name: &str) -> String {
    const SUFFIX: &str = " (clone)";
    let room = oneoff_domain::limits::NAME_MAX_CHARS - SUFFIX.len();
    format!("{}{SUFFIX}", name.chars().take(room).collect::<String>())
}
