//! API keys over HTTP: made, listed, changed, revoked, rotated, deleted; and what a key may not do.

use crate::auth::with_auth;
use crate::harness::{Answer, Api, Calls, Harness, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_domain::{Actor, Clock, Context, ProjectChange};
use oneoff_scheduler::SystemClock;
use oneoff_secrets::api_key::{has_checksum, hash_api_key};
use oneoff_storage::NewApiKey;
use serde_json::{Value, json};
use std::time::Duration;

/// A caller with a key.
pub(crate) struct Caller<'a, S> {
    api: &'a Api<S>,
    pub(crate) key: String,
}

impl<'a, S: Calls> Caller<'a, S> {
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = TestRequest::with_uri(path).method(method);
        let request = request.insert_header(("authorization", format!("Bearer {}", self.key)));
        self.api
            .send(match body {
                Some(body) => request.set_json(body),
                None => request,
            })
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn made(&self, body: &Value) -> Value {
        let answer = self.post("/api/api-keys", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.data()
    }

    pub(crate) fn with(&self, key: &Value) -> Caller<'a, S> {
        Caller { api: self.api, key: key["key"].as_str().unwrap().to_owned() }
    }
}

/// An admin key of a form that no server makes, as v1's are: without a checksum.
pub(crate) async fn admin<'a, S>(
    harness: &Harness,
    api: &'a Api<S>,
    projects: Option<&[&str]>,
) -> Caller<'a, S> {
    let digit = if projects.is_some() { "b" } else { "a" };
    let key = format!("oneoff_{}", digit.repeat(64));
    let new = NewApiKey {
        id: digit.repeat(32),
        name: "root".to_owned(),
        key_hash: hash_api_key(&key),
        key_prefix: key[..15].to_owned(),
        scopes: vec!["admin".to_owned()],
        project_ids: projects.map(|ids| ids.iter().map(|&id| id.to_owned()).collect()),
        expires_at: None,
    };
    let (context, now) = (|| Context::new(Actor::System), SystemClock.now());
    for &id in projects.unwrap_or_default() {
        let change = ProjectChange { name: Some(id.to_owned()), ..ProjectChange::default() };
        harness.store.create_project(context(), now, id.to_owned(), change).await.unwrap();
    }
    harness.store.create_api_key(context(), now, new).await.unwrap();
    Caller { api, key }
}

