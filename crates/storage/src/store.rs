//! The store: its public methods.

use crate::*;
use oneoff_domain::{Context, Event, Execution, ExecutionId, Job, JobId, JobKey, NewEvent, Timestamp};
use std::sync::Arc;

/// Everything durable. Cheap to clone.
#[derive(Clone)]
pub struct Store {}

#[expect(unused_variables, clippy::todo, reason = "contract only")]
impl Store {
    /// Opens the file, migrates it, and begins a new epoch. Blocks.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub fn open(options: StoreOptions, now: Timestamp) -> Result<Store, OpenError> {
        todo!()
    }
    /// Who is told of commits from now on. Set once, before the first write.
    pub fn listen(&self, listener: Arc<dyn CommitListener>) {
        todo!()
    }
    /// The epoch of this process: one above that of the process before.
    pub fn epoch(&self) -> i64 {
        todo!()
    }
    /// The absolute path of the database.
    pub fn path(&self) -> &std::path::Path {
        todo!()
    }
    /// Stores jobs: all of them or none. With an idempotency key that was used before, returns what it made.
    pub async fn create_jobs(
        &self,
        context: Context,
        now: Timestamp,
        jobs: Vec<NewJob>,
    ) -> Result<Written<Vec<Job>>, StoreError> {
        todo!()
    }
    /// Changes a job: `decide` sees it inside the transaction and says what it becomes. The version check of
    /// the context, the idempotency record, the audit row and the event are in the same transaction.
    /// Answers the job after the change (of a deleted one, as it last was).
    pub async fn change_job(
        &self,
        context: Context,
        now: Timestamp,
        id: JobId,
        decide: Box<dyn FnOnce(&Job) -> Result<JobChange, Refusal> + Send>,
    ) -> Result<Written<Job>, StoreError> {
        todo!()
    }
    /// Claims due jobs, each on its own terms, in one commit.
    pub async fn claim(
        &self,
        now: Timestamp,
        requests: Vec<ClaimRequest>,
    ) -> Result<Vec<ClaimResult>, StoreError> {
        todo!()
    }
    /// Records the end of an attempt and the job's next state.
    pub async fn finish(&self, finish: Finish) -> Result<FinishResult, StoreError> {
        todo!()
    }
    /// Appends output of a running attempt. `output_bytes` is what it wrote so far in all.
    pub async fn append_output(
        &self,
        execution: ExecutionId,
        chunks: Vec<NewOutputChunk>,
        output_bytes: i64,
    ) -> Result<(), StoreError> {
        todo!()
    }
    /// The executions that earlier epochs left running, without changing anything: their processes are to be
    /// ended before [`Self::close_lost`].
    pub async fn lost_executions(&self) -> Result<Vec<ExecutionId>, StoreError> {
        todo!()
    }
    /// Closes executions of earlier epochs as `lost` and lets their jobs follow `on_crash`.
    pub async fn close_lost(
        &self,
        now: Timestamp,
        executions: Vec<ExecutionId>,
    ) -> Result<Vec<LostExecution>, StoreError> {
        todo!()
    }
    /// Waiting jobs by due time: those after `after` and not later than `until`, at most `limit`.
    pub async fn pending_window(
        &self,
        after: Option<(Timestamp, JobKey)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<PendingJob>, StoreError> {
        todo!()
    }
    /// How many jobs wait whose time is before `now`, counted up to `limit`.
    pub async fn count_overdue(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        todo!()
    }
    /// When the first job that waits is due.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        todo!()
    }
    /// The holds that end by themselves: the job and the earliest end, ordered by it, at most `limit`.
    pub async fn holds_ending(&self, limit: usize) -> Result<Vec<(JobId, Timestamp)>, StoreError> {
        todo!()
    }
    /// A job.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        todo!()
    }
    /// A page of jobs.
    pub async fn jobs(&self, filter: JobFilter, page: PageRequest<JobSort>) -> Result<Page<Job>, StoreError> {
        todo!()
    }
    /// An execution.
    pub async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        todo!()
    }
    /// A page of executions.
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        page: PageRequest<ExecutionSort>,
    ) -> Result<Page<Execution>, StoreError> {
        todo!()
    }
    /// Output of an execution from `offset`, at most `limit_bytes`. `None` if there is no such execution.
    pub async fn output(
        &self,
        execution: ExecutionId,
        offset: i64,
        limit_bytes: usize,
    ) -> Result<Option<OutputPage>, StoreError> {
        todo!()
    }
    /// Events after the cursor, oldest first. `None` when the cursor lies before the oldest that is kept.
    pub async fn events_after(&self, sequence: i64, limit: usize) -> Result<Option<Vec<Event>>, StoreError> {
        todo!()
    }
    /// The number of the newest event; 0 when there is none.
    pub async fn last_event_sequence(&self) -> Result<i64, StoreError> {
        todo!()
    }
    /// Writes an event that belongs to no job.
    pub async fn record_event(&self, now: Timestamp, event: NewEvent) -> Result<(), StoreError> {
        todo!()
    }
    /// Numbers over all jobs.
    pub async fn counters(&self) -> Result<Counters, StoreError> {
        todo!()
    }
    /// Removes what is older than the policy keeps, a few rows at a time.
    pub async fn retain(&self, policy: RetentionPolicy) -> Result<RetentionSlice, StoreError> {
        todo!()
    }
    /// Stores an API key.
    pub async fn create_api_key(&self, now: Timestamp, key: NewApiKey) -> Result<ApiKey, StoreError> {
        todo!()
    }
    /// The key with this hash, expired or not.
    pub async fn api_key_by_hash(&self, key_hash: String) -> Result<Option<ApiKey>, StoreError> {
        todo!()
    }
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// Ends the writer after what waits is committed. Later calls answer [`StoreError::Closed`]. Blocks.
    pub fn close(&self) {
        todo!()
    }
    /// Applies every migration that is missing, without opening a store.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn migrate_up(options: &StoreOptions) -> Result<Vec<MigrationStep>, MigrateError> {
        todo!()
    }
    /// Names the migration that [`Self::migrate_down`] would undo.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn last_migration(options: &StoreOptions) -> Result<Option<MigrationStep>, MigrateError> {
        todo!()
    }
    /// Undoes the last migration.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub fn migrate_down(options: &StoreOptions) -> Result<MigrationStep, MigrateError> {
        todo!()
    }
}
