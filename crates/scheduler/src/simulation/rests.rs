//! Pauses between two tries of a task: the history ends them when their time has passed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A pause, and how it is ended.
pub(super) type Pause = (Duration, Arc<Notify>);

/// The pauses that began.
#[derive(Clone, Default)]
pub(super) struct Rests(Arc<Mutex<Vec<Pause>>>);

impl Rests {
    /// Waits until the history says that so much time has passed.
    pub(super) async fn rest(&self, time: Duration) {
        let over = Arc::new(Notify::new());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((time, Arc::clone(&over)));
        over.notified().await;
    }

    /// The pauses that began since the last look.
    pub(super) fn take(&self) -> Vec<Pause> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
