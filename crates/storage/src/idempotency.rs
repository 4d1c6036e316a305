//! Idempotency: a request that was done under a key is not done again, but answered with what it made.

use crate::Refusal;
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::WriteError;
use crate::idempotency_index::IdempotencyIndex;
use crate::postgres::known_keys::KnownKeys;
use crate::postgres::locks;
use crate::rows::{from_json, to_json};
use crate::schema::idempotency_records;
use crate::statement::{self, Bind};
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Actor, Context, IdempotencyKey, JobId, Timestamp};
use ring::digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What was done under a key.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = idempotency_records, check_for_backend(AnyBackend))]
pub(crate) struct Record {
    actor: String,
    idempotency_key: String,
    fingerprint: String,
    subjects: String,
}

impl Record {
    /// Whether it is of this key of this actor.
    pub(crate) fn is_of(&self, scope: &str, key: &str) -> bool {
        self.actor == scope && self.idempotency_key == key
    }
}

/// Where records are found.
pub(crate) enum Records {
    /// In a file, by an index in memory.
    OfFile(IdempotencyIndex),
    /// On a server, which may have them of other nodes.
    OfServer(KnownKeys),
}

impl Records {
    fn find(
        &self,
        conn: &mut AnyConnection,
        hash: i64,
        scope: &str,
        key: &str,
    ) -> QueryResult<Option<Record>> {
        let index = match self {
            Self::OfFile(index) => index,
            Self::OfServer(known) => return known.find(conn, hash, scope, key),
        };
        let Some(number) = index.find(conn, hash)? else { return Ok(None) };
        let row = idempotency_records::table.find(number).select(Record::as_select());
        row.get_result(conn).optional()
    }

    /// The number of a new record, where the writer gives it.
    fn number(&mut self, hash: i64) -> Option<i64> {
        match self {
            Self::OfFile(index) => Some(index.add(hash)),
            Self::OfServer(_) => None,
        }
    }

    fn note(&mut self, hash: i64, record: Record) {
        if let Self::OfServer(known) = self {
            known.note(hash, record);
        }
    }

    /// Takes back what a request recorded that did not succeed.
    pub(crate) fn forget(&mut self, hash: i64) {
        match self {
            Self::OfFile(index) => index.forget(hash),
            Self::OfServer(known) => known.forget(hash),
        }
    }
}

/// The hash of the key of a request, if it has one.
pub(crate) fn hash_of(context: &Context) -> Option<i64> {
    let key = context.idempotency_key.as_ref()?;
    Some(hash(&scope(&context.actor), &key.key))
}

/// Keys of different API keys do not meet, whatever the API keys are called.
fn scope(actor: &Actor) -> String {
    match actor {
        Actor::ApiKey { id, .. } => format!("key:{id}"),
        _ => actor.label(),
    }
}

/// What the record is found by: 64 bits of a hash that nobody can make collide at will.
fn hash(scope: &str, key: &str) -> i64 {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(scope.as_bytes());
    context.update(&[0]);
    context.update(key.as_bytes());
    let digest = context.finish();
    let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
    i64::from_be_bytes(first)
}

/// The jobs that an earlier request with this key made or changed; `None` if there was none.
pub(crate) fn earlier(tx: &mut Tx<'_>, context: &Context) -> Result<Option<Vec<JobId>>, WriteError> {
    earlier_subjects(tx, context)
}

/// What an earlier request with this key recorded; `None` if there was none.
pub(crate) fn earlier_subjects<T: DeserializeOwned>(
    tx: &mut Tx<'_>,
    context: &Context,
) -> Result<Option<Vec<T>>, WriteError> {
    let Some(IdempotencyKey { key, fingerprint }) = &context.idempotency_key else { return Ok(None) };
    let scope = scope(&context.actor);
    let hash = hash(&scope, key);
    // What runs together with others is found out to have been done elsewhere when it is recorded, and runs again alone.
    if tx.gathered.is_none() {
        locks::idempotency_key(tx.conn, hash)?;
    }
    let Some(found) = tx.idempotency.find(tx.conn, hash, &scope, key)? else { return Ok(None) };
    if (found.actor, found.idempotency_key) != (scope, key.clone()) || found.fingerprint != *fingerprint {
        return Err(Refusal::IdempotencyMismatch.into());
    }
    Ok(Some(from_json("idempotency_records.subjects", &found.subjects)?))
}

statement::statement!(
    InsertUnnumbered,
    "INSERT INTO idempotency_records (key_hash, actor, idempotency_key, fingerprint, subjects, written_at) \
     VALUES (?, ?, ?, ?, ?, ?)"
);

statement::statement!(
    InsertRecord,
    "INSERT INTO idempotency_records (key, key_hash, actor, idempotency_key, fingerprint, subjects, written_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?)"
);

/// Records what this request made or changed.
pub(crate) fn record<T: Serialize>(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    subjects: &[T],
) -> Result<(), WriteError> {
    let Some(IdempotencyKey { key, fingerprint }) = &context.idempotency_key else { return Ok(()) };
    let scope = scope(&context.actor);
    let hash = hash(&scope, key);
    let subjects = to_json("idempotency_records.subjects", subjects)?;
    tx.effects.idempotency_hashes.push(hash);
    let record =
        Record { actor: scope, idempotency_key: key.clone(), fingerprint: fingerprint.clone(), subjects };
    let [hash_value, actor, key, fingerprint, subjects, at]: [Bind<'_>; 6] = [
        hash.into(),
        record.actor.as_str().into(),
        record.idempotency_key.as_str().into(),
        record.fingerprint.as_str().into(),
        record.subjects.as_str().into(),
        now.as_micros().into(),
    ];
    match tx.idempotency.number(hash) {
        Some(number) => {
            let values = [number.into(), hash_value, actor, key, fingerprint, subjects, at];
            statement::run::<InsertRecord>(tx.conn, &values)?
        }
        None => {
            let values = [hash_value, actor, key, fingerprint, subjects, at];
            statement::run::<InsertUnnumbered>(&mut tx.rows(), &values)?
        }
    };
    tx.idempotency.note(hash, record);
    Ok(())
}
