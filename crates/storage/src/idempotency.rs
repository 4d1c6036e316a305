//! Idempotency: a request that was done under a key is not done again, but answered with what it made.

use crate::Refusal;
use crate::failure::WriteError;
use crate::rows::{from_json, to_json};
use crate::schema::idempotency_records as records;
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Actor, Context, IdempotencyKey, JobId, Timestamp};

/// Keys of different API keys do not meet, whatever the API keys are called.
fn scope(actor: &Actor) -> String {
    match actor {
        Actor::ApiKey { id, .. } => format!("key:{id}"),
        Actor::Local | Actor::Library | Actor::System => actor.label(),
    }
}

/// The jobs that an earlier request with this key made or changed; `None` if there was none.
pub(crate) fn earlier(tx: &mut Tx<'_>, context: &Context) -> Result<Option<Vec<JobId>>, WriteError> {
    let Some(IdempotencyKey { key, fingerprint }) = &context.idempotency_key else { return Ok(None) };
    let found: Option<(String, String)> = records::table
        .filter(records::actor.eq(scope(&context.actor)))
        .filter(records::idempotency_key.eq(key))
        .select((records::fingerprint, records::subjects))
        .get_result(tx.conn)
        .optional()?;
    let Some((stored, subjects)) = found else { return Ok(None) };
    if stored != *fingerprint {
        return Err(Refusal::IdempotencyMismatch.into());
    }
    Ok(Some(from_json("idempotency_records.subjects", &subjects)?))
}

/// Records what this request made or changed.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    jobs: &[JobId],
) -> Result<(), WriteError> {
    let Some(IdempotencyKey { key, fingerprint }) = &context.idempotency_key else { return Ok(()) };
    diesel::insert_into(records::table)
        .values((
            records::actor.eq(scope(&context.actor)),
            records::idempotency_key.eq(key),
            records::fingerprint.eq(fingerprint),
            records::subjects.eq(to_json("idempotency_records.subjects", jobs)?),
            records::written_at.eq(now.as_micros()),
        ))
        .execute(tx.conn)?;
    Ok(())
}
