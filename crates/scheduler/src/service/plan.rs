//! From what a caller asks for to what is stored: every field checked, every default filled in.

use super::Service;
use super::draft::{JobDraft, Schedule};
use super::settings_in_config::{self, Targets};
use super::tags::NewTags;
use super::validate::Checks;
use crate::ServiceError;
use oneoff_domain::limits::{
    CONFIG_MAX_BYTES, LATENESS_MAX_SECONDS, METADATA_MAX_BYTES, PRIORITY_MAX, RETRIES_MAX,
    RETRY_DELAY_MAX_SECONDS, RETRY_EXIT_CODES_MAX, TIME_EXPRESSION_MAX_CHARS, TIMEOUT_MAX_SECONDS,
};
use oneoff_domain::time::{self, ParseOptions, ResolvedTime};
use oneoff_domain::{
    Context, FieldError, JobDefinition, JobState, OnCrash, OnLate, RetryPolicy, Timestamp, ValidationErrors,
};
use oneoff_executors::Executor;
use serde_json::{Map, Value};

/// Characters of a name that is made of the config.
const SUMMARY_MAX_CHARS: usize = 200;

/// A draft that was found good.
pub(super) struct Plan {
    pub(super) definition: JobDefinition,
    pub(super) state: JobState,
    /// Tags that are to be made for it.
    pub(super) new_tags: NewTags,
}

impl Service {
    /// Checks a draft. All that is wrong is reported at once.
    pub(super) fn plan(
        &self,
        context: &Context,
        mut draft: JobDraft,
        now: Timestamp,
    ) -> Result<Plan, ServiceError> {
        let mut checks = Checks::default();
        let mut config = std::mem::take(&mut draft.config);
        let targets = Targets {
            timeout: &mut draft.timeout_seconds,
            max_retries: &mut draft.max_retries,
            retry_delay: &mut draft.retry_delay_seconds,
            retry_max_delay: &mut draft.retry_max_delay_seconds,
            // As a job that names none, which gets the server's own.
            no_timeout: None,
        };
        let taken = settings_in_config::take(&mut config, &mut checks, targets);
        let name = match draft.name.take().filter(|name| !name.trim().is_empty()) {
            Some(name) => {
                self.check_config(&draft.job_type, &config, &mut checks);
                name
            }
            None => self.check_and_name(&draft.job_type, &config, &mut checks),
        };
        checks.name("/name", &name);
        let time = if draft.held && draft.schedule.at.is_none() && !draft.schedule.immediate {
            self.zone_alone(&draft.schedule, &mut checks)
        } else {
            self.time(&draft.schedule, now, &mut checks)
        };
        let (tags, tag_ids) = (std::mem::take(&mut draft.tags), std::mem::take(&mut draft.tag_ids));
        let (tags, new_tags) = self.resolve_tags(tags, tag_ids, &mut checks);
        let definition = self.definition(context, draft, name, config, time.timezone, &mut checks);
        self.check_project(context, &definition.project_id, &mut checks);
        let definition = JobDefinition { tags, ..definition };
        taken.repoint(&mut checks);
        checks.into_result()?;
        let state = JobState::scheduled(time.instant.unwrap_or(now), time.local);
        let state = JobState { scheduled_at: time.instant, ..state };
        Ok(Plan { definition, state, new_tags })
    }

    fn definition(
        &self,
        context: &Context,
        draft: JobDraft,
        name: String,
        config: Map<String, Value>,
        timezone: String,
        checks: &mut Checks,
    ) -> JobDefinition {
        let retry = RetryPolicy::default();
        let seconds = draft.max_lateness_seconds;
        let max_lateness_seconds =
            seconds.map(|given| checks.number("/max_lateness_seconds", given, 0..=LATENESS_MAX_SECONDS));
        let on_late = draft.on_late.unwrap_or_else(|| default_on_late(max_lateness_seconds));
        check_on_late(on_late, max_lateness_seconds, checks);
        let project_id = draft.project_id.unwrap_or_else(|| context.default_project().to_owned());
        optional_key("/concurrency_key", draft.concurrency_key.as_deref(), checks);
        optional_key("/external_id", draft.external_id.as_deref(), checks);
        checks.object("/metadata", &draft.metadata, METADATA_MAX_BYTES);
        JobDefinition {
            name,
            job_type: draft.job_type,
            config,
            project_id,
            tags: Vec::new(),
            priority: self.priority(draft.priority, checks),
            timezone,
            timeout_seconds: match draft.timeout_seconds {
                Some(given) => Some(timeout(given, checks)),
                None => self.default_timeout_seconds(),
            },
            retry: RetryPolicy {
                max_retries: draft.max_retries.map_or(retry.max_retries, |given| retries(given, checks)),
                delay_seconds: draft
                    .retry_delay_seconds
                    .map_or(retry.delay_seconds, |given| delay("/retry_delay_seconds", given, checks)),
                max_delay_seconds: draft.retry_max_delay_seconds.map_or(retry.max_delay_seconds, |given| {
                    delay("/retry_max_delay_seconds", given, checks)
                }),
                exit_codes: draft.retry_exit_codes.map(|given| exit_codes(&given, checks)),
            },
            max_lateness_seconds,
            on_late,
            on_crash: draft.on_crash.unwrap_or(DEFAULT_ON_CRASH),
            concurrency_key: draft.concurrency_key,
            external_id: draft.external_id,
            metadata: draft.metadata,
        }
    }

