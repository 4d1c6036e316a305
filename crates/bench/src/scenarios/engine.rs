//! The scheduler in this process, with an executor that does nothing.

use crate::scenarios::noop::{Noop, Starts};
use oneoff_executors::Registry;
use oneoff_scheduler::{Scheduler, SchedulerSettings, SystemClock, SystemRandom};
use oneoff_storage::Store;
use std::sync::Arc;

pub(crate) async fn start(store: Store, starts: Starts, workers: usize) -> anyhow::Result<Scheduler> {
    let mut registry = Registry::new();
    registry.register(Noop(starts));
    let settings = SchedulerSettings { workers_count: workers, ..SchedulerSettings::default() };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Scheduler::start(store, registry, settings, clock, random).await?)
}
