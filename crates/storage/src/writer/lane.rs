//! How urgent a write is, which says where it waits.

/// How urgent a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Claims and finishes.
    Attempts,
    /// What somebody waits for.
    Api,
    /// The same, where it only makes jobs: a writer may do so beside another one.
    New,
    /// Output of running attempts.
    Output,
    /// Removal of what is old.
    Retention,
}

impl Lane {
    /// Whether somebody waits for it.
    pub(crate) fn is_of_api(self) -> bool {
        matches!(self, Self::Api | Self::New)
    }
}
