//! Jobs: created, read, edited, acted upon and deleted.

use crate::harness::{Harness, path, waiting, with};
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_created_job_is_answered_where_it_can_be_found_and_in_full() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let answer = api.post("/api/jobs", &with(waiting(), "name", "backup")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let job = answer.data();
    assert_eq!(answer.header("location"), path(&job));
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(
        (&job["name"], &job["status"], &job["priority"]),
        (&json!("backup"), &json!("scheduled"), &json!(5))
    );
    assert_eq!(job["config"], json!({"script": "true"}));
    assert_eq!(job["created_by"], "local");

    let read = api.get(&path(&job)).await;
    assert_eq!((read.status, read.header("etag")), (200, "\"1\""));
    assert_eq!(read.data(), job);
    assert_eq!(api.get("/api/jobs").await.data(), json!([job]));
}

#[actix_web::test]
async fn a_job_as_v1_writes_it_runs() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let tag = api.get("/api/tags").await.data()[0].clone();
    let body = json!({
        "name": "", "type": "shell", "config": "{\"script\":\"true\"}", "immediate": true, "priority": 0,
        "project_id": "default", "timezone": "UTC", "tag_ids": [tag["id"]],
    });
    let job = api.created(&body).await;
    assert_eq!((&job["tags"], &job["priority"], &job["name"]), (&json!([tag]), &json!(5), &json!("shell")));
    let done = api.get(&format!("{}?wait=30s", path(&job))).await.data();
    assert_eq!(done["status"], "completed");
}

#[actix_web::test]
async fn an_edit_changes_what_it_names_and_clears_with_null() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&with(with(waiting(), "timeout_seconds", 7), "external_id", "e")).await;
    let edit = json!({"name": "new", "timeout_seconds": null, "tags": ["x"], "scheduled_at": "in 400d"});
    let edited = api.patch(&path(&job), &edit).await;
    assert_eq!((edited.status, edited.header("etag")), (200, "\"2\""));
    let now = edited.data();
    assert_eq!(
        (&now["name"], &now["timeout_seconds"], &now["tags"][0]["name"]),
        (&json!("new"), &Value::Null, &json!("x"))
    );
    assert_eq!(now["external_id"], "e");
    assert!(now["scheduled_at"].as_str() > job["scheduled_at"].as_str());
    api.patch(&path(&job), &json!({"timeout": 7})).await.problem(400, "invalid_request");
    api.patch(&path(&job), &json!({"status": "completed"})).await.problem(400, "invalid_request");
}

#[actix_web::test]
async fn an_edit_of_the_config_takes_a_timeout_away_that_is_0_there() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let patched = async |config: Value, beside: Value| {
        let job = api.created(&with(waiting(), "timeout_seconds", 30)).await;
        let mut edit = json!({"config": {"script": "x"}});
        edit["config"].as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        edit.as_object_mut().unwrap().extend(beside.as_object().unwrap().clone());
        let edited = api.patch(&path(&job), &edit).await;
        assert_eq!(edited.status, 200, "{}", edited.text());
        assert_eq!(edited.data()["config"], json!({"script": "x"}));
        edited.data()["timeout_seconds"].clone()
    };
    for none in [json!({"timeout": 0}), json!({"timeout": -1}), json!({"timeout_seconds": 0})] {
        assert_eq!(patched(none.clone(), json!({})).await, Value::Null, "{none}");
    }
    for unsaid in [json!({}), json!({"timeout": null})] {
        assert_eq!(patched(unsaid.clone(), json!({})).await, 30, "{unsaid}");
    }
    assert_eq!(patched(json!({"timeout": 0}), json!({"timeout_seconds": 7})).await, 7, "beside it wins");
    assert_eq!(patched(json!({"timeout": 0, "timeout_seconds": 8}), json!({})).await, 8);
}

#[actix_web::test]
async fn null_goes_back_to_what_a_new_job_has() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let plain = api.created(&waiting()).await;
    let mut full = waiting();
    let project = api.post("/api/projects", &json!({"name": "p"})).await.data()["id"].clone();
    let given = json!({
        "name": "n", "priority": 9, "project_id": project, "tags": ["t"], "timeout_seconds": 7, "max_retries": 3,
        "retry_delay_seconds": 1, "retry_max_delay_seconds": 2, "retry_exit_codes": [75],
        "max_lateness_seconds": 60, "on_late": "run", "on_crash": "fail", "concurrency_key": "k",
        "external_id": "e", "metadata": {"m": 1},
    });
    full.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    let job = api.created(&full).await;
    for (name, _) in given.as_object().unwrap() {
        assert!(job[name] != plain[name] || name == "on_late", "{name} was given");
        let edited = api.patch(&path(&job), &json!({name: null})).await;
        assert_eq!(edited.status, 200, "{name}: {}", edited.text());
        assert_eq!(edited.data()[name], plain[name], "{name}");
    }
    let limited = json!({"max_lateness_seconds": 60, "on_late": "run"});
    assert_eq!(api.patch(&path(&job), &limited).await.data()["on_late"], "run");
    assert_eq!(api.patch(&path(&job), &json!({"on_late": null})).await.data()["on_late"], "skip");
    for name in ["config", "scheduled_at", "timezone"] {
        let problem = api.patch(&path(&job), &json!({name: null})).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"));
    }
    assert_eq!(api.patch(&path(&job), &json!({"priority": 0})).await.data()["priority"], 5);
}

