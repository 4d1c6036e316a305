//! Checkpoints beside the writer: a thread copies what the write-ahead log holds to its place in the file, so that no
//! commit waits for it. What it leaves, the writer copies itself when the log grows long, which then is little.

use crate::connect::Connector;
use crate::failure::unavailable;
use diesel::connection::SimpleConnection;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Events between two checkpoints. Each stands for a job that was created, started or ended.
const EVENTS_APART: i64 = 2_000;

#[derive(Default)]
struct Wanted {
    checkpoint: bool,
    end: bool,
}

#[derive(Default)]
struct Signal {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        change(&mut self.lock());
        self.changed.notify_one();
    }

    /// Waits until a checkpoint is wanted; `false` at the end.
    fn wait(&self) -> bool {
        let wanted = self.lock();
        let mut wanted = self
            .changed
            .wait_while(wanted, |wanted| !wanted.checkpoint && !wanted.end)
            .unwrap_or_else(PoisonError::into_inner);
        wanted.checkpoint = false;
        !wanted.end
    }
}

/// The thread that makes checkpoints. Dropping it ends the thread.
pub(crate) struct Checkpoints {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
    last_event: i64,
}

impl Checkpoints {
    /// Starts the thread.
    pub(crate) fn start(connector: Connector, last_event: i64) -> std::io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let waiting = Arc::clone(&signal);
        let thread = std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(move || {
            while waiting.wait() {
                checkpoint(&connector);
            }
        })?;
        Ok(Self { signal, thread: Some(thread), last_event })
    }

    /// The writer has written events up to this one.
    pub(crate) fn wrote(&mut self, last_event: i64) {
        if last_event - self.last_event < EVENTS_APART {
            return;
        }
        self.last_event = last_event;
        self.signal.change(|wanted| wanted.checkpoint = true);
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.signal.change(|wanted| wanted.end = true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of checkpoints panicked");
        }
    }
}

/// Copies what can be copied without making anybody wait. A connection of its own for each: so it is always one to
/// the file that the writer has open.
fn checkpoint(connector: &Connector) {
    let result = connector.writer().map_err(unavailable).and_then(|mut conn| {
        conn.batch_execute("PRAGMA wal_checkpoint(PASSIVE)").map_err(crate::StoreError::from)
    });
    if let Err(error) = result {
        // The writer meets the same, and tells of it.
        tracing::debug!(%error, "no checkpoint beside the writer");
    }
}
