//! Conditional requests and repetitions: ETag, If-Match, If-None-Match, Idempotency-Key.

use crate::harness::{Harness, path, waiting, with};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_change_can_demand_the_version_that_was_read() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let edit = |etag: &str| {
        TestRequest::patch().uri(&path(&job)).insert_header(("if-match", etag)).set_json(json!({"name": "x"}))
    };
    assert_eq!(api.send(edit("\"1\"")).await.header("etag"), "\"2\"");
    let problem = api.send(edit("\"1\"")).await.problem(412, "version_mismatch");
    assert!(problem["detail"].as_str().unwrap().contains("version 2"), "{problem}");
    api.send(edit("\"abc\"")).await.problem(400, "invalid_request");
    assert_eq!(api.send(edit("*")).await.status, 200);

    for action in ["/cancel", "/hold", "/execute", "/release", ""] {
        let at = format!("{}{action}", path(&job));
        let request = if action.is_empty() { TestRequest::delete() } else { TestRequest::post() };
        api.send(request.uri(&at).insert_header(("if-match", "\"1\"")))
            .await
            .problem(412, "version_mismatch");
    }
    assert_eq!(api.get(&path(&job)).await.header("etag"), "\"3\"");
}

#[actix_web::test]
async fn what_the_client_has_is_not_sent_again() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let get = |etag: &str| TestRequest::get().uri(&path(&job)).insert_header(("if-none-match", etag));
    let known = api.send(get("\"1\"")).await;
    assert_eq!((known.status, known.header("etag"), known.body.len()), (304, "\"1\"", 0));
    api.patch(&path(&job), &json!({"name": "x"})).await;
    assert_eq!(api.send(get("\"1\"")).await.status, 200);
}

#[actix_web::test]
async fn a_repeated_create_is_answered_by_the_first_one() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let create = |key: &str, body: Value| {
        TestRequest::post().uri("/api/jobs").insert_header(("idempotency-key", key)).set_json(body)
    };
    let first = api.send(create("k1", waiting())).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let again = api.send(create("k1", waiting())).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(again.data()["id"], first.data()["id"]);
    api.send(create("k1", with(waiting(), "name", "y"))).await.problem(422, "idempotency_mismatch");
    assert_ne!(api.send(create("k2", waiting())).await.data()["id"], first.data()["id"]);
    assert_eq!(api.get("/api/jobs").await.data().as_array().unwrap().len(), 2);
    api.send(create(&"k".repeat(256), waiting())).await.problem(400, "invalid_request");
}

#[actix_web::test]
async fn a_repeated_create_of_a_job_that_was_removed_since_names_it_and_makes_none() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let create =
        || TestRequest::post().uri("/api/jobs").insert_header(("idempotency-key", "k")).set_json(waiting());
    let first = api.send(create()).await.data();
    assert_eq!(api.delete(&path(&first)).await.status, 204);
    let again = api.send(create()).await.problem(410, "removed");
    assert!(again["detail"].as_str().unwrap().contains(first["id"].as_str().unwrap()), "{again}");
    assert_eq!(api.get("/api/jobs").await.data().as_array().unwrap().len(), 0);
}

#[actix_web::test]
async fn a_repeated_execute_and_clone_take_effect_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let act = |action: &str, body: Value| {
        let at = format!("{}/{action}", path(&job));
        TestRequest::post()
            .uri(&at)
            .insert_header(("idempotency-key", format!("key {action}")))
            .set_json(body)
    };
    let clone = json!({"scheduled_at": "in 2h"});
    let first = api.send(act("clone", clone.clone())).await;
    let again = api.send(act("clone", clone)).await;
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    assert_eq!(first.data()["id"], again.data()["id"]);

    api.send(act("execute", json!({}))).await;
    harness.shell.started(1).await;
    assert_eq!(api.get(&format!("{}?wait=30s", path(&job))).await.data()["status"], "completed");
    let again = api.send(act("execute", json!({}))).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, "true"));
    assert_eq!(api.get(&path(&job)).await.data()["run"], 1, "it was not run again");
}

#[actix_web::test]
async fn a_repeated_hold_release_and_cancel_take_effect_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let act = |action: &str, body: Value| {
        let at = format!("{}/{action}", path(&job));
        TestRequest::post()
            .uri(&at)
            .insert_header(("idempotency-key", format!("key {action}")))
            .set_json(body)
    };
    for (version, action) in [("\"2\"", "hold"), ("\"3\"", "release"), ("\"4\"", "cancel")] {
        let first = api.send(act(action, json!({}))).await;
        assert_eq!((first.status, first.header("etag")), (200, version), "{action}: {}", first.text());
        assert_eq!(first.header("idempotency-replayed"), "");
        let again = api.send(act(action, json!({}))).await;
        assert_eq!((again.status, again.header("etag")), (200, version), "{action}: {}", again.text());
        assert_eq!(again.header("idempotency-replayed"), "true", "{action}");
    }
    assert_eq!(api.send(act("hold", json!({}))).await.header("idempotency-replayed"), "true");
    assert_eq!(api.get(&path(&job)).await.data()["status"], "cancelled", "it is not held again");
    api.send(act("hold", json!({"until": "in 2h"}))).await.problem(422, "idempotency_mismatch");
}

#[actix_web::test]
async fn what_is_new_has_no_version_to_demand() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let clone = (format!("{}/clone", path(&job)), json!({"scheduled_at": "in 2h"}));
    for (at, body) in [clone, ("/api/jobs".to_owned(), waiting())] {
        let request = |etag: &str| TestRequest::post().uri(&at).insert_header(("if-match", etag));
        let problem = api.send(request("\"1\"").set_json(&body)).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "If-Match", "{problem}");
        assert_eq!(api.send(request("*").set_json(&body)).await.status, 201);
    }
    assert_eq!(api.get("/api/jobs").await.data().as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn an_external_id_is_unique_within_its_project() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = with(waiting(), "external_id", "e");
    api.created(&job).await;
    let problem = api.post("/api/jobs", &job).await.problem(409, "duplicate");
    assert_eq!(problem["errors"][0]["pointer"], "/external_id");
    let project = api.post("/api/projects", &json!({"name": "p2"})).await.data()["id"].clone();
    api.created(&with(job, "project_id", project)).await;
}
