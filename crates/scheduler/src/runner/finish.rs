//! Records how an attempt ended, for as long as it takes the store to accept it.

use super::Runner;
use super::attempt::Ended;
use crate::attempt_metrics;
use oneoff_domain::JobStatus;
use oneoff_storage::{ClaimedJob, Finish, FinishResult, StoreError};
use std::time::Duration;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LAST_BACKOFF: Duration = Duration::from_secs(5);

impl Runner {
    pub(super) async fn record(&self, claimed: &ClaimedJob, ended: Ended) {
        let (status, duration) = (ended.outcome.status, ended.duration);
        let count = || attempt_metrics::ended(&claimed.job.definition.job_type, status, duration);
        let finish = Finish {
            execution_id: claimed.execution_id,
            fence: claimed.fence,
            outcome: ended.outcome,
            completed_at: ended.completed_at,
            duration_us: i64::try_from(ended.duration.as_micros()).unwrap_or(i64::MAX),
            output: ended.output.rest,
            output_bytes: ended.output.total_bytes,
            output_truncated: ended.output.truncated,
            random: self.random.next_u64(),
        };
        let mut backoff = FIRST_BACKOFF;
        let mut may_be_recorded = false;
        loop {
            match self.store.finish(finish.clone()).await {
                Ok(FinishResult::Recorded(job)) => {
                    count();
                    return log_end(claimed, &job.state.status);
                }
                Ok(FinishResult::Fenced) if may_be_recorded => {
                    count();
                    let execution = claimed.execution_id;
                    return tracing::info!(%execution, "the outcome was recorded by a commit that seemed to fail");
                }
                Ok(FinishResult::Fenced) => {
                    let execution = claimed.execution_id;
                    metrics::counter!("oneoff_fenced_finishes_total").increment(1);
                    tracing::warn!(%execution, "the outcome came too late: the attempt was given up before");
                    return;
                }
                Err(error @ (StoreError::Closed | StoreError::Refused(_))) => {
                    let execution = claimed.execution_id;
                    tracing::error!(%execution, error = &error as &dyn std::error::Error, "the outcome is not recorded");
                    return;
                }
                Err(error) => {
                    let execution = claimed.execution_id;
                    may_be_recorded |= matches!(error, StoreError::OutcomeUnknown(_));
                    tracing::error!(%execution, error = &error as &dyn std::error::Error, "cannot record the outcome yet; trying again");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(LAST_BACKOFF);
                }
            }
        }
    }
}

fn log_end(claimed: &ClaimedJob, status: &JobStatus) {
    tracing::debug!(
        job = %claimed.job.id,
        execution = %claimed.execution_id,
        status = status.as_str(),
        "an attempt ended"
    );
}
