//! Executions on the wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One attempt of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExecutionView {
    /// UUID.
    pub id: String,
    /// UUID of the job.
    pub job_id: String,
    /// The job's name when it started.
    pub job_name: String,
    /// The job's type.
    pub job_type: String,
    /// The project.
    pub project_id: String,
    /// The run of the job, from 1.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// `running`, `completed`, `failed` or `cancelled`.
    pub status: String,
    /// Why it ended: `success`, `exit_code`, `timeout`, `lost`, ...
    pub reason: Option<String>,
    /// The exit code of the process.
    pub exit_code: Option<i32>,
    /// One sentence for people.
    pub error: Option<String>,
    /// When it should have started.
    pub scheduled_for: String,
    /// When it did.
    pub started_at: String,
    /// The same under another name that OneOff v1 has: an attempt is recorded with its start.
    #[serde(default)]
    pub created_at: String,
    /// When it ended.
    pub completed_at: Option<String>,
    /// How long it took, in milliseconds with decimals.
    pub duration_ms: Option<f64>,
    /// How late it started, in milliseconds with decimals.
    pub lateness_ms: f64,
    /// The node that ran it.
    pub worker: String,
    /// Bytes of output it wrote, kept or not.
    pub output_bytes: i64,
    /// Whether a part in the middle was not kept.
    pub output_truncated: bool,
    /// What the type has to say.
    pub result: Option<Value>,
    /// The request that made it start, where one did so at once, or executed the chain of which it is a link; only in the
    /// answer for one execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The whole output as text (head and tail if it is large); only in the answer for one execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A part of an execution's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutputView {
    /// The pieces in order.
    pub chunks: Vec<OutputChunkView>,
    /// The `offset` with which to go on.
    pub next_offset: i64,
    /// Bytes of output so far, kept or not.
    pub total_bytes: i64,
    /// Whether there will be no more.
    pub complete: bool,
}

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OutputChunkView {
    /// `stdout`, `stderr` or `system`.
    pub stream: String,
    /// Offset of its first byte in the original stream.
    pub offset: i64,
    /// When it was written.
    pub at: String,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Its bytes in base64 (RFC 4648 section 4), only where they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}
