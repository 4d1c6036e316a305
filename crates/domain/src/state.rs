//! The state machine of a job: every legal step, and an error for every other.

use crate::job::named;
use crate::retry::{delay, wants_retry};
use crate::{
    AttemptOutcome, ExecutionStatus, Hold, HoldReason, Job, JobDefinition, JobState, JobStatus, OnCrash,
    OnLate, Timestamp,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

named! {
    /// A step that somebody or something asks for.
    Transition {
        /// Start an attempt.
        Claim = "claim",
        /// Record that the run succeeded.
        Complete = "complete",
        /// Record that the run failed for good.
        Fail = "fail",
        /// Wait for another attempt.
        Retry = "retry",
        /// End without (further) running.
        Cancel = "cancel",
        /// Give up because it is too late.
        Miss = "miss",
        /// Add a hold.
        Hold = "hold",
        /// Release a hold.
        Release = "release",
        /// Edit the definition or the time.
        Edit = "edit",
        /// Start now, or again.
        Execute = "execute",
        /// Remove the job.
        Delete = "delete",
    }
}

/// A step that the job's status does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {transition} a job that is {status}{}", hint(*.status, *.transition))]
pub struct IllegalTransition {
    /// Where the job stands.
    pub status: JobStatus,
    /// What was asked for.
    pub transition: Transition,
}

fn hint(status: JobStatus, transition: Transition) -> &'static str {
    match (status, transition) {
        (JobStatus::Running, _) => ": cancel it first, or wait for it",
        (JobStatus::Held, Transition::Execute) => ": release it first",
        (JobStatus::Scheduled, Transition::Release) => ": it has no hold",
        (status, Transition::Edit | Transition::Hold) if status.is_final() => {
            ": clone it, or execute it again"
        }
        _ => "",
    }
}

/// The status after `transition` from `status`.
///
/// Releasing is listed as it is for the last hold; [`JobState::release`] stays `held` while others remain.
///
/// # Errors
/// [`IllegalTransition`] for every pair that is not listed.
pub fn next_status(status: JobStatus, transition: Transition) -> Result<JobStatus, IllegalTransition> {
    use JobStatus::{Cancelled, Completed, Failed, Held, Missed, Running, Scheduled};
    use Transition as T;
    let next = match (status, transition) {
        (Scheduled, T::Claim) => Running,
        (Scheduled, T::Miss) => Missed,
        (Scheduled, T::Edit | T::Execute) => Scheduled,
        (Scheduled | Held, T::Hold) | (Held, T::Edit) => Held,
        (Scheduled | Held | Running, T::Cancel) => Cancelled,
        (Held, T::Release) => Scheduled,
        (Running, T::Complete) => Completed,
        (Running, T::Fail) => Failed,
        (Running, T::Retry) => Scheduled,
        (Completed | Failed | Cancelled | Missed, T::Execute) => Scheduled,
        (Scheduled | Held | Completed | Failed | Cancelled | Missed, T::Delete) => status,
        _ => return Err(IllegalTransition { status, transition }),
    };
    Ok(next)
}

/// What becomes of a job whose attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    /// Another attempt starts at this instant.
    Retry(Timestamp),
    /// The job ends in this status.
    Final(JobStatus),
}

impl JobState {
    fn step(&self, transition: Transition) -> Result<JobState, IllegalTransition> {
        let status = next_status(self.status, transition)?;
        Ok(JobState { status, version: self.version + 1, ..self.clone() })
    }

    /// An attempt starts.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless the job is scheduled.
    pub fn claim(&self) -> Result<JobState, IllegalTransition> {
        Ok(JobState { next_attempt_at: None, ..self.step(Transition::Claim)? })
    }

    /// The attempt ended; the job waits for the next one or is over.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless the job is running.
    pub fn finish(&self, after: AfterAttempt) -> Result<JobState, IllegalTransition> {
        let state = match after {
            AfterAttempt::Retry(at) => JobState {
                attempt: self.attempt + 1,
                next_attempt_at: Some(at),
                ..self.step(Transition::Retry)?
            },
            AfterAttempt::Final(JobStatus::Completed) => self.step(Transition::Complete)?,
            AfterAttempt::Final(JobStatus::Cancelled) => self.step(Transition::Cancel)?,
            AfterAttempt::Final(_) => self.step(Transition::Fail)?,
        };
        Ok(JobState { cancel_requested: false, ..state })
    }

