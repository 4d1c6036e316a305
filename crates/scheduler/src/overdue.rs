//! What is held at a start: jobs that are overdue after a restore, or by more than a setting allows after downtime.

use crate::StartError;
use oneoff_domain::{Clock, HoldReason};
use oneoff_storage::{OverdueHold, Store};
use std::time::Duration;

/// Jobs that are held in one commit.
const SLICE: usize = 500;
/// How many are held between two log lines.
const TELL_EVERY: usize = 50_000;

/// What is to be held before anything is claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue {
    hold: Option<OverdueHold>,
}

impl Overdue {
    /// After a restore whatever is overdue is held, by more than `hold_after` where that is given; otherwise only
    /// where it is.
    pub(crate) async fn at_start(
        store: &Store,
        clock: &dyn Clock,
        hold_after: Option<Duration>,
    ) -> Result<Self, StartError> {
        let restore = store.unsettled_restore().await.map_err(StartError::Recovery)?;
        let now = clock.now();
        let hold = match (restore, hold_after) {
            (Some(restore), _) => {
                // The clock of a machine that has just started may not be right yet.
                let now = now.max(restore.restored_at);
                let due_until = now.saturating_sub(hold_after.unwrap_or_default());
                tracing::warn!(
                    backup = restore.backup, restored_at = %restore.restored_at,
                    "the database was restored: what is overdue is held, as it may have run since the backup was made"
                );
                Some(OverdueHold { reason: HoldReason::Restore, due_until })
            }
            (None, Some(after)) => {
                Some(OverdueHold { reason: HoldReason::Downtime, due_until: now.saturating_sub(after) })
            }
            (None, None) => None,
        };
        Ok(Self { hold })
    }

    /// Why jobs are held whose attempt was lost, instead of starting again: always after a restore, and otherwise
    /// when the last server was last heard of before the time until which jobs are held.
    pub(crate) async fn holds_lost(&self, store: &Store) -> Result<Option<HoldReason>, StartError> {
        let Some(hold) = self.hold else { return Ok(None) };
        if hold.reason == HoldReason::Restore {
            return Ok(Some(hold.reason));
        }
        let last = store.last_heard_of().await.map_err(StartError::Recovery)?;
        Ok(last.filter(|last| *last <= hold.due_until).map(|_| hold.reason))
    }

    /// Holds all that is overdue, a slice at a time. Answers how many jobs that were.
    pub(crate) async fn hold_all(&self, store: &Store, clock: &dyn Clock) -> Result<usize, StartError> {
        let Some(hold) = self.hold else { return Ok(0) };
        let (mut held, mut told, mut after) = (0, 0, None);
        let mut wait_already = true;
        loop {
            let slice = match wait_already {
                true => store.hold_overdue(clock.now(), hold, after, SLICE).await,
                false => store.hold_overdue_after_holds(clock.now(), hold, after, SLICE).await,
            };
            let slice = slice.map_err(StartError::Recovery)?;
            held += slice.held;
            after = slice.next;
            if after.is_none() && !wait_already {
                break;
            }
            wait_already &= after.is_some();
            if held - told >= TELL_EVERY {
                told = held;
                tracing::info!(held, "holding what is overdue");
            }
        }
        if hold.reason == HoldReason::Restore {
            store.settle_restore(clock.now()).await.map_err(StartError::Recovery)?;
        }
        if held > 0 {
            let reason = hold.reason.as_str();
            tracing::warn!(
                held,
                reason,
                "overdue jobs are held: look at them with `oneoff jobs list --status held`, and release all with \
                 `oneoff jobs release --all --reason {reason}`"
            );
        }
        Ok(held)
    }
}
