//! The HTTP server: its limits, and its end.

use crate::configure::mount;
use crate::connection;
use crate::error_table::ErrorCode;
use crate::layer;
use crate::problem::ApiError;
use crate::settings::ApiSettings;
use crate::state::ApiState;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use oneoff_scheduler::Service;
use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::time::Duration;

const WORKERS_MAX: usize = 4;
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Longer than the longest request that does not end with the stop: a cancel waits for five seconds.
const DRAIN_SECONDS: u64 = 8;

/// Serves on `listener`, within the tokio runtime or actix system of the caller, until `shutdown` resolves;
/// then ends streams and long polls and drains what is under way.
///
/// # Errors
/// The listener cannot be used, or the server fails.
pub async fn serve(
    listener: TcpListener,
    settings: ApiSettings,
    service: Service,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let metrics = settings.metrics.clone();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let connections_per_worker = settings.max_connections.div_ceil(workers).max(1);
    let state = web::Data::new(ApiState::new(settings, service));
    let app_state = state.clone();
    let server = HttpServer::new(move || {
        // Called on each worker's own thread, which runs nothing but its runtime.
        oneoff_storage::gather_answers_here();
        let base_path = app_state.settings.base_path.clone();
        let beside = web::resource("/{path:.*}")
            .app_data(app_state.clone())
            .wrap(from_fn(layer::serve))
            .default_service(web::to(move || std::future::ready(outside(&base_path))));
        App::new().configure(mount(app_state.clone())).service(beside)
    })
    .workers(workers)
    .max_connections(connections_per_worker)
    .on_connect(connection::accepted)
    // Head and body of an answer are sent apart: the second would wait 40 ms for the receiver to acknowledge the first.
    .tcp_nodelay(true)
    .disable_signals()
    .client_request_timeout(REQUEST_HEAD_TIMEOUT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(DRAIN_SECONDS)
    .listen(listener)?
    .run();
    let handle = server.handle();
    let mut server = pin!(server);
    tokio::select! {
        result = &mut server => return result,
        () = shutdown => {}
        () = keep_up(metrics.as_ref()) => {}
    }
    state.stop();
    let (_, result) = tokio::join!(handle.stop(true), server);
    result
}

/// Keeps the metrics small, for as long as the server runs.
async fn keep_up(metrics: Option<&crate::MetricsHandle>) {
    match metrics {
        Some(metrics) => metrics.keep_up().await,
        None => std::future::pending().await,
    }
}

/// A path beside the base path.
fn outside(base_path: &str) -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(ErrorCode::NotFound, format!("everything here is below {base_path}/")))
}
