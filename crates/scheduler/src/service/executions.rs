//! Executions and their output, also while it is being written.

use super::Service;
use super::jobs::deadline_after;
use crate::ServiceError;
use oneoff_domain::{Execution, ExecutionId};
use oneoff_storage::{ExecutionFilter, ExecutionSort, OutputPage, Page, PageRequest, Refusal};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// While somebody waits for output of an attempt on another node, it is looked for so often.
const LOOK_ELSEWHERE: Duration = Duration::from_millis(200);

impl Service {
    /// An execution.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn execution(&self, id: ExecutionId) -> Result<Execution, ServiceError> {
        self.inner.store.execution(id).await?.ok_or_else(|| not_found(id))
    }

    /// The id of the request by which an execution came about, where there was one: it made the job start at once, or
    /// executed the chain of which it is a link.
    ///
    /// # Errors
    /// A store that does not answer.
    pub async fn request_of(&self, id: ExecutionId) -> Result<Option<String>, ServiceError> {
        Ok(self.inner.store.request_of(id).await?)
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
        let deadline = deadline_after(wait);
        let mut events = self.event_sequence();
        let mut attempts = self.inner.running.count();
        loop {
            events.mark_unchanged();
            attempts.mark_unchanged();
            let flushed = self.inner.running.follow_output(id);
            let page = self.inner.store.output(id, offset, limit_bytes).await?;
            let page = page.ok_or_else(|| not_found(id))?;
            if !page.slices.is_empty() || page.complete || Instant::now() >= deadline {
                return Ok(page);
            }
            // What another node stores is no commit of this one, and no event.
            let runs_elsewhere = flushed.is_none() && self.inner.store.is_shared();
            let look_again = if runs_elsewhere { Instant::now() + LOOK_ELSEWHERE } else { deadline };
            let _timed_out =
                tokio::time::timeout_at(deadline.min(look_again), more(flushed, &mut attempts, &mut events))
                    .await;
        }
    }
}

/// Resolves when output was stored, when the attempt has left the running ones, or, of an attempt that is not
/// among them (not yet, or not any more), when others come and go or an event is committed.
async fn more(
    flushed: Option<watch::Receiver<()>>,
    attempts: &mut watch::Receiver<usize>,
    events: &mut watch::Receiver<i64>,
) {
    match flushed {
        Some(mut flushed) => {
            let _left = flushed.changed().await;
        }
        None => tokio::select! {
            _ = attempts.changed() => {}
            _ = events.changed() => {}
        },
    }
}

fn not_found(id: ExecutionId) -> ServiceError {
    ServiceError::Refused(Refusal::NotFound { kind: "execution", id: id.to_string() })
}
