//! Claims of whose commit it is not known whether it took effect: which of them did.

use crate::failure::WriteError;
use crate::rows::job as job_rows;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{ClaimRequest, ClaimedJob, Store, StoreError};
use oneoff_domain::{Fence, JobStatus};

impl Store {
    /// Those of the requests that are claimed, after [`Store::claim`] answered [`StoreError::OutcomeUnknown`] to
    /// them. Nothing runs them yet. The others are not claimed, and will not be by that call.
    ///
    /// # Errors
    /// The database's.
    pub async fn claims_taken(&self, requests: Vec<ClaimRequest>) -> Result<Vec<ClaimedJob>, StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            let mut taken = Vec::new();
            for request in &requests {
                taken.extend(claim_taken(tx, request)?);
            }
            Ok(taken)
        };
        // By the writer: its connection is the one that was opened after the failure.
        self.inner.writer.write(Lane::Attempts, body).await
    }
}

fn claim_taken(tx: &mut Tx<'_>, request: &ClaimRequest) -> Result<Option<ClaimedJob>, WriteError> {
    let epoch = tx.node.epoch();
    let is_its = |stored: &job_rows::StoredJob| {
        stored.job.state.status == JobStatus::Running
            && stored.epoch == Some(epoch)
            && stored.job.last_execution == Some(request.execution_id)
    };
    let Some(stored) = job_rows::to_change(tx.conn, request.job)?.filter(is_its) else { return Ok(None) };
    let job = stored.job;
    let fence = Fence { job: job.key, run: job.state.run, attempt: job.state.attempt, epoch };
    let (execution_id, scheduled_for) = (request.execution_id, request.due_at);
    Ok(Some(ClaimedJob { job, execution_id, fence, scheduled_for }))
}
