//! Webhooks and their deliveries on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A webhook. Its secrets are never among it, except once for whoever made them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookView {
    /// UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Names of events, `job.*` or `*`.
    pub events: Vec<String>,
    /// Of which projects; empty is any.
    pub project_ids: Vec<String>,
    /// Of jobs with one of these tags; empty is any.
    pub tags: Vec<String>,
    /// Of jobs of one of these types; empty is any.
    pub job_types: Vec<String>,
    /// `generic`, `slack`, `discord`, `teams` or `ntfy`.
    pub preset: String,
    /// Its own form in place of the preset's.
    pub template: Option<String>,
    /// Whether requests are signed.
    pub has_secret: bool,
    /// Until when the secret before signs, too.
    pub previous_secret_until: Option<String>,
    /// The new secret: only in the answer to the request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether it is told of events.
    pub is_active: bool,
    /// Why the server switched it off: `gone` or `failing`.
    pub paused_reason: Option<String>,
    /// When it did.
    pub paused_at: Option<String>,
    /// Since when nothing could be delivered.
    pub failing_since: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Raised by every change.
    pub version: i64,
}

/// `POST /api/webhooks`, and with all of it optional `PATCH`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct WebhookRequest {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where deliveries go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names of events, `job.*` or `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Of which projects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_ids: Option<Vec<String>>,
    /// Of jobs with one of these tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Of jobs of one of these types.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_types: Option<Vec<String>>,
    /// The form in which it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Its own form in place of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Its secret; without one it gets one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether it is told of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// `POST /api/webhooks/{id}/rotate-secret`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RotateSecret {
    /// The new secret; without one it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// For how long the present one signs, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<i64>,
}

/// A request as it was sent, or would be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SentRequestView {
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Map<String, Value>,
    /// Its body.
    pub body: String,
}

/// What became of trying a webhook out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookTestView {
    /// `test sent`, or `preview` of a dry run.
    pub status: String,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// The status of the response.
    pub response_code: Option<u16>,
    /// Its headers.
    pub response_headers: Map<String, Value>,
    /// The beginning of its body.
    pub response_body: Option<String>,
    /// Why it was not taken.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: Option<f64>,
    /// What was sent.
    pub request: SentRequestView,
}

/// A delivery: one event for one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeliveryView {
    /// UUID, which receivers see as `webhook-id`.
    pub id: String,
    /// The webhook.
    pub webhook_id: String,
    /// The name of the event.
    pub event_type: String,
    /// The number of the event in the outbox.
    pub event_sequence: i64,
    /// The project of the event.
    pub project_id: String,
    /// The body that is sent.
    pub payload: Value,
    /// `pending`, `success` or `failed`, which is a dead letter.
    pub status: String,
    /// The URL of the last attempt.
    pub request_url: Option<String>,
    /// The headers of the last attempt.
    pub request_headers: Map<String, Value>,
    /// The status of the last response.
    pub response_code: Option<u16>,
    /// Its headers.
    pub response_headers: Map<String, Value>,
    /// The beginning of its body.
    pub response_body: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Attempts in all.
    pub attempts: u32,
    /// When the next one begins; of a pending one null while it waits for an earlier one of its job.
    pub next_retry_at: Option<String>,
    /// When the last one began.
    pub last_attempt_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<f64>,
    /// When it was made.
    pub created_at: String,
    /// When it arrived or was given up.
    pub completed_at: Option<String>,
}

/// `POST /api/webhooks/{id}/redeliver`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Redeliver {
    /// `failed`, the default, or `success`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Made at or after this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Made at or before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What a redelivery of many did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RedeliveredView {
    /// Deliveries that are due again.
    pub redelivered: u64,
    /// Whether there may be more.
    pub more: bool,
}
