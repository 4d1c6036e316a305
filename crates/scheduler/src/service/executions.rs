//! Executions and their output, also while it is being written.

use super::Service;
use crate::ServiceError;
use oneoff_domain::{Execution, ExecutionId};
use oneoff_storage::{ExecutionFilter, ExecutionSort, OutputPage, Page, PageRequest, Refusal};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

impl Service {
    /// An execution.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn execution(&self, id: ExecutionId) -> Result<Execution, ServiceError> {
        self.inner.store.execution(id).await?.ok_or_else(|| not_found(id))
    }

    /// A page of executions.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one.
    pub async fn executions(
        &self,
        filter: ExecutionFilter,
        page: PageRequest<ExecutionSort>,
    ) -> Result<Page<Execution>, ServiceError> {
        Ok(self.inner.store.executions(filter, page).await?)
    }

    /// Output from `offset`. With a `wait`, and when there is none yet, waits for some or for the end.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn output(
        &self,
        id: ExecutionId,
        offset: i64,
        limit_bytes: usize,
        wait: Duration,
    ) -> Result<OutputPage, ServiceError> {
        let deadline = Instant::now() + wait;
        let mut events = self.event_sequence();
        loop {
            events.mark_unchanged();
            let flushed = self.inner.running.follow_output(id);
            let page = self.inner.store.output(id, offset, limit_bytes).await?;
            let page = page.ok_or_else(|| not_found(id))?;
            if !page.slices.is_empty() || page.complete || Instant::now() >= deadline {
                return Ok(page);
            }
            let _timed_out = tokio::time::timeout_at(deadline, more(flushed, &mut events)).await;
        }
    }
}

/// Resolves when output was stored, or, when the attempt is over, when the next event is committed.
async fn more(flushed: Option<watch::Receiver<()>>, events: &mut watch::Receiver<i64>) {
    let Some(mut flushed) = flushed else {
        let _closed = events.changed().await;
        return;
    };
    // An error means that the attempt has left the running ones: the caller looks again.
    let _left = flushed.changed().await;
}

fn not_found(id: ExecutionId) -> ServiceError {
    ServiceError::Refused(Refusal::NotFound { kind: "execution", id: id.to_string() })
}
