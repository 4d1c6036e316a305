//! Cancelling, and timeouts.

use crate::harness::{Engine, context, draft, engine};
use oneoff_domain::{EventKind, ExecutionStatus, JobStatus, Reason};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::JobDraft;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_is_cancelled_at_once() {
    let engine = engine().await;
    let job = engine.create(draft("in 5s")).await;
    let cancelled = engine.service.cancel_job(context(), job.id).await.unwrap().value;
    assert_eq!(cancelled.state.status, JobStatus::Cancelled);
    let later = engine.create(draft("in 5500ms")).await;
    engine.over(later.id).await;
    assert_eq!(engine.fake.ran().len(), 1, "the cancelled one did not run");
    let again = engine.service.cancel_job(context(), job.id).await;
    assert!(again.unwrap_err().to_string().contains("cannot cancel a job that is cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_has_ended_when_cancelling_answers() {
    let engine = Engine::start(FakeExecutor::new("fake").blocking()).await;
    let job = engine.create(JobDraft { max_retries: Some(5), ..draft("now") }).await;
    engine.running(job.id).await;
    let cancelled = engine.service.cancel_job(context(), job.id).await.unwrap().value;
    assert_eq!(cancelled.state.status, JobStatus::Cancelled, "no retry follows");
    assert_eq!(engine.fake.running(), 0);
    let executions = engine.executions(job.id).await;
    assert_eq!(executions[0].status, ExecutionStatus::Cancelled);
    assert_eq!(engine.events(job.id).await.last(), Some(&EventKind::JobCancelled));
}

/// A cancel that is recorded is no refusal, whatever others do while it waits for the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_was_cancelled_although_it_is_deleted_before_cancelling_answers() {
    let engine = Engine::start(FakeExecutor::new("fake").blocking()).await;
    let job = engine.create(draft("now")).await;
    engine.running(job.id).await;
    let mut cancelling = Box::pin(engine.service.cancel_job(context(), job.id));
    // It is handed to the store, and then left alone.
    tokio::select! {
        biased;
        answer = &mut cancelling => panic!("{answer:?} before it was asked for again"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Cancelled);
    engine.service.delete_job(context(), job.id).await.unwrap();
    let cancelled = cancelling.await.unwrap().value;
    assert!(cancelled.state.cancel_requested, "{cancelled:?}");
    assert_eq!((cancelled.id, cancelled.state.status), (job.id, JobStatus::Running));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_right_after_a_create_always_wins_or_comes_too_late() {
    let engine = Engine::start(FakeExecutor::new("fake").blocking()).await;
    for _ in 0..200 {
        let job = engine.create(draft("now")).await;
        let cancelled = engine.service.cancel_job(context(), job.id).await.unwrap().value;
        assert_eq!(cancelled.state.status, JobStatus::Cancelled);
    }
    assert_eq!(engine.fake.running(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_ignores_the_stop_is_dropped_after_its_grace() {
    let fake = FakeExecutor::new("fake").blocking().ignoring_stop(Duration::from_millis(100));
    let engine = Engine::start(fake).await;
    let job = engine.create(draft("now")).await;
    engine.running(job.id).await;
    engine.service.cancel_job(context(), job.id).await.unwrap();
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Cancelled);
    assert_eq!(engine.fake.running(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_times_out_and_is_retried() {
    let engine = Engine::start(FakeExecutor::new("fake").blocking()).await;
    let limited = JobDraft {
        timeout_seconds: Some(1),
        max_retries: Some(1),
        retry_delay_seconds: Some(0),
        ..draft("now")
    };
    let job = engine.create(limited).await;
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Failed);
    let executions = engine.executions(job.id).await;
    assert_eq!(executions.len(), 2);
    for execution in executions {
        assert_eq!(execution.reason, Some(Reason::Timeout));
        assert_eq!(execution.error.as_deref(), Some("timed out after 1 s"));
    }
}
