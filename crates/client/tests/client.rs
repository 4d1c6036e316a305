//! The client against a scripted loopback server: routes, errors, retries, paging, waiting, following.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test panics where something is wrong")]

mod scripted;

use oneoff_api_types::{CreateJob, CreateJobs, JobView};
use oneoff_client::{
    ApiKey, Client, ClientError, ClientSettings, ExecutionQuery, FollowFrom, JobEvent, JobQuery, Waited,
};
use scripted::{Act, Scripted};
use serde_json::{Value, json};
use std::time::Duration;

fn job(id: &str, status: &str) -> Value {
    json!({
        "id": id, "name": "n", "type": "shell", "config": {"script": "true"}, "status": status,
        "project_id": "default", "tags": [], "priority": 5, "timezone": "UTC",
        "scheduled_at": "2026-12-01T09:00:00Z", "scheduled_local": null, "timeout_seconds": null,
        "max_retries": 0, "retry_delay_seconds": 10, "retry_max_delay_seconds": 3600,
        "retry_exit_codes": null, "max_lateness_seconds": null, "on_late": "run", "on_crash": "retry",
        "concurrency_key": null, "external_id": null, "metadata": {}, "run": 1, "attempt": 0,
        "next_attempt_at": null, "cancel_requested": false, "holds": [], "last_execution": null,
        "created_by": null, "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T09:00:00Z",
        "version": 1, "a_field_of_a_newer_server": true,
    })
}

fn data(value: Value) -> Act {
    Act::Json(200, json!({ "data": value }))
}

fn problem(status: u16, code: &str) -> Act {
    let body = json!({
        "type": format!("/docs/problems/{code}"), "title": "T", "status": status, "detail": "D", "error": "D",
        "code": code, "errors": [{"pointer": "/priority", "message": "too high", "hint": "1 to 10"}],
        "request_id": "r-1",
    });
    Act::Json(status, body)
}

async fn client(script: Vec<Act>) -> (Client, Scripted) {
    let server = Scripted::start(script).await;
    let mut settings = ClientSettings::new(format!("{}/base/", server.url).parse().unwrap());
    settings.api_key = Some(ApiKey::new("oneoff_secret"));
    settings.timeouts.reconnect = Duration::from_millis(300);
    settings.timeouts.request = Duration::from_secs(5);
    (Client::new(settings).unwrap(), server)
}

#[tokio::test]
async fn a_create_whose_connection_is_lost_is_sent_again_under_the_same_key() {
    let (client, server) = client(vec![Act::HangUp, Act::HangUp, data(job("a", "scheduled"))]).await;
    let created = client.create_job(&CreateJob::default()).await.unwrap();
    assert_eq!(created.id, "a");
    let keys: Vec<_> = server.asked().iter().map(|asked| asked.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 36), "{keys:?}");

    let other = client.create_job(&CreateJob::default()).await;
    assert!(other.is_ok());
    assert_ne!(server.asked()[3].header("idempotency-key").unwrap(), keys[0]);
}

