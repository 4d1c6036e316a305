//! Projects, tags and settings over HTTP.

use crate::harness::{Answer, Harness, waiting, with};
use actix_web::test::TestRequest;
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

fn pointer(problem: &Value) -> String {
    problem["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned()
}

fn id(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.data()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_project_lives_as_v1_has_it() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let first = api.get("/api/projects").await.data();
    assert_eq!((first[0]["id"].as_str(), first[0]["is_archived"].as_bool()), (Some("default"), Some(false)));
    let body = json!({"name": "Größe 🌍", "description": "d", "color": "#fff", "icon": "box"});
    let made = api.post("/api/projects", &body).await;
    let project = format!("/api/projects/{}", id(&made));
    assert_eq!(made.header("location"), project);
    assert_eq!(made.header("etag"), "\"1\"");
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&made.data()[name], value);
    }
    let edited = api.patch(&project, &json!({"name": "two", "icon": null})).await;
    assert_eq!((edited.data()["name"].as_str(), edited.data().get("icon")), (Some("two"), None));
    assert_eq!(api.get(&project).await.data(), edited.data());
    let known = TestRequest::get().uri(&project).insert_header(("if-none-match", "\"2\""));
    assert_eq!(api.send(known).await.status, 304);
    let old = TestRequest::patch()
        .uri(&project)
        .insert_header(("if-match", "\"1\""))
        .set_json(json!({"name": "x"}));
    api.send(old).await.problem(412, "version_mismatch");
    api.patch(&project, &json!({"is_archived": true})).await;
    let names = |answer: Answer| {
        let list = answer.data();
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(api.get("/api/projects").await), ["Default Project"]);
    assert_eq!(names(api.get("/api/projects?include_archived=true").await), ["Default Project", "two"]);
    let refused = api.post("/api/jobs", &with(waiting(), "project_id", &project[14..])).await;
    let problem = refused.problem(400, "invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains("archived"), "{problem}");
    assert_eq!(api.delete(&project).await.status, 204);
    api.get(&project).await.problem(404, "not_found");
    api.delete(&project).await.problem(404, "not_found");
}

#[actix_web::test]
async fn what_is_wrong_with_a_project_is_told() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let long = |count: usize| json!({"name": "x".repeat(count)});
    for (body, place) in [
        (json!({}), "/name"),
        (json!({"name": ""}), "/name"),
        (json!({"name": " \t"}), "/name"),
        (json!({"name": 7}), "/name"),
        (json!({"name": null}), "/name"),
        (long(257), "/name"),
        (json!({"name": "a\u{0}"}), "/name"),
        (json!({"name": "a", "color": "x".repeat(65)}), "/color"),
        (json!({"name": "a", "description": "x".repeat(4097)}), "/description"),
        (json!({"name": "a", "is_paused": "yes"}), "/is_paused"),
        (json!({"name": "a", "colour": "red"}), "/colour"),
    ] {
        let problem = api.post("/api/projects", &body).await.problem(400, "invalid_request");
        assert_eq!(pointer(&problem), place, "{problem}");
    }
    let one = api.post("/api/projects", &json!({"name": "one"})).await;
    let problem = api.post("/api/projects", &json!({"name": "one"})).await.problem(409, "duplicate");
    assert_eq!(pointer(&problem), "/name");
    let path = format!("/api/projects/{}", id(&one));
    api.patch(&path, &json!({"name": "Default Project"})).await.problem(409, "duplicate");
    api.patch("/api/projects/default", &json!({"is_archived": true})).await.problem(400, "invalid_request");
    api.delete("/api/projects/default").await.problem(409, "illegal_state");
    api.patch("/api/projects/';%20DROP%20TABLE%20projects", &json!({"name": "x"}))
        .await
        .problem(404, "not_found");
    api.get("/api/projects?include_archived=maybe").await.problem(400, "invalid_request");
    let dry = api.post("/api/projects?dry_run=true", &json!({"name": "dry"})).await;
    assert_eq!((dry.status, dry.data()["name"].as_str()), (200, Some("dry")));
    assert_eq!(api.get("/api/projects").await.data().as_array().unwrap().len(), 2);
    let same = || {
        let body = json!({"name": "once"});
        TestRequest::post().uri("/api/projects").insert_header(("idempotency-key", "k")).set_json(body)
    };
    let (first, again) = (api.send(same()).await, api.send(same()).await);
    assert_eq!((id(&first), again.header("idempotency-replayed")), (id(&again), "true"));
}

