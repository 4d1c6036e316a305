//! The signal that tells an attempt to end, and why.

use oneoff_domain::{AttemptOutcome, Reason};
use tokio::sync::watch;

/// Why an attempt is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody cancelled it.
    Cancelled,
    /// Its timeout is over.
    TimedOut,
    /// The server stops and its grace is over.
    Shutdown,
    /// The server could not renew its lease: somebody else may start the job again soon.
    LeaseLost,
}

/// The end that fires.
#[derive(Debug)]
pub struct StopTrigger(watch::Sender<Option<StopReason>>);

/// The end that waits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<Option<StopReason>>);

impl StopReason {
    /// The outcome of an attempt that ended because it was told to.
    #[must_use]
    pub fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Cancelled => AttemptOutcome::cancelled(),
            Self::TimedOut => AttemptOutcome::failed(Reason::Timeout, "ran longer than its timeout"),
            Self::Shutdown => AttemptOutcome::failed(Reason::Shutdown, "the server was stopped"),
            Self::LeaseLost => {
                AttemptOutcome::failed(Reason::Lost, "the server could not renew its lease in time")
            }
        }
    }
}

impl StopTrigger {
    /// A trigger and its signal.
    #[must_use]
    pub fn new() -> (StopTrigger, StopSignal) {
        let (sender, receiver) = watch::channel(None);
        (StopTrigger(sender), StopSignal(receiver))
    }

    /// Fires. The first reason stays.
    pub fn fire(&self, reason: StopReason) {
        self.0.send_if_modified(|current| current.is_none() && current.replace(reason).is_none());
    }
}

impl StopSignal {
    /// The reason, if it has fired.
    #[must_use]
    pub fn fired(&self) -> Option<StopReason> {
        *self.0.borrow()
    }

    /// Waits until it fires; for ever if the trigger was dropped without firing.
    pub async fn wait(&mut self) -> StopReason {
        match self.0.wait_for(Option::is_some).await.map(|reason| *reason) {
            Ok(Some(reason)) => reason,
            _ => std::future::pending().await,
        }
    }
}
