//! Commits that took effect although the disk said that they failed: no job is left running with nobody who runs it,
//! and none runs twice.

use crate::harness::{PATIENCE, context, draft};
use oneoff_domain::{Clock, Execution, ExecutionStatus, Job, JobId, JobStatus};
use oneoff_executors::Registry;
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{
    JobDraft, Scheduler, SchedulerSettings, Service, ServiceError, SystemClock, SystemRandom,
};
use oneoff_storage::inline::{Commits, Failure, Faults, GroupFault};
use oneoff_storage::{
    ExecutionFilter, ExecutionSort, PageRequest, SortOrder, Store, StoreError, StoreOptions,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tempfile::TempDir;

/// The faults of the next groups of writes.
#[derive(Default)]
struct Planned(Mutex<Vec<Option<GroupFault>>>);

impl Planned {
    fn next(&self, faults: impl IntoIterator<Item = Option<GroupFault>>) {
        let mut planned = self.0.lock().unwrap();
        *planned = faults.into_iter().collect();
        planned.reverse();
    }

    fn is_used_up(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Faults for Planned {
    fn group(&self) -> Option<GroupFault> {
        self.0.lock().unwrap().pop().flatten()
    }
}

/// A scheduler with one slot over a store that fails as it is told to.
pub(crate) struct Bench {
    pub(crate) service: Service,
    pub(crate) fake: FakeExecutor,
    _directory: TempDir,
    _scheduler: Scheduler,
}

pub(crate) async fn bench_with(fake: FakeExecutor, faults: Arc<dyn Faults>) -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let options = StoreOptions::new(directory.path().join("oneoff.db"));
    let (store, _inline) = Store::open_inline(options, SystemClock.now(), Commits::AtOnce, faults).unwrap();
    let mut registry = Registry::new();
    registry.register(fake.clone());
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let settings = SchedulerSettings { workers_count: 1, ..SchedulerSettings::default() };
    let scheduler = Scheduler::start(store, registry, settings, clock, random).await.unwrap();
    Bench { service: scheduler.service(), fake, _directory: directory, _scheduler: scheduler }
}

async fn bench() -> (Bench, Arc<Planned>) {
    let faults = Arc::new(Planned::default());
    (bench_with(FakeExecutor::new("fake"), faults.clone()).await, faults)
}

impl Bench {
    pub(crate) async fn create(&self, draft: JobDraft) -> Job {
        self.service.create_job(context(), draft).await.unwrap().value
    }

    pub(crate) async fn executions(&self, id: JobId) -> Vec<Execution> {
        let filter = ExecutionFilter { job_id: Some(id), ..ExecutionFilter::default() };
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Ascending,
            limit: 9,
            cursor: None,
            with_total: false,
        };
        self.service.executions(filter, page).await.unwrap().items
    }

    /// Waits until the job is over: it completed, and ran once.
    pub(crate) async fn completed(&self, id: JobId) {
        let job = self.service.wait_for_job(id, PATIENCE).await.unwrap();
        assert_eq!(job.state.status, JobStatus::Completed, "{job:?}");
        let executions = self.executions(id).await;
        assert_eq!(executions.len(), 1, "{executions:?}");
        assert_eq!(executions[0].status, ExecutionStatus::Completed);
    }
}

/// The faults of a claim, one after the other until it is known what came of it.
const OF_CLAIMS: [&[Option<GroupFault>]; 4] = [
    &[Some(GroupFault::CommitDone)],
    &[Some(GroupFault::CommitLost(Failure::Io))],
    &[Some(GroupFault::CommitDone), Some(GroupFault::CommitLost(Failure::Io))],
    &[
        Some(GroupFault::CommitDone),
        Some(GroupFault::CommitLost(Failure::Full)),
        Some(GroupFault::CommitDone),
    ],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_commit_failed_runs_once_whether_or_not_it_took_effect() {
    for planned in OF_CLAIMS {
        let (bench, faults) = bench().await;
        let key = || JobDraft { concurrency_key: Some("k".to_owned()), ..draft("in 300ms") };
        let job = bench.create(key()).await;
        let next = bench.create(key()).await;
        faults.next(planned.iter().copied());
        bench.completed(job.id).await;
        // The slot and the key are free again.
        bench.completed(next.id).await;
        assert!(faults.is_used_up());
        assert_eq!(bench.fake.ran().len(), 2, "{planned:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_whose_commit_failed_is_recorded_once() {
    for fault in [GroupFault::CommitDone, GroupFault::CommitLost(Failure::Io)] {
        let (bench, faults) = bench().await;
        let job = bench.create(draft("in 300ms")).await;
        faults.next([None, Some(fault)]);
        bench.completed(job.id).await;
        assert_eq!(bench.fake.ran().len(), 1);
        let next = bench.create(draft("now")).await;
        bench.completed(next.id).await;
    }
}

/// A disk that, while it is broken, takes what is committed and says that it does not, and cannot be read.
#[derive(Default)]
struct Broken(AtomicBool);

impl Faults for Broken {
    fn group(&self) -> Option<GroupFault> {
        self.0.load(Ordering::SeqCst).then_some(GroupFault::CommitDone)
    }

    fn read(&self) -> Option<Failure> {
        self.0.load(Ordering::SeqCst).then_some(Failure::Io)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_unknown_outcome_stays_unknown_although_the_job_cannot_be_looked_at() {
    let disk = Arc::new(Broken::default());
    let bench = bench_with(FakeExecutor::new("fake"), disk.clone()).await;
    let mut job = bench.create(draft("in 1h")).await;
    disk.0.store(true, Ordering::SeqCst);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match bench.service.cancel_job(context(), job.id).await {
            Err(ServiceError::Store(StoreError::OutcomeUnknown(_))) => break,
            // Something else was written before, and the connection is not open again: nothing was cancelled.
            Err(ServiceError::Store(StoreError::Unavailable(_))) => tokio::task::yield_now().await,
            // It came into a group that had begun before the disk failed: another one is cancelled.
            Ok(_) => {
                disk.0.store(false, Ordering::SeqCst);
                job = bench.create(draft("in 1h")).await;
                disk.0.store(true, Ordering::SeqCst);
            }
            other => panic!("{other:?}"),
        }
        assert!(Instant::now() < deadline, "the cancel does not come to its commit");
    }
    disk.0.store(false, Ordering::SeqCst);
    let job = bench.service.job(job.id).await.unwrap();
    assert_eq!(job.state.status, JobStatus::Cancelled, "it took effect");
}
