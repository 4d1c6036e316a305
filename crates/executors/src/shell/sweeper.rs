//! Finds and ends processes by their environment, away from the runtime, for many attempts in one pass: a
//! look at every process of the machine is dear, and attempts often end in crowds.

use crate::process::end_processes;
use oneoff_domain::ExecutionId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a pass tries.
const PATIENCE: Duration = Duration::from_secs(3);

type Then = Box<dyn FnOnce(usize) + Send>;

/// Sweeps one batch after another while there is something to sweep.
#[derive(Default)]
pub(super) struct Sweeper {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    requests: Vec<(ExecutionId, Then)>,
    sweeping: bool,
}

impl std::fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweeper").finish_non_exhaustive()
    }
}

impl Sweeper {
    /// Ends every process that carries the id and returns how many of the whole pass were left.
    pub(super) async fn sweep(self: &Arc<Self>, execution_id: ExecutionId) -> usize {
        let (answer, answered) = oneshot::channel();
        self.request(execution_id, move |left| {
            let _nobody_waits = answer.send(left);
        });
        answered.await.unwrap_or(0)
    }

    /// Ends every process that carries the id, then does `then`, on a thread of its own.
    pub(super) fn request(
        self: &Arc<Self>,
        execution_id: ExecutionId,
        then: impl FnOnce(usize) + Send + 'static,
    ) {
        let mut queue = self.queue();
        queue.requests.push((execution_id, Box::new(then)));
        if queue.sweeping {
            return;
        }
        queue.sweeping = true;
        drop(queue);
        let sweeper = Arc::clone(self);
        let thread = std::thread::Builder::new().name("oneoff-sweeper".to_owned());
        if let Err(error) = thread.spawn(move || sweeper.run()) {
            // What is queued is done with the next request; a machine without threads has other troubles.
            tracing::error!(%error, "no thread to look for left-over processes");
            self.queue().sweeping = false;
        }
    }

    fn run(&self) {
        loop {
            let batch = {
                let mut queue = self.queue();
                let batch = std::mem::take(&mut queue.requests);
                queue.sweeping = !batch.is_empty();
                batch
            };
            if batch.is_empty() {
                return;
            }
            let (ids, then): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let left = end_processes(&ids, PATIENCE);
            if left > 0 {
                tracing::warn!(left, "processes of attempts that were to end do not end");
            }
            then.into_iter().for_each(|then| then(left));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
