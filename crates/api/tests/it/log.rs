//! What the API writes to the log.

use crate::harness::{Harness, path, settings, waiting};
use oneoff_api::ApiSettings;
use std::io::Write;
use std::sync::{Arc, Mutex};
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

fn capture() -> (Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}

#[actix_web::test]
async fn a_slow_request_is_a_warning_but_not_the_wait_it_asked_for() {
    let (log, _guard) = capture();
    let harness = Harness::start().await;
    let hasty = ApiSettings { slow_request: Duration::ZERO, ..settings() };
    let api = harness.api_with(hasty).await;
    let job = api.created(&waiting()).await;
    let slow = log.lines("a request was slow");
    assert_eq!(slow.len(), 1, "{slow:?}");
    for part in ["WARN", "POST", "/api/jobs", "201", "duration_ms", "request_id"] {
        assert!(slow[0].contains(part), "{part} is not in {}", slow[0]);
    }
    let patient = ApiSettings { slow_request: Duration::from_millis(900), ..settings() };
    let api = harness.api_with(patient).await;
    api.get(&format!("{}?wait=1s", path(&job))).await;
    assert_eq!(log.lines("a request was slow").len(), 1, "a long poll is not slow");
    assert_eq!(log.lines("wait=1s").len(), 0, "queries are not logged");
}

#[actix_web::test]
async fn a_key_is_never_logged() {
    let (log, _guard) = capture();
    let harness = Harness::start().await;
    let api = harness.api_with(ApiSettings { auth_enabled: true, ..settings() }).await;
    let request = actix_web::test::TestRequest::get().uri("/api/jobs");
    api.send(request.insert_header(("authorization", "Bearer oneoff_sekret")))
        .await
        .problem(401, "unauthorized");
    assert_eq!(log.lines("/api/jobs").len(), 1, "the request itself is");
    assert_eq!(log.lines("sekret").len(), 0);
}
