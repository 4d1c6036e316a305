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
            json!({"url": " HTTP://example.com ", "method": null, "headers": null, "body": null, "expected_status": null}),
            json!({"url": "http://a", "headers": {"X-A": " \t ", "x-b": "ünï"}, "follow_redirects": 20}),
            json!({"url": "http://a", "expected_status": [200, "2xx", "300-399", " 404 "], "follow_redirects": false}),
            json!({"url": "http://a", "expected_status": "5XX", "max_response_bytes": 0, "timeout_seconds": null}),
        ]
    }

    fn bad(&self) -> Vec<(Value, &'static str)> {
        vec![
            (json!({}), "/url"),
            (json!({"url": "x"}), "/url"),
            (json!({"url": "http://a", "method": "X"}), "/method"),
            (json!({"url": null}), "/url"),
            (json!({"url": "ftp://a"}), "/url"),
            (json!({"url": format!("http://a/{}", "x".repeat(8 * 1024))}), "/url"),
            (json!({"url": "http://a", "method": 5}), "/method"),
            (json!({"url": "http://a", "headers": []}), "/headers"),
            (json!({"url": "http://a", "headers": {"A": null}}), "/headers/A"),
            (json!({"url": "http://a", "headers": {"a b": "c"}}), "/headers/a b"),
            (json!({"url": "http://a", "headers": {"a": "b\nc"}}), "/headers/a"),
            (json!({"url": "http://a", "headers": {"Content-Length": "1"}}), "/headers/Content-Length"),
            (json!({"url": "http://a", "headers": {"OneOff-Attempt": "1"}}), "/headers/OneOff-Attempt"),
            (json!({"url": "http://a", "expected_status": 99}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": "6xx"}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": []}), "/expected_status"),
            (json!({"url": "http://a", "expected_status": [600]}), "/expected_status/0"),
            (json!({"url": "http://a", "max_response_bytes": -1}), "/max_response_bytes"),
            (json!({"url": "http://a", "follow_redirects": 21}), "/follow_redirects"),
            (json!({"url": "http://a", "follow_redirects": "yes"}), "/follow_redirects"),
            (json!({"url": "http://a", "max_retries": "3"}), "/max_retries"),
            (json!({"url": "http://a", "urll": "x"}), "/urll"),
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
