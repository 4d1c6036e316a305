//! What the API writes to the log.

use crate::harness::{Harness, path, settings, waiting};
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines that contain `part`.
    fn lines(&self, part: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// The log of the whole test process. Tests tell their requests apart by id: a subscriber per thread would
/// not see every line while other threads come and go.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(log.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    })
}

#[actix_web::test]
async fn a_slow_request_is_a_warning_but_not_the_wait_it_asked_for() {
    let log = log();
    let harness = Harness::start().await;
    let hasty = ApiSettings { slow_request: Duration::ZERO, ..settings() };
    let api = harness.api_with(hasty).await;
    let create = TestRequest::post().uri("/api/jobs").insert_header(("x-request-id", "slow-create"));
    let job = api.send(create.set_json(waiting())).await.data();
    let lines = log.lines("slow-create");
    let slow: Vec<&String> = lines.iter().filter(|line| line.contains("a request was slow")).collect();
    assert_eq!(slow.len(), 1, "{lines:?}");
    for part in ["WARN", "POST", "/api/jobs", "201", "duration_ms"] {
        assert!(slow[0].contains(part), "{part} is not in {}", slow[0]);
    }
    let patient = ApiSettings { slow_request: Duration::from_millis(4_500), ..settings() };
    let api = harness.api_with(patient).await;
    let poll = format!("{}?wait=5s", path(&job));
    api.send(TestRequest::get().uri(&poll).insert_header(("x-request-id", "long-poll"))).await;
    let lines = log.lines("long-poll");
    assert!(!lines.is_empty(), "the request itself is logged");
    assert!(!lines.iter().any(|line| line.contains("slow") || line.contains("wait=")), "{lines:?}");
}

#[actix_web::test]
async fn a_key_is_never_logged() {
    let log = log();
    let harness = Harness::start().await;
    let api = harness.api_with(ApiSettings { auth_enabled: true, ..settings() }).await;
    let request = TestRequest::get().uri("/api/jobs").insert_header(("x-request-id", "with-a-key"));
    api.send(request.insert_header(("authorization", "Bearer oneoff_sekret")))
        .await
        .problem(401, "unauthorized");
    assert!(!log.lines("with-a-key").is_empty(), "the request itself is logged");
    assert_eq!(log.lines("sekret").len(), 0);
}
