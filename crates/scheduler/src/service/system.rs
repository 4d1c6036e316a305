//! What the service says of the server itself.

use super::Service;
use crate::status::is_clock_off;
use crate::{ServiceError, SystemStatus, Vitals, WorkerStatus};
use oneoff_domain::Event;
use oneoff_storage::Gauges;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

impl Service {
    /// The worker slots and what runs in them.
    #[must_use]
    pub fn worker_status(&self) -> WorkerStatus {
        let running = self.inner.running.list();
        let status = &self.inner.core_status;
        WorkerStatus {
            total_workers: status.workers(),
            active_workers: running.len(),
            queued_jobs: status.queued.load(Ordering::Relaxed),
            running,
            paused: status.paused().map(str::to_owned),
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
            next_due_at: store.next_start().await?,
            started_at: Some(self.inner.started_at),
            now: Some(now),
            database: store.path().display().to_string(),
            space: store.space().await?,
            epoch: store.epoch(),
        })
    }

    /// What is measured of the store for metrics.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn gauges(&self) -> Result<Gauges, ServiceError> {
        Ok(self.inner.store.gauges(self.now()).await?)
    }

    /// Up to which event this node knows what others have changed; `None` where there are no others.
    #[must_use]
    pub fn followed_event(&self) -> Option<i64> {
        self.inner.store.is_shared().then(|| self.inner.core_status.followed.load(Ordering::Relaxed))
    }

    /// How the scheduler of this process is. Asks nobody.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let inner = &self.inner;
        let boot = inner.clock.boot_time();
        Vitals {
            is_stopping: inner.stopping.load(Ordering::Acquire),
            silent_for: inner.core_status.silent_for(boot),
            paused: inner.core_status.paused().map(str::to_owned),
            holds_lease: (!inner.held.is_for_ever()).then(|| inner.held.holds(boot)),
            clock_off_us: inner.store.clock_offset_us().filter(|ahead_us| is_clock_off(*ahead_us)),
        }
    }

    /// Writes something without weight, to know whether the store takes writes. Answers the tables that it would refuse.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when it does not.
    pub async fn probe_write(&self) -> Result<Vec<String>, ServiceError> {
        Ok(self.inner.store.probe_write(self.now()).await?)
    }

    /// What the disk of the database has left; `None` of a database on a server.
    #[must_use]
    pub fn disk_free_bytes(&self) -> Option<u64> {
        self.inner.store.disk_free_bytes()
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
