//! How urgent a write is, which says where it waits, and which writer takes it from there.

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

/// How many writers there may be that only make jobs.
pub(crate) const BESIDE: usize = 2;

/// What a writer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Everything.
    All,
    /// What only makes jobs: the writer beside the others that has this number, below [`BESIDE`].
    New(usize),
}

impl Takes {
    /// Its place among the writers: those that only make jobs come first.
    pub(super) fn writer(self) -> usize {
        match self {
            Self::All => BESIDE,
            Self::New(number) => number,
        }
    }
}
