//! What is removed gives its space back to the file system, and nothing of a removed execution is ever taken for
//! that of another one.

use crate::fixture::*;
use bytes::Bytes;
use oneoff_domain::*;
use oneoff_storage::*;

const MIB: u64 = 1024 * 1024;

async fn finish_with(store: &Store, claimed: &ClaimedJob, length: usize) {
    let mut end = ending(claimed, AttemptOutcome::success(), at(2));
    let bytes = Bytes::from(vec![b'x'; length]);
    end.output = vec![NewOutputChunk { stream: OutputStream::Stdout, offset: 0, at: at(1), bytes }];
    end.output_bytes = i64::try_from(length).unwrap();
    store.finish(end).await.unwrap();
}

async fn ran(store: &Store, length: usize) -> ClaimedJob {
    let claimed = claim(store, at(1), &create(store, new_job(at(1))).await).await;
    finish_with(store, &claimed, length).await;
    claimed
}

async fn retain(store: &Store, policy: &RetentionPolicy) {
    while store.retain(policy.clone()).await.unwrap().more {}
}

#[tokio::test]
async fn space_goes_back_to_the_file_system() {
    let test = TestStore::new();
    for _ in 0..16 {
        ran(&test.store, 2 * 1024 * 1024).await;
    }
    let full = test.store.space().await.unwrap();
    assert!(full.database_bytes > 32 * MIB && full.output_bytes == 32 * MIB, "{full:?}");
    let policy = RetentionPolicy { jobs_before: at(50), ..RetentionPolicy::keep_all(at(100)) };
    retain(&test.store, &policy).await;
    let empty = test.store.space().await.unwrap();
    assert!(
        empty.database_bytes < 8 * MIB && empty.free_bytes.unwrap() < 6 * MIB && empty.wal_bytes.is_some(),
        "{empty:?}"
    );
    let test = test.reopen();
    let file = std::fs::metadata(test.directory.path().join("oneoff.db")).unwrap().len();
    assert!(file < 8 * MIB, "the file has {file} bytes");
}

#[tokio::test]
async fn output_left_by_a_removed_execution_is_not_found_in_a_later_one() {
    let test = TestStore::new();
    let removed = ran(&test.store, 1_000).await;
    test.store.change_job(context(), at(3), removed.job.id, delete()).await.unwrap();
    // The newest attempt is gone: a writer that looked only there would use its key again.
    let test = test.reopen();
    let next = claim(&test.store, at(1), &create(&test.store, new_job(at(1))).await).await;
    let page = test.store.output(next.execution_id, 0, 10).await.unwrap().unwrap();
    assert!(page.slices.is_empty(), "{page:?}");
    finish_with(&test.store, &next, 10).await;
    retain(&test.store, &RetentionPolicy::keep_all(at(9))).await;
    let page = test.store.output(next.execution_id, 0, 100).await.unwrap().unwrap();
    assert_eq!(page.slices.iter().map(|slice| slice.bytes.len()).sum::<usize>(), 10);
    assert_eq!(test.store.space().await.unwrap().output_bytes, 10);
}
