//! Removal of executions that ended long ago.

use super::Budget;
use super::output::remove_execution;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::attempt;
use crate::schema::attempts;
use crate::statement;
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::JobKey;

/// Work of the removal of one execution without output.
pub(super) const WORK_OF_ONE: i64 = 4;

statement::statement!(
    ForgetLast,
    "UPDATE job_states SET last_execution = NULL, last_attempt_key = ? WHERE key = ? AND last_attempt_key = ?"
);
statement::statement!(
    ForgetLastOfEnded,
    "UPDATE ended_jobs SET last_execution = NULL, last_attempt_key = ? WHERE scheduled_at = \
     (SELECT coalesce(scheduled_at, -9223372036854775808) FROM job_states WHERE key = ?) \
     AND job_key = ? AND last_attempt_key = ?"
);
statement::statement!(Relink, "UPDATE attempts SET previous_key = ? WHERE key = ?");

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
        let previous = kept_before(tx.conn, key, job_key)?;
        if budget.is_spent() || !remove_execution(tx, key, budget, slice)? {
            return Ok(());
        }
        tx.changed.note(JobKey(job_key));
        statement::run::<ForgetLast>(tx.conn, &[previous.into(), job_key.into(), key.into()])?;
        let values = [previous.into(), job_key.into(), job_key.into(), key.into()];
        statement::run::<ForgetLastOfEnded>(tx.conn, &values)?;
        if previous.is_some() {
            relink(tx.conn, key, previous, job_key, budget)?;
        }
    }
    Ok(())
}

/// The attempt before this one, where that is kept although it came first: the clock was set back between the two.
fn kept_before(conn: &mut AnyConnection, key: i64, job_key: i64) -> QueryResult<Option<i64>> {
    let Some(previous) = attempt::previous(conn, key, job_key)? else { return Ok(None) };
    let of_job = attempts::table.find(previous).filter(attempts::job_key.eq(job_key));
    of_job.select(attempts::key).get_result(conn).optional()
}

/// Lets the attempt after one that was removed lead to the one before it. A job's attempts are found from the last
/// one on, so that it takes all of them along when it goes.
fn relink(
    conn: &mut AnyConnection,
    removed: i64,
    previous: Option<i64>,
    job_key: i64,
    budget: &mut Budget,
) -> QueryResult<()> {
    let mut later = attempt::last_of_job(conn, job_key)?;
    while let Some(key) = later {
        budget.spend(1);
        later = attempt::previous(conn, key, job_key)?;
        if later == Some(removed) {
            statement::run::<Relink>(conn, &[previous.into(), key.into()])?;
            return Ok(());
        }
    }
    Ok(())
}
