//! Job type `shell`: a script or a program as a process group of its own, whose whole tree ends with the
//! attempt.

mod attempt;
mod batches;
mod command;
mod config;
mod environment;
mod exit;
mod group;
mod interpreter;
mod leaders;
mod pump;
mod schema;
mod sweeper;

pub use environment::BaseEnvironment;

use crate::fields::{accepted, one_line};
use crate::{Executor, RunContext, RunFuture};
use config::{ShellConfig, Source};
use oneoff_domain::FieldError;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use sweeper::Sweeper;

/// Characters of a summary.
const SUMMARY_MAX_CHARS: usize = 80;

/// Runs scripts and programs.
#[derive(Debug, Clone)]
pub struct ShellExecutor {
    environment: Arc<BaseEnvironment>,
    sweeper: Arc<Sweeper>,
}

impl ShellExecutor {
    /// An executor whose jobs start with `environment`.
    #[must_use]
    pub fn new(environment: BaseEnvironment) -> Self {
        Self { environment: Arc::new(environment), sweeper: Arc::default() }
    }
}

impl Executor for ShellExecutor {
    fn job_type(&self) -> &str {
        "shell"
    }

    fn validate(&self, config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        accepted(config, ShellConfig::parse(config)).map(drop)
    }

    fn config_schema(&self) -> Value {
        crate::schema::of_type("shell", "The config of a shell job: a script or a program.", schema::config())
    }

    fn summary(&self, config: &Map<String, Value>) -> String {
        ShellConfig::parse(config).map_or_else(|_errors| "shell".to_owned(), |config| sum_up(&config))
    }

    fn validate_and_sum_up(&self, config: &Map<String, Value>) -> Result<String, Vec<FieldError>> {
        accepted(config, ShellConfig::parse(config)).map(|config| sum_up(&config))
    }

    fn run(&self, context: RunContext) -> RunFuture {
        let executor = self.clone();
        Box::pin(async move { attempt::run(&executor.environment, &executor.sweeper, context).await })
    }

    fn stop_grace(&self) -> Duration {
        Duration::from_secs(5)
    }
}

fn sum_up(config: &ShellConfig) -> String {
    let what = match &config.source {
        Source::Script(script) => first_command(script).to_owned(),
        Source::File(file) => [std::slice::from_ref(file), &config.args].concat().join(" "),
    };
    one_line(&what, SUMMARY_MAX_CHARS)
}

/// The first line of a script that does something.
fn first_command(script: &str) -> &str {
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.find(|line| !line.starts_with('#')).unwrap_or("shell script")
}
