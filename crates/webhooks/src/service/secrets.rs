//! Secrets of webhooks: sealed before they are stored, opened when something is signed.

use super::Webhooks;
use crate::error::WebhookError;
use crate::signature::WebhookSecret;
use oneoff_domain::{FieldError, Timestamp, WebhookId};
use oneoff_secrets::SecretString;
use oneoff_storage::Webhook;

impl Webhooks {
    pub(super) async fn seal(&self, id: WebhookId, secret: &SecretString) -> Result<String, WebhookError> {
        const HINT: &str = "name a file with SEALING_KEY_FILE, the same one on every node, or send \"secret\": null for \
            requests without a signature. Where the file is lost that was in use, bring it back, or make one with `openssl \
            rand -hex 32` and give every webhook another secret";
        let refused = |why: String| {
            let error = FieldError::new("/secret", format!("cannot be kept: {why}")).with_hint(HINT);
            WebhookError::field(error)
        };
        let random = self.inner.random.as_ref();
        // A key that is lost is not replaced in silence: what it sealed could not be opened any more, nor anybody know why.
        let is_in_use = self.inner.store.webhooks().await?.iter().any(|webhook| webhook.secret.is_some());
        let sealing = &self.inner.sealing;
        let key = if is_in_use { sealing.key_to_open() } else { sealing.key_to_seal(random) };
        let key = key.map_err(refused)?;
        let sealed = key.seal(secret.expose().as_bytes(), &id.to_string(), random);
        sealed.map_err(|error| refused(error.to_string()))
    }

    /// The secrets that sign at a time, the current one first; or why they cannot be had.
    pub(crate) fn secrets(&self, webhook: &Webhook, now: Timestamp) -> Result<Vec<WebhookSecret>, String> {
        let previous = webhook.previous_secret.as_ref();
        let previous = previous.filter(|_| webhook.previous_secret_until.is_some_and(|until| now < until));
        let sealed = webhook.secret.iter().chain(previous);
        sealed.map(|sealed| self.open(webhook.id, sealed)).collect()
    }

    fn open(&self, id: WebhookId, sealed: &str) -> Result<WebhookSecret, String> {
        let why = |error: String| format!("the secret cannot be opened: {error}");
        let key = self.inner.sealing.key_to_open().map_err(why)?;
        let opened = key.open(sealed, &id.to_string()).map_err(|error| why(error.to_string()))?;
        let text = std::str::from_utf8(opened.expose()).map_err(|error| why(error.to_string()))?;
        WebhookSecret::new(text).map_err(|error| error.to_string())
    }
}
