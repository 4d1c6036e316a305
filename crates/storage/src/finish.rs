//! Finishing: the outcome, the rest of the output, the job's next state and the event are one commit.

use crate::NewOutputChunk;
use oneoff_domain::{AttemptOutcome, ExecutionId, Fence, Job, Timestamp};

/// The end of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Must still hold, or nothing is recorded.
    pub fence: Fence,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// When.
    pub completed_at: Timestamp,
    /// How long it took in microseconds, by boot time.
    pub duration_us: i64,
    /// The output that is not yet stored.
    pub output: Vec<NewOutputChunk>,
    /// Bytes of output in all, kept or not.
    pub output_bytes: i64,
    /// Whether a part was not kept.
    pub output_truncated: bool,
    /// Randomness for the jitter of a retry.
    pub random: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum FinishResult {
    /// It is recorded; this is the job now.
    Recorded(Box<Job>),
    /// The fence no longer holds: somebody else has given this attempt up. Nothing was written.
    Fenced,
}
