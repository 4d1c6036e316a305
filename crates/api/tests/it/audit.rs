//! The audit log over HTTP: what it tells, to whom, and how it is exported.

use crate::auth::{add_key, with_auth};
use crate::harness::{Api, Calls, Harness, path, waiting, with};
use actix_web::test::TestRequest;
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

async fn log<S: Calls>(api: &Api<S>, query: &str) -> Vec<Value> {
    let answer = api.get(&format!("/api/audit{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_change_is_told_with_what_it_changed_by_whom_and_whence() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = json!({"type": "shell", "scheduled_at": "in 365d", "name": "first",
        "config": {"script": "true", "env": {"TOKEN": "hunter2"}}});
    let peer = "192.0.2.7:4711".parse().unwrap();
    let create = TestRequest::post().uri("/api/jobs").peer_addr(peer).set_json(&job);
    let job = api.send(create.insert_header(("x-request-id", "req-1"))).await.data();
    let edit = json!({"name": "second", "config": {"script": "true", "env": {"TOKEN": "hunter3"}}});
    let edit = TestRequest::patch().uri(&path(&job)).peer_addr(peer).set_json(&edit);
    assert_eq!(api.send(edit.insert_header(("x-request-id", "req-2"))).await.status, 200);
    assert_eq!(api.act(&format!("{}/cancel", path(&job))).await.status, 200);
    assert_eq!(api.delete(&path(&job)).await.status, 204);

    let id = job["id"].as_str().unwrap();
    let entries = log(&api, &format!("?subject_id={id}")).await;
    let actions: Vec<&str> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["job.delete", "job.cancel", "job.update", "job.create"]);
    assert!(!Value::from(entries.clone()).to_string().contains("hunter"), "{entries:?}");
    let update = &entries[2];
    assert_eq!((&update["before"]["name"], &update["after"]["name"]), (&json!("first"), &json!("second")));
    assert_eq!(update["before"]["config"], json!({"env": {"TOKEN": "[redacted]"}}), "only what differs");
    assert!(update["before"].get("priority").is_none(), "{update}");
    assert_eq!(
        (update["actor"].as_str(), update["client_address"].as_str()),
        (Some("local"), Some("192.0.2.7"))
    );
    assert_eq!(
        (update["request_id"].as_str(), update["project_id"].as_str()),
        (Some("req-2"), Some("default"))
    );
    assert_eq!(
        (&entries[1]["before"]["status"], &entries[1]["after"]["status"]),
        (&json!("scheduled"), &json!("cancelled"))
    );
    assert_eq!((&entries[0]["before"]["name"], &entries[0]["after"]), (&json!("second"), &Value::Null));
    assert_eq!(entries[3]["after"], Value::Null, "the job is gone, and with it its first revision");
}

#[actix_web::test]
async fn what_a_chain_runs_is_told_without_its_secrets() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let link = |script: &str, token: &str| json!({"job": {"name": "step", "type": "shell", "config": {"script": script, "env": {"TOKEN": token}}}});
    let made = json!({"name": "c", "links": [link("echo good", "hunter2")]});
    let chain = api.post("/api/chains", &made).await.data();
    let id = chain["id"].as_str().unwrap();
    for links in [json!([link("echo bad", "hunter2")]), json!([link("echo bad", "hunter3")])] {
        api.patch(&format!("/api/chains/{id}"), &json!({"links": links})).await.data();
    }
    let long = json!({"links": vec![link(&"x".repeat(900), "y"); 20]});
    api.patch(&format!("/api/chains/{id}"), &long).await.data();

    let entries = log(&api, &format!("?subject_id={id}")).await;
    assert!(!Value::from(entries.clone()).to_string().contains("hunter"), "{entries:?}");
    let run = |entry: usize, side: &str| entries[entry][side]["links"][0]["runs"].clone();
    assert_eq!(run(3, "after")["config"], json!({"script": "echo good", "env": {"TOKEN": "[redacted]"}}));
    let scripts = (&run(2, "before")["config"]["script"], &run(2, "after")["config"]["script"]);
    assert_eq!(scripts, (&json!("echo good"), &json!("echo bad")));
    assert!(entries[2]["after"].get("name").is_none(), "only what differs: {}", entries[2]);
    assert_eq!(run(1, "after")["config"]["env"]["TOKEN"], "[redacted]", "that it was changed is told");
    assert_eq!(run(0, "after"), json!({"name": "step", "type": "shell"}), "of large links their names");
    assert!(entries[0]["after"]["links_too_large_bytes"].as_u64().unwrap() > 18_000);
}

/// The request id of the last execution of a job, once that is over.
async fn request_of_last<S: Calls>(api: &Api<S>, job: &str) -> Value {
    let ended = api.get(&format!("/api/jobs/{job}?wait=30s")).await.data();
    let execution = ended["last_execution"].as_str().unwrap_or_else(|| panic!("{ended}"));
    api.get(&format!("/api/executions/{execution}")).await.data()["request_id"].clone()
}

