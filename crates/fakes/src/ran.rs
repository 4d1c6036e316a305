//! What a fake executor remembers of an attempt.

use oneoff_domain::{ExecutionId, JobId, Timestamp};
use oneoff_executors::RunContext;
use serde_json::{Map, Value};
use std::sync::Arc;

/// An attempt that was given to a fake executor. It holds no end of the output, so that this can close.
#[derive(Debug, Clone, PartialEq)]
pub struct Ran {
    /// The job.
    pub job_id: JobId,
    /// Its name.
    pub job_name: String,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The run, from 1.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// When it should have started.
    pub scheduled_for: Timestamp,
    /// The job's zone.
    pub timezone: String,
    /// The config.
    pub config: Arc<Map<String, Value>>,
}

impl From<&RunContext> for Ran {
    fn from(context: &RunContext) -> Self {
        Self {
            job_id: context.job_id,
            job_name: context.job_name.clone(),
            execution_id: context.execution_id,
            run: context.run,
            attempt: context.attempt,
            scheduled_for: context.scheduled_for,
            timezone: context.timezone.clone(),
            config: context.config.clone(),
        }
    }
}