#[actix_web::test]
async fn an_edit_of_nothing_makes_no_version() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    for query in ["", "?dry_run"] {
        let same = api.patch(&format!("{}{query}", path(&job)), &json!({})).await;
        assert_eq!((same.status, same.data()), (200, job.clone()));
    }
    let demanding = |etag: &str| {
        let request = actix_web::test::TestRequest::patch().uri(&path(&job));
        request.insert_header(("if-match", etag)).set_json(json!({}))
    };
    assert_eq!(api.send(demanding("\"1\"")).await.header("etag"), "\"1\"");
    api.send(demanding("\"2\"")).await.problem(412, "version_mismatch");
}

#[actix_web::test]
async fn actions_move_the_job_and_illegal_ones_are_conflicts() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let at = |action: &str| format!("{}/{action}", path(&job));

    let held = api.post(&at("hold"), &json!({"until": "in 2h"})).await.data();
    assert_eq!((&held["status"], &held["holds"][0]["reason"]), (&json!("held"), &json!("manual")));
    assert!(held["holds"][0]["until"].is_string());
    api.act(&at("execute")).await.problem(409, "illegal_state");
    assert_eq!(api.act(&at("release")).await.data()["status"], "scheduled");
    api.act(&at("release")).await.problem(409, "illegal_state");
    assert_eq!(api.act(&at("cancel")).await.data()["status"], "cancelled");
    api.act(&at("cancel")).await.problem(409, "illegal_state");
    api.patch(&path(&job), &json!({"name": "x"})).await.problem(409, "illegal_state");

    let again = api.act(&at("execute")).await;
    assert_eq!((again.status, &again.data()["run"]), (200, &json!(2)));
    assert_eq!(api.get(&format!("{}?wait=30", path(&job))).await.data()["status"], "completed");

    let clone = api.post(&at("clone"), &json!({"scheduled_at": "in 2h"})).await;
    assert_eq!(clone.status, 201, "{}", clone.text());
    assert_eq!(clone.header("location"), path(&clone.data()));
    assert!(clone.data()["name"].as_str().unwrap().ends_with("(clone)"));

    let deleted = api.delete(&path(&job)).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    api.get(&path(&job)).await.problem(404, "not_found");
    api.delete(&path(&job)).await.problem(404, "not_found");
}

#[actix_web::test]
async fn a_running_job_is_cancelled_and_not_deleted() {
    let harness = Harness::with(FakeExecutor::new("shell").blocking()).await;
    let api = harness.api().await;
    let job = api.created(&with(waiting(), "immediate", true)).await;
    harness.shell.started(1).await;
    api.delete(&path(&job)).await.problem(409, "illegal_state");
    let cancelled = api.act(&format!("{}/cancel", path(&job))).await.data();
    assert_eq!(cancelled["status"], "cancelled");
}

#[actix_web::test]
async fn a_long_poll_answers_the_job_as_it_is_when_time_is_up() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let answer = api.get(&format!("{}?wait=50ms", path(&job))).await;
    assert_eq!((answer.status, &answer.data()["status"]), (200, &json!("scheduled")));
    api.get(&format!("{}?wait=61s", path(&job))).await.problem(400, "invalid_request");
    api.get(&format!("{}?wait=soon", path(&job))).await.problem(400, "invalid_request");
}

#[actix_web::test]
async fn ids_of_v1_and_of_nothing_are_understood_as_such() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = api.created(&waiting()).await;
    let plain = job["id"].as_str().unwrap().replace('-', "");
    assert_eq!(api.get(&format!("/api/jobs/{plain}")).await.data()["id"], job["id"]);
    for id in ["7", "x", "%00", "0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10"] {
        api.get(&format!("/api/jobs/{id}")).await.problem(404, "not_found");
        api.act(&format!("/api/jobs/{id}/cancel")).await.problem(404, "not_found");
    }
}
