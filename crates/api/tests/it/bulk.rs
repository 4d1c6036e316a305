//! Many jobs in one request.

use crate::harness::{Answer, Api, Calls, Harness, waiting, with};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

fn bulk(jobs: Vec<Value>, atomic: bool) -> Value {
    json!({"jobs": jobs, "atomic": atomic})
}

fn statuses(answer: &Answer) -> Vec<u64> {
    let data = answer.data();
    let results = data["results"].as_array().unwrap();
    assert!(results.iter().enumerate().all(|(index, result)| result["index"] == index));
    assert_eq!(data["created"].as_u64().unwrap() + data["failed"].as_u64().unwrap(), results.len() as u64);
    results.iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

async fn jobs_stored<S: Calls>(api: &Api<S>) -> usize {
    api.get("/api/jobs?limit=200").await.data().as_array().unwrap().len()
}

#[actix_web::test]
async fn many_jobs_are_created_and_answered_in_order() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let jobs = vec![
        with(waiting(), "name", "a"),
        with(waiting(), "external_id", "b"),
        with(waiting(), "held", true),
    ];
    let answer = api.post("/api/jobs/bulk", &json!({"jobs": jobs})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(statuses(&answer), [201, 201, 201]);
    let results = answer.data()["results"].clone();
    assert_eq!((&results[0]["data"]["name"], &results[1]["data"]["external_id"]), (&json!("a"), &json!("b")));
    assert_eq!(results[2]["data"]["status"], "held");
    for result in results.as_array().unwrap() {
        let job = api.get(&format!("/api/jobs/{}", result["data"]["id"].as_str().unwrap())).await.data();
        for (name, value) in result["data"].as_object().unwrap() {
            assert_eq!(job[name], *value, "{name}");
        }
    }
    harness.events_are_numbered().await;
    assert_eq!(harness.service.events_after(0, 10).await.unwrap().unwrap().len(), 3);
}

#[actix_web::test]
async fn the_answer_is_as_long_as_was_asked_for() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = json!({"jobs": [waiting()]});
    let ids = api.post("/api/jobs/bulk?return=ids", &body).await.data();
    let job = ids["results"][0]["data"].as_object().unwrap().clone();
    assert_eq!(job.keys().collect::<Vec<_>>(), ["id"]);
    let full = api.post("/api/jobs/bulk?return=full", &body).await.data()["results"][0]["data"].clone();
    assert_eq!(api.get(&format!("/api/jobs/{}", full["id"].as_str().unwrap())).await.data(), full);
    for query in ["return=all", "return=", "returns=ids", "return=ids&return=full", "dry_run=perhaps"] {
        api.post(&format!("/api/jobs/bulk?{query}"), &body).await.problem(400, "invalid_request");
    }
}

#[actix_web::test]
async fn a_fault_in_one_job_refuses_all_and_is_told_with_its_place() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let form = vec![waiting(), json!(7), with(waiting(), "prioritty", 1)];
    let problem = api.post("/api/jobs/bulk", &bulk(form, true)).await.problem(400, "invalid_request");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/jobs/1", "/jobs/2/prioritty"]);

    let content = vec![
        waiting(),
        with(with(waiting(), "priority", 11), "scheduled_at", "yesterday"),
        with(waiting(), "type", "x"),
    ];
    let problem = api.post("/api/jobs/bulk", &bulk(content, true)).await.problem(400, "invalid_request");
    let pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(pointers, ["/jobs/1/scheduled_at", "/jobs/1/priority", "/jobs/2/type"]);

    let named = with(waiting(), "external_id", "e");
    let problem = api
        .post("/api/jobs/bulk", &bulk(vec![named.clone(), waiting(), named.clone()], true))
        .await
        .problem(409, "duplicate");
    assert_eq!(problem["errors"][0]["pointer"], "/jobs/2/external_id");
    assert_eq!(jobs_stored(&api).await, 0);

    api.created(&named).await;
    let problem =
        api.post("/api/jobs/bulk", &bulk(vec![waiting(), named], true)).await.problem(409, "duplicate");
    assert_eq!(problem["errors"][0]["pointer"], "/jobs/1/external_id");
    assert_eq!(jobs_stored(&api).await, 1);
}

