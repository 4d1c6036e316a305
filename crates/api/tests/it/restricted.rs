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
    assert_eq!(moved.problem(400, "invalid_request")["errors"][0]["pointer"], "/project_id");
    let project_of_theirs = format!("/api/projects/{other}");
    caller.get(&project_of_theirs).await.problem(404, "not_found");
    caller.post(&format!("{project_of_theirs}/pause"), &json!({})).await.problem(404, "not_found");
    assert_eq!(caller.get(&format!("/api/jobs?project_id={other}")).await.json()["data"], json!([]));
    let seen = caller.get("/api/jobs?total=true").await.json();
    assert_eq!((seen["total"].as_u64(), &seen["data"][0]["id"]), (Some(1), &mine.data()["id"]));
    assert_eq!(root.get("/api/jobs?total=true").await.json()["total"], 2);
}

/// What is refused must be refused alike, whether a project is not there or not for this key.
#[actix_web::test]
async fn a_project_that_is_not_for_the_key_is_a_fault_of_the_field() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let (one, two) = (project(&root, "one").await, project(&root, "two").await);
    let key = json!({"name": "both", "scopes": "write", "project_ids": [one, two]});
    let caller = root.with(&root.made(&key).await);
    let chain = json!({"name": "chain", "links": [{"job": {"type": "shell", "config": {"script": "true"}}}]});
    let own = caller.post("/api/jobs", &with(waiting(), "project_id", one.as_str())).await.data();
    for project in [None, Some("default"), Some("nowhere")] {
        let within = |body: Value| match project {
            Some(project) => with(body, "project_id", project),
            None => body,
        };
        for dry in ["", "?dry_run=true"] {
            for (path, body, pointer) in [
                ("/api/jobs", within(waiting()), "/project_id"),
                ("/api/jobs/bulk", json!({"jobs": [within(waiting())]}), "/jobs/0/project_id"),
                ("/api/chains", within(chain.clone()), "/project_id"),
            ] {
                let refused =
                    caller.post(&format!("{path}{dry}"), &body).await.problem(400, "invalid_request");
                assert_eq!(refused["errors"][0]["pointer"], pointer, "{path}: {refused}");
                let hint = refused["errors"][0]["hint"].as_str().unwrap();
                assert!(hint.contains(&one) && hint.contains(&two), "{path}: {hint}");
            }
            let to = project.map_or(Value::Null, Value::from);
            let moved = caller.patch(&format!("{}{dry}", path(&own)), &json!({"project_id": to})).await;
            assert_eq!(moved.problem(400, "invalid_request")["errors"][0]["pointer"], "/project_id");
        }
        let each = json!({"jobs": [within(waiting())], "atomic": false});
        let each = caller.post("/api/jobs/bulk", &each).await;
        assert_eq!(
            (each.status, &each.data()["results"][0]["status"]),
            (207, &json!(400)),
            "{}",
            each.text()
        );
    }
    assert_eq!(root.get("/api/jobs?total=true").await.json()["total"], 1);
}

#[actix_web::test]
async fn what_a_key_of_one_project_makes_is_of_this_project() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = project(&root, "own").await;
    let caller = within(&root, "write", &own).await;
    let chain = json!({"name": "chain", "links": [{"job": {"type": "shell", "config": {"script": "true"}}}]});
    let job = caller.post("/api/jobs", &waiting()).await;
    assert_eq!((job.status, &job.data()["project_id"]), (201, &json!(own)), "{}", job.text());
    let chain = caller.post("/api/chains", &chain).await;
    assert_eq!((chain.status, &chain.data()["project_id"]), (201, &json!(own)), "{}", chain.text());
    let bulk = caller.post("/api/jobs/bulk?return=full", &json!({"jobs": [waiting()]})).await.data();
    assert_eq!(bulk["results"][0]["data"]["project_id"], json!(own), "{bulk}");
    let patched = caller.patch(&path(&job.data()), &json!({"project_id": null})).await;
    assert_eq!(patched.data()["project_id"], json!(own), "{}", patched.text());
}

