//! Time expressions, read as a job's time would be.

use crate::harness::Harness;
use serde_json::json;

#[actix_web::test]
async fn an_expression_is_answered_with_its_meaning() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = json!({"expression": "2099-12-01T09:00", "timezone": "Europe/Madrid"});
    let parsed = api.post("/api/time/parse", &body).await;
    assert_eq!(parsed.status, 200, "{}", parsed.text());
    let parsed = parsed.data();
    assert_eq!(parsed["instant"], "2099-12-01T08:00:00Z");
    assert_eq!(parsed["local"], "2099-12-01T09:00:00");
    assert_eq!(parsed["timezone"], "Europe/Madrid");
    assert!(parsed["description"].as_str().unwrap().contains("Europe/Madrid"));
    assert!(parsed["in_ms"].as_i64().unwrap() > 0);
    let now = api.post("/api/time/parse", &json!({"expression": "now"})).await.data();
    assert!(now["in_ms"].as_i64().unwrap().abs() < 5_000, "{now}");
}

#[actix_web::test]
async fn what_is_not_understood_is_told() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for (body, pointer) in [
        (json!({"expression": "whenever"}), "/expression"),
        (json!({"expression": "2001-01-01T00:00:00Z"}), "/expression"),
        (json!({"expression": ""}), "/expression"),
        (json!({}), "/expression"),
        (json!({"expression": "now", "timezone": "Nowhere"}), "/timezone"),
        (json!({"expression": "now", "zone": "UTC"}), "/zone"),
        (json!({"expression": "now", "disambiguation": "x"}), "/disambiguation"),
    ] {
        let problem = api.post("/api/time/parse", &body).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}: {problem}");
    }
    let past = json!({"expression": "2001-01-01T00:00:00Z", "allow_past": true});
    assert!(api.post("/api/time/parse", &past).await.data()["in_ms"].as_i64().unwrap() < 0);
}

#[actix_web::test]
async fn a_job_at_an_unclear_wall_time_is_made_moved_and_shown_as_it_was_chosen() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let body = |zone: &str, disambiguation: Option<&str>| {
        let mut body = json!({
            "type": "shell", "config": {"script": "true"}, "scheduled_at": "2099-04-05T01:45:00", "timezone": zone,
        });
        if let Some(choice) = disambiguation {
            body["disambiguation"] = choice.into();
        }
        body
    };
    // Half an hour occurs twice on Lord Howe on the first Sunday of April.
    for unclear in [body("Australia/Lord_Howe", None), body("Australia/Lord_Howe", Some("reject"))] {
        let problem = api.post("/api/jobs", &unclear).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/scheduled_at");
        let hint = problem["errors"][0]["hint"].as_str().unwrap();
        assert!(hint.contains("2099-04-04T14:45:00Z") && hint.contains("2099-04-04T15:15:00Z"), "{hint}");
    }
    for (choice, instant) in [("earlier", "2099-04-04T14:45:00Z"), ("later", "2099-04-04T15:15:00Z")] {
        let job = api.post("/api/jobs", &body("Australia/Lord_Howe", Some(choice))).await.data();
        assert_eq!(
            (&job["scheduled_at"], &job["scheduled_local"]),
            (&json!(instant), &json!("2099-04-05T01:45:00"))
        );
        let path = format!("/api/jobs/{}", job["id"].as_str().unwrap());
        let moved = api.patch(&path, &json!({"timezone": "Europe/Madrid"})).await.data();
        assert_eq!(moved["scheduled_at"], "2099-04-04T23:45:00Z", "the wall time stays");
        let back = api.patch(&path, &json!({"timezone": "Australia/Lord_Howe"})).await;
        let problem = back.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/scheduled_at");
        let chosen = json!({
            "timezone": "Australia/Lord_Howe", "scheduled_at": "2099-04-05T01:45:00", "disambiguation": choice,
        });
        assert_eq!(api.patch(&path, &chosen).await.data()["scheduled_at"], instant);
    }
    let wrong = api.post("/api/jobs", &body("Australia/Lord_Howe", Some("both"))).await;
    assert_eq!(wrong.problem(400, "invalid_request")["errors"][0]["pointer"], "/disambiguation");
}

#[actix_web::test]
async fn what_no_instant_can_hold_is_refused_at_every_door() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    for beyond in
        ["9999-12-31T23:59:59Z", "+262143-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2030-06-30T23:59:60Z"]
    {
        let job = json!({"type": "shell", "config": {"script": "true"}, "scheduled_at": beyond});
        let problem = api.post("/api/jobs", &job).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], "/scheduled_at", "{beyond}");
    }
    let waiting = api.post("/api/jobs", &crate::harness::waiting()).await.data();
    let path = crate::harness::path(&waiting);
    let hold = json!({"until": "9999-12-31T23:59:59Z"});
    let problem = api.post(&format!("{path}/hold"), &hold).await.problem(400, "invalid_request");
    assert_eq!(problem["errors"][0]["pointer"], "/until");
    for (field, value) in
        [("timeout_seconds", i64::MAX), ("retry_delay_seconds", i64::MAX), ("max_lateness_seconds", i64::MIN)]
    {
        let problem = api.patch(&path, &json!({field: value})).await.problem(400, "invalid_request");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"));
    }
    for wait in ["9223372036854775807s", "-1s", "3y", "1e9s"] {
        api.get(&format!("{path}?wait={wait}")).await.problem(400, "invalid_request");
    }
    let last = json!({"scheduled_at": "9999-12-30T22:00:00Z"});
    assert_eq!(api.patch(&path, &last).await.data()["scheduled_at"], "9999-12-30T22:00:00Z");
}
