//! Webhooks and deliveries on the wire.

use oneoff_api_types::{DeliveryView, SentRequestView, WebhookTestView, WebhookView};
use oneoff_domain::{Timestamp, WebhookId};
use oneoff_storage::Webhook;
use oneoff_storage::webhooks::{DeliveryRecord, PauseReason};
use oneoff_webhooks::{MadeWebhook, Tested};
use serde_json::{Map, Value};

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// A webhook as the API answers it, without its secrets.
pub(crate) fn webhook(webhook: Webhook) -> WebhookView {
    WebhookView {
        id: webhook.id.to_string(),
        name: webhook.name,
        url: webhook.url,
        events: webhook.events,
        project_ids: webhook.project_ids,
        tags: webhook.tags,
        job_types: webhook.job_types,
        preset: webhook.preset,
        template: webhook.template,
        has_secret: webhook.secret.is_some(),
        previous_secret_until: text(webhook.previous_secret_until),
        secret: None,
        is_active: webhook.is_active,
        paused_reason: webhook.paused_reason.map(PauseReason::as_str).map(str::to_owned),
        paused_at: text(webhook.paused_at),
        failing_since: text(webhook.failing_since),
        created_by: webhook.created_by,
        created_at: webhook.created_at.to_string(),
        updated_at: webhook.updated_at.to_string(),
        version: webhook.version,
    }
}

/// A webhook with the secret that was just made, for whoever made it.
pub(crate) fn made(made: MadeWebhook) -> WebhookView {
    let secret = made.secret.map(|secret| secret.expose().clone());
    WebhookView { secret, ..webhook(made.webhook.value) }
}

fn headers(headers: Vec<(String, String)>) -> Map<String, Value> {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let value = match map.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value,
        };
        map.insert(name, value.into());
    }
    map
}

/// Microseconds as milliseconds with decimals.
fn milliseconds(micros: i64) -> f64 {
    micros as f64 / 1_000.0
}

/// A delivery as the API answers it.
pub(crate) fn delivery(webhook: WebhookId, delivery: DeliveryRecord) -> DeliveryView {
    let payload = serde_json::from_str(&delivery.payload).unwrap_or(Value::String(delivery.payload));
    DeliveryView {
        id: delivery.id.to_string(),
        webhook_id: webhook.to_string(),
        event_type: delivery.event,
        event_sequence: delivery.event_sequence,
        project_id: delivery.project_id,
        payload,
        status: delivery.status.to_string(),
        request_url: delivery.request_url,
        request_headers: headers(delivery.request_headers),
        response_code: delivery.response_code,
        response_headers: headers(delivery.response_headers),
        response_body: delivery.response_body,
        error: delivery.error,
        attempts: delivery.attempts,
        next_retry_at: text(delivery.next_attempt_at),
        last_attempt_at: text(delivery.last_attempt_at),
        duration_ms: delivery.duration_us.map(milliseconds),
        created_at: delivery.created_at.to_string(),
        completed_at: text(delivery.completed_at),
    }
}

/// What became of trying a webhook out. `test sent` is what version 1 always answered; the rest is the truth of it.
pub(crate) fn tested(tested: Tested) -> WebhookTestView {
    let Tested { body, request, sent } = tested;
    let status = if sent.is_some() { "test sent" } else { "preview" };
    let delivered = sent.as_ref().is_some_and(oneoff_webhooks::Sent::is_delivered);
    let duration_ms = sent.as_ref().map(|sent| sent.duration.as_micros() as f64 / 1_000.0);
    let (response, error) = sent.map_or((None, None), |sent| (sent.response, sent.error));
    let (code, got, text) = match response {
        Some(response) => (Some(response.code), response.headers, Some(response.body)),
        None => (None, Vec::new(), None),
    };
    WebhookTestView {
        status: status.to_owned(),
        delivered,
        response_code: code,
        response_headers: headers(got),
        response_body: text,
        error,
        duration_ms,
        request: SentRequestView { url: request.url, headers: headers(request.headers), body },
    }
}
