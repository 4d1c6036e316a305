//! Does work in batches on a thread that lives as long as there is some: what comes in during one batch is
//! the next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits for its batch.
#[derive(Debug)]
pub(super) struct Batches<T>(Mutex<Queue<T>>);

#[derive(Debug)]
struct Queue<T> {
    waiting: Vec<T>,
    is_running: bool,
}

impl<T> Default for Batches<T> {
    fn default() -> Self {
        Self(Mutex::new(Queue { waiting: Vec::new(), is_running: false }))
    }
}

impl<T: Send + 'static> Batches<T> {
    /// Adds something; it is in a batch that begins afterwards.
    pub(super) fn push(self: &Arc<Self>, item: T, work: impl Fn(Vec<T>) + Send + Clone + 'static) {
        let mut queue = self.queue();
        queue.waiting.push(item);
        if std::mem::replace(&mut queue.is_running, true) {
            return;
        }
        drop(queue);
        let (batches, work_there) = (Arc::clone(self), work.clone());
        let thread = std::thread::Builder::new().name("oneoff-sweeper".to_owned());
        if let Err(error) = thread.spawn(move || batches.run(&work_there)) {
            // Late is better than never: nobody but this thread can do it.
            tracing::error!(%error, "no thread to look for left-over processes");
            self.run(&work);
        }
    }

    fn run(&self, work: &impl Fn(Vec<T>)) {
        let mut unwinding = Unwinding(Some(self));
        loop {
            let mut queue = self.queue();
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