#[actix_web::test]
async fn nothing_of_a_paused_project_starts_and_all_of_it_when_it_is_resumed() {
    let harness = Harness::with(FakeExecutor::new("shell")).await;
    let api = harness.api().await;
    let project = id(&api.post("/api/projects", &json!({"name": "p"})).await);
    let paused = api.act(&format!("/api/projects/{project}/pause")).await;
    assert_eq!((paused.status, paused.data()["is_paused"].as_bool()), (200, Some(true)));
    assert_eq!(api.act(&format!("/api/projects/{project}/pause")).await.status, 200, "twice is as once");
    let now = |project: &str| with(with(waiting(), "scheduled_at", "now"), "project_id", project);
    let stays = api.created(&now(&project)).await;
    let too_late = with(with(now(&project), "max_lateness_seconds", 0), "on_late", "skip");
    let too_late = api.created(&too_late).await;
    let runs = api.created(&now("default")).await;
    let get = |job: &Value, wait: &str| format!("/api/jobs/{}{wait}", job["id"].as_str().unwrap());
    assert_eq!(api.get(&get(&runs, "?wait=30s")).await.data()["status"], "completed");
    for job in [&stays, &too_late] {
        assert_eq!(api.get(&get(job, "")).await.data()["status"], "scheduled");
    }
    api.post(&format!("/api/projects/{project}/pause"), &json!({"x": 1}))
        .await
        .problem(400, "invalid_request");
    api.act("/api/projects/none/pause").await.problem(404, "not_found");
    let resumed = api.act(&format!("/api/projects/{project}/resume")).await;
    assert_eq!(resumed.data()["is_paused"], false);
    assert_eq!(api.get(&get(&stays, "?wait=30s")).await.data()["status"], "completed");
    assert_eq!(api.get(&get(&too_late, "?wait=30s")).await.data()["status"], "missed");
}

#[actix_web::test]
async fn a_project_with_jobs_is_deleted_with_a_word_about_them() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let project = id(&api.post("/api/projects", &json!({"name": "p"})).await);
    let path = format!("/api/projects/{project}");
    let job = api.created(&with(waiting(), "project_id", project.as_str())).await;
    let problem = api.delete(&path).await.problem(409, "illegal_state");
    assert!(problem["detail"].as_str().unwrap().contains("jobs=move"), "{problem}");
    for (query, place) in [
        ("jobs=keep", "jobs"),
        ("jobs=move", "move_to"),
        ("move_to=default", "move_to"),
        ("jobs=delete&move_to=default", "move_to"),
        ("jobs=move&move_to=none", "move_to"),
        ("job=delete", "job"),
    ] {
        let problem = api.delete(&format!("{path}?{query}")).await.problem(400, "invalid_request");
        assert_eq!(pointer(&problem), place, "{problem}");
    }
    let dry = api.delete(&format!("{path}?jobs=delete&dry_run=true")).await;
    assert_eq!((dry.status, dry.data()["name"].as_str()), (200, Some("p")));
    assert_eq!(api.delete(&format!("{path}?jobs=move&move_to=default")).await.status, 204);
    let moved = api.get(&format!("/api/jobs/{}", job["id"].as_str().unwrap())).await.data();
    assert_eq!(
        (moved["project_id"].as_str(), moved["status"].as_str()),
        (Some("default"), Some("scheduled"))
    );
    let unknown = with(waiting(), "project_id", project.as_str());
    let problem = api.post("/api/jobs", &unknown).await.problem(400, "invalid_request");
    assert_eq!(pointer(&problem), "/project_id");
    let path = format!("/api/jobs/{}", moved["id"].as_str().unwrap());
    let problem = api.patch(&path, &json!({"project_id": "none"})).await.problem(400, "invalid_request");
    assert_eq!(pointer(&problem), "/project_id");
}

