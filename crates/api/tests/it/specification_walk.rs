//! Every operation of the document is called, well and badly: what the server answers must be what the document says.

use crate::auth::{add_key, with_auth};
use crate::harness::{Answer, Api, Calls, Harness};
use crate::specification::{Operation, judge, operations};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Records of each kind, new for each operation, so that none finds what another did.
struct World {
    ids: BTreeMap<&'static str, String>,
}

async fn made<S: Calls>(api: &Api<S>, path: &str, body: Value) -> String {
    let answer = api.post(path, &body).await;
    assert!(answer.status < 300, "{path}: {}", answer.text());
    answer.data()["id"].as_str().unwrap().to_owned()
}

impl World {
    async fn new<S: Calls>(api: &Api<S>, operation: &Operation, nth: usize) -> Self {
        let waiting = json!({"type": "shell", "config": {"script": "true"}, "scheduled_at": "in 365d"});
        let at_once = json!({"type": "shell", "config": {"script": "true"}, "immediate": true});
        let link =
            json!({"name": "chain", "links": [{"job": {"type": "shell", "config": {"script": "true"}}}]});
        let hook = json!({"name": "hook", "url": "http://127.0.0.1:9/x", "events": "*"});
        let job = made(api, "/api/jobs", waiting).await;
        let ran = made(api, "/api/jobs", at_once).await;
        let ran = api.get(&format!("/api/jobs/{ran}?wait=30s")).await.data();
        let chain = made(api, "/api/chains", link).await;
        let execute = format!("/api/chains/{chain}/execute");
        let mut ids = BTreeMap::from([
            ("/api/executions", ran["last_execution"].as_str().unwrap().to_owned()),
            ("/api/jobs", job),
            ("/api/chain-executions", made(api, &execute, json!({"scheduled_at": "in 30d"})).await),
            ("/api/chains", chain),
            ("/api/projects", made(api, "/api/projects", json!({"name": format!("project {nth}")})).await),
            ("/api/tags", made(api, "/api/tags", json!({"name": format!("tag {nth}")})).await),
            ("/api/api-keys", made(api, "/api/api-keys", json!({"name": "key"})).await),
        ]);
        // There are few at most.
        if operation.path.starts_with("/api/webhooks") {
            ids.insert("/api/webhooks", made(api, "/api/webhooks", hook).await);
        }
        Self { ids }
    }

    /// The operation's path with a record in it.
    fn path(&self, operation: &Operation) -> String {
        let kind = self.ids.iter().find(|(kind, _)| operation.path.starts_with(&format!("{kind}/")));
        let id = kind.map_or("none", |(_, id)| id.as_str());
        operation.path.replace("{id}", id).replace("{type}", "shell").replace("{delivery}", id)
    }

    /// A body in which examples of ids become ids of this world.
    fn body(&self, example: &Value) -> Value {
        let text =
            example.to_string().replace("019aa7a0-0000-7000-8000-000000000001", &self.ids["/api/jobs"]);
        // This server has only one type.
        let text = text.replace("\"type\":\"http\"", "\"type\":\"shell\"").replace("\"http\":64,", "");
        serde_json::from_str(&text).unwrap()
    }
}

/// The answer must be one of those that the document has for the operation.
fn check(document: &Value, operation: &Operation, what: &str, answer: &Answer) {
    let place =
        format!("{} {} {what}: {} {}", operation.method, operation.path, answer.status, answer.text());
    let response = &operation.says["responses"][answer.status.to_string()];
    assert!(response.is_object(), "a status that is not documented: {place}");
    assert!(answer.status < 500 || answer.status == 503, "{place}");
    assert!(response["headers"]["X-Request-Id"].is_object() && !answer.header("x-request-id").is_empty());
    for name in ["etag", "location", "link", "idempotency-replayed", "retry-after", "www-authenticate"] {
        let is_told =
            response["headers"].as_object().unwrap().keys().any(|told| told.eq_ignore_ascii_case(name));
        assert!(is_told || answer.header(name).is_empty(), "the header {name} is not documented: {place}");
    }
    let media_type = answer.header("content-type").split(';').next().unwrap().to_owned();
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty(), "{place}");
        return;
    };
    let media = content.get(&media_type).unwrap_or_else(|| panic!("{media_type}: {place}"));
    if !media_type.ends_with("json") || media_type.contains("ndjson") {
        return;
    }
    let value = answer.json();
    let judge = judge(document, &media["schema"]);
    let faults: Vec<String> =
        judge.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{faults:?} in {place}");
}

fn request(operation: &Operation, path: &str) -> TestRequest {
    TestRequest::with_uri(path).method(operation.method.parse::<Method>().unwrap())
}

