//! The write-ahead log stays bounded, although reads that overlap each other never leave it.

use crate::fixture::*;
use oneoff_storage::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The log may grow to this, and by one group of writes beyond.
const LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const GROUP_BYTES: u64 = 8 * 1024 * 1024;
/// Nearly twice the limit.
const WRITTEN_BYTES: usize = 120 * 1024 * 1024;
const JOB_BYTES: usize = 200_000;
const READERS: usize = 8;

fn large_job() -> NewJob {
    job_with(at(1), |definition| {
        definition.metadata.insert("x".to_owned(), "y".repeat(JOB_BYTES).into());
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_log_stays_bounded_under_reads_without_a_pause() {
    let test = TestStore::new();
    let store = &test.store;
    for _ in 0..5 {
        create(store, large_job()).await;
    }
    let (stop, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..READERS {
        let (store, stop, reads) = (store.clone(), Arc::clone(&stop), Arc::clone(&reads));
        readers.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let page = page(JobSort::ScheduledAt, SortOrder::Ascending, 5);
                assert_eq!(store.jobs(JobFilter::default(), page).await.unwrap().items.len(), 5);
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let wal = test.directory.path().join("oneoff.db-wal");
    let mut longest = 0;
    for _ in 0..WRITTEN_BYTES / JOB_BYTES {
        create(store, large_job()).await;
        longest = longest.max(std::fs::metadata(&wal).unwrap().len());
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    assert!(reads.load(Ordering::Relaxed) > READERS, "the readers read");
    assert!(longest > LIMIT_BYTES / 2, "the log grew: {longest} bytes");
    assert!(longest <= LIMIT_BYTES + GROUP_BYTES, "the log grew to {longest} bytes");
}