fn path(key: &Value) -> String {
    format!("/api/api-keys/{}", key["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_key_lives_from_its_making_to_its_deletion() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let made = root.made(&json!({"name": "ci", "scopes": "read, write", "expires_at": "in 90d"})).await;
    assert!(has_checksum(made["key"].as_str().unwrap()));
    assert_eq!(made["scopes"], json!(["read", "write"]));
    assert_eq!(made["is_active"], true);
    assert_eq!(made["key_prefix"], made["key"].as_str().unwrap()[..15]);
    let ci = root.with(&made);
    assert_eq!(ci.get("/api/jobs").await.status, 200);

    let read = root.get(&path(&made)).await;
    assert!(!read.text().contains(made["key"].as_str().unwrap()), "a key is shown once");
    assert_eq!(read.header("etag"), "\"1\"");
    let list = root.get("/api/api-keys").await.json();
    assert_eq!(list["data"][0]["id"], made["id"], "the newest first");
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    let page = root.get("/api/api-keys?limit=1").await.json();
    let next = format!("/api/api-keys?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    let next = root.get(&next).await.json();
    assert_eq!((next["data"][0]["name"].as_str(), &next["next_cursor"]), (Some("root"), &Value::Null));

    let patched =
        root.patch(&path(&made), &json!({"name": "ci 2", "scopes": ["read"], "expires_at": null})).await;
    let patched = patched.data();
    assert_eq!(
        (patched["name"].as_str(), &patched["expires_at"], patched["version"].as_i64()),
        (Some("ci 2"), &Value::Null, Some(2))
    );
    assert_eq!(ci.post("/api/jobs", &waiting()).await.status, 403, "at once");

    let revoked = root.post(&format!("{}/revoke", path(&made)), &json!({})).await;
    assert_eq!((revoked.status, revoked.data()["status"].as_str()), (200, Some("revoked")));
    ci.get("/api/jobs").await.problem(401, "unauthorized");
    assert_eq!(root.patch(&path(&made), &json!({"is_active": true})).await.status, 200);
    assert_eq!(ci.get("/api/jobs").await.status, 200);
    assert_eq!(root.delete(&path(&made)).await.status, 204);
    ci.get("/api/jobs").await.problem(401, "unauthorized");
    root.delete(&path(&made)).await.problem(404, "not_found");
    root.post(&format!("{}/revoke", path(&made)), &json!({})).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_mistyped_key_is_told_from_an_unknown_one() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let made = root.made(&json!({"name": "x"})).await;
    let key = made["key"].as_str().unwrap();
    let other = if key.ends_with('0') { '1' } else { '0' };
    for wrong in [format!("{}{other}", &key[..78]), key[..70].to_owned()] {
        let answer = Caller { api: &api, key: wrong }.get("/api/jobs").await;
        let problem = answer.problem(401, "unauthorized");
        assert!(problem["detail"].as_str().unwrap().contains("checksum"), "{problem}");
    }
    let unknown = Caller { api: &api, key: format!("oneoff_{}", "c".repeat(64)) };
    let problem = unknown.get("/api/jobs").await.problem(401, "unauthorized");
    assert!(problem["detail"].as_str().unwrap().contains("invalid or expired"), "{problem}");
}

#[actix_web::test]
async fn a_rotated_key_is_valid_for_the_overlap_beside_its_successor() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let first = root.made(&json!({"name": "ci", "scopes": ["read"], "expires_at": "in 90d"})).await;
    let answer = root.post(&format!("{}/rotate", path(&first)), &json!({"overlap_seconds": 3600})).await;
    assert_eq!(answer.status, 200);
    let second = answer.data();
    assert_eq!(
        (&second["name"], &second["scopes"], &second["expires_at"]),
        (&first["name"], &first["scopes"], &first["expires_at"])
    );
    assert_ne!(second["id"], first["id"]);
    assert_eq!(second["replaces"]["id"], first["id"]);
    let until: oneoff_domain::Timestamp = second["replaces"]["expires_at"].as_str().unwrap().parse().unwrap();
    let left = until.micros_since(SystemClock.now());
    assert!((3_500_000_000..=3_600_000_000).contains(&left), "{left}");
    for key in [&first, &second] {
        assert_eq!(root.with(key).get("/api/jobs").await.status, 200);
    }
    let third = root.post(&format!("{}/rotate", path(&second)), &json!({})).await.data();
    root.with(&second).get("/api/jobs").await.problem(401, "unauthorized");
    assert_eq!(root.with(&third).get("/api/jobs").await.status, 200);
    // Once: the old one could be rotated on and on otherwise by whoever still holds it.
    for (old, new) in [(&first, &second), (&second, &third)] {
        let problem =
            root.post(&format!("{}/rotate", path(old)), &json!({})).await.problem(409, "key_replaced");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("was rotated already"), "{problem}");
        assert!(detail.contains(new["key_prefix"].as_str().unwrap()), "it names the successor: {problem}");
        assert_eq!(root.get(&path(old)).await.data()["replaced_by"], new["id"]);
    }
    assert_eq!(third["expires_at"], first["expires_at"], "and not when an overlap ends");
    root.post(&format!("{}/revoke", path(&third)), &json!({})).await;
    root.post(&format!("{}/rotate", path(&third)), &json!({})).await.problem(409, "key_not_valid");
}

#[actix_web::test]
async fn the_last_admin_key_ends_only_when_it_is_forced() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = format!("/api/api-keys/{}", "a".repeat(32));
    root.made(&json!({"name": "restricted", "scopes": "admin", "project_ids": ["default"]})).await;
    root.delete(&own).await.problem(409, "last_admin_key");
    root.post(&format!("{own}/revoke"), &json!({})).await.problem(409, "last_admin_key");
    for patch in [json!({"scopes": "read"}), json!({"is_active": false}), json!({"project_ids": ["default"]})]
    {
        let problem = root.patch(&own, &patch).await.problem(409, "last_admin_key");
        assert!(problem["detail"].as_str().unwrap().contains("?force=true"), "{problem}");
    }
    assert_eq!(root.patch(&own, &json!({"name": "still"})).await.status, 200);
    let preview = root.call(Method::DELETE, &format!("{own}?force=true&dry_run=true"), None).await;
    assert_eq!(preview.status, 200);
    let second = root.made(&json!({"name": "second", "scopes": "admin"})).await;
    assert_eq!(root.delete(&own).await.status, 204, "there is another one");
    let second_path = path(&second);
    let second = root.with(&second);
    assert_eq!(second.call(Method::DELETE, &format!("{second_path}?force=true"), None).await.status, 204);
    second.get("/api/jobs").await.problem(401, "unauthorized");
}

