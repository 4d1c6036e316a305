//! The service: whatever changes what may run goes through here, for HTTP, library and chains alike.

pub mod bulk;
pub mod chain_draft;
pub mod draft;
pub mod error;

mod access;
mod chains;
mod edit;
mod executions;
mod jobs;
mod nodes;
mod plan;
mod preview;
mod projects;
pub(crate) mod release;
mod release_held;
pub mod settings;
mod settings_in_config;
mod system;
mod tags;
mod validate;

pub use release_held::Released;

use crate::driver::CoreStatus;
use crate::key_cache::KeyCache;
use crate::lease::Held;
use crate::mailbox::Mailbox;
use crate::runner::Runner;
use crate::running::Running;
use crate::{SchedulerSettings, ServiceError};
use oneoff_domain::{Clock, Context, Random, Timestamp};
use oneoff_executors::Registry;
use oneoff_storage::{Refusal, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    registry: Registry,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    running: Arc<Running>,
    held: Arc<Held>,
    mailbox: Arc<Mailbox>,
    keys: Arc<KeyCache>,
    settings: SchedulerSettings,
    core_status: Arc<CoreStatus>,
    started_at: Timestamp,
    stopping: AtomicBool,
}

impl Service {
    pub(crate) fn new(
        store: Store,
        runner: &Runner,
        settings: SchedulerSettings,
        core_status: Arc<CoreStatus>,
    ) -> Self {
        let inner = Inner {
            store,
            registry: runner.registry.clone(),
            clock: runner.clock.clone(),
            random: runner.random.clone(),
            running: runner.running.clone(),
            held: runner.held.clone(),
            mailbox: runner.mailbox.clone(),
            keys: runner.mailbox.keys(),
            settings,
            core_status,
            started_at: runner.clock.now(),
            stopping: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The wall time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The registered job types, sorted.
    #[must_use]
    pub fn job_types(&self) -> Vec<String> {
        self.inner.registry.job_types().map(str::to_owned).collect()
    }

    /// What a config of this job type may be, as JSON Schema; `None` where there is no such type.
    #[must_use]
    pub fn config_schema(&self, job_type: &str) -> Option<serde_json::Value> {
        self.inner.registry.get(job_type).ok().map(|executor| executor.config_schema())
    }

    pub(crate) fn stop_accepting(&self) {
        self.inner.stopping.store(true, Ordering::Release);
    }

    fn accepting(&self) -> Result<(), ServiceError> {
        if self.inner.stopping.load(Ordering::Acquire) { Err(ServiceError::Stopping) } else { Ok(()) }
    }
}

/// Refuses who is restricted to projects what all projects share, for the reason `what`.
fn check_unrestricted(context: &Context, what: &'static str) -> Result<(), ServiceError> {
    match &context.allowed_projects {
        Some(_) => Err(ServiceError::Refused(Refusal::Barred { what })),
        None => Ok(()),
    }
}
