//! What is overdue after a restore is held.

use crate::crash::abandoned;
use crate::harness::{context, draft, file, open};
use crate::overdue::{hold_of, hold_what_was_held, overdue_by, start, waiting};
use oneoff_domain::{Clock, EventKind, HoldReason, JobStatus};
use oneoff_scheduler::SystemClock;
use tempfile::TempDir;

/// Backs the database up and restores it elsewhere.
fn restored(directory: &TempDir) -> TempDir {
    let place = file();
    let (backup, target) = (place.path().join("backup"), place.path().join("oneoff.db"));
    let now = SystemClock.now();
    oneoff_storage::back_up(&directory.path().join("oneoff.db"), &backup, now).unwrap();
    oneoff_storage::restore(&backup, &target, now).unwrap();
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_whatever_is_overdue_is_held_and_runs_once_released() {
    let (directory, jobs) = waiting(file(), vec![overdue_by(5), overdue_by(500), draft("in 300 days")]).await;
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
    let (directory, jobs) = waiting(file(), vec![overdue_by(5), overdue_by(5_000)]).await;
    let engine = start(restored(&directory), Some(3_600)).await;
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(hold_of(&engine, &jobs[1]).await, Some(HoldReason::Restore));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_an_attempt_that_ran_in_the_backup_is_not_repeated_in_silence() {
    let (directory, jobs) = abandoned(file(), vec![draft("in 300 days")]).await;
    let engine = start(restored(&directory), Some(3_600)).await;
    assert_eq!(hold_of(&engine, &jobs[0]).await, Some(HoldReason::Restore));
    assert!(engine.fake.ran().is_empty());
    assert_eq!(engine.executions(jobs[0].id).await.len(), 1, "it is closed as lost");
    engine.service.release_job(context(), jobs[0].id, HoldReason::Restore).await.unwrap();
    assert_eq!(engine.over(jobs[0].id).await.state.status, JobStatus::Completed);
    assert_eq!(engine.executions(jobs[0].id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn holding_that_was_interrupted_goes_on_at_the_next_start() {
    let (directory, jobs) = waiting(file(), (0..20).map(|n| overdue_by(100 + n)).collect()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_hold_ended_before_the_restore_is_held_like_the_others() {
    let restore = |directory: TempDir| restored(&directory);
    let (engine, jobs) = hold_what_was_held(file(), restore, None, HoldReason::Restore).await;
    assert_eq!(hold_of(&engine, &jobs[2]).await, Some(HoldReason::Restore));
}
