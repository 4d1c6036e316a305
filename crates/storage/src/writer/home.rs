//! Answers on their way to a runtime of one thread. To wake one of its tasks from outside takes a call of the system,
//! whether or not it sleeps; so all that a commit answers there goes to one task, which is woken once and hands the
//! answers on within the runtime.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::Notify;

type Answer = Box<dyn FnOnce() + Send>;

thread_local! {
    static HERE: RefCell<Option<Arc<Home>>> = const { RefCell::new(None) };
}

/// From now on, all that a commit answers to this thread wakes its runtime once. For a thread that is the only one of
/// its runtime and runs it to its end, and never blocks it to wait for an answer. Does nothing outside of a runtime.
pub fn gather_answers_here() {
    let Ok(runtime) = Handle::try_current() else { return };
    let home = Arc::<Home>::default();
    drop(runtime.spawn(Arc::clone(&home).hand_on()));
    HERE.with_borrow_mut(|here| *here = Some(home));
}

/// A runtime of one thread, as the place to which answers go.
#[derive(Default)]
pub(super) struct Home {
    answers: Mutex<Vec<Answer>>,
    arrived: Notify,
}

impl Home {
    /// Where answers to this thread go, if they are gathered.
    pub(super) fn here() -> Option<Arc<Self>> {
        HERE.with_borrow(Clone::clone)
    }

    /// Takes an answer along.
    pub(super) fn deliver(&self, answer: Answer) {
        let is_first = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push(answer);
            answers.len() == 1
        };
        if is_first {
            self.arrived.notify_one();
        }
    }

    async fn hand_on(self: Arc<Self>) {
        loop {
            self.arrived.notified().await;
            let answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
            answers.into_iter().for_each(|answer| answer());
        }
    }
}
