//! The fence: what an attempt must show to record its outcome.

use crate::JobKey;

/// Identifies one attempt beyond doubt. An outcome is recorded only while the job's row still carries the
/// same values, so a finisher that was given up on can never overwrite its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The job.
    pub job: JobKey,
    /// How often the job was started anew, from 1.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// The server process that claimed it, counted over all starts of servers on this store.
    pub epoch: i64,
}
