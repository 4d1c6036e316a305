//! The search index and the keys of jobs over a restart.

use crate::fixture::*;
use oneoff_storage::*;

fn named(name: &'static str) -> NewJob {
    job_with(at(60), move |definition| definition.name = name.to_owned())
}

async fn found(store: &Store, text: &str) -> usize {
    let page = PageRequest {
        sort: JobSort::CreatedAt,
        order: SortOrder::Descending,
        limit: 10,
        cursor: None,
        with_total: false,
    };
    store.search_jobs(text.to_owned(), JobFilter::default(), page).await.unwrap().items.len()
}

/// The last job is deleted, once with its entry in the index and once before it has one, and the server starts anew.
/// A new job must get none of their keys: it would never be indexed, or be taken out in their place.
#[tokio::test]
async fn a_key_that_the_index_knows_is_not_given_to_a_new_job() {
    for was_indexed in [true, false] {
        let sqlite = TestStore::new();
        create(&sqlite.store, named("kept")).await;
        let old = create(&sqlite.store, named("old backup")).await;
        if was_indexed {
            sqlite.store.fill_search().await.unwrap();
        }
        sqlite.store.change_job(context(), at(1), old.id, delete()).await.unwrap();
        let sqlite = sqlite.reopen();
        let new = create(&sqlite.store, named("new report")).await;
        assert!(new.key > old.key, "{was_indexed}");
        for _ in 0..2 {
            let counts = (found(&sqlite.store, "report").await, found(&sqlite.store, "backup").await);
            assert_eq!((counts, found(&sqlite.store, "kept").await), ((1, 0), 1), "{was_indexed}");
            sqlite.store.fill_search().await.unwrap();
        }
        assert_eq!(sqlite.store.search_lag().await.unwrap(), SearchLag::default());
    }
}
