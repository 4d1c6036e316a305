//! Removal of old events, audit entries and idempotency records: those at the beginning of their tables, whose
//! keys rise with the time of writing.

use super::Budget;
use super::policy::{RetentionPolicy, RetentionSlice};
use crate::failure::WriteError;
use crate::idempotency_index;
use crate::schema::{audit_entries, events, idempotency_records as records};
use crate::webhooks;
use crate::writer::tx::Tx;
use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oneoff_domain::Timestamp;

/// Records that are looked at together.
const RECORDS: i64 = 100;

/// Work of the removal of an idempotency record: its hash is anywhere in the index.
const WORK_OF_RECORD: i64 = 3;

/// A record: its key, when it was written, and the bytes of what may be large in it.
type Record = (i64, i64, i64);

/// The records at the beginning that are old and for which there is budget.
fn oldest(
    records: &[Record],
    stays: Option<i64>,
    before: Timestamp,
    budget: &mut Budget,
) -> (usize, Option<i64>) {
    let (mut count, mut last) = (0, None);
    for (key, written_at, bytes) in records {
        if budget.is_spent() || *written_at >= before.as_micros() || Some(*key) == stays {
            break;
        }
        budget.spend(1);
        budget.spend_bytes(*bytes);
        (count, last) = (count + 1, Some(*key));
    }
    (count, last)
}

/// The newest event stays: the writer numbers the next one from it.
fn newest_event(tx: &mut Tx<'_>) -> QueryResult<Option<i64>> {
    events::table.select(max(events::sequence)).get_result(tx.conn)
}

fn none(_tx: &mut Tx<'_>) -> QueryResult<Option<i64>> {
    Ok(None)
}

/// Removes old records of a table, but for the one that stays.
macro_rules! remove_oldest {
    ($name:ident, $table:ident, $key:ident, $before:ident, $bytes:literal, $stays:expr) => {
        pub(super) fn $name(
            tx: &mut Tx<'_>,
            policy: &RetentionPolicy,
            budget: &mut Budget,
            slice: &mut RetentionSlice,
        ) -> Result<(), WriteError> {
            let stays: Option<i64> = $stays(tx)?;
            while !budget.is_spent() {
                let records: Vec<Record> = $table::table
                    .order($table::$key)
                    .limit(RECORDS)
                    .select(($table::$key, $table::written_at, sql::<BigInt>($bytes)))
                    .load(tx.conn)?;
                let (count, last) = oldest(&records, stays, policy.$before, budget);
                let Some(last) = last else { return Ok(()) };
                diesel::delete($table::table.filter($table::$key.le(last))).execute(tx.conn)?;
                slice.records += count;
                if count < records.len() {
                    return Ok(());
                }
            }
            Ok(())
        }
    };
}

remove_oldest!(
    remove_events,
    events,
    sequence,
    events_before,
    "CAST(length(events.data) AS BIGINT)",
    newest_event
);
remove_oldest!(remove_audit_entries, audit_entries, key, audit_before, "CAST(0 AS BIGINT)", none);

/// Removes old idempotency records, and takes them out of their index.
pub(super) fn remove_idempotency_records(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let old: Vec<(i64, i64, i64, i64)> = records::table
        .order(records::key)
        .limit(budget.rows(WORK_OF_RECORD))
        .select((
            records::key,
            records::key_hash,
            records::written_at,
            sql::<BigInt>("CAST(length(subjects) AS BIGINT)"),
        ))
        .load(tx.conn)?;
    let mut last = None;
    for (key, hash, written_at, bytes) in old {
        if budget.is_spent() || written_at >= policy.idempotency_before.as_micros() {
            break;
        }
        if !tx.node.is_shared() {
            idempotency_index::remove(tx.conn, hash, key)?;
        }
        budget.spend(WORK_OF_RECORD);
        budget.spend_bytes(bytes);
        slice.records += 1;
        last = Some(key);
    }
    if let Some(last) = last {
        diesel::delete(records::table.filter(records::key.le(last))).execute(tx.conn)?;
    }
    Ok(())
}

/// Work of the removal of a delivery: it is in several indices, and may have some kilobytes.
const WORK_OF_DELIVERY: i64 = 5;

/// Removes old deliveries of webhooks.
pub(super) fn remove_deliveries(
    tx: &mut Tx<'_>,
    policy: &RetentionPolicy,
    budget: &mut Budget,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    let rows = budget.rows(WORK_OF_DELIVERY);
    let removed = webhooks::remove_deliveries(tx, policy.deliveries_before, rows)?;
    slice.records += removed;
    budget.spend(i64::try_from(removed).unwrap_or(rows).saturating_mul(WORK_OF_DELIVERY));
    Ok(())
}
