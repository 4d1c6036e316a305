//! Where the record of an idempotency key is. Hashes come in no order, so an index on the disk would write a page for
//! each of them. Those of the last records are therefore kept in memory, and are moved to the disk in their order,
//! many at a time: each page that is written then takes in several.

use crate::connection::AnyConnection;
use crate::schema::{idempotency_hashes, idempotency_progress, idempotency_records};
use crate::statement;
use diesel::dsl::max;
use diesel::prelude::*;
use std::collections::HashMap;

/// So many are moved together. Few where histories are simulated, so that they come by it.
const GENERATION: usize = if cfg!(any(test, feature = "inline")) { 8 } else { 8192 };
/// So many of them with one commit, which then takes a fraction of a millisecond longer.
const STEP: usize = if cfg!(any(test, feature = "inline")) { 3 } else { 256 };

/// Of so many that have come since, one more is moved.
const RECENT_PER_STEP: usize = 16;

/// A generation on its way to the disk.
struct Moving {
    records: HashMap<i64, i64>,
    /// What is still to be moved, the lowest hash last.
    left: Vec<(i64, i64)>,
    /// Its last record.
    last: i64,
}

/// Finds records by the hash of their key.
pub(crate) struct IdempotencyIndex {
    /// The key of the last record.
    last: i64,
    recent: HashMap<i64, i64>,
    moving: Option<Moving>,
}

impl IdempotencyIndex {
    /// Reads what is not on the disk in its order.
    pub(crate) fn load(conn: &mut AnyConnection) -> QueryResult<Self> {
        let indexed_to = idempotency_progress::table.select(idempotency_progress::indexed_to);
        let indexed_to: i64 = indexed_to.get_result(conn)?;
        let last: Option<i64> =
            idempotency_records::table.select(max(idempotency_records::key)).get_result(conn)?;
        let recent: Vec<(i64, i64)> = idempotency_records::table
            .filter(idempotency_records::key.gt(indexed_to))
            .select((idempotency_records::key_hash, idempotency_records::key))
            .load(conn)?;
        // The last records may have been removed, and their numbers must not be given again.
        let last = last.map_or(indexed_to, |last| last.max(indexed_to));
        Ok(Self { last, recent: recent.into_iter().collect(), moving: None })
    }

    /// The record of a hash, if there is one. It may have been removed since.
    pub(crate) fn find(&self, conn: &mut AnyConnection, hash: i64) -> QueryResult<Option<i64>> {
        let moving = self.moving.as_ref().and_then(|moving| moving.records.get(&hash));
        if let Some(record) = self.recent.get(&hash).or(moving) {
            return Ok(Some(*record));
        }
        let row = idempotency_hashes::table.find(hash);
        row.select(idempotency_hashes::record_key).get_result(conn).optional()
    }

    /// A key for the record of a hash.
    pub(crate) fn add(&mut self, hash: i64) -> i64 {
        self.last += 1;
        self.recent.insert(hash, self.last);
        self.last
    }

    /// The record of this hash was not made after all.
    pub(crate) fn forget(&mut self, hash: i64) {
        self.recent.remove(&hash);
    }

    /// Moves some to the disk, when there are enough of them. A crash before all of a generation are there leaves it
    /// to be moved again.
    pub(crate) fn step(&mut self, conn: &mut AnyConnection) -> QueryResult<()> {
        let Some(moving) = &mut self.moving else {
            if self.recent.len() >= GENERATION {
                let records = std::mem::take(&mut self.recent);
                let mut left: Vec<(i64, i64)> = records.iter().map(|(hash, key)| (*hash, *key)).collect();
                left.sort_unstable_by(|a, b| b.cmp(a));
                self.moving = Some(Moving { records, left, last: self.last });
            }
            return Ok(());
        };
        // Where many come with each commit, more are moved: what waits in memory stays bounded.
        let from = moving.left.len().saturating_sub(STEP.max(self.recent.len() / RECENT_PER_STEP));
        for (hash, record) in moving.left.drain(from..).rev() {
            statement::run::<InsertHash>(conn, &[hash.into(), record.into()])?;
        }
        if moving.left.is_empty() {
            statement::run::<SetIndexedTo>(conn, &[moving.last.into()])?;
            self.moving = None;
        }
        Ok(())
    }
}

// A record that was removed in the meantime leaves nothing behind.
statement::statement!(
    InsertHash,
    "INSERT OR REPLACE INTO idempotency_hashes (key_hash, record_key) \
     SELECT ?, key FROM idempotency_records WHERE key = ?"
);
statement::statement!(SetIndexedTo, "UPDATE idempotency_progress SET indexed_to = ? WHERE key = 1");
statement::statement!(DeleteHash, "DELETE FROM idempotency_hashes WHERE key_hash = ? AND record_key = ?");

/// Takes a record that is removed out of the index on the disk.
pub(crate) fn remove(conn: &mut AnyConnection, hash: i64, record: i64) -> QueryResult<()> {
    statement::run::<DeleteHash>(conn, &[hash.into(), record.into()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::connection::SimpleConnection;

    #[test]
    fn however_many_come_with_each_commit_those_in_memory_are_bounded() {
        let mut conn = AnyConnection::establish(":memory:").unwrap();
        conn.batch_execute(
            "CREATE TABLE idempotency_records (key INTEGER PRIMARY KEY);
             CREATE TABLE idempotency_hashes (key_hash INTEGER PRIMARY KEY, record_key BIGINT);
             CREATE TABLE idempotency_progress (key INTEGER PRIMARY KEY, indexed_to BIGINT);",
        )
        .unwrap();
        let mut index = IdempotencyIndex { last: 0, recent: HashMap::new(), moving: None };
        let each = 10 * STEP;
        let most_at_once = (0..500).map(|_| {
            (0..each).for_each(|_| {
                index.add(index.last + 1);
            });
            index.step(&mut conn).unwrap();
            index.recent.len() + index.moving.as_ref().map_or(0, |moving| moving.records.len())
        });
        let most: Vec<usize> = most_at_once.collect();
        let (earlier, later) = most.split_at(250);
        assert!(
            later.iter().max() <= earlier.iter().max(),
            "{:?} {:?}",
            earlier.iter().max(),
            later.iter().max()
        );
    }
}
