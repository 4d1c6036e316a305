//! Rescues what other nodes have lost: those that do not renew their lease are given up, and what they ran is closed as
//! lost and follows `on_crash`. What somebody else has locked waits alone: not the other jobs of that node, and not other
//! nodes.
//!
//! Dying in the middle does no harm: whoever looks next finds the epochs that have ended and still have attempts.

use super::Held;
use crate::attempt_metrics;
use crate::recovery::ENDING;
use oneoff_domain::{Clock, ExecutionId, HoldReason, JobStatus};
use oneoff_executors::process::end_processes;
use oneoff_storage::{LostExecution, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Executions that are closed in one commit.
const SLICE: usize = 500;

/// What was locked is tried again after so long: most transactions are short.
const LOCKED_AGAIN: Duration = Duration::from_secs(1);

/// In so many looks in a row something of a node was left before that is told: another node may be closing it, too.
const TOLD_AT: u32 = 3;

/// What became of jobs whose attempts were closed.
#[derive(Default)]
struct Rescued {
    again: usize,
    held: usize,
    over: usize,
}

impl Rescued {
    fn add(&mut self, closed: &[LostExecution]) {
        for closed in closed {
            attempt_metrics::lost(closed);
            match closed.job.state.status {
                JobStatus::Scheduled => self.again += 1,
                JobStatus::Held => self.held += 1,
                _ => self.over += 1,
            }
        }
    }

    fn attempts(&self) -> usize {
        self.again + self.held + self.over
    }

    fn tell(&self, epoch: i64) {
        let Self { again, held, over } = *self;
        let attempts = self.attempts();
        if attempts == 0 {
            return;
        }
        for (outcome, count) in [("again", again), ("held", held), ("over", over)] {
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            metrics::counter!("oneoff_rescued_attempts_total", "outcome" => outcome).increment(count);
        }
        tracing::warn!(
            epoch,
            attempts,
            again,
            held,
            over,
            "attempts of a node that is gone are recorded as lost; jobs with on_crash=retry start again now, or are held"
        );
    }
}

/// The epochs of which something is left, with how often in a row, and what was told of them.
#[derive(Default)]
struct Left(HashMap<i64, u32>);

impl Left {
    /// Something of this epoch is left: whether that is to be told now.
    fn is_to_be_told(&mut self, epoch: i64) -> bool {
        let looks = self.0.entry(epoch).or_default();
        *looks = looks.saturating_add(1);
        *looks == TOLD_AT
    }

    /// It failed: whether that is to be told now.
    fn failed(&mut self, epoch: i64) -> bool {
        let looks = self.0.entry(epoch).or_default();
        let is_told = *looks >= TOLD_AT;
        *looks = TOLD_AT;
        !is_told
    }
}

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
        let (mut is_failing, mut left) = (false, Left::default());
        loop {
            let mut pause = self.apart;
            // Who may be given up is not to give up others.
            if self.held.holds(self.clock.boot_time()) {
                match self.look(&mut left).await {
                    Ok(has_locked) => {
                        is_failing = false;
                        if has_locked {
                            pause = pause.min(LOCKED_AGAIN);
                        }
                    }
                    Err(StoreError::Closed) => return,
                    Err(error) => {
                        if !std::mem::replace(&mut is_failing, true) {
                            let error = &error as &dyn std::error::Error;
                            tracing::error!(error, "cannot look for nodes that are gone");
                        }
                    }
                }
            }
            let _told_or_time = tokio::time::timeout(pause, self.look.notified()).await;
        }
    }

    /// Answers whether something was left that somebody else had locked.
    async fn look(&self, left: &mut Left) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let lapsed = self.store.lapsed(now).await?;
        for epoch in &lapsed {
            match self.store.give_up(now, *epoch).await {
                Ok(true) => {
                    left.0.remove(epoch);
                    metrics::counter!("oneoff_nodes_given_up_total").increment(1);
                    tracing::warn!(epoch, "a node has not renewed its lease and is given up");
                }
                Ok(false) => {}
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) if left.failed(*epoch) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(
                        error,
                        epoch,
                        "a node that is gone cannot be given up yet: its jobs wait for that"
                    );
                }
                Err(_told) => {}
            }
        }
        let to_close = self.store.epochs_to_close().await?;
        left.0.retain(|epoch, _| to_close.contains(epoch) || lapsed.contains(epoch));
        let mut has_locked = false;
        for epoch in to_close {
            match self.close(epoch, left).await {
                Ok(is_locked) => has_locked |= is_locked,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) if left.failed(epoch) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, epoch, "attempts of a node that is gone cannot be closed yet");
                }
                Err(_told) => {}
            }
        }
        Ok(has_locked)
    }

    /// Closes what an epoch that is over left open. Answers whether something was left that somebody else had locked.
    async fn close(&self, epoch: i64, left: &mut Left) -> Result<bool, StoreError> {
        let lost = self.store.lost_executions_of(epoch).await?;
        oneoff_faults::reach("rescue.before_sweep");
        if !self.is_gone_from_here(&lost).await {
            return Ok(false);
        }
        oneoff_faults::reach("rescue.after_sweep");
        let hold = self.holds(epoch).await?;
        let (mut rescued, mut failure) = (Rescued::default(), None);
        for slice in lost.chunks(SLICE) {
            match self.close_slice(slice, hold, &mut rescued).await {
                Ok(()) => {}
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => failure = Some(error),
            }
        }
        rescued.tell(epoch);
        if rescued.attempts() == lost.len() {
            return Ok(false);
        }
        let attempts = self.store.lost_executions_of(epoch).await?.len();
        if attempts > 0 && left.is_to_be_told(epoch) {
            let error = failure.as_ref().map(|error| error as &dyn std::error::Error);
            tracing::error!(
                error,
                epoch,
                attempts,
                "attempts of a node that is gone cannot be closed yet: their jobs wait, probably for somebody else's \
                 transaction that has locked them (see pg_stat_activity)"
            );
        }
        Ok(attempts > 0 && failure.is_none())
    }

    /// Closes these, and where that fails each of them alone: what one waits for does not hold up the others.
    async fn close_slice(
        &self,
        slice: &[ExecutionId],
        hold: Option<HoldReason>,
        rescued: &mut Rescued,
    ) -> Result<(), StoreError> {
        let failed = match self.close_lost(slice, hold).await {
            Ok(closed) => {
                rescued.add(&closed);
                return Ok(());
            }
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(error) => error,
        };
        let mut result = Ok(());
        for one in slice.chunks(1) {
            // Nor would it be this node's to close.
            if !self.held.holds(self.clock.boot_time()) {
                return Err(failed);
            }
            match self.close_lost(one, hold).await {
                Ok(closed) => rescued.add(&closed),
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => result = Err(error),
            }
        }
        result
    }

    async fn close_lost(
        &self,
        slice: &[ExecutionId],
        hold: Option<HoldReason>,
    ) -> Result<Vec<LostExecution>, StoreError> {
        let (now, slice) = (self.clock.now(), slice.to_vec());
        match hold {
            Some(reason) => self.store.close_lost_and_hold(now, slice, reason).await,
            None => self.store.close_lost(now, slice).await,
        }
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
