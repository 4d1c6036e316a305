//! The executor of simulated jobs. It only checks configs: attempts are run by the history itself.

use oneoff_domain::{AttemptOutcome, FieldError};
use oneoff_executors::{Executor, Registry, RunContext, RunFuture};
use serde_json::{Map, Value};

struct Simulated(&'static str);

impl Executor for Simulated {
    fn job_type(&self) -> &str {
        self.0
    }

    fn validate(&self, _config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        Ok(())
    }

    fn summary(&self, _config: &Map<String, Value>) -> String {
        self.0.to_owned()
    }

    fn run(&self, _context: RunContext) -> RunFuture {
        Box::pin(std::future::ready(AttemptOutcome::success()))
    }
}

/// The job types of a history.
pub(super) fn registry() -> Registry {
    let mut registry = Registry::new();
    for job_type in super::plan::JOB_TYPES {
        registry.register(Simulated(job_type));
    }
    registry
}
