//! How many requests were answered and how fast, by method, path and status. The recorder's handles are kept: to
//! find one by its labels takes longer than to count with it.

use metrics::{Counter, Histogram};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// What tells requests apart. There are few of each, whatever clients send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Labels {
    /// The method.
    pub(crate) method: &'static str,
    /// The pattern of the path: `/api/jobs/{id}`.
    pub(crate) path: String,
    /// The status of the answer.
    pub(crate) status: u16,
}

struct Handles {
    duration: Histogram,
    count: Counter,
}

impl Handles {
    fn of(labels: &Labels) -> Self {
        let Labels { method, path, status } = labels.clone();
        Self {
            duration: metrics::histogram!(
                "oneoff_http_request_duration_seconds", "method" => method, "path" => path.clone()
            ),
            count: metrics::counter!(
                "oneoff_http_requests_total", "method" => method, "path" => path, "status" => status.to_string(),
            ),
        }
    }

    fn note(&self, took: Duration) {
        self.duration.record(took.as_secs_f64());
        self.count.increment(1);
    }
}

/// The metrics of all requests.
#[derive(Default)]
pub(crate) struct RequestMetrics(RwLock<HashMap<Labels, Handles>>);

impl RequestMetrics {
    /// Counts a request that was answered.
    pub(crate) fn note(&self, labels: Labels, took: Duration) {
        if let Some(handles) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return handles.note(took);
        }
        let handles = Handles::of(&labels);
        handles.note(took);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(labels, handles);
    }
}
