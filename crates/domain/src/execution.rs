//! An execution: one attempt of a job, kept for as long as its retention says.

use crate::job::named;
use crate::{ExecutionId, JobId, Reason, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

named! {
    /// Where an execution stands.
    ExecutionStatus {
        /// Under way.
        Running = "running",
        /// Ended well.
        Completed = "completed",
        /// Ended badly.
        Failed = "failed",
        /// Was ended on request.
        Cancelled = "cancelled",
    }
}

named! {
    /// Where a piece of output came from.
    OutputStream {
        /// Standard output; of an HTTP job, the response body.
        Stdout = "stdout",
        /// Standard error.
        Stderr = "stderr",
        /// A note of OneOff itself, such as a gap in the kept output.
        System = "system",
    }
}

/// One attempt of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its outer name.
    pub id: ExecutionId,
    /// The job.
    pub job_id: JobId,
    /// The job's name when it started.
    pub job_name: String,
    /// The job's type.
    pub job_type: String,
    /// The job's project.
    pub project_id: String,
    /// The revision of the definition that it ran.
    pub revision: i64,
    /// The run of the job, from 1.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// Why it ended; `None` while it runs.
    pub reason: Option<Reason>,
    /// The exit code of the process.
    pub exit_code: Option<i32>,
    /// One sentence for people.
    pub error: Option<String>,
    /// When it should have started.
    pub scheduled_for: Timestamp,
    /// When it did.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// How long it took in microseconds, by boot time.
    pub duration_us: Option<i64>,
    /// How late it started in microseconds.
    pub lateness_us: i64,
    /// The node that ran it.
    pub worker: String,
    /// Bytes of output it wrote, kept or not.
    pub output_bytes: i64,
    /// Whether a part in the middle was not kept.
    pub output_truncated: bool,
    /// What the type has to say.
    pub result: Option<Value>,
}
