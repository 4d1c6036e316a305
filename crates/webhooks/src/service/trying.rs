//! Trying a webhook out.

use super::{Tested, Webhooks, preset_of, url_of};
use crate::endpoint::sample;
use crate::error::WebhookError;
use crate::payload::test_payload;
use crate::sending::{self, Message};
use oneoff_domain::{Context, DeliveryId, EventKind, FieldError, WebhookId};
use oneoff_storage::webhooks::AttemptedRequest;

impl Webhooks {
    /// Tries a webhook out: with one attempt, also where it is switched off, which is neither kept nor repeated. With an
    /// event, what is sent is a sample of it. Of a dry run, only what would be sent is answered.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], a secret that cannot be opened, or the store's.
    pub async fn test(
        &self,
        context: &Context,
        id: WebhookId,
        event: Option<EventKind>,
    ) -> Result<Tested, WebhookError> {
        let webhook = self.get(context, id).await?;
        let now = self.now();
        let payload = event.map_or_else(|| test_payload(now), |kind| sample(kind, now));
        let url = url_of(&webhook)?;
        let preset = preset_of(&webhook);
        let body = preset.body(webhook.template.as_deref(), &url, &payload);
        let delivery = DeliveryId::generate(now, self.inner.random.as_ref()).to_string();
        let secrets = self
            .secrets(&webhook, now)
            .map_err(|error| WebhookError::field(FieldError::new("/secret", error)))?;
        let name = event.map_or("test", EventKind::as_str);
        let message = Message {
            id: &delivery,
            event: name,
            body: &body,
            target: preset.target(&url),
            secrets: &secrets,
        };
        if context.dry_run {
            let headers = message.request(now).headers;
            let request = AttemptedRequest { url: message.target.to_string(), headers };
            return Ok(Tested { body, request, sent: None });
        }
        let sent = sending::send(&self.inner.client, self.inner.settings.timeout, now, message).await;
        Ok(Tested { body, request: sent.request.clone(), sent: Some(sent) })
    }
}
