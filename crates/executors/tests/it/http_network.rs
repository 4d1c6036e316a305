//! HTTP jobs against a network that fails, and targets that the address policy refuses.

use crate::http::http;
use crate::support::{PATIENCE, run, start};
use crate::wire::{Script, Wire};
use oneoff_domain::Reason;
use oneoff_executors::{EgressPolicy, Executor, StopReason};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn failure(policy: EgressPolicy, url: &str) -> (Reason, String) {
    let outcome = run(&http(policy), json!({"url": url})).await.outcome;
    (outcome.reason, outcome.error.unwrap_or_default())
}

#[tokio::test]
async fn a_refused_connection_is_named_with_its_cause() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (reason, error) = failure(EgressPolicy::Default, &format!("http://u:secret@{free}/path?q")).await;
    assert_eq!(reason, Reason::Transport);
    assert!(error.contains(&free.to_string()) && error.contains("Connection refused"), "{error}");
    assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_named() {
    let (reason, error) = failure(EgressPolicy::Default, "http://no-such-host.invalid/").await;
    assert_eq!(reason, Reason::Transport);
    assert!(error.contains("no-such-host.invalid:80") && error.contains("lookup"), "{error}");
}

#[tokio::test]
async fn what_speaks_no_http_or_no_tls_is_a_transport_error() {
    let wire = Wire::start(Script { answer: "hello\r\n\r\n".to_owned(), holds: false }).await;
    let (reason, error) = failure(EgressPolicy::Default, &wire.url()).await;
    assert_eq!(reason, Reason::Transport, "{error}");
    let server = MockServer::start().await;
    let (reason, error) = failure(EgressPolicy::Default, &server.uri().replace("http:", "https:")).await;
    assert_eq!(reason, Reason::Transport, "{error}");
}

#[tokio::test]
async fn a_response_that_breaks_off_is_recorded_as_far_as_it_came() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_owned();
    let wire = Wire::start(Script { answer, holds: false }).await;
    let finished = run(&http(EgressPolicy::Default), json!({"url": wire.url()})).await;
    assert_eq!(finished.outcome.reason, Reason::Transport);
    assert_eq!(finished.stdout, "hello");
    assert!(finished.outcome.error.unwrap().contains("broke off"));
    assert_eq!(finished.outcome.result.unwrap()["body_bytes"], 5);
}

#[tokio::test]
async fn stopping_closes_the_connection() {
    for reason in [StopReason::Cancelled, StopReason::TimedOut] {
        let mut wire = Wire::start(Script { answer: String::new(), holds: true }).await;
        let attempt = start(&http(EgressPolicy::Default), &json!({"url": wire.url()}));
        wire.requests.recv().await.unwrap();
        let began = Instant::now();
        attempt.trigger.fire(reason);
        assert_eq!(attempt.finish().await.outcome, reason.outcome());
        tokio::time::timeout(PATIENCE, wire.closed.recv()).await.expect("the connection closes");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn refused_addresses_are_never_called() {
    for (policy, url) in [
        (EgressPolicy::Default, "http://169.254.169.254/latest/meta-data"),
        (EgressPolicy::Default, "http://2852039166/"),
        (EgressPolicy::Default, "http://[::ffff:a9fe:a9fe]/"),
        (EgressPolicy::Default, "http://0.0.0.0/"),
        (EgressPolicy::Strict, "http://127.0.0.1/"),
        (EgressPolicy::Strict, "http://localhost/"),
        (EgressPolicy::Strict, "http://LOCALHOST/"),
    ] {
        let (reason, error) = failure(policy, url).await;
        assert_eq!(reason, Reason::AddressPolicy, "{url}: {error}");
        assert!(error.contains(&format!("EGRESS_POLICY={policy}")), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_does_not_lead_around_the_policy() {
    for location in ["http://169.254.169.254/", "//[fe80::1]/", "http://0xa9fea9fe/"] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(302).insert_header("Location", location);
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let (reason, error) = failure(EgressPolicy::Default, &server.uri()).await;
        assert_eq!(reason, Reason::AddressPolicy, "{location}: {error}");
    }
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(302).insert_header("Location", "file:///etc/passwd");
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    assert_eq!(failure(EgressPolicy::Default, &server.uri()).await.0, Reason::AddressPolicy);
}

#[tokio::test]
async fn nothing_is_called_where_the_policy_is_none() {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    for url in [server.uri(), server.uri().replace("127.0.0.1", "localhost")] {
        let (reason, error) = failure(EgressPolicy::Nothing, &url).await;
        assert_eq!(reason, Reason::AddressPolicy, "{url}: {error}");
        assert!(error.contains("EGRESS_POLICY=none"), "{error}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[test]
fn an_address_that_is_refused_is_refused_at_creation() {
    let config = json!({"url": "http://169.254.169.254/"});
    let errors = http(EgressPolicy::Default).validate(config.as_object().unwrap()).unwrap_err();
    assert_eq!(errors[0].pointer, "/url");
    assert!(errors[0].message.contains("EGRESS_POLICY"), "{}", errors[0].message);
    let by_name = json!({"url": "http://localhost/"});
    assert_eq!(
        http(EgressPolicy::Strict).validate(by_name.as_object().unwrap()),
        Ok(()),
        "judged when resolved"
    );
}

#[tokio::test]
async fn a_trailing_dot_does_not_lead_around_the_policy() {
    // Whether the system resolves it or not, nothing is called.
    let (reason, error) = failure(EgressPolicy::Strict, "http://localhost./").await;
    assert!(matches!(reason, Reason::AddressPolicy | Reason::Transport), "{error}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(answer_every_head(stream));
        }
    });
    let executor = http(EgressPolicy::Default);
    for _ in 0..20 {
        assert_eq!(run(&executor, json!({"url": url})).await.outcome.reason, Reason::Success);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

async fn answer_every_head(mut stream: TcpStream) {
    let mut seen = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        seen.push(byte);
        if seen.ends_with(b"\r\n\r\n") {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            seen.clear();
        }
    }
}