#[actix_web::test]
async fn of_all_that_is_held_the_jobs_of_own_projects_are_released() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let (own, second, other) =
        (project(&root, "own").await, project(&root, "second").await, project(&root, "other").await);
    let hold = async |id: &str, count: usize| {
        for _ in 0..count {
            let made = root.post("/api/jobs", &with(waiting(), "project_id", id)).await.data();
            assert_eq!(root.post(&format!("{}/hold", path(&made)), &json!({})).await.status, 200);
        }
    };
    hold(&other, 3).await;
    hold(&own, 2).await;
    hold(&second, 1).await;
    let key = json!({"name": "two", "scopes": "write", "project_ids": [own, second]});
    let caller = root.with(&root.made(&key).await);
    for dry in ["?dry_run=true", ""] {
        let released =
            caller.post(&format!("/api/jobs/release{dry}"), &json!({"reason": "manual"})).await.data();
        assert_eq!(released, json!({"released": 3, "skipped": 0, "more": false}), "{dry}");
    }
    let left = root.get("/api/jobs?status=held").await.json();
    assert_eq!(left["data"].as_array().unwrap().len(), 3, "{left}");
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
    let misspelt = root.post("/api/api-keys", &json!({"name": "x", "project_ids": "defualt"})).await;
    let problem = misspelt.problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/project_ids", "{problem}");
    assert!(problem["errors"][0]["hint"].as_str().unwrap().contains("did you mean `default`"), "{problem}");
    let by_name = root.post("/api/api-keys?dry_run=true", &json!({"name": "x", "project_ids": "Own"})).await;
    let problem = by_name.problem(400, "invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains(&own), "by its name, it is told the id: {problem}");
}

#[actix_web::test]
async fn a_key_whose_project_was_deleted_may_do_nothing() {
    let harness = Harness::start().await;
    let api = harness.api_with(with_auth()).await;
    let root = admin(&harness, &api, None).await;
    let own = project(&root, "own").await;
    let key = json!({"name": "x", "scopes": "admin", "project_ids": [own]});
    let made = root.made(&key).await;
    let (place, caller) = (format!("/api/api-keys/{}", made["id"].as_str().unwrap()), root.with(&made));
    let theirs = root.post("/api/jobs", &waiting()).await.data();
    assert_eq!(root.delete(&format!("/api/projects/{own}")).await.status, 204);

    assert_eq!(caller.get("/api/jobs?total=true").await.json()["total"], 0);
    assert_eq!(caller.get("/api/projects").await.json()["data"], json!([]));
    caller.get(&path(&theirs)).await.problem(404, "not_found");
    for project in [None, Some("default"), Some(own.as_str())] {
        let job = project.map_or_else(waiting, |id| with(waiting(), "project_id", id));
        let made = caller.post("/api/jobs", &job).await;
        assert!(made.status == 400 || made.status == 404, "{project:?}: {}", made.text());
    }
    caller.post("/api/projects", &json!({"name": "own"})).await.problem(403, "forbidden");
    caller.get("/api/system/status").await.problem(403, "forbidden");
    caller.patch(&place, &json!({"project_ids": null})).await.problem(403, "forbidden");
    let again = root.post("/api/projects", &json!({"name": "own"})).await.data();
    assert_eq!(
        caller.get("/api/projects").await.json()["data"],
        json!([]),
        "{again}: another one of its name"
    );

    assert_eq!(root.patch(&place, &json!({"name": "y"})).await.status, 200, "what was there may be gone");
    let successor = root.post(&format!("{place}/rotate"), &json!({})).await.data();
    assert_eq!(successor["project_ids"], json!([own]), "and its successor is restricted as it was");
    assert_eq!(root.with(&successor).get("/api/jobs?total=true").await.json()["total"], 0);
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
