//! `/api/chains` and `/api/chain-executions`.

use crate::harness::{Api, Calls, Harness, waiting};
use actix_web::test::TestRequest;
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

fn inline() -> Value {
    json!({"type": "shell", "config": {"script": "true"}, "name": "a step"})
}

fn chain() -> Value {
    json!({"name": "nightly", "links": [{"job": inline()}, {"job": inline(), "run_if": "failure"}]})
}

async fn created<S: Calls>(api: &Api<S>, chain: &Value) -> Value {
    let answer = api.post("/api/chains", chain).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.data()
}

fn path(record: &Value) -> String {
    format!("/api/chains/{}", record["id"].as_str().unwrap())
}

fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_requests_of_version_1_are_answered_with_its_names() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let body = json!({
        "name": "old", "project_id": "default", "links": [{"job_id": job["id"], "stop_on_failure": false}],
    });
    let made = created(&api, &body).await;
    let link = &made["links"][0];
    assert_eq!((&link["sequence_order"], &link["job_id"]), (&json!(1), &job["id"]));
    assert_eq!((&link["stop_on_failure"], &link["chain_id"]), (&json!(false), &made["id"]));
    assert!(link["id"].is_string() && link["created_at"].is_string());
    let list = api.get("/api/chains?project_id=default&limit=50&offset=0").await.json();
    assert_eq!((&list["total"], &list["data"]), (&json!(1), &json!([made])));
    assert_eq!(api.get("/api/chains?project_id=other").await.json()["data"], json!([]));
    let other = api.created(&waiting()).await;
    let edit = json!({"name": "new", "links": [{"job_id": other["id"]}]});
    let edited = api.patch(&path(&made), &edit).await;
    assert_eq!(edited.status, 200, "{}", edited.text());
    assert_eq!((&edited.data()["name"], &edited.data()["links"][0]["job_id"]), (&json!("new"), &other["id"]));
    assert_eq!(edited.data()["links"][0]["stop_on_failure"], true);
    let started = api.act(&format!("{}/execute", path(&made))).await;
    assert_eq!((started.status, &started.data()["message"]), (202, &json!("Chain execution started")));
    assert_eq!(api.delete(&path(&made)).await.status, 204);
    api.get(&path(&made)).await.problem(404, "not_found");
    api.act(&format!("{}/execute", path(&made))).await.problem(404, "not_found");
    let tagged = json!({"type": "shell", "config": {"script": "true"}, "tags": ["backup", "of a chain"]});
    let made = created(&api, &json!({"name": "tagged", "links": [{"job": tagged}]})).await;
    let job_of_link = &made["links"][0]["job"];
    assert_eq!(job_of_link["tags"], json!(["backup", "of a chain"]), "as they were sent");
    let again = api.patch(&path(&made), &json!({"links": [{"job": job_of_link}]})).await;
    assert_eq!((again.status, &again.data()["links"][0]["job"]), (200, job_of_link), "{}", again.text());
    for ids in [json!([job["id"], job["id"]]), json!(format!("{0},{0}", job["id"].as_str().unwrap()))] {
        let made = created(&api, &json!({"name": "by ids", "description": "d", "job_ids": ids})).await;
        assert_eq!((made["links"].as_array().unwrap().len(), &made["description"]), (2, &json!("d")));
    }
}

