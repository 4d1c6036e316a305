//! Which requests of a group run together, and what has to be locked and read for them.

use crate::writer::request::{Needs, Request};
use oneoff_domain::JobKey;
use std::collections::HashSet;

/// What the requests of a group need that run together.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) hashes: Vec<i64>,
    pub(super) waiting: Vec<i64>,
    pub(super) running: Vec<i64>,
}

/// Which requests run together: no two of them are about the same job or key.
pub(super) fn together(requests: &[Box<dyn Request>]) -> (Vec<bool>, Wanted) {
    let mut wanted = Wanted::default();
    let (mut hashes, mut jobs) = (HashSet::<i64>::new(), HashSet::<JobKey>::new());
    let mut choose = |needs: &Needs| match needs {
        Needs::Records(of) if of.iter().all(|hash| !hashes.contains(hash)) => {
            hashes.extend(of);
            wanted.hashes.extend(of);
            true
        }
        Needs::Waiting(of) if of.iter().all(|job| !jobs.contains(job)) => {
            jobs.extend(of);
            wanted.waiting.extend(of.iter().map(|job| job.0));
            true
        }
        Needs::Running(job) if jobs.insert(*job) => {
            wanted.running.push(job.0);
            true
        }
        Needs::Records(_) | Needs::Waiting(_) | Needs::Running(_) => false,
    };
    let chosen = requests.iter().map(|request| request.needs().is_some_and(&mut choose)).collect();
    (chosen, wanted)
}

impl Wanted {
    /// Whether nothing is needed that would have to stay locked up to the commit.
    pub(super) fn locks_nothing(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }
}
