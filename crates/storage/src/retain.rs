//! Retention: what is too old is removed in slices, so that no other write waits long for one.

use crate::failure::WriteError;
use crate::schema::{attempts, audit_entries, events, idempotency_records, job_states};
use crate::writer::tx::Tx;
use crate::{RetentionPolicy, RetentionSlice};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use oneoff_domain::Timestamp;

/// Executions of a slice.
const EXECUTIONS: i64 = 200;
/// Output that the executions of a slice have together, unless a single one has more.
const OUTPUT_BYTES: i64 = 8 * 1024 * 1024;
/// Events, audit rows and idempotency records of a slice, of each kind.
const RECORDS: i64 = 500;
/// Gives pages that became free back to the file system.
const SHRINK: &str = "PRAGMA incremental_vacuum(512)";

/// Removes one slice.
pub(crate) fn retain(tx: &mut Tx<'_>, policy: &RetentionPolicy) -> Result<RetentionSlice, WriteError> {
    let mut slice = RetentionSlice::default();
    remove_executions(tx, policy.executions_before, &mut slice)?;
    remove_events(tx, policy.events_before, &mut slice)?;
    remove_audit(tx, policy.events_before, &mut slice)?;
    remove_idempotency(tx, policy.idempotency_before, &mut slice)?;
    tx.conn.batch_execute(SHRINK)?;
    tx.effects.operations.add("retention");
    Ok(slice)
}

fn remove_executions(
    tx: &mut Tx<'_>,
    before: Timestamp,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    // Nothing ends before it starts, so the index by start leads to the oldest ends, too.
    let old: Vec<(i64, i64, String, i64)> = attempts::table
        .filter(attempts::started_at.lt(before.as_micros()))
        .filter(attempts::completed_at.lt(before.as_micros()))
        .order((attempts::started_at, attempts::key))
        .limit(EXECUTIONS)
        .select((attempts::key, attempts::job_key, attempts::id, attempts::output_bytes))
        .load(tx.conn)?;
    let found = old.len();
    let mut bytes = 0_i64;
    for (key, job_key, id, output_bytes) in old {
        bytes = bytes.saturating_add(output_bytes);
        if slice.executions > 0 && bytes > OUTPUT_BYTES {
            break;
        }
        let pointing = job_states::table.find(job_key).filter(job_states::last_execution.eq(id));
        diesel::update(pointing).set(job_states::last_execution.eq(None::<String>)).execute(tx.conn)?;
        diesel::delete(attempts::table.find(key)).execute(tx.conn)?;
        slice.executions += 1;
    }
    slice.more |= slice.executions < found || is_full(found, EXECUTIONS);
    Ok(())
}

fn is_full(found: usize, limit: i64) -> bool {
    i64::try_from(found).unwrap_or(i64::MAX) >= limit
}

/// Removes old rows of a table whose key rises with the time of writing: those at its beginning.
macro_rules! remove_oldest {
    ($tx:ident, $table:ident, $key:ident, $before:ident, $end:expr, $slice:ident) => {{
        let rows: Vec<(i64, i64)> = $table::table
            .order($table::$key)
            .limit(RECORDS)
            .select(($table::$key, $table::written_at))
            .load($tx.conn)?;
        let is_old = |row: &&(i64, i64)| row.1 < $before.as_micros() && row.0 < $end;
        let old = rows.iter().take_while(is_old).count();
        if let Some((last, _)) = rows.iter().take_while(is_old).last() {
            diesel::delete($table::table.filter($table::$key.le(*last))).execute($tx.conn)?;
        }
        $slice.records += old;
        $slice.more |= is_full(old, RECORDS);
        Ok(())
    }};
}

fn remove_events(tx: &mut Tx<'_>, before: Timestamp, slice: &mut RetentionSlice) -> Result<(), WriteError> {
    // The newest event stays: the writer numbers the next one from it.
    let newest = tx.keys.last_event();
    remove_oldest!(tx, events, sequence, before, newest, slice)
}

fn remove_audit(tx: &mut Tx<'_>, before: Timestamp, slice: &mut RetentionSlice) -> Result<(), WriteError> {
    remove_oldest!(tx, audit_entries, key, before, i64::MAX, slice)
}

fn remove_idempotency(
    tx: &mut Tx<'_>,
    before: Timestamp,
    slice: &mut RetentionSlice,
) -> Result<(), WriteError> {
    remove_oldest!(tx, idempotency_records, key, before, i64::MAX, slice)
}
