//! Health, metrics, the UI's pages, the server's own state, and the base path.

use crate::harness::{Harness, path, settings, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::{ApiSettings, MetricsHandle};
use serde_json::{Value, json};

#[actix_web::test]
async fn health_answers_as_v1_does_and_the_others_tell_of_each_component() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let health = api.get("/health").await;
    assert_eq!((health.status, health.text().as_str()), (200, "OK"));
    assert!(health.header("content-type").starts_with("text/plain"));
    let live = api.probe(|| TestRequest::get().uri("/livez")).await;
    assert_eq!((live.status, live.json()), (200, json!({"status": "ok", "components": {"scheduler": ok()}})));
    let ready = api.probe(|| TestRequest::get().uri("/readyz")).await;
    let mut components = json!({"clock": ok(), "database_read": ok(), "database_write": ok(),
        "scheduler": ok(), "server": ok(), "webhooks": ok()});
    match harness.store.is_shared() {
        true => components["lease"] = ok(),
        false => components["disk"] = ok(),
    }
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ok", "components": components})));

    harness.scheduler.shutdown().await;
    assert_eq!(api.get("/livez").await.status, 200);
    assert_eq!(api.get("/health").await.status, 503);
    let ready = api.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("failing")));
    let stopping = json!({"status": "failing", "message": "the server is stopping"});
    assert_eq!(ready.json()["components"]["server"], stopping);
}

fn ok() -> Value {
    json!({"status": "ok"})
}

#[actix_web::test]
async fn head_is_get_without_a_body() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for path in ["/api/jobs", "/api/job-types", "/", "/health"] {
        let answer = api.send(TestRequest::with_uri(path).method(Method::HEAD)).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn the_server_tells_its_state() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    api.created(&waiting()).await;
    assert_eq!(api.get("/api/job-types").await.json(), json!({"data": ["shell"]}));
    let status = api.get("/api/system/status").await.data();
    assert_eq!((&status["total_scheduled"], &status["jobs"]["failed"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&status["version"], &status["commit"], &status["environment"]),
        (&json!("2.0.0"), &json!("abc"), &json!("test"))
    );
    assert!(status["next_due_at"].is_string());
    assert_eq!(status["database"], harness.store.path().display().to_string());
    let is_file = !harness.store.is_shared();
    for bytes in ["free_bytes", "wal_bytes"] {
        assert_eq!(status["space"][bytes].is_number(), is_file, "{status}");
    }
    let workers = api.get("/api/workers/status").await.data();
    assert_eq!(workers["available_workers"], workers["total_workers"]);
    assert_eq!((&workers["running_jobs"], &workers["paused"]), (&json!([]), &json!(null)));
    let nodes = workers["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1, "the server is alone");
    let node = &nodes[0];
    assert_eq!((&node["id"], &node["health"], &node["epoch"]), (&json!("local"), &json!("ok"), &json!(1)));
    assert_eq!((&node["slots"], &node["running"]), (&workers["total_workers"], &json!(0)));
    assert_eq!(node["version"], "2.0.0");
    assert_eq!(node["clock_offset_us"].is_null(), is_file, "it is measured against a server: {node}");
    assert!(node["last_seen_at"].is_string() && node["started_at"].is_string(), "{node}");
}

#[actix_web::test]
async fn metrics_exist_only_where_they_are_switched_on() {
    let harness = Harness::start().await;
    harness.api().await.get("/metrics").await.problem(404, "not_found");
    let api = harness
        .api_with(ApiSettings { metrics: Some(MetricsHandle::install().unwrap()), ..settings() })
        .await;
    let job = api.created(&waiting()).await;
    api.get(&path(&job)).await;
    api.get("/api/nope").await;
    let metrics = api.get("/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = metrics.text();
    for line in [
        "oneoff_http_requests_total{method=\"GET\",path=\"/api/jobs/{id}\",status=\"200\"} 1",
        "oneoff_http_request_duration_seconds_bucket{method=\"POST\",path=\"/api/jobs\",",
        "oneoff_workers_active 0",
        "oneoff_jobs_queued 0",
        "oneoff_nodes{health=\"ok\"} 1",
        "oneoff_nodes{health=\"gone\"} 0",
        "oneoff_node_up{node=\"local\"} 1",
        "oneoff_node_running{node=\"local\"} 0",
        "oneoff_uptime_seconds ",
        "# TYPE oneoff_workers_total untyped",
        "oneoff_webhook_deliveries_due 0",
        "oneoff_webhook_oldest_due_seconds 0",
        "oneoff_commit_duration_seconds_bucket{le=",
        "oneoff_apikey_validations_total{result=\"failed\"} 0",
        "oneoff_next_due_timestamp_seconds ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("/api/nope"), "paths that do not exist must not become labels:\n{text}");
    assert!(MetricsHandle::install().is_err(), "a process has one recorder");
}

#[actix_web::test]
async fn every_path_of_the_ui_is_its_page_and_missing_files_are_not_found() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for path in ["/", "/jobs", "/jobs/7/output"] {
        let page = api.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
    }
    api.get("/assets/missing.js").await.problem(404, "not_found");
    api.get("/favicon.missing").await.problem(404, "not_found");
}

#[actix_web::test]
async fn files_of_a_built_ui_are_cached_by_their_names_and_the_page_by_its_tag() {
    let harness = Harness::start().await;
    let api = harness.api_with(ApiSettings { base_path: "/x".to_owned(), ..settings() }).await;
    let page = api.get("/x/").await;
    if !oneoff_ui::is_built() {
        assert!(page.text().contains("cargo xtask run"));
        return;
    }
    assert!(page.text().contains("<base href=\"/x/\""), "{}", page.text());
    let known = TestRequest::get().uri("/x/jobs").insert_header(("if-none-match", page.header("etag")));
    assert_eq!(api.send(known).await.status, 304);

    let start = page.text().find("assets/").expect("the page loads a script");
    let asset = page.text()[start..].split('"').next().unwrap().to_owned();
    let get = || TestRequest::get().uri(&format!("/x/{asset}")).insert_header(("accept-encoding", "gzip"));
    let file = api.send(get()).await;
    assert_eq!((file.status, file.header("content-encoding")), (200, "gzip"), "{asset}");
    assert!(file.header("cache-control").contains("immutable"));
    let known = get().insert_header(("if-none-match", file.header("etag")));
    assert_eq!(api.send(known).await.status, 304);
}

#[actix_web::test]
async fn everything_moves_below_the_base_path() {
    let harness = Harness::start().await;
    let api = harness.api_with(ApiSettings { base_path: "/x/y".to_owned(), ..settings() }).await;
    let created = api.post("/x/y/api/jobs", &waiting()).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let location = created.header("location");
    assert!(location.starts_with("/x/y/api/jobs/"), "{location}");
    assert_eq!(api.get(location).await.status, 200);
    for path in ["/x/y/", "/x/y/health", "/x/y/jobs"] {
        assert_eq!(api.get(path).await.status, 200, "{path}");
    }
    let bare = api.get("/x/y").await;
    assert_eq!((bare.status, bare.header("location")), (308, "/x/y/"));
    for path in ["/api/jobs", "/health", "/x/yz/api/jobs"] {
        assert_eq!(api.get(path).await.status, 404, "{path}");
    }
}
