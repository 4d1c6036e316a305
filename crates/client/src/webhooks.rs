//! Calls about webhooks and their deliveries.

use crate::jobs::present;
use crate::transport::Call;
use crate::{Client, ClientError, idempotency};
use oneoff_api_types::{
    DeliveryView, List, Redeliver, RedeliveredView, RotateSecret, WebhookRequest, WebhookTestView,
    WebhookView,
};
use reqwest::Method;
use serde_json::{Map, Value};

/// Which deliveries of a webhook are listed. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryQuery {
    /// One of these: `pending`, `success`, `failed`.
    pub statuses: Vec<String>,
    /// Of this event.
    pub event: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Client {
    /// Makes a webhook. The answer has its secret, which is told this once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_webhook(&self, webhook: &WebhookRequest) -> Result<WebhookView, ClientError> {
        self.data_once(Call::post(&["webhooks"]).json(webhook)?, &idempotency::new_key()?).await
    }

    /// All webhooks, the newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn webhooks(&self) -> Result<List<WebhookView>, ClientError> {
        self.json(&Call::get(&["webhooks"])).await
    }

    /// A webhook.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn webhook(&self, id: &str) -> Result<WebhookView, ClientError> {
        self.data(&Call::get(&["webhooks", id])).await
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_webhook(&self, id: &str, patch: &WebhookRequest) -> Result<WebhookView, ClientError> {
        self.data(&Call::new(Method::PATCH, &["webhooks", id]).json(patch)?).await
    }

    /// Deletes a webhook and its deliveries.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_webhook(&self, id: &str) -> Result<(), ClientError> {
        self.empty(&Call::new(Method::DELETE, &["webhooks", id])).await
    }

    /// Gives a webhook another secret, which the answer tells this once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn rotate_webhook_secret(
        &self,
        id: &str,
        rotate: &RotateSecret,
    ) -> Result<WebhookView, ClientError> {
        let call = Call::post(&["webhooks", id, "rotate-secret"]).json(rotate)?;
        self.data_once(call, &idempotency::new_key()?).await
    }

    /// Tries a webhook out, with a sample of an event where one is named. A dry run sends nothing.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn test_webhook(
        &self,
        id: &str,
        event: Option<&str>,
        dry_run: bool,
    ) -> Result<WebhookTestView, ClientError> {
        let mut body = Map::new();
        body.extend(event.map(|event| ("event".to_owned(), Value::from(event))));
        let call = Call::post(&["webhooks", id, "test"]).json(&body)?;
        let call = if dry_run { call.query(vec![("dry_run", "true".to_owned())]) } else { call };
        self.data(&call).await
    }

    /// A page of the deliveries of a webhook, the newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn webhook_deliveries(
        &self,
        id: &str,
        query: &DeliveryQuery,
    ) -> Result<List<DeliveryView>, ClientError> {
        let statuses = (!query.statuses.is_empty()).then(|| query.statuses.join(","));
        let query = present([
            ("status", statuses),
            ("event", query.event.clone()),
            ("limit", query.limit.map(|rows| rows.to_string())),
            ("cursor", query.cursor.clone()),
        ]);
        self.json(&Call::get(&["webhooks", id, "deliveries"]).query(query)).await
    }

    /// A delivery of a webhook.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn webhook_delivery(&self, id: &str, delivery: &str) -> Result<DeliveryView, ClientError> {
        self.data(&Call::get(&["webhooks", id, "deliveries", delivery])).await
    }

    /// Has a delivery made again.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn redeliver(&self, id: &str, delivery: &str) -> Result<DeliveryView, ClientError> {
        let nothing = Map::<String, Value>::new();
        let call = Call::post(&["webhooks", id, "deliveries", delivery, "redeliver"]).json(&nothing)?;
        self.data_once(call, &idempotency::new_key()?).await
    }

    /// Has many deliveries made again.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn redeliver_many(&self, id: &str, which: &Redeliver) -> Result<RedeliveredView, ClientError> {
        self.redeliver_many_with_key(id, which, &idempotency::new_key()?).await
    }

    /// The same under an idempotency key: however often it is asked for, everything is made again once.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn redeliver_many_with_key(
        &self,
        id: &str,
        which: &Redeliver,
        key: &str,
    ) -> Result<RedeliveredView, ClientError> {
        self.data_once(Call::post(&["webhooks", id, "redeliver"]).json(which)?, key).await
    }

    /// The names of the events that a webhook can be told of.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn webhook_events(&self) -> Result<Vec<String>, ClientError> {
        self.data(&Call::get(&["webhook-events"])).await
    }
}
