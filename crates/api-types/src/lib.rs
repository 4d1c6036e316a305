//! The wire structs of OneOff's HTTP API, shared by the server and its clients.
//!
//! Instants are RFC 3339 text in UTC; durations and sizes name their unit.

mod access;
mod bulk;
mod chain;
mod execution;
mod job;
mod problem;
mod records;
mod system;
mod time;
mod webhook;

pub use access::{
    ApiKeyView, AuditEntryView, CreateApiKey, NewApiKeyView, RevokedApiKey, RotateApiKey, SessionView,
    UpdateApiKey,
};
pub use bulk::{BulkResult, CreateJobs, CreatedJob, JobsCreated};
pub use chain::{
    ChainExecutionView, ChainLinkRequest, ChainLinkView, ChainView, CreateChain, ExecuteChain,
    LinkExecutionView, LinkJobView, OriginView, UpdateChain,
};
pub use execution::{ExecutionView, OutputChunkView, OutputView};
pub use job::{
    ActedJob, CloneJob, CreateJob, HoldJob, HoldView, JobView, ReleaseJob, ReleaseJobs, ReleasedJobs,
    UpdateJob,
};
pub use problem::{FieldProblem, Problem};
pub use records::{
    CreateProject, CreateTag, ProjectView, SettingView, SettingsUpdated, TagView, UpdateRecord,
};
pub use system::{
    ComponentView, EventView, HealthView, NodeView, RunningJobView, SpaceView, SystemStatusView,
    WorkerStatusView,
};
pub use time::{ParseTime, ParsedTime};
pub use webhook::{
    DeliveryView, Redeliver, RedeliveredView, RotateSecret, SentRequestView, WebhookRequest, WebhookTestView,
    WebhookView,
};

use serde::{Deserialize, Serialize};

/// The envelope of every success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Data<T> {
    /// The answer.
    pub data: T,
}

/// The envelope of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct List<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// The `cursor` of the next page; absent or null on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// How many rows there are, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether there are more than `total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_is_estimate: Option<bool>,
    /// How many rows a page has at most. Only of jobs and chains, as OneOff v1 tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// How many rows were skipped. Only of jobs and chains, as OneOff v1 tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
}
