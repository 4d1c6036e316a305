//! An executor that does nothing but note when it started.

use oneoff_domain::{AttemptOutcome, Clock, FieldError};
use oneoff_executors::{Executor, RunContext, RunFuture};
use oneoff_scheduler::SystemClock;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};

/// Starts, by how many microseconds they were late.
#[derive(Clone, Default)]
pub(crate) struct Starts(Arc<Mutex<Vec<i64>>>);

impl Starts {
    pub(crate) fn take(&self) -> Vec<i64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
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