#[actix_web::test]
async fn jobs_on_their_own_are_stored_beside_wrong_ones() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    api.created(&with(waiting(), "external_id", "taken")).await;
    let jobs = vec![
        with(waiting(), "external_id", "new"),
        json!(null),
        with(waiting(), "priority", 11),
        with(waiting(), "external_id", "taken"),
        with(waiting(), "external_id", "new"),
        waiting(),
    ];
    let answer = api.post("/api/jobs/bulk", &bulk(jobs, false)).await;
    assert_eq!(answer.status, 207, "{}", answer.text());
    assert_eq!(statuses(&answer), [201, 400, 400, 409, 409, 201]);
    let results = answer.data()["results"].clone();
    for (index, code, pointer) in [
        (1, "invalid_request", "/jobs/1"),
        (2, "invalid_request", "/jobs/2/priority"),
        (3, "duplicate", "/jobs/3/external_id"),
        (4, "duplicate", "/jobs/4/external_id"),
    ] {
        let error = &results[index]["error"];
        assert_eq!((&error["code"], &error["errors"][0]["pointer"]), (&json!(code), &json!(pointer)));
        assert_eq!(error["request_id"], answer.header("x-request-id"));
    }
    assert_eq!(jobs_stored(&api).await, 3);
}

#[actix_web::test]
async fn what_is_no_list_of_jobs_is_refused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for body in
        [json!({}), json!({"jobs": []}), json!({"jobs": {}}), json!([]), json!({"jobs": [waiting()], "x": 1})]
    {
        api.post("/api/jobs/bulk", &body).await.problem(400, "invalid_request");
    }
    let too_many = bulk(vec![json!({}); 10_001], false);
    let problem = api.post("/api/jobs/bulk", &too_many).await.problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/jobs");
    let text = |text: &str| {
        TestRequest::post()
            .uri("/api/jobs/bulk")
            .insert_header(("content-type", "application/json"))
            .set_payload(text.to_owned())
    };
    api.send(text("{\"jobs\": [")).await.problem(400, "invalid_json");
    api.send(TestRequest::post().uri("/api/jobs/bulk").set_payload("{}"))
        .await
        .problem(415, "unsupported_media_type");
    let large = format!("{{\"jobs\": [{}]}}", " ".repeat(32 * 1024 * 1024));
    api.send(text(&large)).await.problem(413, "body_too_large");
    api.send(text("{}").insert_header(("if-match", "\"1\""))).await.problem(400, "invalid_request");
    api.get("/api/jobs/bulk").await.problem(405, "method_not_allowed");
    assert_eq!(jobs_stored(&api).await, 0);
}

#[actix_web::test]
async fn a_body_larger_than_that_of_a_single_job_is_taken() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let job = with(waiting(), "config", json!({"script": "x".repeat(200_000)}));
    let answer = api.post("/api/jobs/bulk?return=ids", &bulk(vec![job; 20], true)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(statuses(&answer), [201; 20]);
}

#[actix_web::test]
async fn a_repeated_request_makes_nothing_new_and_is_answered_the_same() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (key, atomic, status) in [("all", true, 201), ("each", false, 207)] {
        let mut jobs = vec![with(waiting(), "external_id", key), waiting()];
        if !atomic {
            jobs.push(with(waiting(), "priority", 11));
        }
        let body = bulk(jobs, atomic);
        let send = |body: &Value| {
            let request = TestRequest::post().uri("/api/jobs/bulk").insert_header(("idempotency-key", key));
            request.insert_header(("x-request-id", "r")).set_json(body)
        };
        let first = api.send(send(&body)).await;
        let again = api.send(send(&body)).await;
        assert_eq!((first.status, first.header("idempotency-replayed")), (status, ""), "{}", first.text());
        assert_eq!(
            (again.status, again.header("idempotency-replayed")),
            (status, "true"),
            "{}",
            again.text()
        );
        assert_eq!(first.json(), again.json());
        api.send(send(&bulk(vec![waiting()], atomic))).await.problem(422, "idempotency_mismatch");

        let id = first.data()["results"][1]["data"]["id"].clone();
        assert_eq!(api.delete(&format!("/api/jobs/{}", id.as_str().unwrap())).await.status, 204);
        let gone = api.send(send(&body)).await;
        assert_eq!(gone.data()["results"][1], json!({"index": 1, "status": 201, "data": {"id": id}}));
    }
    assert_eq!(jobs_stored(&api).await, 2);
}

