//! Futures that are polled when the history says so. Waking one only notes that it wants to be polled.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The number of a task, never used twice in a history.
pub(super) type TaskId = u64;

struct Bell {
    task: TaskId,
    woken: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(self.task);
    }
}

struct Task<T> {
    future: Pin<Box<dyn Future<Output = T>>>,
    waker: Waker,
    polls: u32,
}

/// What a poll came to.
pub(super) enum Polled<T> {
    /// It is over.
    Done(T),
    /// It waits, after so many polls.
    Waits(u32),
    /// There is no such task any more.
    Gone,
}

/// The tasks of a server, which die with it.
pub(super) struct Tasks<T> {
    tasks: BTreeMap<TaskId, Task<T>>,
    woken: Arc<Mutex<Vec<TaskId>>>,
    next: TaskId,
}

impl<T> Tasks<T> {
    /// No tasks; the first one gets this number.
    pub(super) fn starting_at(next: TaskId) -> Self {
        Self { tasks: BTreeMap::new(), woken: Arc::default(), next }
    }

    /// The number of the next task.
    pub(super) fn next(&self) -> TaskId {
        self.next
    }

    /// Adds a task, which wants to be polled.
    pub(super) fn spawn(&mut self, future: impl Future<Output = T> + 'static) -> TaskId {
        let id = self.next;
        self.next += 1;
        let waker = Waker::from(Arc::new(Bell { task: id, woken: Arc::clone(&self.woken) }));
        waker.wake_by_ref();
        self.tasks.insert(id, Task { future: Box::pin(future), waker, polls: 0 });
        id
    }

    /// Polls a task once.
    pub(super) fn poll(&mut self, id: TaskId) -> Polled<T> {
        let Some(task) = self.tasks.get_mut(&id) else { return Polled::Gone };
        task.polls += 1;
        match task.future.as_mut().poll(&mut Context::from_waker(&task.waker)) {
            Poll::Pending => Polled::Waits(task.polls),
            Poll::Ready(done) => {
                self.tasks.remove(&id);
                Polled::Done(done)
            }
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.tasks.len()
    }

    /// Ends a task without a result.
    pub(super) fn forget(&mut self, id: TaskId) {
        self.tasks.remove(&id);
    }

    /// The tasks that want to be polled, each once, in the order of their numbers.
    pub(super) fn take_woken(&mut self) -> Vec<TaskId> {
        let mut woken = std::mem::take(&mut *self.woken.lock().unwrap_or_else(PoisonError::into_inner));
        woken.sort_unstable();
        woken.dedup();
        woken
    }
}
