//! What is claimed of deliveries, and what is recorded of an attempt.

use super::row::{PauseReason, Webhook};
use oneoff_domain::{DeliveryId, Timestamp};

/// For which webhooks deliveries are claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The key of a webhook, and how many may be begun.
    pub rooms: Vec<(i64, usize)>,
    /// When an attempt is given up that nobody ends.
    pub until: Timestamp,
    /// What whoever claims has under way itself, however long ago it was claimed.
    pub under_way: Vec<ClaimedAttempt>,
}

/// An attempt at a delivery that was claimed, and is not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimedAttempt {
    /// The delivery.
    pub key: i64,
    /// [`DueDelivery::attempts`].
    pub attempts: i64,
}

/// A delivery that is being attempted.
#[derive(Debug, Clone, PartialEq)]
pub struct DueDelivery {
    /// The store's key.
    pub key: i64,
    /// Its outer name.
    pub id: DeliveryId,
    /// The webhook as it is now.
    pub webhook: Webhook,
    /// The name of the event.
    pub event: String,
    /// The body to be sent.
    pub payload: String,
    /// Attempts in all, this one counted: what shows that it is still this one.
    pub attempts: i64,
    /// Attempts before this one since its schedule began.
    pub tries: usize,
    /// When its schedule began.
    pub first_attempt_at: Timestamp,
}

impl DueDelivery {
    /// What names this attempt.
    #[must_use]
    pub fn claimed(&self) -> ClaimedAttempt {
        ClaimedAttempt { key: self.key, attempts: self.attempts }
    }
}

/// What was claimed, and when the rest is due.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Claimed {
    /// Deliveries to be sent.
    pub due: Vec<DueDelivery>,
    /// When the next delivery of a webhook is due, where it has one.
    pub next: Vec<(i64, Option<Timestamp>)>,
}

/// The request as it was sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptedRequest {
    /// Where to.
    pub url: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
}

/// The response as far as it is kept.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptedResponse {
    /// The status.
    pub code: u16,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body.
    pub body: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// The receiver has it.
    Delivered,
    /// It is tried again then.
    RetryAt(Timestamp),
    /// It is given up.
    GivenUp,
    /// It is given up, and so is the receiver, which said that it is gone.
    Gone,
}

/// When a webhook is switched off by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PausePolicy {
    /// If nothing could be delivered since before this.
    pub failing_before: Timestamp,
}

/// Whether the end of an attempt was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was.
    Yes,
    /// It was, and the webhook is switched off for that.
    AndPaused(PauseReason),
    /// The attempt was not under way any more: the delivery is left as it was found.
    No,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedAttempt {
    /// Which one.
    pub claimed: ClaimedAttempt,
    /// The webhook of its delivery.
    pub webhook_key: i64,
    /// How it ended.
    pub end: AttemptEnd,
    /// What was sent, if it came to that.
    pub request: Option<AttemptedRequest>,
    /// What came back.
    pub response: Option<AttemptedResponse>,
    /// Why it failed.
    pub error: Option<String>,
    /// How long it took.
    pub duration_us: i64,
}
