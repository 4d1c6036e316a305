//! A store on the caller's thread: futures that are ready at once, shared commits, and every planned fault.

use super::{Commits, Failure, Faults, GroupFault, Inline};
use crate::{
    ClaimRequest, ClaimResult, CommitListener, Committed, NewJob, Store, StoreError, StoreOptions, Written,
};
use oneoff_domain::{
    Actor, Context, ExecutionId, Job, JobDefinition, JobId, JobState, OnCrash, OnLate, Random, RetryPolicy,
    Timestamp,
};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

struct Planned {
    groups: Mutex<VecDeque<Option<GroupFault>>>,
    reads: Mutex<VecDeque<Failure>>,
    reopens: Mutex<VecDeque<Failure>>,
    began: Instant,
    passed_ms: AtomicU64,
}

impl Faults for Planned {
    fn group(&self) -> Option<GroupFault> {
        self.groups.lock().unwrap().pop_front().flatten()
    }

    fn read(&self) -> Option<Failure> {
        self.reads.lock().unwrap().pop_front()
    }

    fn reopen(&self) -> Option<Failure> {
        self.reopens.lock().unwrap().pop_front()
    }

    fn now(&self) -> Instant {
        self.began + Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Heard {
    changes: AtomicUsize,
    reopened: AtomicUsize,
}

impl CommitListener for Heard {
    fn committed(&self, committed: Committed) {
        self.changes.fetch_add(committed.changes.len(), Ordering::Relaxed);
    }

    fn reopened(&self) {
        self.reopened.fetch_add(1, Ordering::Relaxed);
    }
}

struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = u8::try_from(self.0.fetch_add(1, Ordering::Relaxed) % 251).unwrap();
        }
    }
}

struct Bench {
    _directory: tempfile::TempDir,
    store: Store,
    inline: Inline,
    faults: Arc<Planned>,
    heard: Arc<Heard>,
    random: Counting,
}

type Creating = Pin<Box<dyn Future<Output = Result<Written<Vec<Job>>, StoreError>>>>;
type Claiming = Pin<Box<dyn Future<Output = Result<Vec<ClaimResult>, StoreError>>>>;

impl Bench {
    fn new(commits: Commits, groups: &[Option<GroupFault>]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let faults = Arc::new(Planned {
            groups: Mutex::new(groups.iter().copied().collect()),
            reads: Mutex::default(),
            reopens: Mutex::default(),
            began: Instant::now(),
            passed_ms: AtomicU64::new(0),
        });
        let options = StoreOptions::new(directory.path().join("x.db"));
        let (store, inline) =
            Store::open_inline(options, Timestamp::EPOCH, commits, Arc::clone(&faults) as _).unwrap();
        let heard = Arc::new(Heard::default());
        store.listen(Arc::clone(&heard) as _);
        Self { _directory: directory, store, inline, faults, heard, random: Counting(AtomicU64::new(0)) }
    }

    fn creating(&self, name: &str) -> Creating {
        let store = self.store.clone();
        let job = NewJob {
            id: JobId::generate(Timestamp::EPOCH, &self.random),
            definition: definition(name),
            state: JobState::scheduled(Timestamp::EPOCH, None),
            origin: None,
            created_by: Actor::Local,
        };
        Box::pin(
            async move { store.create_jobs(Context::new(Actor::Local), Timestamp::EPOCH, vec![job]).await },
        )
    }

    fn stored(&self) -> u64 {
        ready(self.store.counters()).unwrap().jobs.values().sum()
    }
}

fn definition(name: &str) -> JobDefinition {
    JobDefinition {
        name: name.to_owned(),
        job_type: "x".to_owned(),
        config: serde_json::Map::new(),
        project_id: "default".to_owned(),
        tags: Vec::new(),
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: serde_json::Map::new(),
    }
}

fn poll<T>(future: &mut Pin<Box<dyn Future<Output = T>>>) -> Option<T> {
    match future.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("not ready at the first poll"),
    }
}

#[test]
fn writes_and_reads_are_ready_at_the_first_poll() {
    let bench = Bench::new(Commits::AtOnce, &[]);
    let written = ready(bench.creating("a")).unwrap();
    assert_eq!(ready(bench.store.inconsistencies()).unwrap(), Vec::<String>::new());
    let found = ready(bench.store.job(written.value[0].id)).unwrap();
    assert_eq!(found.as_ref(), written.value.first());
    assert_eq!(bench.heard.changes.load(Ordering::Relaxed), 1);
}

#[test]
fn waiting_writes_share_a_commit_of_the_size_that_is_told() {
    let bench = Bench::new(Commits::WhenTold, &[None, Some(GroupFault::CommitLost(Failure::Io))]);
    let mut creating: Vec<Creating> = ["a", "b", "c"].map(|name| bench.creating(name)).into();
    assert!(creating.iter_mut().all(|one| poll(one).is_none()));
    assert_eq!((bench.inline.commit(2), bench.stored()), (2, 2));
    assert!(poll(&mut creating[0]).unwrap().is_ok() && poll(&mut creating[1]).unwrap().is_ok());
    assert!(poll(&mut creating[2]).is_none());
    assert_eq!(bench.inline.commit(9), 1, "and this commit fails, for the third alone");
    assert!(matches!(poll(&mut creating[2]), Some(Err(StoreError::OutcomeUnknown(_)))));
    assert_eq!((bench.inline.commit(9), bench.stored()), (0, 2));
}

