//! Keys: every route demands one, and each key gives what its scopes say.

use crate::harness::{Harness, path, settings, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use oneoff_domain::{Actor, Clock, Context, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_secrets::api_key::hash_api_key;
use oneoff_storage::NewApiKey;

pub(crate) async fn add_key(harness: &Harness, key: &str, scopes: &[&str], expires_at: Option<Timestamp>) {
    let new = NewApiKey {
        id: format!("{:0>32}", key.len()),
        name: format!("{key} key"),
        key_hash: hash_api_key(key),
        key_prefix: key.chars().take(15).collect(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        project_ids: None,
        expires_at,
    };
    harness.store.create_api_key(Context::new(Actor::System), SystemClock.now(), new).await.unwrap();
}

pub(crate) fn with_auth() -> ApiSettings {
    ApiSettings { auth_enabled: true, ..settings() }
}

/// What a route demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    Nothing,
    Read,
    Write,
    Admin,
}

/// Every route of the API, and what it demands. One that is added must be added here.
pub(crate) const ROUTES: &[(Method, &str, Needs)] = &[
    (Method::GET, "/jobs", Needs::Read),
    (Method::HEAD, "/jobs", Needs::Read),
    (Method::POST, "/jobs", Needs::Write),
    (Method::POST, "/jobs/bulk", Needs::Write),
    (Method::POST, "/jobs/release", Needs::Write),
    (Method::GET, "/jobs/{id}", Needs::Read),
    (Method::HEAD, "/jobs/{id}", Needs::Read),
    (Method::PATCH, "/jobs/{id}", Needs::Write),
    (Method::DELETE, "/jobs/{id}", Needs::Write),
    (Method::POST, "/jobs/{id}/execute", Needs::Write),
    (Method::POST, "/jobs/{id}/clone", Needs::Write),
    (Method::POST, "/jobs/{id}/cancel", Needs::Write),
    (Method::POST, "/jobs/{id}/hold", Needs::Write),
    (Method::POST, "/jobs/{id}/release", Needs::Write),
    (Method::GET, "/executions", Needs::Read),
    (Method::HEAD, "/executions", Needs::Read),
    (Method::GET, "/executions/{id}", Needs::Read),
    (Method::HEAD, "/executions/{id}", Needs::Read),
    (Method::GET, "/executions/{id}/output", Needs::Read),
    (Method::HEAD, "/executions/{id}/output", Needs::Read),
    (Method::POST, "/time/parse", Needs::Read),
    (Method::GET, "/job-types", Needs::Read),
    (Method::HEAD, "/job-types", Needs::Read),
    (Method::GET, "/workers/status", Needs::Read),
    (Method::HEAD, "/workers/status", Needs::Read),
    (Method::GET, "/system/status", Needs::Read),
    (Method::HEAD, "/system/status", Needs::Read),
    (Method::GET, "/events", Needs::Read),
    (Method::GET, "/api-keys", Needs::Admin),
    (Method::HEAD, "/api-keys", Needs::Admin),
    (Method::POST, "/api-keys", Needs::Admin),
    (Method::GET, "/api-keys/{id}", Needs::Admin),
    (Method::HEAD, "/api-keys/{id}", Needs::Admin),
    (Method::PATCH, "/api-keys/{id}", Needs::Admin),
    (Method::DELETE, "/api-keys/{id}", Needs::Admin),
    (Method::POST, "/api-keys/{id}/revoke", Needs::Admin),
    (Method::POST, "/api-keys/{id}/rotate", Needs::Admin),
    (Method::GET, "/audit", Needs::Admin),
    (Method::HEAD, "/audit", Needs::Admin),
    (Method::GET, "/session", Needs::Read),
    (Method::HEAD, "/session", Needs::Read),
    (Method::POST, "/session", Needs::Nothing),
    (Method::DELETE, "/session", Needs::Read),
    (Method::POST, "/setup", Needs::Nothing),
    (Method::GET, "/webhooks", Needs::Admin),
    (Method::HEAD, "/webhooks", Needs::Admin),
    (Method::POST, "/webhooks", Needs::Admin),
    (Method::GET, "/webhooks/{id}", Needs::Admin),
    (Method::HEAD, "/webhooks/{id}", Needs::Admin),
    (Method::PATCH, "/webhooks/{id}", Needs::Admin),
    (Method::DELETE, "/webhooks/{id}", Needs::Admin),
    (Method::POST, "/webhooks/{id}/test", Needs::Admin),
    (Method::POST, "/webhooks/{id}/rotate-secret", Needs::Admin),
    (Method::POST, "/webhooks/{id}/redeliver", Needs::Admin),
    (Method::GET, "/webhooks/{id}/deliveries", Needs::Admin),
    (Method::HEAD, "/webhooks/{id}/deliveries", Needs::Admin),
    (Method::GET, "/webhooks/{id}/deliveries/{delivery}", Needs::Admin),
    (Method::HEAD, "/webhooks/{id}/deliveries/{delivery}", Needs::Admin),
    (Method::POST, "/webhooks/{id}/deliveries/{delivery}/redeliver", Needs::Admin),
    (Method::GET, "/webhook-events", Needs::Read),
    (Method::HEAD, "/webhook-events", Needs::Read),
    (Method::GET, "/chains", Needs::Read),
    (Method::HEAD, "/chains", Needs::Read),
    (Method::POST, "/chains", Needs::Write),
    (Method::GET, "/chains/{id}", Needs::Read),
    (Method::HEAD, "/chains/{id}", Needs::Read),
    (Method::PATCH, "/chains/{id}", Needs::Write),
    (Method::DELETE, "/chains/{id}", Needs::Write),
    (Method::POST, "/chains/{id}/execute", Needs::Write),
    (Method::GET, "/chains/{id}/executions", Needs::Read),
    (Method::HEAD, "/chains/{id}/executions", Needs::Read),
    (Method::GET, "/chain-executions", Needs::Read),
    (Method::HEAD, "/chain-executions", Needs::Read),
    (Method::GET, "/chain-executions/{id}", Needs::Read),
    (Method::HEAD, "/chain-executions/{id}", Needs::Read),
    (Method::POST, "/chain-executions/{id}/cancel", Needs::Write),
    (Method::GET, "/projects", Needs::Read),
    (Method::HEAD, "/projects", Needs::Read),
    (Method::POST, "/projects", Needs::Write),
    (Method::GET, "/projects/{id}", Needs::Read),
    (Method::HEAD, "/projects/{id}", Needs::Read),
    (Method::PATCH, "/projects/{id}", Needs::Write),
    (Method::DELETE, "/projects/{id}", Needs::Write),
    (Method::POST, "/projects/{id}/pause", Needs::Write),
    (Method::POST, "/projects/{id}/resume", Needs::Write),
    (Method::GET, "/tags", Needs::Read),
    (Method::HEAD, "/tags", Needs::Read),
    (Method::POST, "/tags", Needs::Write),
    (Method::GET, "/tags/{id}", Needs::Read),
    (Method::HEAD, "/tags/{id}", Needs::Read),
    (Method::PATCH, "/tags/{id}", Needs::Write),
    (Method::DELETE, "/tags/{id}", Needs::Write),
    (Method::GET, "/system/config", Needs::Read),
    (Method::HEAD, "/system/config", Needs::Read),
    (Method::PATCH, "/system/config", Needs::Admin),
];

/// Routes outside of `/api`, which need no key.
const OUTSIDE: [&str; 3] = ["/metrics", "", "/{path:.*}"];

/// The routes as the source mounts them: every `resource("/path", "METHODS")`.
fn mounted() -> Vec<(String, String)> {
    let constants = [("READ", "GET, HEAD"), ("POST", "POST")];
    let mut found = Vec::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes")).unwrap() {
        let path = file.unwrap().path();
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        for (at, call) in source.match_indices("resource(") {
            let before = &source[..at];
            if before.ends_with("fn ") || before.ends_with("web::") {
                continue;
            }
            let arguments = &source[at + call.len()..][..source[at..].find(')').unwrap() - call.len()];
            let (route, methods) = arguments.split_once(',').expect("a path and its methods");
            let (route, methods) = (route.trim().trim_matches('"'), methods.trim());
            let constant = constants.iter().find(|(name, _)| *name == methods).map(|(_, methods)| *methods);
            let methods = constant.unwrap_or_else(|| methods.strip_prefix('"').unwrap().trim_matches('"'));
            if !OUTSIDE.contains(&route) {
                let methods = methods.split(", ").map(|method| (method.to_owned(), route.to_owned()));
                found.extend(methods);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_route_that_is_mounted_is_walked() {
    let mut walked: Vec<(String, String)> =
        ROUTES.iter().map(|(method, path, _)| (method.to_string(), (*path).to_owned())).collect();
    walked.sort();
    assert_eq!(mounted(), walked, "left: mounted, right: walked");
}

#[actix_web::test]
async fn every_route_demands_a_key_with_its_scope() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "reader", &["read"], None).await;
    add_key(&harness, "writers", &["write"], None).await;
    add_key(&harness, "admin", &["admin"], None).await;
    for (method, path, needs) in ROUTES {
        let path = format!("/api{}", path.replace("{id}", "x"));
        let request = || TestRequest::with_uri(&path).method(method.clone());
        let anonymous = api.open(request()).await;
        assert_eq!(anonymous.status().as_u16() == 401, *needs > Needs::Nothing, "{method} {path}");
        assert_eq!(anonymous.headers().contains_key("www-authenticate"), *needs > Needs::Nothing);
        for (key, has) in [("reader", Needs::Read), ("writers", Needs::Write), ("admin", Needs::Admin)] {
            let header = ("authorization", format!("Bearer {key}"));
            let status = api.open(request().insert_header(header)).await.status().as_u16();
            assert_ne!(status, 401, "{method} {path} as {key}");
            assert_eq!(status != 403, has >= *needs, "{method} {path} as {key}: {status}");
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
