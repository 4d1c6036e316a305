//! Commits that took effect although the disk said that they failed: no job is left running with nobody who runs it,
//! and none runs twice.

use crate::harness::{PATIENCE, context, draft};
use oneoff_domain::{Clock, ExecutionStatus, Job, JobId, JobStatus};
use oneoff_executors::Registry;
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, Scheduler, SchedulerSettings, Service, SystemClock, SystemRandom};
use oneoff_storage::inline::{Commits, Failure, Faults, GroupFault};
use oneoff_storage::{ExecutionFilter, ExecutionSort, PageRequest, SortOrder, Store, StoreOptions};
use std::sync::{Arc, Mutex};
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

struct Bench {
    service: Service,
    fake: FakeExecutor,
    faults: Arc<Planned>,
    _directory: TempDir,
    _scheduler: Scheduler,
}

async fn bench() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let faults = Arc::new(Planned::default());
    let options = StoreOptions::new(directory.path().join("oneoff.db"));
    let (store, _inline) =
        Store::open_inline(options, SystemClock.now(), Commits::AtOnce, faults.clone()).unwrap();
    let fake = FakeExecutor::new("fake");
    let mut registry = Registry::new();
    registry.register(fake.clone());
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let settings = SchedulerSettings { workers_count: 1, ..SchedulerSettings::default() };
    let scheduler = Scheduler::start(store, registry, settings, clock, random).await.unwrap();
    Bench { service: scheduler.service(), fake, faults, _directory: directory, _scheduler: scheduler }
}

impl Bench {
    async fn create(&self, draft: JobDraft) -> Job {
        self.service.create_job(context(), draft).await.unwrap().value
    }

    async fn completed(&self, id: JobId) {
        let job = self.service.wait_for_job(id, PATIENCE).await.unwrap();
        assert_eq!(job.state.status, JobStatus::Completed, "{job:?}");
        let filter = ExecutionFilter { job_id: Some(id), ..ExecutionFilter::default() };
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Ascending,
            limit: 9,
            cursor: None,
            with_total: false,
        };
        let executions = self.service.executions(filter, page).await.unwrap().items;
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
    for faults in OF_CLAIMS {
        let bench = bench().await;
        let key = || JobDraft { concurrency_key: Some("k".to_owned()), ..draft("in 300ms") };
        let job = bench.create(key()).await;
        let next = bench.create(key()).await;
        bench.faults.next(faults.iter().copied());
        bench.completed(job.id).await;
        // The slot and the key are free again.
        bench.completed(next.id).await;
        assert!(bench.faults.is_used_up());
        assert_eq!(bench.fake.ran().len(), 2, "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_whose_commit_failed_is_recorded_once() {
    for fault in [GroupFault::CommitDone, GroupFault::CommitLost(Failure::Io)] {
        let bench = bench().await;
        let job = bench.create(draft("in 300ms")).await;
        bench.faults.next([None, Some(fault)]);
        bench.completed(job.id).await;
        assert_eq!(bench.fake.ran().len(), 1);
        let next = bench.create(draft("now")).await;
        bench.completed(next.id).await;
    }
}
