//! Opening a store, and giving it jobs in large requests of which several are on their way.

use crate::database::Database;
use anyhow::Context as _;
use oneoff_domain::{Actor, Clock, Context, Job};
use oneoff_scheduler::SystemClock;
use oneoff_storage::{NewJob, Store};
use std::collections::VecDeque;
use tokio::task::JoinHandle;

const JOBS_PER_REQUEST: usize = 2_000;
/// The next jobs are made while the store writes.
const REQUESTS_UNDER_WAY: usize = 3;

pub(crate) fn open(database: &Database) -> anyhow::Result<Store> {
    Store::open(database.options()?, SystemClock.now()).context("opening the store")
}

/// Stores these jobs.
pub(crate) async fn fill(store: &Store, jobs: impl IntoIterator<Item = NewJob>) -> anyhow::Result<()> {
    fill_and(store, jobs, |_created| ()).await
}

/// Stores these jobs and shows them as they were stored.
pub(crate) async fn fill_and(
    store: &Store,
    jobs: impl IntoIterator<Item = NewJob>,
    mut created: impl FnMut(Vec<Job>),
) -> anyhow::Result<()> {
    let mut under_way: VecDeque<JoinHandle<anyhow::Result<Vec<Job>>>> = VecDeque::new();
    let mut jobs = jobs.into_iter();
    loop {
        let batch: Vec<NewJob> = jobs.by_ref().take(JOBS_PER_REQUEST).collect();
        let is_last = batch.is_empty();
        if !is_last {
            under_way.push_back(tokio::spawn(create(store.clone(), batch)));
        }
        while let Some(first) = under_way.pop_front() {
            if !is_last && under_way.len() + 1 < REQUESTS_UNDER_WAY {
                under_way.push_front(first);
                break;
            }
            created(first.await??);
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Brings the search index and the numbers of events up to date, as a server does in its own time: it must not do so
/// while it is measured.
pub(crate) async fn settle(store: &Store) -> anyhow::Result<()> {
    while store.number_events().await?.more {}
    loop {
        let slice = store.fill_search().await?;
        let has_merged = store.merge_search().await?;
        if !slice.more && !has_merged {
            return Ok(());
        }
    }
}

async fn create(store: Store, jobs: Vec<NewJob>) -> anyhow::Result<Vec<Job>> {
    let written = store.create_jobs(Context::new(Actor::Library), SystemClock.now(), jobs).await?;
    Ok(written.value)
}
