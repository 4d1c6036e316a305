//! A disk that is full exactly at one operation: it is refused as such or done once there is room, what runs goes on,
//! and nothing has to be started anew.

use super::unknown_outcome::{Bench, bench_with};
use crate::harness::{PATIENCE, context, draft};
use oneoff_domain::{ExecutionStatus, HoldReason, Job, JobStatus};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, JobPatch, Schedule, ServiceError};
use oneoff_storage::StoreError;
use oneoff_storage::inline::{Failure, Faults, GroupFault};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// While it is full, writes fail before their commit and in it, in turn.
#[derive(Default)]
struct Disk {
    is_full: AtomicBool,
    refused: AtomicUsize,
}

impl Faults for Disk {
    fn group(&self) -> Option<GroupFault> {
        if !self.is_full.load(Ordering::SeqCst) {
            return None;
        }
        let full = Failure::Full;
        Some(match self.refused.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => GroupFault::CommitLost(full),
            _ => GroupFault::Within { after: 1, failure: full },
        })
    }
}

impl Disk {
    fn fill(&self) {
        self.refused.store(0, Ordering::SeqCst);
        self.is_full.store(true, Ordering::SeqCst);
    }

    /// Waits until so many writes were refused.
    async fn refuses(&self, writes: usize) {
        let refused = async {
            while self.refused.load(Ordering::SeqCst) < writes {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.expect("writes were tried");
    }

    fn free(&self) {
        self.is_full.store(false, Ordering::SeqCst);
    }
}

async fn bench(fake: FakeExecutor) -> (Bench, Arc<Disk>) {
    let disk = Arc::new(Disk::default());
    (bench_with(fake, disk.clone()).await, disk)
}

fn assert_full<T: std::fmt::Debug>(result: Result<T, ServiceError>) {
    assert!(matches!(result, Err(ServiceError::Store(StoreError::Full(_)))), "{result:?}");
}

/// A job whose attempt waits for the gate of a bench, on a disk that is full since it began.
async fn running_on_full_disk(bench: &Bench, disk: &Disk, draft: JobDraft) -> Job {
    let job = bench.create(draft).await;
    let running = async {
        while bench.fake.running() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, running).await.expect("it runs");
    disk.fill();
    job
}

async fn now(bench: &Bench, job: &Job) -> Job {
    bench.service.job(job.id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_that_is_asked_for_is_refused_and_leaves_the_job_as_it_was() {
    let (bench, disk) = bench(FakeExecutor::new("fake")).await;
    let service = &bench.service;
    let waiting = bench.create(draft("in 300 days")).await;
    let held = bench.create(JobDraft { held: true, ..draft("in 300 days") }).await;
    let later = || JobPatch { schedule: Some(Schedule::at("in 200 days")), ..JobPatch::default() };
    disk.fill();
    for _ in 0..3 {
        assert_full(service.create_job(context(), draft("in 300 days")).await);
        assert_full(service.update_job(context(), waiting.id, later()).await);
        assert_full(service.execute_job(context(), waiting.id).await);
        assert_full(service.hold_job(context(), waiting.id, HoldReason::Manual, None).await);
        assert_full(service.release_job(context(), held.id, HoldReason::Manual).await);
        assert_full(service.release_held(context(), HoldReason::Manual).await);
        assert_full(service.cancel_job(context(), waiting.id).await);
        assert_full(service.delete_job(context(), waiting.id).await);
        let clone = service.clone_job(context(), waiting.id, None, Schedule::at("in 1h")).await;
        assert_full(clone);
    }
    assert_eq!(now(&bench, &waiting).await, waiting);
    assert_eq!(now(&bench, &held).await, held);
    let counts = service.system_status().await.unwrap().jobs;
    assert_eq!((counts[&JobStatus::Scheduled], counts[&JobStatus::Held]), (1, 1));
    disk.free();
    let moved = service.update_job(context(), waiting.id, later()).await.unwrap();
    assert_eq!(moved.state.version, waiting.state.version + 1);
    service.cancel_job(context(), waiting.id).await.unwrap();
    let released = service.release_held(context(), HoldReason::Manual).await.unwrap();
    assert_eq!((released.released, released.more), (1, false));
    let next = bench.create(draft("now")).await;
    bench.completed(next.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_due_starts_once_there_is_room() {
    let (bench, disk) = bench(FakeExecutor::new("fake")).await;
    let job = bench.create(draft("in 3s")).await;
    disk.fill();
    disk.refuses(3).await;
    assert_eq!(now(&bench, &job).await.state.status, JobStatus::Scheduled);
    assert!(bench.fake.ran().is_empty());
    disk.free();
    bench.completed(job.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_goes_on_and_is_recorded_with_its_output_once_there_is_room() {
    let (bench, disk) = bench(FakeExecutor::new("fake").writing("hello, full disk").blocking()).await;
    let job = running_on_full_disk(&bench, &disk, draft("now")).await;
    bench.fake.gate().open();
    disk.refuses(6).await;
    assert_eq!(now(&bench, &job).await.state.status, JobStatus::Running);
    disk.free();
    bench.completed(job.id).await;
    assert_eq!(bench.executions(job.id).await[0].output_bytes, 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_planned_once_there_is_room() {
    let (bench, disk) = bench(FakeExecutor::new("fake").failing(1).blocking()).await;
    let retried = JobDraft { max_retries: Some(1), retry_delay_seconds: Some(1), ..draft("now") };
    let job = running_on_full_disk(&bench, &disk, retried).await;
    bench.fake.gate().open();
    disk.refuses(4).await;
    disk.free();
    let over = bench.service.wait_for_job(job.id, PATIENCE).await.unwrap();
    assert_eq!(over.state.status, JobStatus::Completed);
    let statuses: Vec<_> = bench.executions(job.id).await.into_iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [ExecutionStatus::Failed, ExecutionStatus::Completed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_is_stopped_although_its_cancel_cannot_be_written() {
    let (bench, disk) = bench(FakeExecutor::new("fake").blocking()).await;
    let job = running_on_full_disk(&bench, &disk, draft("now")).await;
    let service = bench.service.clone();
    let cancelling = tokio::spawn(async move { service.cancel_job(context(), job.id).await });
    disk.refuses(4).await;
    let ended = async {
        while bench.fake.running() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it was told to end");
    disk.free();
    let cancelled = cancelling.await.unwrap().unwrap().value;
    assert_eq!(cancelled.state.status, JobStatus::Cancelled);
}
