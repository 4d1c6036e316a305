//! Recovery at start: what an earlier process left running is ended, closed as lost, and follows `on_crash`.

use crate::StartError;
use crate::attempt_metrics;
use crate::core::TRUST;
use crate::overdue::Overdue;
use oneoff_domain::{Clock, ExecutionId, HoldReason, JobStatus};
use oneoff_executors::process::end_processes;
use oneoff_storage::Store;
use std::time::Duration;

/// How long the processes of a dead server may take to be gone.
pub(crate) const ENDING: Duration = Duration::from_secs(10);
/// Executions that are closed in one commit.
const SLICE: usize = 500;
/// Overdue jobs are counted up to this.
const OVERDUE_COUNTED: usize = 10_000;

/// Closes every attempt that earlier epochs left running. No attempt of their jobs starts before.
///
/// Then holds what is overdue, after a restore or where it is asked for. Dying in the middle of it does no harm: the
/// next start looks again at what waits, and nothing is claimed before all is held.
pub(crate) async fn recover(
    store: &Store,
    clock: &dyn Clock,
    hold_after: Option<Duration>,
    end: impl AsyncFnOnce(Vec<ExecutionId>) -> Result<(), StartError>,
) -> Result<(), StartError> {
    let overdue = Overdue::at_start(store, clock, hold_after).await?;
    close_lost(store, clock, overdue.holds_lost(store).await?, end).await?;
    overdue.hold_all(store, clock).await?;
    Ok(())
}

/// The same where nodes share the store: what others left running is closed when their lease is over, by whoever finds it.
pub(crate) async fn hold_overdue(
    store: &Store,
    clock: &dyn Clock,
    hold_after: Option<Duration>,
) -> Result<(), StartError> {
    let overdue = Overdue::at_start(store, clock, hold_after).await?;
    overdue.hold_all(store, clock).await?;
    Ok(())
}

/// Ends what is left of the processes of these executions.
pub(crate) async fn end_left_behind(executions: Vec<ExecutionId>) -> Result<(), StartError> {
    let survivors = tokio::task::spawn_blocking(move || end_processes(&executions, ENDING)).await;
    match survivors {
        Ok(0) => Ok(()),
        Ok(survivors) => Err(StartError::Survivors(survivors)),
        Err(error) => Err(StartError::Sweep(error)),
    }
}

async fn close_lost(
    store: &Store,
    clock: &dyn Clock,
    hold: Option<HoldReason>,
    end: impl AsyncFnOnce(Vec<ExecutionId>) -> Result<(), StartError>,
) -> Result<(), StartError> {
    let lost = store.lost_executions().await.map_err(StartError::Recovery)?;
    if lost.is_empty() {
        return Ok(());
    }
    oneoff_faults::reach("rescue.before_sweep");
    end(lost.clone()).await?;
    oneoff_faults::reach("rescue.after_sweep");
    let (mut again, mut held, mut over) = (0_usize, 0_usize, 0_usize);
    // Where they are held it is one commit: the next start would take what was written for a sign of life.
    for slice in lost.chunks(if hold.is_some() { lost.len() } else { SLICE }) {
        let closed = match hold {
            Some(reason) => store.close_lost_and_hold(clock.now(), slice.to_vec(), reason).await,
            None => store.close_lost(clock.now(), slice.to_vec()).await,
        };
        for execution in closed.map_err(StartError::Recovery)? {
            attempt_metrics::lost(&execution);
            match execution.job.state.status {
                JobStatus::Scheduled => again += 1,
                JobStatus::Held => held += 1,
                _ => over += 1,
            }
        }
    }
    tracing::warn!(
        attempts = lost.len(),
        again,
        held,
        over,
        "the last server died under attempts: they are recorded as lost; jobs with on_crash=retry start again now, \
         or are held"
    );
    Ok(())
}

/// Whether the clock may be far ahead: by what it says, everything that the last servers wrote is older than it is
/// kept. Either nobody was here for so long, or the clock is wrong; and what is removed is gone. What was written
/// within the last day does not count: the clock that it was written by may have been the wrong one already.
pub(crate) async fn doubts_clock(
    store: &Store,
    clock: &dyn Clock,
    keep: Duration,
) -> Result<bool, StartError> {
    let now = clock.now();
    let last = store.last_written_before(now.saturating_sub(TRUST)).await.map_err(StartError::Recovery)?;
    let Some(last) = last else { return Ok(false) };
    let doubts = now.since(last) > keep;
    if doubts {
        tracing::warn!(
            %last, %now,
            "all that is recorded is older than its retention: if the clock is right, it is removed in a day"
        );
    }
    Ok(doubts)
}

/// Says how many jobs are overdue and what happens to them.
pub(crate) async fn report_overdue(store: &Store, clock: &dyn Clock) -> Result<usize, StartError> {
    let overdue = store.count_overdue(clock.now(), OVERDUE_COUNTED).await.map_err(StartError::Recovery)?;
    if overdue > 0 {
        let at_least = overdue >= OVERDUE_COUNTED;
        tracing::info!(
            overdue,
            at_least,
            "jobs are overdue: they start now, but those with on_late=skip that are later than their max_lateness_seconds end as missed"
        );
    }
    Ok(overdue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_domain::Timestamp;
    use oneoff_fakes::ManualClock;
    use oneoff_storage::inline::{Commits, NoFaults};
    use oneoff_storage::{Store, StoreOptions};
    use std::sync::Arc;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Whether a server that starts now doubts the clock.
    async fn doubts_at_start(file: &std::path::Path, now: Timestamp) -> bool {
        let options = StoreOptions::new(file);
        let (store, _inline) = Store::open_inline(options, now, Commits::AtOnce, Arc::new(NoFaults)).unwrap();
        doubts_clock(&store, &ManualClock::at(now), 30 * DAY).await.unwrap()
    }

    #[tokio::test]
    async fn a_clock_that_jumped_ahead_is_doubted_at_every_start_of_the_day() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("x.db");
        let begin = Timestamp::from_micros(1_800_000_000_000_000).unwrap();
        assert!(!doubts_at_start(&file, begin).await, "nothing is there that could be removed");
        assert!(!doubts_at_start(&file, begin.saturating_add(29 * DAY)).await);
        let jumped = begin.saturating_add(3650 * DAY);
        for hours in [0, 1, 20] {
            let now = jumped.saturating_add(Duration::from_secs(hours * 3600));
            assert!(doubts_at_start(&file, now).await, "{hours} h after the jump");
        }
        assert!(!doubts_at_start(&file, jumped.saturating_add(2 * DAY)).await, "it has held for a day");
    }
}
