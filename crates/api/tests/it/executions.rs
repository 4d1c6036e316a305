//! Executions and their output.

use crate::harness::{Harness, path, waiting, with};
use actix_web::test::TestRequest;
use oneoff_fakes::FakeExecutor;
use serde_json::{Value, json};

const TEXT: &str = "naïve café\nsecond line\n";

/// A job that ran, and its execution as the list has it.
async fn ran(harness: &Harness) -> (Value, Value) {
    let api = harness.api().await;
    let job = api.created(&with(waiting(), "immediate", true)).await;
    let job = api.get(&format!("{}?wait=30s", path(&job))).await.data();
    assert_eq!(job["status"], "completed");
    let list = api.get(&format!("/api/executions?job_id={}", job["id"].as_str().unwrap())).await.data();
    (job, list[0].clone())
}

fn at(execution: &Value) -> String {
    format!("/api/executions/{}", execution["id"].as_str().unwrap())
}

#[actix_web::test]
async fn an_execution_tells_what_happened_with_its_output() {
    let harness = Harness::with(FakeExecutor::new("shell").writing(TEXT)).await;
    let api = harness.api().await;
    let (job, listed) = ran(&harness).await;
    assert_eq!(job["last_execution"], listed["id"]);
    assert_eq!(listed.get("output"), None, "lists carry no output");
    let execution = api.get(&at(&listed)).await.data();
    assert_eq!((&execution["status"], &execution["reason"]), (&json!("completed"), &json!("success")));
    assert_eq!(execution["output"], TEXT);
    assert_eq!(execution["output_bytes"], TEXT.len());
    assert!(execution["lateness_ms"].is_number() && execution["duration_ms"].is_number());
    for (query, count) in
        [("status=completed", 1), ("status=failed", 0), ("project_id=default", 1), ("project_id=x", 0)]
    {
        let list = api.get(&format!("/api/executions?{query}")).await.data();
        assert_eq!(list.as_array().unwrap().len(), count, "{query}");
    }
    let started = listed["started_at"].as_str().unwrap();
    let list = api.get(&format!("/api/executions?date_from={started}&date_to={started}")).await.data();
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn output_is_read_by_offset_and_never_cuts_a_character() {
    let harness = Harness::with(FakeExecutor::new("shell").writing(TEXT)).await;
    let api = harness.api().await;
    let (_, execution) = ran(&harness).await;
    let mut text = String::new();
    let mut offset = 0;
    loop {
        let part = api.get(&format!("{}/output?offset={offset}&limit_bytes=3", at(&execution))).await.data();
        assert_eq!(part["total_bytes"], TEXT.len());
        for chunk in part["chunks"].as_array().unwrap() {
            assert_eq!(chunk["stream"], "stdout");
            text.push_str(chunk["text"].as_str().unwrap());
        }
        let next = part["next_offset"].as_i64().unwrap();
        if part["complete"] == true {
            break;
        }
        assert!(next > offset, "it must go on: {part}");
        offset = next;
    }
    assert_eq!(text, TEXT);
}

#[actix_web::test]
async fn output_is_also_there_as_raw_bytes() {
    let harness = Harness::with(FakeExecutor::new("shell").writing(TEXT)).await;
    let api = harness.api().await;
    let (_, execution) = ran(&harness).await;
    let raw = |query: &str| {
        TestRequest::get()
            .uri(&format!("{}/output{query}", at(&execution)))
            .insert_header(("accept", "text/plain"))
    };
    let all = api.send(raw("")).await;
    assert_eq!((all.status, all.text().as_str()), (200, TEXT));
    assert_eq!(all.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(all.header("x-total-bytes"), TEXT.len().to_string());
    let part = api.send(raw("?offset=2&limit_bytes=3")).await;
    assert_eq!(part.body, &TEXT.as_bytes()[2..5]);
    assert_eq!(part.header("x-next-offset"), "5");
}

#[actix_web::test]
async fn output_is_awaited_while_the_job_runs() {
    let harness = Harness::with(FakeExecutor::new("shell").writing("first\n").blocking()).await;
    let api = harness.api().await;
    let job = api.created(&with(waiting(), "immediate", true)).await;
    harness.shell.started(1).await;
    let id = api.get("/api/executions").await.data()[0]["id"].as_str().unwrap().to_owned();
    let output = format!("/api/executions/{id}/output");
    let first = api.get(&format!("{output}?wait=20s")).await.data();
    assert_eq!((&first["chunks"][0]["text"], &first["complete"]), (&json!("first\n"), &json!(false)));
    let none = api.get(&format!("{output}?offset=6&wait=50ms")).await.data();
    assert_eq!((&none["chunks"], &none["complete"]), (&json!([]), &json!(false)));
    harness.shell.gate().open();
    api.get(&format!("{}?wait=30s", path(&job))).await;
    let end = api.get(&format!("{output}?offset=6&wait=20s")).await.data();
    assert_eq!((&end["complete"], &end["next_offset"]), (&json!(true), &json!(6)));
}

#[actix_web::test]
async fn what_does_not_exist_or_cannot_be_is_refused() {
    let harness = Harness::start().await;
    let api = harness.api().await;
    let nobody = "/api/executions/0193f0c2-7a7b-7c3e-9d54-3f1c2b6a9e10";
    for path in [nobody, "/api/executions/x", &format!("{nobody}/output"), "/api/executions/x/output"] {
        api.get(path).await.problem(404, "not_found");
    }
    for query in ["offset=-1", "offset=x", "limit_bytes=0", "limit_bytes=1048577", "wait=1h", "follow=true"] {
        api.get(&format!("{nobody}/output?{query}")).await.problem(400, "invalid_request");
    }
    for query in ["job_id=x", "status=held", "date_from=x", "sort_by=output", "sort_order=up", "offset=-1"] {
        api.get(&format!("/api/executions?{query}")).await.problem(400, "invalid_request");
    }
}