#[actix_web::test]
async fn tags_are_objects_in_jobs_and_follow_their_records() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let tags = api.get("/api/tags").await.data();
    assert_eq!(tags.as_array().unwrap().len(), 8);
    assert_eq!((tags[0]["name"].as_str(), tags[0]["is_default"].as_bool()), (Some("backup"), Some(true)));
    let made = api.post("/api/tags", &json!({"name": "nightly", "color": "#123456"})).await;
    let nightly = id(&made);
    let by_name = api.created(&with(waiting(), "tags", json!(["nightly", "new one", "backup"]))).await;
    let names = |job: &Value| {
        let tags = job["tags"].as_array().unwrap();
        tags.iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&by_name), ["nightly", "new one", "backup"], "a name that no tag has makes one");
    assert_eq!(by_name["tags"][0]["color"], "#123456");
    assert_eq!(api.get("/api/tags").await.data().as_array().unwrap().len(), 10);
    let by_id = api.created(&with(waiting(), "tag_ids", json!([nightly, nightly]))).await;
    assert_eq!(names(&by_id), ["nightly"]);
    let unknown = with(waiting(), "tag_ids", json!([nightly, "none"]));
    let problem = api.post("/api/jobs", &unknown).await.problem(400, "invalid_request");
    assert_eq!(pointer(&problem), "/tag_ids/1");
    for query in
        [format!("tag_id={nightly}&total=true"), format!("tag_id={nightly},none&sort_by=priority&total=true")]
    {
        let list = api.get(&format!("/api/jobs?{query}")).await.json();
        assert_eq!(list["total"], 2, "{query}: {list}");
    }
    let path = format!("/api/tags/{nightly}");
    assert_eq!(api.patch(&path, &json!({"name": "weekly"})).await.data()["name"], "weekly");
    let job = format!("/api/jobs/{}", by_id["id"].as_str().unwrap());
    assert_eq!(names(&api.get(&job).await.data()), ["weekly"]);
    let found = api.get("/api/jobs?search=weekly&total=true").await.json();
    assert_eq!(found["total"], 2, "{found}");
    api.patch(&path, &json!({"name": "backup"})).await.problem(409, "duplicate");
    api.patch(&path, &json!({"nmae": "x"})).await.problem(400, "invalid_request");
    api.post("/api/tags", &json!({"color": "x"})).await.problem(400, "invalid_request");
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(names(&api.get(&job).await.data()), Vec::<String>::new());
    api.get(&path).await.problem(404, "not_found");
    let edited = api.patch(&job, &json!({"tags": ["backup"]})).await.data();
    assert_eq!(names(&edited), ["backup"]);
    assert_eq!(names(&api.patch(&job, &json!({"tag_ids": []})).await.data()), Vec::<String>::new());
    let bulk =
        json!({"jobs": [with(waiting(), "tags", json!(["b1"])), with(waiting(), "tags", json!(["b1"]))]});
    assert_eq!(api.post("/api/jobs/bulk", &bulk).await.status, 201);
    let b1 = api.get("/api/tags").await.data();
    let b1: Vec<&Value> = b1.as_array().unwrap().iter().filter(|tag| tag["name"] == "b1").collect();
    assert_eq!(b1.len(), 1);
    let list =
        api.get(&format!("/api/jobs?tag_id={}&total=true", b1[0]["id"].as_str().unwrap())).await.json();
    assert_eq!(list["total"], 2);
}

