//! Keys that are restricted to projects: what belongs to another is not there, and what all projects share they do not
//! change.

use crate::api_keys::{Caller, admin};
use crate::auth::with_auth;
use crate::harness::{Api, Calls, Harness, Streamed, path, waiting, with};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

async fn project<S: Calls>(root: &Caller<'_, S>, name: &str) -> String {
    let made = root.post("/api/projects", &json!({"name": name})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.data()["id"].as_str().unwrap().to_owned()
}

async fn within<'a, S: Calls>(root: &Caller<'a, S>, scopes: &str, project: &str) -> Caller<'a, S> {
    let key = json!({"name": "within", "scopes": scopes, "project_ids": [project]});
    root.with(&root.made(&key).await)
}

async fn stream<S: Calls>(api: &Api<S>, caller: &Caller<'_, S>) -> Streamed {
    let key = ("authorization", format!("Bearer {}", caller.key));
    let mut stream = Streamed::of(api.open(TestRequest::get().uri("/api/events").insert_header(key)).await);
    stream.next().await.unwrap();
    stream
}

#[actix_web::test]
async fn what_belongs_to_another_project_is_not_there() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let (own, other) = (project(&root, "own").await, project(&root, "other").await);
    let caller = within(&root, "write", &own).await;
    let mine = caller.post("/api/jobs", &with(waiting(), "project_id", own.as_str())).await;
    assert_eq!(mine.status, 201, "{}", mine.text());
    let theirs = root.post("/api/jobs", &with(waiting(), "project_id", other.as_str())).await.data();
    let place = path(&theirs);
    caller.get(&place).await.problem(404, "not_found");
    caller.delete(&place).await.problem(404, "not_found");
    caller.get(&format!("{place}?wait=1s")).await.problem(404, "not_found");
    for dry in ["", "?dry_run=true"] {
        let clone = caller.post(&format!("{place}/clone{dry}"), &json!({"scheduled_at": "in 1h"})).await;
        clone.problem(404, "not_found");
    }
    caller.post(&format!("{place}/execute"), &json!({})).await.problem(404, "not_found");
    let moved = caller.patch(&path(&mine.data()), &json!({"project_id": other})).await;
    assert!(moved.status == 400 || moved.status == 404, "{}", moved.text());
    let project_of_theirs = format!("/api/projects/{other}");
    caller.get(&project_of_theirs).await.problem(404, "not_found");
    caller.post(&format!("{project_of_theirs}/pause"), &json!({})).await.problem(404, "not_found");
    assert_eq!(caller.get(&format!("/api/jobs?project_id={other}")).await.json()["data"], json!([]));
    let seen = caller.get("/api/jobs?total=true").await.json();
    assert_eq!((seen["total"].as_u64(), &seen["data"][0]["id"]), (Some(1), &mine.data()["id"]));
    assert_eq!(root.get("/api/jobs?total=true").await.json()["total"], 2);
    caller.post("/api/jobs", &waiting()).await.problem(404, "not_found");
}

#[actix_web::test]
async fn what_all_projects_share_is_not_changed() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = project(&root, "own").await;
    let (writer, administrator) = (within(&root, "write", &own).await, within(&root, "admin", &own).await);
    for dry in ["", "?dry_run=true"] {
        let config = format!("/api/system/config{dry}");
        let refused = administrator.patch(&config, &json!({"job_retention_days": 0.001})).await;
        let problem = refused.problem(403, "forbidden");
        assert!(
            problem["detail"].as_str().unwrap().contains("settings are those of all projects"),
            "{problem}"
        );
    }
    let made = writer.post("/api/tags", &json!({"name": "nightly"})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let tag = format!("/api/tags/{}", made.data()["id"].as_str().unwrap());
    for caller in [&writer, &administrator] {
        caller.patch(&tag, &json!({"name": "x"})).await.problem(403, "forbidden");
        caller.delete(&tag).await.problem(403, "forbidden");
        for status in ["/api/system/status", "/api/workers/status"] {
            caller.get(status).await.problem(403, "forbidden");
            assert_eq!(root.get(status).await.status, 200);
        }
    }
    assert_eq!(root.patch("/api/system/config", &json!({"default_priority": 6})).await.status, 200);
    assert_eq!(root.patch(&tag, &json!({"name": "weekly"})).await.status, 200);
    assert_eq!(root.delete(&tag).await.status, 204);
}

#[actix_web::test]
async fn a_key_is_restricted_to_projects_that_are_there() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = project(&root, "own").await;
    let wrong = json!({"name": "x", "project_ids": [own, "nowhere"]});
    let problem = root.post("/api/api-keys", &wrong).await.problem(400, "invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains("no project `nowhere`"), "{problem}");
    let made = root.made(&json!({"name": "x", "project_ids": [own]})).await;
    let place = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
    root.patch(&place, &json!({"project_ids": ["nowhere"]})).await.problem(400, "invalid_request");
    assert_eq!(root.delete(&format!("/api/projects/{own}")).await.status, 204);
    assert_eq!(root.patch(&place, &json!({"name": "y"})).await.status, 200, "what was there may be gone");
}

#[actix_web::test]
async fn the_stream_has_the_events_of_own_projects_and_of_what_all_share() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let (own, other) = (project(&root, "own").await, project(&root, "other").await);
    let caller = within(&root, "read", &own).await;
    let mut stream = stream(&api, &caller).await;
    root.post("/api/jobs", &with(waiting(), "project_id", other.as_str())).await;
    root.post("/api/tags", &json!({"name": "nightly"})).await;
    root.post("/api/jobs", &with(waiting(), "project_id", own.as_str())).await;
    let mut seen = String::new();
    while !seen.contains("job.created") {
        seen.push_str(&stream.next().await.expect("the stream ended"));
    }
    assert!(seen.contains("event: tag.created") && !seen.contains(&other), "{seen}");
}

#[actix_web::test]
async fn the_zone_of_an_expiry_is_that_of_the_settings() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let zone = root.patch("/api/system/config", &json!({"default_timezone": "Asia/Tokyo"})).await;
    assert_eq!(zone.status, 200, "{}", zone.text());
    let made: Value = root.made(&json!({"name": "x", "expires_at": "tomorrow 9am"})).await;
    assert!(made["expires_at"].as_str().unwrap().contains("T00:00:00"), "{made}");
}