#[actix_web::test]
async fn an_execution_knows_the_request_by_which_it_came_about() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let send = async |method: TestRequest, uri: &str, id: &str, body: Value| {
        let answer = api.send(method.uri(uri).insert_header(("x-request-id", id)).set_json(&body)).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        answer.data()
    };
    let id_of = |job: &Value| job["id"].as_str().unwrap().to_owned();
    let at = |time: &str| json!({"type": "shell", "config": {"script": "true"}, "scheduled_at": time});

    let later = id_of(&send(TestRequest::post(), "/api/jobs", "make-later", at("in 365d")).await);
    send(TestRequest::post(), &format!("/api/jobs/{later}/execute"), "run-it", json!({})).await;
    assert_eq!(request_of_last(&api, &later).await, "run-it");

    let now = id_of(&send(TestRequest::post(), "/api/jobs", "make-now", at("now")).await);
    assert_eq!(request_of_last(&api, &now).await, "make-now");
    let clone = format!("/api/jobs/{now}/clone");
    let clone = id_of(&send(TestRequest::post(), &clone, "clone-it", json!({"scheduled_at": "now"})).await);
    assert_eq!(request_of_last(&api, &clone).await, "clone-it");

    let moved = id_of(&send(TestRequest::post(), "/api/jobs", "make-other", at("in 365d")).await);
    let edit = json!({"scheduled_at": "now"});
    send(TestRequest::patch(), &format!("/api/jobs/{moved}"), "move-it", edit).await;
    assert_eq!(request_of_last(&api, &moved).await, "move-it");

    let soon = id_of(&send(TestRequest::post(), "/api/jobs", "make-soon", at("in 1s")).await);
    assert_eq!(request_of_last(&api, &soon).await, Value::Null, "it came by its time, not by a request");
    let unknown = "00000000-0000-7000-8000-000000000000".parse().unwrap();
    assert_eq!(harness.store.request_of(unknown).await.unwrap(), None);
}

#[actix_web::test]
async fn further_attempts_and_links_of_a_chain_know_the_request_too() {
    let harness = Harness::with(FakeExecutor::new("shell").failing(1)).await;
    let api = harness.api().await;
    let job = json!({"type": "shell", "config": {"script": "x"}, "scheduled_at": "now", "max_retries": 1,
        "retry_delay_seconds": 1});
    let create = TestRequest::post().uri("/api/jobs").insert_header(("x-request-id", "try-twice"));
    let job = api.send(create.set_json(&job)).await.data();
    let job = job["id"].as_str().unwrap();
    assert_eq!(request_of_last(&api, job).await, "try-twice");
    let executions = api.get(&format!("/api/executions?job_id={job}")).await.data();
    assert_eq!(executions.as_array().unwrap().len(), 2, "{executions}");

    let link = json!({"job": {"type": "shell", "config": {"script": "x"}}});
    let chain = api.post("/api/chains", &json!({"name": "c", "links": [link, link]})).await.data();
    let execute = format!("/api/chains/{}/execute", chain["id"].as_str().unwrap());
    let execute = TestRequest::post().uri(&execute).insert_header(("x-request-id", "chain-it"));
    let started = api.send(execute).await;
    let over = api.get(&format!("{}?wait=30s", started.header("location"))).await.data();
    assert_eq!(over["status"], "completed", "{over}");
    for link in over["links"].as_array().unwrap() {
        assert_eq!(request_of_last(&api, link["job_id"].as_str().unwrap()).await, "chain-it");
    }
}

#[actix_web::test]
async fn what_was_made_is_told_from_its_first_revision() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&with(waiting(), "name", "first")).await;
    api.patch(&path(&job), &json!({"name": "second"})).await;
    let entries = log(&api, "?action=job.create").await;
    assert_eq!(entries[0]["after"]["name"], "first");
    assert_eq!(entries[0]["after"]["config"]["script"], "true");
    assert_eq!(entries[0]["before"], Value::Null);
}

