//! What is held at a start: overdue jobs after downtime, where it is asked for.

use crate::crash::abandoned;
use crate::harness::{Engine, PATIENCE, context, draft, open, place};
use oneoff_domain::{Clock, EventKind, Hold, HoldReason, Job, JobStatus, Timestamp};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, Schedule, SchedulerSettings, SystemClock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A draft of a job that was due so many seconds ago.
pub(crate) fn overdue_by(seconds: u64) -> JobDraft {
    let at = SystemClock.now().saturating_sub(Duration::from_secs(seconds)).to_string();
    JobDraft { schedule: Schedule { allow_past: true, ..Schedule::at(at) }, ..draft("now") }
}

/// A database with these jobs, of which none was started.
pub(crate) async fn waiting(directory: TempDir, drafts: Vec<JobDraft>) -> (TempDir, Vec<Job>) {
    let held = drafts.into_iter().map(|draft| JobDraft { held: true, ..draft });
    let engine = start(directory, None).await;
    let mut jobs = Vec::new();
    for draft in held {
        jobs.push(engine.create(draft).await);
    }
    let directory = engine.directory;
    engine.scheduler.shutdown().await;
    let store = open(directory.path());
    for job in &mut jobs {
        let release = |job: &Job| {
            Ok(oneoff_storage::JobChange {
                state: job.state.release(HoldReason::Manual)?,
                definition: None,
                event: Some(EventKind::JobReleased),
                event_data: serde_json::Map::new(),
                action: "job.release",
                delete: false,
            })
        };
        let written = store.change_job(context(), SystemClock.now(), job.id, Box::new(release)).await;
        *job = written.unwrap().value;
    }
    store.close();
    (directory, jobs)
}

pub(crate) async fn start(directory: TempDir, hold_overdue_after: Option<u64>) -> Engine {
    let hold_overdue_after = hold_overdue_after.map(Duration::from_secs);
    let settings = SchedulerSettings { hold_overdue_after, ..SchedulerSettings::default() };
    Engine::start_in(directory, FakeExecutor::new("fake"), settings).await
}

pub(crate) async fn hold_of(engine: &Engine, job: &Job) -> Option<HoldReason> {
    let job = engine.service.job(job.id).await.unwrap();
    assert_eq!(job.state.holds.is_empty(), job.state.status != JobStatus::Held, "{job:?}");
    job.state.holds.first().map(|hold| hold.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_downtime_jobs_are_held_only_where_it_is_set_and_only_the_late_ones() {
    let (directory, jobs) = waiting(place(), vec![overdue_by(5), overdue_by(5_000)]).await;
    let engine = start(directory, Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Downtime));

    let (directory, jobs) = waiting(place(), vec![overdue_by(5_000)]).await;
    let engine = start(directory, None).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_attempt_starts_again_unless_the_server_was_away_for_long() {
    let (directory, jobs) = abandoned(place(), vec![draft("in 300 days")]).await;
    let engine = start(directory, Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);

    let (directory, jobs) = abandoned(place(), vec![draft("in 300 days")]).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let engine = start(directory, Some(1)).await;
    // Where nodes share the store it is rescued after the start.
    engine.job_when(jobs[0].id, |job| job.state.status == JobStatus::Held).await;
    assert_eq!(hold_of(&engine, &jobs[0]).await, Some(HoldReason::Downtime));
    assert!(engine.fake.ran().is_empty());
}

/// Holds this job until then, as it was done while a server ran.
async fn hold_until(directory: &TempDir, job: &Job, until: Timestamp) {
    let store = open(directory.path());
    let hold =
        Hold { reason: HoldReason::Manual, by: "x".to_owned(), at: SystemClock.now(), until: Some(until) };
    let held = move |job: &Job| {
        Ok(oneoff_storage::JobChange {
            state: job.state.hold(hold)?,
            definition: None,
            event: Some(EventKind::JobHeld),
            event_data: serde_json::Map::new(),
            action: "job.hold",
            delete: false,
        })
    };
    store.change_job(context(), SystemClock.now(), job.id, Box::new(held)).await.unwrap();
    store.close();
}

async fn reasons(engine: &Engine, job: &Job) -> Vec<HoldReason> {
    let job = engine.service.job(job.id).await.unwrap();
    job.state.holds.iter().map(|hold| hold.reason).collect()
}

/// Has holds that end in different ways while no server runs, restores what is asked for, and starts one, which is to hold
/// what is overdue for this reason.
pub(crate) async fn hold_what_was_held(
    place: TempDir,
    restored: impl FnOnce(TempDir) -> TempDir,
    hold_after: Option<u64>,
    reason: HoldReason,
) -> (Engine, Vec<Job>) {
    let ago = |seconds| SystemClock.now().saturating_sub(Duration::from_secs(seconds));
    let far = draft("in 300 days");
    let overdue = || overdue_by(9_000);
    let (directory, jobs) = waiting(place, vec![overdue(), overdue(), overdue(), far, overdue()]).await;
    hold_until(&directory, &jobs[0], ago(8_000)).await;
    hold_until(&directory, &jobs[1], ago(0).saturating_add(Duration::from_secs(1_000))).await;
    hold_until(&directory, &jobs[2], ago(5)).await;
    hold_until(&directory, &jobs[3], ago(8_000)).await;
    let engine = start(restored(directory), hold_after).await;
    assert_eq!(hold_of(&engine, &jobs[4]).await, Some(reason));
    let deadline = Instant::now() + PATIENCE;
    while reasons(&engine, &jobs[0]).await != [reason]
        || reasons(&engine, &jobs[2]).await.contains(&HoldReason::Manual)
        || !reasons(&engine, &jobs[3]).await.is_empty()
    {
        assert!(Instant::now() < deadline, "{:?}", reasons(&engine, &jobs[0]).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(reasons(&engine, &jobs[1]).await, [HoldReason::Manual], "its hold has not ended");
    assert!(engine.executions(jobs[0].id).await.is_empty());
    (engine, jobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_hold_ended_meanwhile_is_held_like_the_others() {
    let (engine, jobs) = hold_what_was_held(place(), |same| same, Some(3_600), HoldReason::Downtime).await;
    assert_eq!(engine.over(jobs[2].id).await.state.status, JobStatus::Completed, "a little late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wrote_nothing_for_long_was_not_away() {
    let (directory, jobs) = abandoned(place(), vec![draft("in 300 days")]).await;
    let store = open(directory.path());
    let later = SystemClock.now().saturating_add(Duration::from_secs(3_600));
    store.note_alive(later).await.unwrap();
    assert!(store.last_heard_of().await.unwrap().unwrap() < later, "it is asked of earlier servers");
    store.close();
    drop(store);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let engine = start(directory, Some(1)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
}
