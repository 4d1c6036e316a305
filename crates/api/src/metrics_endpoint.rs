//! The Prometheus recorder and `GET /metrics`.

use crate::exposition::Exposition;
use crate::problem::ApiError;
use crate::state::ApiState;
use actix_web::{HttpResponse, web};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use oneoff_webhooks::Webhooks;
use std::fmt;
use std::time::Duration;

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of every histogram of seconds: from a millisecond to an hour.
const SECONDS_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
    3600.0,
];

/// The same of commits, which are faster.
const COMMIT_BUCKETS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];
const COMMIT_DURATION: &str = "oneoff_commit_duration_seconds";

/// Samples are moved into their buckets so often, so that they take little memory when nobody scrapes.
const UPKEEP_APART: Duration = Duration::from_secs(5);

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
        let commits = Matcher::Full(COMMIT_DURATION.to_owned());
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, SECONDS_BUCKETS)
            .and_then(|builder| builder.set_buckets_for_metric(commits, COMMIT_BUCKETS))
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

    /// Moves samples into their buckets from time to time.
    pub(crate) async fn keep_up(&self) {
        let mut time = tokio::time::interval(UPKEEP_APART);
        loop {
            time.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn describe() {
    for (name, help) in COUNTERS {
        metrics::describe_counter!(*name, *help);
    }
    for (name, help) in HISTOGRAMS {
        metrics::describe_histogram!(*name, *help);
    }
    metrics::describe_gauge!(
        "oneoff_search_unindexed_jobs",
        "New and edited jobs that the search index does not have yet, which each search looks at one by one"
    );
    metrics::describe_gauge!(
        "oneoff_clock_offset_seconds",
        "By how much this machine's clock is ahead of the database's"
    );
    // What nothing has happened of yet is 0, not absent.
    for result in ["success", "failed"] {
        metrics::counter!("oneoff_apikey_validations_total", "result" => result).increment(0);
    }
    metrics::counter!("oneoff_commit_failures_total").increment(0);
}

const COUNTERS: &[(&str, &str)] = &[
    ("oneoff_jobs_total", "Attempts of jobs that ended, by type and status"),
    ("oneoff_http_requests_total", "Requests by method, path and status, without those for metrics"),
    ("oneoff_apikey_validations_total", "Keys and sessions that were looked at, by result"),
    (
        "oneoff_webhook_deliveries_total",
        "Webhook deliveries that arrived (success) or were given up (failed), and attempts that are followed by another (retried)",
    ),
    ("oneoff_webhook_events_lost_total", "Events that were removed before webhooks were told of them"),
    ("oneoff_fenced_finishes_total", "Ends of attempts that came too late: the attempts had been given up"),
    ("oneoff_commit_failures_total", "Groups of writes that failed as a whole"),
    ("oneoff_lease_renewal_failures_total", "Renewals of this node's lease that failed"),
    ("oneoff_node_given_up_total", "How often this node was given up by others"),
    ("oneoff_nodes_given_up_total", "Nodes that this one has given up"),
    (
        "oneoff_rescued_attempts_total",
        "Attempts of other nodes that this one has recorded as lost, by what became of their jobs",
    ),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("oneoff_job_duration_seconds", "How long attempts took, by type"),
    ("oneoff_job_lateness_seconds", "How long after their time attempts started, by type"),
    (
        "oneoff_job_queue_seconds",
        "How long jobs that were due waited in memory until they were claimed, by type",
    ),
    ("oneoff_http_request_duration_seconds", "Time to the head of the answer"),
    (COMMIT_DURATION, "How long a group of writes took, from its beginning to its commit"),
];

/// `GET /metrics`.
pub(crate) async fn get(state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let Some(handle) = &state.settings.metrics else {
        return Err(ApiError::new(
            crate::error_table::ErrorCode::NotFound,
            "metrics are switched off: METRICS_ENABLED=true switches them on",
        ));
    };
    let workers = state.service.worker_status();
    let mut text = Exposition::default();
    text.gauge(
        "oneoff_uptime_seconds",
        "Time since the server started",
        Some(state.started.elapsed().as_secs_f64()),
    );
    // Version 1 named it so, and names that end like this are for counters.
    text.untyped("oneoff_workers_total", "Worker slots", as_f64(workers.total_workers));
    text.gauge("oneoff_workers_active", "Worker slots in use", Some(as_f64(workers.active_workers)));
    let help = "Jobs that are due and wait for a slot, a limit or a key";
    text.gauge("oneoff_jobs_queued", help, Some(as_f64(workers.queued_jobs)));
    let free = state.service.disk_free_bytes().map(|bytes| bytes as f64);
    text.gauge("oneoff_disk_free_bytes", "What the disk of the database has left", free);
    state.store_metrics.write(&mut text, &state.service).await;
    if let Some(webhooks) = &state.settings.webhooks {
        note_webhooks(webhooks);
    }
    let body = text.into_text() + &handle.render();
    Ok(HttpResponse::Ok().content_type(CONTENT_TYPE).body(body))
}

/// What was delivered.
fn note_webhooks(webhooks: &Webhooks) {
    let counts = webhooks.counts();
    for (result, count) in
        [("success", counts.delivered), ("failed", counts.failed), ("retried", counts.retried)]
    {
        metrics::counter!("oneoff_webhook_deliveries_total", "result" => result).absolute(count);
    }
    metrics::counter!("oneoff_webhook_events_lost_total").absolute(counts.lost_events);
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
