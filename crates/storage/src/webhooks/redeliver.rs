//! Redelivery: what was given up, or has arrived, is sent again under the same id, with a schedule that begins anew.

use super::delivery::{self, DeliveryRecord, DeliveryStatus};
use super::row::Webhook;
use super::write;
use crate::failure::WriteError;
use crate::schema::webhook_deliveries as deliveries;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{Context, DeliveryId, EventKind, FieldError, Timestamp, ValidationErrors, WebhookId};
use serde_json::json;

/// Which deliveries of a webhook are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedeliverFilter {
    /// Those that were given up, or those that have arrived.
    pub status: DeliveryStatus,
    /// Made at or after this.
    pub from: Option<Timestamp>,
    /// Made at or before this.
    pub to: Option<Timestamp>,
}

/// What one slice did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedeliveredSlice {
    /// Deliveries that are due again.
    pub redelivered: usize,
    /// After which one the next slice begins; `None` when there is none.
    pub next: Option<i64>,
}

/// Nothing is sent to a webhook that is switched off.
fn check_active(webhook: &Webhook) -> Result<(), Refusal> {
    if webhook.is_active {
        return Ok(());
    }
    let error = FieldError::new("", "the webhook is switched off, so nothing would be sent")
        .with_hint("switch it on with {\"is_active\": true} first");
    Err(Refusal::Invalid(ValidationErrors::one(error)))
}

fn make_due(tx: &mut Tx<'_>, now: Timestamp, keys: &[i64]) -> QueryResult<usize> {
    let these =
        deliveries::table.filter(deliveries::key.eq_any(keys)).filter(deliveries::is_attempting.eq(false));
    diesel::update(these)
        .set((
            deliveries::status.eq(DeliveryStatus::Pending.as_str()),
            deliveries::tries.eq(0_i64),
            deliveries::first_attempt_at.eq(None::<i64>),
            deliveries::next_attempt_at.eq(now.as_micros()),
            deliveries::completed_at.eq(None::<i64>),
        ))
        .execute(tx.conn)
}

fn one(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<DeliveryRecord, WriteError> {
    let webhook = write::find(tx, context, webhook)?;
    let none = || Refusal::NotFound { kind: "delivery", id: id.to_string() };
    let found = delivery::by_id(tx.conn, webhook.key, id)?.ok_or_else(none)?;
    check_active(&webhook)?;
    make_due(tx, now, &[found.key])?;
    tell(tx, context, now, &webhook, 1)?;
    delivery::by_id(tx.conn, webhook.key, id)?.ok_or_else(|| none().into())
}

fn tell(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: &Webhook,
    count: usize,
) -> Result<(), WriteError> {
    write::tell(tx, now, EventKind::WebhookRedelivered, webhook, json!({ "deliveries": count }))?;
    write::audit(tx, context, now, "webhook.redeliver", None, Some(webhook))
}

fn slice(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: WebhookId,
    filter: RedeliverFilter,
    (after, limit): (i64, u32),
) -> Result<RedeliveredSlice, WriteError> {
    let webhook = write::find(tx, context, webhook)?;
    check_active(&webhook)?;
    let mut found = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook.key))
        .filter(deliveries::key.gt(after))
        .order(deliveries::key)
        .limit(i64::from(limit))
        .select(deliveries::key)
        .into_boxed();
    // Written out, the condition is that of the partial index.
    found = match filter.status {
        DeliveryStatus::Failed => found.filter(sql::<Bool>("webhook_deliveries.status = 'failed'")),
        other => found.filter(deliveries::status.eq(other.as_str())),
    };
    if let Some(from) = filter.from {
        found = found.filter(deliveries::created_at.ge(from.as_micros()));
    }
    if let Some(to) = filter.to {
        found = found.filter(deliveries::created_at.le(to.as_micros()));
    }
    let keys: Vec<i64> = found.load(tx.conn)?;
    let is_full = u32::try_from(keys.len()).is_ok_and(|count| count >= limit);
    let redelivered = make_due(tx, now, &keys)?;
    if redelivered > 0 {
        tell(tx, context, now, &webhook, redelivered)?;
    }
    Ok(RedeliveredSlice { redelivered, next: keys.last().copied().filter(|_| is_full) })
}

impl Store {
    /// Makes a delivery due again, wherever it stands.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Invalid`] while the webhook is switched off, or the database's.
    pub async fn redeliver(
        &self,
        context: Context,
        now: Timestamp,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryRecord, StoreError> {
        let body = move |tx: &mut Tx<'_>| one(tx, &context, now, webhook, id);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Makes deliveries due again that the filter lets through: at most `limit` of them, beginning after the delivery
    /// `after`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Invalid`] while the webhook is switched off, or the database's.
    pub async fn redeliver_slice(
        &self,
        context: Context,
        now: Timestamp,
        webhook: WebhookId,
        filter: RedeliverFilter,
        after: i64,
        limit: u32,
    ) -> Result<RedeliveredSlice, StoreError> {
        let body = move |tx: &mut Tx<'_>| slice(tx, &context, now, webhook, filter, (after, limit));
        self.inner.writer.write_many(Lane::Api, usize::try_from(limit).unwrap_or(1), body).await
    }
}