/// By then the times of the jobs have passed, and the request would not be accepted as a new one.
#[actix_web::test]
async fn a_request_is_repeated_also_when_it_would_not_be_accepted_any_more() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for atomic in [true, false] {
        let soon = oneoff_domain::Timestamp::from_micros(
            oneoff_domain::Clock::now(&oneoff_scheduler::SystemClock).as_micros() + 5_000_000,
        );
        let body = bulk(vec![with(waiting(), "scheduled_at", soon.unwrap().to_string())], atomic);
        let send = || {
            let key = format!("k{atomic}");
            TestRequest::post().uri("/api/jobs/bulk").insert_header(("idempotency-key", key)).set_json(&body)
        };
        let first = api.send(send()).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let id = first.data()["results"][0]["data"]["id"].as_str().unwrap().to_owned();
        let done = api.get(&format!("/api/jobs/{id}?wait=30s")).await.data();
        assert_eq!(done["status"], "completed");
        let again = api.send(send()).await;
        assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"), "{}", again.text());
        assert_eq!(again.data()["results"][0]["data"]["id"], id);
        let new = api.post("/api/jobs/bulk", &body).await;
        assert_eq!(new.status, if atomic { 400 } else { 207 }, "{}", new.text());
    }
}

#[actix_web::test]
async fn a_dry_run_checks_all_and_makes_none() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let good = api.post("/api/jobs/bulk?dry_run", &bulk(vec![waiting(), waiting()], true)).await;
    assert_eq!((good.status, statuses(&good)), (200, vec![200, 200]), "{}", good.text());
    let mixed = vec![waiting(), with(waiting(), "priority", 11)];
    let each = api.post("/api/jobs/bulk?dry_run=true&return=full", &bulk(mixed.clone(), false)).await;
    assert_eq!((each.status, statuses(&each)), (207, vec![200, 400]), "{}", each.text());
    assert_eq!(each.data()["results"][0]["data"]["priority"], 5);
    api.post("/api/jobs/bulk?dry_run", &bulk(mixed, true)).await.problem(400, "invalid_request");
    assert_eq!(jobs_stored(&api).await, 0);
}

#[actix_web::test]
async fn ten_thousand_jobs_are_one_request() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for atomic in [true, false] {
        let answer = api.post("/api/jobs/bulk?return=ids", &bulk(vec![waiting(); 10_000], atomic)).await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.data()["created"], 10_000);
    }
    let status = api.get("/api/system/status").await.data();
    assert_eq!(status["jobs"]["scheduled"], 20_000);
}

#[actix_web::test]
async fn large_answers_that_are_not_taken_in_leave_no_room_for_another_and_nothing_is_created_then() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let jobs = bulk(vec![waiting(); 10_000], true);
    let ask = |path: &str| api.open(TestRequest::post().uri(path).set_json(&jobs));
    let mut under_way = Vec::new();
    let refused = loop {
        let response = ask("/api/jobs/bulk?dry_run=true&return=full").await;
        if response.status() != 200 {
            break response;
        }
        under_way.push(response);
        assert!(under_way.len() < 16, "answers of {} requests are in memory", under_way.len());
    };
    assert_eq!((refused.status().as_u16(), refused.headers().contains_key("retry-after")), (503, true));
    assert!(under_way.len() > 2, "only {} have room", under_way.len());
    assert_eq!(ask("/api/jobs/bulk?return=full").await.status(), 503);
    assert_eq!(jobs_stored(&api).await, 0);
    under_way.clear();
    assert_eq!(ask("/api/jobs/bulk?return=full").await.status(), 201);
}
