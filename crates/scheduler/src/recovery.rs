//! Recovery at start: what an earlier process left running is ended, closed as lost, and follows `on_crash`.

use crate::StartError;
use oneoff_domain::{Clock, JobStatus};
use oneoff_executors::process::end_processes;
use oneoff_storage::Store;
use std::time::Duration;

/// How long the processes of a dead server may take to be gone.
const ENDING: Duration = Duration::from_secs(10);
/// Executions that are closed in one commit.
const SLICE: usize = 500;
/// Overdue jobs are counted up to this.
const OVERDUE_COUNTED: usize = 10_000;

/// Closes every attempt that earlier epochs left running. No attempt of their jobs starts before.
pub(crate) async fn recover(store: &Store, clock: &dyn Clock) -> Result<(), StartError> {
    let lost = store.lost_executions().await.map_err(StartError::Recovery)?;
    if lost.is_empty() {
        return Ok(());
    }
    oneoff_faults::reach("rescue.before_sweep");
    let ids = lost.clone();
    let survivors = tokio::task::spawn_blocking(move || end_processes(&ids, ENDING)).await;
    match survivors {
        Ok(0) => {}
        Ok(survivors) => return Err(StartError::Survivors(survivors)),
        Err(error) => return Err(StartError::Sweep(error)),
    }
    oneoff_faults::reach("rescue.after_sweep");
    let (mut again, mut over) = (0_usize, 0_usize);
    for slice in lost.chunks(SLICE) {
        let closed = store.close_lost(clock.now(), slice.to_vec()).await.map_err(StartError::Recovery)?;
        for execution in closed {
            match execution.job.state.status {
                JobStatus::Scheduled => again += 1,
                _ => over += 1,
            }
        }
    }
    tracing::warn!(
        attempts = lost.len(),
        again,
        over,
        "the last server died under attempts: they are recorded as lost; jobs with on_crash=retry start again now"
    );
    Ok(())
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
/// Whether the clock may be far ahead: by what it says, everything that the last servers wrote is older than it is
/// kept. Either nobody was here for so long, or the clock is wrong; and what is removed is gone.
pub(crate) async fn doubts_clock(
    store: &Store,
    clock: &dyn Clock,
    keep: Duration,
) -> Result<bool, StartError> {
    let Some(last) = store.last_written_before().await.map_err(StartError::Recovery)? else {
        return Ok(false);
    };
    let now = clock.now();
    let doubts = now.since(last) > keep;
    if doubts {
        tracing::warn!(
            %last, %now,
            "all that is recorded is older than its retention: if the clock is right, it is removed in a day"
        );
    }
    Ok(doubts)
}

