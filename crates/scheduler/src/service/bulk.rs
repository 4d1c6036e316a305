//! Creating many jobs with one request: all of them or none, or each on its own.

use super::Service;
use super::preview::preview_of;
use super::tags::NewTags;
use crate::{JobDraft, ServiceError};
use oneoff_domain::limits::{BULK_ERRORS_MAX, BULK_MAX_JOBS};
use oneoff_domain::{Context, FieldError, JobDefinition, JobId, Timestamp, ValidationErrors};
use oneoff_storage::{BulkOutcome, NewJob, Refusal, Written};
use std::collections::HashSet;

/// Many jobs that were checked as far as that is possible without the store.
#[derive(Debug)]
pub struct PlannedJobs {
    now: Timestamp,
    /// In the order of the request. Where they stand or fall together there are no refusals.
    jobs: Vec<Result<NewJob, Refusal>>,
    /// Tags that are to be made for them.
    new_tags: NewTags,
    /// Why not all of them can be stored, where they stand or fall together.
    fault: Option<ServiceError>,
    is_atomic: bool,
}

impl PlannedJobs {
    /// How many there are, with those that are refused.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

impl Service {
    /// Checks jobs that stand or fall together. It takes as long as the checks do and waits for nothing.
    #[must_use]
    pub fn plan_all(&self, context: &Context, drafts: Vec<JobDraft>) -> PlannedJobs {
        let drafts = drafts.into_iter().map(Ok).collect();
        let mut planned = self.plan_each(context, drafts);
        planned.is_atomic = true;
        planned.fault = fault_of(&planned.jobs);
        planned
    }

    /// Checks jobs each of which stands on its own, and of which some may be known to be wrong.
    #[must_use]
    pub fn plan_each(
        &self,
        context: &Context,
        drafts: Vec<Result<JobDraft, ValidationErrors>>,
    ) -> PlannedJobs {
        let now = self.now();
        let mut names = HashSet::new();
        let mut new_tags = NewTags::new();
        let mut plan = |(index, draft): (usize, Result<JobDraft, ValidationErrors>)| {
            let (job, tags) = self.new_job(context, draft?, now).map_err(|error| of_item(error, index))?;
            is_new_name(&mut names, &job.definition)?;
            new_tags.extend(tags);
            Ok(job)
        };
        let jobs = drafts.into_iter().enumerate().map(&mut plan).collect();
        PlannedJobs { now, jobs, new_tags, fault: None, is_atomic: false }
    }

    /// Stores jobs that were planned: what became of each, in order. In a dry run, what each would be.
    ///
    /// # Errors
    /// Of jobs that stand or fall together, all that is wrong with any of them, by their places in the request
    /// (`/jobs/17/scheduled_at`); a store that can take none of them.
    pub async fn create_planned(
        &self,
        context: Context,
        planned: PlannedJobs,
    ) -> Result<Written<Vec<BulkOutcome>>, ServiceError> {
        self.accepting()?;
        let PlannedJobs { now, mut jobs, new_tags, fault, is_atomic } = planned;
        if let Some(fault) = fault {
            return self.done_before(context, fault).await;
        }
        if context.dry_run {
            let value = previews(now, jobs);
            return match refusal_of(&value).filter(|_| is_atomic) {
                Some(refusal) => Err(ServiceError::Refused(refusal)),
                None => Ok(Written { value, replayed: false }),
            };
        }
        self.make_tags(&context, new_tags, jobs.iter_mut().flatten().map(|job| &mut job.definition)).await?;
        let store = &self.inner.store;
        let written = match is_atomic {
            true => store.create_all(context.clone(), now, jobs.into_iter().flatten().collect()).await?,
            false => store.create_each(context.clone(), now, jobs).await?,
        };
        self.with_jobs(&context, written).await
    }

    /// Stores jobs that stand or fall together.
    ///
    /// # Errors
    /// As [`Self::create_planned`], and too many jobs, or none.
    pub async fn create_jobs(
        &self,
        context: Context,
        drafts: Vec<JobDraft>,
    ) -> Result<Written<Vec<BulkOutcome>>, ServiceError> {
        if drafts.is_empty() || drafts.len() > BULK_MAX_JOBS {
            let error = FieldError::new("/jobs", format!("{} jobs", drafts.len()));
            return Err(ValidationErrors::one(error.with_hint(format!("1 to {BULK_MAX_JOBS} jobs"))).into());
        }
        let planned = self.plan_all(&context, drafts);
        self.create_planned(context, planned).await
    }

