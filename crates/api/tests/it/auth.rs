//! Keys: every route demands one, and each key gives what its scopes say.

use crate::harness::{Harness, path, settings, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_secrets::api_key::hash_api_key;
use oneoff_storage::NewApiKey;

async fn add_key(harness: &Harness, key: &str, scopes: &[&str], expires_at: Option<Timestamp>) {
    let new = NewApiKey {
        id: format!("{:0>32}", key.len()),
        name: format!("{key} key"),
        key_hash: hash_api_key(key),
        key_prefix: key.chars().take(15).collect(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        expires_at,
    };
    harness.store.create_api_key(SystemClock.now(), new).await.unwrap();
}

fn with_auth() -> ApiSettings {
    ApiSettings { auth_enabled: true, ..settings() }
}

/// Every route of the API, and whether it writes.
const ROUTES: &[(Method, &str, bool)] = &[
    (Method::GET, "/api/jobs", false),
    (Method::HEAD, "/api/jobs", false),
    (Method::POST, "/api/jobs", true),
    (Method::POST, "/api/jobs/bulk", true),
    (Method::GET, "/api/jobs/x", false),
    (Method::PATCH, "/api/jobs/x", true),
    (Method::DELETE, "/api/jobs/x", true),
    (Method::POST, "/api/jobs/x/execute", true),
    (Method::POST, "/api/jobs/x/clone", true),
    (Method::POST, "/api/jobs/x/cancel", true),
    (Method::POST, "/api/jobs/x/hold", true),
    (Method::POST, "/api/jobs/x/release", true),
    (Method::POST, "/api/jobs/release", true),
    (Method::GET, "/api/projects", false),
    (Method::POST, "/api/projects", true),
    (Method::GET, "/api/projects/x", false),
    (Method::PATCH, "/api/projects/x", true),
    (Method::DELETE, "/api/projects/x", true),
    (Method::POST, "/api/projects/x/pause", true),
    (Method::POST, "/api/projects/x/resume", true),
    (Method::GET, "/api/tags", false),
    (Method::POST, "/api/tags", true),
    (Method::GET, "/api/tags/x", false),
    (Method::PATCH, "/api/tags/x", true),
    (Method::DELETE, "/api/tags/x", true),
    (Method::GET, "/api/system/config", false),
    (Method::PATCH, "/api/system/config", true),
    (Method::GET, "/api/executions", false),
    (Method::GET, "/api/executions/x", false),
    (Method::GET, "/api/executions/x/output", false),
    (Method::POST, "/api/time/parse", false),
    (Method::GET, "/api/job-types", false),
    (Method::GET, "/api/workers/status", false),
    (Method::GET, "/api/system/status", false),
    (Method::GET, "/api/events", false),
];

#[actix_web::test]
async fn every_route_demands_a_key_with_its_scope() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "reader", &["read"], None).await;
    add_key(&harness, "writers", &["write"], None).await;
    add_key(&harness, "admin", &["admin"], None).await;
    for (method, path, writes) in ROUTES {
        let request = || TestRequest::with_uri(path).method(method.clone());
        let anonymous = api.open(request()).await;
        assert_eq!(anonymous.status().as_u16(), 401, "{method} {path}");
        assert!(anonymous.headers().contains_key("www-authenticate"));
        for (key, scopes_allow) in [("reader", !writes), ("writers", true), ("admin", true)] {
            let header = ("authorization", format!("Bearer {key}"));
            let status = api.open(request().insert_header(header)).await.status().as_u16();
            assert_ne!(status, 401, "{method} {path} as {key}");
            assert_eq!(status != 403, scopes_allow, "{method} {path} as {key}: {status}");
        }
    }
}

#[actix_web::test]
async fn a_wrong_or_expired_key_is_no_key() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let now = SystemClock.now();
    add_key(&harness, "good", &["read"], now.saturating_add(std::time::Duration::from_secs(3600)).into())
        .await;
    add_key(&harness, "expired", &["read"], now.into()).await;
    let get =
        |name: &'static str, value: &str| TestRequest::get().uri("/api/jobs").insert_header((name, value));
    assert_eq!(api.send(get("authorization", "Bearer good")).await.status, 200);
    assert_eq!(api.send(get("x-api-key", "good")).await.status, 200);
    for value in ["Bearer expired", "Bearer goo", "Bearer goodd", "Bearer ", "Basic good", "good"] {
        let answer = api.send(get("authorization", value)).await;
        let problem = answer.problem(401, "unauthorized");
        assert!(!problem["detail"].as_str().unwrap().contains("goo"), "a key is never repeated: {problem}");
    }
}

#[actix_web::test]
async fn what_a_key_does_is_known_by_its_name() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "ci", &["write"], None).await;
    let create = TestRequest::post().uri("/api/jobs").insert_header(("authorization", "Bearer ci"));
    let job = api.send(create.set_json(waiting())).await.data();
    assert_eq!(job["created_by"], "key:ci key");
    let get = TestRequest::get().uri(&path(&job)).insert_header(("x-api-key", "ci"));
    assert_eq!(api.send(get).await.status, 200);
}

#[actix_web::test]
async fn with_keys_any_host_is_served_and_the_ui_and_probes_are_open() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    for path in ["/", "/jobs", "/health", "/livez", "/readyz"] {
        let answer = api.send(TestRequest::get().uri(path).insert_header(("host", "jobs.example"))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let answer = api.send(TestRequest::get().uri("/api/jobs").insert_header(("host", "jobs.example"))).await;
    answer.problem(401, "unauthorized");
}
