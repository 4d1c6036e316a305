//! The mailbox of the scheduler's thread: commits, answers and requests come in, in order.

use crate::core::Input;
use crate::key_cache::KeyCache;
use crate::watchers::{JobWatch, Watchers};
use oneoff_domain::JobId;
use oneoff_storage::{CommitListener, Committed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Where inputs wait for the next step.
pub(crate) struct Mailbox {
    inputs: Mutex<Vec<Input>>,
    arrived: Condvar,
    last_event: watch::Sender<i64>,
    watchers: Arc<Watchers>,
    unnumbered: Notify,
    keys: Arc<KeyCache>,
}

impl Mailbox {
    pub(crate) fn new(last_event: i64) -> Self {
        Self {
            inputs: Mutex::default(),
            arrived: Condvar::new(),
            last_event: watch::Sender::new(last_event),
            watchers: Arc::default(),
            unnumbered: Notify::new(),
            keys: Arc::default(),
        }
    }

    pub(crate) fn send(&self, input: Input) {
        self.lock().push(input);
        self.arrived.notify_one();
    }

    /// The number of the newest event; changes whenever one is committed.
    pub(crate) fn event_sequence(&self) -> watch::Receiver<i64> {
        self.last_event.subscribe()
    }

    /// Resolves when events were written that are to be numbered.
    pub(crate) async fn unnumbered(&self) {
        self.unnumbered.notified().await;
    }

    /// Events were written that are to be numbered.
    pub(crate) fn tell_unnumbered(&self) {
        self.unnumbered.notify_one();
    }

    /// The API keys that were found to be valid.
    pub(crate) fn keys(&self) -> Arc<KeyCache> {
        self.keys.clone()
    }

    /// Begins to wait for a change of a job.
    pub(crate) fn watch_job(&self, id: JobId) -> JobWatch {
        self.watchers.watch(id)
    }

    /// Everything that has come in, after waiting for something for at most so long.
    pub(crate) fn receive(&self, at_most: Duration) -> Vec<Input> {
        let inputs = self.lock();
        let (mut inputs, _timed_out) = self
            .arrived
            .wait_timeout_while(inputs, at_most, |inputs| inputs.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *inputs)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Input>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CommitListener for Mailbox {
    fn committed(&self, committed: Committed) {
        if !committed.changes.is_empty() {
            self.send(Input::Committed(committed.changes));
        }
        self.watchers.changed(&committed.touched);
        self.keys.changed(&committed.records);
        if committed.wrote_unnumbered {
            self.tell_unnumbered();
        }
        if let Some(sequence) = committed.last_event_sequence {
            // Numbering and following tell of the same events, in either order.
            self.last_event.send_if_modified(|last| std::mem::replace(last, sequence.max(*last)) < sequence);
        }
    }

    fn reopened(&self) {
        self.watchers.all_changed();
        self.keys.forget_all();
        self.send(Input::Reload);
    }
}
