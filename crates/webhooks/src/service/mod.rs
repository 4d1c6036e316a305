//! What people do with webhooks: make, change and delete them, try them out, look at deliveries and have them made again.

mod change;
mod deliveries;
mod secrets;
mod trying;

use crate::dispatcher_state::{DispatcherState, StateCell};
use crate::error::WebhookError;
use crate::preset::Preset;
use crate::sealing::Sealing;
use crate::sending::Sent;
use crate::settings::WebhookSettings;
use crate::stats::{Stats, WebhookCounts};
use oneoff_domain::{Clock, Context, FieldError, Random, Timestamp, WebhookId};
use oneoff_outbound::{BuildError, ClientSettings, EgressPolicy, OutboundClient};
use oneoff_secrets::SecretString;
use oneoff_storage::webhooks::AttemptedRequest;
use oneoff_storage::{Store, Webhook, Written};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Notify;
use url::Url;

/// Webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhooks")
    }
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) client: OutboundClient,
    pub(crate) sealing: Sealing,
    pub(crate) settings: WebhookSettings,
    /// Rung when something may be to do that no event of this node tells of at once.
    pub(crate) look: Notify,
    pub(crate) stats: Stats,
    pub(crate) dispatcher: StateCell,
}

/// A webhook that was written, and its new secret, which is told this once.
#[derive(Debug, Clone)]
pub struct MadeWebhook {
    /// The record.
    pub webhook: Written<Webhook>,
    /// The secret, where it is a new one.
    pub secret: Option<SecretString>,
}

/// What became of trying a webhook out.
#[derive(Debug, Clone, PartialEq)]
pub struct Tested {
    /// The body that is sent.
    pub body: String,
    /// The request that is or would be made.
    pub request: AttemptedRequest,
    /// What came of it; nothing was sent where it is `None`.
    pub sent: Option<Sent>,
}

/// What a redelivery of many did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redelivered {
    /// Deliveries that are due again.
    pub redelivered: usize,
    /// Whether there may be more.
    pub more: bool,
}

impl Webhooks {
    /// Webhooks of a store, which call out as the policy allows.
    ///
    /// # Errors
    /// [`BuildError`] when TLS cannot be set up.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        policy: EgressPolicy,
        sealing: Sealing,
        settings: WebhookSettings,
    ) -> Result<Self, BuildError> {
        let client = OutboundClient::new(ClientSettings::new(policy))?;
        let (look, stats, dispatcher) = (Notify::new(), Stats::default(), StateCell::default());
        let inner = Inner { store, clock, random, client, sealing, settings, look, stats, dispatcher };
        Ok(Self { inner: Arc::new(inner) })
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// What was delivered and what was not, since the start of this process.
    #[must_use]
    pub fn counts(&self) -> WebhookCounts {
        self.inner.stats.counts()
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn timeout(&self) -> std::time::Duration {
        self.inner.settings.timeout
    }

    /// What sends deliveries on this node.
    #[must_use]
    pub fn dispatcher(&self) -> DispatcherState {
        self.inner.dispatcher.get()
    }

    /// All webhooks that the actor may see, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(&self, context: &Context) -> Result<Vec<Webhook>, WebhookError> {
        let mut all = self.inner.store.webhooks().await?;
        all.retain(|webhook| webhook.is_allowed(context.allowed_projects.as_deref()));
        all.reverse();
        Ok(all)
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`], or the store's.
    pub async fn get(&self, context: &Context, id: WebhookId) -> Result<Webhook, WebhookError> {
        let found = self.inner.store.webhook(id).await?;
        let found = found.filter(|webhook| webhook.is_allowed(context.allowed_projects.as_deref()));
        found.ok_or_else(|| WebhookError::not_found("webhook", id))
    }
}

/// The URL of a webhook, which was one when it was stored.
pub(crate) fn url_of(webhook: &Webhook) -> Result<Url, WebhookError> {
    Url::parse(&webhook.url)
        .map_err(|error| WebhookError::field(FieldError::new("/url", format!("is not a URL: {error}"))))
}

/// The form of a webhook; that of one which only a later version knows is the payload itself.
pub(crate) fn preset_of(webhook: &Webhook) -> Preset {
    webhook.preset.parse().unwrap_or_default()
}

/// The body for a webhook.
pub(crate) fn body_for(webhook: &Webhook, payload: &Value) -> String {
    match url_of(webhook) {
        Ok(url) => preset_of(webhook).body(webhook.template.as_deref(), &url, payload),
        Err(_unusable) => payload.to_string(),
    }
}
