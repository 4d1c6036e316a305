//! The clocks of a simulated machine. Boot time is the time that really passes; the wall can be set.

use crate::core::Now;
use oneoff_domain::{BootTime, Clock, Timestamp};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// 2026-12-01T00:00:00Z.
const BEGIN_US: i64 = 1_796_083_200_000_000;

/// The clocks.
#[derive(Debug, Default)]
pub(super) struct SimulatedClock {
    passed_us: AtomicU64,
    set_by_us: AtomicI64,
}

impl SimulatedClock {
    /// Microseconds since the history began.
    pub(super) fn passed_us(&self) -> u64 {
        self.passed_us.load(Ordering::Relaxed)
    }

    /// Lets time pass until so many microseconds after the beginning.
    pub(super) fn pass_until(&self, passed_us: u64) {
        self.passed_us.fetch_max(passed_us, Ordering::Relaxed);
    }

    /// Sets the wall clock, forwards or back.
    pub(super) fn set_wall_by(&self, difference_us: i64) {
        self.set_by_us.fetch_add(difference_us, Ordering::Relaxed);
    }

    /// Both clocks.
    pub(super) fn both(&self) -> Now {
        Now { wall: self.now(), boot: self.boot_time() }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let passed_us = i64::try_from(self.passed_us()).unwrap_or(i64::MAX);
        let set_by_us = self.set_by_us.load(Ordering::Relaxed);
        Timestamp::from_micros_clamped(BEGIN_US.saturating_add(passed_us).saturating_add(set_by_us))
    }

    fn boot_time(&self) -> BootTime {
        BootTime(Duration::from_secs(1000) + Duration::from_micros(self.passed_us()))
    }
}
