//! Dry runs: everything is checked and decided, nothing is changed. And edits of the zone alone.

use crate::harness::{Engine, context, draft, engine};
use oneoff_domain::{Context, HoldReason, JobStatus};
use oneoff_scheduler::{JobDraft, JobPatch, Schedule, ServiceError};
use oneoff_storage::Refusal;

fn dry() -> Context {
    Context { dry_run: true, ..context() }
}

async fn jobs_of(engine: &Engine) -> u64 {
    engine.service.system_status().await.unwrap().jobs.values().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_answers_what_would_be_and_changes_nothing() {
    let engine = engine().await;
    let service = &engine.service;
    let preview = service.create_job(dry(), draft("in 1h")).await.unwrap().value;
    assert_eq!((preview.state.status, jobs_of(&engine).await), (JobStatus::Scheduled, 0));

    let job = engine.create(draft("in 1h")).await;
    let patch = JobPatch { priority: Some(Some(9)), ..JobPatch::default() };
    let edited = service.update_job(dry(), job.id, patch).await.unwrap();
    assert_eq!((edited.definition.priority, edited.revision), (9, 2));
    let cancelled = service.cancel_job(dry(), job.id).await.unwrap().value;
    assert_eq!(cancelled.state.status, JobStatus::Cancelled);
    let held = service.hold_job(dry(), job.id, HoldReason::Manual, None).await.unwrap().value;
    assert_eq!(held.state.status, JobStatus::Held);
    service.execute_job(dry(), job.id).await.unwrap();
    service.clone_job(dry(), job.id, None, Schedule::at("now")).await.unwrap();
    service.delete_job(dry(), job.id).await.unwrap();
    assert_eq!(service.job(job.id).await.unwrap(), job);
    assert_eq!(jobs_of(&engine).await, 1);
    assert!(engine.fake.ran().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_refuses_what_would_be_refused() {
    let engine = engine().await;
    let job = engine.create(draft("in 1h")).await;
    let service = &engine.service;
    let other_version = Context { if_match: Some(7), ..dry() };
    let refused = service.cancel_job(other_version, job.id).await.unwrap_err();
    let mismatch = Refusal::VersionMismatch { expected: 7, actual: 1 };
    assert!(matches!(refused, ServiceError::Refused(refusal) if refusal == mismatch));
    assert!(service.release_job(dry(), job.id, HoldReason::Manual).await.is_err());
    let elsewhere = Context { allowed_projects: Some(vec!["other".to_owned()]), ..dry() };
    assert!(service.execute_job(elsewhere, job.id).await.is_err());
    let wrong = JobDraft { priority: Some(99), ..draft("in 1h") };
    assert!(matches!(service.create_job(dry(), wrong).await, Err(ServiceError::Invalid(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_its_wall_time_when_only_its_zone_is_edited() {
    let engine = engine().await;
    let job = engine.create(draft("2040-01-01 09:00")).await;
    let patch = JobPatch { timezone: Some("Europe/Madrid".to_owned()), ..JobPatch::default() };
    let moved = engine.service.update_job(context(), job.id, patch.clone()).await.unwrap();
    assert_eq!(moved.state.scheduled_at.unwrap().to_string(), "2040-01-01T08:00:00Z");
    assert_eq!(moved.state.scheduled_local, job.state.scheduled_local);
    let instant = engine.create(draft("2040-01-01T09:00:00Z")).await;
    let same = engine.service.update_job(context(), instant.id, patch).await.unwrap();
    assert_eq!(same.state.scheduled_at, instant.state.scheduled_at, "an instant does not move");
    assert_eq!(same.definition.timezone, "Europe/Madrid");
}
