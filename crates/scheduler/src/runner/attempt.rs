//! One attempt: the executor runs until it is done, its time is over, or somebody stops it.

use super::Runner;
use super::output::{Collected, Collector};
use oneoff_domain::limits::PREVIOUS_OUTPUT_MAX_BYTES;
use oneoff_domain::{AttemptOutcome, BootTime, Clock, Job, Origin, Reason, Timestamp};
use oneoff_executors::{ChainPlace, OutputWriter, RunContext, StopReason, StopSignal, StopTrigger};
use oneoff_storage::{ClaimedJob, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};

/// Chunks between an executor and the collector of its output.
const OUTPUT_QUEUE: usize = 8;
/// How long a dropped executor may take to be gone.
const DROP_GRACE: Duration = Duration::from_secs(1);

/// An attempt that is over, with all that is to be recorded of it.
pub(super) struct Ended {
    pub(super) outcome: AttemptOutcome,
    pub(super) completed_at: Timestamp,
    pub(super) duration: Duration,
    pub(super) output: Collected,
}

impl Ended {
    /// The end of an attempt that never began.
    pub(super) fn unstarted(now: Timestamp) -> Self {
        let output = Collected { rest: Vec::new(), total_bytes: 0, truncated: false };
        let outcome = StopReason::LeaseLost.outcome();
        Self { outcome, completed_at: now, duration: Duration::ZERO, output }
    }
}

/// The beginning of an attempt.
pub(super) struct Began {
    pub(super) wall: Timestamp,
    pub(super) trigger: Arc<StopTrigger>,
    boot: BootTime,
    stop: StopSignal,
}

impl Began {
    pub(super) fn now(clock: &dyn Clock) -> Self {
        let (trigger, stop) = StopTrigger::new();
        Self { wall: clock.now(), trigger: Arc::new(trigger), boot: clock.boot_time(), stop }
    }
}

impl Runner {
    pub(super) async fn attempt(&self, claimed: &ClaimedJob, began: Began) -> Ended {
        let (writer, receiver) = OutputWriter::channel(OUTPUT_QUEUE);
        let collector = Collector::spawn(
            claimed.execution_id,
            receiver,
            self.store.clone(),
            self.clock.clone(),
            self.running.clone(),
        );
        let boot = began.boot;
        let outcome = self.execute(claimed, began, writer).await;
        let completed_at = self.clock.now();
        let duration = self.clock.boot_time().since(boot);
        let output = collector.finish().await;
        self.running.leave(claimed.execution_id);
        Ended { outcome, completed_at, duration, output }
    }

    async fn execute(&self, claimed: &ClaimedJob, began: Began, output: OutputWriter) -> AttemptOutcome {
        let definition = &claimed.job.definition;
        let executor = match self.registry.get(&definition.job_type) {
            Ok(executor) => executor.clone(),
            Err(unknown) => return AttemptOutcome::failed(Reason::UnknownType, unknown.to_string()),
        };
        let timeout = match definition.timeout_seconds {
            Some(seconds) => Some(Duration::from_secs(seconds.into())),
            None => executor.default_timeout(),
        };
        let chain = match self.place_in_chain(&claimed.job).await {
            Ok(chain) => chain,
            Err(error) => return AttemptOutcome::failed(Reason::Failure, unknown_previous(&error)),
        };
        let context = RunContext {
            job_id: claimed.job.id,
            job_name: definition.name.clone(),
            execution_id: claimed.execution_id,
            run: claimed.fence.run,
            attempt: claimed.fence.attempt,
            scheduled_for: claimed.scheduled_for,
            timezone: definition.timezone.clone(),
            config: Arc::new(definition.config.clone()),
            chain,
            stop: began.stop.clone(),
            output,
            processes: self.processes.clone(),
        };
        let lapses = self.held.lapses();
        // This process may have been stopped for a while since it claimed.
        if !self.held.holds(self.clock.boot_time()) {
            return StopReason::LeaseLost.outcome();
        }
        let mut task = tokio::spawn(executor.run(context));
        let mut stopped = began.stop;
        tokio::select! {
            ended = &mut task => {
                let is_unbroken = self.held.holds(self.clock.boot_time()) && self.held.lapses() == lapses;
                of_its_own(outcome_of(ended), is_unbroken)
            }
            () = boot_deadline(self.clock.as_ref(), began.boot, timeout) => {
                began.trigger.fire(StopReason::TimedOut);
                let reason = stopped.wait().await;
                end(task, reason, executor.stop_grace(), timeout).await
            }
            reason = stopped.wait() => {
                let grace = match reason {
                    StopReason::LeaseLost => executor.stop_grace().min(self.held.ending()),
                    _ => executor.stop_grace(),
                };
                end(task, reason, grace, timeout).await
            }
        }
    }
}

