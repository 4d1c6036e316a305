//! Editing a job that has not started: a merge of what it is with what is asked for.

use super::Service;
use super::draft::{JobPatch, Schedule};
use super::plan::{
    DEFAULT_ON_CRASH, check_on_late, default_on_late, delay, exit_codes, optional_key, retries, timeout,
    unknown_zone,
};
use super::preview::check_conditions;
use super::settings_in_config::{self, Taken, Targets};
use super::tags;
use super::validate::Checks;
use crate::ServiceError;
use oneoff_domain::limits::{LATENESS_MAX_SECONDS, METADATA_MAX_BYTES};
use oneoff_domain::{
    Context, EventKind, FieldError, Job, JobDefinition, JobId, JobState, OnLate, RetryPolicy, Timestamp,
    ValidationErrors, time,
};
use oneoff_storage::{JobChange, Refusal};
use serde_json::{Map, json};

/// The ids of the tags that an edit gives a job, if it says anything of tags, or what is wrong with them.
type NewTagsOfJob = Option<Result<Vec<String>, ValidationErrors>>;

impl Service {
    /// Edits a job that waits or is held.
    ///
    /// # Errors
    /// [`ServiceError`]: everything that is wrong with the patch, a job that has started, a version that is
    /// not the expected one.
    pub async fn update_job(
        &self,
        context: Context,
        id: JobId,
        patch: JobPatch,
    ) -> Result<Job, ServiceError> {
        self.accepting()?;
        if patch == JobPatch::default() {
            return self.unchanged(&context, id).await;
        }
        let now = self.now();
        let tags = self.tags_of_patch(&context, &patch).await?;
        let (service, of_decision) = (self.clone(), context.clone());
        let decide = move |job: &Job| service.edited(&of_decision, job, patch, tags, now);
        Ok(self.change(context, now, id, decide).await?.value)
    }

    /// The ids of the tags that a job is to have; `None` where they stay, and what is wrong with them where something is.
    async fn tags_of_patch(&self, context: &Context, patch: &JobPatch) -> Result<NewTagsOfJob, ServiceError> {
        if patch.tags.is_none() && patch.tag_ids.is_none() {
            return Ok(None);
        }
        let all = |given: &Option<Option<Vec<String>>>| given.clone().flatten().unwrap_or_default();
        let mut checks = Checks::default();
        let (mut ids, new) = self.resolve_tags(all(&patch.tags), all(&patch.tag_ids), &mut checks);
        if let Err(errors) = checks.into_result() {
            return Ok(Some(Err(errors)));
        }
        tags::replace(&mut ids, &self.made_tags(context, new).await?);
        Ok(Some(Ok(ids)))
    }

    /// An edit of nothing is no change, and makes no new version.
    async fn unchanged(&self, context: &Context, id: JobId) -> Result<Job, ServiceError> {
        let job = self.job(id).await?;
        check_conditions(context, &job).map_err(ServiceError::Refused)?;
        Ok(job)
    }

    fn edited(
        &self,
        context: &Context,
        job: &Job,
        patch: JobPatch,
        tags: NewTagsOfJob,
        now: Timestamp,
    ) -> Result<JobChange, Refusal> {
        // A job that is over or running says so before anything is said of the patch.
        let untouched = job.state.edit()?;
        let mut checks = Checks::default();
        let mut definition = job.definition.clone();
        let state = match patch.schedule.clone().or_else(|| same_wall_time(job, &patch)) {
            Some(schedule) => self.moved(job, &schedule, now, &mut definition, &mut checks)?,
            None => untouched,
        };
        match tags {
            None => {}
            Some(Ok(ids)) => definition.tags = ids,
            Some(Err(errors)) => errors.0.into_iter().for_each(|error| checks.add(error)),
        }
        self.merge(context, &mut definition, patch, &mut checks);
        if definition.project_id != job.definition.project_id {
            self.check_project(context, &definition.project_id, &mut checks);
        }
        checks.into_result()?;
        let mut event_data = Map::new();
        event_data.insert("scheduled_at".to_owned(), json!(state.scheduled_at.map(|at| at.to_string())));
        let definition = (definition != job.definition).then_some(definition);
        Ok(JobChange {
            state,
            definition,
            event: Some(EventKind::JobUpdated),
            event_data,
            action: "job.update",
            delete: false,
        })
    }

    fn moved(
        &self,
        job: &Job,
        schedule: &Schedule,
        now: Timestamp,
        definition: &mut JobDefinition,
        checks: &mut Checks,
    ) -> Result<JobState, Refusal> {
        let timezone = schedule.timezone.clone().unwrap_or_else(|| job.definition.timezone.clone());
        let planned = self.time(&Schedule { timezone: Some(timezone), ..schedule.clone() }, now, checks);
        definition.timezone = planned.timezone;
        Ok(job.state.reschedule(planned.instant.unwrap_or(now), planned.local)?)
    }

