//! The disk of a simulated machine: fails as often as the history's weather says, and not while it is quiet.

use super::clock::SimulatedClock;
use super::dice::Dice;
use oneoff_storage::inline::{Failure, Faults, GroupFault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The disk.
#[derive(Debug)]
pub(super) struct Disk {
    dice: Dice,
    clock: Arc<SimulatedClock>,
    began: Instant,
    /// Operations in a thousand that fail.
    failing_per_mille: AtomicU32,
    /// Set while somebody looks on who must not disturb the history.
    quiet: AtomicBool,
    failures: AtomicU64,
}

impl Disk {
    pub(super) fn new(seed: u64, clock: Arc<SimulatedClock>) -> Self {
        Self {
            dice: Dice::new(seed, 3),
            clock,
            began: Instant::now(),
            failing_per_mille: AtomicU32::new(0),
            quiet: AtomicBool::new(false),
            failures: AtomicU64::new(0),
        }
    }

    /// From now on so many operations in a thousand fail.
    pub(super) fn fail(&self, per_mille: u32) {
        self.failing_per_mille.store(per_mille, Ordering::Relaxed);
    }

    /// Whether nothing fails at present.
    pub(super) fn is_well(&self) -> bool {
        self.failing_per_mille.load(Ordering::Relaxed) == 0
    }

    /// How often it failed so far.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Does something while nothing fails, and without a draw.
    pub(super) fn quietly<T>(&self, look: impl FnOnce() -> T) -> T {
        let before = self.quiet.swap(true, Ordering::Relaxed);
        let seen = look();
        self.quiet.store(before, Ordering::Relaxed);
        seen
    }

    fn fails(&self) -> bool {
        if self.quiet.load(Ordering::Relaxed) || self.is_well() {
            return false;
        }
        let fails = self.dice.chance(self.failing_per_mille.load(Ordering::Relaxed));
        self.failures.fetch_add(u64::from(fails), Ordering::Relaxed);
        fails
    }

    fn failure(&self) -> Failure {
        if self.dice.chance(300) { Failure::Full } else { Failure::Io }
    }
}

impl Faults for Disk {
    fn group(&self) -> Option<GroupFault> {
        if !self.fails() {
            return None;
        }
        Some(match self.dice.within(0..3) {
            0 => {
                let after = usize::try_from(self.dice.within(0..4)).unwrap_or(0);
                GroupFault::Within { after, failure: self.failure() }
            }
            1 => GroupFault::CommitLost(self.failure()),
            _ => GroupFault::CommitDone,
        })
    }

    fn read(&self) -> Option<Failure> {
        self.fails().then_some(Failure::Io)
    }

    fn reopen(&self) -> Option<Failure> {
        self.fails().then_some(Failure::Io)
    }

    fn moving(&self) -> Option<Failure> {
        self.fails().then(|| self.failure())
    }

    fn now(&self) -> Instant {
        self.began + Duration::from_micros(self.clock.passed_us())
    }
}