#[actix_web::test]
async fn filters_and_cursors_find_every_entry_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let mut ids = Vec::new();
    for index in 0..7 {
        let request = TestRequest::post().uri("/api/jobs").set_json(waiting());
        let request = request.insert_header(("x-request-id", format!("req-{index}")));
        ids.push(api.send(request).await.data()["id"].clone());
    }
    ids.reverse();
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = api.get(&format!("/api/audit{query}")).await.json();
        assert!(page["data"].as_array().unwrap().len() <= 3);
        seen.extend(page["data"].as_array().unwrap().iter().map(|entry| entry["subject_id"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    for (query, found) in [
        ("?request_id=req-3", 1),
        ("?actor=local&action=job.create,job.cancel", 7),
        ("?actor=key:ci", 0),
        ("?subject_kind=api_key", 0),
        ("?project_id=default&subject_kind=job", 7),
        ("?from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z", 7),
        ("?to=2020-01-01T00:00:00Z", 0),
        ("?from=2100-01-01T00:00:00Z", 0),
        ("?subject_id='%20OR%201=1%20--", 0),
        ("?actor=%F0%9F%94%91%25_", 0),
    ] {
        assert_eq!(log(&api, query).await.len(), found, "{query}");
    }
    for query in [
        "?limit=0",
        "?limit=201",
        "?cursor=x",
        "?from=yesterday",
        "?format=xml",
        "?actors=x",
        "?format=csv&limit=1",
        "?actor=",
    ] {
        api.get(&format!("/api/audit{query}")).await.problem(400, "invalid_request");
    }
}

#[actix_web::test]
async fn the_log_is_exported_as_lines() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for _ in 0..205 {
        api.created(&waiting()).await;
    }
    let ndjson = api.get("/api/audit?format=ndjson").await;
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let text = ndjson.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 205, "more than a page");
    assert!(lines.windows(2).all(|pair| pair[0]["sequence"].as_i64() > pair[1]["sequence"].as_i64()));
    let csv = TestRequest::get().uri("/api/audit?action=job.create").insert_header(("accept", "text/csv"));
    let csv = api.send(csv).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.text().matches("job.create,job,").count(), 205);
    assert!(csv.text().starts_with("sequence,at,actor,"));
    let none = api.get("/api/audit?format=ndjson&actor=nobody").await;
    assert_eq!((none.status, none.text().as_str()), (200, ""));
}

#[actix_web::test]
async fn the_log_knows_a_key_by_its_id_and_never_by_itself() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    add_key(&harness, "admin", &["admin"], None).await;
    let call = |request: TestRequest| api.send(request.insert_header(("authorization", "Bearer admin")));
    let made = call(TestRequest::post().uri("/api/api-keys").set_json(json!({"name": "ci"}))).await.data();
    let renamed = json!({"name": "renamed"});
    let place = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
    call(TestRequest::patch().uri(&place).set_json(renamed)).await;
    let log = call(TestRequest::get().uri("/api/audit?subject_kind=api_key")).await;
    let entries = log.json()["data"].as_array().unwrap().clone();
    assert_eq!(entries[0]["action"], "api_key.update");
    assert_eq!(
        (&entries[0]["before"], &entries[0]["after"]),
        (&json!({"name": "ci"}), &json!({"name": "renamed"}))
    );
    assert_eq!(entries[1]["after"]["scopes"], json!(["read", "write"]));
    assert_eq!(entries[1]["actor"], "key:admin key");
    let by_id = format!("/api/audit?actor={}", entries[1]["actor_key_id"].as_str().unwrap());
    assert_eq!(call(TestRequest::get().uri(&by_id)).await.json()["data"].as_array().unwrap().len(), 2);
    assert!(!log.text().contains(made["key"].as_str().unwrap()));
}

#[actix_web::test]
async fn tags_are_told_by_name_and_secrets_in_texts_not_at_all() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = json!({"type": "shell", "scheduled_at": "in 365d", "tags": ["blue"],
        "config": {"script": "curl 'https://x/?token=hunter2'", "args": ["--password=hunter2"]}});
    let job = api.created(&job).await;
    assert_eq!(api.patch(&path(&job), &json!({"tags": ["red", "backup"]})).await.status, 200);
    let entries = log(&api, &format!("?subject_id={}", job["id"].as_str().unwrap())).await;
    assert_eq!(entries[0]["before"]["tags"], json!(["blue"]));
    assert_eq!(entries[0]["after"]["tags"], json!(["red", "backup"]));
    assert_eq!(entries[1]["after"]["tags"], json!(["blue"]), "also of the first revision");
    assert_eq!(entries[1]["after"]["config"]["args"], json!(["--password=[redacted]"]));
    assert_eq!(api.delete(&path(&job)).await.status, 204);
    let removed = log(&api, "?action=job.delete").await;
    assert_eq!(removed[0]["before"]["tags"], json!(["red", "backup"]));
    let all = Value::from([entries, removed].concat()).to_string();
    assert!(!all.contains("hunter2"), "{all}");
}

#[actix_web::test]
async fn of_a_changed_project_and_tag_only_what_differs_is_told() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    assert_eq!(api.patch("/api/projects/default", &json!({"color": "#000"})).await.status, 200);
    let tag = api.get("/api/tags").await.data()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(api.patch(&format!("/api/tags/{tag}"), &json!({"name": "copy"})).await.status, 200);
    let entries = log(&api, "?action=project.update,tag.update").await;
    assert_eq!(
        (&entries[0]["before"], &entries[0]["after"]),
        (&json!({"name": "backup"}), &json!({"name": "copy"}))
    );
    assert_eq!(entries[1]["after"], json!({"color": "#000"}));
}
