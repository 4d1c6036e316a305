//! Rescues what other nodes have lost: those that do not renew their lease are given up, and what they ran is closed as
//! lost and follows `on_crash`.
//!
//! Dying in the middle does no harm: whoever looks next finds the epochs that have ended and still have attempts.

use super::Held;
use crate::attempt_metrics;
use crate::recovery::ENDING;
use oneoff_domain::{Clock, ExecutionId, HoldReason, JobStatus};
use oneoff_executors::process::end_processes;
use oneoff_storage::{Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Executions that are closed in one commit.
const SLICE: usize = 500;

pub(super) struct Rescuer {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) held: Arc<Held>,
    pub(super) look: Arc<Notify>,
    pub(super) apart: Duration,
    /// After how long without any node jobs are held that would start again.
    pub(super) hold_after: Option<Duration>,
}

impl Rescuer {
    /// Looks at once, whenever it is told to, and from time to time.
    pub(super) async fn run(self) {
        let mut is_failing = false;
        loop {
            // Who may be given up is not to give up others.
            if self.held.holds(self.clock.boot_time()) {
                match self.look().await {
                    Ok(()) => is_failing = false,
                    Err(StoreError::Closed) => return,
                    Err(error) => {
                        if !std::mem::replace(&mut is_failing, true) {
                            let error = &error as &dyn std::error::Error;
                            tracing::error!(error, "cannot look for nodes that are gone");
                        }
                    }
                }
            }
            let _told_or_time = tokio::time::timeout(self.apart, self.look.notified()).await;
        }
    }

    async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for epoch in self.store.lapsed(now).await? {
            if self.store.give_up(now, epoch).await? {
                metrics::counter!("oneoff_nodes_given_up_total").increment(1);
                tracing::warn!(epoch, "a node has not renewed its lease and is given up");
            }
        }
        for epoch in self.store.epochs_to_close().await? {
            self.close(epoch).await?;
        }
        Ok(())
    }

    /// Closes what an epoch that is over left open.
    async fn close(&self, epoch: i64) -> Result<(), StoreError> {
        let lost = self.store.lost_executions_of(epoch).await?;
        oneoff_faults::reach("rescue.before_sweep");
        if !self.is_gone_from_here(&lost).await {
            return Ok(());
        }
        oneoff_faults::reach("rescue.after_sweep");
        let hold = self.holds(epoch).await?;
        let (mut again, mut held, mut over) = (0_usize, 0_usize, 0_usize);
        for slice in lost.chunks(SLICE) {
            let (now, slice) = (self.clock.now(), slice.to_vec());
            let closed = match hold {
                Some(reason) => self.store.close_lost_and_hold(now, slice, reason).await?,
                None => self.store.close_lost(now, slice).await?,
            };
            for closed in closed {
                attempt_metrics::lost(&closed);
                match closed.job.state.status {
                    JobStatus::Scheduled => again += 1,
                    JobStatus::Held => held += 1,
                    _ => over += 1,
                }
            }
        }
        let attempts = again + held + over;
        if attempts > 0 {
            let count = |outcome: &'static str, count: usize| {
                let count = u64::try_from(count).unwrap_or(u64::MAX);
                metrics::counter!("oneoff_rescued_attempts_total", "outcome" => outcome).increment(count);
            };
            count("again", again);
            count("held", held);
            count("over", over);
            tracing::warn!(
                epoch,
                attempts,
                again,
                held,
                over,
                "attempts of a node that is gone are recorded as lost; jobs with on_crash=retry start again now, or are \
                 held"
            );
        }
        Ok(())
    }

    /// Why jobs of this epoch are held instead of starting again: nobody was there for long who could have rescued them.
    async fn holds(&self, epoch: i64) -> Result<Option<HoldReason>, StoreError> {
        let Some(after) = self.hold_after else { return Ok(None) };
        let absence = self.store.absence_after(epoch).await?;
        Ok((absence > after).then_some(HoldReason::Downtime))
    }

    /// Ends what is left of them on this machine, where that node may have run. Where something does not end, no other
    /// attempt may start yet.
    async fn is_gone_from_here(&self, executions: &[ExecutionId]) -> bool {
        if oneoff_faults::is_elsewhere() {
            return true;
        }
        let executions = executions.to_vec();
        match tokio::task::spawn_blocking(move || end_processes(&executions, ENDING)).await {
            Ok(0) => true,
            Ok(left) => {
                tracing::error!(
                    left,
                    "processes of a node that is gone cannot be ended: their jobs wait for that"
                );
                false
            }
            Err(error) => {
                tracing::error!(%error, "cannot look for processes of a node that is gone");
                false
            }
        }
    }
}
