//! A thread that writes, and how its end is waited for.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Instant;

/// A writer's thread, and the sign of its end.
pub(super) struct Thread {
    handle: JoinHandle<()>,
    ended: mpsc::Receiver<()>,
}

impl Thread {
    pub(super) fn start(write: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let (ends, ended) = mpsc::channel();
        let work = move || {
            // Dropped at the end, also by a panic.
            let _ends: mpsc::Sender<()> = ends;
            write();
        };
        let handle = std::thread::Builder::new().name("store-writer".to_owned()).spawn(work)?;
        Ok(Self { handle, ended })
    }

    /// Waits for its end, at most until then where there is a deadline: it is left behind after that.
    pub(super) fn end(self, deadline: Option<Instant>) {
        // The last handle of a store may be dropped by a listener, on a writer's own thread.
        if self.handle.thread().id() == std::thread::current().id() {
            return;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout)) {
            tracing::error!("the database does not answer a writer: it is left behind");
            return;
        }
        if self.handle.join().is_err() {
            tracing::error!("a writer's thread panicked");
        }
    }
}
