//! What is read of the store: what waits, jobs, executions, output, events, numbers.

use crate::connection::AnyConnection;
use crate::lists;
use crate::output;
use crate::*;
use oneoff_domain::{Context, Event, Execution, ExecutionId, Job, JobId, JobKey, Timestamp};

impl Store {
    /// The latest time, not after `until`, that servers before this one wrote down: that of an event, or of a start.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_written_before(&self, until: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let epoch = self.epoch();
        self.inner.reader.read(move |conn| recover::last_written(conn, epoch, until)).await
    }

    /// How many jobs wait whose time is before `now`, counted up to `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn count_overdue(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.inner.reader.read_first(move |conn| queue::overdue(conn, now, limit)).await
    }

    /// When the first job that waits is due.
    ///
    /// # Errors
    /// The database's.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.inner.reader.read(queue::next_due).await
    }

    /// When the first job that waits is due, without those of paused projects, which do not start. `None` also where it waits
    /// behind so many of these that looking for it would take long.
    ///
    /// # Errors
    /// The database's.
    pub async fn next_start(&self) -> Result<Option<Timestamp>, StoreError> {
        let catalog = self.catalog();
        self.inner.reader.read(move |conn| queue::next_start(conn, &catalog.paused)).await
    }

    /// Waiting jobs by due time: those after `after` and not later than `until`, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn pending_window(
        &self,
        after: Option<(Timestamp, JobKey)>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<PendingJob>, StoreError> {
        self.inner.reader.read_first(move |conn| queue::window(conn, after, until, limit)).await
    }

    /// The holds that end by themselves: the job and the earliest end, ordered by it, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub async fn holds_ending(&self, limit: usize) -> Result<Vec<(JobId, Timestamp)>, StoreError> {
        self.inner.reader.read_first(move |conn| queue::holds_ending(conn, limit)).await
    }

    /// The attempts of this process that are to end as cancelled.
    ///
    /// # Errors
    /// The database's.
    pub async fn cancelled_attempts(&self) -> Result<Vec<CancelledAttempt>, StoreError> {
        let epoch = self.epoch();
        self.inner.reader.read(move |conn| queue::cancelled(conn, epoch)).await
    }

    /// A job.
    ///
    /// # Errors
    /// The database's.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        let query = move |conn: &mut AnyConnection| Ok(rows::job::by_id(conn, id)?.map(|stored| stored.job));
        self.inner.reader.read(query).await
    }

    /// A page of jobs. A page may be shorter than its limit and still have a `next_cursor`, when its filter
    /// lets few of very many jobs through.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn jobs(&self, filter: JobFilter, page: PageRequest<JobSort>) -> Result<Page<Job>, StoreError> {
        self.inner.reader.read(move |conn| lists::job_page::list(conn, filter, &page)).await
    }

    /// An execution.
    ///
    /// # Errors
    /// The database's.
    pub async fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, StoreError> {
        self.inner.reader.read(move |conn| rows::attempt::by_id(conn, id)).await
    }

    /// A page of executions, which may be short as one of [`Self::jobs`] may.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        page: PageRequest<ExecutionSort>,
    ) -> Result<Page<Execution>, StoreError> {
        self.inner.reader.read(move |conn| lists::executions::list(conn, filter, &page)).await
    }

    /// Output of an execution from `offset`, at most `limit_bytes`. `None` if there is no such execution.
    ///
    /// # Errors
    /// The database's.
    pub async fn output(
        &self,
        execution: ExecutionId,
        offset: i64,
        limit_bytes: usize,
    ) -> Result<Option<OutputPage>, StoreError> {
        self.inner.reader.read(move |conn| output::read(conn, execution, offset, limit_bytes)).await
    }

    /// Events after the cursor, oldest first. `None` when the cursor lies before the oldest that is kept, or
    /// after the newest there is.
    ///
    /// # Errors
    /// The database's.
    pub async fn events_after(&self, sequence: i64, limit: usize) -> Result<Option<Vec<Event>>, StoreError> {
        self.inner.reader.read(move |conn| outbox::after(conn, sequence, limit)).await
    }

    /// The number of the newest event; 0 when there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn last_event_sequence(&self) -> Result<i64, StoreError> {
        self.inner.reader.read(outbox::last_sequence).await
    }

    /// A page of the audit log, as far as the caller may see it, the newest first. It may be short as one of
    /// [`Self::jobs`] may.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn audit_entries(
        &self,
        context: Context,
        filter: AuditFilter,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let catalog = self.catalog();
        let query = move |conn: &mut AnyConnection| {
            lists::audit::list(conn, &catalog, &context, &filter, limit, cursor.as_deref())
        };
        self.inner.reader.read(query).await
    }

    /// The id of the request by which an execution came about, where one made its job start at once, or executed the chain
    /// that it is a link of.
    ///
    /// # Errors
    /// The database's.
    pub async fn request_of(&self, execution: ExecutionId) -> Result<Option<String>, StoreError> {
        self.inner.reader.read(move |conn| lists::request_of::request_of(conn, execution)).await
    }

    /// Numbers over all jobs.
    ///
    /// # Errors
    /// The database's.
    pub async fn counters(&self) -> Result<Counters, StoreError> {
        self.inner.reader.read(system::counters).await
    }

    /// How much space the store takes.
    ///
    /// # Errors
    /// The database's.
    pub async fn space(&self) -> Result<Space, StoreError> {
        Ok(self.with_log(self.inner.reader.read(space::space).await?))
    }

    /// The same with the write-ahead log, which is a file of its own.
    pub(crate) fn with_log(&self, space: Space) -> Space {
        if self.is_shared() {
            return space;
        }
        let wal = std::fs::canonicalize(&self.inner.path).unwrap_or_else(|_gone| self.inner.path.clone());
        let wal_bytes = std::fs::metadata(wal_guard::wal_path(&wal)).map_or(0, |metadata| metadata.len());
        Space { wal_bytes: Some(wal_bytes), ..space }
    }

    /// Whether the database answers, is at its place, and was never found to be damaged since it was opened.
    ///
    /// # Errors
    /// The database's.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if let Some(file) = self.inner.reader.condition() {
            file.health()?;
        }
        self.inner.reader.read_first(system::counters).await.map(drop)
    }
}
