//! One attempt of a delivery: sent, and recorded with what follows.

use super::under_way::{BreakOff, End};
use crate::lead::Lead;
use crate::schedule::{Answer, Next};
use crate::sending::{self, Message, Sent};
use crate::service::{Webhooks, preset_of, url_of};
use crate::stats::add;
use oneoff_storage::StoreError;
use oneoff_storage::webhooks::{AttemptEnd, DueDelivery, EndedAttempt, PausePolicy, Recorded};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// When to try again to record what came of an attempt: after this, and then after twice as long each time.
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
        sent = caught(send(&webhooks, &delivery)) => sent,
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

/// What comes of sending, which fails where it panics: it is tried again when that is due, and not for ever.
async fn caught(sending: impl Future<Output = Result<Sent, String>>) -> Result<Sent, String> {
    let mut sending = pin!(sending);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| sending.as_mut().poll(context)));
        polled.unwrap_or_else(|_panic| {
            tracing::error!("an attempt to deliver a webhook panicked, and counts as failed");
            Poll::Ready(Err("the server failed to send it: its log says more".to_owned()))
        })
    })
    .await
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
/// to remember it. Only who has the role may write; a role that was lost and is had again will do, unless somebody else has
/// made the delivery due again in between: the store then leaves it as it is, and it is sent again.
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
            Ok(Recorded::Yes) => return tell(delivery, &ended),
            Ok(Recorded::No) => {
                let (id, webhook) = (delivery.id.to_string(), delivery.webhook.id.to_string());
                let (end, error) = (ended.end, ended.error.as_deref().unwrap_or_default());
                tracing::info!(
                    id,
                    webhook,
                    ?end,
                    error,
                    "what came of a webhook delivery is not recorded: it was before, or the delivery was made due again"
                );
                return;
            }
            Ok(Recorded::AndPaused(reason)) => {
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
                let (pause, is_to_tell) = pause_after_failure(&mut backoff);
                if is_to_tell {
                    let (id, webhook) = (delivery.id.to_string(), delivery.webhook.id.to_string());
                    tracing::warn!(
                        id,
                        webhook,
                        error = &error as &dyn std::error::Error,
                        "what came of a webhook delivery cannot be recorded: it is tried for as long as it takes"
                    );
                } else {
                    tracing::debug!(%error, "what came of a webhook delivery is not recorded yet");
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// How long to wait after a failure to record, and whether it has lasted so long that people are to hear of it: once, when
/// the pauses do not get longer any more.
fn pause_after_failure(backoff: &mut Duration) -> (Duration, bool) {
    let pause = *backoff;
    *backoff = (pause * 2).min(BACKOFF_MAX);
    (pause, pause < BACKOFF_MAX && *backoff == BACKOFF_MAX)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_while_it_is_sent_has_failed() {
        let panics = async {
            tokio::task::yield_now().await;
            std::panic::panic_any("a bug")
        };
        assert!(caught(panics).await.unwrap_err().contains("log"));
        assert_eq!(caught(async { Err("refused".to_owned()) }).await.unwrap_err(), "refused");
    }

    #[test]
    fn people_hear_once_of_what_cannot_be_recorded_for_long() {
        let mut backoff = BACKOFF;
        let pauses: Vec<(Duration, bool)> = (0..100).map(|_| pause_after_failure(&mut backoff)).collect();
        let before: Duration =
            pauses.iter().take_while(|(_, is_to_tell)| !is_to_tell).map(|(pause, _)| *pause).sum();
        assert_eq!(before, Duration::from_secs(3), "a short outage is nothing to tell");
        assert_eq!(pauses.iter().filter(|(_, is_to_tell)| *is_to_tell).count(), 1);
        assert_eq!(pauses.last(), Some(&(BACKOFF_MAX, false)));
    }
}
