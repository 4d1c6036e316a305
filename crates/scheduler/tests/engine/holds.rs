//! Holds: given by people, released by people or by time.

use crate::harness::{Engine, context, database, draft, engine};
use oneoff_domain::{EventKind, HoldReason, JobStatus};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, Schedule, SchedulerSettings};
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn a_held_job_does_not_run_until_its_last_hold_is_released() {
    let engine = engine().await;
    let job = engine.create(draft("in 5s")).await;
    let service = &engine.service;
    service.hold_job(context(), job.id, HoldReason::Manual, None).await.unwrap();
    service.hold_job(context(), job.id, HoldReason::Approval, None).await.unwrap();
    let later = engine.create(draft("in 5200ms")).await;
    engine.over(later.id).await;
    let held = service.release_job(context(), job.id, HoldReason::Manual).await.unwrap().value;
    assert_eq!(held.state.status, JobStatus::Held, "one hold is left");
    assert_eq!(engine.fake.ran().len(), 1);
    service.release_job(context(), job.id, HoldReason::Approval).await.unwrap();
    assert_eq!(engine.over(job.id).await.state.status, JobStatus::Completed);
    let released = engine.events(job.id).await.into_iter().filter(|kind| *kind == EventKind::JobReleased);
    assert_eq!(released.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_itself_at_its_time() {
    let engine = engine().await;
    let job = engine.create(draft("in 5s")).await;
    let until = Some(Schedule::at("in 6s"));
    let held = engine.service.hold_job(context(), job.id, HoldReason::Manual, until).await.unwrap().value;
    engine.over(job.id).await;
    let until = held.state.holds[0].until.unwrap();
    assert!(engine.executions(job.id).await[0].started_at >= until);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_may_be_created_held_and_without_a_time() {
    let engine = engine().await;
    let mut held = JobDraft { held: true, ..draft("x") };
    held.schedule.at = None;
    let job = engine.create(held).await;
    assert_eq!((job.state.status, job.state.scheduled_at), (JobStatus::Held, None));
    let early = engine.service.release_job(context(), job.id, HoldReason::Manual).await;
    assert!(early.is_err(), "it has no time to run at: {early:?}");
    let patch = oneoff_scheduler::JobPatch { schedule: Some(Schedule::at("now")), ..Default::default() };
    engine.service.update_job(context(), job.id, patch).await.unwrap();
    engine.service.release_job(context(), job.id, HoldReason::Manual).await.unwrap();
    engine.over(job.id).await;
}

/// Has the hold that was made first be for a reason that there is not.
fn give_unknown_reason(place: &Path) {
    if let Some(database) = database(place) {
        let first = "SELECT min(job_key) FROM job_holds";
        database.query(&format!("UPDATE job_holds SET reason = 'xanual' WHERE job_key = ({first})")).unwrap();
        return;
    }
    // Rows are written from the end of a page.
    let file = place.join("oneoff.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let place = bytes.windows(13).rposition(|found| found == b"manuallibrary").expect("a hold");
    bytes[place] = b'x';
    std::fs::write(&file, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_of_a_job_that_cannot_be_read_keeps_no_other_from_ending() {
    let engine = engine().await;
    let mut jobs = Vec::new();
    for (name, until) in [("it breaks", "in 6s"), ("it does not", "in 7s")] {
        let job = engine.create(JobDraft { name: Some(name.to_owned()), ..draft("in 5s") }).await;
        engine
            .service
            .hold_job(context(), job.id, HoldReason::Manual, Some(Schedule::at(until)))
            .await
            .unwrap();
        jobs.push(job);
    }
    let (first, second) = (jobs[0].id, jobs[1].id);
    let directory = engine.directory;
    engine.scheduler.shutdown().await;
    give_unknown_reason(directory.path());
    let engine = Engine::start_in(directory, FakeExecutor::new("fake"), SchedulerSettings::default()).await;
    engine.over(second).await;
    let broken = engine.service.job(first).await;
    assert!(broken.is_err() || broken.unwrap().state.status == JobStatus::Held);
}
