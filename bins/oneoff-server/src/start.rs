//! Wires the server: database, scheduler, HTTP; and takes it down in order.

use crate::settings::Settings;
use crate::{listen, node_name, open_files, version};
use oneoff::{Found, Handle, OneOff, Opened, Service, Webhooks};
use oneoff_api::{ApiSettings, MetricsHandle};
use std::ffi::OsString;
use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// A request that takes longer is logged as a warning.
const SLOW_REQUEST: Duration = Duration::from_secs(1);

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database or the scheduler.
    #[error(transparent)]
    OneOff(#[from] oneoff::Error),
    /// The metrics recorder.
    #[error("cannot set the metrics up")]
    Metrics(#[source] oneoff_api::MetricsError),
    /// The HTTP server.
    #[error("the HTTP server failed")]
    Http(#[source] std::io::Error),
    /// The thread of the HTTP server ended without an answer.
    #[error("the HTTP server ended unexpectedly")]
    HttpEnded,
}

/// How this very program is started as the guardian of its jobs' processes.
#[derive(Debug, Clone)]
pub struct Guardian {
    /// The program.
    pub program: PathBuf,
    /// The arguments by which it becomes the guardian.
    pub arguments: Vec<OsString>,
}

/// A server that listens.
pub struct Server {
    url: String,
    port: u16,
    found: Found,
    service: Service,
    ended: oneshot::Receiver<Result<(), ServerError>>,
}

impl Server {
    /// The URL under which it is reached from this machine, with its base path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was found in the database.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The service behind the API.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// Waits until the server has stopped.
    ///
    /// # Errors
    /// [`ServerError`], when the HTTP server failed.
    pub async fn ended(self) -> Result<(), ServerError> {
        self.ended.await.unwrap_or(Err(ServerError::HttpEnded))
    }
}

/// Starts the server and returns when it listens. It stops when `shutdown` is ready: no job is started any
/// more and changes are answered with 503; running jobs have their grace; then HTTP ends as well.
///
/// Must be called within a tokio runtime, on which jobs run. HTTP has threads of its own.
///
/// # Errors
/// [`ServerError`].
pub async fn start(
    settings: Settings,
    listener: TcpListener,
    guardian: Option<Guardian>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Server, ServerError> {
    let port = listener.local_addr().map_err(ServerError::Http)?.port();
    // Its clock is measured for some milliseconds, in which the database is opened. It counts from the first job on.
    let measuring = settings.metrics_enabled.then(|| tokio::task::spawn_blocking(metrics));
    let opened = open_jobs(&settings, port, guardian).await?;
    let metrics = match measuring {
        Some(measuring) => {
            Some(measuring.await.map_err(oneoff::Error::Interrupted)?.map_err(ServerError::Metrics)?)
        }
        None => None,
    };
    let oneoff = opened.start().await?;
    let (service, found) = (oneoff.service(), oneoff.found().clone());
    node_name::warn_of_namesakes(&service.nodes().await, found.epoch);
    let api = api_settings(&settings, metrics, oneoff.webhooks());
    let (stop_http, http_stops) = oneshot::channel();
    let http = spawn_http(listener, api, service.clone(), http_stops).map_err(ServerError::Http)?;
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        let _nobody_waits = end.send(supervise(oneoff, http, stop_http, shutdown).await);
    });
    Ok(Server { url: listen::url(&settings, port), port, found, service, ended })
}

async fn open_jobs(
    settings: &Settings,
    port: u16,
    guardian: Option<Guardian>,
) -> Result<Opened, oneoff::Error> {
    let mut builder = OneOff::builder()
        .store(settings.store())
        .workers(settings.workers_count)
        .reserved_slots(settings.reserved_slots)
        .timezone(&settings.default_timezone)
        .default_priority(settings.default_priority)
        .retention(settings.retention.clone())
        .origins(settings.origins.clone())
        .shutdown_grace(settings.shutdown_grace)
        .lease(settings.lease)
        .egress_policy(settings.egress_policy)
        .webhooks(settings.webhooks.clone());
    if let Some(seconds) = settings.default_timeout_seconds {
        builder = builder.default_timeout_seconds(seconds);
    }
    if let Some(path) = &settings.sealing_key_file {
        builder = builder.sealing_key_file(path);
    }
    for job_type in oneoff::BUILTIN_JOB_TYPES {
        if !settings.disabled_job_types.iter().any(|disabled| disabled == job_type) {
            builder = builder.builtin(*job_type);
        }
    }
    for (job_type, limit) in &settings.type_limits {
        builder = builder.type_limit(job_type, *limit);
    }
    if let Some(lateness) = settings.hold_overdue_after {
        builder = builder.hold_overdue_after(lateness);
    }
    if let Some(name) = node_name::of(settings, port) {
        builder = builder.node_name(name);
    }
    if let Some(guardian) = guardian {
        builder = builder.guardian(guardian.program, guardian.arguments);
    }
    builder.build()?.open().await
}

/// A process has one recorder, however many servers it starts.
fn metrics() -> Result<MetricsHandle, oneoff_api::MetricsError> {
    static INSTALLED: Mutex<Option<MetricsHandle>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    match installed.as_ref() {
        Some(handle) => Ok(handle.clone()),
        None => Ok(installed.insert(MetricsHandle::install()?).clone()),
    }
}

fn api_settings(settings: &Settings, metrics: Option<MetricsHandle>, webhooks: Webhooks) -> ApiSettings {
    ApiSettings {
        base_path: settings.base_path.clone(),
        auth_enabled: settings.auth_enabled,
        allowed_hosts: settings.allowed_hosts.clone(),
        allowed_origins: settings.allowed_origins.clone(),
        public_url: settings.public_url.clone(),
        trusted_proxies: settings.trusted_proxies.clone(),
        insecure_no_auth: settings.insecure_no_auth,
        environment: settings.environment.clone(),
        default_timezone: settings.default_timezone.clone(),
        version: version::VERSION.to_owned(),
        commit: version::COMMIT.to_owned(),
        max_connections: open_files::connections(settings),
        slow_request: SLOW_REQUEST,
        metrics,
        webhooks: Some(webhooks),
    }
}

/// HTTP has a thread and a runtime of its own: actix wants a current-thread one, jobs want all threads.
fn spawn_http(
    listener: TcpListener,
    settings: ApiSettings,
    service: Service,
    stops: oneshot::Receiver<()>,
) -> std::io::Result<oneshot::Receiver<std::io::Result<()>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new().name("http".to_owned()).spawn(move || {
        let stopped = async move {
            // Where the sender is gone, the server is gone as well.
            let _either_way = stops.await;
        };
        let result = runtime.block_on(oneoff_api::serve(listener, settings, service, stopped));
        let _nobody_waits = end.send(result);
    })?;
    Ok(ended)
}

async fn supervise(
    oneoff: Handle,
    mut http: oneshot::Receiver<std::io::Result<()>>,
    stop_http: oneshot::Sender<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let early = tokio::select! {
        () = shutdown => None,
        result = &mut http => Some(result),
    };
    // HTTP goes on while running jobs have their grace, so that people see what is going on.
    oneoff.shutdown().await;
    let result = match early {
        Some(result) => result,
        None => {
            let _it_ended_meanwhile = stop_http.send(());
            http.await
        }
    };
    match result {
        Ok(result) => result.map_err(ServerError::Http),
        Err(_thread_died) => Err(ServerError::HttpEnded),
    }
}
