//! `?dry_run=true`: everything is checked and answered as it would be, and nothing is changed.

use crate::harness::{Answer, Harness, path, waiting, with};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

/// Asserts that this is what would be, under no address and in no version.
fn preview(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.header("etag"), answer.header("location")), ("", ""));
    answer.data()
}

#[actix_web::test]
async fn a_dry_run_shows_the_job_and_makes_none() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for query in ["dry_run=true", "dry_run=1", "dry_run=", "dry_run"] {
        let job = preview(&api.post(&format!("/api/jobs?{query}"), &waiting()).await);
        assert_eq!(job["status"], "scheduled", "{query}");
    }
    assert_eq!(api.get("/api/jobs").await.data(), json!([]));
    api.post("/api/jobs?dry_run=true", &with(waiting(), "priority", 11))
        .await
        .problem(400, "invalid_request");
    for query in ["dry_run=perhaps", "dry_run=&dry_run=false"] {
        api.post(&format!("/api/jobs?{query}"), &waiting()).await.problem(400, "invalid_request");
    }
    assert_eq!(api.post("/api/jobs?dry_run=false", &waiting()).await.status, 201);
}

#[actix_web::test]
async fn every_change_of_a_job_can_be_looked_at_first() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let at = path(&job);
    let clone = json!({"scheduled_at": "in 2h"});
    let cases = [
        (Method::PATCH, "", json!({"name": "new"}), ("name", json!("new"))),
        (Method::POST, "/execute", json!({}), ("status", json!("scheduled"))),
        (Method::POST, "/clone", clone, ("name", json!("shell (clone)"))),
        (Method::POST, "/hold", json!({}), ("status", json!("held"))),
        (Method::POST, "/cancel", json!({}), ("status", json!("cancelled"))),
        (Method::DELETE, "", json!({}), ("id", job["id"].clone())),
    ];
    for (method, action, body, (name, value)) in cases {
        let uri = format!("{at}{action}?dry_run=true");
        let answer = api.send(TestRequest::with_uri(&uri).method(method.clone()).set_json(body)).await;
        assert_eq!(preview(&answer)[name], value, "{method} {uri}");
    }
    api.act(&format!("{at}/release?dry_run")).await.problem(409, "illegal_state");
    assert_eq!(api.get("/api/jobs").await.data(), json!([job]), "nothing happened");

    api.act(&format!("{at}/hold")).await;
    assert_eq!(preview(&api.act(&format!("{at}/release?dry_run")).await)["status"], "scheduled");
    assert_eq!(api.get(&at).await.data()["status"], "held");
}

#[actix_web::test]
async fn a_look_at_a_cancel_leaves_the_running_job_alone() {
    let harness = Harness::with(FakeExecutor::new("shell").blocking()).await;
    let api = harness.api().await;
    let job = api.created(&with(waiting(), "immediate", true)).await;
    harness.shell.started(1).await;
    let cancel = format!("{}/cancel", path(&job));
    assert_eq!(preview(&api.act(&format!("{cancel}?dry_run")).await)["cancel_requested"], true);
    let now = api.get(&path(&job)).await.data();
    assert_eq!((&now["status"], &now["cancel_requested"]), (&json!("running"), &json!(false)));
    assert_eq!(api.act(&cancel).await.data()["status"], "cancelled");
}

#[actix_web::test]
async fn a_dry_run_obeys_conditions_and_leaves_the_key_unused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let at = format!("{}?dry_run=true", path(&job));
    for (method, action) in [(Method::DELETE, ""), (Method::PATCH, ""), (Method::POST, "/hold")] {
        let uri = format!("{}{action}?dry_run=true", path(&job));
        let request = TestRequest::with_uri(&uri).method(method).insert_header(("if-match", "\"7\""));
        api.send(request.set_json(json!({}))).await.problem(412, "version_mismatch");
    }
    api.patch(&at, &json!({"priority": 11})).await.problem(400, "invalid_request");

    let create =
        |uri: &str| TestRequest::post().uri(uri).insert_header(("idempotency-key", "k")).set_json(waiting());
    preview(&api.send(create("/api/jobs?dry_run=true")).await);
    let made = api.send(create("/api/jobs")).await;
    assert_eq!((made.status, made.header("idempotency-replayed")), (201, ""));
}
