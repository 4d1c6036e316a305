//! Webhooks over HTTP: v1's requests, what is refused, and secrets that are told once.

use crate::harness::Harness;
use actix_web::test::TestRequest;
use oneoff_fakes::{FakeReceiver, Reply};
use serde_json::{Value, json};

fn hook(url: &str) -> Value {
    json!({"name": "hook", "url": url, "events": "job.completed, job.failed"})
}

const URL: &str = "https://hooks.example.com/x";

fn path(webhook: &Value) -> String {
    format!("/api/webhooks/{}", webhook["id"].as_str().unwrap())
}

#[actix_web::test]
async fn a_webhook_is_made_as_v1_writes_it_and_its_secret_is_told_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let answer = api.post("/api/webhooks", &hook(URL)).await;
    assert_eq!((answer.status, answer.header("etag")), (201, "\"1\""), "{}", answer.text());
    let made = answer.data();
    assert_eq!(answer.header("location"), path(&made));
    assert_eq!(made["events"], json!(["job.completed", "job.failed"]));
    assert_eq!((&made["is_active"], &made["preset"]), (&json!(true), &json!("generic")));
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let read = api.get(&path(&made)).await;
    assert_eq!((read.status, read.data()["has_secret"].clone()), (200, json!(true)));
    let rotated = api.act(&format!("{}/rotate-secret", path(&made))).await.data();
    let new = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(new, secret);
    assert!(rotated["previous_secret_until"].is_string());
    for at in [path(&made), "/api/webhooks".to_owned()] {
        let text = api.get(&at).await.text();
        assert!(!text.contains("whsec_") && !text.contains("\"secret\""), "{text}");
    }
    let list = api.get("/api/webhooks").await.json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["total"]), (1, &json!(1)));
    let own = json!({"name": "n", "url": URL, "events": ["*"], "secret": "of my own", "tags": "a,b"});
    let own = api.post("/api/webhooks", &own).await.data();
    assert_eq!((&own["secret"], &own["tags"]), (&json!("of my own"), &json!(["a", "b"])));
    for none in [json!(null), json!("")] {
        let mut unsigned = hook(URL);
        unsigned["secret"] = none;
        let made = api.post("/api/webhooks", &unsigned).await.data();
        assert_eq!((&made["has_secret"], made.get("secret")), (&json!(false), None));
    }
}

#[actix_web::test]
async fn what_is_wrong_is_told_by_field() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (body, pointer, part) in [
        (json!({"url": URL, "events": "*"}), "/name", "name is required"),
        (json!({"name": "n", "events": "*"}), "/url", "URL is required"),
        (json!({"name": "n", "url": URL}), "/events", "at least one event is required"),
        (json!({"name": "n", "url": URL, "events": ""}), "/events", "at least one event is required"),
        (json!({"name": "n", "url": URL, "events": []}), "/events", "at least one event is required"),
        (json!({"name": "n", "url": URL, "events": "job.faild"}), "/events", "job.failed"),
        (json!({"name": "n", "url": URL, "events": 7}), "/events", "must be a list"),
        (json!({"name": 7, "url": URL, "events": "*"}), "/name", "must be text"),
        (json!({"name": "n".repeat(257), "url": URL, "events": "*"}), "/name", "too long"),
        (json!({"name": "n", "url": "x".repeat(5000), "events": "*"}), "/url", "too long"),
        (json!({"name": "n", "url": "ftp://x.example", "events": "*"}), "/url", "neither http nor https"),
        (json!({"name": "n", "url": "http://169.254.169.254/", "events": "*"}), "/url", "EGRESS_POLICY"),
        (json!({"name": "n", "url": URL, "events": "*", "secret": "whsec_!"}), "/secret", "base64"),
        (json!({"name": "n", "url": URL, "events": "*", "preset": "slak"}), "/preset", "slack"),
        (json!({"name": "n", "url": URL, "events": "*", "template": "{"}), "/template", "JSON"),
        (json!({"name": "n", "url": URL, "events": "*", "is_active": "yes"}), "/is_active", "true or false"),
        (json!({"name": "n", "url": URL, "events": "*", "evnets": "*"}), "/evnets", "events"),
    ] {
        let problem = api.post("/api/webhooks", &body).await.problem(400, "invalid_request");
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], pointer, "{body}: {problem}");
        assert!(error.to_string().contains(part), "{body}: {problem}");
    }
    assert_eq!(api.get("/api/webhooks").await.data(), json!([]), "nothing was made");
}

