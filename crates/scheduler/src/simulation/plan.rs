//! What kind of history a seed makes: sizes, limits, delays, and how bad the weather gets.

use super::dice::Dice;
use crate::Retention;
use crate::core::Limits;
use std::collections::BTreeMap;
use std::time::Duration;

/// The job types of a history.
pub(super) const JOB_TYPES: [&str; 2] = ["plain", "narrow"];
/// The concurrency keys that jobs may have.
pub(super) const KEYS: [&str; 2] = ["red", "blue"];

/// The plan of a history.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Slots.
    pub(super) workers: usize,
    /// Limits by job type.
    pub(super) type_limits: BTreeMap<String, usize>,
    /// What the core holds.
    pub(super) limits: Limits,
    /// For how long what is over is kept.
    pub(super) retention: Retention,
    /// What clients ask for.
    pub(super) operations: u64,
    /// The longest pause between two of them.
    pub(super) pause_max_us: u64,
    /// Crashes, clock steps and bad disks.
    pub(super) disturbances: u64,
    /// The longest pause between two of them.
    pub(super) disturbance_pause_max_us: u64,
    /// Operations of a bad disk in a thousand that fail.
    pub(super) failing_per_mille: u32,
    /// Writes that may share a commit.
    pub(super) group_max: u64,
    /// The longest time of a commit, and until an answer is looked at.
    pub(super) delay_max_us: u64,
    /// Jobs in a thousand that have a concurrency key.
    pub(super) keyed_per_mille: u32,
    /// Clients in a thousand that go away whenever their request goes on.
    pub(super) leaving_per_mille: u32,
    /// The longest that an attempt takes.
    pub(super) attempt_max_us: u64,
}

fn size(dice: &Dice, low: u64, high: u64) -> usize {
    usize::try_from(dice.within(low..high)).unwrap_or(1)
}

/// Hours to months. What is asked for again is kept for as long as always.
fn retention(dice: &Dice) -> Retention {
    let kept = || Duration::from_secs(dice.spread(3600..8_000_000));
    Retention { jobs: kept(), executions: kept(), events: kept(), audit: kept(), ..Retention::default() }
}

impl Plan {
    /// The plan of a seed.
    pub(super) fn new(dice: &Dice) -> Self {
        let window_load = size(dice, 4, 24);
        let mut type_limits = BTreeMap::new();
        if dice.chance(500) {
            type_limits.insert(JOB_TYPES[1].to_owned(), 1);
        }
        Self {
            workers: size(dice, 1, 6),
            type_limits,
            limits: Limits {
                claim_batch: size(dice, 1, 6),
                due_max: size(dice, 4, 16),
                type_line_max: size(dice, 1, 6),
                key_lines_max: size(dice, 1, 16),
                window_load,
                window_max: window_load * size(dice, 1, 4),
            },
            retention: retention(dice),
            operations: dice.within(5..40),
            pause_max_us: dice.spread(1_000..600_000_000),
            disturbances: dice.within(0..8),
            disturbance_pause_max_us: dice.spread(1_000_000..1_800_000_000),
            failing_per_mille: u32::try_from(dice.spread(20..1000)).unwrap_or(1000),
            group_max: dice.within(1..9),
            delay_max_us: dice.spread(100..2_000_000),
            keyed_per_mille: u32::try_from(dice.within(0..700)).unwrap_or(0),
            leaving_per_mille: if dice.chance(300) { 100 } else { 0 },
            attempt_max_us: dice.spread(1_000..1_800_000_000),
        }
    }
}
