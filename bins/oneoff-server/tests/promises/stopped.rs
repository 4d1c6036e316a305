//! Stopped means stopped: no process of an attempt is left, however the attempt came to its end.

use crate::server::{Server, job_when, processes_with, shell};
use oneoff_api_types::CreateJob;
use std::time::{Duration, Instant};

const TREE: &str = "sleep 300 & (setsid sleep 300) & sleep 300";

async fn running_tree(server: &Server, timeout_seconds: Option<i64>) -> (String, String) {
    let job = CreateJob { timeout_seconds, ..shell(TREE, "now") };
    let job = server.client.create_job(&job).await.unwrap();
    let running = job_when(&server.client, &job.id, "running", |job| job.status == "running").await;
    let mark = format!("ONEOFF_EXECUTION_ID={}", running.last_execution.unwrap());
    let deadline = Instant::now() + Duration::from_secs(10);
    while processes_with(&mark).len() < 4 {
        assert!(Instant::now() < deadline, "the tree did not grow: {:?}", processes_with(&mark));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (job.id, mark)
}

/// How long it takes from now until they are gone.
async fn all_gone(mark: &str) -> Duration {
    let began = Instant::now();
    while !processes_with(mark).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "left over: {:?}", processes_with(mark));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

/// Within a second at the best of a few tries: a busy machine pauses, but not every time.
async fn within_a_second(mut until_gone: impl AsyncFnMut() -> Duration) {
    let mut took = Vec::new();
    while took.len() < 5 {
        took.push(until_gone().await);
        if took.iter().any(|took| *took < Duration::from_secs(1)) {
            return;
        }
    }
    panic!("gone after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_leaves_no_process() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    within_a_second(async || {
        let (id, mark) = running_tree(&server, None).await;
        server.client.cancel_job(&id).await.unwrap();
        let took = all_gone(&mark).await;
        job_when(&server.client, &id, "cancelled", |job| job.status == "cancelled").await;
        took
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_timed_out_leaves_no_process() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    within_a_second(async || {
        // Long enough to see it run.
        let (id, mark) = running_tree(&server, Some(10)).await;
        let job = job_when(&server.client, &id, "failed", |job| job.status == "failed").await;
        let took = all_gone(&mark).await;
        let execution = server.client.execution(&job.last_execution.unwrap()).await.unwrap();
        assert_eq!(execution.reason.as_deref(), Some("timeout"));
        assert_eq!(execution.error.as_deref(), Some("timed out after 10 s"));
        took
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_leaves_no_process() {
    let directory = tempfile::tempdir().unwrap();
    within_a_second(async || {
        let server = Server::start(directory.path());
        let (_id, mark) = running_tree(&server, None).await;
        server.kill();
        all_gone(&mark).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_ends_takes_what_it_left_in_the_background_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    within_a_second(async || {
        let job = server.client.create_job(&shell("sleep 300 & echo started", "now")).await.unwrap();
        let job = job_when(&server.client, &job.id, "completed", |job| job.status == "completed").await;
        all_gone(&format!("ONEOFF_EXECUTION_ID={}", job.last_execution.unwrap())).await
    })
    .await;
}