    fn merge(
        &self,
        context: &Context,
        definition: &mut JobDefinition,
        mut patch: JobPatch,
        checks: &mut Checks,
    ) {
        let mut taken = Taken::default();
        if let Some(mut config) = patch.config {
            let targets = Targets {
                timeout: &mut patch.timeout_seconds,
                max_retries: &mut patch.max_retries,
                retry_delay: &mut patch.retry_delay_seconds,
                retry_max_delay: &mut patch.retry_max_delay_seconds,
                // As `timeout_seconds: null`: a job that has one loses it.
                no_timeout: Some(None),
            };
            taken = settings_in_config::take(&mut config, checks, targets);
            self.check_config(&definition.job_type, &config, checks);
            definition.config = config;
        }
        if let Some(given) = patch.name {
            definition.name = given.unwrap_or_else(|| self.summary(&definition.job_type, &definition.config));
            checks.name("/name", &definition.name);
            if definition.name.trim().is_empty() {
                checks.add(FieldError::new("/name", "it is empty").with_hint("send null for the default"));
            }
        }
        if let Some(timezone) = patch.timezone.filter(|_| patch.schedule.is_none()) {
            if !time::is_timezone(&timezone) {
                checks.add(unknown_zone(&timezone));
            }
            definition.timezone = timezone;
        }
        if let Some(given) = patch.priority {
            definition.priority = self.priority(given, checks);
        }
        if let Some(project_id) = patch.project_id {
            definition.project_id = project_id.unwrap_or_else(|| context.default_project().to_owned());
        }
        if let Some(metadata) = patch.metadata {
            definition.metadata = metadata.unwrap_or_default();
            checks.object("/metadata", &definition.metadata, METADATA_MAX_BYTES);
        }
        if let Some(key) = patch.concurrency_key {
            optional_key("/concurrency_key", key.as_deref(), checks);
            definition.concurrency_key = key;
        }
        if let Some(external_id) = patch.external_id {
            optional_key("/external_id", external_id.as_deref(), checks);
            definition.external_id = external_id;
        }
        let policies = Policies {
            timeout_seconds: patch.timeout_seconds,
            max_retries: patch.max_retries,
            retry_delay_seconds: patch.retry_delay_seconds,
            retry_max_delay_seconds: patch.retry_max_delay_seconds,
            retry_exit_codes: patch.retry_exit_codes,
            max_lateness_seconds: patch.max_lateness_seconds,
            on_late: patch.on_late,
        };
        policies.merge(definition, checks);
        taken.repoint(checks);
        if let Some(on_crash) = patch.on_crash {
            definition.on_crash = on_crash.unwrap_or(DEFAULT_ON_CRASH);
        }
    }
}

/// A job that was given a wall time keeps it when only its zone is edited.
fn same_wall_time(job: &Job, patch: &JobPatch) -> Option<Schedule> {
    let (timezone, local) = (patch.timezone.clone()?, job.state.scheduled_local.clone()?);
    Some(Schedule { timezone: Some(timezone), ..Schedule::at(local) })
}

/// The part of a patch that says how a job is run.
struct Policies {
    timeout_seconds: Option<Option<i64>>,
    max_retries: Option<Option<i64>>,
    retry_delay_seconds: Option<Option<i64>>,
    retry_max_delay_seconds: Option<Option<i64>>,
    retry_exit_codes: Option<Option<Vec<i64>>>,
    max_lateness_seconds: Option<Option<i64>>,
    on_late: Option<Option<OnLate>>,
}

impl Policies {
    fn merge(self, definition: &mut JobDefinition, checks: &mut Checks) {
        let default = RetryPolicy::default();
        if let Some(given) = self.timeout_seconds {
            definition.timeout_seconds = given.map(|given| timeout(given, checks));
        }
        if let Some(given) = self.max_retries {
            definition.retry.max_retries = given.map_or(default.max_retries, |given| retries(given, checks));
        }
        if let Some(given) = self.retry_delay_seconds {
            definition.retry.delay_seconds =
                given.map_or(default.delay_seconds, |given| delay("/retry_delay_seconds", given, checks));
        }
        if let Some(given) = self.retry_max_delay_seconds {
            definition.retry.max_delay_seconds = given
                .map_or(default.max_delay_seconds, |given| delay("/retry_max_delay_seconds", given, checks));
        }
        if let Some(given) = self.retry_exit_codes {
            definition.retry.exit_codes = given.map(|given| exit_codes(&given, checks));
        }
        if let Some(given) = self.max_lateness_seconds {
            let allowed = 0..=LATENESS_MAX_SECONDS;
            definition.max_lateness_seconds =
                given.map(|given| checks.number("/max_lateness_seconds", given, allowed));
        }
        let is_limit_edited = self.max_lateness_seconds.is_some();
        if let Some(on_late) = self.on_late.or_else(|| is_limit_edited.then_some(None)) {
            definition.on_late = on_late.unwrap_or_else(|| default_on_late(definition.max_lateness_seconds));
        }
        check_on_late(definition.on_late, definition.max_lateness_seconds, checks);
    }
}
