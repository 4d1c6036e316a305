//! Removal of chain executions that ended as long ago as jobs are kept. Their links go with them.

use super::Budget;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::failure::WriteError;
use crate::schema::chain_executions;
use crate::writer::tx::Tx;
use diesel::prelude::*;

/// Work of the removal of one with some links.
const WORK_OF_ONE: i64 = 10;

/// Removes the chain executions that ended first.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let old: Vec<i64> = chain_executions::table
        .filter(chain_executions::ended_at.lt(policy.jobs_before.as_micros()))
        .order((chain_executions::ended_at, chain_executions::key))
        .limit(budget.rows(WORK_OF_ONE))
        .select(chain_executions::key)
        .load(tx.conn)?;
    for key in old {
        if budget.is_spent() {
            break;
        }
        diesel::delete(chain_executions::table.find(key)).execute(tx.conn)?;
        budget.spend(WORK_OF_ONE);
        slice.records += 1;
    }
    Ok(())
}
