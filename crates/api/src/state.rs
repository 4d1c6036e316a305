//! What every handler shares: the settings, the service, the defence, and the news that the server stops.

use crate::answer_room::AnswerRoom;
use crate::client_address::UntrustedProxies;
use crate::defence::Defence;
use crate::failed_keys::FailedKeys;
use crate::page_turns::PageTurns;
use crate::readiness::DatabaseLooks;
use crate::request_metrics::RequestMetrics;
use crate::room::BodyRoom;
use crate::routes::specification::Specification;
use crate::settings::ApiSettings;
use crate::slow_requests::SlowRequests;
use crate::store_metrics::StoreMetrics;
use oneoff_scheduler::Service;
use std::future::Future;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// What every handler shares.
pub(crate) struct ApiState {
    pub(crate) settings: ApiSettings,
    pub(crate) service: Service,
    pub(crate) defence: Defence,
    pub(crate) request_metrics: RequestMetrics,
    pub(crate) store_metrics: StoreMetrics,
    pub(crate) database_looks: DatabaseLooks,
    pub(crate) room: BodyRoom,
    pub(crate) bulk_room: BodyRoom,
    pub(crate) answers: AnswerRoom,
    pub(crate) slow_requests: SlowRequests,
    pub(crate) failed_keys: FailedKeys,
    pub(crate) untrusted_proxies: UntrustedProxies,
    pub(crate) specification: Specification,
    pub(crate) pages: PageTurns,
    /// One for each processor: for work of requests with many jobs.
    pub(crate) bulk_processors: Semaphore,
    pub(crate) started: Instant,
    stopping: watch::Sender<bool>,
}

impl ApiState {
    pub(crate) fn new(settings: ApiSettings, service: Service) -> Self {
        let defence = Defence::new(settings.auth_enabled, &settings.allowed_hosts, &settings.allowed_origins)
            .known_as(settings.public_url.as_deref())
            .answering_to_addresses(settings.insecure_no_auth);
        Self {
            settings,
            service,
            defence,
            request_metrics: RequestMetrics::default(),
            store_metrics: StoreMetrics::default(),
            database_looks: DatabaseLooks::default(),
            room: BodyRoom::usual(),
            bulk_room: BodyRoom::bulk(),
            answers: AnswerRoom::new(),
            slow_requests: SlowRequests::default(),
            failed_keys: FailedKeys::default(),
            untrusted_proxies: UntrustedProxies::default(),
            specification: Specification::default(),
            pages: PageTurns::usual(),
            bulk_processors: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            started: Instant::now(),
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends streams and long polls, so that the server can drain.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the server is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Tells of the stop.
    pub(crate) fn stop_signal(&self) -> StopSignal {
        StopSignal(self.stopping.subscribe())
    }

    /// What `future` answers, unless the server stops first.
    pub(crate) async fn unless_stopping<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.stop_signal();
        tokio::select! {
            answer = future => Some(answer),
            () = stop.stopped() => None,
        }
    }

    /// The path of `path` (which begins with `/`) as clients see it.
    pub(crate) fn public_path(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_path)
    }
}

/// Tells of the stop of the server.
pub(crate) struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// Returns when the server stops.
    pub(crate) async fn stopped(&mut self) {
        if self.0.wait_for(|is_stopping| *is_stopping).await.is_err() {
            tracing::debug!("the API is gone, and with it its streams");
        }
    }
}