    /// What a request was answered that is not acceptable any more, such as one whose times have passed, when it
    /// had been done under the same idempotency key; else why it is not.
    async fn done_before(
        &self,
        context: Context,
        fault: ServiceError,
    ) -> Result<Written<Vec<BulkOutcome>>, ServiceError> {
        if context.dry_run || context.idempotency_key.is_none() {
            return Err(fault);
        }
        match self.inner.store.created_before(context.clone()).await? {
            Some(value) => self.with_jobs(&context, Written { value, replayed: true }).await,
            None => Err(fault),
        }
    }

    /// Puts in the jobs that an earlier request made, as they are now. Those that are gone stay ids.
    async fn with_jobs(
        &self,
        context: &Context,
        written: Written<Vec<BulkOutcome>>,
    ) -> Result<Written<Vec<BulkOutcome>>, ServiceError> {
        let earlier = |outcome: &BulkOutcome| match outcome {
            BulkOutcome::Earlier(id) => Some(*id),
            _ => None,
        };
        let ids: Vec<JobId> = written.value.iter().filter_map(earlier).collect();
        if ids.is_empty() {
            return Ok(written);
        }
        let mut jobs = self.inner.store.jobs_by_id(ids).await?;
        jobs.retain(|_, job| allows(context, &job.definition.project_id));
        let mut look_up = |outcome: BulkOutcome| match earlier(&outcome).and_then(|id| jobs.remove(&id)) {
            Some(job) => BulkOutcome::Created(Box::new(job)),
            None => outcome,
        };
        let value = written.value.into_iter().map(&mut look_up).collect();
        Ok(Written { value, replayed: written.replayed })
    }
}

/// What is wrong with a job, told from the root of the request.
fn of_item(error: ServiceError, index: usize) -> Refusal {
    match error {
        ServiceError::Invalid(errors) => {
            let place = format!("/jobs/{index}");
            Refusal::Invalid(ValidationErrors(
                errors.0.into_iter().map(|error| error.below(&place)).collect(),
            ))
        }
        ServiceError::Refused(refusal) => refusal,
        other => Refusal::Invalid(ValidationErrors::one(FieldError::new(
            format!("/jobs/{index}"),
            other.to_string(),
        ))),
    }
}

/// Of two jobs of a request with the same own name, the second is refused.
fn is_new_name(names: &mut HashSet<(String, String)>, job: &JobDefinition) -> Result<(), Refusal> {
    let Some(name) = &job.external_id else { return Ok(()) };
    match names.insert((job.project_id.clone(), name.clone())) {
        true => Ok(()),
        false => Err(Refusal::Duplicate { field: "external_id", value: name.clone() }),
    }
}

/// All that is wrong with jobs that stand or fall together. Faults of their fields come before names that are
/// taken, as with a single job.
fn fault_of(jobs: &[Result<NewJob, Refusal>]) -> Option<ServiceError> {
    let refusals = || jobs.iter().enumerate().filter_map(|(index, job)| Some((index, job.as_ref().err()?)));
    let mut errors: Vec<FieldError> = refusals()
        .filter_map(|(_, refusal)| match refusal {
            Refusal::Invalid(errors) => Some(errors.0.clone()),
            _ => None,
        })
        .take(BULK_ERRORS_MAX)
        .flatten()
        .collect();
    errors.truncate(BULK_ERRORS_MAX);
    if !errors.is_empty() {
        return Some(ServiceError::Invalid(ValidationErrors(errors)));
    }
    let (index, refusal) = refusals().next()?;
    Some(ServiceError::Refused(Refusal::OfItem { index, refusal: Box::new(refusal.clone()) }))
}

/// The first refusal, by its place.
fn refusal_of(outcomes: &[BulkOutcome]) -> Option<Refusal> {
    outcomes.iter().enumerate().find_map(|(index, outcome)| match outcome {
        BulkOutcome::Refused(refusal) => Some(Refusal::OfItem { index, refusal: Box::new(refusal.clone()) }),
        _ => None,
    })
}

fn allows(context: &Context, project: &str) -> bool {
    context.allowed_projects.as_ref().is_none_or(|projects| projects.iter().any(|name| name == project))
}

fn previews(now: Timestamp, jobs: Vec<Result<NewJob, Refusal>>) -> Vec<BulkOutcome> {
    let preview = |job: Result<NewJob, Refusal>| match job {
        Ok(new) => BulkOutcome::Created(Box::new(preview_of(new, now).value)),
        Err(refusal) => BulkOutcome::Refused(refusal),
    };
    jobs.into_iter().map(preview).collect()
}
