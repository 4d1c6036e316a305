//! A clock that only moves when it is told to.

use oneoff_domain::{BootTime, Clock, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A clock that only moves when it is told to. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    time: Arc<Mutex<(Timestamp, BootTime)>>,
}

impl ManualClock {
    /// A clock that stands at `wall`, a thousand seconds after boot.
    #[must_use]
    pub fn at(wall: Timestamp) -> Self {
        Self { time: Arc::new(Mutex::new((wall, BootTime(Duration::from_secs(1000))))) }
    }

    /// Lets time pass: wall and boot time go forward together.
    pub fn advance(&self, by: Duration) {
        let mut time = self.time();
        time.0 = time.0.saturating_add(by);
        time.1 = BootTime(time.1.0.saturating_add(by));
    }

    /// Sets the wall clock, as an administrator or a time server would: boot time does not move.
    pub fn set_wall(&self, wall: Timestamp) {
        self.time().0 = wall;
    }

    /// Sets boot time; the wall does not move.
    pub fn set_boot_time(&self, boot_time: BootTime) {
        self.time().1 = boot_time;
    }

    fn time(&self) -> MutexGuard<'_, (Timestamp, BootTime)> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time().0
    }

    fn boot_time(&self) -> BootTime {
        self.time().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_can_jump_while_boot_time_goes_on() {
        let clock = ManualClock::at(Timestamp::EPOCH);
        let same = clock.clone();
        clock.advance(Duration::from_secs(5));
        clock.set_wall(Timestamp::from_micros_clamped(-1));
        assert_eq!(same.now().as_micros(), -1);
        assert_eq!(same.boot_time(), BootTime(Duration::from_secs(1005)));
    }
}
