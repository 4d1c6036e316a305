//! What an HTTP job sends, and how its response is judged and recorded.

use crate::support::{run, start};
use oneoff_domain::Reason;
use oneoff_executors::{EgressPolicy, Executor, HttpExecutor};
use oneoff_outbound::{ClientSettings, OutboundClient};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) fn http(policy: EgressPolicy) -> HttpExecutor {
    HttpExecutor::new(OutboundClient::new(ClientSettings::new(policy)).unwrap())
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

async fn run_default(config: Value) -> crate::support::Finished {
    run(&http(EgressPolicy::Default), config).await
}

async fn only_request(server: &MockServer) -> Request {
    let mut requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_request_is_sent_as_it_was_written() {
    let server = answering(ResponseTemplate::new(200)).await;
    let config = json!({
        "url": format!("{}/a%20b?x=1&y=ü#fragment", server.uri()), "method": "put", "body": "hällo",
        "headers": {"X-One": "1", "Host": "virtual.example", "User-Agent": "mine"}
    });
    assert_eq!(run_default(config).await.outcome.reason, Reason::Success);
    let request = only_request(&server).await;
    assert_eq!(request.method.as_str(), "PUT");
    assert_eq!(request.url.path(), "/a%20b");
    assert_eq!(request.url.query(), Some("x=1&y=%C3%BC"));
    assert_eq!(request.body, "hällo".as_bytes());
    for (name, value) in [
        ("x-one", "1"),
        ("host", "virtual.example"),
        ("user-agent", "mine"),
        ("content-type", "text/plain; charset=utf-8"),
    ] {
        assert_eq!(header(&request, name), Some(value));
    }
}

#[tokio::test]
async fn the_receiver_can_recognise_job_attempt_and_run() {
    let server = answering(ResponseTemplate::new(200)).await;
    let (context, _trigger, _output) = crate::support::context(&json!({"url": server.uri()}));
    let (job_id, execution_id) = (context.job_id.to_string(), context.execution_id.to_string());
    http(EgressPolicy::Default).run(context).await;
    let request = only_request(&server).await;
    assert_eq!(header(&request, "oneoff-job-id"), Some(job_id.as_str()));
    assert_eq!(header(&request, "oneoff-execution-id"), Some(execution_id.as_str()));
    assert_eq!(header(&request, "oneoff-attempt"), Some("1"));
    assert_eq!(header(&request, "idempotency-key"), Some(format!("{job_id}-2").as_str()));
    assert_eq!(header(&request, "user-agent"), Some(concat!("OneOff/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(header(&request, "cookie"), None);

    let server = answering(ResponseTemplate::new(200)).await;
    run_default(json!({"url": server.uri(), "headers": {"Idempotency-Key": "own"}, "body": [1]})).await;
    let request = only_request(&server).await;
    assert_eq!(header(&request, "idempotency-key"), Some("own"));
    assert_eq!(header(&request, "content-type"), Some("application/json"));
}

#[tokio::test]
async fn the_response_is_recorded() {
    let answer = ResponseTemplate::new(201)
        .set_body_string("made")
        .insert_header("X-Thing", "t")
        .insert_header("Set-Cookie", "sid=s3cret; Path=/");
    let server = answering(answer).await;
    let finished = run_default(json!({"url": server.uri().replace("http://", "http://user:pass@")})).await;
    assert_eq!(finished.stdout, "made");
    let result = finished.outcome.result.unwrap();
    assert_eq!(result["status"], 201);
    assert_eq!(result["status_text"], "Created");
    assert_eq!(result["headers"]["x-thing"], "t");
    assert_eq!(result["headers"]["set-cookie"], "sid=[redacted]; Path=/");
    assert_eq!((&result["body_bytes"], &result["body_truncated"]), (&json!(4), &json!(false)));
    assert_eq!(result["http_version"], "HTTP/1.1");
    assert_eq!(result["url"], format!("{}/", server.uri()), "without the password");
    let authorization = header(&only_request(&server).await, "authorization").map(str::to_owned);
    assert_eq!(authorization.as_deref(), Some("Basic dXNlcjpwYXNz"));
}

#[tokio::test]
async fn the_status_decides() {
    for (status, expected, reason) in [
        (200, json!(null), Reason::Success),
        (304, json!(null), Reason::Success),
        (400, json!(null), Reason::HttpStatus),
        (500, json!(null), Reason::HttpStatus),
        (404, json!([404, "2xx"]), Reason::Success),
        (200, json!(201), Reason::HttpStatus),
    ] {
        let server = answering(ResponseTemplate::new(status).set_body_string("why")).await;
        let finished = run_default(json!({"url": server.uri(), "expected_status": expected})).await;
        assert_eq!(finished.outcome.reason, reason, "{status}");
        assert_eq!(finished.outcome.retry_code(), Some(i32::from(status)));
        assert!(status == 304 || finished.stdout == "why", "the body of a failure is kept");
    }
    let server = answering(ResponseTemplate::new(500)).await;
    let outcome = run_default(json!({"url": server.uri(), "expected_status": "2xx"})).await.outcome;
    assert_eq!(outcome.error.as_deref(), Some("unexpected status 500 Internal Server Error; expected 2xx"));
}

#[tokio::test]
async fn a_long_body_is_cut_and_judged_all_the_same() {
    let server = answering(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 3_000_000])).await;
    for (limit, kept, truncated) in [
        (json!(null), 1 << 20, true),
        (json!(0), 0, true),
        (json!(10), 10, true),
        (json!(3_000_000), 3_000_000, false),
    ] {
        let config = json!({"url": server.uri(), "max_response_bytes": limit});
        let finished = run_default(config).await;
        assert_eq!(finished.outcome.reason, Reason::Success);
        assert_eq!(finished.stdout.len(), kept);
        let result = finished.outcome.result.unwrap();
        assert_eq!((&result["body_bytes"], &result["body_truncated"]), (&json!(kept), &json!(truncated)));
    }
}

#[tokio::test]
async fn head_has_no_body() {
    let server = answering(ResponseTemplate::new(200).set_body_string("body")).await;
    let finished = run_default(json!({"url": server.uri(), "method": "HEAD"})).await;
    assert_eq!((finished.outcome.reason, finished.stdout.as_str()), (Reason::Success, ""));
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_is_allowed() {
    let server = MockServer::start().await;
    for (from, to) in [("/0", "/1"), ("/1", "/2"), ("/2", "/end")] {
        let answer = ResponseTemplate::new(302).insert_header("Location", to);
        Mock::given(method("GET")).and(path(from)).respond_with(answer).mount(&server).await;
    }
    let end = ResponseTemplate::new(200).set_body_string("end");
    Mock::given(method("GET")).and(path("/end")).respond_with(end).mount(&server).await;
    let at = |follow: Value| json!({"url": format!("{}/0", server.uri()), "follow_redirects": follow});

    let finished = run_default(at(json!(null))).await;
    assert_eq!(finished.stdout, "end");
    let result = finished.outcome.result.unwrap();
    assert_eq!((&result["redirects"], &result["url"]), (&json!(3), &json!(format!("{}/end", server.uri()))));

    let none = run_default(at(json!(false))).await.outcome;
    assert_eq!((none.reason, none.retry_code()), (Reason::Success, Some(302)), "the redirect is the answer");

    let few = run_default(at(json!(2))).await.outcome;
    assert_eq!((few.reason, few.error.as_deref()), (Reason::Transport, Some("more than 2 redirects")));
}

#[tokio::test]
async fn credentials_do_not_follow_to_another_server() {
    let target = answering(ResponseTemplate::new(200)).await;
    let answer = ResponseTemplate::new(307).insert_header("Location", target.uri());
    let first = answering(answer).await;
    let config = json!({
        "url": first.uri(), "method": "POST", "body": "b",
        "headers": {"Authorization": "Bearer s", "Cookie": "a=b", "X-Api-Key": "k", "X-Note": "n"}
    });
    assert_eq!(run_default(config).await.outcome.reason, Reason::Success);
    assert_eq!(header(&only_request(&first).await, "x-api-key"), Some("k"));
    let request = only_request(&target).await;
    assert_eq!((request.method.as_str(), request.body.as_slice()), ("POST", &b"b"[..]));
    assert_eq!(header(&request, "x-note"), Some("n"));
    for name in ["authorization", "cookie", "x-api-key"] {
        assert_eq!(header(&request, name), None);
    }
}

#[tokio::test]
async fn output_comes_while_the_response_does() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_owned();
    let wire = crate::wire::Wire::start(crate::wire::Script { answer, holds: true }).await;
    let mut attempt = start(&http(EgressPolicy::Default), &json!({"url": wire.url()}));
    attempt.wrote("hello").await;
    assert!(!attempt.task.is_finished());
    attempt.task.abort();
}

#[test]
fn a_job_without_a_timeout_has_thirty_seconds() {
    assert_eq!(http(EgressPolicy::Default).default_timeout(), Some(Duration::from_secs(30)));
}

#[test]
fn a_summary_names_method_host_and_path() {
    let summary = |config: Value| http(EgressPolicy::Default).summary(config.as_object().unwrap());
    assert_eq!(
        summary(json!({"url": "https://u:p@example.com/x/y?token=1", "method": "post"})),
        "POST example.com/x/y"
    );
    assert_eq!(summary(json!({"url": "http://example.com:8080/"})), "GET example.com:8080");
    assert!(summary(json!({"url": format!("http://a/{}", "x".repeat(500))})).chars().count() <= 120);
}
