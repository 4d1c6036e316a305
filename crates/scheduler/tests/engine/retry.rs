//! Failed attempts and what follows them.

use crate::harness::{Engine, draft, engine};
use oneoff_domain::{AttemptOutcome, EventKind, ExecutionStatus, JobStatus, Reason};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::JobDraft;

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_is_retried_until_one_succeeds() {
    let engine = Engine::start(FakeExecutor::new("fake").failing(2)).await;
    let retrying = JobDraft { max_retries: Some(3), retry_delay_seconds: Some(0), ..draft("now") };
    let job = engine.create(retrying).await;
    let over = engine.over(job.id).await;
    assert_eq!((over.state.status, over.state.attempt), (JobStatus::Completed, 2));
    let executions = engine.executions(job.id).await;
    let attempts: Vec<_> = executions.iter().map(|execution| (execution.attempt, execution.status)).collect();
    use ExecutionStatus::{Completed, Failed};
    assert_eq!(attempts, [(0, Failed), (1, Failed), (2, Completed)]);
    use EventKind::{JobCompleted, JobCreated, JobRetrying, JobStarted};
    assert_eq!(
        engine.events(job.id).await,
        [JobCreated, JobStarted, JobRetrying, JobStarted, JobRetrying, JobStarted, JobCompleted]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_fails_when_no_retry_is_left() {
    let engine = Engine::start(FakeExecutor::new("fake").failing(5)).await;
    let retrying = JobDraft { max_retries: Some(1), retry_delay_seconds: Some(0), ..draft("now") };
    let job = engine.create(retrying).await;
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Failed);
    assert_eq!(engine.executions(job.id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delay_doubles_and_is_shown() {
    let engine = Engine::start(FakeExecutor::new("fake").failing(1)).await;
    let retrying = JobDraft { max_retries: Some(1), retry_delay_seconds: Some(3600), ..draft("now") };
    let job = engine.create(retrying).await;
    let waiting = engine.job_when(job.id, |job| job.state.next_attempt_at.is_some()).await;
    assert_eq!((waiting.state.status, waiting.state.attempt), (JobStatus::Scheduled, 1));
    let delay = waiting.state.next_attempt_at.unwrap().since(waiting.updated_at).as_secs();
    assert!((2_690..=3_600).contains(&delay), "{delay}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_an_executor_is_a_failed_attempt_and_the_server_lives_on() {
    let engine = engine().await;
    engine.fake.next_panics();
    let job = engine.create(draft("now")).await;
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Failed);
    assert_eq!(engine.executions(job.id).await[0].reason, Some(Reason::Panic));
    let next = engine.create(draft("now")).await;
    assert_eq!(engine.over(next.id).await.state.status, JobStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_inside_of_the_config_are_those_of_the_job() {
    let engine = engine().await;
    engine.fake.next(AttemptOutcome::failed(Reason::Failure, "once"));
    let mut job = draft("now");
    job.config.insert("max_retries".to_owned(), 2.into());
    job.config.insert("retry_delay_seconds".to_owned(), 0.into());
    job.config.insert("timeout".to_owned(), 7.into());
    let job = engine.create(job).await;
    assert_eq!(job.definition.timeout_seconds, Some(7));
    assert_eq!((job.definition.retry.max_retries, job.definition.retry.delay_seconds), (2, 0));
    assert!(job.definition.config.is_empty(), "{:?}", job.definition.config);
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Completed);
}
