//! Defects of OneOff v1 that a client of it could see, and that no other test is about.

use super::AnyServer;
use super::curl::{Curl, Reply};
use crate::process::wait_for;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

fn send(server: &AnyServer, method: &str, path: &str, body: Option<&Value>) -> Reply {
    let headers = body.map(|_| "Content-Type: application/json".to_owned()).into_iter().collect();
    Curl { method: method.to_owned(), path: path.to_owned(), headers, body: body.map(Value::to_string) }
        .send(server.port())
}

fn made(server: &AnyServer, path: &str, body: &Value) -> Value {
    let reply = send(server, "POST", path, Some(body));
    assert_eq!(reply.status, 201, "{body}: {}", reply.body);
    reply.json()["data"].clone()
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

fn shell(script: &str, at: &str) -> Value {
    json!({"type": "shell", "config": {"script": script}, "scheduled_at": at})
}

fn status_becomes(server: &AnyServer, job: &Value, status: &str) {
    let path = format!("/api/jobs/{}", id(job));
    wait_for(|| (send(server, "GET", &path, None).json()["data"]["status"] == status).then_some(()));
}

#[test]
fn an_edit_cannot_make_a_job_that_cannot_run_or_has_another_end() {
    let server = AnyServer::start(&[]);
    let job = made(&server, "/api/jobs", &shell("true", "in 365d"));
    let path = format!("/api/jobs/{}", id(&job));
    for patch in [
        json!({"config": "nonsense"}),
        json!({"config": {"script": 7}}),
        json!({"config": {}}),
        json!({"status": "completed"}),
        json!({"status": "running"}),
        json!({"tag_ids": ["nope"]}),
        json!({"priority": 11}),
    ] {
        let reply = send(&server, "PATCH", &path, Some(&patch));
        assert_eq!(reply.status, 400, "{patch}: {}", reply.body);
    }
    assert_eq!(send(&server, "GET", &path, None).json()["data"], job);
}

#[test]
fn what_a_list_shows_is_small_and_its_totals_are_right() {
    let server = AnyServer::start(&[]);
    let loud = made(&server, "/api/jobs", &shell("yes | head -c 3000000", "now"));
    let tag = made(&server, "/api/tags", &json!({"name": "loud"}));
    send(&server, "PATCH", &format!("/api/jobs/{}", id(&loud)), Some(&json!({"name": "too late"})));
    let mut tagged = shell("true", "in 365d");
    tagged["tag_ids"] = json!([tag["id"]]);
    made(&server, "/api/jobs", &tagged);
    status_becomes(&server, &loud, "completed");
    let list = send(&server, "GET", "/api/executions", None);
    assert!(
        list.body.len() < 10_000 && list.json()["data"][0].get("output").is_none(),
        "{}",
        list.body.len()
    );
    for (query, total) in
        [("tag_id=nope", 0), ("type=http", 0), ("search=nowhere", 0), ("time_to=2020-01-01T00:00:00Z", 0)]
    {
        assert_eq!(
            send(&server, "GET", &format!("/api/jobs?{query}&total=true"), None).json()["total"],
            total,
            "{query}"
        );
    }
    let of_tag = format!("/api/jobs?tag_id={}&offset=0", id(&tag));
    assert_eq!(send(&server, "GET", &of_tag, None).json()["total"], 1);
    let of_tag = format!("/api/executions?tag_id={}&total=true", id(&tag));
    assert_eq!(send(&server, "GET", &of_tag, None).json()["total"], 0, "executions are filtered by tag, too");
    assert_eq!(send(&server, "GET", "/api/jobs?offset=1", None).status, 200, "an offset needs no limit");
}

#[test]
fn an_expiry_of_another_zone_is_understood_and_can_be_taken_away() {
    let server = AnyServer::start(&[("AUTH_ENABLED", "true")]);
    let admin = server.place.run(&["keys", "create", "--admin"]).stdout.trim_end().to_owned();
    let send = |method: &str, path: &str, body: Option<Value>, key: &str| {
        let mut headers = vec![format!("Authorization: Bearer {key}")];
        headers.extend(body.as_ref().map(|_| "Content-Type: application/json".to_owned()));
        let body = body.map(|body| body.to_string());
        Curl { method: method.to_owned(), path: path.to_owned(), headers, body }.send(server.port())
    };
    let body = json!({"name": "n", "scopes": "read, write", "expires_at": "2035-06-01T12:00:00.5+02:00"});
    let made = send("POST", "/api/api-keys", Some(body), &admin).json()["data"].clone();
    assert_eq!(
        (&made["expires_at"], &made["scopes"]),
        (&json!("2035-06-01T10:00:00.5Z"), &json!(["read", "write"]))
    );
    let key = made["key"].as_str().unwrap();
    assert_eq!(send("GET", "/api/jobs", None, key).status, 200);
    assert_eq!(
        send("POST", "/api/jobs", Some(shell("true", "in 365d")), key).status,
        201,
        "a blank loses no scope"
    );
    assert_eq!(send("GET", "/api/jobs", None, &key[..40]).status, 401, "a part of a key is no key");
    assert_eq!(send("GET", "/api/api-keys", None, &admin).status, 200);
    let path = format!("/api/api-keys/{}", id(&made));
    let patched = send("PATCH", &path, Some(json!({"expires_at": null})), &admin).json();
    assert_eq!(patched["data"]["expires_at"], Value::Null);
    assert_eq!(send("POST", &format!("{path}/revoke"), None, &admin).status, 200);
    assert_eq!(send("GET", "/api/jobs", None, key).status, 401, "from this moment on");
}

#[test]
fn every_event_of_v1_is_told() {
    let server = AnyServer::start(&[]);
    let hook = json!({"name": "all", "url": format!("http://127.0.0.1:{}/livez", server.port()), "events": "job.created,job.started,job.completed,job.failed,job.cancelled"});
    let hook = made(&server, "/api/webhooks", &hook);
    made(&server, "/api/jobs", &shell("true", "now"));
    made(&server, "/api/jobs", &shell("exit 3", "now"));
    let waiting = made(&server, "/api/jobs", &shell("true", "in 365d"));
    assert_eq!(send(&server, "POST", &format!("/api/jobs/{}/cancel", id(&waiting)), None).status, 200);
    let expected = ["job.cancelled", "job.completed", "job.created", "job.failed", "job.started"];
    let path = format!("/api/webhooks/{}/deliveries?status=success&limit=200", id(&hook));
    let deliveries = wait_for(|| {
        let list = send(&server, "GET", &path, None).json()["data"].clone();
        (list.as_array().unwrap().len() == 8).then_some(list)
    });
    let deliveries = deliveries.as_array().unwrap();
    let told: BTreeSet<&str> = deliveries.iter().map(|one| one["event_type"].as_str().unwrap()).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), expected);
    for delivery in deliveries {
        let payload = &delivery["payload"];
        let job = &payload["data"]["job"];
        assert!(job["created_at"].as_str().unwrap().starts_with("20"), "{payload}");
        let event = delivery["event_type"].as_str().unwrap();
        let status = match event {
            "job.created" => "scheduled",
            "job.started" => "running",
            _ => event.trim_start_matches("job."),
        };
        assert_eq!(job["status"], status, "{payload}");
    }
}