#[tokio::test]
async fn a_create_is_sent_at_most_three_times_and_its_outcome_is_then_unknown() {
    let (client, server) = client(vec![Act::HangUp]).await;
    let error = client.create_job(&CreateJob::default()).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn the_outcome_of_a_create_is_unknown_although_nobody_listened_when_it_was_sent_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::new(ClientSettings::new(url.parse().unwrap())).unwrap();
    let dying = async {
        let (connection, _) = listener.accept().await.unwrap();
        connection.readable().await.unwrap();
        drop(listener);
        drop(connection);
    };
    let job = CreateJob::default();
    let (created, ()) = tokio::join!(client.create_job(&job), dying);
    let error = created.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn a_refusal_settles_what_became_of_a_call_that_was_sent_before_only_if_the_server_looked_at_it() {
    for (status, code, is_unknown) in [
        (503, "overloaded", true),
        (503, "stopping", true),
        (507, "storage_full", true),
        (429, "too_many_requests", true),
        (409, "duplicate", false),
    ] {
        let (client, server) = client(vec![Act::HangUp, problem(status, code)]).await;
        let error = client.create_job(&CreateJob::default()).await.unwrap_err();
        assert_eq!(error.is_outcome_unknown(), is_unknown, "{status} {code}: {error:?}");
        assert_eq!(server.asked().len(), 2);
    }
    let (client, _server) = client(vec![problem(503, "overloaded")]).await;
    assert!(!client.create_job(&CreateJob::default()).await.unwrap_err().is_outcome_unknown());
}

#[tokio::test]
async fn a_refusal_is_not_sent_again_and_keeps_what_the_server_said() {
    let (client, server) = client(vec![problem(400, "validation_failed")]).await;
    let error = client.create_job(&CreateJob::default()).await.unwrap_err();
    assert_eq!(server.asked().len(), 1);
    let problem = error.problem().unwrap();
    assert_eq!((problem.code.as_str(), problem.request_id.as_str()), ("validation_failed", "r-1"));
    assert_eq!(problem.errors[0].pointer, "/priority");
    assert!(!error.is_outcome_unknown());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(ClientSettings::new(url.parse().unwrap())).unwrap();
    match client.create_job(&CreateJob::default()).await {
        Err(ClientError::Unreachable { was_sent: false, source, .. }) => {
            assert!(std::error::Error::source(&*source).is_some());
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_of_something_else_is_a_protocol_error_that_shows_it() {
    for (act, expected) in [
        (
            Act::Raw(502, "content-type: text/html", "<h1>Bad gateway\x1b[31m</h1>"),
            "<h1>Bad gateway [31m</h1>",
        ),
        (Act::Raw(200, "content-type: text/plain", "hello"), "hello"),
        (Act::Raw(301, "location: https://example.org/", ""), "redirects to https://example.org/"),
        (Act::Raw(200, "x: y", ""), "an empty body"),
    ] {
        let (client, _server) = client(vec![act]).await;
        let error = client.job("a").await.unwrap_err();
        assert!(matches!(error, ClientError::Protocol { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let server = Scripted::start(vec![Act::Silence]).await;
    let mut settings = ClientSettings::new(server.url.parse().unwrap());
    settings.timeouts.request = Duration::from_millis(100);
    let error = Client::new(settings).unwrap().job("a").await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { was_sent: true, .. }), "{error:?}");
}

#[tokio::test]
async fn ids_and_queries_are_escaped_and_the_key_is_sent_but_not_printed() {
    let (client, server) = client(vec![data(job("a", "scheduled"))]).await;
    client.job("../x y?z").await.unwrap();
    let query = JobQuery { statuses: vec!["held".into(), "running".into()], ..JobQuery::default() };
    drop(client.jobs(&query).await);
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /base/api/jobs/..%2Fx%20y%3Fz HTTP/1.1");
    assert_eq!(asked[0].header("authorization").unwrap(), "Bearer oneoff_secret");
    assert_eq!(asked[1].line, "GET /base/api/jobs?status=held%2Crunning HTTP/1.1");
    assert!(!format!("{client:?}").contains("secret"));
}

#[tokio::test]
async fn pages_follow_the_cursor_to_the_end() {
    let first = json!({"data": [job("a", "held"), job("b", "held")], "next_cursor": "c/1"});
    let (client, server) =
        client(vec![Act::Json(200, first), Act::Json(200, json!({"data": [job("c", "held")]}))]).await;
    let mut pages = client.all_jobs(JobQuery { limit: Some(2), ..JobQuery::default() });
    let mut ids = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        ids.extend(page.into_iter().map(|job: JobView| job.id));
    }
    assert_eq!(ids, ["a", "b", "c"]);
    assert!(!pages.has_more());
    assert_eq!(server.asked()[1].line, "GET /base/api/jobs?limit=2&cursor=c%2F1 HTTP/1.1");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_wait_goes_on_across_a_lost_connection_and_ends_at_the_final_state() {
    let (client, server) = client(vec![
        data(job("a", "scheduled")),
        data(job("a", "running")),
        Act::HangUp,
        data(job("a", "failed")),
    ])
    .await;
    match client.wait_for_job("a", None).await.unwrap() {
        Waited::Over(job) => assert_eq!(job.status, "failed"),
        Waited::TimedOut => panic!("no timeout was given"),
    }
    assert!(server.asked()[1].line.contains("wait=25"), "{:?}", server.asked());
}

#[tokio::test]
async fn a_wait_ends_when_the_job_is_deleted_or_the_time_is_up() {
    let (client, _server) = client(vec![data(job("a", "scheduled")), problem(404, "not_found")]).await;
    let error = client.wait_for_job("a", None).await.unwrap_err();
    assert_eq!(error.status(), Some(404));

    let (client, _server) = self::client(vec![data(job("a", "scheduled")), Act::Silence]).await;
    let waited = client.wait_for_job("a", Some(Duration::from_millis(100))).await.unwrap();
    assert_eq!(waited, Waited::TimedOut);
}

#[tokio::test]
async fn a_wait_gives_up_on_a_server_that_stays_away() {
    let (client, _server) = client(vec![data(job("a", "scheduled")), Act::HangUp]).await;
    let error = client.wait_for_job("a", None).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
}

fn output(offset: i64, text: &str, total_bytes: i64, complete: bool) -> Act {
    let chunks = match text {
        "" => json!([]),
        _ => json!([{"stream": "stdout", "offset": offset, "at": "2026-11-21T09:00:00Z", "text": text}]),
    };
    let next_offset = offset + i64::try_from(text.len()).unwrap();
    data(
        json!({"chunks": chunks, "next_offset": next_offset, "total_bytes": total_bytes, "complete": complete}),
    )
}

async fn read_all(client: &Client, follows: bool) -> String {
    let mut follower = if follows { client.follow_output("e", 0) } else { client.read_output("e", 0) };
    let mut text = String::new();
    while let Some(chunks) = follower.next().await.unwrap() {
        text.extend(chunks.into_iter().map(|chunk| chunk.text));
    }
    text
}

#[tokio::test]
async fn an_output_is_followed_to_its_end_across_a_lost_connection_without_a_gap_or_a_double() {
    let (client, server) = client(vec![
        output(0, "ab", 2, false),
        output(2, "", 2, false),
        Act::HangUp,
        output(2, "cd", 6, true),
        output(4, "ef", 6, true),
    ])
    .await;
    assert_eq!(read_all(&client, true).await, "abcdef");
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines[0], "GET /base/api/executions/e/output?offset=0 HTTP/1.1");
    assert_eq!(lines[4], "GET /base/api/executions/e/output?offset=4&wait=25 HTTP/1.1");
}

#[tokio::test]
async fn without_following_a_running_output_is_read_to_what_is_there() {
    let (client, server) = client(vec![output(0, "ab", 2, false), output(2, "", 2, false)]).await;
    assert_eq!(read_all(&client, false).await, "ab");
    assert!(server.asked().iter().all(|asked| !asked.line.contains("wait=")));
}

#[tokio::test]
async fn executions_are_listed_by_job() {
    let (client, server) = client(vec![Act::Json(200, json!({"data": []}))]).await;
    let query = ExecutionQuery { job_id: Some("a".into()), limit: Some(1), ..ExecutionQuery::default() };
    assert!(client.executions(&query).await.unwrap().data.is_empty());
    assert_eq!(server.asked()[0].line, "GET /base/api/executions?job_id=a&limit=1 HTTP/1.1");
}

#[test]
fn bad_settings_are_refused_without_the_key_in_the_message() {
    let mut settings = ClientSettings::new("http://localhost".parse().unwrap());
    settings.api_key = Some(ApiKey::new("secret\nkey"));
    let error = Client::new(settings).unwrap_err().to_string();
    assert!(error.contains("API key") && !error.contains("secret"), "{error}");
}

fn execution(id: &str, run: u32, attempt: u32) -> Value {
    json!({
        "id": id, "job_id": "a", "job_name": "n", "job_type": "shell", "project_id": "default", "run": run,
        "attempt": attempt, "status": "running", "reason": null, "exit_code": null, "error": null,
        "scheduled_for": "2026-12-01T09:00:00Z", "started_at": "2026-12-01T09:00:00Z", "completed_at": null,
        "duration_ms": null, "lateness_ms": 0.5, "worker": "w", "output_bytes": 0, "output_truncated": false,
        "result": null,
    })
}

fn list(rows: Value) -> Act {
    Act::Json(200, json!({ "data": rows }))
}

#[tokio::test]
async fn a_job_is_followed_through_its_attempts_of_this_run_in_order_to_its_end() {
    let attempts = json!([execution("e2", 2, 1), execution("e1", 2, 0), execution("e0", 1, 0)]);
    let (client, server) = client(vec![
        data(job("a", "scheduled")),
        list(json!([execution("e0", 1, 0)])),
        Act::HangUp,
        data(job("a", "failed")),
        list(attempts.clone()),
        output(0, "first", 5, true),
        output(0, "second", 6, true),
        data(job("a", "failed")),
        list(attempts),
    ])
    .await;
    let mut follower = client.follow_job("a", FollowFrom::Run(2));
    let mut story = Vec::new();
    while let Some(event) = follower.next().await.unwrap() {
        story.push(match event {
            JobEvent::Started(execution) => execution.id,
            JobEvent::Output(chunks) => chunks.into_iter().map(|chunk| chunk.text).collect(),
            JobEvent::Over(job) => job.status,
        });
    }
    assert_eq!(story, ["e1", "first", "e2", "second", "failed"]);
    assert_eq!(server.asked().len(), 9);
}

#[tokio::test]
async fn many_jobs_are_sent_again_under_the_same_key_and_told_one_by_one() {
    let error = json!({
        "type": "t", "title": "T", "status": 409, "detail": "D", "error": "D", "code": "duplicate", "request_id": "r",
    });
    let answer = json!({"created": 1, "failed": 1, "results": [
        {"index": 0, "status": 201, "data": {"id": "a", "name": "n", "a_field_of_a_newer_server": 1}},
        {"index": 1, "status": 409, "error": error},
    ]});
    let (client, server) = client(vec![Act::HangUp, Act::Json(207, json!({ "data": answer }))]).await;
    let request = CreateJobs { jobs: vec![CreateJob::default(), CreateJob::default()], atomic: Some(false) };
    let told = client.create_jobs(&request).await.unwrap();
    assert_eq!((told.created, told.failed), (1, 1));
    assert_eq!(told.results[0].data.as_ref().unwrap().id, "a");
    assert_eq!(told.results[1].error.as_ref().unwrap().code, "duplicate");
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].header("idempotency-key"), asked[1].header("idempotency-key"));
}
