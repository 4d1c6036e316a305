//! Looking at deliveries, and having them made again.

use super::{Redelivered, Webhooks};
use crate::error::WebhookError;
use oneoff_domain::limits::REDELIVERIES_MAX;
use oneoff_domain::{Context, DeliveryId, WebhookId};
use oneoff_storage::Page;
use oneoff_storage::webhooks::{DeliveryFilter, DeliveryRecord, RedeliverFilter};

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
    ) -> Result<DeliveryRecord, WebhookError> {
        if context.dry_run {
            return self.delivery(&context, webhook, id).await;
        }
        let delivery = self.inner.store.redeliver(context, self.now(), webhook, id).await?;
        self.inner.look.notify_one();
        Ok(delivery)
    }

    /// Has many deliveries made again, oldest first, at most [`REDELIVERIES_MAX`].
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], [`oneoff_storage::Refusal::Invalid`] while the webhook is switched off, or the store's.
    pub async fn redeliver_many(
        &self,
        context: Context,
        webhook: WebhookId,
        filter: RedeliverFilter,
    ) -> Result<Redelivered, WebhookError> {
        let mut done = Redelivered::default();
        if context.dry_run {
            self.get(&context, webhook).await?;
            return Ok(done);
        }
        // An idempotency key is of the whole, of which each part is repeated without harm.
        let context = Context { idempotency_key: None, ..context };
        let most = usize::try_from(REDELIVERIES_MAX).unwrap_or(usize::MAX);
        let mut after = 0;
        while done.redelivered < most {
            let slice = self.inner.store.redeliver_slice(
                context.clone(),
                self.now(),
                webhook,
                filter,
                after,
                REDELIVER_SLICE,
            );
            let slice = slice.await?;
            self.inner.look.notify_one();
            done.redelivered += slice.redelivered;
            match slice.next {
                Some(next) => after = next,
                None => return Ok(done),
            }
        }
        done.more = true;
        Ok(done)
    }
}
