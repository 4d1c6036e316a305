//! The Prometheus recorder and `GET /metrics`.

use crate::node_metrics;
use crate::problem::ApiError;
use crate::state::ApiState;
use actix_web::{HttpResponse, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oneoff_storage::Space;
use oneoff_webhooks::Webhooks;
use std::fmt;
use std::time::Duration;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of every histogram of seconds: from a millisecond to an hour.
const SECONDS_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
    3600.0,
];

/// Why the recorder cannot be installed.
#[derive(Debug, thiserror::Error)]
#[error("the metrics recorder cannot be installed")]
pub struct MetricsError(#[source] metrics_exporter_prometheus::BuildError);

/// The installed recorder, which renders its metrics as text.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl fmt::Debug for MetricsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MetricsHandle")
    }
}

impl MetricsHandle {
    /// Makes a recorder the one of this process.
    ///
    /// # Errors
    /// [`MetricsError`] when the process already has one.
    pub fn install() -> Result<Self, MetricsError> {
        let seconds = Matcher::Suffix("_seconds".to_owned());
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, SECONDS_BUCKETS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(MetricsError)?;
        describe();
        Ok(Self(handle))
    }

    /// All metrics in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Moves samples into their buckets once a minute, so that they take little memory when nobody scrapes.
    pub(crate) async fn keep_up(&self) {
        let mut minute = tokio::time::interval(Duration::from_secs(60));
        loop {
            minute.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn describe() {
    metrics::describe_gauge!("oneoff_uptime_seconds", "Time since the server started");
    metrics::describe_gauge!("oneoff_workers_total", "Worker slots");
    metrics::describe_gauge!(
        "oneoff_search_unindexed_jobs",
        "New and edited jobs that the search index does not have yet, which each search looks at one by one"
    );
    metrics::describe_gauge!("oneoff_workers_active", "Worker slots in use");
    metrics::describe_gauge!("oneoff_jobs_queued", "Jobs that are due and wait for a slot");
    metrics::describe_gauge!("oneoff_database_bytes", "Size of the database without its write-ahead log");
    metrics::describe_gauge!(
        "oneoff_database_free_bytes",
        "The part of the database that is free to be used again"
    );
    metrics::describe_gauge!("oneoff_wal_bytes", "Size of the write-ahead log");
    metrics::describe_gauge!("oneoff_output_bytes", "Output of executions that is kept");
    metrics::describe_counter!(
        "oneoff_webhook_deliveries_total",
        "Webhook deliveries that arrived (success) or were given up (failed), and attempts that are followed by another (retried)"
    );
    metrics::describe_counter!(
        "oneoff_webhook_events_lost_total",
        "Events that were removed before webhooks were told of them"
    );
    metrics::describe_gauge!(
        "oneoff_webhook_outbox_lag_events",
        "Events of the outbox that webhooks were not yet told of; 0 without webhooks"
    );
    node_metrics::describe();
    metrics::describe_counter!("oneoff_http_requests_total", "Requests by method, path and status");
    metrics::describe_histogram!("oneoff_http_request_duration_seconds", "Time to the head of the answer");
}

/// `GET /metrics`.
pub(crate) async fn get(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let Some(handle) = &state.settings.metrics else {
        return Err(ApiError::new(
            crate::error_table::ErrorCode::NotFound,
            "metrics are switched off: METRICS_ENABLED=true switches them on",
        ));
    };
    let workers = state.service.worker_status();
    metrics::gauge!("oneoff_uptime_seconds").set(state.started.elapsed().as_secs_f64());
    metrics::gauge!("oneoff_workers_total").set(as_f64(workers.total_workers));
    metrics::gauge!("oneoff_workers_active").set(as_f64(workers.active_workers));
    metrics::gauge!("oneoff_jobs_queued").set(as_f64(workers.queued_jobs));
    node_metrics::note(&state.service.nodes().await);
    if let Some(webhooks) = &state.settings.webhooks {
        note_webhooks(webhooks).await;
    }
    match state.service.space().await {
        Ok(space) => note_space(space),
        Err(error) => tracing::debug!(%error, "the size of the database is not known for the metrics"),
    }
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(handle.render()))
}

/// What was delivered, and how far the outbox is ahead of what webhooks were told.
async fn note_webhooks(webhooks: &Webhooks) {
    let counts = webhooks.counts();
    for (result, count) in
        [("success", counts.delivered), ("failed", counts.failed), ("retried", counts.retried)]
    {
        metrics::counter!("oneoff_webhook_deliveries_total", "result" => result).absolute(count);
    }
    metrics::counter!("oneoff_webhook_events_lost_total").absolute(counts.lost_events);
    match webhooks.lag().await {
        Ok(lag) => metrics::gauge!("oneoff_webhook_outbox_lag_events").set(lag as f64),
        Err(error) => tracing::debug!(%error, "how far webhooks are behind is not known for the metrics"),
    }
}

fn note_space(space: Space) {
    let bytes = |bytes: u64| bytes as f64;
    metrics::gauge!("oneoff_database_bytes").set(bytes(space.database_bytes));
    if let Some(free) = space.free_bytes {
        metrics::gauge!("oneoff_database_free_bytes").set(bytes(free));
    }
    if let Some(wal) = space.wal_bytes {
        metrics::gauge!("oneoff_wal_bytes").set(bytes(wal));
    }
    metrics::gauge!("oneoff_output_bytes").set(bytes(space.output_bytes));
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
