//! An executor that does nothing but note when it started.

use crate::measure::percentiles::Summary;
use oneoff_domain::{AttemptOutcome, Clock, FieldError, Timestamp};
use oneoff_executors::{Executor, RunContext, RunFuture};
use oneoff_scheduler::SystemClock;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Starts, by how many microseconds they were late.
#[derive(Clone, Default)]
pub(crate) struct Starts(Arc<Mutex<Vec<i64>>>);

impl Starts {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits until so many jobs have started, and takes how late they were. Looks rarely: what is measured
    /// happens on the same CPUs.
    pub(crate) async fn wait_for(&self, count: u64, last: Timestamp) -> anyhow::Result<Summary> {
        let count = usize::try_from(count)?;
        while self.len() < count {
            anyhow::ensure!(SystemClock.now() < last, "{} of {count} jobs started", self.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Summary::of(std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))))
    }
}

/// Job type `noop`.
pub(crate) struct Noop(pub(crate) Starts);

impl Executor for Noop {
    fn job_type(&self) -> &str {
        "noop"
    }

    fn validate(&self, _config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        Ok(())
    }

    fn summary(&self, _config: &Map<String, Value>) -> String {
        "noop".to_owned()
    }

    fn run(&self, context: RunContext) -> RunFuture {
        let late_us = SystemClock.now().micros_since(context.scheduled_for);
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(late_us);
        Box::pin(async { AttemptOutcome::success() })
    }
}
