//! Starting and stopping the scheduler with all its drivers.

use crate::{SchedulerSettings, Service};
use oneoff_domain::{Clock, Random};
use oneoff_executors::Registry;
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;

/// Why the scheduler cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed during recovery.
    #[error("recovery of the jobs of the last run failed")]
    Recovery(#[source] StoreError),
    /// A thread or the guardian could not be started.
    #[error("cannot start {what}")]
    Spawn {
        /// What.
        what: &'static str,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

/// A running scheduler. Drop does not stop it: call [`Self::shutdown`].
pub struct Scheduler {}

#[expect(unused_variables, clippy::todo, reason = "contract only")]
impl Scheduler {
    /// Recovers what an earlier process left behind, then starts to claim. Must be called within a tokio
    /// runtime, on which attempts run.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        store: Store,
        registry: Registry,
        settings: SchedulerSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Scheduler, StartError> {
        todo!()
    }

    /// The service, through which everything is asked and changed.
    #[must_use]
    pub fn service(&self) -> Service {
        todo!()
    }

    /// Stops claiming, waits for running attempts up to the grace, cancels and records the rest, and closes
    /// the store.
    pub async fn shutdown(self) {
        todo!()
    }
}
