//! A service on a temporary database, the API over it, and answers that are easy to look at.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Service as ActixService, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, Error, HttpMessage};
use oneoff_api::{ApiSettings, configure};
use oneoff_domain::Clock;
use oneoff_executors::Registry;
use oneoff_fakes::FakeExecutor;
use oneoff_pg_fixture::{Cluster, Database};
use oneoff_scheduler::{NodeHealth, Scheduler, SchedulerSettings, Service, SystemClock, SystemRandom};
use oneoff_secrets::SealingKey;
use oneoff_storage::{DatabaseUrl, Store, StoreOptions};
use oneoff_webhooks::{EgressPolicy, Sealing, WebhookSettings, Webhooks};
use serde_json::{Value, json};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A scheduler with a fake executor of the type `shell`.
pub(crate) struct Harness {
    pub(crate) service: Service,
    pub(crate) store: Store,
    pub(crate) shell: FakeExecutor,
    pub(crate) scheduler: Scheduler,
    pub(crate) webhooks: Webhooks,
    _place: Place,
}

/// Where the database of a test is: a file, or a database of the server that `DATABASE_URL` names in the environment.
enum Place {
    File(TempDir),
    Server(Database),
}

impl Place {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
    fn new() -> Self {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => Self::Server(Cluster::of_url(&url).unwrap().database().unwrap()),
            _ => Self::File(tempfile::tempdir().unwrap()),
        }
    }

    fn store(&self) -> StoreOptions {
        match self {
            Self::File(directory) => StoreOptions::new(directory.path().join("oneoff.db")),
            Self::Server(database) => StoreOptions::on_server(DatabaseUrl::new(database.url()).unwrap()),
        }
    }
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with(FakeExecutor::new("shell")).await
    }

    pub(crate) async fn with(shell: FakeExecutor) -> Self {
        let place = Place::new();
        let store = Store::open(place.store(), SystemClock.now()).unwrap();
        let mut registry = Registry::new();
        registry.register(shell.clone());
        let settings =
            SchedulerSettings { shutdown_grace: Duration::from_millis(50), ..SchedulerSettings::default() };
        let clock = Arc::new(SystemClock);
        let scheduler =
            Scheduler::start(store.clone(), registry, settings, clock, Arc::new(SystemRandom)).await.unwrap();
        let service = scheduler.service();
        // A node of several is late until it has its first lease.
        let leased = async {
            while service.nodes().await.iter().any(|node| node.health != NodeHealth::Ok) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), leased).await.expect("the node has its lease");
        let webhooks = Webhooks::new(
            store.clone(),
            scheduler.clock(),
            Arc::new(SystemRandom),
            EgressPolicy::Default,
            Sealing::with(SealingKey::from_bytes([7; 32])),
            WebhookSettings { timeout: Duration::from_secs(5), ..WebhookSettings::default() },
        );
        Self { service, store, shell, scheduler, webhooks: webhooks.unwrap(), _place: place }
    }

    /// Waits until every event that was written can be read: where nodes share a store, events are numbered later.
    pub(crate) async fn events_are_numbered(&self) {
        while self.store.number_events().await.unwrap().more {}
    }

    /// The API with the usual settings.
    pub(crate) async fn api(
        &self,
    ) -> Api<impl ActixService<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error> + use<>>
    {
        self.api_with(settings()).await
    }

    pub(crate) async fn api_with(
        &self,
        settings: ApiSettings,
    ) -> Api<impl ActixService<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error> + use<>>
    {
        let settings = ApiSettings { webhooks: Some(self.webhooks.clone()), ..settings };
        Api(init_service(App::new().configure(configure(settings, self.service.clone()))).await)
    }
}

pub(crate) fn settings() -> ApiSettings {
    ApiSettings {
        base_path: String::new(),
        auth_enabled: false,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        public_url: None,
        trusted_proxies: Vec::new(),
        insecure_no_auth: false,
        environment: "test".to_owned(),
        default_timezone: "UTC".to_owned(),
        version: "2.0.0".to_owned(),
        commit: "abc".to_owned(),
        max_connections: 1_000,
        slow_request: Duration::from_secs(1),
        metrics: None,
        webhooks: None,
    }
}

/// The API, as a browser or a program on this machine sees it.
pub(crate) struct Api<S>(S);

impl<S> Api<S>
where
    S: ActixService<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    /// Sends as a request to localhost, unless it names another host.
    pub(crate) async fn open(&self, request: TestRequest) -> ServiceResponse<BoxBody> {
        let mut request = request.to_request();
        let host = actix_web::http::header::HOST;
        if !request.headers().contains_key(&host) {
            request.headers_mut().insert(host, "localhost:8080".parse().unwrap());
        }
        call_service(&self.0, request).await
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let response = self.open(request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.unwrap_or_default().to_vec();
        Answer { status, headers, body }
    }

    /// The answer to a probe once that is 200, or the last one: on a busy machine a part may be late for a moment.
    pub(crate) async fn probe(&self, request: impl Fn() -> TestRequest) -> Answer {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.send(request()).await;
            if answer.status == 200 || Instant::now() > deadline {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::post().uri(path).set_json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::patch().uri(path).set_json(body)).await
    }

    /// POST without a body.
    pub(crate) async fn act(&self, path: &str) -> Answer {
        self.send(TestRequest::post().uri(path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(TestRequest::delete().uri(path)).await
    }

    /// Creates a job and answers it.
    pub(crate) async fn created(&self, job: &Value) -> Value {
        let answer = self.post("/api/jobs", job).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.data()
    }
}

/// What takes requests.
pub(crate) trait Calls:
    ActixService<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error>
{
}

impl<S> Calls for S where
    S: ActixService<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = Error>
{
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub(crate) fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let name: HeaderName = name.parse().unwrap();
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that this is a problem document of the given kind, complete in all its parts, and answers it.
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["error"], problem["detail"]);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert!(!problem["request_id"].as_str().unwrap().is_empty());
        assert!(problem["type"].as_str().unwrap().ends_with(code));
        problem
    }
}

/// A body that is read while it is sent.
pub(crate) struct Streamed(Pin<Box<BoxBody>>);

impl Streamed {
    pub(crate) fn of(response: ServiceResponse<BoxBody>) -> Self {
        Self(Box::pin(response.into_body()))
    }

    /// The next piece; `None` at the end. Fails after half a minute of silence.
    pub(crate) async fn next(&mut self) -> Option<String> {
        let piece = std::future::poll_fn(|context| self.0.as_mut().poll_next(context));
        let piece = tokio::time::timeout(Duration::from_secs(30), piece).await.expect("the stream is silent");
        piece.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap())
    }
}

/// A job that waits for a year.
pub(crate) fn waiting() -> Value {
    json!({"type": "shell", "config": {"script": "true"}, "scheduled_at": "in 365d"})
}

/// `job` with one field set.
pub(crate) fn with(job: Value, name: &str, value: impl Into<Value>) -> Value {
    let mut job = job;
    job[name] = value.into();
    job
}

/// The path of a record.
pub(crate) fn path(record: &Value) -> String {
    format!("/api/jobs/{}", record["id"].as_str().unwrap())
}
