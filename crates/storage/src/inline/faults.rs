//! Faults that are planned by whoever opens a store in inline mode.

use std::time::Instant;

/// How a disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It does not read or write.
    Io,
    /// It is full.
    Full,
}

/// What goes wrong with one group of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupFault {
    /// The transaction fails after so many of its requests.
    Within {
        /// Requests that were run before.
        after: usize,
        /// With this failure.
        failure: Failure,
    },
    /// The commit fails and did not take effect.
    CommitLost(Failure),
    /// The commit takes effect, and the disk says that it failed.
    CommitDone,
}

/// Is asked what goes wrong. The answers are all that makes two runs differ.
pub trait Faults: Send + Sync + 'static {
    /// What goes wrong with the group of writes that begins now.
    fn group(&self) -> Option<GroupFault> {
        None
    }

    /// How the read that begins now fails.
    fn read(&self) -> Option<Failure> {
        None
    }

    /// How the opening of a connection fails that follows a failure.
    fn reopen(&self) -> Option<Failure> {
        None
    }

    /// How the moving of arrivals fails that was done and is to be committed now.
    fn moving(&self) -> Option<Failure> {
        None
    }

    /// The present, by which reopening is paced.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// Nothing goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFaults;

impl Faults for NoFaults {}
