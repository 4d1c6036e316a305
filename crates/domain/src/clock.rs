//! The clock and the source of randomness that are injected everywhere.

use crate::Timestamp;
use std::time::Duration;

/// Time since the machine was started, counting suspend. Timeouts, grace and leases are judged by it,
/// because it neither jumps with the wall clock nor stands still during suspend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootTime(pub Duration);

impl BootTime {
    /// How much later this is than `earlier`; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: BootTime) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// This and `duration`, or the latest time there is.
    #[must_use]
    pub fn after(self, duration: Duration) -> BootTime {
        BootTime(self.0.saturating_add(duration))
    }
}

/// Wall time and boot time. Due instants are judged by the wall, durations by boot time.
pub trait Clock: Send + Sync + 'static {
    /// The wall time.
    fn now(&self) -> Timestamp;
    /// The time since boot, counting suspend.
    fn boot_time(&self) -> BootTime;
}

/// A source of random bytes, for ids and jitter. A seeded one makes a run repeat exactly.
pub trait Random: Send + Sync + 'static {
    /// Fills `buffer` with random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// A random number of the full range.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}