#[test]
fn a_chain_that_is_edited_wrongly_stays_as_it_was() {
    let server = AnyServer::start(&[]);
    let job = made(&server, "/api/jobs", &shell("true", "in 365d"));
    let chain = made(&server, "/api/chains", &json!({"name": "as it was", "job_ids": [job["id"]]}));
    assert_eq!(chain["links"][0]["stop_on_failure"], true, "unless it says otherwise");
    let path = format!("/api/chains/{}", id(&chain));
    for links in [json!([]), json!([{"job_id": "nope"}])] {
        let reply = send(&server, "PATCH", &path, Some(&json!({"name": "half", "links": links})));
        assert_eq!(reply.status, 400, "{}", reply.body);
    }
    assert_eq!(send(&server, "GET", &path, None).json()["data"], chain);
}

#[test]
fn a_client_that_never_ends_its_request_is_let_go() {
    let server = AnyServer::start(&[]);
    let mut stream = TcpStream::connect(("localhost", server.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(b"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn labels_of_metrics_come_from_routes_and_not_from_urls() {
    let server = AnyServer::start(&[]);
    let job = made(&server, "/api/jobs", &shell("true", "now"));
    status_becomes(&server, &job, "completed");
    send(&server, "POST", &format!("/api/jobs/{}/execute", id(&job)), None);
    let lines = || send(&server, "GET", "/metrics", None).body.lines().count();
    let before = lines();
    for number in 0..200 {
        send(&server, "GET", &format!("/api/made-up-{number}\"}}"), None);
        send(&server, "GET", &format!("/made-up-{number}"), None);
        send(&server, "GET", &format!("/api/jobs/{number}"), None);
    }
    let metrics = send(&server, "GET", "/metrics", None).body;
    assert!(!metrics.contains("made-up") && !metrics.contains(id(&job)), "{metrics}");
    assert!(lines() < before + 100, "{metrics}");
    let requests: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("oneoff_http_requests_total{")).collect();
    for label in ["method=\"POST\"", "path=\"/api/jobs/{id}/execute\"", "status=\"200\""] {
        assert!(requests.iter().any(|line| line.contains(label)), "{label}: {requests:#?}");
    }
}
