//! Owns time and every change to a job: the service, the due queue, claiming, running, retry, rescue and
//! retention.
//!
//! Decisions are taken in a synchronous core (`step(now, inputs) -> effects`); threads, the runtime and
//! the store are thin drivers around it.

mod attempt_metrics;
mod cancelling;
mod claiming;
mod core;
mod driver;
mod key_cache;
mod lease;
mod mailbox;
mod overdue;
mod reconcile;
mod recovery;
mod runner;
mod running;
pub mod service;
pub mod settings;
mod shared_clock;
#[cfg(any(test, feature = "simulation"))]
pub mod simulation;
pub mod start;
pub mod status;
pub mod system;
mod watchers;

pub use lease::Role;
pub use service::bulk::PlannedJobs;
pub use service::chain_draft::{ChainDraft, ChainPatch, LinkDraft, LinkJob};
pub use service::draft::{JobDraft, JobPatch, Schedule};
pub use service::error::ServiceError;
pub use service::settings::SettingInEffect;
pub use service::{Released, Service};
pub use settings::{GuardianCommand, Retention, SchedulerSettings};
pub use start::{Scheduler, StartError};
pub use status::{NodeHealth, NodeStatus, RunningJob, SystemStatus, Vitals, WorkerStatus};
pub use system::{SystemClock, SystemRandom};
