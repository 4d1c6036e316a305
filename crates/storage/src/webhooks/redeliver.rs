//! Redelivery: what was given up, or has arrived, is sent again under the same id, with a schedule that begins anew.

use super::delivery::{self, DeliveryRecord, DeliveryStatus};
use super::row::Webhook;
use super::{told, write};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::WriteError;
use crate::schema::webhook_deliveries as deliveries;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError, Written, idempotency};
use diesel::dsl::{max, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use oneoff_domain::limits::REDELIVERIES_MAX;
use oneoff_domain::{Context, DeliveryId, EventKind, FieldError, Timestamp, ValidationErrors, WebhookId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Deliveries of one commit that its audit row names.
const NAMED_MAX: usize = 50;

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

/// The deliveries that a redelivery of many is about, as they were found. What of them was made again ends later, so
/// that the same plan, followed again, goes on where it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RedeliveryPlan {
    /// How many there are.
    pub deliveries: usize,
    /// Whether there are more than are made again at a time.
    pub more: bool,
    /// The first of them; `None` where there is none.
    first: Option<i64>,
    /// The last of them.
    last: i64,
    /// When the last of them to end was over, in microseconds.
    over_at: i64,
}

/// Nothing is sent to a webhook that is switched off.
///
/// # Errors
/// [`Refusal::Invalid`], if it is.
pub fn check_active(webhook: &Webhook) -> Result<(), Refusal> {
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
) -> Result<Written<DeliveryRecord>, WriteError> {
    let replayed = idempotency::earlier_subjects::<DeliveryId>(tx, context)?.is_some();
    let webhook = write::find(tx, context, webhook)?;
    let none = || Refusal::NotFound { kind: "delivery", id: id.to_string() };
    let found = delivery::by_id(tx.conn, webhook.key, id)?.ok_or_else(none)?;
    if replayed {
        return Ok(Written { value: found, replayed });
    }
    check_active(&webhook)?;
    if make_due(tx, now, &[found.key])? > 0 {
        let done = json!({ "deliveries": 1, "delivery_ids": [id.to_string()], "event": found.event });
        tell(tx, context, now, &webhook, 1, &done)?;
    }
    idempotency::record(tx, context, now, &[id])?;
    let value = delivery::by_id(tx.conn, webhook.key, id)?.ok_or_else(none)?;
    Ok(Written { value, replayed })
}

fn tell(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: &Webhook,
    count: usize,
    done: &Value,
) -> Result<(), WriteError> {
    tx.effects.operations.add("webhook_redeliver");
    told::tell(tx, now, EventKind::WebhookRedelivered, webhook, json!({ "deliveries": count }))?;
    told::audit_as(tx, context, now, "webhook.redeliver", webhook, (None, Some(done)))
}

/// What an audit row says of many deliveries: how they were found, how many there are, and the first of them by name.
fn many(conn: &mut AnyConnection, filter: RedeliverFilter, keys: &[i64], count: usize) -> QueryResult<Value> {
    let named = keys.get(..NAMED_MAX).unwrap_or(keys);
    let named = deliveries::table.filter(deliveries::key.eq_any(named)).order(deliveries::key);
    let ids: Vec<String> = named.select(deliveries::id).load(conn)?;
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let filter = json!({
        "status": filter.status.as_str(), "from": time(filter.from), "to": time(filter.to),
    });
    Ok(json!({ "deliveries": count, "delivery_ids": ids, "filter": filter }))
}

/// The keys of a webhook's deliveries that the filter lets through, in order.
fn matching(
    webhook_key: i64,
    filter: RedeliverFilter,
) -> deliveries::BoxedQuery<'static, AnyBackend, BigInt> {
    let all = deliveries::table.filter(deliveries::webhook_key.eq(webhook_key)).order(deliveries::key);
    let mut found = all.select(deliveries::key).into_boxed();
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
    found
}

fn plan(conn: &mut AnyConnection, webhook_key: i64, filter: RedeliverFilter) -> QueryResult<RedeliveryPlan> {
    let most = usize::try_from(REDELIVERIES_MAX).unwrap_or(usize::MAX);
    let found = matching(webhook_key, filter).limit(i64::from(REDELIVERIES_MAX) + 1);
    let mut keys: Vec<i64> = found.load(conn)?;
    let more = keys.len() > most;
    keys.truncate(most);
    let (Some(first), Some(last)) = (keys.first().copied(), keys.last().copied()) else {
        return Ok(RedeliveryPlan::default());
    };
    let between = deliveries::key.ge(first).and(deliveries::key.le(last));
    let these = deliveries::table.filter(deliveries::webhook_key.eq(webhook_key)).filter(between);
    let over_at: Option<i64> = these.select(max(deliveries::completed_at)).get_result(conn)?;
    let over_at = over_at.unwrap_or_default();
    Ok(RedeliveryPlan { deliveries: keys.len(), more, first: Some(first), last, over_at })
}

