//! How a reconciler is told to look, and as of when.

use oneoff_domain::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::Notify;

/// Rung by the scheduler's thread, which watches the clock. Whoever hears it judges by the time at which it was
/// rung: the clock may have been set since, and nobody has noticed yet.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Notify,
    rung_at: AtomicI64,
}

impl Bell {
    /// Tells the reconciler to look at what is due now.
    pub(crate) fn ring(&self, now: Timestamp) {
        self.rung_at.store(now.as_micros(), Ordering::Release);
        self.rung.notify_one();
    }

    /// Waits until it is rung; answers the wall time of that.
    pub(crate) async fn heard(&self) -> Timestamp {
        self.rung.notified().await;
        Timestamp::from_micros_clamped(self.rung_at.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_tells_when_it_was_rung() {
        let bell = Bell::default();
        let at = Timestamp::from_micros(7).unwrap();
        bell.ring(at);
        assert_eq!(bell.heard().await, at);
    }
}
