//! `LOG_RETENTION_DAYS` and `JOB_RETENTION_DAYS`, observed on a job that ran long ago.

use crate::process::{Place, block_on, wait_for};
use oneoff::{Clock as _, Random as _, SystemClock, SystemRandom};
use oneoff_client::{ExecutionQuery, JobQuery};
use oneoff_domain::{
    Actor, AttemptOutcome, Context, ExecutionId, JobDefinition, JobId, JobState, OnCrash, OnLate,
    RetryPolicy, Timestamp,
};
use oneoff_storage::{ClaimRequest, ClaimResult, Finish, NewJob, Store, StoreOptions};
use serde_json::Map;
use std::time::Duration;

fn definition() -> JobDefinition {
    JobDefinition {
        name: "old".to_owned(),
        job_type: "shell".to_owned(),
        config: Map::from_iter([("script".to_owned(), "true".into())]),
        project_id: "default".to_owned(),
        tags: Vec::new(),
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: Map::new(),
    }
}

/// Writes a job whose only execution ended then.
async fn ran_at(place: &Place, then: Timestamp) {
    let store = Store::open(StoreOptions::new(place.database()), then).unwrap();
    let id = JobId::generate(then, &SystemRandom);
    let state = JobState::scheduled(then, None);
    let new = NewJob { id, definition: definition(), state, origin: None, created_by: Actor::Local };
    let created = store.create_jobs(Context::new(Actor::Local), then, vec![new]).await.unwrap();
    let execution_id = ExecutionId::generate(then, &SystemRandom);
    let claim = ClaimRequest { job: created.value[0].key, due_at: then, execution_id };
    let claimed = store.claim(move || then, vec![claim]).await.unwrap();
    let ClaimResult::Claimed(claimed) = &claimed[0] else { panic!("{claimed:?}") };
    let finish = Finish {
        execution_id,
        fence: claimed.fence,
        outcome: AttemptOutcome::success(),
        completed_at: then,
        duration_us: 1,
        output: Vec::new(),
        output_bytes: 0,
        output_truncated: false,
        random: SystemRandom.next_u64(),
    };
    store.finish(finish).await.unwrap();
    store.close();
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Jobs that ran two days ago, and a good day ago: a server that finds nothing young enough doubts its clock.
fn ran_lately(place: &Place) {
    let now = SystemClock.now();
    for hours in [48, 30] {
        block_on(ran_at(place, now.saturating_sub(HOUR * hours)));
    }
}

#[test]
fn executions_are_kept_for_as_many_days_as_are_given() {
    for form in ["LOG_RETENTION_DAYS", "ONEOFF_LOG_RETENTION_DAYS"] {
        let place = Place::new().with(form, "3");
        ran_lately(&place);
        let executions = |place: &Place| {
            let serving = place.serve();
            let client = serving.client();
            let count = move || block_on(client.executions(&ExecutionQuery::default())).unwrap().data.len();
            (serving, count)
        };
        let (kept, count) = executions(&place);
        assert_eq!(count(), 2);
        kept.stop();
        let place = place.with(form, "1.5");
        let (removed, count) = executions(&place);
        wait_for(|| (count() == 1).then_some(()));
        removed.stop();
    }
}

#[test]
fn finished_jobs_are_kept_for_as_many_days_as_are_given() {
    let place = Place::new().with("JOB_RETENTION_DAYS", "2.5");
    ran_lately(&place);
    let jobs = |place: &Place| {
        let serving = place.serve();
        let client = serving.client();
        let count = move || block_on(client.jobs(&JobQuery::default())).unwrap().data.len();
        (serving, count)
    };
    let (kept, count) = jobs(&place);
    assert_eq!(count(), 2);
    kept.stop();
    let (removed, count) = jobs(&place.with("JOB_RETENTION_DAYS", "1.5"));
    wait_for(|| (count() == 1).then_some(()));
    let status = block_on(removed.client().system_status()).unwrap();
    assert_eq!(status.jobs.values().sum::<u64>(), 1, "{:?}", status.jobs);
    assert!(status.space.database_bytes > 0, "{:?}", status.space);
    removed.stop();
}
