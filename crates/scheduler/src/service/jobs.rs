//! Jobs: create, read, wait, start, cancel, hold, clone, delete.

use super::plan::Plan;
use super::preview::preview_of;
use super::tags::NewTags;
use super::validate::Checks;
use super::{Service, release};
use crate::core::{Alarm, Input};
use crate::{JobDraft, Schedule, ServiceError};
use oneoff_domain::{
    Context, EventKind, FieldError, Hold, HoldReason, Job, JobId, JobState, JobStatus, Timestamp, Transition,
    state,
};
use oneoff_storage::{
    JobChange, JobFilter, JobSort, NewJob, Page, PageRequest, Refusal, StoreError, Written,
};
use serde_json::Map;
use std::time::Duration;
use tokio::time::Instant;

/// How long cancelling waits for a running attempt to be over.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

impl Service {
    /// Accepts a job: it is on stable storage when this returns.
    ///
    /// # Errors
    /// [`ServiceError`]: everything that is wrong with the draft, or a store that cannot take it.
    pub async fn create_job(&self, context: Context, draft: JobDraft) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let (mut job, new_tags) = self.new_job(&context, draft, now)?;
        self.make_tags(&context, new_tags, std::iter::once(&mut job.definition)).await?;
        self.store_job(context, now, job).await
    }

    pub(super) fn new_job(
        &self,
        context: &Context,
        draft: JobDraft,
        now: Timestamp,
    ) -> Result<(NewJob, NewTags), ServiceError> {
        let held = draft.held;
        let Plan { definition, mut state, new_tags } = self.plan(context, draft, now)?;
        if held {
            let hold = Hold { reason: HoldReason::Manual, by: context.actor.label(), at: now, until: None };
            state = JobState { status: JobStatus::Held, holds: vec![hold], ..state };
        }
        let id = JobId::generate(now, self.inner.random.as_ref());
        let job = NewJob { id, definition, state, origin: None, created_by: context.actor.clone() };
        Ok((job, new_tags))
    }

    async fn store_job(
        &self,
        context: Context,
        now: Timestamp,
        job: NewJob,
    ) -> Result<Written<Job>, ServiceError> {
        if context.dry_run {
            return Ok(preview_of(job, now));
        }
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
        let deadline = deadline_after(timeout);
        let mut watch = self.inner.mailbox.watch_job(id);
        loop {
            let job = self.job(id).await?;
            if done(&job) || Instant::now() >= deadline {
                return Ok(job);
            }
            let _timed_out = tokio::time::timeout_at(deadline, watch.changed()).await;
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

    /// A page of the jobs that a text is about: every word of it occurs in their names, external ids or tags, or
    /// their ids begin with it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a text or a cursor that is not one.
    pub async fn search_jobs(
        &self,
        text: String,
        filter: JobFilter,
        page: PageRequest<JobSort>,
    ) -> Result<Page<Job>, ServiceError> {
        Ok(self.inner.store.search_jobs(text, filter, page).await?)
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
        self.change(context, now, id, decide).await
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
        check_project(&context, &original)?;
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
        self.check_project(&context, &definition.project_id, &mut checks);
        // The original may be of a type that is switched off by now, or its stored config may be damaged.
        self.check_config(&definition.job_type, &definition.config, &mut checks);
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
    /// after five seconds, with `cancel_requested` still set. So it answers, too, when the job was deleted before its
    /// end was seen.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the job is over.
    pub async fn cancel_job(&self, context: Context, id: JobId) -> Result<Written<Job>, ServiceError> {
        let now = self.now();
        let (dry_run, caller) = (context.dry_run, context.clone());
        let decide = move |job: &Job| {
            let state = job.state.cancel()?;
            let event = match state.status {
                JobStatus::Cancelled => EventKind::JobCancelled,
                _ => EventKind::JobUpdated,
            };
            Ok(change(state, Some(event), "job.cancel"))
        };
        let written = match self.change(context, now, id, decide).await {
            Ok(written) => written,
            Err(ServiceError::Store(error)) => return self.stop_unrecorded(&caller, id, error).await,
            Err(error) => return Err(error),
        };
        if dry_run || !written.value.state.cancel_requested {
            return Ok(written);
        }
        let over = self.attempt_over(&written.value).await;
        // The cancel is recorded. That the job was deleted since, or cannot be read, takes nothing of it back.
        Ok(Written { value: over.unwrap_or(written.value), replayed: written.replayed })
    }

    /// Ends the job's attempt although the store cannot record that somebody asked for it: stopped means
    /// stopped, also on a full disk. The outcome is recorded once the store takes it.
    async fn stop_unrecorded(
        &self,
        caller: &Context,
        id: JobId,
        error: StoreError,
    ) -> Result<Written<Job>, ServiceError> {
        // The failure to look at the job says nothing of what became of the cancel: that may have been recorded.
        let Ok(job) = self.job(id).await else { return Err(error.into()) };
        check_project(caller, &job)?;
        if job.state.status == JobStatus::Running {
            self.inner.running.cancel(&job);
            let over = self.attempt_over(&job).await;
            if let Ok(value) = over
                && value.state.status == JobStatus::Cancelled
            {
                return Ok(Written { value, replayed: false });
            }
        }
        Err(error.into())
    }

    /// The job once the attempt that it is in has ended, or as it is after [`CANCEL_WAIT`].
    async fn attempt_over(&self, job: &Job) -> Result<Job, ServiceError> {
        let (run, attempt) = (job.state.run, job.state.attempt);
        self.wait_until(job.id, CANCEL_WAIT, |job| {
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
    ) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let until = until.map(|until| self.parse_until(&until)).transpose()?;
        let hold = Hold { reason, by: context.actor.label(), at: now, until };
        let decide = move |job: &Job| release::hold(job, hold);
        self.change(context, now, id, decide).await
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
    ) -> Result<Written<Job>, ServiceError> {
        self.accepting()?;
        let decide = move |job: &Job| release::release(job, reason);
        self.change(context, self.now(), id, decide).await
    }

    /// Deletes the job with its executions; answers it as it was. A running one is refused.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it runs or does not exist.
    pub async fn delete_job(&self, context: Context, id: JobId) -> Result<Job, ServiceError> {
        self.accepting()?;
        let decide = move |job: &Job| {
            state::next_status(job.state.status, Transition::Delete)?;
            let state = JobState { version: job.state.version + 1, ..job.state.clone() };
            Ok(JobChange { delete: true, ..change(state, Some(EventKind::JobDeleted), "job.delete") })
        };
        let deleted = self.change(context, self.now(), id, decide).await?.value;
        // Its output is left for retention to remove, in slices.
        self.inner.mailbox.send(Input::SetAlarm(Alarm::Retention, self.now()));
        Ok(deleted)
    }
}

/// The longest that somebody can wait. The runtime's instants end sooner than a [`Duration`] does.
const WAIT_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// When a wait that begins now is over.
pub(super) fn deadline_after(wait: Duration) -> Instant {
    Instant::now() + wait.min(WAIT_MAX)
}

fn change(state: JobState, event: Option<EventKind>, action: &'static str) -> JobChange {
    JobChange { state, definition: None, event, event_data: Map::new(), action, delete: false }
}

/// A job that the caller may not touch is not there.
fn check_project(caller: &Context, job: &Job) -> Result<(), ServiceError> {
    match caller.allows_project(&job.definition.project_id) {
        true => Ok(()),
        false => Err(ServiceError::Refused(Refusal::NotFound { kind: "job", id: job.id.to_string() })),
    }
}

/// The name of a clone, cut so that it fits.
fn clone_name(name: &str) -> String {
    const SUFFIX: &str = " (clone)";
    let room = oneoff_domain::limits::NAME_MAX_CHARS - SUFFIX.len();
    format!("{}{SUFFIX}", name.chars().take(room).collect::<String>())
}
