//! What each step makes of a job's state.

use crate::retry::{delay, wants_retry};
use crate::{
    AttemptOutcome, ExecutionStatus, Hold, HoldReason, Job, JobDefinition, JobState, JobStatus, OnCrash,
    OnLate, Timestamp,
};
use std::time::Duration;

pub use crate::transition::{IllegalTransition, Obstacle, Transition, next_status};

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

    fn refusal(&self, transition: Transition) -> IllegalTransition {
        IllegalTransition::new(self.status, transition)
    }

    /// An attempt starts.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless the job is scheduled.
    pub fn claim(&self) -> Result<JobState, IllegalTransition> {
        Ok(JobState { next_attempt_at: None, ..self.step(Transition::Claim)? })
    }

    /// The attempt ended; the job waits for the next one or is over. A job that is to be cancelled does not
    /// wait for another attempt, whatever was decided before that was known.
    ///
    /// # Errors
    /// [`IllegalTransition`] unless the job is running.
    pub fn finish(&self, after: AfterAttempt) -> Result<JobState, IllegalTransition> {
        let state = match after {
            // Only a running job carries this, so the step is legal only there.
            AfterAttempt::Retry(_) if self.cancel_requested => self.step(Transition::Cancel)?,
            AfterAttempt::Retry(at) => JobState {
                attempt: self.attempt.saturating_add(1),
                next_attempt_at: Some(at),
                ..self.step(Transition::Retry)?
            },
            AfterAttempt::Final(JobStatus::Completed) => self.step(Transition::Complete)?,
            AfterAttempt::Final(JobStatus::Cancelled) if self.status == JobStatus::Running => {
                self.step(Transition::Cancel)?
            }
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
    /// [`IllegalTransition`] when the job is running or over, or when the hold ends by itself and the job has
    /// no time at which it could start then.
    pub fn hold(&self, hold: Hold) -> Result<JobState, IllegalTransition> {
        let mut state = self.step(Transition::Hold)?;
        if hold.until.is_some() && state.scheduled_at.is_none() {
            return Err(IllegalTransition { obstacle: Obstacle::NoTime, ..self.refusal(Transition::Hold) });
        }
        state.holds.retain(|open| open.reason != hold.reason);
        state.holds.push(hold);
        Ok(state)
    }

    /// Releases the hold of this reason. The job is scheduled again when it was the last one.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the job is not held, or not for this reason, or when this is its last hold and
    /// it has no time.
    pub fn release(&self, reason: HoldReason) -> Result<JobState, IllegalTransition> {
        let mut state = self.step(Transition::Release)?;
        state.holds.retain(|open| open.reason != reason);
        let refusal = self.refusal(Transition::Release);
        if state.holds.len() == self.holds.len() {
            return Err(IllegalTransition { obstacle: Obstacle::NoSuchHold(reason), ..refusal });
        }
        if !state.holds.is_empty() {
            state.status = JobStatus::Held;
        } else if state.scheduled_at.is_none() {
            return Err(IllegalTransition { obstacle: Obstacle::NoTime, ..refusal });
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
            if self.status.is_final() { (self.run.saturating_add(1), 0) } else { (self.run, self.attempt) };
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
            _ if matches!(outcome.reason, crate::Reason::Shutdown | crate::Reason::Lost) => {
                self.after_loss(now)
            }
            ExecutionStatus::Cancelled => AfterAttempt::Final(JobStatus::Cancelled),
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
