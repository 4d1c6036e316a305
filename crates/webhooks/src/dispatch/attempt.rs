//! One attempt of a delivery: sent, and recorded with what follows.

use super::under_way::{BreakOff, End};
use crate::lead::Lead;
use crate::schedule::{Answer, Next};
use crate::sending::{self, Message, Sent};
use crate::service::{Webhooks, preset_of, url_of};
use crate::stats::add;
use oneoff_storage::StoreError;
use oneoff_storage::webhooks::{AttemptEnd, DueDelivery, EndedAttempt, PausePolicy};
use std::sync::Arc;
use std::time::Duration;

/// When to try again to record what came of an attempt.
const BACKOFF: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Makes an attempt and records it. One that is broken off before it has an answer records nothing: nobody knows what the
/// receiver has, and the delivery is made again.
pub(super) async fn make(
    webhooks: Webhooks,
    lead: Arc<dyn Lead>,
    delivery: DueDelivery,
    mut break_off: BreakOff,
) -> End {
    let sent = tokio::select! {
        biased;
        sent = send(&webhooks, &delivery) => sent,
        () = break_off.told() => return End::Left,
    };
    let (ended, answer_at) = (ended(&webhooks, &delivery, sent), webhooks.inner.clock.now());
    let end = if ended.end == AttemptEnd::Delivered { End::Delivered } else { End::Failed };
    let failing_before = answer_at.saturating_sub(webhooks.inner.settings.pause_after);
    record(&webhooks, lead.as_ref(), &delivery, ended, PausePolicy { failing_before }).await;
    end
}

async fn send(webhooks: &Webhooks, delivery: &DueDelivery) -> Result<Sent, String> {
    let inner = &webhooks.inner;
    let webhook = &delivery.webhook;
    let now = inner.clock.now();
    let url = url_of(webhook).map_err(|error| error.to_string())?;
    let secrets = webhooks.secrets(webhook, now)?;
    let message = Message {
        id: &delivery.id.to_string(),
        event: &delivery.event,
        body: &delivery.payload,
        target: preset_of(webhook).target(&url),
        secrets: &secrets,
    };
    Ok(sending::send(&inner.client, inner.settings.timeout, now, message).await)
}

fn ended(webhooks: &Webhooks, delivery: &DueDelivery, sent: Result<Sent, String>) -> EndedAttempt {
    let inner = &webhooks.inner;
    let answer = sent.as_ref().map_or(Answer::None, |sent| sent.answer);
    let next = inner.settings.schedule.after_attempt(
        answer,
        delivery.tries,
        delivery.first_attempt_at,
        inner.clock.now(),
        inner.random.next_u64(),
    );
    let (end, counter) = match next {
        Next::Delivered => (AttemptEnd::Delivered, &inner.stats.delivered),
        Next::RetryAt(at) => (AttemptEnd::RetryAt(at), &inner.stats.retried),
        Next::GiveUp => (AttemptEnd::GivenUp, &inner.stats.failed),
        Next::Gone => (AttemptEnd::Gone, &inner.stats.failed),
    };
    add(counter, 1);
    let (claimed, webhook_key) = (delivery.claimed(), delivery.webhook.key);
    match sent {
        Ok(sent) => EndedAttempt {
            claimed,
            webhook_key,
            end,
            duration_us: i64::try_from(sent.duration.as_micros()).unwrap_or(i64::MAX),
            request: Some(sent.request),
            response: sent.response,
            error: sent.error,
        },
        Err(error) => EndedAttempt {
            claimed,
            webhook_key,
            end,
            duration_us: 0,
            request: None,
            response: None,
            error: Some(error),
        },
    }
}

/// Records the attempt, however long the store takes: an answer that was received is not forgotten while there is anybody
/// to remember it. Only who has the role may write; a role that was lost and is had again will do, as an attempt of
/// somebody else in between has another number.
async fn record(
    webhooks: &Webhooks,
    lead: &dyn Lead,
    delivery: &DueDelivery,
    ended: EndedAttempt,
    pause: PausePolicy,
) {
    let inner = &webhooks.inner;
    let mut backoff = BACKOFF;
    loop {
        lead.held().await;
        match inner.store.end_delivery_attempt(inner.clock.now(), ended.clone(), pause).await {
            Ok(None) => return tell(delivery, &ended),
            Ok(Some(reason)) => {
                let (webhook, name) = (delivery.webhook.id.to_string(), &delivery.webhook.name);
                tracing::warn!(
                    webhook,
                    name,
                    %reason,
                    "a webhook is switched off: what it misses is kept as failed; switch it on again and redeliver"
                );
                return;
            }
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::debug!(%error, "what came of a webhook delivery is not recorded yet");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

fn tell(delivery: &DueDelivery, ended: &EndedAttempt) {
    let (id, webhook) = (delivery.id.to_string(), delivery.webhook.id.to_string());
    let error = ended.error.as_deref().unwrap_or_default();
    match ended.end {
        AttemptEnd::Delivered => tracing::debug!(id, webhook, "a webhook delivery has arrived"),
        AttemptEnd::RetryAt(at) => {
            tracing::debug!(id, webhook, %at, error, "a webhook delivery failed and is tried again");
        }
        AttemptEnd::GivenUp | AttemptEnd::Gone => {
            tracing::warn!(id, webhook, error, "a webhook delivery is given up: it can be made again");
        }
    }
}