#[actix_web::test]
async fn a_chain_runs_and_tells_why_a_link_did_not() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let made = created(&api, &chain()).await;
    let started = api.act(&format!("{}/execute", path(&made))).await;
    let at = started.header("location").to_owned();
    assert!(!started.header("etag").is_empty());
    let over = api.get(&format!("{at}?wait=30s")).await.data();
    assert_eq!((&over["status"], &over["detail"]), (&json!("completed"), &Value::Null), "{over}");
    let links = over["links"].as_array().unwrap();
    assert_eq!((&links[0]["status"], &links[0]["name"]), (&json!("completed"), &json!("a step")));
    assert_eq!((&links[1]["status"], &links[1]["reason"]), (&json!("skipped"), &json!("no_failure")));
    assert!(links[1]["detail"].as_str().unwrap().contains("only after a failure"));
    assert_eq!(links[1]["job_id"], Value::Null);
    let job = api.get(&format!("/api/jobs/{}", links[0]["job_id"].as_str().unwrap())).await.data();
    assert_eq!(job["origin"], json!({"kind": "chain", "id": over["id"], "index": 0}));
    for list in [format!("{}/executions", path(&made)), "/api/chain-executions?status=completed".to_owned()] {
        assert_eq!(api.get(&list).await.json()["data"][0]["id"], over["id"], "{list}");
    }
    let known = TestRequest::get().uri(&at).insert_header(("if-none-match", "*"));
    assert_eq!(api.send(known).await.status, 304);
    api.act(&format!("{at}/cancel")).await.problem(409, "illegal_state");
    assert_eq!(api.get("/api/chain-executions?status=failed").await.json()["data"], json!([]));
}

#[actix_web::test]
async fn a_cancel_ends_what_runs() {
    let harness = Harness::with(FakeExecutor::new("shell").blocking()).await;
    let api = harness.api().await;
    let made = created(&api, &chain()).await;
    let at = api.act(&format!("{}/execute", path(&made))).await.header("location").to_owned();
    harness.shell.started(1).await;
    let preview = api.act(&format!("{at}/cancel?dry_run")).await;
    assert_eq!((preview.status, &preview.data()["cancel_requested"]), (200, &json!(true)));
    assert_eq!(api.get(&at).await.data()["cancel_requested"], false);
    let over = api.act(&format!("{at}/cancel")).await;
    assert_eq!((over.status, &over.data()["status"]), (200, &json!("cancelled")), "{}", over.text());
    assert_eq!(over.data()["links"][1]["reason"], "chain_cancelled");
}

#[actix_web::test]
async fn versions_are_checked_and_keys_take_effect_once() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let create =
        || TestRequest::post().uri("/api/chains").insert_header(("idempotency-key", "k")).set_json(chain());
    let (first, again) = (api.send(create()).await, api.send(create()).await);
    assert_eq!((first.status, again.status, again.header("idempotency-replayed")), (201, 201, "true"));
    assert_eq!(first.data()["id"], again.data()["id"]);
    let made = first.data();
    assert_eq!(first.header("location"), path(&made));
    let edit = |version: &str| {
        TestRequest::patch()
            .uri(&path(&made))
            .insert_header(("if-match", version))
            .set_json(json!({"description": "d"}))
    };
    api.send(edit("\"7\"")).await.problem(412, "version_mismatch");
    assert_eq!(api.send(edit("\"1\"")).await.header("etag"), "\"2\"");
    let stale = TestRequest::delete().uri(&path(&made)).insert_header(("if-match", "\"1\""));
    api.send(stale).await.problem(412, "version_mismatch");
    let execute = || {
        let at = format!("{}/execute", path(&made));
        TestRequest::post().uri(&at).insert_header(("idempotency-key", "e")).set_json(json!({}))
    };
    let (first, again) = (api.send(execute()).await, api.send(execute()).await);
    assert_eq!((again.status, &first.data()["id"]), (202, &again.data()["id"]));
    assert_eq!(api.get("/api/chain-executions?total=true").await.json()["total"], 1);
}

