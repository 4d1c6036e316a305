//! From the outbox to deliveries, a batch at a time.

use crate::endpoint::{lane, may_want, wants};
use crate::output_text::OUTPUT_MAX_BYTES;
use crate::payload::payload;
use crate::service::{Webhooks, body_for};
use crate::stats::add;
use oneoff_domain::{DeliveryId, EventKind, NewEvent};
use oneoff_storage::webhooks::{EventRecord, Intake, NewDelivery, PauseReason};
use oneoff_storage::{Catalog, StoreError, Webhook};
use serde_json::{Map, json};
use std::collections::HashSet;

/// Events that are read at a time.
const EVENTS: usize = 100;
/// Deliveries of one commit, at least; those of an event are made together. Claims of jobs wait for no more of them.
const DELIVERIES: usize = 100;

/// What was taken in.
#[derive(Debug, Default)]
pub(super) struct TookIn {
    /// All webhooks.
    pub(super) webhooks: HashSet<i64>,
    /// Those that have something new to be sent.
    pub(super) told: HashSet<i64>,
    /// Whether any of them may have something to be sent, as some were changed or deliveries are made again.
    pub(super) look_at_all: bool,
    /// Whether there are more events.
    pub(super) more: bool,
}

/// Makes deliveries of the next events.
pub(super) async fn take_in(webhooks: &Webhooks) -> Result<TookIn, StoreError> {
    let inner = &webhooks.inner;
    let wanted = |all: &[Webhook], event: &oneoff_domain::Event| {
        is_of_webhooks(event.event.kind) || all.iter().any(|webhook| may_want(webhook, event))
    };
    let mut intake = inner.store.webhook_intake(EVENTS, OUTPUT_MAX_BYTES, wanted).await?;
    name_tags(&mut intake.records, &inner.store.catalog());
    let all = intake.webhooks.iter().map(|webhook| webhook.key).collect();
    let mut took_in = TookIn { webhooks: all, more: intake.more, ..TookIn::default() };
    if intake.webhooks.is_empty() || intake.next == intake.cursor {
        return Ok(took_in);
    }
    let mut batch = Batch { cursor: intake.cursor, new: Vec::new(), lost: None };
    batch.lost = intake.lost.map(|lost| tell_lost(webhooks, &intake, lost));
    for record in &intake.records {
        took_in.look_at_all |= is_of_webhooks(record.event.event.kind);
        let mut told = None;
        for webhook in intake.webhooks.iter().filter(|webhook| wants(webhook, record)) {
            let payload = told.get_or_insert_with(|| payload(record));
            let id = DeliveryId::generate(inner.clock.now(), inner.random.as_ref());
            batch.new.push(delivery(id, webhook, record, body_for(webhook, payload)));
            took_in.told.insert(webhook.key);
        }
        if batch.new.len() >= DELIVERIES && !batch.commit(webhooks, record.event.sequence).await? {
            return Ok(took_in);
        }
    }
    batch.commit(webhooks, intake.next).await?;
    Ok(took_in)
}

/// Deliveries that are made in one commit, with the move of the cursor past their events.
struct Batch {
    /// The cursor as it is stored.
    cursor: i64,
    new: Vec<NewDelivery>,
    /// What is told of events before them that are gone.
    lost: Option<NewEvent>,
}

impl Batch {
    /// Makes them, and begins the next one; answers whether the cursor is this node's to move.
    async fn commit(&mut self, webhooks: &Webhooks, next: i64) -> Result<bool, StoreError> {
        if next == self.cursor {
            return Ok(true);
        }
        let inner = &webhooks.inner;
        let (new, lost) = (std::mem::take(&mut self.new), self.lost.take());
        let is_ours = inner.store.make_deliveries(inner.clock.now(), self.cursor, next, new, lost).await?;
        if !is_ours {
            tracing::debug!("another node has made deliveries of these events");
        }
        self.cursor = next;
        Ok(is_ours)
    }
}

/// Receivers and filters know tags by their names, as they are now.
fn name_tags(records: &mut [EventRecord], catalog: &Catalog) {
    for job in records.iter_mut().filter_map(|record| record.job.as_mut()) {
        let tags = &mut job.definition.tags;
        *tags = catalog.tags_of(tags).into_iter().map(|tag| tag.name).collect();
    }
}

/// What changes which deliveries are due, on whichever node.
fn is_of_webhooks(kind: EventKind) -> bool {
    matches!(kind, EventKind::WebhookUpdated | EventKind::WebhookPaused | EventKind::WebhookRedelivered)
}

fn delivery(id: DeliveryId, webhook: &Webhook, record: &EventRecord, payload: String) -> NewDelivery {
    let dead = match webhook.paused_reason {
        _ if webhook.is_active => None,
        Some(PauseReason::Gone) => Some("the webhook was off: its receiver is gone (410)"),
        Some(PauseReason::Failing) => Some("the webhook was off: nothing could be delivered for too long"),
        None => Some("the webhook was off"),
    };
    NewDelivery {
        id,
        webhook_key: webhook.key,
        event_sequence: record.event.sequence,
        event: record.event.event.kind.to_string(),
        lane: lane(&record.event.event),
        project_id: record.event.event.project_id.clone(),
        payload,
        dead: dead.map(str::to_owned),
    }
}

/// Events are gone that webhooks were to be told of: that is said where people see it, and to webhooks that want it.
fn tell_lost(webhooks: &Webhooks, intake: &Intake, (from, to): (i64, i64)) -> NewEvent {
    let count = u64::try_from(to - from + 1).unwrap_or(0);
    add(&webhooks.inner.stats.lost_events, count);
    tracing::error!(
        from,
        to,
        count,
        newest = intake.newest,
        "events were removed before webhooks were told of them: keep events for longer (EVENT_RETENTION_DAYS) than this \
         server is down or behind"
    );
    let data: Map<_, _> =
        [("from".to_owned(), json!(from)), ("to".to_owned(), json!(to)), ("count".to_owned(), json!(count))]
            .into_iter()
            .collect();
    NewEvent {
        kind: EventKind::WebhookEventsLost,
        job_id: None,
        execution_id: None,
        project_id: "default".to_owned(),
        data,
    }
}
