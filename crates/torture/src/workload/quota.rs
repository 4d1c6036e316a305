//! How many jobs clients are to make, and how many of them may be open at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// More open jobs than these are not made: a queue would hide how long each of them waits.
const OPEN_MAX: u64 = 120;
/// After this long a client goes on all the same: there may be nobody who could say how many are open.
const WAIT_MAX: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A number of jobs.
#[derive(Debug, Clone)]
pub struct Quota {
    jobs: u64,
    made: Arc<AtomicU64>,
    open: Arc<AtomicU64>,
}

impl Quota {
    /// So many jobs.
    #[must_use]
    pub fn of(jobs: u64) -> Self {
        Self { jobs, made: Arc::default(), open: Arc::default() }
    }

    /// One more was asked for.
    pub fn made(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were asked for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
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

    /// Whether all were asked for.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.count() >= self.jobs
    }

    /// Waits until another one may be made; `false` when all were.
    pub async fn wait_for_room(&self) -> bool {
        let deadline = Instant::now() + WAIT_MAX;
        while self.open.load(Ordering::Relaxed) > OPEN_MAX && !self.is_reached() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        !self.is_reached()
    }
}