    /// Checks that there is such a project, and that it takes jobs of this caller.
    pub(super) fn check_project(&self, context: &Context, project_id: &str, checks: &mut Checks) {
        let mut of_key = Checks::default();
        of_key.key("/project_id", project_id);
        match of_key.into_result() {
            Err(errors) => errors.0.into_iter().for_each(|error| checks.add(error)),
            Ok(()) => self
                .catalog()
                .refuses_jobs(context, project_id)
                .into_iter()
                .for_each(|error| checks.add(error)),
        }
    }

    /// v1 sends 0 for "the default".
    pub(super) fn priority(&self, given: Option<i64>, checks: &mut Checks) -> u8 {
        match given {
            None | Some(0) => self.default_priority(),
            Some(given) => priority(given, checks),
        }
    }

    /// Checks the type and, where it is known, its config.
    pub(super) fn check_config(&self, job_type: &str, config: &Map<String, Value>, checks: &mut Checks) {
        let _checked = self.checked(job_type, config, checks, |executor| executor.validate(config));
    }

    /// Checks them, and makes the name of a job that was given none.
    fn check_and_name(&self, job_type: &str, config: &Map<String, Value>, checks: &mut Checks) -> String {
        let summary = self.checked(job_type, config, checks, |executor| executor.validate_and_sum_up(config));
        cut_summary(summary.unwrap_or_else(|| job_type.to_owned()))
    }

    fn checked<T>(
        &self,
        job_type: &str,
        config: &Map<String, Value>,
        checks: &mut Checks,
        check: impl FnOnce(&dyn Executor) -> Result<T, Vec<FieldError>>,
    ) -> Option<T> {
        checks.object("/config", config, CONFIG_MAX_BYTES);
        match self.inner.registry.get(job_type) {
            Err(unknown) => {
                let known: Vec<_> = self.inner.registry.job_types().collect();
                let error = FieldError::new("/type", unknown.to_string());
                checks.add(error.with_hint(format!("one of {}", known.join(", "))));
                None
            }
            Ok(executor) => check(executor.as_ref())
                .map_err(|errors| errors.into_iter().for_each(|error| checks.add(error.below("/config"))))
                .ok(),
        }
    }

    /// The name of a job that was given none.
    pub(super) fn summary(&self, job_type: &str, config: &Map<String, Value>) -> String {
        let summary = self.inner.registry.get(job_type).map(|executor| executor.summary(config));
        cut_summary(summary.unwrap_or_else(|_unknown| job_type.to_owned()))
    }

    /// Reads a schedule's time.
    pub(super) fn time(&self, schedule: &Schedule, now: Timestamp, checks: &mut Checks) -> PlannedTime {
        let mut planned = self.zone_alone(schedule, checks);
        if schedule.immediate {
            planned.instant = Some(now);
            return planned;
        }
        match self.resolve(schedule, &planned.timezone, now) {
            Ok(resolved) => PlannedTime {
                instant: Some(resolved.instant),
                local: resolved.local,
                timezone: resolved.timezone,
            },
            Err(error) => {
                checks.add(error);
                planned
            }
        }
    }

    /// The schedule's zone, or the server's.
    pub(super) fn zone_alone(&self, schedule: &Schedule, checks: &mut Checks) -> PlannedTime {
        let timezone = schedule.timezone.clone().unwrap_or_else(|| self.default_timezone());
        if !time::is_timezone(&timezone) {
            checks.add(unknown_zone(&timezone));
            return PlannedTime { instant: None, local: None, timezone: self.default_timezone() };
        }
        PlannedTime { instant: None, local: None, timezone }
    }

