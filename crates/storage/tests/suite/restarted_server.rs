//! A PostgreSQL server that was started anew while nobody wrote: its connections are gone, which nobody notices who does
//! not ask.

use crate::fixture::*;
use oneoff_pg_fixture::{Cluster, Settings, Shutdown};
use oneoff_storage::*;
use std::sync::Arc;

/// So many at once that all writers have something to do.
async fn create_many(store: &Arc<Store>) -> Vec<Result<(), StoreError>> {
    let creates = (0..200).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(
            async move { store.create_jobs(context(), noon(), vec![new_job(at(1))]).await.map(drop) },
        )
    });
    let mut answers = Vec::new();
    for create in creates.collect::<Vec<_>>() {
        answers.push(create.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_first_after_a_restart_is_written() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    let database = cluster.database().unwrap();
    let store = Arc::new(ServerStore::open(&database));
    for shutdown in [Shutdown::Fast, Shutdown::Immediate] {
        for _ in 0..5 {
            assert!(create_many(&store).await.iter().all(Result::is_ok));
        }
        cluster.restart(shutdown).unwrap();
        let answers = create_many(&store).await;
        let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
    }
    let jobs = database.query("SELECT count(*) FROM job_states").unwrap();
    assert_eq!(jobs.trim(), "2400");
    store.close();
}
