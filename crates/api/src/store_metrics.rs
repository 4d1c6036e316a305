//! Gauges of the database, which it is asked for: what was seen a short while ago where it does not answer at once.

use crate::exposition::Exposition;
use crate::look::{Known, Look};
use crate::node_metrics;
use oneoff_domain::Timestamp;
use oneoff_scheduler::{NodeStatus, Service};
use oneoff_storage::Gauges;
use std::sync::Arc;
use std::time::Duration;

/// For how long the answer waits for the database.
const PATIENCE: Duration = Duration::from_millis(700);
/// Those who ask within that time get the same.
const FRESH: Duration = Duration::from_millis(500);
/// What was seen longer ago is left out.
const KEPT: Duration = Duration::from_secs(60);

/// What was seen at one time.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    gauges: Gauges,
    nodes: Arc<Vec<NodeStatus>>,
    /// Events of which this node does not know yet what they changed, where others write them, too.
    unfollowed_events: Option<u64>,
    at: Timestamp,
}

/// Looks at the database, and keeps what was seen.
#[derive(Default)]
pub(crate) struct StoreMetrics(Look<Seen>);

impl StoreMetrics {
    /// Writes out what is known within a moment.
    pub(crate) async fn write(&self, text: &mut Exposition, service: &Service) {
        let look = || look(service.clone());
        let now = self.0.ask(|known| known.age < FRESH, PATIENCE, look).await;
        let kept = || self.0.known().filter(|known| known.age < KEPT).map(|Known { value, .. }| value);
        let Some(seen) = now.or_else(kept) else {
            return node_metrics::write(text, &[service.own_node()]);
        };
        node_metrics::write(text, &seen.nodes);
        write(text, &seen, service.now());
    }
}

async fn look(service: Service) -> Option<Seen> {
    let (gauges, nodes) = tokio::join!(service.gauges(), service.nodes());
    match gauges {
        Ok(gauges) => {
            let behind = |followed: i64| u64::try_from(gauges.last_event - followed).unwrap_or(0);
            let unfollowed_events = service.followed_event().map(behind);
            Some(Seen { gauges, nodes: Arc::new(nodes), unfollowed_events, at: service.now() })
        }
        Err(error) => {
            tracing::debug!(%error, "the database is not known to the metrics");
            None
        }
    }
}

fn write(text: &mut Exposition, seen: &Seen, now: Timestamp) {
    let Seen { gauges, unfollowed_events, at, .. } = seen;
    let space = &gauges.space;
    let bytes = |bytes: u64| bytes as f64;
    let mut gauge = |name, help, value: Option<f64>| text.gauge(name, help, value);
    gauge(
        "oneoff_database_bytes",
        "Size of the database without its write-ahead log",
        Some(bytes(space.database_bytes)),
    );
    gauge(
        "oneoff_database_free_bytes",
        "The part of the database that is free to be used again",
        space.free_bytes.map(bytes),
    );
    gauge("oneoff_wal_bytes", "Size of the write-ahead log", space.wal_bytes.map(bytes));
    gauge("oneoff_output_bytes", "Output of executions that is kept", Some(bytes(space.output_bytes)));
    gauge(
        "oneoff_next_due_timestamp_seconds",
        "When the next job is due, as a Unix time; absent where none waits",
        gauges.next_due.map(|due| due.as_micros() as f64 / 1e6),
    );
    gauge(
        "oneoff_events_unnumbered",
        "Events that were written and cannot be read yet, as they have no number; counted up to 10000",
        gauges.unnumbered_events.map(bytes),
    );
    gauge(
        "oneoff_events_unfollowed",
        "Events of which this node does not know yet what other nodes changed",
        unfollowed_events.map(bytes),
    );
    let webhooks = gauges.webhooks;
    gauge(
        "oneoff_webhook_outbox_lag_events",
        "Events of the outbox that webhooks were not yet told of; 0 without webhooks",
        Some(bytes(webhooks.events)),
    );
    gauge(
        "oneoff_webhook_deliveries_due",
        "Webhook deliveries that are due and not made; counted up to 10000",
        Some(bytes(webhooks.due)),
    );
    gauge(
        "oneoff_webhook_oldest_due_seconds",
        "For how long the oldest webhook delivery is due that is not made; 0 where none is",
        Some(webhooks.oldest_due_at.map_or(0.0, |due| now.since(due).as_secs_f64())),
    );
    gauge(
        "oneoff_database_seen_seconds",
        "How long ago the database told what is said here of it",
        Some(now.since(*at).as_secs_f64()),
    );
}
