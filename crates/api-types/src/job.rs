//! Jobs on the wire.

use crate::OriginView;
use crate::TagView;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobView {
    /// UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `http`, `shell` or another registered type.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The config of that type.
    pub config: Map<String, Value>,
    /// `scheduled`, `running`, `held`, `completed`, `failed`, `cancelled` or `missed`.
    pub status: String,
    /// The project.
    pub project_id: String,
    /// Its tags.
    pub tags: Vec<TagView>,
    /// 1 to 10, higher first.
    pub priority: u8,
    /// The IANA zone of the job's time.
    pub timezone: String,
    /// When it is to start, UTC.
    pub scheduled_at: Option<String>,
    /// The wall time as given, where one was given.
    pub scheduled_local: Option<String>,
    /// The longest an attempt may take.
    pub timeout_seconds: Option<u32>,
    /// Attempts after the first.
    pub max_retries: u32,
    /// The delay before the first retry.
    pub retry_delay_seconds: u32,
    /// The longest delay.
    pub retry_max_delay_seconds: u32,
    /// The exit codes or response statuses worth a retry; null is all.
    pub retry_exit_codes: Option<Vec<i32>>,
    /// How late a start may be before `on_late` decides.
    pub max_lateness_seconds: Option<u32>,
    /// `run` or `skip`.
    pub on_late: String,
    /// `retry` or `fail`.
    pub on_crash: String,
    /// At most one job of a key runs at a time.
    pub concurrency_key: Option<String>,
    /// The client's own name.
    pub external_id: Option<String>,
    /// The client's own data.
    pub metadata: Map<String, Value>,
    /// How often it was started anew, from 1.
    pub run: u32,
    /// The attempt that is under way or comes next, from 0.
    pub attempt: u32,
    /// When a retry starts.
    pub next_attempt_at: Option<String>,
    /// Whether a running attempt was told to end.
    pub cancel_requested: bool,
    /// The open holds.
    pub holds: Vec<HoldView>,
    /// UUID of the latest execution.
    pub last_execution: Option<String>,
    /// What made it, unless somebody asked for this job itself: a chain execution.
    #[serde(default)]
    pub origin: Option<OriginView>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When it was accepted.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Raised by every change; also the ETag.
    pub version: i64,
}

/// A job that was started or cancelled, with words about it as OneOff v1 has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ActedJob {
    /// What was done, for people. Not in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The job as it is now.
    #[serde(flatten)]
    pub job: JobView,
}

/// A reason for a job not to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HoldView {
    /// `manual`, `chain`, `gate`, `approval`, `restore` or `downtime`.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub at: String,
    /// When it ends by itself.
    pub until: Option<String>,
}

/// `POST /api/jobs/release`: all jobs that are held for a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleaseJobs {
    /// `restore`, `downtime`, `manual`, ...
    pub reason: String,
}

/// What releasing them did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReleasedJobs {
    /// Jobs that were released. Those that are due start at once.
    pub released: u64,
    /// Jobs that stay held, because they have no time at which to start.
    pub skipped: u64,
    /// Whether there are more: one request looks at 10,000. Send it again then.
    pub more: bool,
}

/// A new job: `POST /api/jobs`. What is `None` is not sent and takes its default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CreateJob {
    /// A summary of the config if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The job type.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The config of that type; also accepted as JSON in a string.
    pub config: Map<String, Value>,
    /// A time expression: RFC 3339, `now`, `in 2h`, `tomorrow 9am`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// At once, whatever `scheduled_at` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immediate: Option<bool>,
    /// The IANA zone of the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// `reject`, `earlier` or `later`: what a wall time means when the clocks are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disambiguation: Option<String>,
    /// Whether a past time is accepted: the job is due at once, and late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_past: Option<bool>,
    /// 1 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// The project: `default`, or the only one that the API key may touch, if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Tags, by their names or ids; a name that no tag has makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Tags, by their ids alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_ids: Option<Vec<String>>,
    /// The longest an attempt may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    /// Attempts after the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i64>,
    /// The delay before the first retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_delay_seconds: Option<i64>,
    /// The longest delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_max_delay_seconds: Option<i64>,
    /// The exit codes or response statuses worth a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_exit_codes: Option<Vec<i64>>,
    /// How late a start may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lateness_seconds: Option<i64>,
    /// `run` or `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_late: Option<String>,
    /// `retry` or `fail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_crash: Option<String>,
    /// At most one job of a key runs at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The client's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The client's own data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Whether it is created with a manual hold; then it may have no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

/// An edit: `PATCH /api/jobs/{id}`, a JSON merge patch (RFC 7396): a field that is sent replaces, null goes
/// back to the default, what is absent stays. The fields are those of [`CreateJob`] without `type` and `held`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UpdateJob(pub Map<String, Value>);

/// `POST /api/jobs/{id}/clone`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CloneJob {
    /// A time expression.
    pub scheduled_at: String,
    /// The IANA zone of the time; the job's own if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// The old name and ` (clone)` if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `reject` (the default), `earlier` or `later`, where the clocks are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disambiguation: Option<String>,
    /// Whether a time in the past is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_past: Option<bool>,
}

/// `POST /api/jobs/{id}/hold`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HoldJob {
    /// `manual` if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A time expression at which the hold ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The IANA zone of `until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// `POST /api/jobs/{id}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ReleaseJob {
    /// `manual` if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