    pub(super) fn resolve(
        &self,
        schedule: &Schedule,
        timezone: &str,
        now: Timestamp,
    ) -> Result<ResolvedTime, FieldError> {
        let Some(expression) = schedule.at.as_deref().filter(|at| !at.trim().is_empty()) else {
            return Err(FieldError::new("/scheduled_at", "a job needs a time")
                .with_hint("RFC 3339 such as 2026-12-01T09:00:00Z, or `now`, `in 2h`, `tomorrow 9am`"));
        };
        if expression.chars().count() > TIME_EXPRESSION_MAX_CHARS {
            return Err(FieldError::new("/scheduled_at", "the expression is too long")
                .with_hint(format!("at most {TIME_EXPRESSION_MAX_CHARS} characters")));
        }
        let options = ParseOptions {
            now,
            timezone,
            disambiguation: schedule.disambiguation,
            allow_past: schedule.allow_past,
        };
        time::parse(expression, &options).map_err(|error| FieldError {
            pointer: "/scheduled_at".to_owned(),
            message: error.message,
            hint: error.hint,
        })
    }

    /// Reads a time expression as a job's time would be read.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with the pointers `/scheduled_at` and `/timezone`.
    pub fn parse_time(&self, schedule: &Schedule) -> Result<ResolvedTime, ServiceError> {
        let mut checks = Checks::default();
        let zone = self.zone_alone(schedule, &mut checks).timezone;
        checks.into_result()?;
        let resolved = self.resolve(schedule, &zone, self.now());
        resolved.map_err(|error| ValidationErrors::one(error).into())
    }
}

/// When and in which zone.
pub(super) struct PlannedTime {
    pub(super) instant: Option<Timestamp>,
    pub(super) local: Option<String>,
    pub(super) timezone: String,
}

/// What executors and callers say, within the bounds of a name.
fn cut_summary(mut summary: String) -> String {
    if let Some((end, _)) = summary.char_indices().nth(SUMMARY_MAX_CHARS) {
        summary.truncate(end);
    }
    summary
}

pub(super) fn unknown_zone(name: &str) -> FieldError {
    let name: String = name.chars().take(64).collect();
    FieldError::new("/timezone", format!("`{name}` is not a time zone"))
        .with_hint("an IANA name such as Europe/Madrid, or UTC")
}

/// What happens to an attempt that the server died under.
pub(super) const DEFAULT_ON_CRASH: OnCrash = OnCrash::Retry;

/// A limit of lateness is there to be obeyed.
pub(super) fn default_on_late(max_lateness_seconds: Option<u32>) -> OnLate {
    match max_lateness_seconds {
        Some(_) => OnLate::Skip,
        None => OnLate::Run,
    }
}

pub(super) fn check_on_late(on_late: OnLate, max_lateness_seconds: Option<u32>, checks: &mut Checks) {
    if on_late == OnLate::Skip && max_lateness_seconds.is_none() {
        checks.add(
            FieldError::new("/on_late", "`skip` needs to know what is too late")
                .with_hint("set max_lateness_seconds too"),
        );
    }
}

pub(super) fn optional_key(pointer: &str, given: Option<&str>, checks: &mut Checks) {
    if let Some(given) = given {
        checks.key(pointer, given);
    }
}

fn priority(given: i64, checks: &mut Checks) -> u8 {
    u8::try_from(checks.number("/priority", given, 1..=PRIORITY_MAX.into())).unwrap_or(PRIORITY_MAX)
}

pub(super) fn timeout(given: i64, checks: &mut Checks) -> u32 {
    checks.number("/timeout_seconds", given, 1..=TIMEOUT_MAX_SECONDS)
}

pub(super) fn retries(given: i64, checks: &mut Checks) -> u32 {
    checks.number("/max_retries", given, 0..=RETRIES_MAX)
}

pub(super) fn delay(pointer: &str, given: i64, checks: &mut Checks) -> u32 {
    checks.number(pointer, given, 0..=RETRY_DELAY_MAX_SECONDS)
}

pub(super) fn exit_codes(given: &[i64], checks: &mut Checks) -> Vec<i32> {
    if given.is_empty() || given.len() > RETRY_EXIT_CODES_MAX {
        let error = FieldError::new("/retry_exit_codes", format!("{} codes", given.len()));
        checks.add(error.with_hint(format!("1 to {RETRY_EXIT_CODES_MAX} codes, or null for all")));
        return Vec::new();
    }
    let code = |(index, code): (usize, &i64)| {
        checks.number(&format!("/retry_exit_codes/{index}"), *code, 0..=999).try_into().ok()
    };
    given.iter().enumerate().filter_map(code).collect()
}
