//! OneOff as a library: jobs that run once, at an exact time, inside your own service.
//!
//! A job that was accepted is on stable storage and survives crashes; it starts within milliseconds of its
//! time; its output and outcome are kept.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use oneoff::{JobStatus, NewJob, OneOff};
//! use std::time::Duration;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("jobs.db");
//! let oneoff = OneOff::builder()
//!     .sqlite(path)
//!     .executor_fn("greet", |context| async move {
//!         let name = context.config.get("name").and_then(|name| name.as_str()).ok_or("no name is given")?;
//!         Ok(format!("Hello, {name}!"))
//!     })
//!     .start()
//!     .await?;
//!
//! let id = oneoff.schedule(NewJob::new("greet").with("name", "Ada").after(Duration::from_millis(50))).await?;
//! let job = oneoff.wait(id, Duration::from_secs(10)).await?;
//! assert_eq!(job.state.status, JobStatus::Completed);
//!
//! let executions = oneoff.executions(id).await?;
//! let output = oneoff.output(executions[0].id).await?;
//! assert_eq!(output, b"Hello, Ada!");
//! oneoff.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! For a job type with checks of its own config, or one that must tidy up when it is stopped, implement
//! [`Executor`] and pass it to [`Builder::executor`].
//!
//! With the feature `http`, the module `http` serves the HTTP API and the web UI from your own actix-web application.

mod builder;
mod chain;
mod delivery;
mod error;
mod function;
mod handle;
mod job;

pub use builder::{Builder, OneOff};
pub use chain::NewChain;
pub use error::Error;
pub use function::{JobError, JobReturn};
pub use handle::{Found, Handle, Opened};
pub use job::NewJob;

pub use oneoff_domain::{
    AttemptOutcome, Chain, ChainExecution, ChainExecutionId, ChainId, ChainStatus, Clock, Execution,
    ExecutionId, ExecutionStatus, FieldError, Job, JobId, JobStatus, LinkRule, LinkStatus, OnCrash, OnLate,
    OutputStream, Random, Reason, RunIf, Timestamp,
};
pub use oneoff_executors::process::guardian_main;
pub use oneoff_executors::{
    BUILTIN_JOB_TYPES, BuildError, ChainPlace, EgressPolicy, Executor, Registry, RunContext, RunFuture,
    StopReason, StopSignal,
};
pub use oneoff_scheduler::system::{SystemClock, SystemRandom};
pub use oneoff_scheduler::{
    JobDraft, JobPatch, NodeHealth, NodeStatus, Retention, Schedule, SchedulerSettings, Service,
    ServiceError, StartError,
};
pub use oneoff_secrets::api_key;
pub use oneoff_storage::{DatabaseUrl, NotAnAddress, OpenError, StoreOptions};
pub use oneoff_webhooks::{Schedule as WebhookSchedule, WebhookSettings, Webhooks};

/// The HTTP API for your own actix-web application.
#[cfg(feature = "http")]
pub use oneoff_api as http;
