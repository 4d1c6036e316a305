//! A promise that did not hold in a history.

use oneoff_storage::StoreError;
use std::fmt;

/// What did not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The promise, in a few words.
    pub invariant: &'static str,
    /// What was seen instead.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.detail)
    }
}

impl Violation {
    pub(super) fn new(invariant: &'static str, detail: impl Into<String>) -> Self {
        Self { invariant, detail: detail.into() }
    }

    /// A store that must answer, because nothing fails at present, did not.
    pub(super) fn no_answer(error: &StoreError) -> Self {
        Self::new("a store on a disk that is well answers", format!("{error:?}"))
    }
}

/// An invariant holds, or it is violated.
pub(super) fn ensure(
    holds: bool,
    invariant: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation::new(invariant, detail())) }
}
