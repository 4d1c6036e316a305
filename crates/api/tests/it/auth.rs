//! Keys: every route demands one, and each key gives what its scopes say.

use crate::harness::{Harness, path, settings, waiting};
use crate::specification::{Operation, operations};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use oneoff_domain::{Actor, Clock, Context, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_secrets::api_key::hash_api_key;
use oneoff_storage::NewApiKey;
use serde_json::Value;

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
enum Needs {
    Nothing,
    Read,
    Write,
    Admin,
}

/// The routes as the source mounts them: every `resource("/path", "METHODS")`, with those below `/api` after `fn api`.
pub(crate) fn mounted() -> Vec<(String, String)> {
    let constants = [("READ", "GET, HEAD"), ("POST", "POST")];
    let mut found = Vec::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes")).unwrap() {
        let path = file.unwrap().path();
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        let api = source.find("fn api(").unwrap_or(0);
        for (at, call) in source.match_indices("resource(") {
            let before = &source[..at];
            let arguments = &source[at + call.len()..][..source[at..].find(')').unwrap() - call.len()];
            if before.ends_with("fn ") || !arguments.trim_start().starts_with('"') {
                continue;
            }
            // What is mounted for every method is a probe.
            let (route, methods) = arguments.split_once(',').unwrap_or((arguments, "\"GET, HEAD\""));
            let (route, methods) = (route.trim().trim_matches('"'), methods.trim());
            let constant = constants.iter().find(|(name, _)| *name == methods).map(|(_, methods)| *methods);
            let methods = constant.unwrap_or_else(|| methods.strip_prefix('"').unwrap().trim_matches('"'));
            let prefix = if at < api { "" } else { "/api" };
            let methods = methods.split(", ").map(|method| (method.to_owned(), format!("{prefix}{route}")));
            found.extend(methods);
        }
    }
    found.sort();
    found
}

/// Every route of the API and what it demands, as the document says it. That the document has every route that is mounted
/// is checked beside it.
fn routes(document: &Value) -> Vec<(Method, String, Needs)> {
    let mut routes = Vec::new();
    for Operation { method, path, says } in operations(document) {
        if !path.starts_with("/api") {
            continue;
        }
        let needs = match says["x-required-scope"].as_str() {
            None => Needs::Nothing,
            Some("read") => Needs::Read,
            Some("write") => Needs::Write,
            Some("admin") => Needs::Admin,
            other => panic!("{method} {path}: {other:?}"),
        };
        if method == "GET" {
            routes.push((Method::HEAD, path.clone(), needs));
        }
        routes.push((method.parse().unwrap(), path, needs));
    }
    routes
}

#[actix_web::test]
async fn every_method_that_is_mounted_is_walked() {
    let harness = Harness::start().await;
    let document = harness.api().await.get("/api/openapi.json").await.json();
    let mut walked: Vec<(String, String)> =
        routes(&document).into_iter().map(|(method, path, _)| (method.to_string(), path)).collect();
    walked.sort();
    let mounted: Vec<(String, String)> =
        mounted().into_iter().filter(|(_, path)| path.starts_with("/api")).collect();
    assert_eq!(mounted, walked, "left: mounted, right: walked");
}

#[actix_web::test]
async fn every_route_demands_a_key_with_its_scope() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "reader", &["read"], None).await;
    add_key(&harness, "writers", &["write"], None).await;
    add_key(&harness, "admin", &["admin"], None).await;
    let routes = routes(&api.get("/api/openapi.json").await.json());
    let of = |wanted: Needs| routes.iter().filter(|(_, _, needs)| *needs == wanted).count();
    let counts = (of(Needs::Nothing), of(Needs::Read), of(Needs::Write), of(Needs::Admin));
    assert_eq!(counts, (6, 46, 23, 27), "a route that changes what it demands changes this");
    for (method, path, needs) in &routes {
        let path = path.replace("{id}", "x").replace("{delivery}", "y").replace("{type}", "shell");
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
        let page = || TestRequest::get().uri(path).insert_header(("host", "jobs.example"));
        let answer = api.probe(page).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let answer = api.send(TestRequest::get().uri("/api/jobs").insert_header(("host", "jobs.example"))).await;
    answer.problem(401, "unauthorized");
}