#[actix_web::test]
async fn settings_take_effect_at_once_and_say_where_they_come_from() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let of = async |key: &str| {
        let all = api.get("/api/system/config").await.data();
        all.as_array().unwrap().iter().find(|setting| setting["key"] == key).unwrap().clone()
    };
    let before = of("default_priority").await;
    assert_eq!((before["value"].as_str(), before["source"].as_str()), (Some("5"), Some("default")));
    let answer = api.patch("/api/system/config", &json!({"key": "default_priority", "value": "8"})).await;
    assert_eq!((answer.status, answer.data()["message"].as_str()), (200, Some("Config updated")));
    assert_eq!(api.created(&waiting()).await["priority"], 8);
    let after = of("default_priority").await;
    assert_eq!((after["value"].as_str(), after["source"].as_str()), (Some("8"), Some("stored")));
    assert_eq!(after["started_with"], "5");
    let several = json!({
        "default_timezone": "Europe/Madrid", "default_timeout_seconds": 90, "workers_count": 3,
        "default_priority": null, "type_limits": {"shell": 2}, "reserved_slots": "1",
    });
    assert_eq!(api.patch("/api/system/config", &several).await.status, 200);
    let mut job = waiting();
    job.as_object_mut().unwrap().remove("timezone");
    let job = api.created(&job).await;
    assert_eq!((job["priority"].as_i64(), job["timezone"].as_str()), (Some(5), Some("Europe/Madrid")));
    assert_eq!(job["timeout_seconds"], 90);
    let slots = async || api.get("/api/workers/status").await.data()["total_workers"].as_u64();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while slots().await != Some(3) {
        assert!(std::time::Instant::now() < deadline, "the slots stay");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(api.get("/api/system/status").await.data()["default_timezone"], "Europe/Madrid");
    for (body, place) in [
        (json!({"key": "worker_count", "value": "1"}), "/worker_count"),
        (json!({"key": "", "value": "1"}), "/"),
        (json!({"workers_count": -1, "default_priority": 99}), "/workers_count"),
        (json!({"workers_count": 1.5}), "/workers_count"),
        (json!({"default_timezone": "Mars"}), "/default_timezone"),
        (json!({"type_limits": {"shel": 3}}), "/type_limits"),
        (json!({"log_retention_days": "x".repeat(5000)}), "/log_retention_days"),
        (json!({}), "/key"),
    ] {
        let problem = api.patch("/api/system/config", &body).await.problem(400, "invalid_request");
        assert_eq!(pointer(&problem), place, "{problem}");
    }
    let two = api.patch("/api/system/config", &json!({"workers_count": 7, "default_priority": 99})).await;
    two.problem(400, "invalid_request");
    assert_eq!(of("workers_count").await["value"], "3", "all or none");
    let would = json!({"workers_count": 9, "default_timezone": null});
    let would = api.patch("/api/system/config?dry_run=true", &would).await.data();
    let told = |key: &str| {
        let settings = would["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!((told("workers_count"), told("default_timezone")), (json!("9"), json!("UTC")));
    assert_eq!(of("workers_count").await["value"], "3", "a dry run changes nothing");
}

#[actix_web::test]
async fn the_status_has_the_numbers_of_v1() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let done = api.created(&with(waiting(), "scheduled_at", "now")).await;
    let get = format!("/api/jobs/{}?wait=30s", done["id"].as_str().unwrap());
    assert_eq!(api.get(&get).await.data()["status"], "completed");
    api.created(&waiting()).await;
    let status = api.get("/api/system/status").await.data();
    for (name, value) in
        [("total_scheduled", 1), ("currently_running", 0), ("failed_recent", 0), ("queue_depth", 0)]
    {
        assert_eq!(status[name], value, "{name}: {status}");
    }
    assert_eq!(status["completed_today"], 1, "{status}");
    assert!(status["avg_duration_ms"].as_f64().unwrap() > 0.0, "{status}");
    let executions = api.get("/api/executions?sort_by=duration_ms&total=true").await.json();
    assert_eq!(executions["total"], 1);
    let tagged = api.get("/api/executions?tag_id=none&total=true").await.json();
    assert_eq!(tagged["total"], 0);
    api.get("/api/executions?sort_by=duration").await.problem(400, "invalid_request");
    api.get("/api/jobs?tag_id=").await.problem(400, "invalid_request");
}
