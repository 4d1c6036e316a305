//! How much the core holds and asks for at a time.

/// The limits. A simulation has small ones, so that few jobs reach them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Claims of one commit: enough to share its cost, few enough that the first does not wait for the last.
    pub(crate) claim_batch: usize,
    /// Due jobs that are ranked against each other. More of them wait in the window, by their due time.
    pub(crate) due_max: usize,
    /// Due jobs of a type with a limit that are kept in memory. More of them are read when it is their turn.
    pub(crate) type_line_max: usize,
    /// The same of all jobs that wait for concurrency keys. Each key has the part of one slot.
    pub(crate) key_lines_max: usize,
    /// Jobs that are read into the window at once.
    pub(crate) window_load: usize,
    /// More entries of the window than this, and the latest are forgotten again.
    pub(crate) window_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            claim_batch: 256,
            due_max: 50_000,
            type_line_max: 10_000,
            key_lines_max: 32_000,
            window_load: 20_000,
            window_max: 60_000,
        }
    }
}
