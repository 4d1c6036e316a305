//! Browsers that sign in: the cookie, what keeps other sites from using it, its end; and the first key by a link.

use crate::auth::{add_key, with_auth};
use crate::harness::{Answer, Api, Calls, Harness, Streamed, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;
use oneoff_domain::{Actor, Clock, Context};
use oneoff_scheduler::SystemClock;
use oneoff_secrets::api_key::hash_api_key;
use serde_json::json;
use std::time::Duration;

/// A browser that is signed in.
struct Browser<'a, S> {
    api: &'a Api<S>,
    cookie: String,
    csrf: String,
}

async fn sign_in<'a, S: Calls>(api: &'a Api<S>, key: &str) -> Browser<'a, S> {
    let answer = api.post("/api/session", &json!({"key": key})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    Browser { api, cookie, csrf: answer.data()["csrf_token"].as_str().unwrap().to_owned() }
}

impl<S: Calls> Browser<'_, S> {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = TestRequest::with_uri(path).method(method.clone());
        request = request.insert_header(("cookie", format!("theme=dark; {}", self.cookie)));
        for header in headers {
            request = request.insert_header(*header);
        }
        if method == Method::POST {
            request = request.set_json(waiting());
        }
        self.api.send(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }
}

#[actix_web::test]
async fn a_key_becomes_a_cookie_that_no_script_reads() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "writer", &["write"], None).await;
    let answer = api.post("/api/session", &json!({"key": "writer"})).await;
    let cookie = answer.header("set-cookie");
    for part in ["oneoff_session=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !answer.text().contains(&cookie[15..79]), "{cookie}");
    let browser = sign_in(&api, "writer").await;
    let session = browser.get("/api/session").await.data();
    assert_eq!(
        (session["api_key"]["name"].as_str(), session["csrf_token"].as_str()),
        (Some("writer key"), Some(browser.csrf.as_str()))
    );
    assert_eq!(browser.get("/api/jobs").await.status, 200);
    browser.get("/api/api-keys").await.problem(403, "forbidden");
    api.post("/api/session", &json!({"key": "wrong"})).await.problem(401, "unauthorized");
    for body in
        [json!({}), json!({"key": 7}), json!({"key": "x".repeat(300)}), json!({"key": "writer", "x": 1})]
    {
        api.post("/api/session", &body).await.problem(400, "invalid_request");
    }
    let form = TestRequest::post()
        .uri("/api/session")
        .insert_header(("content-type", "text/plain"))
        .set_payload("{}");
    api.send(form).await.problem(415, "unsupported_media_type");
}

#[actix_web::test]
async fn a_page_of_another_site_cannot_use_the_cookie() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "writer", &["write"], None).await;
    let browser = sign_in(&api, "writer").await;
    let token = ("x-csrf-token", browser.csrf.as_str());
    browser.send(Method::POST, "/api/jobs", &[]).await.problem(403, "forgery_refused");
    for wrong in ["", "x", &"0".repeat(64), &format!("{}0", browser.csrf)] {
        browser
            .send(Method::POST, "/api/jobs", &[("x-csrf-token", wrong)])
            .await
            .problem(403, "forgery_refused");
    }
    let own = ("origin", "http://localhost:8080");
    assert_eq!(browser.send(Method::POST, "/api/jobs", &[token, own]).await.status, 201);
    for foreign in [
        ("origin", "https://evil.example"),
        ("origin", "http://localhost:9090"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = browser.send(Method::POST, "/api/jobs", &[token, foreign]).await;
        answer.problem(403, "origin_refused");
        let read = browser.send(Method::GET, "/api/jobs", &[foreign]).await;
        read.problem(403, "origin_refused");
        let sign_in = TestRequest::post().uri("/api/session").set_json(json!({"key": "writer"}));
        api.send(sign_in.insert_header(foreign)).await.problem(403, "origin_refused");
    }
    browser.send(Method::DELETE, "/api/session", &[]).await.problem(403, "forgery_refused");
}

#[actix_web::test]
async fn behind_a_proxy_the_public_url_is_the_own_origin_and_the_cookie_is_secure() {
    let harness = Harness::start().await;
    let public_url = Some("https://jobs.example.com".to_owned());
    let api = harness.api_with(ApiSettings { public_url, ..with_auth() }).await;
    add_key(&harness, "writer", &["write"], None).await;
    let answer = api.post("/api/session", &json!({"key": "writer"})).await;
    assert!(answer.header("set-cookie").contains("Secure"), "{}", answer.header("set-cookie"));
    let browser = sign_in(&api, "writer").await;
    let token = ("x-csrf-token", browser.csrf.as_str());
    let public = ("origin", "https://jobs.example.com");
    assert_eq!(browser.send(Method::POST, "/api/jobs", &[token, public]).await.status, 201);
    let problem =
        browser.send(Method::POST, "/api/jobs", &[token, ("origin", "https://other.example")]).await;
    let problem = problem.problem(403, "origin_refused");
    assert!(problem["detail"].as_str().unwrap().contains("PUBLIC_URL=https://other.example"), "{problem}");
}