#[test]
fn a_commit_of_unknown_outcome_may_have_taken_effect() {
    let bench = Bench::new(Commits::AtOnce, &[Some(GroupFault::CommitDone)]);
    assert!(matches!(ready(bench.creating("a")), Err(StoreError::OutcomeUnknown(_))));
    assert_eq!(bench.stored(), 1);
    assert_eq!(bench.heard.changes.load(Ordering::Relaxed), 0, "nobody was told");
    assert_eq!(bench.inline.reopens_in(), Some(Duration::ZERO));
    assert_eq!(bench.inline.commit(9), 0, "nothing waits");
    assert_eq!(bench.heard.reopened.load(Ordering::Relaxed), 1, "but the listener knows now");
    assert_eq!(bench.inline.reopens_in(), None);
    ready(bench.creating("b")).unwrap();
    assert_eq!(bench.stored(), 2);
    assert_eq!(bench.heard.reopened.load(Ordering::Relaxed), 1);
}

/// What ended before in the same transaction has ended before the claimed job starts, also by their times.
#[test]
fn a_claim_is_of_the_time_of_its_transaction_and_not_of_when_it_was_asked_for() {
    let bench = Bench::new(Commits::WhenTold, &[]);
    let mut creating = bench.creating("a");
    assert!(poll(&mut creating).is_none());
    bench.inline.commit(1);
    let created = poll(&mut creating).unwrap().unwrap().value.remove(0);
    let time_us = Arc::new(AtomicI64::new(1));
    let (store, clock) = (bench.store.clone(), Arc::clone(&time_us));
    let request = ClaimRequest {
        job: created.key,
        due_at: created.state.due_at().unwrap(),
        execution_id: ExecutionId::generate(Timestamp::EPOCH, &bench.random),
    };
    let now = move || Timestamp::from_micros_clamped(clock.load(Ordering::Relaxed));
    let mut claiming: Claiming = Box::pin(async move { store.claim(now, vec![request]).await });
    assert!(poll(&mut claiming).is_none());
    time_us.store(2, Ordering::Relaxed);
    bench.inline.commit(1);
    let Some(Ok(results)) = poll(&mut claiming) else { panic!("not claimed") };
    let [ClaimResult::Claimed(claimed)] = results.as_slice() else { panic!("{results:?}") };
    assert_eq!(claimed.job.updated_at.as_micros(), 2);
}

#[test]
fn a_failure_within_a_group_ends_it_and_leaves_the_rest_waiting() {
    let within = GroupFault::Within { after: 1, failure: Failure::Full };
    let bench = Bench::new(Commits::WhenTold, &[Some(within)]);
    let mut creating: Vec<Creating> = ["a", "b"].map(|name| bench.creating(name)).into();
    assert!(creating.iter_mut().all(|one| poll(one).is_none()));
    assert_eq!(bench.inline.commit(9), 1);
    assert!(matches!(poll(&mut creating[0]), Some(Err(StoreError::Full(_)))));
    assert!(poll(&mut creating[1]).is_none());
    assert_eq!((bench.inline.commit(9), bench.stored()), (1, 1));
    assert!(poll(&mut creating[1]).unwrap().is_ok());
}

#[test]
fn a_group_that_fails_at_its_beginning_loses_no_request() {
    let within = GroupFault::Within { after: 0, failure: Failure::Io };
    let bench = Bench::new(Commits::WhenTold, &[Some(within)]);
    let mut creating = bench.creating("a");
    assert!(poll(&mut creating).is_none());
    assert_eq!((bench.inline.commit(9), bench.stored()), (0, 0));
    assert!(poll(&mut creating).is_none(), "it waits for the next group");
    assert_eq!((bench.inline.commit(9), bench.stored()), (1, 1));
    assert!(poll(&mut creating).unwrap().is_ok());
}

#[test]
fn a_connection_that_does_not_come_back_is_tried_again_later() {
    let bench = Bench::new(Commits::AtOnce, &[Some(GroupFault::CommitLost(Failure::Io))]);
    bench.faults.reopens.lock().unwrap().extend([Failure::Io; 8]);
    assert!(matches!(ready(bench.creating("a")), Err(StoreError::OutcomeUnknown(_))));
    for _ in 0..3 {
        assert!(matches!(ready(bench.creating("b")), Err(StoreError::Unavailable(_))));
    }
    bench.faults.reopens.lock().unwrap().clear();
    assert!(ready(bench.creating("c")).is_err(), "it is not time yet");
    bench.faults.passed_ms.store(60_000, Ordering::Relaxed);
    ready(bench.creating("d")).unwrap();
    assert_eq!(bench.stored(), 1);
}

#[test]
fn a_read_fails_as_planned_and_a_closed_store_answers() {
    let bench = Bench::new(Commits::AtOnce, &[]);
    bench.faults.reads.lock().unwrap().push_back(Failure::Io);
    assert!(matches!(ready(bench.store.counters()), Err(StoreError::Unavailable(_))));
    assert_eq!(bench.stored(), 0);
    bench.store.close();
    assert!(matches!(ready(bench.creating("a")), Err(StoreError::Closed)));
    assert!(matches!(ready(bench.store.counters()), Err(StoreError::Closed)));
}
