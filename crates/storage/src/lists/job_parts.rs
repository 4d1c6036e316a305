//! The parts of the jobs that are read by scheduled time, each by an index of its own.

use oneoff_domain::JobStatus;

/// A part of the jobs that has an index by scheduled time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Those that wait, by their next start.
    Waiting,
    /// Those that run.
    Running,
    /// Those that are held.
    Held,
    /// Those that are over, or those of them that ended in this status.
    Ended(Option<JobStatus>),
}

impl Part {
    /// The parts that hold the jobs of these statuses, or all jobs.
    pub(super) fn of(statuses: &[JobStatus]) -> Vec<Self> {
        if statuses.is_empty() {
            return vec![Self::Waiting, Self::Running, Self::Held, Self::Ended(None)];
        }
        let has_completed = statuses.contains(&JobStatus::Completed);
        let mut parts = if has_completed { vec![Self::Ended(None)] } else { Vec::new() };
        for status in statuses {
            match status {
                JobStatus::Scheduled => parts.push(Self::Waiting),
                JobStatus::Running => parts.push(Self::Running),
                JobStatus::Held => parts.push(Self::Held),
                _ if has_completed => {}
                status => parts.push(Self::Ended(Some(*status))),
            }
        }
        parts
    }
}
