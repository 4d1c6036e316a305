//! Lists of deliveries, and one of them.

use super::delivery::{self, DeliveryRecord, DeliveryStatus};
use super::row;
use crate::lists;
use crate::{Page, Store, StoreError};
use oneoff_domain::{DeliveryId, Timestamp, WebhookId};

/// Which deliveries of a webhook are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// One of these; empty is any.
    pub statuses: Vec<DeliveryStatus>,
    /// Of this event.
    pub event: Option<String>,
    /// Made at or after this.
    pub from: Option<Timestamp>,
    /// Made at or before this.
    pub to: Option<Timestamp>,
}

impl Store {
    /// A page of the deliveries of a webhook, the newest first; `None` where there is no such webhook.
    ///
    /// # Errors
    /// [`crate::Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn deliveries(
        &self,
        webhook: WebhookId,
        filter: DeliveryFilter,
        limit: u32,
        cursor: Option<String>,
        with_total: bool,
    ) -> Result<Option<Page<DeliveryRecord>>, StoreError> {
        let query = move |conn: &mut crate::connection::AnyConnection| {
            let Some(webhook) = row::by_id(conn, webhook)? else { return Ok(None) };
            lists::deliveries::list(conn, webhook.key, filter, limit, cursor.as_deref(), with_total).map(Some)
        };
        self.inner.reader.read(query).await
    }

    /// A delivery of a webhook.
    ///
    /// # Errors
    /// The database's.
    pub async fn delivery(
        &self,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let query = move |conn: &mut crate::connection::AnyConnection| {
            let Some(webhook) = row::by_id(conn, webhook)? else { return Ok(None) };
            delivery::by_id(conn, webhook.key, id)
        };
        self.inner.reader.read(query).await
    }
}
