//! Retention: what is too old, and output beyond its total, is removed in slices of a few milliseconds, each a
//! transaction of its own. Every slice leaves the database whole, so a crash between two costs nothing.

mod chains;
mod executions;
mod jobs;
mod output;
pub mod policy;
mod records;

use crate::failure::WriteError;
use crate::space;
use crate::writer::tx::Tx;
use policy::{RetentionPolicy, RetentionSlice};

pub(crate) use output::leave_output;

/// What one slice may do of each kind of removal, in units of about ten microseconds.
const WORK: i64 = 300;

/// What a kind of removal may still do in this slice.
struct Budget(i64);

impl Budget {
    fn is_spent(&self) -> bool {
        self.0 <= 0
    }

    fn spend(&mut self, work: i64) {
        self.0 -= work;
    }

    /// Counts the removal of so many bytes in large values.
    fn spend_bytes(&mut self, bytes: i64) {
        const BYTES_OF_A_UNIT: i64 = 4096;
        self.0 -= bytes / BYTES_OF_A_UNIT;
    }

    /// Rows to look at, when one takes so much work.
    fn rows(&self, work: i64) -> i64 {
        (self.0 / work).max(1)
    }
}

type Removal = fn(&mut Tx<'_>, &RetentionPolicy, &mut Budget, &mut RetentionSlice) -> Result<(), WriteError>;

/// Every kind has a budget of its own, so that none waits for another to come to its end.
const REMOVALS: &[Removal] = &[
    output::remove_left,
    output::remove_over_total,
    executions::remove,
    jobs::remove,
    chains::remove,
    records::remove_events,
    records::remove_audit_entries,
    records::remove_idempotency_records,
    records::remove_deliveries,
];

/// Removes one slice.
pub(crate) fn retain(tx: &mut Tx<'_>, policy: &RetentionPolicy) -> Result<RetentionSlice, WriteError> {
    let mut slice = RetentionSlice::default();
    for remove in REMOVALS {
        let mut budget = Budget(WORK);
        remove(tx, policy, &mut budget, &mut slice)?;
        slice.more |= budget.is_spent();
    }
    slice.more |= space::give_back(tx.conn)?;
    tx.effects.operations.add("retention");
    Ok(slice)
}
