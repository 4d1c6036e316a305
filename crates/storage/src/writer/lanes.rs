//! Where write requests wait: four lanes, each bounded, the urgent ones first and none of them starved.

use super::request::Request;
use crate::StoreError;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that one transaction takes at most.
const GROUP_MAX_REQUESTS: usize = 1000;
/// How long a group takes further requests. It bounds how long a claim waits for the commit before its own.
const GROUP_MAX_TIME: Duration = Duration::from_millis(10);
/// Every so many turns output goes before the API.
const OUTPUT_EVERY: u64 = 8;
/// Every so many turns retention goes before everything but claims and finishes.
const RETENTION_EVERY: u64 = 256;

/// How urgent a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Claims and finishes.
    Attempts,
    /// What somebody waits for.
    Api,
    /// Output of running attempts.
    Output,
    /// Removal of what is old.
    Retention,
}

type Queue = VecDeque<Box<dyn Request>>;

#[derive(Default)]
struct Waiting {
    attempts: Queue,
    api: Queue,
    output: Queue,
    retention: Queue,
    closed: bool,
}

impl Waiting {
    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Attempts => &mut self.attempts,
            Lane::Api => &mut self.api,
            Lane::Output => &mut self.output,
            Lane::Retention => &mut self.retention,
        }
    }

    fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.api.is_empty() && self.output.is_empty() && self.retention.is_empty()
    }
}

/// Whose turn it is, kept from group to group.
#[derive(Debug)]
pub(crate) struct Turns {
    turn: u64,
    taken: usize,
    retention_taken: bool,
    since: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Self { turn: 0, taken: 0, retention_taken: false, since: Instant::now() }
    }
}

impl Turns {
    /// A new group begins.
    pub(crate) fn begin_group(&mut self) {
        self.taken = 0;
        self.retention_taken = false;
        self.since = Instant::now();
    }

    fn group_is_full(&self) -> bool {
        self.taken >= GROUP_MAX_REQUESTS || (self.taken > 0 && self.since.elapsed() > GROUP_MAX_TIME)
    }

    fn order(&self) -> [Lane; 4] {
        if self.turn % RETENTION_EVERY == RETENTION_EVERY - 1 {
            return [Lane::Attempts, Lane::Retention, Lane::Api, Lane::Output];
        }
        if self.turn % OUTPUT_EVERY == OUTPUT_EVERY - 1 {
            return [Lane::Attempts, Lane::Output, Lane::Api, Lane::Retention];
        }
        [Lane::Attempts, Lane::Api, Lane::Output, Lane::Retention]
    }
}

/// The lanes.
pub(crate) struct Lanes {
    waiting: Mutex<Waiting>,
    ready: Condvar,
    max_waiting: usize,
}

impl Lanes {
    /// Lanes of which each holds at most `max_waiting` requests, so that a flood of one does not keep out
    /// the others.
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self { waiting: Mutex::default(), ready: Condvar::new(), max_waiting }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request wait.
    pub(crate) fn push(&self, lane: Lane, request: Box<dyn Request>) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        let was_empty = waiting.is_empty();
        let queue = waiting.queue(lane);
        if queue.len() >= self.max_waiting {
            return Err(StoreError::Overloaded);
        }
        queue.push_back(request);
        drop(waiting);
        if was_empty {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Takes no more requests; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Waits until there is something to do; `false` when there will never be anything again.
    pub(crate) fn wait(&self) -> bool {
        let mut waiting = self.lock();
        loop {
            if !waiting.is_empty() {
                return true;
            }
            if waiting.closed {
                return false;
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next request of this group; `None` when nothing waits or the group is full.
    pub(crate) fn take(&self, turns: &mut Turns) -> Option<Box<dyn Request>> {
        if turns.group_is_full() {
            return None;
        }
        let mut waiting = self.lock();
        for lane in turns.order() {
            if lane == Lane::Retention && turns.retention_taken {
                continue;
            }
            if let Some(request) = waiting.queue(lane).pop_front() {
                turns.retention_taken |= lane == Lane::Retention;
                turns.turn += 1;
                turns.taken += 1;
                return Some(request);
            }
        }
        None
    }
}