    /// Ends a job that waits, or asks a running attempt to end: then the status stays `running` until the
    /// attempt is over, and `cancel_requested` says what will become of it.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is over.
    pub fn cancel(&self) -> Result<JobState, IllegalTransition> {
        let cancelled = self.step(Transition::Cancel)?;
        if self.status == JobStatus::Running {
            return Ok(JobState { status: JobStatus::Running, cancel_requested: true, ..cancelled });
        }
        Ok(JobState { next_attempt_at: None, holds: Vec::new(), ..cancelled })
    }

    /// Gives the job up as too late.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless the job is scheduled.
    pub fn miss(&self) -> Result<JobState, IllegalTransition> {
        Ok(JobState { next_attempt_at: None, ..self.step(Transition::Miss)? })
    }

    /// Adds a hold; one of the same reason is replaced.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is running or over.
    pub fn hold(&self, hold: Hold) -> Result<JobState, IllegalTransition> {
        let mut state = self.step(Transition::Hold)?;
        state.holds.retain(|open| open.reason != hold.reason);
        state.holds.push(hold);
        Ok(state)
    }

    /// Releases the hold of this reason. The job is scheduled again when it was the last one.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is not held, or not for this reason.
    pub fn release(&self, reason: HoldReason) -> Result<JobState, IllegalTransition> {
        let mut state = self.step(Transition::Release)?;
        state.holds.retain(|open| open.reason != reason);
        if state.holds.len() == self.holds.len() {
            return Err(IllegalTransition { status: self.status, transition: Transition::Release });
        }
        if !state.holds.is_empty() || state.scheduled_at.is_none() {
            state.status = JobStatus::Held;
        }
        Ok(state)
    }

    /// Moves the job to another time. A retry that waited is given up for it.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is running or over.
    pub fn reschedule(
        &self,
        at: Timestamp,
        scheduled_local: Option<String>,
    ) -> Result<JobState, IllegalTransition> {
        Ok(JobState {
            scheduled_at: Some(at),
            scheduled_local,
            next_attempt_at: None,
            ..self.step(Transition::Edit)?
        })
    }

    /// Records an edit that leaves the time alone.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is running or over.
    pub fn edit(&self) -> Result<JobState, IllegalTransition> {
        self.step(Transition::Edit)
    }

    /// Starts the job now: a waiting one early, one that is over again, as a new run.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is running or held.
    pub fn execute(&self, now: Timestamp) -> Result<JobState, IllegalTransition> {
        let state = self.step(Transition::Execute)?;
        let (run, attempt) =
            if self.status.is_final() { (self.run + 1, 0) } else { (self.run, self.attempt) };
        Ok(JobState {
            scheduled_at: Some(now),
            scheduled_local: None,
            next_attempt_at: None,
            cancel_requested: false,
            run,
            attempt,
            ..state
        })
    }
}

impl JobDefinition {
    /// Whether a start at `now` would be too late by the job's own policy.
    #[must_use]
    pub fn is_too_late(&self, due_at: Timestamp, now: Timestamp) -> bool {
        match (self.on_late, self.max_lateness_seconds) {
            (OnLate::Skip, Some(seconds)) => now.since(due_at) > Duration::from_secs(seconds.into()),
            _ => false,
        }
    }
}

impl Job {
    /// What becomes of the job when its attempt ended with `outcome`. `random` is the jitter of a retry.
    #[must_use]
    pub fn after_attempt(&self, outcome: &AttemptOutcome, now: Timestamp, random: u64) -> AfterAttempt {
        let retry = &self.definition.retry;
        match outcome.status {
            ExecutionStatus::Completed => AfterAttempt::Final(JobStatus::Completed),
            _ if self.state.cancel_requested => AfterAttempt::Final(JobStatus::Cancelled),
            ExecutionStatus::Cancelled => AfterAttempt::Final(JobStatus::Cancelled),
            _ if outcome.reason == crate::Reason::Shutdown => self.after_loss(now),
            _ if wants_retry(retry, self.state.attempt, outcome) => {
                AfterAttempt::Retry(now.saturating_add(delay(retry, self.state.attempt, random)))
            }
            _ => AfterAttempt::Final(JobStatus::Failed),
        }
    }

    /// What becomes of the job when its attempt was lost with the server: it starts again at once, or fails.
    #[must_use]
    pub fn after_loss(&self, now: Timestamp) -> AfterAttempt {
        match self.definition.on_crash {
            _ if self.state.cancel_requested => AfterAttempt::Final(JobStatus::Cancelled),
            OnCrash::Retry => AfterAttempt::Retry(now),
            OnCrash::Fail => AfterAttempt::Final(JobStatus::Failed),
        }
    }
}
