//! Which rows of counters a node adds to: each status has several, so that nodes seldom wait for each other's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const SHARDS: i64 = 16;

/// The choice of a node. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Shards {
    avoided: Arc<AtomicI64>,
}

impl Shards {
    /// The rows of a node.
    pub(super) fn of(&self, epoch: i64) -> i64 {
        epoch.wrapping_add(self.avoided.load(Ordering::Relaxed)).rem_euclid(SHARDS)
    }

    /// Others, for one of several further connections of the same node.
    pub(super) fn beside(&self, number: usize) -> Self {
        let step = i64::try_from(number + 1).unwrap_or(1).wrapping_mul(SHARDS / 3);
        let avoided = self.avoided.load(Ordering::Relaxed).wrapping_add(step);
        Self { avoided: Arc::new(AtomicI64::new(avoided)) }
    }

    /// Goes on to others: these could not be written. Somebody may hold them for long, and every group counts.
    pub(super) fn avoid(&self) {
        self.avoided.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{SHARDS, Shards};

    #[test]
    fn rows_that_could_not_be_written_are_avoided() {
        let shards = Shards::default();
        let first = shards.of(7);
        assert_eq!(shards.of(7 + SHARDS), first);
        let of_connection = shards.clone();
        of_connection.avoid();
        assert_ne!(shards.of(7), first);
        assert!((0..SHARDS).contains(&shards.of(-3)));
    }
}
