//! How many jobs clients are to make, and how many of them may be open at a time.

use crate::ledger::Ledger;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// More open jobs than these are not made: a queue would hide how long each of them waits.
const OPEN_MAX: u64 = 200;
/// After this long a client goes on all the same: there may be nobody who could say how many are open.
const WAIT_MAX: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A number of jobs.
#[derive(Debug, Clone)]
pub struct Quota {
    jobs: u64,
    ledger: Ledger,
    open: Arc<AtomicU64>,
}

impl Quota {
    /// So many jobs in these books.
    #[must_use]
    pub fn of(jobs: u64, ledger: Ledger) -> Self {
        Self { jobs, ledger, open: Arc::default() }
    }

    /// How many were acknowledged.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ledger.read(|pages| pages.ids.len() as u64)
    }

    /// How many there are to be.
    #[must_use]
    pub fn jobs(&self) -> u64 {
        self.jobs
    }

    /// So many wait or run.
    pub fn are_open(&self, jobs: u64) {
        self.open.store(jobs, Ordering::Relaxed);
    }

    /// Whether all are made.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.count() >= self.jobs
    }

    /// Waits until another one may be made; `false` when all are.
    pub async fn wait_for_room(&self) -> bool {
        let deadline = Instant::now() + WAIT_MAX;
        while self.open.load(Ordering::Relaxed) > OPEN_MAX && !self.is_reached() && Instant::now() < deadline
        {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        !self.is_reached()
    }
}
