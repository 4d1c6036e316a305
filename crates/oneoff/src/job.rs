//! A job as an embedding program writes it down.

use oneoff_domain::{OnCrash, Timestamp};
use oneoff_scheduler::{JobDraft, Schedule};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// A job to be scheduled. Without a time it is due at once.
///
/// ```
/// use std::time::Duration;
/// let job = oneoff::NewJob::new("greet").with("name", "Ada").after(Duration::from_secs(90)).retries(3);
/// let other = oneoff::NewJob::new("greet").at("tomorrow 9am").timezone("Europe/Madrid");
/// # let _ = (job, other);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    draft: JobDraft,
}

impl NewJob {
    /// A job of a type that is registered.
    pub fn new(job_type: impl Into<String>) -> Self {
        Self { draft: JobDraft::new(job_type, Map::new(), Schedule::at("now")) }
    }

    /// What people call it; a summary of the config if it is not given.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.draft.name = Some(name.into());
        self
    }

    /// Sets one key of the config.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.draft.config.insert(key.into(), value.into());
        self
    }

    /// Sets the whole config from something that serializes to an object; anything else is an empty config,
    /// which the executor then judges.
    #[must_use]
    pub fn config(mut self, config: &impl Serialize) -> Self {
        self.draft.config = match serde_json::to_value(config) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        self
    }

    /// When, as a time expression: RFC 3339, `in 2h`, `tomorrow 9am`.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        self.draft.schedule.at = Some(expression.into());
        self
    }

    /// When, as an instant. One that has passed is due at once.
    #[must_use]
    pub fn at_instant(mut self, instant: Timestamp) -> Self {
        self.draft.schedule.at = Some(instant.to_string());
        self.draft.schedule.allow_past = true;
        self
    }

    /// So long after it is scheduled.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        self.at(format!("in {}ms", delay.as_millis()))
    }

    /// The IANA zone of the time and of the job; the one of the builder if it is not given.
    #[must_use]
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.draft.schedule.timezone = Some(timezone.into());
        self
    }

    /// 1 to 10, higher first.
    #[must_use]
    pub fn priority(mut self, priority: u8) -> Self {
        self.draft.priority = Some(i64::from(priority));
        self
    }

    /// Attempts after the first.
    #[must_use]
    pub fn retries(mut self, max_retries: u32) -> Self {
        self.draft.max_retries = Some(i64::from(max_retries));
        self
    }

    /// The delay before the first retry, in whole seconds; it doubles with each.
    #[must_use]
    pub fn retry_delay_seconds(mut self, seconds: u32) -> Self {
        self.draft.retry_delay_seconds = Some(i64::from(seconds));
        self
    }

    /// The longest an attempt may take, in whole seconds.
    #[must_use]
    pub fn timeout_seconds(mut self, seconds: u32) -> Self {
        self.draft.timeout_seconds = Some(i64::from(seconds));
        self
    }

    /// What happens when the process dies under an attempt.
    #[must_use]
    pub fn on_crash(mut self, on_crash: OnCrash) -> Self {
        self.draft.on_crash = Some(on_crash);
        self
    }

    /// At most one job of a key runs at a time.
    #[must_use]
    pub fn concurrency_key(mut self, key: impl Into<String>) -> Self {
        self.draft.concurrency_key = Some(key.into());
        self
    }

    /// Your own name for it, unique within its project.
    #[must_use]
    pub fn external_id(mut self, id: impl Into<String>) -> Self {
        self.draft.external_id = Some(id.into());
        self
    }

    /// Tags to find it by, by their names or ids. A name that no tag has makes one. The job itself then has their ids.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.draft.tags = tags.into_iter().map(Into::into).collect();
        self
    }
}

impl From<NewJob> for JobDraft {
    fn from(job: NewJob) -> Self {
        job.draft
    }
}
