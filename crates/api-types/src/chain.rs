//! Chains on the wire.

use crate::CreateJob;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A chain: jobs that run one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainView {
    /// UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// More of it.
    pub description: Option<String>,
    /// Its project, and that of the jobs that it makes.
    pub project_id: String,
    /// What runs, in order.
    pub links: Vec<ChainLinkView>,
    /// Who made it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Raised by every change; also the ETag.
    pub version: i64,
}

/// A link of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainLinkView {
    /// UUID.
    pub id: String,
    /// The chain.
    pub chain_id: String,
    /// The job of which each execution runs a copy; null where `job` says what runs.
    pub job_id: Option<String>,
    /// What runs; null where `job_id` names a job.
    pub job: Option<LinkJobView>,
    /// Its place, from 1.
    pub sequence_order: u32,
    /// Whether the chain fails when this does not succeed.
    pub stop_on_failure: bool,
    /// `success`, `failure` or `always`.
    pub run_if: String,
    /// When it was put into the chain.
    pub created_at: String,
}

/// What a link runs that no existing job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkJobView {
    /// What people call it.
    pub name: String,
    /// The job type.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The config of that type.
    pub config: Map<String, Value>,
    /// The names of its tags.
    pub tags: Vec<String>,
    /// 1 to 10, higher first.
    pub priority: u8,
    /// The IANA zone.
    pub timezone: String,
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
    /// The client's own data.
    pub metadata: Map<String, Value>,
}

/// A new chain: `POST /api/chains`. What is `None` is not sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CreateChain {
    /// Its name.
    pub name: String,
    /// More of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `default`, or the only one that the API key may touch, if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// What runs, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<ChainLinkRequest>>,
    /// The ids of jobs, where nothing else is to be said of the links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_ids: Option<Vec<String>>,
}

/// A link of a new chain: either `job_id` or `job`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ChainLinkRequest {
    /// The job of which each execution runs a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// What runs: the fields of a new job without its time, `project_id`, `external_id` and `held`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<CreateJob>,
    /// `true` if it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_on_failure: Option<bool>,
    /// `success` (if it is not given), `failure` or `always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_if: Option<String>,
}

/// An edit: `PATCH /api/chains/{id}`. What is `None` stays; `links` or `job_ids` replace all links.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UpdateChain {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The description; `Some(None)` is sent as null and removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// All links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<ChainLinkRequest>>,
    /// The ids of jobs, where nothing else is to be said of the links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_ids: Option<Vec<String>>,
}

/// `POST /api/chains/{id}/execute`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ExecuteChain {
    /// A time expression: when the first job starts. At once if it is not given.
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
    /// Whether a past time is accepted: the chain starts at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_past: Option<bool>,
}

/// One time that a chain runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainExecutionView {
    /// UUID.
    pub id: String,
    /// The chain, which may have been deleted since.
    pub chain_id: String,
    /// Its name at the start.
    pub chain_name: String,
    /// The project of its jobs.
    pub project_id: String,
    /// `scheduled`, `running`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Why, in a sentence, where it failed or was cancelled.
    pub detail: Option<String>,
    /// Whether it was told to end.
    pub cancel_requested: bool,
    /// When its first job was to start.
    pub scheduled_at: String,
    /// What became of each link, in order.
    pub links: Vec<LinkExecutionView>,
    /// Who asked for it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: String,
    /// When its first job started.
    pub started_at: Option<String>,
    /// When it was over.
    pub ended_at: Option<String>,
    /// Raised by every change; also the ETag.
    pub version: i64,
    /// `Chain execution started`, in the answer to the request that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LinkExecutionView {
    /// Its place, from 1.
    pub sequence_order: u32,
    /// The name of its job.
    pub name: String,
    /// The type of its job.
    #[serde(rename = "type")]
    pub job_type: String,
    /// The job of which it runs a copy.
    pub source_job_id: Option<String>,
    /// Whether the chain fails when it does not succeed.
    pub stop_on_failure: bool,
    /// `success`, `failure` or `always`.
    pub run_if: String,
    /// `waiting`, `scheduled`, `running`, `completed`, `failed`, `cancelled` or `skipped`.
    pub status: String,
    /// Why, in a word: the reason of its last execution, `missed`, `deleted`, `earlier_failure`, `no_failure` or
    /// `chain_cancelled`.
    pub reason: Option<String>,
    /// Why, in a sentence, where it did not run or did not succeed.
    pub detail: Option<String>,
    /// Its job, once that is made.
    pub job_id: Option<String>,
    /// The last execution of that.
    pub execution_id: Option<String>,
    /// The exit code of that.
    pub exit_code: Option<i32>,
    /// When its job first started.
    pub started_at: Option<String>,
    /// When it was over.
    pub ended_at: Option<String>,
}

/// What made a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OriginView {
    /// `chain`.
    pub kind: String,
    /// Which one: of a chain, the id of its execution.
    pub id: String,
    /// The job's place in it, from 0.
    pub index: u32,
}
