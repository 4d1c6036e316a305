//! The event stream: in order, resumed without gaps, ended by the server's stop.

use crate::harness::{Harness, Streamed, path, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_domain::Timestamp;
use oneoff_storage::RetentionPolicy;
use serde_json::Value;

/// The frames of some text: id, event and data.
fn frames(text: &str) -> Vec<(i64, String, Value)> {
    let field = |frame: &str, name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    };
    let parse = |frame: &str| {
        let data = serde_json::from_str(&field(frame, "data")?).unwrap();
        Some((field(frame, "id")?.parse().unwrap(), field(frame, "event")?, data))
    };
    text.split("\n\n").filter_map(parse).collect()
}

async fn events(stream: &mut Streamed, count: usize) -> Vec<(i64, String, Value)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(frames(&stream.next().await.expect("the stream ended")));
    }
    seen
}

fn kinds(events: &[(i64, String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, kind, _)| kind.as_str()).collect()
}

#[actix_web::test]
async fn what_happens_is_streamed_in_order() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let response = api.open(TestRequest::get().uri("/api/events")).await;
    let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!(
        (header("x-accel-buffering"), header("cache-control")),
        ("no".to_owned(), "no-store".to_owned())
    );
    let mut stream = Streamed::of(response);
    let greeting = stream.next().await.unwrap();
    assert!(greeting.starts_with("id: ") && greeting.contains(": connected"), "{greeting}");

    let job = api.created(&waiting()).await;
    api.act(&format!("{}/hold", path(&job))).await;
    api.act(&format!("{}/release", path(&job))).await;
    api.act(&format!("{}/cancel", path(&job))).await;
    let seen = events(&mut stream, 4).await;
    assert_eq!(kinds(&seen), ["job.created", "job.held", "job.released", "job.cancelled"]);
    assert!(seen.is_sorted_by(|a, b| a.0 < b.0));
    assert!(seen.iter().all(|(id, kind, data)| data["sequence"] == *id && data["event"] == *kind));
    assert!(seen.iter().all(|(.., data)| data["job_id"] == job["id"]));
}

#[actix_web::test]
async fn who_asks_for_the_head_of_the_stream_gets_no_stream() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let answer = api.send(TestRequest::with_uri("/api/events").method(Method::HEAD)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    assert!(answer.body.is_empty());
    let wrong = api.send(TestRequest::with_uri("/api/events?after=x").method(Method::HEAD)).await;
    assert_eq!(wrong.status, 400);
}

#[actix_web::test]
async fn a_reader_that_comes_back_misses_nothing() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    api.act(&format!("{}/hold", path(&job))).await;
    api.act(&format!("{}/cancel", path(&job))).await;

    let mut all = Streamed::of(api.open(TestRequest::get().uri("/api/events?after=0")).await);
    let seen = events(&mut all, 3).await;
    assert_eq!(kinds(&seen), ["job.created", "job.held", "job.cancelled"]);

    let last = seen[0].0.to_string();
    let request = TestRequest::get().uri("/api/events?after=0").insert_header(("last-event-id", last));
    let mut resumed = Streamed::of(api.open(request).await);
    assert_eq!(events(&mut resumed, 2).await, seen[1..]);
}

#[actix_web::test]
async fn a_backlog_larger_than_one_read_is_complete() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for _ in 0..205 {
        api.created(&waiting()).await;
    }
    let mut stream = Streamed::of(api.open(TestRequest::get().uri("/api/events?after=0")).await);
    let seen = events(&mut stream, 205).await;
    assert_eq!(seen.len(), 205);
    assert!(seen.is_sorted_by(|a, b| a.0 + 1 == b.0), "no gap and no repetition");
}

#[actix_web::test]
async fn a_reader_behind_the_kept_events_is_told_to_start_over() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    api.created(&waiting()).await;
    let job = api.created(&waiting()).await;
    harness.events_are_numbered().await;
    let end = Timestamp::MAX;
    let policy = RetentionPolicy { events_before: end, ..RetentionPolicy::keep_all(end) };
    while harness.store.retain(policy.clone()).await.unwrap().more {}
    let mut stream = Streamed::of(api.open(TestRequest::get().uri("/api/events?after=0")).await);
    let seen = events(&mut stream, 1).await;
    assert_eq!(kinds(&seen), ["reset"]);
    api.act(&format!("{}/cancel", path(&job))).await;
    let next = events(&mut stream, 1).await;
    assert_eq!(kinds(&next), ["job.cancelled"]);
    assert_eq!(next[0].0, seen[0].0 + 1, "the reset says where the stream goes on");
}

#[actix_web::test]
async fn a_cursor_of_another_database_is_reset() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let mut stream = Streamed::of(api.open(TestRequest::get().uri("/api/events?after=999999")).await);
    let seen = events(&mut stream, 1).await;
    assert_eq!(kinds(&seen), ["reset"]);
    api.created(&waiting()).await;
    assert_eq!(kinds(&events(&mut stream, 1).await), ["job.created"]);
}

#[actix_web::test]
async fn a_wrong_cursor_is_refused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for query in ["after=-1", "after=x"] {
        api.get(&format!("/api/events?{query}")).await.problem(400, "invalid_request");
    }
    let request = TestRequest::get().uri("/api/events").insert_header(("last-event-id", "x"));
    api.send(request).await.problem(400, "invalid_request");
}
