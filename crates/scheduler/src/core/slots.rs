//! Worker slots and the limits per job type.

use oneoff_domain::BootTime;
use std::collections::{BTreeMap, HashMap};

pub(super) struct Slots {
    total: usize,
    used: usize,
    type_limits: BTreeMap<String, usize>,
    used_by_type: HashMap<String, usize>,
    /// Types of which other nodes run as many as may run on all nodes together, and until when that is taken for true.
    resting: HashMap<String, BootTime>,
}

impl Slots {
    pub(super) fn new(total: usize, type_limits: BTreeMap<String, usize>) -> Self {
        Self {
            total: total.max(1),
            used: 0,
            type_limits,
            used_by_type: HashMap::new(),
            resting: HashMap::new(),
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn has_room(&self, job_type: &str) -> bool {
        self.used < self.total && self.is_below_limit(job_type) && !self.resting.contains_key(job_type)
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

    pub(super) fn take(&mut self, job_type: &str) {
        self.used += 1;
        *self.used_by_type.entry(job_type.to_owned()).or_default() += 1;
    }

    pub(super) fn release(&mut self, job_type: &str) {
        self.used = self.used.saturating_sub(1);
        if let Some(used) = self.used_by_type.get_mut(job_type) {
            *used = used.saturating_sub(1);
        }
    }
}
