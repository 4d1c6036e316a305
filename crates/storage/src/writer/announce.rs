//! What a writer tells others: its listener of commits, and the log of failures and slow commits.

use super::group::Listener;
use super::outage::{Outage, Telling};
use crate::{CommitListener, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who is told, and what was told already.
pub(crate) struct Announcer {
    listener: Listener,
    slow_commit: Duration,
    /// Of all connections that write: what one of them cannot, another one may.
    outage: Arc<Mutex<Outage>>,
}

impl Announcer {
    /// Tells this listener, and the log of commits that take longer.
    pub(crate) fn new(listener: Listener, slow_commit: Duration) -> Self {
        Self { listener, slow_commit, outage: Arc::default() }
    }

    /// One that tells the same listener of the commits of another connection.
    pub(crate) fn beside(&self) -> Self {
        let (listener, outage) = (Arc::clone(&self.listener), Arc::clone(&self.outage));
        Self { listener, slow_commit: self.slow_commit, outage }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many requests failed.
    pub(crate) fn failed(&mut self, error: &StoreError, requests: usize) {
        metrics::counter!("oneoff_commit_failures_total").increment(1);
        let telling = self.outage().failed(Instant::now(), requests);
        match telling {
            Some(Telling::Began) => tracing::error!(%error, cause = ?error, requests, "writes fail"),
            Some(Telling::Continues { requests, lasting } | Telling::Ended { requests, lasting }) => {
                let lasting_seconds = lasting.as_secs();
                tracing::error!(%error, cause = ?error, requests, lasting_seconds, "writes still fail");
            }
            None => {}
        }
    }

    /// So many requests succeeded, and took so long.
    pub(crate) fn succeeded(&mut self, took: Duration, requests: usize) {
        metrics::histogram!("oneoff_commit_duration_seconds").record(took.as_secs_f64());
        if took > self.slow_commit {
            let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(duration_ms, requests, "a commit was slow");
        }
        let telling = self.outage().succeeded(Instant::now());
        if let Some(Telling::Ended { requests, lasting }) = telling {
            tracing::info!(
                failed_requests = requests,
                lasting_seconds = lasting.as_secs(),
                "writes succeed again"
            );
        }
    }

    /// Tells the listener.
    pub(crate) fn tell(&self, what: impl FnOnce(&dyn CommitListener)) {
        let Some(listener) = self.listener.get() else { return };
        if catch_unwind(AssertUnwindSafe(|| what(listener.as_ref()))).is_err() {
            tracing::error!("the listener of commits panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_on_one_connection_is_over_when_another_one_writes() {
        let mut all = Announcer::new(Listener::default(), Duration::MAX);
        let mut helper = all.beside();
        helper.failed(&StoreError::Overloaded, 1);
        all.succeeded(Duration::ZERO, 1);
        let later = Instant::now() + Duration::from_secs(360);
        assert_eq!(helper.outage().failed(later, 1), Some(Telling::Began), "it has not lasted since then");
    }
}