/// The first deliveries of a plan that are still to be made again, beginning with the key `from`.
fn left(
    conn: &mut AnyConnection,
    webhook_key: i64,
    filter: RedeliverFilter,
    plan: RedeliveryPlan,
    (from, limit): (i64, i64),
) -> QueryResult<Vec<i64>> {
    let found = matching(webhook_key, filter)
        .filter(deliveries::key.ge(from).and(deliveries::key.le(plan.last)))
        .filter(deliveries::completed_at.le(plan.over_at));
    found.limit(limit).load(conn)
}

fn begin(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: WebhookId,
    plan: RedeliveryPlan,
) -> Result<Written<RedeliveryPlan>, WriteError> {
    if let Some(plans) = idempotency::earlier_subjects::<RedeliveryPlan>(tx, context)? {
        let value = plans.first().copied().ok_or(Refusal::IdempotencyMismatch)?;
        return Ok(Written { value, replayed: true });
    }
    check_active(&write::find(tx, context, webhook)?)?;
    idempotency::record(tx, context, now, &[plan])?;
    tx.effects.operations.add("webhook_redeliver");
    Ok(Written { value: plan, replayed: false })
}

fn slice(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    webhook: WebhookId,
    (filter, plan): (RedeliverFilter, RedeliveryPlan),
    (from, limit): (i64, u32),
) -> Result<Option<i64>, WriteError> {
    let webhook = write::find(tx, context, webhook)?;
    check_active(&webhook)?;
    let keys = left(tx.conn, webhook.key, filter, plan, (from, i64::from(limit)))?;
    let redelivered = make_due(tx, now, &keys)?;
    if redelivered > 0 {
        let done = many(tx.conn, filter, &keys, redelivered)?;
        tell(tx, context, now, &webhook, redelivered, &done)?;
    }
    let is_full = u32::try_from(keys.len()).is_ok_and(|count| count >= limit);
    Ok(keys.last().filter(|_| is_full).map(|last| last + 1))
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
    ) -> Result<Written<DeliveryRecord>, StoreError> {
        let body = move |tx: &mut Tx<'_>| one(tx, &context, now, webhook, id);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Finds the first deliveries that the filter lets through, at most [`REDELIVERIES_MAX`] of them.
    ///
    /// # Errors
    /// The database's.
    pub async fn plan_redelivery(
        &self,
        webhook_key: i64,
        filter: RedeliverFilter,
    ) -> Result<RedeliveryPlan, StoreError> {
        self.inner.reader.read(move |conn| Ok(plan(conn, webhook_key, filter)?)).await
    }

    /// Decides for a plan under the idempotency key of the request: that of an earlier one is followed in its place.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Invalid`] while the webhook is switched off, [`Refusal::IdempotencyMismatch`], or
    /// the database's.
    pub async fn begin_redelivery(
        &self,
        context: Context,
        now: Timestamp,
        webhook: WebhookId,
        plan: RedeliveryPlan,
    ) -> Result<Written<RedeliveryPlan>, StoreError> {
        let body = move |tx: &mut Tx<'_>| begin(tx, &context, now, webhook, plan);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// The key of the first delivery of a plan that is still to be made again.
    ///
    /// # Errors
    /// The database's.
    pub async fn redelivery_left(
        &self,
        webhook_key: i64,
        filter: RedeliverFilter,
        plan: RedeliveryPlan,
    ) -> Result<Option<i64>, StoreError> {
        let Some(first) = plan.first else { return Ok(None) };
        let query = move |conn: &mut AnyConnection| {
            Ok(left(conn, webhook_key, filter, plan, (first, 1))?.first().copied())
        };
        self.inner.reader.read(query).await
    }

    /// Makes at most `limit` deliveries of a plan due again, beginning with the key `from`. Answers where to go on, if there
    /// may be more.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Invalid`] while the webhook is switched off, or the database's.
    pub async fn redeliver_slice(
        &self,
        context: Context,
        now: Timestamp,
        webhook: WebhookId,
        plan: (RedeliverFilter, RedeliveryPlan),
        (from, limit): (i64, u32),
    ) -> Result<Option<i64>, StoreError> {
        let body = move |tx: &mut Tx<'_>| slice(tx, &context, now, webhook, plan, (from, limit));
        self.inner.writer.write_many(Lane::Api, usize::try_from(limit).unwrap_or(1), body).await
    }
}
