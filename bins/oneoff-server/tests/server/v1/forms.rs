//! How OneOff v1 says that requests are read: what clients of it rely on beside the names.

use super::AnyServer;
use super::curl::{Curl, Reply};
use crate::process::wait_for;
use serde_json::{Value, json};

fn send(server: &AnyServer, method: &str, path: &str, body: Option<&Value>) -> Reply {
    let headers = body.map(|_| "Content-Type: application/json".to_owned()).into_iter().collect();
    let curl =
        Curl { method: method.to_owned(), path: path.to_owned(), headers, body: body.map(Value::to_string) };
    curl.send(server.port())
}

fn data(server: &AnyServer, method: &str, path: &str, body: Option<&Value>, status: u16) -> Value {
    let reply = send(server, method, path, body);
    assert_eq!(reply.status, status, "{method} {path} {body:?}: {}", reply.body);
    reply.json()["data"].clone()
}

fn job(more: &Value) -> Value {
    let mut job = json!({"name": "n", "type": "shell", "config": "{\"script\": \"true\"}", "scheduled_at": "2035-01-02T03:04:05Z"});
    job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    job
}

#[test]
fn values_of_a_job_are_read_as_v1_reads_them() {
    let server = AnyServer::start(&[]);
    let create = |more: Value| data(&server, "POST", "/api/jobs", Some(&job(&more)), 201);
    let plain = create(json!({}));
    for (name, value) in [
        ("priority", json!(5)),
        ("project_id", json!("default")),
        ("timezone", json!("UTC")),
        ("status", json!("scheduled")),
        ("scheduled_at", json!("2035-01-02T03:04:05Z")),
        ("config", json!({"script": "true"})),
        ("tags", json!([])),
    ] {
        assert_eq!(plain[name], value, "{name} of {plain}");
    }
    assert_eq!(create(json!({"priority": 0}))["priority"], 5, "0 is the default");
    assert_eq!(create(json!({"priority": 10}))["priority"], 10);
    let offset = create(json!({"scheduled_at": "2035-01-02T03:04:05.25+02:00"}));
    assert_eq!(offset["scheduled_at"], "2035-01-02T01:04:05.25Z", "in UTC, with its fraction");
    let wins = create(json!({"immediate": true}));
    assert_ne!(wins["scheduled_at"], "2035-01-02T03:04:05Z", "`immediate` wins over a time");
    let cases = json!({"NAME": "Case", "Type": "shell", "CONFIG": {"script": "true"}, "Scheduled_At": "2035-01-02T03:04:05Z"});
    assert_eq!(data(&server, "POST", "/api/jobs", Some(&cases), 201)["name"], "Case");
    let tags = data(&server, "GET", "/api/tags", None, 200);
    let ids: Vec<&Value> = tags.as_array().unwrap().iter().take(2).map(|tag| &tag["id"]).collect();
    let tagged = create(json!({"tag_ids": ids}));
    assert_eq!(tagged["tags"].as_array().unwrap().len(), 2);

    let path = format!("/api/jobs/{}", tagged["id"].as_str().unwrap());
    assert_eq!(
        data(&server, "PATCH", &path, Some(&json!({})), 200)["version"],
        tagged["version"],
        "nothing to change"
    );
    assert_eq!(data(&server, "PATCH", &path, Some(&json!({"tag_ids": []})), 200)["tags"], json!([]));
    let clone = data(
        &server,
        "POST",
        &format!("{path}/clone"),
        Some(&json!({"scheduled_at": "2036-01-01T00:00:00Z"})),
        201,
    );
    assert_eq!(clone["name"], "n (clone)");
    assert_ne!(clone["id"], tagged["id"]);
}

