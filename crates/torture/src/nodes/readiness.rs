//! When nodes were well, as seen from outside: they answer, have a lease and claim.

use crate::evidence::Uptime;
use oneoff_client::Client;
use oneoff_domain::Clock as _;
use oneoff_scheduler::SystemClock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// The times in which nodes were well.
#[derive(Debug, Clone, Default)]
pub(super) struct Readiness {
    uptimes: Arc<Mutex<Vec<Uptime>>>,
}

impl Readiness {
    fn lock(&self) -> MutexGuard<'_, Vec<Uptime>> {
        self.uptimes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a node for ever.
    pub(super) async fn watch(self, client: Client, name: String) {
        let mut current = None;
        loop {
            let now = SystemClock.now();
            current = match is_ready(&client, &name).await {
                false => None,
                true => Some(self.note(current, Uptime { from: now, to: now })),
            };
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Goes on with an uptime, or begins one. Answers which it is.
    fn note(&self, current: Option<usize>, seen: Uptime) -> usize {
        let mut uptimes = self.lock();
        match current.and_then(|index| Some((index, uptimes.get_mut(index)?))) {
            Some((index, uptime)) => {
                uptime.to = seen.to;
                index
            }
            None => {
                uptimes.push(seen);
                uptimes.len() - 1
            }
        }
    }

    /// All of them.
    pub(super) fn uptimes(&self) -> Vec<Uptime> {
        self.lock().clone()
    }
}

/// Whether a node of this name answers, has a lease, and claims.
pub(super) async fn is_ready(client: &Client, name: &str) -> bool {
    let Ok(status) = client.worker_status().await else { return false };
    let newest = status.nodes.iter().filter(|node| node.id == name).max_by_key(|node| node.epoch);
    status.paused.is_none() && newest.is_some_and(|node| node.health == "ok")
}
