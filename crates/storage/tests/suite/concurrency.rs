//! Many at once: nobody is refused, few commits serve many, dropped callers cancel nothing, floods end.

use crate::fixture::*;
use oneoff_domain::*;
use oneoff_storage::*;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// Sends one until it is taken, and answers how often it was refused before.
async fn until_taken<T, F: Future<Output = Result<T, StoreError>>>(mut ask: impl FnMut() -> F) -> (T, usize) {
    for refused in 0..1_000 {
        match ask().await {
            Ok(answer) => return (answer, refused),
            Err(error) => assert!(matches!(error, StoreError::Overloaded), "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("refused for ever");
}

/// Does it on a store of its own, and answers how often one was refused.
async fn refused_of_a_thousand_creates_and_reads() -> usize {
    let sqlite = TestStore::new();
    let heard = HeardCommits::on(&sqlite.store);
    let first = create(&sqlite.store, new_job(at(1))).await;
    let mut creates = Vec::new();
    let mut reads = Vec::new();
    for second in 0..1_000 {
        let store = sqlite.store.clone();
        creates.push(tokio::spawn(async move {
            until_taken(|| store.create_jobs(context(), noon(), vec![new_job(at(second))])).await
        }));
        let store = sqlite.store.clone();
        reads.push(tokio::spawn(async move { until_taken(|| store.job(first.id)).await }));
    }
    let (mut ids, mut all_refused) = (Vec::new(), 0);
    for task in creates {
        let (created, refused) = task.await.unwrap();
        ids.push(created.value[0].id);
        all_refused += refused;
    }
    for task in reads {
        let (job, refused) = task.await.unwrap();
        assert!(job.is_some());
        all_refused += refused;
    }
    assert!(heard.commits() < 500, "{} commits for 1,001 creates", heard.commits());
    let reopened = sqlite.reopen();
    for id in ids {
        assert!(reopened.store.job(id).await.unwrap().is_some());
    }
    assert_eq!(reopened.store.counters().await.unwrap().jobs[&JobStatus::Scheduled], 1_001);
    all_refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_creates_and_a_thousand_reads_succeed_in_few_commits() {
    let mut refused = Vec::new();
    // A machine that stands still for a while has some refused, but not every time.
    while refused.len() < 5 {
        refused.push(refused_of_a_thousand_creates_and_reads().await);
        if refused.contains(&0) {
            return;
        }
    }
    panic!("refused: {refused:?}");
}

/// Holds the writer in a commit until it is let go.
struct Gate(Barrier, Barrier);

impl CommitListener for Gate {
    fn committed(&self, _committed: Committed) {
        self.0.wait();
        self.1.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_waiting_does_not_cancel_and_a_flood_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreOptions { max_waiting_writes: 3, ..options(&directory) }, noon()).unwrap();
    let gate = Arc::new(Gate(Barrier::new(2), Barrier::new(2)));
    store.listen(Arc::clone(&gate) as Arc<dyn CommitListener>);
    let task = |store: &Store, job: NewJob| {
        let store = store.clone();
        tokio::spawn(async move { store.create_jobs(context(), noon(), vec![job]).await })
    };
    let first = task(&store, new_job(at(1)));
    gate.0.wait();

    // The writer stands still: what comes now waits, up to the limit.
    let dropped = new_job(at(2));
    let dropped_id = dropped.id;
    let mut future = Box::pin(store.create_jobs(context(), noon(), vec![dropped]));
    assert!(futures_poll_once(&mut future).is_none());
    drop(future);
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut future = Box::pin(store.create_jobs(context(), noon(), vec![new_job(at(3))]));
        assert!(futures_poll_once(&mut future).is_none());
        waiting.push(future);
    }
    let refused = store.create_jobs(context(), noon(), vec![new_job(at(4))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Overloaded), "{refused:?}");
    gate.1.wait();
    gate.0.wait();
    gate.1.wait();
    first.await.unwrap().unwrap();
    for future in waiting {
        future.await.unwrap();
    }
    assert!(store.job(dropped_id).await.unwrap().is_some());
}

/// Polls a future once.
fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_closed_store_says_so_after_all_that_waited_is_done() {
    let sqlite = TestStore::new();
    let store = sqlite.store.clone();
    let mut waiting = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let job = new_job(at(1));
        ids.push(job.id);
        let mut future = Box::pin(store.create_jobs(context(), noon(), vec![job]));
        assert!(futures_poll_once(&mut future).is_none());
        waiting.push(future);
    }
    let closing = sqlite.store.clone();
    tokio::task::spawn_blocking(move || closing.close()).await.unwrap();
    for future in waiting {
        future.await.unwrap();
    }
    let refused = store.create_jobs(context(), noon(), vec![new_job(at(1))]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Closed));
    assert!(matches!(store.job(ids[0]).await.unwrap_err(), StoreError::Closed));
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Closed));
    let reopened = sqlite.reopen();
    for id in ids {
        assert!(reopened.store.job(id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_listener_that_panics_takes_nobody_along() {
    struct Panics;
    impl CommitListener for Panics {
        fn committed(&self, _committed: Committed) {
            panic!("a listener's own fault");
        }
    }
    let sqlite = TestStore::new();
    sqlite.store.listen(Arc::new(Panics));
    for _ in 0..2 {
        create(&sqlite.store, new_job(at(1))).await;
    }
}

#[tokio::test]
async fn a_decision_that_panics_is_answered_alone() {
    let sqlite = TestStore::new();
    let job = create(&sqlite.store, new_job(at(1))).await;
    let error =
        sqlite.store.change_job(context(), noon(), job.id, Box::new(|_| panic!("no"))).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(job_now(&sqlite.store, job.id).await, job);
    sqlite.store.change_job(context(), noon(), job.id, cancel()).await.unwrap();
}

/// Not a target: a guard against a store that became slower by a factor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_creates_take_well_below_a_millisecond_each() {
    let sqlite = TestStore::new();
    let mut took = Vec::new();
    // The best of a few: a busy machine pauses, but not every time.
    while took.len() < 5 && took.iter().all(|took| *took >= Duration::from_secs(2)) {
        let new = (0..2_000).map(|second| new_job(at(second * 7_919 % 100_000))).collect();
        let began = Instant::now();
        sqlite.store.create_jobs(context(), noon(), new).await.unwrap();
        took.push(began.elapsed());
    }
    assert!(took.iter().any(|took| *took < Duration::from_secs(2)), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_large_requests_each_is_written_whole_or_refused_at_once() {
    const CLIENTS: usize = 24;
    const JOBS: usize = 2_500;
    let sqlite = TestStore::new();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let store = sqlite.store.clone();
        let jobs = (0..JOBS).map(|second| Ok(new_job(at(second as u64)))).collect();
        requests.spawn(async move { store.create_each(context(), noon(), jobs).await });
    }
    let (mut whole, mut refused) = (0, 0);
    while let Some(written) = requests.join_next().await {
        match written.unwrap() {
            Ok(written) => {
                let created = |outcome: &&BulkOutcome| matches!(outcome, BulkOutcome::Created(_));
                assert_eq!(written.value.iter().filter(created).count(), JOBS);
                whole += 1;
            }
            Err(error) => {
                assert!(matches!(error, StoreError::Overloaded), "{error:?}");
                refused += 1;
            }
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} written, {refused} refused");
    let stored = sqlite.store.counters().await.unwrap().jobs[&JobStatus::Scheduled];
    assert_eq!(stored, (whole * JOBS) as u64);
}
