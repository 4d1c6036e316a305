//! What was delivered and what was not, counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of the dispatcher.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) lost_events: AtomicU64,
}

/// What was delivered and what was not, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WebhookCounts {
    /// Deliveries that succeeded.
    pub delivered: u64,
    /// Deliveries that were given up after their last attempt.
    pub failed: u64,
    /// Attempts that failed and are followed by another.
    pub retried: u64,
    /// Events that were removed before webhooks were told of them.
    pub lost_events: u64,
}

impl Stats {
    pub(crate) fn counts(&self) -> WebhookCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WebhookCounts {
            delivered: of(&self.delivered),
            failed: of(&self.failed),
            retried: of(&self.retried),
            lost_events: of(&self.lost_events),
        }
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
