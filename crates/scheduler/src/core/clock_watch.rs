//! Finds steps of the wall clock by comparing it with the boot clock. Until the clock has held for a minute nothing is
//! claimed, and until it has held for a day nothing is removed for its age.

use super::Now;
use oneoff_domain::{BootTime, Timestamp};
use std::time::Duration;

/// A difference beyond this is a step; smaller ones are slewing, which due times simply follow.
const STEP_US: u64 = 5 * 60 * 1_000_000;
/// How long the clock must have held before claiming goes on.
const HOLD: Duration = Duration::from_secs(60);
/// How long it must have held before its word is enough to remove something: that cannot be taken back.
pub(crate) const TRUST: Duration = Duration::from_secs(24 * 3600);

impl super::Core {
    /// The clocks as they were when it was judged whether they can be believed: a step since then is one, too.
    pub(crate) fn began(&mut self, at: Now) {
        self.clock.observe(at);
    }
}

#[derive(Default)]
pub(super) struct ClockWatch {
    last: Option<Now>,
    paused_since: Option<BootTime>,
    doubted_since: Option<BootTime>,
}

impl ClockWatch {
    /// Takes a reading; `Some` with the size of the jump in microseconds when the wall clock stepped.
    pub(super) fn observe(&mut self, now: Now) -> Option<i64> {
        let last = self.last.replace(now)?;
        let elapsed_us = i64::try_from(now.boot.since(last.boot).as_micros()).unwrap_or(i64::MAX);
        let jumped_us = now.wall.micros_since(last.wall).saturating_sub(elapsed_us);
        if jumped_us.unsigned_abs() <= STEP_US {
            return None;
        }
        self.paused_since = Some(now.boot);
        self.doubt(now);
        Some(jumped_us)
    }

    /// The clock may be wrong, although it was not seen to step.
    pub(super) fn doubt(&mut self, now: Now) {
        self.doubted_since = Some(now.boot);
    }

    pub(super) fn pauses(&self, now: Now) -> bool {
        self.pause_ends(now).is_some()
    }

    /// When the pause ends by the wall clock as it is now.
    pub(super) fn pause_ends(&self, now: Now) -> Option<Timestamp> {
        end_of(self.paused_since?, HOLD, now)
    }

    /// When the clock is trusted again by the wall clock as it is now; `None` if it is.
    pub(super) fn doubt_ends(&self, now: Now) -> Option<Timestamp> {
        end_of(self.doubted_since?, TRUST, now)
    }

    pub(super) fn last_wall(&self) -> Timestamp {
        self.last.map_or(Timestamp::EPOCH, |now| now.wall)
    }
}

/// When `length` will have passed since then; `None` if it has.
fn end_of(since: BootTime, length: Duration, now: Now) -> Option<Timestamp> {
    let left = length.saturating_sub(now.boot.since(since));
    (!left.is_zero()).then(|| now.wall.saturating_add(left))
}