impl Runner {
    /// The place of the job of a chain's link, with what the link before it did. Another job costs nothing here.
    async fn place_in_chain(&self, job: &Job) -> Result<Option<Arc<ChainPlace>>, StoreError> {
        let Some(origin) = &job.origin else { return Ok(None) };
        let previous = self.store.previous_link(origin.clone(), PREVIOUS_OUTPUT_MAX_BYTES).await?;
        let Origin { id, index, .. } = origin.clone();
        Ok(Some(Arc::new(ChainPlace { execution_id: id, link: index.saturating_add(1), previous })))
    }
}

fn unknown_previous(error: &StoreError) -> String {
    format!("what the link before it did cannot be read: {error}")
}

/// Waits for a stopped executor to end its work, and drops it when that takes too long.
async fn end(
    mut task: JoinHandle<AttemptOutcome>,
    reason: StopReason,
    grace: Duration,
    timeout: Option<Duration>,
) -> AttemptOutcome {
    let outcome = match tokio::time::timeout(grace, &mut task).await {
        Ok(ended) => outcome_of(ended),
        Err(_elapsed) => {
            task.abort();
            if tokio::time::timeout(DROP_GRACE, task).await.is_err() {
                tracing::error!("an executor does not let itself be stopped; its thread is left behind");
            }
            reason.outcome()
        }
    };
    match (outcome.reason, timeout) {
        (Reason::Timeout, Some(timeout)) => {
            AttemptOutcome { error: Some(format!("timed out after {} s", timeout.as_secs_f64())), ..outcome }
        }
        _ => outcome,
    }
}

/// When this node's lease is over its guardian ends the processes, and so may who takes them over; a server that was
/// stopped meanwhile sees that first. Such an end is none of the job's own.
fn of_its_own(outcome: AttemptOutcome, lease_is_unbroken: bool) -> AttemptOutcome {
    match outcome.reason {
        Reason::Signal if !lease_is_unbroken => StopReason::LeaseLost.outcome(),
        _ => outcome,
    }
}

fn outcome_of(ended: Result<AttemptOutcome, JoinError>) -> AttemptOutcome {
    match ended {
        Ok(outcome) => outcome,
        Err(error) if error.is_panic() => {
            let panic = error.into_panic();
            let message = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            AttemptOutcome::failed(Reason::Panic, format!("the executor panicked: {message}"))
        }
        Err(_cancelled) => StopReason::Shutdown.outcome(),
    }
}

/// Resolves when `timeout` has passed since `began` by boot time; never without a timeout. The runtime's own
/// timer does not count suspend, so it is asked in slices.
async fn boot_deadline(clock: &dyn Clock, began: BootTime, timeout: Option<Duration>) {
    let Some(timeout) = timeout else { return std::future::pending().await };
    loop {
        let left = timeout.saturating_sub(clock.boot_time().since(began));
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_ended_while_the_lease_was_over_is_lost() {
        let killed = AttemptOutcome::failed(Reason::Signal, "ended by SIGKILL");
        assert_eq!(of_its_own(killed.clone(), true), killed);
        assert_eq!(of_its_own(killed, false), StopReason::LeaseLost.outcome());
        for own in [AttemptOutcome::success(), AttemptOutcome::failed(Reason::ExitCode, "exit 1")] {
            assert_eq!(of_its_own(own.clone(), false), own);
        }
    }
}
