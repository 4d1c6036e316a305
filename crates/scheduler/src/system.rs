//! The machine's own clock and randomness. Everything else gets them injected.

use oneoff_domain::{BootTime, Clock, Random, Timestamp};
use std::time::Duration;

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
        Timestamp::from_micros_clamped(micros)
    }

    fn boot_time(&self) -> BootTime {
        let time = rustix::time::clock_gettime(BOOT_CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        BootTime(
            Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0)),
        )
    }
}

#[cfg(target_os = "linux")]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// The operating system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        if let Err(error) = getrandom::fill(buffer) {
            // Keys and ids that can be guessed are worse than a server that does not run.
            tracing::error!(%error, "the operating system gives no random numbers: the server ends");
            std::process::abort();
        }
    }
}
