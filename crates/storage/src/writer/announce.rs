//! What a writer tells others: its listener of commits, and the log of failures and slow commits.

use super::group::Listener;
use super::outage::{Outage, Telling};
use crate::{CommitListener, StoreError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who is told, and what was told already.
pub(crate) struct Announcer {
    listener: Listener,
    slow_commit: Duration,
    outage: Outage,
}

impl Announcer {
    /// Tells this listener, and the log of commits that take longer.
    pub(crate) fn new(listener: Listener, slow_commit: Duration) -> Self {
        Self { listener, slow_commit, outage: Outage::default() }
    }

    /// One that tells the same listener of the commits of another connection.
    pub(crate) fn beside(&self) -> Self {
        Self::new(Arc::clone(&self.listener), self.slow_commit)
    }

    /// So many requests failed.
    pub(crate) fn failed(&mut self, error: &StoreError, requests: usize) {
        metrics::counter!("oneoff_commit_failures_total").increment(1);
        match self.outage.failed(Instant::now(), requests) {
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
        if let Some(Telling::Ended { requests, lasting }) = self.outage.succeeded(Instant::now()) {
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
