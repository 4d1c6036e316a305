//! Stopping: running work is given its grace, then ended and recorded.

use crate::harness::{Engine, context, draft, engine};
use oneoff_domain::{JobStatus, Reason};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, SchedulerSettings, ServiceError};
use std::time::Duration;

fn grace(shutdown_grace: Duration) -> SchedulerSettings {
    SchedulerSettings { shutdown_grace, ..SchedulerSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_waited_for() {
    let fake = FakeExecutor::new("fake").blocking();
    let engine = Engine::start_with(fake, grace(Duration::from_secs(20))).await;
    let job = engine.create(draft("now")).await;
    engine.running(job.id).await;
    let (gate, directory) = (engine.fake.gate(), engine.directory);
    let service = engine.service.clone();
    let stopping = tokio::spawn(engine.scheduler.shutdown());
    while !matches!(service.create_job(context(), draft("now")).await, Err(ServiceError::Stopping)) {
        tokio::task::yield_now().await;
    }
    gate.open();
    stopping.await.unwrap();
    let again = Engine::start_in(directory, FakeExecutor::new("fake"), grace(Duration::ZERO)).await;
    assert_eq!(again.service.job(job.id).await.unwrap().state.status, JobStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_grace_it_is_ended_and_follows_on_crash() {
    let fake = FakeExecutor::new("fake").blocking();
    let engine = Engine::start_with(fake, grace(Duration::from_millis(50))).await;
    let retry = engine.create(draft("now")).await;
    let fail = JobDraft { on_crash: Some(oneoff_domain::OnCrash::Fail), ..draft("now") };
    let fail = engine.create(fail).await;
    engine.running(retry.id).await;
    engine.running(fail.id).await;
    let directory = engine.directory;
    engine.scheduler.shutdown().await;
    let again = Engine::start_in(directory, FakeExecutor::new("fake"), grace(Duration::ZERO)).await;
    assert_eq!(again.over(retry.id).await.state.status, JobStatus::Completed);
    assert_eq!(again.service.job(fail.id).await.unwrap().state.status, JobStatus::Failed);
    for (id, executions) in [(retry.id, 2), (fail.id, 1)] {
        let recorded = again.executions(id).await;
        assert_eq!((recorded.len(), recorded[0].reason), (executions, Some(Reason::Shutdown)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_scheduler_stops_at_once() {
    let engine = engine().await;
    tokio::time::timeout(Duration::from_secs(10), engine.scheduler.shutdown()).await.unwrap();
}
