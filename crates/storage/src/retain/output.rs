//! Removal of output: what removed executions left behind, and what is beyond the total.

use super::Budget;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::failure::WriteError;

use crate::rows::attempt;
use crate::schema::{attempts, output_chunks, removed_output};
use crate::space;
use crate::statement;
use crate::writer::tx::Tx;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// Chunks that are looked at together.
const CHUNKS: i64 = 32;

statement::statement!(
    LeaveOutput,
    "INSERT INTO removed_output (execution_key) \
        SELECT key FROM attempts WHERE key = ? AND output_bytes > 0 ON CONFLICT DO NOTHING"
);

/// Removes the executions of a job that is being removed, from the last one on. Their output goes later, and until
/// it is gone, their keys are not used again.
pub(crate) fn leave_output(tx: &mut Tx<'_>, job_key: i64, last: Option<i64>) -> Result<(), WriteError> {
    let mut next = last;
    while let Some(key) = next {
        next = attempt::previous(tx.conn, key, job_key)?;
        statement::run::<LeaveOutput>(tx.conn, &[key.into()])?;
        diesel::delete(attempts::table.find(key)).execute(tx.conn)?;
    }
    Ok(())
}

/// Bytes of a chunk: SQLite knows them without reading the chunk.
fn chunk_bytes() -> diesel::expression::SqlLiteral<BigInt> {
    sql::<BigInt>("CAST(length(output_chunks.bytes) AS BIGINT)")
}

/// Removes chunks, and answers how many bytes they held.
fn remove_chunks(
    tx: &mut Tx<'_>,
    chunks: &[(i64, i64)],
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let mut removed_bytes = 0;
    for (key, bytes) in chunks {
        diesel::delete(output_chunks::table.find(key)).execute(tx.conn)?;
        removed_bytes += bytes;
        budget.spend(2);
        budget.spend_bytes(*bytes);
    }
    slice.output_bytes += u64::try_from(removed_bytes).unwrap_or(0);
    tx.effects.output_bytes -= removed_bytes;
    Ok(())
}

/// The chunks for which there is budget; at least one, so that it goes on.
fn affordable(chunks: Vec<(i64, i64)>, budget: &Budget) -> Vec<(i64, i64)> {
    let mut left = Budget(budget.0);
    let mut taken = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        if left.is_spent() {
            break;
        }
        left.spend(2);
        left.spend_bytes(chunk.1);
        taken.push(chunk);
    }
    taken
}

/// Removes output of an execution; `true` when nothing of it is left.
pub(super) fn remove_of_execution(
    tx: &mut Tx<'_>,
    execution_key: i64,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<bool, WriteError> {
    while !budget.is_spent() {
        let chunks: Vec<(i64, i64)> = output_chunks::table
            .filter(output_chunks::execution_key.eq(execution_key))
            .order(output_chunks::start_offset)
            .limit(CHUNKS)
            .select((output_chunks::key, chunk_bytes()))
            .load(tx.conn)?;
        if chunks.is_empty() {
            return Ok(true);
        }
        let chunks = affordable(chunks, budget);
        remove_chunks(tx, &chunks, budget, slice)?;
    }
    Ok(false)
}

/// Removes what executions left behind that are gone already.
pub(super) fn remove_left(
    tx: &mut Tx<'_>,
    _policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    while !budget.is_spent() {
        let next: Option<i64> = removed_output::table
            .order(removed_output::execution_key)
            .limit(1)
            .select(removed_output::execution_key)
            .get_result(tx.conn)
            .optional()?;
        let Some(key) = next else { return Ok(()) };
        if remove_of_execution(tx, key, budget, slice)? {
            diesel::delete(removed_output::table.find(key)).execute(tx.conn)?;
            budget.spend(1);
        }
    }
    Ok(())
}

statement::statement!(
    MarkTruncated,
    "UPDATE attempts SET output_truncated = TRUE WHERE key = ? AND NOT output_truncated"
);

/// Says of an execution that some of its output is not kept.
pub(super) fn mark_truncated(tx: &mut Tx<'_>, execution_key: i64) -> Result<(), WriteError> {
    statement::run::<MarkTruncated>(tx.conn, &[execution_key.into()])?;
    Ok(())
}

/// Removes the oldest output while there is more in all than the policy keeps. The executions stay.
pub(super) fn remove_over_total(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let Some(max_bytes) = policy.output_max_bytes.and_then(|bytes| i64::try_from(bytes).ok()) else {
        return Ok(());
    };
    let mut over = space::output_bytes(tx.conn)? + tx.effects.output_bytes - max_bytes;
    let mut marked = None;
    while over > 0 && !budget.is_spent() {
        let oldest: Vec<(i64, i64, i64)> = output_chunks::table
            .order(output_chunks::key)
            .limit(CHUNKS)
            .select((output_chunks::key, output_chunks::execution_key, chunk_bytes()))
            .load(tx.conn)?;
        if oldest.is_empty() {
            return Ok(());
        }
        for (key, execution_key, bytes) in oldest {
            if over <= 0 || budget.is_spent() {
                break;
            }
            if marked != Some(execution_key) {
                mark_truncated(tx, execution_key)?;
                marked = Some(execution_key);
                budget.spend(1);
            }
            remove_chunks(tx, &[(key, bytes)], budget, slice)?;
            over -= bytes;
        }
    }
    Ok(())
}

/// Removes an execution with all its output; `false` when the budget was not enough for the output.
pub(super) fn remove_execution(
    tx: &mut Tx<'_>,
    execution_key: i64,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<bool, WriteError> {
    if !remove_of_execution(tx, execution_key, budget, slice)? {
        mark_truncated(tx, execution_key)?;
        return Ok(false);
    }
    diesel::delete(attempts::table.find(execution_key)).execute(tx.conn)?;
    budget.spend(super::executions::WORK_OF_ONE);
    slice.executions += 1;
    Ok(true)
}
