//! The server's own state on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `GET /api/system/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SystemStatusView {
    /// Jobs that wait.
    pub total_scheduled: u64,
    /// Jobs that run.
    pub currently_running: u64,
    /// Executions that completed and had started on this day, UTC.
    #[serde(default)]
    pub completed_today: u64,
    /// Executions that failed and had started within the last 24 hours, to the quarter of an hour.
    #[serde(default)]
    pub failed_recent: u64,
    /// How long executions took on average that ever completed; 0 where there are none.
    #[serde(default)]
    pub avg_duration_ms: f64,
    /// Jobs that are due and wait for a slot.
    pub queue_depth: u64,
    /// Jobs by status.
    pub jobs: BTreeMap<String, u64>,
    /// When the next job is due, without those of paused projects; null also where it waits behind very many of these.
    pub next_due_at: Option<String>,
    /// The version of the server.
    pub version: String,
    /// The commit that the server was built from.
    #[serde(default)]
    pub commit: String,
    /// The value of `ENVIRONMENT`.
    pub environment: String,
    /// When the server started.
    pub started_at: String,
    /// The server's wall time.
    pub now: String,
    /// The absolute path of the database; of one on a server its address, without password and parameters.
    pub database: String,
    /// How much space it takes.
    #[serde(default)]
    pub space: SpaceView,
    /// The zone of times that name none.
    pub default_timezone: String,
}

/// How much space the database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SpaceView {
    /// The database without its write-ahead log.
    pub database_bytes: u64,
    /// The part of it that is free to be used again; null with PostgreSQL.
    pub free_bytes: Option<u64>,
    /// The write-ahead log; null with PostgreSQL, where it is the server's.
    pub wal_bytes: Option<u64>,
    /// Output of executions that is kept.
    pub output_bytes: u64,
}

/// `GET /api/workers/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WorkerStatusView {
    /// Slots in all.
    pub total_workers: usize,
    /// Slots in use.
    pub active_workers: usize,
    /// Slots that are free.
    pub available_workers: usize,
    /// Jobs that are due and wait for a slot.
    pub queued_jobs: usize,
    /// The ids of the jobs that run.
    pub running_jobs: Vec<String>,
    /// More about what runs.
    pub running: Vec<RunningJobView>,
    /// Whether claiming is paused, and why.
    pub paused: Option<String>,
    /// The nodes that share the database, by id; all the rest is of the one that answers.
    #[serde(default)]
    pub nodes: Vec<NodeView>,
}

/// A node: a server process that shares the database with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NodeView {
    /// Its name.
    pub id: String,
    /// Which life of it this is: rises with every start, of whatever node.
    pub epoch: i64,
    /// `ok`; `clock_off` when its clock differs from the database's by more than a second, which it goes by; `late` when it
    /// should have renewed its lease; `gone` when it has ended or its lease is over.
    pub health: String,
    /// Its worker slots.
    pub slots: Option<u32>,
    /// Those in use when it was seen last.
    pub running: Option<u32>,
    /// Its version.
    pub version: Option<String>,
    /// When it started.
    pub started_at: String,
    /// When it renewed its lease last.
    pub last_seen_at: Option<String>,
    /// By how much its clock is ahead of the database's, in microseconds; null where that is the same clock.
    pub clock_offset_us: Option<i64>,
}

/// An attempt that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunningJobView {
    /// UUID of the job.
    pub job_id: String,
    /// Its name.
    pub job_name: String,
    /// Its type.
    pub job_type: String,
    /// UUID of the execution.
    pub execution_id: String,
    /// When it started.
    pub started_at: String,
}

/// An event of the stream `GET /api/events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventView {
    /// Its place in the order; also the SSE id.
    pub sequence: i64,
    /// What happened: `job.created`, ...
    pub event: String,
    /// When.
    pub at: String,
    /// UUID of the job.
    pub job_id: Option<String>,
    /// UUID of the execution.
    pub execution_id: Option<String>,
    /// The project.
    pub project_id: String,
    /// More, by kind.
    pub data: Map<String, Value>,
}

/// `GET /livez` and `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthView {
    /// `ok`; `degraded` when somebody should look and the node does its work all the same; `failing`, with the status 503.
    pub status: String,
    /// What it consists of, by name.
    pub components: BTreeMap<String, ComponentView>,
}

/// How a part of a node is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ComponentView {
    /// `ok`, `degraded` or `failing`.
    pub status: String,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
