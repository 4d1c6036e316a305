//! A job from its creation to its outcome.

use crate::harness::{PATIENCE, context, draft, engine};
use oneoff_domain::{EventKind, ExecutionStatus, JobStatus, Reason};
use oneoff_scheduler::JobDraft;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_at_its_time_once_and_everything_is_recorded() {
    let engine = engine().await;
    let job = engine.create(draft("in 1s")).await;
    assert_eq!(job.state.status, JobStatus::Scheduled);
    let over = engine.over(job.id).await;
    assert_eq!(over.state.status, JobStatus::Completed);
    let executions = engine.executions(job.id).await;
    let [execution] = executions.as_slice() else { panic!("{executions:?}") };
    assert_eq!((execution.status, execution.reason), (ExecutionStatus::Completed, Some(Reason::Success)));
    assert_eq!(Some(execution.scheduled_for), job.state.scheduled_at);
    assert!(execution.started_at >= execution.scheduled_for, "never early");
    assert!(execution.lateness_us >= 0 && execution.duration_us.is_some());
    assert_eq!(over.last_execution, Some(execution.id));
    assert_eq!(engine.fake.ran().len(), 1);
    assert_eq!(
        engine.events(job.id).await,
        [EventKind::JobCreated, EventKind::JobStarted, EventKind::JobCompleted]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_job_runs_at_its_new_time_and_a_finished_one_runs_again_on_request() {
    let engine = engine().await;
    let job = engine.create(draft("in 2h")).await;
    let patch = oneoff_scheduler::JobPatch {
        schedule: Some(oneoff_scheduler::Schedule::at("now")),
        ..Default::default()
    };
    engine.service.update_job(context(), job.id, patch).await.unwrap();
    engine.over(job.id).await;
    let again = engine.service.execute_job(context(), job.id).await.unwrap().value;
    assert_eq!((again.state.run, again.state.attempt), (2, 0));
    engine.job_when(job.id, |job| job.state.run == 2 && job.state.status.is_final()).await;
    let runs: Vec<u32> = engine.executions(job.id).await.iter().map(|execution| execution.run).collect();
    assert_eq!(runs, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_can_be_started_early() {
    let engine = engine().await;
    let job = engine.create(draft("in 300 days")).await;
    engine.service.execute_job(context(), job.id).await.unwrap();
    assert_eq!(engine.over(job.id).await.state.run, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_too_late_by_its_own_policy_is_missed() {
    let engine = engine().await;
    let mut late = draft("2020-01-01T00:00:00Z");
    late.schedule.allow_past = true;
    let run = engine.create(late.clone()).await;
    let skip = engine.create(JobDraft { max_lateness_seconds: Some(60), ..late }).await;
    assert_eq!(engine.over(skip.id).await.state.status, JobStatus::Missed);
    assert_eq!(engine.over(run.id).await.state.status, JobStatus::Completed);
    assert!(engine.executions(skip.id).await.is_empty());
    assert_eq!(engine.events(skip.id).await, [EventKind::JobCreated, EventKind::JobMissed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_a_job_of_its_own() {
    let engine = engine().await;
    let job = engine.create(JobDraft { name: Some("report".to_owned()), ..draft("in 2h") }).await;
    let schedule = oneoff_scheduler::Schedule::at("now");
    let clone = engine.service.clone_job(context(), job.id, None, schedule).await.unwrap().value;
    assert_eq!(clone.definition.name, "report (clone)");
    engine.over(clone.id).await;
    assert_eq!(engine.service.job(job.id).await.unwrap().state.status, JobStatus::Scheduled);
    engine.fake.refuse_configs(vec![oneoff_domain::FieldError::new("/url", "it is missing")]);
    let schedule = oneoff_scheduler::Schedule::at("now");
    let refused = engine.service.clone_job(context(), job.id, None, schedule).await;
    assert!(refused.unwrap_err().to_string().contains("/config/url"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_job_does_not_run() {
    let engine = engine().await;
    let job = engine.create(draft("in 5s")).await;
    engine.service.delete_job(context(), job.id).await.unwrap();
    assert!(engine.service.job(job.id).await.is_err());
    let later = engine.create(draft("in 5500ms")).await;
    engine.over(later.id).await;
    assert_eq!(engine.fake.ran().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_of_one_instant_all_run_once() {
    let engine = engine().await;
    let mut one = draft(&engine.service.now().saturating_add(Duration::from_secs(1)).to_string());
    // On a slow machine the last of them are made after their time.
    one.schedule.allow_past = true;
    let mut jobs = Vec::new();
    for _ in 0..300 {
        jobs.push(engine.create(one.clone()).await.id);
    }
    for id in &jobs {
        let job = engine.service.wait_for_job(*id, PATIENCE).await.unwrap();
        assert_eq!(job.state.status, JobStatus::Completed);
    }
    assert_eq!(engine.fake.ran().len(), jobs.len());
}
