//! The attempts that are under way in this process: for cancelling, for the status, for followers of output.

use crate::RunningJob;
use oneoff_domain::{ExecutionId, Job, JobId, Timestamp};
use oneoff_executors::{StopReason, StopTrigger};
use oneoff_storage::{CancelledAttempt, ClaimedJob};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A run and attempt of a job.
type AttemptOf = (JobId, u32, u32);

struct Entry {
    status: RunningJob,
    attempt: AttemptOf,
    stop: Arc<StopTrigger>,
    flushed: watch::Sender<()>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<ExecutionId, Entry>,
    /// Cancels of attempts that are claimed but have not come to be entered yet.
    early_cancels: HashSet<AttemptOf>,
}

/// The attempts of this process. Changes are told to whoever waits for the last one to end.
pub(crate) struct Running {
    inner: Mutex<Inner>,
    count: watch::Sender<usize>,
}

impl Running {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), count: watch::Sender::new(0) }
    }

    /// Enters an attempt. One that was cancelled before is told so at once.
    pub(crate) fn enter(&self, claimed: &ClaimedJob, started_at: Timestamp, stop: Arc<StopTrigger>) {
        let status = RunningJob {
            job_id: claimed.job.id,
            job_name: claimed.job.definition.name.clone(),
            job_type: claimed.job.definition.job_type.clone(),
            execution_id: claimed.execution_id,
            started_at,
        };
        let attempt = (claimed.job.id, claimed.fence.run, claimed.fence.attempt);
        let mut inner = self.lock();
        if inner.early_cancels.remove(&attempt) {
            stop.fire(StopReason::Cancelled);
        }
        let entry = Entry { status, attempt, stop, flushed: watch::Sender::new(()) };
        inner.entries.insert(claimed.execution_id, entry);
        self.count.send_replace(inner.entries.len());
    }

    pub(crate) fn leave(&self, execution_id: ExecutionId) {
        let mut inner = self.lock();
        inner.entries.remove(&execution_id);
        self.count.send_replace(inner.entries.len());
    }

    /// The outcome of the attempt is recorded: a cancel that came too late for it is not kept any longer.
    pub(crate) fn recorded(&self, claimed: &ClaimedJob) {
        let attempt = (claimed.job.id, claimed.fence.run, claimed.fence.attempt);
        self.lock().early_cancels.remove(&attempt);
    }

    /// Tells the attempt that this job is in to end.
    pub(crate) fn cancel(&self, job: &Job) {
        self.cancel_attempt(CancelledAttempt { job: job.id, run: job.state.run, attempt: job.state.attempt });
    }

    /// Tells an attempt to end, also when it has yet to be entered.
    pub(crate) fn cancel_attempt(&self, CancelledAttempt { job, run, attempt }: CancelledAttempt) {
        let attempt = (job, run, attempt);
        let mut inner = self.lock();
        match inner.entries.values().find(|entry| entry.attempt == attempt) {
            Some(entry) => entry.stop.fire(StopReason::Cancelled),
            None => {
                inner.early_cancels.insert(attempt);
            }
        }
    }

    pub(crate) fn stop_all(&self, reason: StopReason) {
        for entry in self.lock().entries.values() {
            entry.stop.fire(reason);
        }
    }

    pub(crate) fn output_flushed(&self, execution_id: ExecutionId) {
        if let Some(entry) = self.lock().entries.get(&execution_id) {
            entry.flushed.send_replace(());
        }
    }

    /// Changes whenever output of the execution was stored; `None` when it does not run here.
    pub(crate) fn follow_output(&self, execution_id: ExecutionId) -> Option<watch::Receiver<()>> {
        self.lock().entries.get(&execution_id).map(|entry| entry.flushed.subscribe())
    }

    /// The number of attempts under way, as it changes.
    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub(crate) fn list(&self) -> Vec<RunningJob> {
        let mut running: Vec<_> = self.lock().entries.values().map(|entry| entry.status.clone()).collect();
        running.sort_by_key(|job| (job.started_at, job.execution_id));
        running
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
