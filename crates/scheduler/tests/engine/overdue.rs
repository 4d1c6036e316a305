//! What is held at a start: overdue jobs after a restore, and after downtime where it is asked for.

use crate::crash::abandoned;
use crate::harness::{Engine, context, draft, open};
use oneoff_domain::{Clock, EventKind, Hold, HoldReason, Job, JobStatus, Timestamp};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, Schedule, SchedulerSettings, SystemClock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A draft of a job that was due so many seconds ago.
fn overdue_by(seconds: u64) -> JobDraft {
    let at = SystemClock.now().saturating_sub(Duration::from_secs(seconds)).to_string();
    JobDraft { schedule: Schedule { allow_past: true, ..Schedule::at(at) }, ..draft("now") }
}

/// A database with these jobs, of which none was started.
async fn waiting(drafts: Vec<JobDraft>) -> (TempDir, Vec<Job>) {
    let held = drafts.into_iter().map(|draft| JobDraft { held: true, ..draft });
    let engine = Engine::start(FakeExecutor::new("fake")).await;
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

async fn start(directory: TempDir, hold_overdue_after: Option<u64>) -> Engine {
    let hold_overdue_after = hold_overdue_after.map(Duration::from_secs);
    let settings = SchedulerSettings { hold_overdue_after, ..SchedulerSettings::default() };
    Engine::start_in(directory, FakeExecutor::new("fake"), settings).await
}

/// Backs the database up and restores it elsewhere.
fn restored(directory: &TempDir) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let (backup, target) = (place.path().join("backup"), place.path().join("oneoff.db"));
    let now = SystemClock.now();
    oneoff_storage::back_up(&directory.path().join("oneoff.db"), &backup, now).unwrap();
    oneoff_storage::restore(&backup, &target, now).unwrap();
    place
}

async fn hold_of(engine: &Engine, job: &Job) -> Option<HoldReason> {
    let job = engine.service.job(job.id).await.unwrap();
    assert_eq!(job.state.holds.is_empty(), job.state.status != JobStatus::Held, "{job:?}");
    job.state.holds.first().map(|hold| hold.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_whatever_is_overdue_is_held_and_runs_once_released() {
    let (directory, jobs) = waiting(vec![overdue_by(5), overdue_by(500), draft("in 300 days")]).await;
    let engine = start(restored(&directory), None).await;
    assert_eq!(hold_of(&engine, &jobs[0]).await, Some(HoldReason::Restore));
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Restore));
    assert_eq!(hold_of(&engine, &jobs[2]).await, None);
    assert!(engine.events(jobs[0].id).await.ends_with(&[EventKind::JobHeld]));
    let later = engine.create(draft("now")).await;
    assert_eq!(engine.over(later.id).await.state.status, JobStatus::Completed);
    assert_eq!(engine.fake.ran().len(), 1);
    engine.service.release_job(context(), jobs[0].id, HoldReason::Restore).await.unwrap();
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    // The next start is a usual one.
    let directory = engine.directory;
    engine.scheduler.shutdown().await;
    let engine = start(directory, None).await;
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Restore), "nobody released it");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_a_setting_lets_start_what_is_only_a_little_late() {
    let (directory, jobs) = waiting(vec![overdue_by(5), overdue_by(5_000)]).await;
    let engine = start(restored(&directory), Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Restore));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_an_attempt_that_ran_in_the_backup_is_not_repeated_in_silence() {
    let (directory, jobs) = abandoned(vec![draft("in 300 days")]).await;
    let engine = start(restored(&directory), Some(3_600)).await;
    assert_eq!(hold_of(&engine, &jobs[0]).await, Some(HoldReason::Restore));
    assert!(engine.fake.ran().is_empty());
    assert_eq!(engine.executions(jobs[0].id).await.len(), 1, "it is closed as lost");
    engine.service.release_job(context(), jobs[0].id, HoldReason::Restore).await.unwrap();
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(engine.executions(jobs[0].id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_downtime_jobs_are_held_only_where_it_is_set_and_only_the_late_ones() {
    let (directory, jobs) = waiting(vec![overdue_by(5), overdue_by(5_000)]).await;
    let engine = start(directory, Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Downtime));

    let (directory, jobs) = waiting(vec![overdue_by(5_000)]).await;
    let engine = start(directory, None).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_attempt_starts_again_unless_the_server_was_away_for_long() {
    let (directory, jobs) = abandoned(vec![draft("in 300 days")]).await;
    let engine = start(directory, Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);

    let (directory, jobs) = abandoned(vec![draft("in 300 days")]).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let engine = start(directory, Some(1)).await;
    assert_eq!(hold_of(&engine, &jobs[0]).await, Some(HoldReason::Downtime));
}

#[tokio::test(flavor = "multi_thread")]
async fn holding_that_was_interrupted_goes_on_at_the_next_start() {
    let (directory, jobs) = waiting((0..20).map(|n| overdue_by(100 + n)).collect()).await;
    let place = restored(&directory);
    let store = open(place.path());
    let hold = oneoff_storage::OverdueHold { reason: HoldReason::Restore, due_until: SystemClock.now() };
    let slice = store.hold_overdue(SystemClock.now(), hold, None, 7).await.unwrap();
    assert_eq!(slice.held, 7);
    store.close();
    drop(store);
    let engine = start(place, None).await;
    for job in &jobs {
        assert_eq!(hold_of(&engine, job).await, Some(HoldReason::Restore));
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_hold_ended_meanwhile_is_held_like_the_others() {
    let ago = |seconds| SystemClock.now().saturating_sub(Duration::from_secs(seconds));
    for (hold_after, reason) in [(None, HoldReason::Restore), (Some(3_600), HoldReason::Downtime)] {
        let far = draft("in 300 days");
        let (directory, jobs) =
            waiting(vec![overdue_by(9_000), overdue_by(9_000), overdue_by(9_000), far, overdue_by(9_000)])
                .await;
        hold_until(&directory, &jobs[0], ago(8_000)).await;
        hold_until(&directory, &jobs[1], ago(0).saturating_add(Duration::from_secs(1_000))).await;
        hold_until(&directory, &jobs[2], ago(5)).await;
        hold_until(&directory, &jobs[3], ago(8_000)).await;
        let directory = if reason == HoldReason::Restore { restored(&directory) } else { directory };
        let engine = start(directory, hold_after).await;
        assert_eq!(hold_of(&engine, &jobs[4]).await, Some(reason));
        let deadline = Instant::now() + Duration::from_secs(10);
        while reasons(&engine, &jobs[0]).await != [reason]
            || reasons(&engine, &jobs[2]).await.contains(&HoldReason::Manual)
            || !reasons(&engine, &jobs[3]).await.is_empty()
        {
            assert!(Instant::now() < deadline, "{:?}", reasons(&engine, &jobs[0]).await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(reasons(&engine, &jobs[1]).await, [HoldReason::Manual], "its hold has not ended");
        match reason {
            HoldReason::Restore => assert_eq!(hold_of(&engine, &jobs[2]).await, Some(reason)),
            _ => {
                assert_eq!(engine.over(jobs[2].id).await.state.status, JobStatus::Completed, "a little late")
            }
        }
        assert!(engine.executions(jobs[0].id).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_wrote_nothing_for_long_was_not_away() {
    let (directory, jobs) = abandoned(vec![draft("in 300 days")]).await;
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