#[actix_web::test]
async fn a_key_gives_itself_and_others_no_more_than_it_has() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let within = admin(&harness, &api, Some(&["a", "b"])).await;
    for body in [json!({"name": "x"}), json!({"name": "x", "project_ids": ["a", "c"]})] {
        within.post("/api/api-keys", &body).await.problem(403, "forbidden");
    }
    let made = within.made(&json!({"name": "x", "project_ids": "a"})).await;
    within.patch(&path(&made), &json!({"project_ids": null})).await.problem(403, "forbidden");
    let all = within.get("/api/api-keys").await.json();
    let names: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["x", "root"], "its own name is root, too");
    within.get(&format!("/api/api-keys/{}", "a".repeat(32))).await.problem(404, "not_found");

    let ending = root.made(&json!({"name": "ending", "scopes": "admin", "expires_at": "in 1h"})).await;
    let own = path(&ending);
    let ending = root.with(&ending);
    for patch in [json!({"expires_at": null}), json!({"expires_at": "in 2h"})] {
        ending.patch(&own, &patch).await.problem(403, "forbidden");
    }
    ending.post(&format!("{own}/rotate"), &json!({"expires_at": null})).await.problem(403, "forbidden");
    assert_eq!(ending.patch(&own, &json!({"expires_at": "in 30m"})).await.status, 200, "less is fine");
    assert_eq!(root.patch(&own, &json!({"expires_at": null})).await.status, 200, "another key may");
}

#[actix_web::test]
async fn the_same_request_makes_one_key_and_tells_it_once() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let send = |body: Value| {
        let request = TestRequest::post().uri("/api/api-keys").set_json(body);
        let request = request.insert_header(("idempotency-key", "k1"));
        api.send(request.insert_header(("authorization", format!("Bearer {}", root.key))))
    };
    let first = send(json!({"name": "x"})).await;
    let again = send(json!({"name": "x"})).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.data()["id"], first.data()["id"]);
    assert!(again.data().get("key").is_none(), "{}", again.text());
    send(json!({"name": "y"})).await.problem(422, "idempotency_mismatch");
}

#[actix_web::test]
async fn bad_input_is_refused() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = format!("/api/api-keys/{}", "a".repeat(32));
    for (method, path, body) in [
        (Method::POST, "/api/api-keys", json!({})),
        (Method::POST, "/api/api-keys", json!({"name": "x", "scopes": "root"})),
        (Method::POST, "/api/api-keys", json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"})),
        (Method::POST, "/api/api-keys", json!({"name": "x", "key": "oneoff_1"})),
        (Method::POST, "/api/api-keys?force=true", json!({"name": "x"})),
        (Method::PATCH, own.as_str(), json!({"name": ""})),
        (Method::GET, "/api/api-keys?limit=0", json!({})),
        (Method::GET, "/api/api-keys?limit=201", json!({})),
        (Method::GET, "/api/api-keys?cursor=x", json!({})),
        (Method::GET, "/api/api-keys?offset=1", json!({})),
    ] {
        root.call(method, path, Some(&body)).await.problem(400, "invalid_request");
    }
    for id in ["x", "%00", "'; DROP TABLE api_keys; --", &"9".repeat(2_000), "\u{1f511}"] {
        let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let answer = root.get(&format!("/api/api-keys/{}", id.replace('+', "%20"))).await;
        answer.problem(404, "not_found");
    }
    let conditional = |version: &str| {
        let request = TestRequest::patch().uri(&own).set_json(json!({"name": "z"}));
        let request = request.insert_header(("if-match", version));
        api.send(request.insert_header(("authorization", format!("Bearer {}", root.key))))
    };
    conditional("\"7\"").await.problem(412, "version_mismatch");
    assert_eq!(conditional("\"1\"").await.status, 200);
}

#[actix_web::test]
async fn the_last_use_of_a_key_is_written_behind() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = format!("/api/api-keys/{}", "a".repeat(32));
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while root.get(&own).await.data()["last_used_at"].is_null() {
        assert!(std::time::Instant::now() < deadline, "it is never written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
