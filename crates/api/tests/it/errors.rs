//! Every request that cannot be served is answered by a problem document that says why.

use crate::harness::{Harness, waiting, with};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

#[actix_web::test]
async fn every_field_wrong_in_turn_has_a_pointer_and_the_allowed_values() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let long = |chars: usize| json!("x".repeat(chars));
    let cases: Vec<(&str, Value)> = vec![
        ("name", json!(7)),
        ("name", long(257)),
        ("type", json!("ssh")),
        ("type", json!(["shell"])),
        ("config", json!("not json")),
        ("config", json!([])),
        ("scheduled_at", json!("sometime")),
        ("scheduled_at", json!("2001-01-01T00:00:00Z")),
        ("scheduled_at", json!(1_700_000_000)),
        ("immediate", json!("yes")),
        ("timezone", json!("Mars/Olympus")),
        ("disambiguation", json!("both")),
        ("allow_past", json!(1)),
        ("priority", json!(11)),
        ("priority", json!(-1)),
        ("priority", json!(5.5)),
        ("priority", json!("high")),
        ("project_id", long(257)),
        ("project_id", json!("")),
        ("tags", json!("a,b")),
        ("tags", json!([1])),
        ("tags", json!(vec!["t"; 33])),
        ("tag_ids", json!({})),
        ("timeout_seconds", json!(0)),
        ("timeout_seconds", json!(99_999_999)),
        ("timeout_seconds", json!(u64::MAX)),
        ("max_retries", json!(-1)),
        ("max_retries", json!(1001)),
        ("retry_delay_seconds", json!(-1)),
        ("retry_max_delay_seconds", json!("1h")),
        ("retry_exit_codes", json!([])),
        ("retry_exit_codes", json!(["75"])),
        ("retry_exit_codes", json!([100_000])),
        ("max_lateness_seconds", json!(-1)),
        ("on_late", json!("wait")),
        ("on_late", json!("skip")),
        ("on_crash", json!(null)),
        ("concurrency_key", json!("")),
        ("concurrency_key", long(257)),
        ("external_id", json!(7)),
        ("metadata", json!([])),
        ("metadata", json!({"big": "x".repeat(17_000)})),
        ("held", json!("no")),
        ("prioritty", json!(5)),
    ];
    for (name, wrong) in cases {
        let shown: String = format!("{name} = {wrong}").chars().take(80).collect();
        let problem =
            api.post("/api/jobs", &with(waiting(), name, wrong)).await.problem(400, "invalid_request");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{shown}: {problem}");
        let pointer = errors[0]["pointer"].as_str().unwrap();
        assert!(
            pointer == format!("/{name}") || pointer.starts_with(&format!("/{name}/")),
            "{shown}: {problem}"
        );
        let says_what = errors[0]["hint"].is_string() || pointer.matches('/').count() > 1;
        assert!(says_what, "{shown} has no hint: {problem}");
    }
    assert_eq!(api.get("/api/jobs").await.data(), json!([]), "nothing was created");
}

#[actix_web::test]
async fn several_wrong_fields_are_told_at_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = json!({"typ": "shell", "priority": "x", "tags": 1});
    let problem = api.post("/api/jobs", &body).await.problem(400, "invalid_request");
    let pointers: Vec<&Value> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/typ", "/type", "/config", "/priority", "/tags"]);
    assert_eq!(problem["errors"][0]["hint"], "did you mean `type`?");
}

#[actix_web::test]
async fn what_the_job_type_refuses_points_into_the_config() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    harness.shell.refuse_configs(vec![oneoff_domain::FieldError::new("/script", "is missing")]);
    let problem = api.post("/api/jobs", &waiting()).await.problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/config/script");
}

#[actix_web::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let send = async |content_type: &str, body: String| {
        let request = TestRequest::post().uri("/api/jobs").insert_header(("content-type", content_type));
        api.send(request.set_payload(body)).await
    };
    let json = "application/json";
    let problem = send(json, "{\"type\": }".to_owned()).await.problem(400, "invalid_json");
    assert!(problem["detail"].as_str().unwrap().contains("line 1 column 10"), "{problem}");
    send(json, "[]".to_owned()).await.problem(400, "invalid_request");
    send(json, String::new()).await.problem(400, "invalid_request");
    send("text/plain", "{}".to_owned()).await.problem(415, "unsupported_media_type");
    send("application/x-www-form-urlencoded", "a=b".to_owned()).await.problem(415, "unsupported_media_type");
    let problem = send(json, " ".repeat(1024 * 1024 + 1)).await.problem(413, "body_too_large");
    assert!(problem["detail"].as_str().unwrap().contains("1048576"));
}

#[actix_web::test]
async fn paths_that_do_not_exist_and_extra_segments_are_not_found() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let id = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    for path in [
        "/api",
        "/api/",
        "/api/nope",
        "/api/jobs/",
        "/api/executions/x/y",
        "/api//jobs",
        "/api/job-types/http/x",
    ] {
        api.get(path).await.problem(404, "not_found");
    }
    for path in [format!("/api/jobs/{id}/execute/x"), format!("/api/jobs/{id}/nope")] {
        api.act(&path).await.problem(404, "not_found");
    }
    api.delete(&format!("/api/jobs/{id}/anything")).await.problem(404, "not_found");
}

