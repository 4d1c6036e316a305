//! Secrets of webhooks: sealed before they are stored, opened when something is signed.

use super::Webhooks;
use crate::error::WebhookError;
use crate::signature::WebhookSecret;
use oneoff_domain::{FieldError, Timestamp, WebhookId};
use oneoff_secrets::SecretString;
use oneoff_storage::Webhook;

impl Webhooks {
    pub(super) fn seal(&self, id: WebhookId, secret: &SecretString) -> Result<String, WebhookError> {
        let Some(key) = &self.inner.sealing else {
            let error = FieldError::new("/secret", "cannot be kept, as this server has no key to seal it with").with_hint(
                "set SEALING_KEY_FILE to the same key on every node, or send \"secret\": null for requests without a signature",
            );
            return Err(WebhookError::field(error));
        };
        let sealed = key.seal(secret.expose().as_bytes(), &id.to_string(), self.inner.random.as_ref());
        sealed.map_err(|error| WebhookError::field(FieldError::new("/secret", error.to_string())))
    }

    /// The secrets that sign at a time, the current one first; or why they cannot be had.
    pub(crate) fn secrets(&self, webhook: &Webhook, now: Timestamp) -> Result<Vec<WebhookSecret>, String> {
        let previous = webhook.previous_secret.as_ref();
        let previous = previous.filter(|_| webhook.previous_secret_until.is_some_and(|until| now < until));
        let sealed = webhook.secret.iter().chain(previous);
        sealed.map(|sealed| self.open(webhook.id, sealed)).collect()
    }

    fn open(&self, id: WebhookId, sealed: &str) -> Result<WebhookSecret, String> {
        let Some(key) = &self.inner.sealing else {
            return Err("the secret cannot be opened: this server has no SEALING_KEY_FILE".to_owned());
        };
        let opened = key.open(sealed, &id.to_string()).map_err(|error| format!("the secret cannot be opened: {error}"))?;
        let text = std::str::from_utf8(opened.expose()).map_err(|_| "the secret is no text".to_owned())?;
        WebhookSecret::new(text).map_err(|error| error.to_string())
    }
}
