//! The service: whatever changes what may run goes through here, for HTTP, library and chains alike.

pub mod draft;
pub mod error;

use crate::{JobDraft, JobPatch, ServiceError, SystemStatus, WorkerStatus};
use oneoff_domain::time::ResolvedTime;
use oneoff_domain::{Context, Event, Execution, ExecutionId, Hold, HoldReason, Job, JobId, Timestamp};
use oneoff_storage::{
    ApiKey, ExecutionFilter, ExecutionSort, JobFilter, JobSort, OutputPage, Page, PageRequest, Written,
};
use std::time::Duration;
use tokio::sync::watch;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Service {}

#[expect(unused_variables, clippy::todo, missing_docs, reason = "contract only")]
impl Service {
    /// Accepts a job: it is on stable storage when this returns.
    pub async fn create_job(&self, context: Context, draft: JobDraft) -> Result<Written<Job>, ServiceError> {
        todo!()
    }
    /// What [`Self::create_job`] would make of it, without making it.
    pub fn preview_job(&self, context: &Context, draft: JobDraft) -> Result<Job, ServiceError> {
        todo!()
    }
    pub async fn job(&self, id: JobId) -> Result<Job, ServiceError> {
        todo!()
    }
    /// Waits until the job is in a final status (or `timeout` is over); answers it as it is then.
    pub async fn wait_for_job(&self, id: JobId, timeout: Duration) -> Result<Job, ServiceError> {
        todo!()
    }
    pub async fn jobs(
        &self,
        filter: JobFilter,
        page: PageRequest<JobSort>,
    ) -> Result<Page<Job>, ServiceError> {
        todo!()
    }
    pub async fn update_job(
        &self,
        context: Context,
        id: JobId,
        patch: JobPatch,
    ) -> Result<Job, ServiceError> {
        todo!()
    }
    /// Deletes the job with its executions. A running one is refused.
    pub async fn delete_job(&self, context: Context, id: JobId) -> Result<(), ServiceError> {
        todo!()
    }
    /// Starts the job now: a waiting one early, a finished one again as a new run.
    pub async fn execute_job(&self, context: Context, id: JobId) -> Result<Written<Job>, ServiceError> {
        todo!()
    }
    /// Makes a new job like this one. `name` defaults to the old one and ` (clone)`.
    pub async fn clone_job(
        &self,
        context: Context,
        id: JobId,
        name: Option<String>,
        schedule: draft::Schedule,
    ) -> Result<Written<Job>, ServiceError> {
        todo!()
    }
    /// Cancels: a waiting job at once; a running one is told to end, and this answers when it has ended or
    /// after five seconds, with `cancel_requested` still set.
    pub async fn cancel_job(&self, context: Context, id: JobId) -> Result<Job, ServiceError> {
        todo!()
    }
    pub async fn hold_job(
        &self,
        context: Context,
        id: JobId,
        reason: HoldReason,
        until: Option<draft::Schedule>,
    ) -> Result<Job, ServiceError> {
        todo!()
    }
    pub async fn release_job(
        &self,
        context: Context,
        id: JobId,
        reason: HoldReason,
    ) -> Result<Job, ServiceError> {
        todo!()
    }
    pub async fn execution(&self, id: ExecutionId) -> Result<Execution, ServiceError> {
        todo!()
    }
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        page: PageRequest<ExecutionSort>,
    ) -> Result<Page<Execution>, ServiceError> {
        todo!()
    }
    /// Output from `offset`. With a `wait`, and when there is none yet, waits for some or for the end.
    pub async fn output(
        &self,
        id: ExecutionId,
        offset: i64,
        limit_bytes: usize,
        wait: Duration,
    ) -> Result<OutputPage, ServiceError> {
        todo!()
    }
    /// Reads a time expression as a job's time would be read.
    pub fn parse_time(&self, schedule: &draft::Schedule) -> Result<ResolvedTime, ServiceError> {
        todo!()
    }
    /// The wall time.
    pub fn now(&self) -> Timestamp {
        todo!()
    }
    /// The registered job types, sorted.
    pub fn job_types(&self) -> Vec<String> {
        todo!()
    }
    pub fn worker_status(&self) -> WorkerStatus {
        todo!()
    }
    pub async fn system_status(&self) -> Result<SystemStatus, ServiceError> {
        todo!()
    }
    /// Events after a cursor; `None` when it lies before the oldest event that is kept.
    pub async fn events_after(
        &self,
        sequence: i64,
        limit: usize,
    ) -> Result<Option<Vec<Event>>, ServiceError> {
        todo!()
    }
    /// The number of the newest event; changes whenever one is committed.
    pub fn event_sequence(&self) -> watch::Receiver<i64> {
        todo!()
    }
    /// The key with this hash (SHA-256 in lower-case hex), if it is valid now.
    pub async fn valid_api_key(&self, key_hash: String) -> Result<Option<ApiKey>, ServiceError> {
        todo!()
    }
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), ServiceError> {
        todo!()
    }
}
