//! Hosts, origins, CORS and the headers that guard pages.

use crate::harness::{Harness, settings, waiting};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use oneoff_api::ApiSettings;

#[actix_web::test]
async fn another_host_name_is_refused_everywhere_but_for_probes() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for path in ["/api/jobs", "/", "/metrics", "/api/nope"] {
        let answer = api.send(TestRequest::get().uri(path).insert_header(("host", "evil.example"))).await;
        let problem = answer.problem(403, "host_refused");
        assert!(problem["detail"].as_str().unwrap().contains("ALLOWED_HOSTS=evil.example"), "{problem}");
    }
    for path in ["/health", "/livez", "/readyz"] {
        let probe = || TestRequest::get().uri(path).insert_header(("host", "10.0.0.1:8080"));
        let answer = api.probe(probe).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    let allowing = ApiSettings { allowed_hosts: vec!["jobs.lan".to_owned()], ..settings() };
    let api = harness.api_with(allowing).await;
    let answer = api.send(TestRequest::get().uri("/api/jobs").insert_header(("host", "jobs.lan"))).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn a_page_of_another_origin_cannot_write_or_read() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        let request = TestRequest::with_uri("/api/jobs")
            .method(method)
            .insert_header(("origin", "https://evil.example"));
        let answer = api.send(request).await;
        answer.problem(403, "origin_refused");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let job = api.created(&waiting()).await;
    let at = format!("{}/cancel", crate::harness::path(&job));
    for header in [("origin", "null"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
        api.send(TestRequest::post().uri(&at).insert_header(header)).await.problem(403, "origin_refused");
    }
    let same = TestRequest::post().uri(&at).insert_header(("origin", "http://localhost:8080"));
    assert_eq!(api.send(same.insert_header(("sec-fetch-site", "same-origin"))).await.status, 200);
}

#[actix_web::test]
async fn a_named_origin_gets_cors_and_no_other() {
    let harness = Harness::start().await;
    let named = ApiSettings { allowed_origins: vec!["https://dash.example".to_owned()], ..settings() };
    let api = harness.api_with(named).await;
    let origin = ("origin", "https://dash.example");
    let answer = api.send(TestRequest::get().uri("/api/jobs").insert_header(origin)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "https://dash.example"));
    assert!(answer.header("vary").contains("Origin"));
    let preflight = TestRequest::with_uri("/api/jobs")
        .method(Method::OPTIONS)
        .insert_header(origin)
        .insert_header(("access-control-request-method", "POST"));
    let answer = api.send(preflight).await;
    assert_eq!(answer.status, 204);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(api.get("/api/jobs").await.header("access-control-allow-origin"), "");
    let other = TestRequest::get().uri("/api/jobs").insert_header(("origin", "https://other.example"));
    api.send(other).await.problem(403, "origin_refused");
}

#[actix_web::test]
async fn every_answer_guards_itself() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for path in ["/", "/api/jobs", "/api/nope", "/health", "/assets/nope.js"] {
        let answer = api.get(path).await;
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    assert_eq!(api.get("/api/jobs").await.header("cache-control"), "no-store");
}

/// Browsers that tell neither `Origin` nor `Sec-Fetch-Site` exist: what they send unasked still makes nothing.
#[actix_web::test]
async fn what_a_page_may_send_without_asking_is_no_json() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = waiting().to_string();
    for kind in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let mut request = TestRequest::post().uri("/api/jobs").set_payload(job.clone());
        if !kind.is_empty() {
            request = request.insert_header(("content-type", kind));
        }
        api.send(request).await.problem(415, "unsupported_media_type");
    }
    // Nor is it allowed to ask.
    for origin in ["https://evil.example", "http://localhost:9090", "null"] {
        let preflight = TestRequest::with_uri("/api/jobs")
            .method(Method::OPTIONS)
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("access-control-request-headers", "content-type"))
            .insert_header(("access-control-request-private-network", "true"));
        let answer = api.send(preflight).await;
        answer.problem(403, "origin_refused");
        for header in [
            "access-control-allow-origin",
            "access-control-allow-private-network",
            "access-control-allow-methods",
        ] {
            assert_eq!(answer.header(header), "", "{origin}: {header}");
        }
    }
    assert_eq!(api.get("/api/jobs").await.json()["total"], 0);
}
