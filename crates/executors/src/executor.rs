//! The trait that every job type implements.

use crate::RunContext;
use oneoff_domain::{AttemptOutcome, FieldError};
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A run of an executor.
pub type RunFuture = Pin<Box<dyn Future<Output = AttemptOutcome> + Send + 'static>>;

/// Runs jobs of one type.
pub trait Executor: Send + Sync + 'static {
    /// The job type, a lower-case word: `http`.
    fn job_type(&self) -> &str;

    /// Checks a config and returns it in the form that is stored, with defaults left out.
    ///
    /// # Errors
    /// Everything that is wrong with it, with pointers relative to the config: `/url`.
    fn validate(&self, config: &Map<String, Value>) -> Result<(), Vec<FieldError>>;

    /// What a config may be, as JSON Schema (2020-12) with examples. What it refuses is refused by [`Self::validate`], which
    /// also sees what no schema can say.
    fn config_schema(&self) -> Value {
        crate::schema::of_unknown(self.job_type())
    }

    /// A short summary of what the config does, the name of a job that was given none: `GET example.com/x`.
    fn summary(&self, config: &Map<String, Value>) -> String;

    /// Checks a config and sums it up. A type whose configs take time to read can do both in one go.
    ///
    /// # Errors
    /// As [`Self::validate`].
    fn validate_and_sum_up(&self, config: &Map<String, Value>) -> Result<String, Vec<FieldError>> {
        self.validate(config)?;
        Ok(self.summary(config))
    }

    /// Runs one attempt to its end. What the future does when it is dropped must be to stop: it is dropped
    /// when it has not returned [`Self::stop_grace`] after [`RunContext::stop`] fired.
    fn run(&self, context: RunContext) -> RunFuture;

    /// How long the future may take to end its work after it was told to stop. Zero, the default, suits
    /// futures that stop by being dropped.
    fn stop_grace(&self) -> Duration {
        Duration::ZERO
    }

    /// The timeout of a job that names none; `None`, the default, is no timeout.
    fn default_timeout(&self) -> Option<Duration> {
        None
    }
}
