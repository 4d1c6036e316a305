//! What attempts have set free, and when: who waited for a slot or for a key does not have it at once.

/// Slots and keys that attempts had, in the order in which they were set free.
#[derive(Debug, Default)]
pub(super) struct Freed {
    /// When, and the type of the job that had the slot.
    slots: Vec<(u64, String)>,
    keys: Vec<(u64, String)>,
}

impl Freed {
    /// The process of an attempt has ended: its slot is free.
    pub(super) fn slot(&mut self, at_us: u64, job_type: String) {
        self.slots.push((at_us, job_type));
    }

    /// The outcome of an attempt was recorded: its key, if it has one, is free.
    pub(super) fn key(&mut self, at_us: u64, key: Option<String>) {
        self.keys.extend(key.map(|key| (at_us, key)));
    }

    /// The job types of the slots that were taken until then or longer.
    pub(super) fn types_since(&self, at_us: u64) -> impl Iterator<Item = &str> {
        since(&self.slots, at_us)
    }

    /// The keys that were taken until then or longer.
    pub(super) fn keys_since(&self, at_us: u64) -> impl Iterator<Item = &str> {
        since(&self.keys, at_us)
    }
}

fn since(freed: &[(u64, String)], at_us: u64) -> impl Iterator<Item = &str> {
    freed.iter().rev().take_while(move |(freed_us, _)| *freed_us >= at_us).map(|(_, what)| what.as_str())
}
