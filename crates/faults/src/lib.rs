//! Named points at which a test build can be killed, and promises that it can be told to break, so that the
//! torture suite can show that it would notice.
//!
//! Without the feature `armed` every function here is empty, and no release has that feature.

#[cfg(all(feature = "armed", not(debug_assertions)))]
compile_error!(
    "the feature `armed` of oneoff-faults lets a process be killed and break its promises: never in a release"
);

#[cfg(feature = "armed")]
pub mod armed;
mod operations;
#[cfg(feature = "armed")]
pub mod points;

pub use operations::{Moment, Operations};

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
pub fn reach(point: &'static str) {
    #[cfg(feature = "armed")]
    armed::reach(point);
    #[cfg(not(feature = "armed"))]
    let _unarmed = point;
}

/// Whether it is as if every node were on a machine of its own, where others cannot end what it has left behind.
#[inline(always)]
#[must_use]
pub fn is_elsewhere() -> bool {
    #[cfg(feature = "armed")]
    return armed::is_elsewhere();
    #[cfg(not(feature = "armed"))]
    false
}

/// Whether this promise is to be broken.
#[inline(always)]
#[must_use]
pub fn breaks(promise: Sabotage) -> bool {
    #[cfg(feature = "armed")]
    return armed::breaks(promise);
    #[cfg(not(feature = "armed"))]
    {
        let _unarmed = promise;
        false
    }
}
