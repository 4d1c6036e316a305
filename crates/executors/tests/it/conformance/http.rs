//! The fixture of job type `http`.

use super::{Fixture, Pending};
use crate::wire::{Script, Wire};
use oneoff_domain::{ExecutionId, Reason};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

pub(super) struct HttpFixture {
    server: MockServer,
    endless: String,
    wire: Mutex<Wire>,
}

impl HttpFixture {
    pub(super) async fn start() -> Self {
        let server = MockServer::start().await;
        let good = ResponseTemplate::new(200).set_body_string("marker");
        Mock::given(path("/good")).respond_with(good).mount(&server).await;
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nmarker".to_owned();
        let wire = Wire::start(Script { answer, holds: true }).await;
        Self { server, endless: wire.url(), wire: Mutex::new(wire) }
    }
}

impl Fixture for HttpFixture {
    fn job_type(&self) -> &'static str {
        "http"
    }

    fn good(&self) -> Vec<Value> {
        vec![
            json!({"url": "https://example.com", "method": "patch", "headers": {"A": "b"}, "body": {"a": 1}}),
        ]
    }

    fn bad(&self) -> Vec<(Value, &'static str)> {
        vec![
            (json!({}), "/url"),
            (json!({"url": "x"}), "/url"),
            (json!({"url": "http://a", "method": "X"}), "/method"),
        ]
    }

    fn succeeds(&self) -> Value {
        json!({"url": format!("{}/good", self.server.uri())})
    }

    fn fails(&self) -> (Value, Reason) {
        (json!({"url": format!("{}/none", self.server.uri())}), Reason::HttpStatus)
    }

    fn lasts(&self) -> Value {
        json!({"url": self.endless})
    }

    fn gone(&self, _id: ExecutionId) -> Pending<'_> {
        Box::pin(async move { assert!(self.wire.lock().await.closed.recv().await.is_some()) })
    }
}
