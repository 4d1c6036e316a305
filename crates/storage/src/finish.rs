//! Finishing: the outcome, the rest of the output, the job's next state and the event are one commit.

use crate::NewOutputChunk;
use crate::claim::data;
use crate::failure::WriteError;
use crate::rows::attempt::{self, Ending};
use crate::rows::job as job_rows;
use crate::rows::job::StoredJob;
use crate::rows::pending;
use crate::writer::tx::Tx;
use crate::{job_write, output};
use oneoff_domain::state::AfterAttempt;
use oneoff_domain::{AttemptOutcome, EventKind, ExecutionId, Fence, Job, JobStatus, Timestamp};
use oneoff_faults::{Sabotage, breaks};
use serde_json::json;

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

/// Records the end of an attempt, if its fence holds.
pub(crate) fn finish(tx: &mut Tx<'_>, finish: &Finish) -> Result<FinishResult, WriteError> {
    // Before the job is locked: whoever gives an epoch up locks that, and then its jobs.
    if !tx.holds(finish.fence.epoch)? && !breaks(Sabotage::NoFence) {
        return Ok(FinishResult::Fenced);
    }
    let stored = match tx.claimed.remove(&finish.fence.job) {
        Some(stored) => Some(stored),
        None => job_rows::to_change(tx.conn, finish.fence.job)?,
    };
    let Some(stored) = stored else { return Ok(FinishResult::Fenced) };
    let is_ours = holds(&stored, finish) || breaks(Sabotage::NoFence);
    let Some(execution_key) = stored.execution_key().filter(|_| is_ours) else {
        return Ok(FinishResult::Fenced);
    };
    let ending = Ending {
        outcome: &finish.outcome,
        completed_at: finish.completed_at,
        duration_us: Some(finish.duration_us),
        output: Some((finish.output_bytes, finish.output_truncated)),
    };
    if !attempt::end(&mut tx.rows(), execution_key, &ending)? {
        return Ok(FinishResult::Fenced);
    }
    output::insert_chunks(tx, execution_key, &finish.output)?;
    let after = stored.job.after_attempt(&finish.outcome, finish.completed_at, finish.random);
    tx.effects.runs.add(finish.outcome.status, finish.completed_at, finish.duration_us);
    let job = settle(tx, finish.completed_at, stored, after, finish.execution_id, &finish.outcome)?;
    tx.effects.operations.add(match job.state.status {
        JobStatus::Scheduled => "retry",
        _ => "finish",
    });
    Ok(FinishResult::Recorded(Box::new(job)))
}

/// Whether the job's row still carries what the attempt was claimed with.
fn holds(stored: &StoredJob, finish: &Finish) -> bool {
    let (state, fence) = (&stored.job.state, &finish.fence);
    state.status == JobStatus::Running
        && state.run == fence.run
        && state.attempt == fence.attempt
        && stored.epoch == Some(fence.epoch)
        && stored.job.last_execution == Some(finish.execution_id)
}

/// Gives a job whose attempt is over its next state, and says so.
pub(crate) fn settle(
    tx: &mut Tx<'_>,
    now: Timestamp,
    mut stored: StoredJob,
    after: AfterAttempt,
    execution: ExecutionId,
    outcome: &AttemptOutcome,
) -> Result<Job, WriteError> {
    let ended_attempt = stored.job.state.attempt;
    stored.job.state = stored.job.state.finish(after).map_err(crate::Refusal::from)?;
    stored.job.updated_at = now;
    stored.epoch = None;
    job_rows::update_step(tx, &stored)?;
    job_write::free_key(tx, &stored.job)?;
    if let Some(waiting) = pending::of_job(&stored.job) {
        tx.wait(waiting)?;
    }
    tx.effects.count(Some(JobStatus::Running), Some(stored.job.state.status));
    let data = data(json!({
        "reason": outcome.reason,
        "exit_code": outcome.exit_code,
        "attempt": ended_attempt,
        "next_attempt_at": stored.job.state.next_attempt_at,
    }));
    let kind = event_kind(stored.job.state.status);
    tx.record_job(now, kind, &stored.job, Some(execution), data)?;
    Ok(stored.job)
}

fn event_kind(status: JobStatus) -> EventKind {
    match status {
        JobStatus::Completed => EventKind::JobCompleted,
        JobStatus::Cancelled => EventKind::JobCancelled,
        JobStatus::Scheduled => EventKind::JobRetrying,
        _ => EventKind::JobFailed,
    }
}
