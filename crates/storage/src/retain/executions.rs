//! Removal of executions that ended long ago.

use super::Budget;
use super::output::remove_execution;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::failure::WriteError;
use crate::schema::attempts;
use crate::statement;
use crate::writer::tx::Tx;
use diesel::prelude::*;

/// Work of the removal of one execution without output.
pub(super) const WORK_OF_ONE: i64 = 4;

statement::statement!(
    ForgetLast,
    "UPDATE job_states SET last_execution = NULL, last_attempt_key = NULL WHERE key = ? AND last_attempt_key = ?"
);
statement::statement!(
    ForgetLastOfEnded,
    "UPDATE ended_jobs SET last_execution = NULL, last_attempt_key = NULL WHERE scheduled_at = \
     (SELECT coalesce(scheduled_at, -9223372036854775808) FROM job_states WHERE key = ?) \
     AND job_key = ? AND last_attempt_key = ?"
);

/// Removes the oldest executions.
pub(super) fn remove(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let before = policy.executions_before.as_micros();
    // Nothing ends before it starts, so the index by start leads to the oldest ends, too.
    let old: Vec<(i64, i64)> = attempts::table
        .filter(attempts::started_at.lt(before))
        .filter(attempts::completed_at.lt(before))
        .order((attempts::started_at, attempts::key))
        .limit(budget.rows(WORK_OF_ONE))
        .select((attempts::key, attempts::job_key))
        .load(tx.conn)?;
    for (key, job_key) in old {
        if budget.is_spent() || !remove_execution(tx, key, budget, slice)? {
            return Ok(());
        }
        statement::run::<ForgetLast>(tx.conn, &[job_key.into(), key.into()])?;
        statement::run::<ForgetLastOfEnded>(tx.conn, &[job_key.into(), job_key.into(), key.into()])?;
    }
    Ok(())
}
