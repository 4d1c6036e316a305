//! What is counted and measured of attempts. Job types are the only labels that are not of a closed list: there are as
//! many as are registered.

use oneoff_domain::{ExecutionStatus, Timestamp};
use oneoff_storage::{ClaimedJob, LostExecution};
use std::time::Duration;

/// Jobs of these types were claimed, so long after they were due and known here.
pub(crate) fn waited(waits: &[(String, Duration)]) {
    for (job_type, waited) in waits {
        metrics::histogram!("oneoff_job_queue_seconds", "type" => job_type.clone())
            .record(waited.as_secs_f64());
    }
}

/// An attempt starts.
pub(crate) fn started(claimed: &ClaimedJob, now: Timestamp) {
    let job_type = claimed.job.definition.job_type.clone();
    metrics::histogram!("oneoff_job_lateness_seconds", "type" => job_type)
        .record(now.since(claimed.scheduled_for).as_secs_f64());
}

/// The end of an attempt is recorded.
pub(crate) fn ended(job_type: &str, status: ExecutionStatus, duration: Duration) {
    count(job_type, status);
    metrics::histogram!("oneoff_job_duration_seconds", "type" => job_type.to_owned())
        .record(duration.as_secs_f64());
}

/// An attempt of a process that is gone is recorded as lost. How long it took nobody knows.
pub(crate) fn lost(lost: &LostExecution) {
    count(&lost.job.definition.job_type, ExecutionStatus::Failed);
}

fn count(job_type: &str, status: ExecutionStatus) {
    let job_type = job_type.to_owned();
    metrics::counter!("oneoff_jobs_total", "type" => job_type, "status" => status.as_str()).increment(1);
}