#[actix_web::test]
async fn https_is_believed_of_a_trusted_proxy_only() {
    let harness = Harness::start().await;
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let api = harness.api_with(ApiSettings { trusted_proxies, ..with_auth() }).await;
    add_key(&harness, "admin", &["admin"], None).await;
    for (peer, secure, address) in [("10.1.2.3:1", true, "203.0.113.9"), ("192.0.2.1:1", false, "192.0.2.1")]
    {
        let request = TestRequest::post().uri("/api/session").peer_addr(peer.parse().unwrap());
        let request = request.insert_header(("x-forwarded-for", "203.0.113.9"));
        let request = request.insert_header(("x-forwarded-proto", "https"));
        let answer = api.send(request.set_json(json!({"key": "admin"}))).await;
        assert_eq!(answer.header("set-cookie").contains("Secure"), secure, "{peer}");
        let log = TestRequest::get().uri("/api/audit?action=api_key.sign_in&limit=1");
        let log = api.send(log.insert_header(("x-api-key", "admin"))).await.json();
        assert_eq!(log["data"][0]["client_address"], address);
    }
}

#[actix_web::test]
async fn a_session_ends_with_its_key_by_itself_and_by_hand() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "admin", &["admin"], None).await;
    let call = |request: TestRequest| api.send(request.insert_header(("x-api-key", "admin")));
    let made = call(TestRequest::post().uri("/api/api-keys").set_json(json!({"name": "x"}))).await.data();
    let (first, second) = (
        sign_in(&api, made["key"].as_str().unwrap()).await,
        sign_in(&api, made["key"].as_str().unwrap()).await,
    );
    let token = ("x-csrf-token", first.csrf.as_str());
    let out = first.send(Method::DELETE, "/api/session", &[token]).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    first.get("/api/jobs").await.problem(401, "unauthorized");
    assert_eq!(second.get("/api/jobs").await.status, 200);
    let place = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
    call(TestRequest::post().uri(&format!("{place}/revoke"))).await;
    second.get("/api/jobs").await.problem(401, "unauthorized");
    call(TestRequest::patch().uri(&place).set_json(json!({"is_active": true}))).await;
    second.get("/api/jobs").await.problem(401, "unauthorized");
}

#[actix_web::test]
async fn a_server_without_keys_has_no_sessions() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let expected = json!({"auth_enabled": false, "api_key": null, "expires_at": null, "csrf_token": null});
    assert_eq!(api.get("/api/session").await.data(), expected);
    assert_eq!(api.post("/api/session", &json!({"key": "x"})).await.data(), expected);
    assert_eq!(api.delete("/api/session").await.status, 204);
}

#[actix_web::test]
async fn the_first_key_is_made_by_a_link_once() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let (system, now) = (|| Context::new(Actor::System), SystemClock.now());
    let link = |token: &str, seconds: u64| {
        let expires_at = now.saturating_add(Duration::from_secs(seconds));
        harness.service.make_setup_link(system(), hash_api_key(token), expires_at)
    };
    assert!(
        link("expired", 0).await.unwrap() && link("one", 60).await.unwrap() && link("two", 60).await.unwrap()
    );
    for wrong in [json!({"token": "wrong"}), json!({"token": "expired"})] {
        api.post("/api/setup", &wrong).await.problem(404, "not_found");
    }
    for bad in
        [json!({}), json!({"token": 1}), json!({"token": "one", "name": ""}), json!({"token": "one", "y": 1})]
    {
        api.post("/api/setup", &bad).await.problem(400, "invalid_request");
    }
    let foreign = TestRequest::post().uri("/api/setup").set_json(json!({"token": "one"}));
    api.send(foreign.insert_header(("origin", "https://evil.example"))).await.problem(403, "origin_refused");
    let answer = api.post("/api/setup", &json!({"token": "one", "name": "me"})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let key = answer.data()["key"].as_str().unwrap().to_owned();
    let list =
        api.send(TestRequest::get().uri("/api/api-keys").insert_header(("x-api-key", key))).await.json();
    assert_eq!(
        (list["data"][0]["name"].as_str(), &list["data"][0]["scopes"]),
        (Some("me"), &json!(["admin"]))
    );
    for token in ["one", "two"] {
        api.post("/api/setup", &json!({"token": token})).await.problem(409, "is_set_up");
    }
    assert!(!link("three", 60).await.unwrap(), "there is an admin key");
}

#[actix_web::test]
async fn a_stream_ends_with_the_session_that_opened_it() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "admin", &["admin"], None).await;
    let browser = sign_in(&api, "admin").await;
    let request = TestRequest::get().uri("/api/events").insert_header(("cookie", browser.cookie.as_str()));
    let mut stream = Streamed::of(api.open(request).await);
    stream.next().await.expect("the stream begins");
    let token = ("x-csrf-token", browser.csrf.as_str());
    assert_eq!(browser.send(Method::DELETE, "/api/session", &[token]).await.status, 204);
    let mut told = String::new();
    while let Some(text) = stream.next().await {
        told.push_str(&text);
    }
    assert!(!told.contains("signed_out"), "{told}");
}

#[actix_web::test]
async fn a_stream_ends_with_its_key_also_while_much_happens() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let ends = SystemClock.now().saturating_add(Duration::from_secs(2));
    add_key(&harness, "short", &["write"], Some(ends)).await;
    add_key(&harness, "writer", &["write"], None).await;
    let request = TestRequest::get().uri("/api/events").insert_header(("x-api-key", "short"));
    let mut stream = Streamed::of(api.open(request).await);
    stream.next().await.expect("the stream begins");
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        assert!(std::time::Instant::now() < deadline, "the stream goes on without a key");
        let create = TestRequest::post().uri("/api/jobs").insert_header(("x-api-key", "writer"));
        assert_eq!(api.send(create.set_json(waiting())).await.status, 201);
        if stream.next().await.is_none() {
            break;
        }
    }
    assert!(SystemClock.now() >= ends, "it ended before its key");
}
