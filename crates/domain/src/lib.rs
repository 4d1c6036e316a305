//! The pure model of OneOff: jobs, executions, their state machine, time expressions, retry and events.
//!
//! Nothing here reads a clock, draws a random number, touches a file or knows a runtime: time,
//! randomness and ids are injected through [`Clock`] and [`Random`]. Everything above builds on it.

pub mod access;
pub mod catalog;
pub mod chain;
pub mod chain_step;
pub mod clock;
pub mod context;
pub mod event;
pub mod execution;
pub mod fence;
pub mod ids;
pub mod job;
pub mod limits;
pub mod live_settings;
pub mod origin;
pub mod outcome;
pub mod request_scope;
pub mod retry;
pub mod state;
pub mod suggest;
pub mod time;
pub mod timestamp;
pub mod transition;
pub mod validation;

pub use access::KeyScope;
pub use catalog::{DEFAULT_PROJECT, Project, ProjectChange, Tag, TagChange};
pub use chain::{
    Chain, ChainExecution, ChainLink, ChainStatus, LinkExecution, LinkSource, LinkStatus, PreviousLink,
    RunIf, SkipReason,
};
pub use chain_step::LinkRule;
pub use clock::{BootTime, Clock, Random};
pub use context::{Actor, Context, IdempotencyKey};
pub use event::{Event, EventKind, NewEvent};
pub use execution::{Execution, ExecutionStatus, OutputStream};
pub use fence::Fence;
pub use ids::{ChainExecutionId, ChainId, DeliveryId, ExecutionId, JobId, JobKey, WebhookId, new_record_id};
pub use job::{Hold, HoldReason, Job, JobDefinition, JobState, JobStatus, OnCrash, OnLate, RetryPolicy};
pub use live_settings::{LIVE_SETTINGS, LiveSetting, LiveSettings};
pub use origin::{Origin, OriginKind};
pub use outcome::{AttemptOutcome, Reason};
pub use request_scope::{RequestScope, current_request, in_request};
pub use timestamp::Timestamp;
pub use transition::{IllegalTransition, Obstacle, Transition};
pub use validation::{FieldError, ValidationErrors};
