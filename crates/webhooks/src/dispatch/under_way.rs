//! The attempts that are under way: tasks of their own, which outlive errors of the store and terms of leading.

use oneoff_storage::webhooks::{ClaimedAttempt, DueDelivery};
use std::collections::HashMap;
use std::future::Future;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The receiver has the delivery.
    Delivered,
    /// It does not, or nobody knows.
    Failed,
    /// It was broken off: in the store it is still under way, and is to be made again at once.
    Left,
}

/// An attempt that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) webhook_key: i64,
    pub(super) end: End,
}

/// Tells an attempt that it is to be broken off.
pub(super) struct BreakOff(watch::Receiver<()>);

impl BreakOff {
    /// Resolves then.
    pub(super) async fn told(&mut self) {
        // One that is gone has dropped the attempt as well.
        drop(self.0.changed().await);
    }
}

/// What is known of an attempt while its task runs.
struct Attempt {
    claimed: ClaimedAttempt,
    webhook_key: i64,
}

/// The attempts that are under way. Dropped, it breaks all of them off.
#[derive(Default)]
pub(super) struct UnderWay {
    tasks: JoinSet<End>,
    attempts: HashMap<Id, Attempt>,
    /// Changes when what has no answer yet is to be broken off.
    over: watch::Sender<()>,
}

impl UnderWay {
    /// Begins an attempt, which is told when it is to be broken off.
    pub(super) fn begin<F>(&mut self, delivery: DueDelivery, make: impl FnOnce(DueDelivery, BreakOff) -> F)
    where
        F: Future<Output = End> + Send + 'static,
    {
        let known = Attempt { claimed: delivery.claimed(), webhook_key: delivery.webhook.key };
        let task = self.tasks.spawn(make(delivery, BreakOff(self.over.subscribe())));
        self.attempts.insert(task.id(), known);
    }

    /// Breaks off what has no answer yet. What has one goes on until that is recorded.
    pub(super) fn break_off(&self) {
        self.over.send_replace(());
    }

    /// All of them.
    pub(super) fn claimed(&self) -> Vec<ClaimedAttempt> {
        self.attempts.values().map(|attempt| attempt.claimed).collect()
    }

    /// Waits for the end of one; `None` where there is none.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        let ended = self.tasks.join_next_with_id().await?;
        self.ended(ended)
    }

    /// The end of one, if one has ended.
    pub(super) fn try_next(&mut self) -> Option<Ended> {
        let ended = self.tasks.try_join_next_with_id()?;
        self.ended(ended)
    }

    fn ended(&mut self, ended: Result<(Id, End), JoinError>) -> Option<Ended> {
        let (id, end) = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "an attempt to deliver a webhook panicked, and is made again later");
            // What panics may panic again: it is left until its claim is over, as that of a process that is gone.
            (error.id(), End::Failed)
        });
        let webhook_key = self.attempts.remove(&id)?.webhook_key;
        Some(Ended { webhook_key, end })
    }
}
