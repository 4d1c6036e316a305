//! Finds steps of the wall clock by comparing it with the boot clock, and pauses claiming until it holds.

use super::Now;
use oneoff_domain::{BootTime, Timestamp};
use std::time::Duration;

/// A difference beyond this is a step; smaller ones are slewing, which due times simply follow.
const STEP_US: i64 = 5 * 60 * 1_000_000;
/// How long the clock must have held before claiming goes on.
const HOLD: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct ClockWatch {
    last: Option<Now>,
    paused_since: Option<BootTime>,
}

impl ClockWatch {
    /// Takes a reading; `Some` with the size of the jump in microseconds when the wall clock stepped.
    pub(super) fn observe(&mut self, now: Now) -> Option<i64> {
        let last = self.last.replace(now)?;
        let elapsed_us = i64::try_from(now.boot.since(last.boot).as_micros()).unwrap_or(i64::MAX);
        let jumped_us = now.wall.micros_since(last.wall).saturating_sub(elapsed_us);
        if jumped_us.abs() <= STEP_US {
            return None;
        }
        self.paused_since = Some(now.boot);
        Some(jumped_us)
    }

    pub(super) fn pauses(&self, now: Now) -> bool {
        self.paused_since.is_some_and(|since| now.boot.since(since) < HOLD)
    }

    /// When the pause ends by the wall clock as it is now.
    pub(super) fn pause_ends(&self, now: Now) -> Option<Timestamp> {
        let since = self.paused_since?;
        let held = now.boot.since(since);
        (held < HOLD).then(|| now.wall.saturating_add(HOLD.saturating_sub(held)))
    }

    pub(super) fn last_wall(&self) -> Timestamp {
        self.last.map_or(Timestamp::EPOCH, |now| now.wall)
    }
}
