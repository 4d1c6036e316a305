//! Typed HTTP client of a OneOff server, for the command line, tests and other Rust programs.
//!
//! Creates carry an idempotency key, so that a lost connection never doubles a job; waits survive a
//! restart of the server; keys are never printed.

mod access;
mod bulk;
mod chains;
mod error;
mod executions;
mod follow;
mod follow_job;
mod idempotency;
mod jobs;
mod paging;
mod records;
mod settings;
mod system;
mod transport;
mod wait;
mod webhooks;

pub use access::AuditQuery;
pub use chains::{ChainExecutionQuery, ChainQuery};
pub use error::ClientError;
pub use executions::{ExecutionQuery, OutputRequest};
pub use follow::{OutputFollower, chunk_bytes};
pub use follow_job::{FollowFrom, JobEvent, JobFollower};
pub use idempotency::new_key as new_idempotency_key;
pub use jobs::JobQuery;
pub use paging::{PageQuery, Pages};
pub use records::ProjectJobs;
pub use settings::{ApiKey, ClientSettings, Timeouts};
pub use transport::Client;
pub use wait::{Waited, is_final};
pub use webhooks::DeliveryQuery;