/// The operation, as these documents have it, in every way in which it is meant to be called; whether any of them
/// succeeded.
async fn call_well<S: Calls>(told: [(&Value, &Operation); 2], api: &Api<S>, world: &World) -> bool {
    let operation = told[0].1;
    let path = world.path(operation);
    let examples = operation.says["requestBody"]["content"]["application/json"]["examples"].as_object();
    let mut bodies: Vec<Option<Value>> = examples
        .into_iter()
        .flat_map(|examples| examples.values())
        .map(|of| Some(world.body(&of["value"])))
        .collect();
    if operation.says["requestBody"]["required"] != true {
        bodies.push(None);
    }
    let is_tried = operation.says["parameters"].as_array().unwrap().iter().any(|of| of["name"] == "dry_run");
    let mut is_well = false;
    for query in if is_tried { &["?dry_run=true", ""][..] } else { &[""] } {
        for body in &bodies {
            let sent = request(operation, &format!("{path}{query}"));
            let sent = match body {
                Some(body) => sent.set_json(body),
                None => sent,
            };
            let answer = api.send(sent).await;
            let what = format!("{query} {}", body.clone().unwrap_or_default());
            for (document, operation) in told {
                check(document, operation, &what, &answer);
            }
            is_well |= answer.status < 300;
            if body.is_some() && !path.contains("setup") && !path.ends_with("redeliver") {
                assert_ne!(answer.status, 400, "an example is refused: {what}: {}", answer.text());
            }
        }
    }
    is_well
}

async fn call_badly<S: Calls>(document: &Value, api: &Api<S>, operation: &Operation, world: &World) {
    let path = world.path(operation);
    let send = |what: &'static str, sent: TestRequest| async move {
        check(document, operation, what, &api.send(sent).await);
    };
    send("with an unknown parameter", request(operation, &format!("{path}?nope=1"))).await;
    send("with a NUL", request(operation, &operation.path.replace("{id}", "%00").replace("{type}", "%00")))
        .await;
    send(
        "of another",
        request(operation, &operation.path.replace("{id}", "%F0%9F%92%A1").replace("{delivery}", "x")),
    )
    .await;
    send("with quotes", request(operation, &operation.path.replace("{id}", "'%20OR%20'1'='1"))).await;
    for parameter in operation.says["parameters"].as_array().unwrap() {
        let name = parameter["name"].as_str().unwrap();
        for value in ["", "%00", "-1", "99999999999999999999", "'", "%F0%9F%A6%80", "a,b,,c"] {
            if parameter["in"] == "query" && operation.path != "/api/events" {
                send("with a strange parameter", request(operation, &format!("{path}?{name}={value}"))).await;
            }
        }
        if parameter["in"] == "header" {
            for value in ["x", "\"99\"", "*", ""] {
                let sent = request(operation, &path).insert_header((name, value));
                if operation.path != "/api/events" || name != "Last-Event-ID" || value != "*" {
                    send("with a strange header", sent.set_payload("")).await;
                }
            }
        }
    }
    if operation.method == "GET" {
        return;
    }
    for body in
        ["", "{", "[]", "null", "{\"nope\":1}", "{\"name\":1,\"name\":2}", "{\"name\":\"\\u0000\"}", "\"x\""]
    {
        let sent =
            request(operation, &path).insert_header(("content-type", "application/json")).set_payload(body);
        send("with a strange body", sent).await;
    }
    send(
        "as a form",
        request(operation, &path).insert_header(("content-type", "text/plain")).set_payload("x"),
    )
    .await;
    let large = "x".repeat(2 * 1024 * 1024);
    let json = ("content-type", "application/json");
    send("with a large body", request(operation, &path).insert_header(json).set_payload(large)).await;
}

#[actix_web::test]
async fn what_the_server_answers_is_what_the_document_says() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let document = api.get("/api/openapi-3.1.json").await.json();
    let older = api.get("/api/openapi.json").await.json();
    // What happens only on a server with keys, or with a delivery; and the stream, which has no end.
    let elsewhere = ["signOut", "setUp", "getDelivery", "redeliver", "getMetrics", "streamEvents"];
    for (nth, (operation, in_older)) in operations(&document).iter().zip(&operations(&older)).enumerate() {
        let id = operation.says["operationId"].as_str().unwrap();
        if id == "streamEvents" {
            continue;
        }
        let world = World::new(&api, operation, nth).await;
        if id == "releaseJob" {
            api.act(&format!("{}/hold", world.path(operation).trim_end_matches("/release"))).await;
        }
        let is_well = call_well([(&document, operation), (&older, in_older)], &api, &world).await;
        assert!(is_well || elsewhere.contains(&id), "{id} never succeeds");
        call_badly(&document, &api, operation, &World::new(&api, operation, 1_000 + nth).await).await;
    }
}

#[actix_web::test]
async fn what_a_server_with_keys_refuses_is_documented() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "reader", &["read"], None).await;
    let document = api.get("/api/openapi-3.1.json").await.json();
    for operation in operations(&document) {
        let path = operation.path.replace("{id}", "x").replace("{delivery}", "x").replace("{type}", "shell");
        let key = ("x-api-key", "reader");
        check(&document, &operation, "without a key", &api.send(request(&operation, &path)).await);
        if operation.path != "/api/events" {
            check(
                &document,
                &operation,
                "as reader",
                &api.send(request(&operation, &path).insert_header(key)).await,
            );
        }
        let stranger = request(&operation, &path).insert_header(("cookie", "oneoff_session=x"));
        let stranger = stranger.insert_header(("origin", "https://example.com"));
        check(&document, &operation, "from elsewhere", &api.send(stranger).await);
    }
}
