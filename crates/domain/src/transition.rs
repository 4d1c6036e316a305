//! The steps a job may take, and an error that says what to do for every other.

use crate::job::named;
use crate::{HoldReason, JobStatus};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

/// What stands in the way of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The job's status.
    Status,
    /// The job has no hold of this reason.
    NoSuchHold(HoldReason),
    /// The job has no time.
    NoTime,
}

/// A step that the job's state does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {transition} a job that {}", explanation(*.status, *.transition, *.obstacle))]
pub struct IllegalTransition {
    /// Where the job stands.
    pub status: JobStatus,
    /// What was asked for.
    pub transition: Transition,
    /// What stands in the way.
    pub obstacle: Obstacle,
}

impl IllegalTransition {
    /// A step that the status does not allow.
    #[must_use]
    pub fn new(status: JobStatus, transition: Transition) -> Self {
        Self { status, transition, obstacle: Obstacle::Status }
    }
}

fn explanation(status: JobStatus, transition: Transition, obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::Status => format!("is {status}: {}", advice(status, transition)),
        Obstacle::NoSuchHold(reason) => {
            format!("is {status}: it has no hold `{reason}`; release one of those it has")
        }
        Obstacle::NoTime => "has no time: give it a time first".to_owned(),
    }
}

fn advice(status: JobStatus, transition: Transition) -> &'static str {
    use Transition as T;
    match (status, transition) {
        (_, T::Complete | T::Fail | T::Retry) => "no attempt of it is under way, so drop the outcome",
        (JobStatus::Running, T::Claim) => "its attempt is under way; wait for it",
        (JobStatus::Running, _) if transition != T::Release => "cancel it first, or wait for it",
        (JobStatus::Held, _) => "release it first",
        (_, T::Release) => "it has no hold, so there is nothing to release",
        (_, T::Cancel) => "it is over, so there is nothing to cancel; delete it to remove it",
        (_, T::Edit | T::Hold) => "clone it, or execute it again",
        _ => "execute it again first",
    }
}

/// The status after `transition` from `status`.
///
/// Releasing is listed as it is for the last hold; [`crate::JobState::release`] stays `held` while others remain.
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
        _ => return Err(IllegalTransition::new(status, transition)),
    };
    Ok(next)
}
