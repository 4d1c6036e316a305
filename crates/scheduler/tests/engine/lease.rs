//! A node that keeps a lease: what it runs ends when the lease cannot be renewed or was given up, and it goes on without
//! a restart; what others have lost is rescued. Other nodes are played by the store's own methods.

use crate::harness::{Closing, PATIENCE, context, database, draft, open, options, place};
use oneoff_domain::{Clock, Execution, ExecutionId, ExecutionStatus, Job, JobStatus, OnCrash, Reason};
use oneoff_executors::Registry;
use oneoff_fakes::FakeExecutor;
use oneoff_pg_fixture::{Database, HeldTransaction};
use oneoff_scheduler::{
    JobDraft, NodeHealth, Scheduler, SchedulerSettings, Service, SystemClock, SystemRandom,
};
use oneoff_storage::inline::{Commits, Failure, Faults, GroupFault};
use oneoff_storage::{
    ClaimRequest, ClaimResult, ExecutionFilter, ExecutionSort, NodeReport, PageRequest, SortOrder, Store,
    Term,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(4);
const NONE: [i64; 0] = [];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// While it is broken, no write of a file succeeds, and on a server none that is about a lease.
#[derive(Default)]
struct Breakable {
    is_broken: AtomicBool,
    server: Option<Arc<Database>>,
    locked: Mutex<Option<HeldTransaction>>,
}

impl Breakable {
    fn set_broken(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::SeqCst);
        let lock = |server: &Arc<Database>| server.hold("LOCK TABLE epochs IN EXCLUSIVE MODE").unwrap();
        *self.locked.lock().unwrap() = self.server.as_ref().filter(|_| is_broken).map(lock);
    }
}

impl Faults for Breakable {
    fn group(&self) -> Option<GroupFault> {
        self.is_broken.load(Ordering::SeqCst).then_some(GroupFault::CommitLost(Failure::Io))
    }
}

struct Node {
    store: Store,
    service: Service,
    fake: FakeExecutor,
    scheduler: Scheduler,
    directory: TempDir,
    database: Arc<Breakable>,
    _closing: Closing,
}

impl Node {
    async fn start(fake: FakeExecutor) -> Node {
        Self::start_in(place(), fake).await
    }

    async fn start_in(directory: TempDir, fake: FakeExecutor) -> Node {
        Self::start_with(directory, fake, LEASE).await
    }

    async fn start_with(directory: TempDir, fake: FakeExecutor, lease: Duration) -> Node {
        let server = database(directory.path());
        let database = Arc::new(Breakable { server, ..Breakable::default() });
        let options = options(directory.path());
        let store = match options.server {
            Some(_) => Store::open(options, SystemClock.now()).unwrap(),
            None => {
                let faults = Arc::clone(&database) as Arc<dyn Faults>;
                Store::open_inline(options, SystemClock.now(), Commits::AtOnce, faults).unwrap().0
            }
        };
        let mut registry = Registry::new();
        registry.register(fake.clone());
        let settings = SchedulerSettings { lease, always_keep_lease: true, ..SchedulerSettings::default() };
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let scheduler = Scheduler::start(store.clone(), registry, settings, clock, random).await.unwrap();
        let _closing = Closing(store.clone());
        Node { service: scheduler.service(), store, fake, scheduler, directory, database, _closing }
    }

    async fn create(&self, draft: JobDraft) -> Job {
        self.service.create_job(context(), draft).await.unwrap().value
    }

    /// The job once it is over.
    async fn over(&self, job: &Job) -> Job {
        let job = self.service.wait_for_job(job.id, PATIENCE).await.unwrap();
        assert!(job.state.status.is_final(), "{job:?}");
        job
    }

    /// How the executions of a job ended, oldest first.
    async fn ends(&self, job: &Job) -> Vec<(ExecutionStatus, Option<Reason>)> {
        let filter = ExecutionFilter { job_id: Some(job.id), ..ExecutionFilter::default() };
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Ascending,
            limit: 9,
            cursor: None,
            with_total: false,
        };
        let executions = self.service.executions(filter, page).await.unwrap().items;
        executions.iter().map(|execution: &Execution| (execution.status, execution.reason)).collect()
    }

    async fn runs(&self, count: usize) {
        eventually("so many attempts run", || self.fake.running() == count).await;
    }
}