#[actix_web::test]
async fn other_methods_are_told_which_ones_there_are() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/jobs", "GET, HEAD, POST"),
        (Method::POST, "/api/jobs/x", "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/api/jobs/x/execute", "POST"),
        (Method::DELETE, "/api/executions", "GET, HEAD"),
        (Method::GET, "/api/time/parse", "POST"),
        (Method::POST, "/", "GET, HEAD"),
        (Method::POST, "/metrics", "GET, HEAD"),
    ] {
        let answer = api.send(TestRequest::with_uri(path).method(method.clone())).await;
        answer.problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
        let options = api.send(TestRequest::with_uri(path).method(Method::OPTIONS)).await;
        assert_eq!((options.status, options.header("allow")), (204, allowed));
    }
}

#[actix_web::test]
async fn unknown_parameters_are_refused_everywhere() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let at = crate::harness::path(&job);
    for path in [
        "/api/jobs?x=1",
        "/api/executions?x=1",
        "/api/job-types?x=1",
        "/api/events?x=1",
        "/api/system/status?x=1",
        &format!("{at}?x=1"),
    ] {
        let problem = api.get(path).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "x", "{path}");
    }
    for action in ["execute", "clone", "cancel", "hold", "release"] {
        api.act(&format!("{at}/{action}?dryrun=true")).await.problem(400, "invalid_request");
    }
    api.delete(&format!("{at}?dryrun=true")).await.problem(400, "invalid_request");
    api.patch(&format!("{at}?dryrun=true"), &json!({"name": "x"})).await.problem(400, "invalid_request");
    assert_eq!(api.get(&at).await.data()["status"], "scheduled", "nothing happened");
}

#[actix_web::test]
async fn a_parameter_without_a_value_is_never_taken_for_none() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let at = crate::harness::path(&job);
    for (path, pointer) in [
        ("/api/jobs?external_id=", "external_id"),
        ("/api/jobs?status=", "status"),
        ("/api/executions?job_id", "job_id"),
        (&format!("{at}?wait="), "wait"),
        ("/api/events?after=", "after"),
    ] {
        let problem = api.get(path).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{path}");
        assert!(problem["errors"][0]["hint"].is_string(), "{problem}");
    }
    assert_eq!(api.get("/api/jobs?total").await.json()["total"], 1);
}

#[actix_web::test]
async fn names_that_are_repeated_within_a_field_are_refused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = r#"{"type":"shell","config":{"script":"true","script":"false"},"scheduled_at":"in 2h"}"#;
    let request = TestRequest::post().uri("/api/jobs").insert_header(("content-type", "application/json"));
    let problem = api.send(request.set_payload(body)).await.problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/config/script");
    assert_eq!(api.get("/api/jobs").await.data(), json!([]), "nothing was created");
}

#[actix_web::test]
async fn the_id_of_the_request_is_the_clients_own_if_it_is_usable() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for path in ["/api/jobs", "/api/nope", "/health", "/", "/livez"] {
        let answer = api.send(TestRequest::get().uri(path).insert_header(("x-request-id", "mine-1"))).await;
        assert_eq!(answer.header("x-request-id"), "mine-1", "{path}");
        let answer = api.send(TestRequest::get().uri(path).insert_header(("x-request-id", "not mine"))).await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[actix_web::test]
async fn every_answer_has_the_id_of_its_request_whatever_it_is() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let json_body = |request: TestRequest, body: &'static str| {
        request.insert_header(("content-type", "application/json")).set_payload(body)
    };
    let post = || TestRequest::post().uri("/api/jobs");
    let foreign = TestRequest::get().uri("/api/jobs").insert_header(("host", "evil.example"));
    let too_large = post().insert_header(("content-type", "application/json"));
    for (status, request) in [
        (400, json_body(post(), "{")),
        (400, TestRequest::get().uri("/api/jobs?limit=x")),
        (403, foreign),
        (404, TestRequest::get().uri("/api/nope")),
        (404, TestRequest::get().uri("/api/jobs/not-an-id")),
        (405, TestRequest::put().uri("/api/jobs")),
        (413, too_large.set_payload(vec![b' '; 3 << 20])),
        (415, post().insert_header(("content-type", "text/plain")).set_payload("{}")),
        (404, TestRequest::get().uri("/assets/missing.js")),
        (404, TestRequest::get().uri("/metrics")),
        (200, TestRequest::with_uri("/api/jobs").method(Method::HEAD)),
    ] {
        let answer = api.send(request.insert_header(("x-request-id", "mine-2"))).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("x-request-id"), "mine-2", "{status} {}", answer.text());
    }
}

#[actix_web::test]
async fn a_stopping_server_says_so() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    harness.scheduler.shutdown().await;
    let answer = api.post("/api/jobs", &waiting()).await;
    answer.problem(503, "stopping");
    assert_eq!(answer.header("retry-after"), "5");
}
