//! Store and scheduler in this process, filled with jobs.

use crate::noop::{Noop, Starts};
use anyhow::Context as _;
use oneoff_domain::{
    Actor, Clock, Context, JobDefinition, JobId, JobState, OnCrash, OnLate, RetryPolicy, Timestamp,
};
use oneoff_executors::Registry;
use oneoff_scheduler::{Scheduler, SchedulerSettings, SystemClock, SystemRandom};
use oneoff_storage::{NewJob, Store, StoreOptions};
use serde_json::Map;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const BATCH: usize = 1_000;
/// Spreads jobs over a month without any order, as people's jobs are.
const SCATTER: u64 = 2_654_435_761;

pub(crate) fn open(directory: &Path) -> anyhow::Result<Store> {
    let path = directory.join("oneoff.db");
    Store::open(StoreOptions::new(path), SystemClock.now()).context("opening the store")
}

pub(crate) async fn start(store: Store, starts: Starts, workers: usize) -> anyhow::Result<Scheduler> {
    let mut registry = Registry::new();
    registry.register(Noop(starts));
    let settings = SchedulerSettings { workers_count: workers, ..SchedulerSettings::default() };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Scheduler::start(store, registry, settings, clock, random).await?)
}

/// Stores jobs that are due at these instants.
pub(crate) async fn fill(
    store: &Store,
    job_type: &str,
    due: impl IntoIterator<Item = Timestamp>,
) -> anyhow::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    for at in due {
        batch.push(job(job_type, at));
        if batch.len() == BATCH {
            create(store, std::mem::take(&mut batch)).await?;
        }
    }
    create(store, batch).await
}

/// `count` instants scattered over the 30 days that begin a year from `now`.
pub(crate) fn far_ahead(now: Timestamp, count: u64) -> impl Iterator<Item = Timestamp> {
    let base = now.saturating_add(Duration::from_secs(365 * 24 * 3600));
    let month = 30 * 24 * 3600 * 1_000_u64;
    (0..count)
        .map(move |index| base.saturating_add(Duration::from_millis(index.wrapping_mul(SCATTER) % month)))
}

async fn create(store: &Store, jobs: Vec<NewJob>) -> anyhow::Result<()> {
    if !jobs.is_empty() {
        store.create_jobs(Context::new(Actor::Library), SystemClock.now(), jobs).await?;
    }
    Ok(())
}

fn job(job_type: &str, at: Timestamp) -> NewJob {
    NewJob {
        id: JobId::generate(SystemClock.now(), &SystemRandom),
        definition: JobDefinition {
            name: "bench".to_owned(),
            job_type: job_type.to_owned(),
            config: Map::new(),
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
            metadata: Map::new(),
        },
        state: JobState::scheduled(at, None),
        origin: None,
        created_by: Actor::Library,
    }
}
