//! The store of OneOff: everything durable, behind one API that names no database.
//!
//! Writes go through one writer that commits whatever is waiting as one transaction and answers after the
//! commit. Reads use a pool. The domain decides what a change is; this crate makes it durable.

mod absence;
mod audit;
mod audit_mask;
mod audit_of_job;
mod checkpoint;
mod condition;
mod connect;
mod connection;
mod cursor;
mod database_file;
mod doubt;
mod failure;
mod idempotency;
mod idempotency_index;
mod left_behind;
mod lists;
mod lock;
mod log_tail;
mod migrations;
mod outbox;
mod queue;
mod read_gate;
mod reader;
mod recover;
mod rows;
mod run_counters;
mod schema;
mod startup;
mod statement;
mod store_reads;
mod wal_guard;
mod writer;

pub mod access;
pub mod ahead;
pub mod backup;
pub mod bulk_write;
pub mod catalog;
pub mod chains;
pub mod change;
pub mod claim;
pub mod error;
pub mod finish;
pub mod gauges;
pub mod held;
#[cfg(any(test, feature = "inline"))]
pub mod inline;
pub mod job_write;
pub mod moving;
pub mod nodes;
pub mod open;
pub mod output;
pub mod overdue;
mod postgres;
mod probe;
pub mod query;
pub mod retain;
pub mod roles;
pub mod search;
pub mod space;
pub mod store;
pub mod system;
pub mod webhooks;

pub use access::{
    AccessRefusal, ApiKey, ApiKeyPatch, ApiKeyStore, NewApiKey, NewSession, NewSetupLink, Rotated, Rotation,
    Session,
};
pub use backup::{BackupError, Copied, back_up, restore};
pub use bulk_write::BulkOutcome;
pub use catalog::{Catalog, JobsOfProject, ProjectRemoval, SettingChange, StoredSetting};
pub use chains::{
    ChainEdit, ChainExecutionFilter, ChainExecutionSort, ChainFilter, ChainSort, NewChain, NewChainExecution,
    no_job_of_link,
};
pub use change::{CancelledAttempt, Change, CommitListener, Committed, NoListener, PendingJob};
pub use claim::{ClaimRequest, ClaimResult, ClaimedJob};
pub use error::{Refusal, StoreError};
pub use finish::{Finish, FinishResult};
pub use gauges::Gauges;
pub use held::{HeldFor, ReleasedSlice};
pub use job_write::{Decide, JobChange, NewJob, Written};

pub use lists::audit::{AUDIT_EXPORT_PAGE_ROWS, AuditEntry, AuditFilter};
pub use nodes::{Heartbeat, NodeInfo, NodeReport};
pub use open::{MigrateError, MigrationStep, OpenError, StoreOptions};
pub use output::{NewOutputChunk, OutputPage, OutputSlice};
pub use overdue::{HeldSlice, OverdueHold, UnsettledRestore};
pub use postgres::{AboutServer, DatabaseUrl, Followed, Heard, NotAnAddress, NumberedSlice};
pub use query::{
    ExecutionFilter, ExecutionSort, JobFilter, JobSort, PAGE_BYTES, Page, PageRequest, SortOrder,
};
pub use retain::policy::{RetentionPolicy, RetentionSlice};
pub use roles::Term;
pub use run_counters::RunNumbers;
pub use search::{SearchLag, SearchSlice};
pub use space::Space;
pub use store::Store;
pub use system::{Counters, LostExecution};
pub use webhooks::{DeliveryStatus, Webhook, WebhookBacklog};
pub use writer::gather_answers_here;
