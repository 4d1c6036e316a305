//! Named points at which a test build can be killed, and promises that it can be told to break, so that the
//! torture suite can show that it would notice.
//!
//! Without the feature `armed` every function here is empty, and no release has that feature.

/// A promise that an armed build can be told to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Outcomes are recorded whether or not the attempt's fence still holds.
    NoFence,
    /// Writes are answered before they are committed.
    AcknowledgeBeforeCommit,
    /// Claims are answered from a transaction that is then rolled back.
    ClaimOutsideTransaction,
}

/// The process comes by a point at which an armed build may be killed.
#[inline(always)]
pub fn reach(_point: &'static str) {}

/// Whether this promise is to be broken.
#[inline(always)]
#[must_use]
pub fn breaks(_promise: Sabotage) -> bool {
    false
}
