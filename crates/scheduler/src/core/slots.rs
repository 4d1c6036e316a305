//! Worker slots, the limits per job type, and the slots that are kept for what is urgent.

use oneoff_domain::BootTime;
use oneoff_domain::limits::PRIORITY_OF_RESERVED;
use std::collections::{BTreeMap, HashMap};

/// How many there are of which kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotCounts {
    /// In all.
    pub(crate) total: usize,
    /// Those that only urgent jobs take. One is left for all others.
    pub(crate) reserved: usize,
    /// At most, by job type.
    pub(crate) by_type: BTreeMap<String, usize>,
}

pub(super) struct Slots {
    total: usize,
    /// Those that jobs which are not urgent may take together.
    usual: usize,
    used: usize,
    used_usual: usize,
    type_limits: BTreeMap<String, usize>,
    used_by_type: HashMap<String, usize>,
    /// Types of which other nodes run as many as may run on all nodes together, and until when that is taken for true.
    resting: HashMap<String, BootTime>,
}

impl Slots {
    pub(super) fn new(counts: SlotCounts) -> Self {
        let mut slots = Self {
            total: 0,
            usual: 0,
            used: 0,
            used_usual: 0,
            type_limits: BTreeMap::new(),
            used_by_type: HashMap::new(),
            resting: HashMap::new(),
        };
        slots.set(counts);
        slots
    }

    /// There are so many from now on. What runs in more of them goes on.
    pub(super) fn set(&mut self, counts: SlotCounts) {
        self.total = counts.total.max(1);
        self.usual = self.total.saturating_sub(counts.reserved).max(1);
        self.type_limits = counts.by_type;
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// Whether a job of this type and priority may start.
    pub(super) fn has_room(&self, job_type: &str, priority: u8) -> bool {
        self.used < self.total
            && (is_urgent(priority) || self.used_usual < self.usual)
            && self.is_below_limit(job_type)
            && !self.resting.contains_key(job_type)
    }

    /// Whether a job of the type waits for nothing but a slot.
    pub(super) fn is_below_limit(&self, job_type: &str) -> bool {
        let used = self.used_by_type.get(job_type).copied().unwrap_or(0);
        self.type_limits.get(job_type).is_none_or(|limit| used < *limit)
    }

    /// Jobs of a type are not asked for until then.
    pub(super) fn rest(&mut self, job_type: &str, until: BootTime) {
        self.resting.insert(job_type.to_owned(), until);
    }

    /// Ends the rests that are over.
    pub(super) fn end_rests(&mut self, now: BootTime) {
        self.resting.retain(|_, until| *until > now);
    }

    /// When the next rest ends.
    pub(super) fn rest_ends(&self) -> Option<BootTime> {
        self.resting.values().min().copied()
    }

    pub(super) fn is_limited(&self, job_type: &str) -> bool {
        self.type_limits.contains_key(job_type)
    }

    pub(super) fn take(&mut self, job_type: &str, priority: u8) {
        self.used += 1;
        if !is_urgent(priority) {
            self.used_usual += 1;
        }
        *self.used_by_type.entry(job_type.to_owned()).or_default() += 1;
    }

    pub(super) fn release(&mut self, job_type: &str, priority: u8) {
        self.used = self.used.saturating_sub(1);
        if !is_urgent(priority) {
            self.used_usual = self.used_usual.saturating_sub(1);
        }
        if let Some(used) = self.used_by_type.get_mut(job_type) {
            *used = used.saturating_sub(1);
        }
    }
}

fn is_urgent(priority: u8) -> bool {
    priority >= PRIORITY_OF_RESERVED
}