#[actix_web::test]
async fn an_edit_has_versions_and_unknown_ones_are_not_there() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let made = api.post("/api/webhooks", &hook(URL)).await.data();
    let at = path(&made);
    let edited = api.patch(&at, &json!({"is_active": false, "events": ["job.*"]})).await;
    assert_eq!((edited.status, edited.header("etag")), (200, "\"2\""));
    assert_eq!((&edited.data()["is_active"], &edited.data()["events"]), (&json!(false), &json!(["job.*"])));
    api.patch(&at, &json!({"events": ""})).await.problem(400, "invalid_request");
    let stale =
        TestRequest::patch().uri(&at).insert_header(("if-match", "\"1\"")).set_json(json!({"name": "x"}));
    api.send(stale).await.problem(412, "version_mismatch");
    let dry = api.patch(&format!("{at}?dry_run=true"), &json!({"name": "dry"})).await;
    assert_eq!((dry.status, &dry.data()["name"]), (200, &json!("dry")));
    assert_eq!(api.get(&at).await.data()["name"], "hook");
    let unknown = "/api/webhooks/0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    for (method, suffix) in [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("POST", "/redeliver"),
        ("GET", "/deliveries"),
        ("GET", "/deliveries/0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10"),
        ("POST", "/deliveries/0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10/redeliver"),
    ] {
        for id in [unknown, "/api/webhooks/';DROP TABLE webhooks"] {
            let uri = format!("{}{suffix}", id.replace(' ', "%20"));
            let request = match method {
                "GET" => TestRequest::get(),
                "PATCH" => TestRequest::patch().set_json(json!({"name": "x"})),
                "DELETE" => TestRequest::delete(),
                _ => TestRequest::post(),
            };
            api.send(request.uri(&uri)).await.problem(404, "not_found");
        }
    }
    assert_eq!(api.delete(&at).await.status, 204);
    api.get(&at).await.problem(404, "not_found");
    api.delete(&at).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_create_that_is_sent_again_makes_no_second_one_and_tells_no_secret_again() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let create = || {
        TestRequest::post().uri("/api/webhooks").insert_header(("idempotency-key", "k")).set_json(hook(URL))
    };
    let (first, again) = (api.send(create()).await, api.send(create()).await);
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(again.data()["id"], first.data()["id"]);
    assert!(first.data()["secret"].is_string() && again.data().get("secret").is_none());
    assert_eq!(api.get("/api/webhooks").await.data().as_array().unwrap().len(), 1);
    let dry = api.post("/api/webhooks?dry_run=true", &hook(URL)).await;
    assert_eq!((dry.status, dry.data().get("secret")), (200, None));
    assert_eq!(api.get("/api/webhooks").await.data().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_test_answers_what_v1_did_and_the_truth() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let receiver = FakeReceiver::start(|_| Reply::With(500, String::new(), "sorry".to_owned())).unwrap();
    let made = api.post("/api/webhooks", &hook(receiver.url())).await.data();
    let at = format!("{}/test", path(&made));
    let preview = api.post(&format!("{at}?dry_run=true"), &json!({"event": "job.failed"})).await.data();
    assert_eq!((&preview["status"], &preview["delivered"]), (&json!("preview"), &json!(false)));
    assert!(preview["request"]["body"].as_str().unwrap().contains("job.failed"));
    assert!(preview["request"]["headers"]["webhook-signature"].is_string());
    assert_eq!(receiver.received().len(), 0);
    let tested = api.act(&at).await;
    assert_eq!(tested.status, 200);
    let tested = tested.data();
    assert_eq!((&tested["status"], &tested["delivered"]), (&json!("test sent"), &json!(false)));
    assert_eq!((&tested["response_code"], &tested["response_body"]), (&json!(500), &json!("sorry")));
    assert!(tested["duration_ms"].as_f64().unwrap() > 0.0 && tested["error"] == "HTTP 500");
    api.post(&at, &json!({"event": "job.exploded"})).await.problem(400, "invalid_request");
    api.post(&at, &json!({"evnet": "x"})).await.problem(400, "invalid_request");
}

#[actix_web::test]
async fn lists_of_deliveries_and_events_have_their_forms() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let made = api.post("/api/webhooks", &hook(URL)).await.data();
    let at = format!("{}/deliveries", path(&made));
    let list =
        api.get(&format!("{at}?total=true&status=failed,success&limit=5&event=job.failed")).await.json();
    assert_eq!((&list["data"], &list["total"]), (&json!([]), &json!(0)));
    for query in
        ["status=lost", "limit=0", "limit=201", "offset=-1", "event=x", "cursor=x", "date_from=now", "x=1"]
    {
        api.get(&format!("{at}?{query}")).await.problem(400, "invalid_request");
    }
    api.get(&format!("{at}/x")).await.problem(404, "not_found");
    let redeliver = format!("{}/redeliver", path(&made));
    assert_eq!(api.act(&redeliver).await.data(), json!({"redelivered": 0, "more": false}));
    for bad in [
        json!({"status": "pending"}),
        json!({"status": 7}),
        json!({"from": "yesterday"}),
        json!({"all": true}),
    ] {
        api.post(&redeliver, &bad).await.problem(400, "invalid_request");
    }
    let events = api.get("/api/webhook-events").await.data();
    for name in [
        "job.created",
        "job.started",
        "job.completed",
        "job.failed",
        "job.cancelled",
        "job.retrying",
        "job.missed",
        "job.held",
    ] {
        assert!(events.as_array().unwrap().contains(&json!(name)), "{name}");
    }
    api.get("/api/webhook-events?x=1").await.problem(400, "invalid_request");
}
