//! Idempotency keys, of which the last are found in memory and the others on the disk, over restarts and retention.

use crate::fixture::*;
use oneoff_domain::*;
use oneoff_storage::*;

/// Several generations of those that are moved to the disk together in a build for tests.
const KEYS: usize = 60;

async fn create_under(store: &Store, key: usize) -> Written<Vec<Job>> {
    let context = with_key(&format!("key {key}"), "the same request");
    store.create_jobs(context, noon(), vec![new_job(at(1))]).await.unwrap()
}

#[tokio::test]
async fn each_key_is_known_wherever_its_record_is_found_and_after_each_restart() {
    let mut sqlite = TestStore::new();
    let mut made = Vec::new();
    for key in 0..KEYS {
        let written = create_under(&sqlite.store, key).await;
        assert!(!written.replayed, "{key}");
        made.push(written.value[0].id);
        if key % 7 == 0 {
            sqlite = sqlite.reopen();
        }
        for (earlier, id) in made.iter().enumerate() {
            let again = create_under(&sqlite.store, earlier).await;
            assert!(again.replayed, "{earlier} after {key}");
            assert_eq!(again.value[0].id, *id, "{earlier} after {key}");
        }
    }
    assert_eq!(sqlite.store.inconsistencies().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn keys_that_were_removed_are_new_again_and_leave_nothing_behind() {
    let mut sqlite = TestStore::new();
    for round in 0..3 {
        for key in 0..KEYS {
            assert!(!create_under(&sqlite.store, key).await.replayed, "{key} in round {round}");
        }
        let policy =
            RetentionPolicy { idempotency_before: at(1_000), ..RetentionPolicy::keep_all(at(1_000)) };
        while sqlite.store.retain(policy.clone()).await.unwrap().more {}
        assert_eq!(sqlite.store.inconsistencies().await.unwrap(), Vec::<String>::new());
        if round == 1 {
            sqlite = sqlite.reopen();
        }
    }
}

#[tokio::test]
async fn a_refused_request_does_not_use_up_its_key() {
    let sqlite = TestStore::new();
    let named = || job_with(at(1), |definition| definition.external_id = Some("taken".to_owned()));
    create(&sqlite.store, named()).await;
    let under_key = |new| sqlite.store.create_jobs(with_key("k", "f"), noon(), vec![new]);
    assert!(matches!(under_key(named()).await.unwrap_err(), StoreError::Refused(Refusal::Duplicate { .. })));
    assert!(!under_key(new_job(at(1))).await.unwrap().replayed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_two_nodes_get_at_once_is_done_once_and_answered_by_both() {
    let server = ServerStore::new();
    let url = DatabaseUrl::new(server.database.url()).unwrap();
    let other =
        tokio::task::spawn_blocking(|| Store::open(StoreOptions::on_server(url), noon())).await.unwrap();
    let other = other.unwrap();
    for round in 0..40 {
        let under_one_key = |store: &Store| {
            let context = with_key(&format!("key {round}"), "the same request");
            let named = job_with(at(1), |definition| definition.external_id = Some(format!("name {round}")));
            let store = store.clone();
            async move { store.create_jobs(context, noon(), vec![named]).await.unwrap().value[0].id }
        };
        let (here, there) = tokio::join!(under_one_key(&server.store), under_one_key(&other));
        assert_eq!(here, there, "in round {round}");
    }
    other.close();
}
