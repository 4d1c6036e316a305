//! The operations that share a commit: each has kill points of its own around it.

/// Where a group of operations is on its way through its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Everything is written into the transaction.
    BeforeCommit,
    /// It is on stable storage, and nobody knows.
    AfterCommit,
    /// The listener of commits knows, and nobody who asked for it.
    AfterListener,
    /// Everybody has been answered.
    AfterAnswer,
}

/// The names of the operations in a transaction. Without the feature `armed` it is empty.
#[derive(Debug, Default)]
pub struct Operations {
    #[cfg(feature = "armed")]
    names: Vec<&'static str>,
}

impl Operations {
    /// The transaction does this and nothing else.
    #[inline(always)]
    #[must_use]
    pub fn only(operation: &'static str) -> Self {
        let mut operations = Self::default();
        operations.add(operation);
        operations
    }

    /// The transaction does this, too.
    #[inline(always)]
    pub fn add(&mut self, operation: &'static str) {
        #[cfg(feature = "armed")]
        self.names.push(operation);
        #[cfg(not(feature = "armed"))]
        let _unarmed = operation;
    }

    /// Takes over what a later part of the transaction does.
    #[inline(always)]
    pub fn merge(&mut self, later: Operations) {
        #[cfg(feature = "armed")]
        self.names.extend(later.names);
        #[cfg(not(feature = "armed"))]
        let _unarmed = later;
    }

    /// The transaction comes by this moment: the kill points `OPERATION.MOMENT` of all its operations.
    #[inline(always)]
    pub fn reach(&self, moment: Moment) {
        #[cfg(feature = "armed")]
        crate::armed::reach_all(&self.names, moment);
        #[cfg(not(feature = "armed"))]
        let _unarmed = moment;
    }

    /// Whether the transaction is to fail at this moment, as when a disk does not answer.
    #[inline(always)]
    #[must_use]
    pub fn fails(&self, moment: Moment) -> bool {
        #[cfg(feature = "armed")]
        return crate::armed::fails(&self.names, moment);
        #[cfg(not(feature = "armed"))]
        {
            let _unarmed = moment;
            false
        }
    }
}