async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const LOST_THEN_DONE: [(ExecutionStatus, Option<Reason>); 2] =
    [(ExecutionStatus::Failed, Some(Reason::Lost)), (ExecutionStatus::Completed, Some(Reason::Success))];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_renew_its_lease_ends_before_it_is_over_and_goes_on_when_the_database_does() {
    // The end comes an eighth before the lease is over: time enough for a busy machine.
    let lease = 4 * LEASE;
    let node = Node::start_with(place(), FakeExecutor::new("fake").blocking(), lease).await;
    let epoch = node.store.epoch();
    let job = node.create(draft("now")).await;
    node.runs(1).await;
    node.database.set_broken(true);
    let last_renewal_at_most = Instant::now();
    node.runs(0).await;
    assert!(last_renewal_at_most.elapsed() < lease, "nobody can have taken it over yet");
    eventually("it says why it claims nothing", || node.service.worker_status().paused.is_some()).await;
    assert_eq!(node.service.nodes().await[0].health, NodeHealth::Late);
    node.fake.gate().open();
    node.database.set_broken(false);
    assert_eq!(node.over(&job).await.state.status, JobStatus::Completed, "no failure of the job");
    assert_eq!(node.ends(&job).await, LOST_THEN_DONE);
    assert_eq!((node.store.epoch(), node.fake.most_at_once()), (epoch, 1), "nobody had given it up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_given_up_ends_what_it_ran_and_goes_on_as_another_epoch() {
    let node = Node::start(FakeExecutor::new("fake").blocking()).await;
    let epoch = node.store.epoch();
    let again = node.create(draft("now")).await;
    let never_again = node.create(JobDraft { on_crash: Some(OnCrash::Fail), ..draft("now") }).await;
    node.runs(2).await;
    // As another node would that judges the lease to be over.
    assert!(node.store.give_up(SystemClock.now().saturating_add(DAY), epoch).await.unwrap());
    eventually("another epoch begins", || node.store.epoch() > epoch).await;
    node.fake.gate().open();
    assert_eq!(node.over(&again).await.state.status, JobStatus::Completed);
    assert_eq!(node.over(&never_again).await.state.status, JobStatus::Failed);
    assert_eq!(node.ends(&again).await, LOST_THEN_DONE);
    assert_eq!(node.ends(&never_again).await, LOST_THEN_DONE[..1]);
    assert_eq!(node.store.epochs_to_close().await.unwrap(), NONE);
    let next = node.create(draft("now")).await;
    assert_eq!(node.over(&next).await.state.status, JobStatus::Completed);
}

/// Leaves a job running of a node whose lease is over at `lease_until`, and which has the role of retention.
async fn abandoned(lease_until: oneoff_domain::Timestamp) -> (TempDir, Job) {
    let node = Node::start(FakeExecutor::new("fake")).await;
    let job = node.create(draft("in 300 days")).await;
    let directory = node.directory;
    node.scheduler.shutdown().await;
    let store = open(directory.path());
    let report =
        NodeReport { lease_until, version: "2.0.0".to_owned(), slots: 1, running: 1, clock_offset_us: None };
    let now = SystemClock.now();
    store.heartbeat(now, report).await.unwrap();
    let request = ClaimRequest {
        job: job.key,
        due_at: job.state.scheduled_at.unwrap(),
        execution_id: ExecutionId::generate(now, &SystemRandom),
    };
    let claimed = store.claim(move || now, vec![request]).await.unwrap().remove(0);
    assert!(matches!(claimed, ClaimResult::Claimed(_)), "{claimed:?}");
    store.close();
    (directory, job)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_renew_its_lease_is_rescued_when_it_is_over_and_not_before() {
    let lease_until = SystemClock.now().saturating_add(Duration::from_secs(3));
    let (directory, job) = abandoned(lease_until).await;
    let node = Node::start_in(directory, FakeExecutor::new("fake")).await;
    assert_eq!(node.over(&job).await.state.status, JobStatus::Completed);
    assert!(SystemClock.now() > lease_until, "it might have lived until then");
    assert_eq!(node.ends(&job).await, LOST_THEN_DONE);
}

async fn role_of(directory: &Path) -> Option<Term> {
    let store = open(directory);
    let now = SystemClock.now();
    let term = store.lead("retention", now, now.saturating_add(LEASE)).await.unwrap();
    store.close();
    term
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_leaves_nothing_to_wait_for() {
    let node = Node::start(FakeExecutor::new("fake")).await;
    let job = node.create(draft("now")).await;
    node.over(&job).await;
    let nodes = node.service.nodes().await;
    assert_eq!(nodes.len(), 1);
    assert_eq!((nodes[0].health, nodes[0].info.epoch), (NodeHealth::Ok, node.store.epoch()));
    let directory = node.directory;
    node.scheduler.shutdown().await;
    let store = open(directory.path());
    assert_eq!(store.lapsed(SystemClock.now().saturating_add(DAY)).await.unwrap(), NONE, "it has ended");
    store.close();
    assert_eq!(role_of(directory.path()).await, Some(Term(2)), "the role is free at once");
}
