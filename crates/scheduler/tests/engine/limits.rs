//! Slots, limits per type, priority and concurrency keys.

use crate::harness::{Engine, context, draft};
use oneoff_domain::JobStatus;
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, SchedulerSettings};
use std::collections::BTreeMap;

fn workers(workers_count: usize) -> SchedulerSettings {
    SchedulerSettings { workers_count, ..SchedulerSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_run_at_once_than_there_are_slots() {
    let engine = Engine::start_with(FakeExecutor::new("fake"), workers(3)).await;
    let mut jobs = Vec::new();
    for _ in 0..50 {
        jobs.push(engine.create(draft("now")).await.id);
    }
    for id in jobs {
        engine.over(id).await;
    }
    assert!(engine.fake.most_at_once() <= 3, "{}", engine.fake.most_at_once());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_per_type_holds() {
    let type_limits = BTreeMap::from([("fake".to_owned(), 1)]);
    let settings = SchedulerSettings { type_limits, ..workers(8) };
    let engine = Engine::start_with(FakeExecutor::new("fake").blocking(), settings).await;
    let first = engine.create(draft("now")).await;
    engine.running(first.id).await;
    let second = engine.create(draft("now")).await;
    let third = engine.create(draft("in 300ms")).await;
    assert_eq!(engine.service.job(second.id).await.unwrap().state.status, JobStatus::Scheduled);
    engine.fake.gate().open();
    engine.over(second.id).await;
    engine.over(third.id).await;
    assert_eq!(engine.fake.most_at_once(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_more_urgent_job_goes_first() {
    let engine = Engine::start_with(FakeExecutor::new("fake").blocking(), workers(1)).await;
    let first = engine.create(draft("now")).await;
    engine.running(first.id).await;
    let low = engine.create(JobDraft { priority: Some(2), ..draft("now") }).await;
    let high = engine.create(JobDraft { priority: Some(9), ..draft("now") }).await;
    engine.fake.gate().open();
    engine.over(low.id).await;
    engine.over(high.id).await;
    let order: Vec<_> = engine.fake.ran().iter().map(|ran| ran.job_id).collect();
    assert_eq!(order, [first.id, high.id, low.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_one_key_run_one_after_the_other() {
    let engine = Engine::start_with(FakeExecutor::new("fake"), workers(8)).await;
    let keyed = || JobDraft { concurrency_key: Some("db".to_owned()), ..draft("now") };
    let mut jobs = Vec::new();
    for _ in 0..30 {
        jobs.push(engine.create(keyed()).await.id);
    }
    for id in jobs {
        assert_eq!(engine.over(id).await.state.status, JobStatus::Completed);
    }
    assert_eq!(engine.fake.most_at_once(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_of_a_busy_key_can_be_cancelled() {
    let engine = Engine::start_with(FakeExecutor::new("fake").blocking(), workers(8)).await;
    let keyed = || JobDraft { concurrency_key: Some("db".to_owned()), ..draft("now") };
    let first = engine.create(keyed()).await;
    engine.running(first.id).await;
    let second = engine.create(keyed()).await;
    let third = engine.create(keyed()).await;
    engine.service.cancel_job(context(), second.id).await.unwrap();
    engine.fake.gate().open();
    engine.over(third.id).await;
    assert_eq!(engine.fake.ran().len(), 2);
}
