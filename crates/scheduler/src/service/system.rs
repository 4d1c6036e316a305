//! What the service says of the server itself.

use super::Service;
use crate::{ServiceError, SystemStatus, WorkerStatus};
use oneoff_domain::Event;
use oneoff_storage::Space;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

impl Service {
    /// The worker slots and what runs in them.
    #[must_use]
    pub fn worker_status(&self) -> WorkerStatus {
        let running = self.inner.running.list();
        let status = &self.inner.core_status;
        let paused = *status.paused.lock().unwrap_or_else(PoisonError::into_inner);
        WorkerStatus {
            total_workers: status.workers(),
            active_workers: running.len(),
            queued_jobs: status.queued.load(Ordering::Relaxed),
            running,
            paused: paused.map(str::to_owned),
        }
    }

    /// The state of the whole.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn system_status(&self) -> Result<SystemStatus, ServiceError> {
        let store = &self.inner.store;
        let counters = store.counters().await?;
        let now = self.now();
        Ok(SystemStatus {
            runs: store.run_numbers(now).await?,
            default_timezone: self.default_timezone(),
            jobs: counters.jobs,
            workers: self.worker_status(),
            next_due_at: store.next_due().await?,
            started_at: Some(self.inner.started_at),
            now: Some(now),
            database: store.path().display().to_string(),
            space: store.space().await?,
            epoch: store.epoch(),
        })
    }

    /// How much space the store takes.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn space(&self) -> Result<Space, ServiceError> {
        Ok(self.inner.store.space().await?)
    }

    /// Events after a cursor; `None` when it lies before the oldest event that is kept.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn events_after(
        &self,
        sequence: i64,
        limit: usize,
    ) -> Result<Option<Vec<Event>>, ServiceError> {
        Ok(self.inner.store.events_after(sequence, limit).await?)
    }

    /// The number of the newest event; changes whenever one is committed.
    #[must_use]
    pub fn event_sequence(&self) -> watch::Receiver<i64> {
        self.inner.mailbox.event_sequence()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when it does not.
    pub async fn ping(&self) -> Result<(), ServiceError> {
        Ok(self.inner.store.ping().await?)
    }
}
