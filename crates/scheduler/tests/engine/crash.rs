//! What a dead server left behind. Its death is played by a store that was claimed from and dropped.

use crate::harness::{Engine, context, draft, open, place};
use oneoff_domain::{Clock, ExecutionId, ExecutionStatus, Job, JobStatus, OnCrash, Reason};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, SchedulerSettings, SystemClock, SystemRandom};
use oneoff_storage::{ClaimRequest, ClaimResult, NodeReport, Store};
use std::time::Duration;
use tempfile::TempDir;

/// A database in which these jobs are running, though nothing runs them.
pub(crate) async fn abandoned(directory: TempDir, drafts: Vec<JobDraft>) -> (TempDir, Vec<Job>) {
    let engine = restart(directory).await;
    let mut jobs = Vec::new();
    for draft in drafts {
        jobs.push(engine.create(draft).await);
    }
    let directory = engine.directory;
    engine.scheduler.shutdown().await;
    let store = open(directory.path());
    if store.is_shared() {
        expire(&store).await;
    }
    let requests = jobs.iter().map(|job| ClaimRequest {
        job: job.key,
        due_at: job.state.scheduled_at.unwrap(),
        execution_id: ExecutionId::generate(SystemClock.now(), &SystemRandom),
    });
    let results = store.claim(|| SystemClock.now(), requests.collect()).await.unwrap();
    assert!(results.iter().all(|result| matches!(result, ClaimResult::Claimed(_))), "{results:?}");
    store.close();
    (directory, jobs)
}

/// Has the node of a store have a lease that is over.
async fn expire(store: &Store) {
    let now = SystemClock.now();
    let lease_until = now.saturating_sub(Duration::from_secs(1));
    let report =
        NodeReport { lease_until, version: "2.0.0".to_owned(), slots: 1, running: 1, clock_offset_us: None };
    store.heartbeat(now, report).await.unwrap();
}

async fn restart(directory: TempDir) -> Engine {
    Engine::start_in(directory, FakeExecutor::new("fake"), SchedulerSettings::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_attempts_are_closed_and_their_jobs_follow_on_crash_at_once() {
    let far = || draft("in 300 days");
    let fail = JobDraft { on_crash: Some(OnCrash::Fail), ..far() };
    let (directory, jobs) = abandoned(place(), vec![far(), fail]).await;
    let engine = restart(directory).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(engine.over(jobs[1].id).await.state.status, JobStatus::Failed);
    for (job, attempts) in [(&jobs[0], 2), (&jobs[1], 1)] {
        let executions = engine.executions(job.id).await;
        assert_eq!(executions.len(), attempts);
        let lost = &executions[0];
        assert_eq!((lost.status, lost.reason), (ExecutionStatus::Failed, Some(Reason::Lost)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_that_was_asked_for_before_the_crash_still_holds() {
    let (directory, jobs) = abandoned(place(), vec![draft("in 300 days")]).await;
    let store = open(directory.path());
    let cancel = |job: &Job| {
        Ok(oneoff_storage::JobChange {
            state: job.state.cancel()?,
            definition: None,
            event: None,
            event_data: serde_json::Map::new(),
            action: "job.cancel",
            delete: false,
        })
    };
    store.change_job(context(), SystemClock.now(), jobs[0].id, Box::new(cancel)).await.unwrap();
    store.close();
    drop(store);
    let engine = restart(directory).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Cancelled);
    assert!(engine.fake.ran().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_dead_server_held_is_free_again() {
    let keyed = |at| JobDraft { concurrency_key: Some("db".to_owned()), ..draft(at) };
    let (directory, _jobs) =
        abandoned(place(), vec![JobDraft { on_crash: Some(OnCrash::Fail), ..keyed("in 300 days") }]).await;
    let engine = restart(directory).await;
    let next = engine.create(keyed("now")).await;
    assert_eq!(engine.over(next.id).await.state.status, JobStatus::Completed);
}