#[actix_web::test]
async fn a_chain_starts_at_a_time() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let made = created(&api, &chain()).await;
    let execute = format!("{}/execute", path(&made));
    let started = api.post(&execute, &json!({"scheduled_at": "in 2h", "timezone": "Europe/Madrid"})).await;
    assert_eq!((started.status, &started.data()["status"]), (202, &json!("scheduled")), "{}", started.text());
    let job = started.data()["links"][0]["job_id"].as_str().unwrap().to_owned();
    let job = api.get(&format!("/api/jobs/{job}")).await.data();
    assert_eq!(job["scheduled_at"], started.data()["scheduled_at"]);
    for (body, pointer) in [
        (json!({"scheduled_at": "yesterday"}), "/scheduled_at"),
        (json!({"scheduled_at": "2020-01-01T00:00:00Z"}), "/scheduled_at"),
        (json!({"scheduled_at": 5}), "/scheduled_at"),
        (json!({"timezone": "Nowhere"}), "/timezone"),
        (json!({"at": "now"}), "/at"),
    ] {
        let problem = api.post(&execute, &body).await.problem(400, "invalid_request");
        assert_eq!(pointers(&problem), [pointer], "{body}");
    }
    let preview = api.post(&format!("{execute}?dry_run"), &json!({})).await;
    assert_eq!((preview.status, &preview.data()["links"][0]["status"]), (200, &json!("scheduled")));
    assert_eq!(preview.data()["links"][1]["status"], "waiting");
    let of_job = json!({"name": "c", "links": [{"job_id": job["id"], "run_if": "failure"}]});
    let of_job = created(&api, &of_job).await;
    let preview = api.post(&format!("{}/execute?dry_run", path(&of_job)), &json!({})).await.data();
    let link = &preview["links"][0];
    assert_eq!((&preview["status"], &link["status"]), (&json!("completed"), &json!("skipped")));
    assert_eq!((&link["name"], &link["type"]), (&job["name"], &job["type"]));
    assert_eq!(api.get("/api/chain-executions?total").await.json()["total"], 1);
}

#[actix_web::test]
async fn bad_chains_are_refused_with_the_place() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let of = |job: Value| json!({"name": "c", "links": [{"job": job}]});
    let nobody = "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    let cases = [
        (json!({"name": " ", "links": [{"job": inline()}]}), "/name"),
        (json!({"name": "x".repeat(257), "links": [{"job": inline()}]}), "/name"),
        (json!({"name": "c", "description": "x".repeat(4097), "links": [{"job": inline()}]}), "/description"),
        (json!({"name": "c", "project_id": "", "links": [{"job": inline()}]}), "/project_id"),
        (json!({"name": "c", "links": []}), "/links"),
        (json!({"name": "c", "links": [{"job_id": nobody}]}), "/links/0/job_id"),
        (json!({"name": "c", "job_ids": [nobody]}), "/job_ids/0"),
        (json!({"name": "c", "job_ids": []}), "/job_ids"),
        (of(json!({"type": "nonsense", "config": {}})), "/links/0/job/type"),
        (of(json!({"type": "shell", "config": {}, "priority": 11})), "/links/0/job/priority"),
        (of(json!({"type": "shell", "config": {}, "priority": -1})), "/links/0/job/priority"),
        (of(json!({"type": "shell", "config": {}, "timezone": "x"})), "/links/0/job/timezone"),
    ];
    for query in ["", "?dry_run"] {
        for (body, pointer) in &cases {
            let answer = api.post(&format!("/api/chains{query}"), body).await;
            assert_eq!(pointers(&answer.problem(400, "invalid_request")), [*pointer], "{body}");
        }
    }
    assert_eq!(api.get("/api/chains").await.json()["total"], 0);
    let made = created(&api, &chain()).await;
    for body in [json!({"name": "new", "links": []}), json!({"name": "new", "job_ids": [nobody]})] {
        api.patch(&path(&made), &body).await.problem(400, "invalid_request");
    }
    assert_eq!(api.get(&path(&made)).await.data(), made, "all of an edit or nothing");
    for at in ["/api/chains/x", "/api/chains/x/executions", "/api/chain-executions/x"] {
        api.get(at).await.problem(404, "not_found");
    }
    for query in ["cursor=x", "limit=0", "sort_by=id", "status=helt", "chain_id=x"] {
        api.get(&format!("/api/chain-executions?{query}")).await.problem(400, "invalid_request");
    }
    api.get(&format!("{}/execute", path(&made))).await.problem(405, "method_not_allowed");
}
