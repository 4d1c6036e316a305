//! What a caller asks for, before it is checked.

use oneoff_domain::time::Disambiguation;
use oneoff_domain::{OnCrash, OnLate};
use serde_json::{Map, Value};

/// When a job is to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// A time expression; `now` is at once. `None` is an error for new jobs, as nothing is said.
    pub at: Option<String>,
    /// At once, whatever `at` says.
    pub immediate: bool,
    /// The IANA zone of the expression and of the job; the server's default if it is not given.
    pub timezone: Option<String>,
    /// Which instant a wall time means that occurs twice or not at all.
    pub disambiguation: Disambiguation,
    /// Whether an instant in the past is accepted.
    pub allow_past: bool,
}

impl Schedule {
    /// A schedule by expression, in the server's default zone.
    pub fn at(expression: impl Into<String>) -> Self {
        Self {
            at: Some(expression.into()),
            immediate: false,
            timezone: None,
            disambiguation: Disambiguation::Reject,
            allow_past: false,
        }
    }
}

/// A new job. Numbers are as wide as JSON has them; their bounds are checked by the service.
#[derive(Debug, Clone, PartialEq)]
pub struct JobDraft {
    /// A summary of the config if it is not given or empty.
    pub name: Option<String>,
    /// The job type.
    pub job_type: String,
    /// The config of that type. `max_retries`, `retry_delay_seconds` and `timeout_seconds` are also accepted
    /// in here and moved out.
    pub config: Map<String, Value>,
    /// When.
    pub schedule: Schedule,
    /// 1 to 10; 0 and none are the default.
    pub priority: Option<i64>,
    /// `default` if it is not given.
    pub project_id: Option<String>,
    /// Tags, by their names or ids. A name that no tag has makes one.
    pub tags: Vec<String>,
    /// Tags by their ids alone.
    pub tag_ids: Vec<String>,
    /// The longest an attempt may take.
    pub timeout_seconds: Option<i64>,
    /// Attempts after the first.
    pub max_retries: Option<i64>,
    /// The delay before the first retry.
    pub retry_delay_seconds: Option<i64>,
    /// The longest delay.
    pub retry_max_delay_seconds: Option<i64>,
    /// The exit codes or response statuses worth a retry.
    pub retry_exit_codes: Option<Vec<i64>>,
    /// How late a start may be.
    pub max_lateness_seconds: Option<i64>,
    /// What happens when it is later; `skip` if `max_lateness_seconds` is given, else `run`.
    pub on_late: Option<OnLate>,
    /// What happens when the server dies under an attempt; `retry` if it is not given.
    pub on_crash: Option<OnCrash>,
    /// At most one job of a key runs at a time.
    pub concurrency_key: Option<String>,
    /// The client's own name.
    pub external_id: Option<String>,
    /// The client's own data.
    pub metadata: Map<String, Value>,
    /// Whether the job is created with a manual hold. Then it may have no time.
    pub held: bool,
}

impl JobDraft {
    /// A job with the defaults of everything that is not given here.
    pub fn new(job_type: impl Into<String>, config: Map<String, Value>, schedule: Schedule) -> Self {
        Self {
            name: None,
            job_type: job_type.into(),
            config,
            schedule,
            priority: None,
            project_id: None,
            tags: Vec::new(),
            tag_ids: Vec::new(),
            timeout_seconds: None,
            max_retries: None,
            retry_delay_seconds: None,
            retry_max_delay_seconds: None,
            retry_exit_codes: None,
            max_lateness_seconds: None,
            on_late: None,
            on_crash: None,
            concurrency_key: None,
            external_id: None,
            metadata: Map::new(),
            held: false,
        }
    }
}

/// An edit: every `Some` replaces; an inner `None` goes back to what a new job has where nothing is given.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobPatch {
    /// The name; by default a summary of the config.
    pub name: Option<Option<String>>,
    /// The whole config.
    pub config: Option<Map<String, Value>>,
    /// The time.
    pub schedule: Option<Schedule>,
    /// The zone, where the time stays.
    pub timezone: Option<String>,
    /// 1 to 10; 0 is the default too.
    pub priority: Option<Option<i64>>,
    /// The project.
    pub project_id: Option<Option<String>>,
    /// All tags, by their names or ids. A name that no tag has makes one.
    pub tags: Option<Option<Vec<String>>>,
    /// All tags, by their ids alone.
    pub tag_ids: Option<Option<Vec<String>>>,
    /// The longest an attempt may take.
    pub timeout_seconds: Option<Option<i64>>,
    /// Attempts after the first.
    pub max_retries: Option<Option<i64>>,
    /// The delay before the first retry.
    pub retry_delay_seconds: Option<Option<i64>>,
    /// The longest delay.
    pub retry_max_delay_seconds: Option<Option<i64>>,
    /// The exit codes or response statuses worth a retry.
    pub retry_exit_codes: Option<Option<Vec<i64>>>,
    /// How late a start may be.
    pub max_lateness_seconds: Option<Option<i64>>,
    /// What happens when it is later.
    pub on_late: Option<Option<OnLate>>,
    /// What happens when the server dies under an attempt.
    pub on_crash: Option<Option<OnCrash>>,
    /// At most one job of a key runs at a time.
    pub concurrency_key: Option<Option<String>>,
    /// The client's own name.
    pub external_id: Option<Option<String>>,
    /// The client's own data.
    pub metadata: Option<Option<Map<String, Value>>>,
}
