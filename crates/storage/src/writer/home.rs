//! Answers on their way to a runtime of one thread. To wake one of its tasks from outside takes a call of the system,
//! whether or not it sleeps; so all that a commit answers there goes to one task, which is woken once and hands the
//! answers on within the runtime.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::sync::Notify;

type Answer = Box<dyn FnOnce() + Send>;

thread_local! {
    static HERE: RefCell<Option<(Id, Arc<Home>)>> = const { RefCell::new(None) };
}

/// A runtime of one thread, as the place to which answers go.
#[derive(Default)]
pub(super) struct Home {
    answers: Mutex<Vec<Answer>>,
    arrived: Notify,
}

impl Home {
    /// The runtime that this runs on; `None` if it has several threads, or there is none.
    pub(super) fn here() -> Option<Arc<Self>> {
        let runtime = Handle::try_current().ok()?;
        if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return None;
        }
        HERE.with_borrow_mut(|here| {
            if let Some((id, home)) = here
                && *id == runtime.id()
            {
                return Some(Arc::clone(home));
            }
            let home = Arc::<Self>::default();
            // Ends with its runtime, as do those who wait for the answers.
            drop(runtime.spawn(Arc::clone(&home).hand_on()));
            *here = Some((runtime.id(), Arc::clone(&home)));
            Some(home)
        })
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
