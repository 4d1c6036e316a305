//! What an executor is given to run one attempt.

use crate::{ChainPlace, OutputWriter, ProcessWatch, StopSignal};
use oneoff_domain::{ExecutionId, JobId, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One attempt to run. The timeout is not in here: when it is over, [`Self::stop`] fires.
#[derive(Clone)]
pub struct RunContext {
    /// The job.
    pub job_id: JobId,
    /// The job's name.
    pub job_name: String,
    /// The execution, a stable id of this attempt.
    pub execution_id: ExecutionId,
    /// The run of the job, from 1. With the job id it is the receiver's idempotency key.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// When it should have started.
    pub scheduled_for: Timestamp,
    /// The job's zone.
    pub timezone: String,
    /// The config, as validated.
    pub config: Arc<Map<String, Value>>,
    /// Its place in a chain, where it is a link of one, and what the link before it did.
    pub chain: Option<Arc<ChainPlace>>,
    /// Fires when the attempt is to end: cancelled, timed out, or the server stops.
    pub stop: StopSignal,
    /// Takes the output while it is written.
    pub output: OutputWriter,
    /// Is told of every process group, so that none outlives the server.
    pub processes: Arc<dyn ProcessWatch>,
}
