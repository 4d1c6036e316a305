//! Idempotency: a request that was done under a key is not done again, but answered with what it made.

use crate::Refusal;
use crate::failure::WriteError;
use crate::rows::{from_json, to_json};
use crate::schema::idempotency_records as records;
use crate::statement;
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Actor, Context, IdempotencyKey, JobId, Timestamp};
use ring::digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Keys of different API keys do not meet, whatever the API keys are called.
fn scope(actor: &Actor) -> String {
    match actor {
        Actor::ApiKey { id, .. } => format!("key:{id}"),
        Actor::Local | Actor::Library | Actor::System => actor.label(),
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
    let Some(record) = tx.idempotency.find(tx.conn, hash(&scope, key))? else { return Ok(None) };
    let found: Option<(String, String, String, String)> = records::table
        .find(record)
        .select((records::actor, records::idempotency_key, records::fingerprint, records::subjects))
        .get_result(tx.conn)
        .optional()?;
    let Some((actor, stored_key, stored, subjects)) = found else { return Ok(None) };
    if (actor, stored_key) != (scope, key.clone()) || stored != *fingerprint {
        return Err(Refusal::IdempotencyMismatch.into());
    }
    Ok(Some(from_json("idempotency_records.subjects", &subjects)?))
}

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
    let record = tx.idempotency.add(hash);
    tx.effects.idempotency_hashes.push(hash);
    let values = [
        record.into(),
        hash.into(),
        scope.as_str().into(),
        key.as_str().into(),
        fingerprint.as_str().into(),
        subjects.as_str().into(),
        now.as_micros().into(),
    ];
    statement::run::<InsertRecord>(tx.conn, &values)?;
    Ok(())
}
