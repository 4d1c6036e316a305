//! Records of idempotency keys on a server. Those of a group are looked for together before it runs; what it records
//! itself is known at once.

use crate::connection::AnyConnection;
use crate::idempotency::Record;
use crate::schema::idempotency_records;
use diesel::prelude::*;
use std::collections::{HashMap, HashSet};

/// What a group knows of idempotency keys.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys {
    /// The hashes of which all records are known.
    looked_for: HashSet<i64>,
    records: HashMap<i64, Vec<Record>>,
}

impl KnownKeys {
    /// Forgets everything: another node may have written since.
    pub(crate) fn clear(&mut self) {
        self.looked_for.clear();
        self.records.clear();
    }

    /// Reads all records of these hashes.
    pub(crate) fn look_for(&mut self, conn: &mut AnyConnection, hashes: &[i64]) -> QueryResult<()> {
        let found: Vec<(i64, Record)> = idempotency_records::table
            .filter(idempotency_records::key_hash.eq_any(hashes))
            .select((idempotency_records::key_hash, Record::as_select()))
            .load(conn)?;
        self.looked_for.extend(hashes);
        for (hash, record) in found {
            self.records.entry(hash).or_default().push(record);
        }
        Ok(())
    }

    /// The record of a key.
    pub(crate) fn find(
        &self,
        conn: &mut AnyConnection,
        hash: i64,
        scope: &str,
        key: &str,
    ) -> QueryResult<Option<Record>> {
        let known =
            self.records.get(&hash).and_then(|known| known.iter().find(|record| record.is_of(scope, key)));
        if known.is_some() || self.looked_for.contains(&hash) {
            return Ok(known.cloned());
        }
        let of_key = idempotency_records::table
            .filter(idempotency_records::key_hash.eq(hash))
            .filter(idempotency_records::actor.eq(scope))
            .filter(idempotency_records::idempotency_key.eq(key));
        of_key.select(Record::as_select()).get_result(conn).optional()
    }

    /// Notes what this group records.
    pub(crate) fn note(&mut self, hash: i64, record: Record) {
        self.records.entry(hash).or_default().push(record);
    }

    /// Takes back what a request noted last.
    pub(crate) fn forget(&mut self, hash: i64) {
        if let Some(known) = self.records.get_mut(&hash) {
            known.pop();
        }
    }
}
