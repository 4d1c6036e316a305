//! What can be set about webhooks.

use crate::schedule::Schedule;
use std::time::Duration;

/// What can be set about webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// When a delivery is tried again.
    pub schedule: Schedule,
    /// How long one attempt may take, from the connection to the end of the response.
    pub timeout: Duration,
    /// A webhook to which nothing could be delivered for so long is switched off.
    pub pause_after: Duration,
    /// Attempts that are under way at the same time, of all webhooks.
    pub concurrency: usize,
    /// The same, of one webhook; of one that fails, one.
    pub concurrency_per_webhook: usize,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            timeout: Duration::from_secs(30),
            pause_after: Duration::from_secs(3 * 24 * 3600),
            concurrency: 64,
            concurrency_per_webhook: 8,
        }
    }
}