#[test]
fn a_job_goes_through_the_states_that_v1_has() {
    let server = AnyServer::start(&[]);
    let made = data(&server, "POST", "/api/jobs", Some(&job(&json!({}))), 201);
    let path = format!("/api/jobs/{}", made["id"].as_str().unwrap());
    let act = |action: &str, status| data(&server, "POST", &format!("{path}/{action}"), None, status);
    assert_eq!(act("cancel", 200)["message"], "Job cancelled");
    act("cancel", 409);
    for run in 1..=2 {
        assert_eq!(act("execute", 200)["message"], "Job scheduled for immediate execution");
        let over = || data(&server, "GET", &path, None, 200)["status"] == "completed";
        wait_for(|| over().then_some(()));
        let list = data(
            &server,
            "GET",
            &format!("/api/executions?job_id={}", made["id"].as_str().unwrap()),
            None,
            200,
        );
        assert_eq!(list.as_array().unwrap().len(), run, "over jobs run again");
    }
    act("cancel", 409);
    data(&server, "PATCH", &path, Some(&json!({"name": "late"})), 409);
    assert_eq!(send(&server, "DELETE", &path, None).status, 204);
    assert_eq!(send(&server, "GET", &path, None).status, 404);
}

#[test]
fn pages_by_offset_add_up() {
    let server = AnyServer::start(&[]);
    for index in 0..7 {
        data(&server, "POST", "/api/jobs", Some(&job(&json!({"name": format!("job {index}")}))), 201);
    }
    for (filter, total) in [
        ("", 7),
        ("&status=scheduled", 7),
        ("&project_id=default", 7),
        ("&status=failed", 0),
        ("&search=3", 1),
    ] {
        let mut names = Vec::new();
        for offset in [0, 3, 6, 9] {
            let list =
                send(&server, "GET", &format!("/api/jobs?limit=3&offset={offset}{filter}"), None).json();
            assert_eq!(
                (&list["total"], &list["limit"], &list["offset"]),
                (&json!(total), &json!(3), &json!(offset)),
                "{filter}"
            );
            names.extend(
                list["data"].as_array().unwrap().iter().map(|job| job["name"].as_str().unwrap().to_owned()),
            );
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.len(), count), (total, total), "{filter}: no row twice and none left out");
    }
    let plain = send(&server, "GET", "/api/jobs", None).json();
    assert_eq!((&plain["total"], &plain["limit"], &plain["offset"]), (&json!(7), &json!(50), &json!(0)));
}

#[test]
fn what_v1_says_is_wrong_is_wrong() {
    let server = AnyServer::start(&[]);
    for (more, word) in [
        (json!({"type": "cobol"}), "type"),
        (json!({"config": "{"}), "config"),
        (json!({"config": "{\"script\": 7}"}), "script"),
        (json!({"config": {}}), "script"),
        (json!({"scheduled_at": null}), "scheduled_at"),
        (json!({"scheduled_at": "2001-01-01T00:00:00Z"}), "scheduled_at"),
        (json!({"scheduled_at": "soonish"}), "scheduled_at"),
        (json!({"priority": 11}), "priority"),
        (json!({"priority": -1}), "priority"),
        (json!({"project_id": "nope"}), "project_id"),
        (json!({"timezone": "Mars/Olympus"}), "timezone"),
        (json!({"tag_ids": ["nope"]}), "tag_ids"),
    ] {
        let reply = send(&server, "POST", "/api/jobs", Some(&job(&more)));
        assert_eq!(reply.status, 400, "{more}: {}", reply.body);
        let problem = reply.json();
        assert!(problem["error"].as_str().unwrap().contains(word), "{more}: {problem}");
    }
    for (query, status) in [
        ("sort_by=id;drop table jobs", 400),
        ("sort_by=(select 1)", 400),
        ("status=null", 400),
        ("limit=0", 400),
        ("limit=-1", 400),
        ("time_from=yesterday", 400),
    ] {
        let path = format!("/api/jobs?{}", query.replace(' ', "%20"));
        assert_eq!(send(&server, "GET", &path, None).status, status, "{query}");
    }
    for path in
        ["/api/nope", "/api/jobs/nope/nope", "/api/jobs/nope", "/api/executions/nope", "/api/projects/nope"]
    {
        let reply = send(&server, "GET", path, None);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.head.to_lowercase().contains("application/problem+json"), "{path}: {}", reply.head);
    }
    assert_eq!(send(&server, "PUT", "/api/jobs", None).status, 405);
    assert_eq!(data(&server, "GET", "/api/jobs", None, 200), json!([]), "nothing was made");
}
