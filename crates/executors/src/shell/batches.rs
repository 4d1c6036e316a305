//! Does work in batches on a thread that lives as long as there is some: what comes in during one batch is
//! the next.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the thread waits for more: to start one for each batch takes longer than most batches.
const LINGER: Duration = Duration::from_secs(2);

/// What waits for its batch.
#[derive(Debug)]
pub(super) struct Batches<T> {
    queue: Mutex<Queue<T>>,
    came_in: Condvar,
}

#[derive(Debug)]
struct Queue<T> {
    waiting: Vec<T>,
    is_running: bool,
}

impl<T> Default for Batches<T> {
    fn default() -> Self {
        let queue = Mutex::new(Queue { waiting: Vec::new(), is_running: false });
        Self { queue, came_in: Condvar::new() }
    }
}

impl<T: Send + 'static> Batches<T> {
    /// Adds something; it is in a batch that begins afterwards.
    pub(super) fn push(self: &Arc<Self>, item: T, work: impl Fn(Vec<T>) + Send + Clone + 'static) {
        let mut queue = self.queue();
        queue.waiting.push(item);
        let is_running = std::mem::replace(&mut queue.is_running, true);
        drop(queue);
        if is_running {
            self.came_in.notify_one();
            return;
        }
        let (batches, work_there) = (Arc::clone(self), work.clone());
        let thread = std::thread::Builder::new().name("oneoff-sweeper".to_owned());
        if let Err(error) = thread.spawn(move || batches.run(&work_there, LINGER)) {
            // Late is better than never: nobody but this thread can do it.
            tracing::error!(%error, "no thread to look for left-over processes");
            self.run(&work, Duration::ZERO);
        }
    }

    fn run(&self, work: &impl Fn(Vec<T>), linger: Duration) {
        let mut unwinding = Unwinding(Some(self));
        loop {
            let nothing_waits = |queue: &mut Queue<T>| queue.waiting.is_empty();
            let (mut queue, _timed_out) = self
                .came_in
                .wait_timeout_while(self.queue(), linger, nothing_waits)
                .unwrap_or_else(PoisonError::into_inner);
            let batch = std::mem::take(&mut queue.waiting);
            if batch.is_empty() {
                queue.is_running = false;
                unwinding.0 = None;
                return;
            }
            drop(queue);
            work(batch);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the work panics, what comes in next starts anew.
struct Unwinding<'a, T: Send + 'static>(Option<&'a Batches<T>>);

impl<T: Send + 'static> Drop for Unwinding<'_, T> {
    fn drop(&mut self) {
        if let Some(batches) = self.0 {
            batches.queue().is_running = false;
        }
    }
}
