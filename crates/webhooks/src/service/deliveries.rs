//! Looking at deliveries, and having them made again.

use super::{Redelivered, Webhooks};
use crate::error::WebhookError;
use oneoff_domain::{Context, DeliveryId, WebhookId};
use oneoff_storage::webhooks::{
    DeliveryFilter, DeliveryRecord, RedeliverFilter, RedeliveryPlan, check_active,
};
use oneoff_storage::{Page, StoreError, Written};

/// Deliveries that are made again in one commit.
const REDELIVER_SLICE: u32 = 500;

impl Webhooks {
    /// A page of a webhook's deliveries, the newest first.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], [`oneoff_storage::Refusal::Invalid`] of the cursor, or the store's.
    pub async fn deliveries(
        &self,
        context: &Context,
        id: WebhookId,
        filter: DeliveryFilter,
        (limit, cursor, with_total): (u32, Option<String>, bool),
    ) -> Result<Page<DeliveryRecord>, WebhookError> {
        self.get(context, id).await?;
        let page = self.inner.store.deliveries(id, filter, limit, cursor, with_total).await?;
        page.ok_or_else(|| WebhookError::not_found("webhook", id))
    }

    /// A delivery.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], or the store's.
    pub async fn delivery(
        &self,
        context: &Context,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<DeliveryRecord, WebhookError> {
        self.get(context, webhook).await?;
        let found = self.inner.store.delivery(webhook, id).await?;
        found.ok_or_else(|| WebhookError::not_found("delivery", id))
    }

    /// Has a delivery made again.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], [`oneoff_storage::Refusal::Invalid`] while the webhook is switched off, or the store's.
    pub async fn redeliver(
        &self,
        context: Context,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Written<DeliveryRecord>, WebhookError> {
        if context.dry_run {
            check_active(&self.get(&context, webhook).await?).map_err(StoreError::Refused)?;
            let value = self.delivery(&context, webhook, id).await?;
            return Ok(Written { value, replayed: false });
        }
        let delivery = self.inner.store.redeliver(context, self.now(), webhook, id).await?;
        self.inner.look.notify_one();
        Ok(delivery)
    }

    /// Has many deliveries made again, oldest first, at most [`oneoff_domain::limits::REDELIVERIES_MAX`]. Repeated under its
    /// idempotency key it makes again what of them was not yet, and nothing twice.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], [`oneoff_storage::Refusal::Invalid`] while the webhook is switched off, or the store's.
    pub async fn redeliver_many(
        &self,
        context: Context,
        id: WebhookId,
        filter: RedeliverFilter,
    ) -> Result<Written<Redelivered>, WebhookError> {
        let store = &self.inner.store;
        let webhook = self.get(&context, id).await?;
        let plan = store.plan_redelivery(webhook.key, filter).await?;
        if context.dry_run {
            check_active(&webhook).map_err(StoreError::Refused)?;
            return Ok(Written { value: redelivered(plan), replayed: false });
        }
        let begun = store.begin_redelivery(context.clone(), self.now(), id, plan).await?;
        // The key is of the whole.
        let context = Context { idempotency_key: None, ..context };
        let mut next = store.redelivery_left(webhook.key, filter, begun.value).await?;
        while let Some(from) = next {
            let (plan, part) = ((filter, begun.value), (from, REDELIVER_SLICE));
            next = store.redeliver_slice(context.clone(), self.now(), id, plan, part).await?;
            self.inner.look.notify_one();
        }
        Ok(Written { value: redelivered(begun.value), replayed: begun.replayed })
    }
}

fn redelivered(plan: RedeliveryPlan) -> Redelivered {
    Redelivered { redelivered: plan.deliveries, more: plan.more }
}
