//! Where write requests wait: four lanes, each bounded, the urgent ones first and none of them starved.

use super::machine::{Machine, RealMachine};
use super::request::Request;
use crate::StoreError;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests that one transaction takes at most.
const GROUP_MAX_REQUESTS: usize = 1000;
/// How long a group takes further requests. It bounds how long a claim waits for the commit before its own.
const GROUP_MAX_TIME: Duration = Duration::from_millis(10);
/// Every so many turns output goes before the API.
const OUTPUT_EVERY: u64 = 8;
/// So often a slice of retention goes before everything but claims and finishes. Slices take a few milliseconds, so
/// that this is the share of the writer that retention has when there is no end of other work.
const RETENTION_APART: Duration = Duration::from_millis(25);

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

/// A request of the API that has waited for so long means that more come in than can be written: new ones are
/// refused, so that those who wait are answered while they still listen.
const API_WAIT_MAX: Duration = Duration::from_secs(3);

/// Records that the requests of the API write together that wait, unless a single one has more.
const API_MAX_SIZE: usize = 20_000;

struct Waiter {
    request: Box<dyn Request>,
    size: usize,
    since: Instant,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// There is something to do.
    Work,
    /// It took too long.
    TimeUp,
    /// There will never be anything again.
    Closed,
}

type Queue = VecDeque<Waiter>;

#[derive(Default)]
struct Waiting {
    attempts: Queue,
    api: Queue,
    output: Queue,
    retention: Queue,
    api_size: usize,
    /// Records of the requests that were let in as a whole and are not done.
    let_in_size: usize,
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
    retention_at: Instant,
    since: Instant,
}

impl Turns {
    fn group_is_full(&self, now: Instant) -> bool {
        let lasting = now.saturating_duration_since(self.since);
        self.taken >= GROUP_MAX_REQUESTS || (self.taken > 0 && lasting > GROUP_MAX_TIME)
    }

    fn retention_is_due(&self) -> bool {
        !self.retention_taken && self.since.saturating_duration_since(self.retention_at) >= RETENTION_APART
    }

    fn order(&self) -> [Lane; 4] {
        if self.retention_is_due() {
            return [Lane::Attempts, Lane::Retention, Lane::Api, Lane::Output];
        }
        if self.turn % OUTPUT_EVERY == OUTPUT_EVERY - 1 {
            return [Lane::Attempts, Lane::Output, Lane::Api, Lane::Retention];
        }
        [Lane::Attempts, Lane::Api, Lane::Output, Lane::Retention]
    }
}

/// A request that was let in as a whole. Dropping it lets others in.
pub(crate) struct LetIn {
    lanes: Arc<Lanes>,
    size: usize,
}

impl Drop for LetIn {
    fn drop(&mut self) {
        self.lanes.lock().let_in_size -= self.size;
    }
}

/// The lanes.
pub(crate) struct Lanes {
    waiting: Mutex<Waiting>,
    ready: Condvar,
    max_waiting: usize,
    api_wait_max: Duration,
    machine: Arc<dyn Machine>,
}

impl Lanes {
    /// Lanes of which each holds at most `max_waiting` requests, so that a flood of one does not keep out
    /// the others.
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self::on(Arc::new(RealMachine), max_waiting)
    }

    /// The same by the time of another machine.
    pub(crate) fn on(machine: Arc<dyn Machine>, max_waiting: usize) -> Self {
        let api_wait_max = API_WAIT_MAX;
        Self { waiting: Mutex::default(), ready: Condvar::new(), max_waiting, api_wait_max, machine }
    }

    /// The turns, before the first group.
    pub(crate) fn turns(&self) -> Turns {
        let now = self.machine.now();
        Turns { turn: 0, taken: 0, retention_taken: false, retention_at: now, since: now }
    }

    /// A new group begins.
    pub(crate) fn begin_group(&self, turns: &mut Turns) {
        turns.taken = 0;
        turns.retention_taken = false;
        turns.since = self.machine.now();
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
        let size = request.size();
        let since = self.machine.now();
        if !request.is_let_in() {
            let is_behind = lane == Lane::Api && self.is_behind(&waiting, size, since);
            if is_behind || waiting.queue(lane).len() >= self.max_waiting {
                return Err(StoreError::Overloaded);
            }
        }
        waiting.queue(lane).push_back(Waiter { request, size, since });
        if lane == Lane::Api {
            waiting.api_size += size;
        }
        drop(waiting);
        if was_empty {
            self.ready.notify_one();
        }
        Ok(())
    }

    /// Whether the API has more to write than it should.
    fn is_behind(&self, waiting: &Waiting, size: usize, now: Instant) -> bool {
        let waits_long = |first: &Waiter| now.saturating_duration_since(first.since) > self.api_wait_max;
        let is_full = waiting.api_size > 0 && waiting.api_size + size > API_MAX_SIZE;
        is_full || waiting.api.front().is_some_and(waits_long)
    }

    /// Lets a request of the API in as a whole that writes so many records in several parts: no part of it is refused
    /// as too much then.
    pub(crate) fn let_in(self: &Arc<Self>, size: usize) -> Result<LetIn, StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        let is_full = waiting.let_in_size > 0 && waiting.let_in_size + size > API_MAX_SIZE;
        if is_full || self.is_behind(&waiting, size, self.machine.now()) {
            return Err(StoreError::Overloaded);
        }
        waiting.let_in_size += size;
        Ok(LetIn { lanes: Arc::clone(self), size })
    }

    /// Whether nothing waits.
    #[cfg(any(test, feature = "inline"))]
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes no more requests; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Waits until there is something to do, for at most so long.
    pub(crate) fn wait(&self, at_most: Option<Duration>) -> Waited {
        let deadline = at_most.map(|at_most| Instant::now() + at_most);
        let mut waiting = self.lock();
        loop {
            if !waiting.is_empty() {
                return Waited::Work;
            }
            if waiting.closed {
                return Waited::Closed;
            }
            waiting = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return Waited::TimeUp,
                Some(left) => {
                    self.ready.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// The next request of this group; `None` when nothing waits or the group is full.
    pub(crate) fn take(&self, turns: &mut Turns) -> Option<Box<dyn Request>> {
        let now = self.machine.now();
        if turns.group_is_full(now) {
            return None;
        }
        let mut waiting = self.lock();
        for lane in turns.order() {
            if lane == Lane::Retention && turns.retention_taken {
                continue;
            }
            if let Some(Waiter { request, size, .. }) = waiting.queue(lane).pop_front() {
                if lane == Lane::Api {
                    waiting.api_size -= size;
                }
                if lane == Lane::Retention {
                    turns.retention_taken = true;
                    turns.retention_at = now;
                }
                turns.turn += 1;
                turns.taken += 1;
                return Some(request);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::request::Call;

    fn request() -> Box<dyn Request> {
        Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()))
    }

    fn order_of(lanes: &Lanes, turns: &mut Turns) -> Vec<usize> {
        lanes.begin_group(turns);
        std::iter::from_fn(|| lanes.take(turns).map(|_| lanes.lock().api.len())).collect()
    }

    #[test]
    fn each_lane_is_full_for_itself() {
        let lanes = Lanes::new(2);
        for _ in 0..2 {
            lanes.push(Lane::Api, request()).unwrap();
        }
        assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
        for lane in [Lane::Attempts, Lane::Output, Lane::Retention] {
            lanes.push(lane, request()).unwrap();
        }
    }

    #[test]
    fn the_api_is_full_by_what_its_requests_write() {
        let lanes = Lanes::new(10);
        let large = |size| -> Box<dyn Request> {
            let shape = crate::writer::request::Shape { size, ..Default::default() };
            Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()).of_shape(shape))
        };
        lanes.push(Lane::Api, large(2 * API_MAX_SIZE)).unwrap();
        assert!(matches!(lanes.push(Lane::Api, large(1)), Err(StoreError::Overloaded)));
        lanes.push(Lane::Attempts, large(API_MAX_SIZE)).unwrap();
        assert_eq!(order_of(&lanes, &mut lanes.turns()).len(), 2);
        lanes.push(Lane::Api, large(API_MAX_SIZE - 1)).unwrap();
        lanes.push(Lane::Api, large(1)).unwrap();
        assert!(matches!(lanes.push(Lane::Api, large(1)), Err(StoreError::Overloaded)));
    }

    #[test]
    fn what_was_let_in_as_a_whole_is_not_refused_in_parts() {
        let lanes = Arc::new(Lanes { api_wait_max: Duration::ZERO, ..Lanes::new(1) });
        let part = |size| -> Box<dyn Request> {
            let shape = crate::writer::request::Shape { size, is_let_in: true, ..Default::default() };
            Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()).of_shape(shape))
        };
        let first = lanes.let_in(2 * API_MAX_SIZE).unwrap();
        assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)));
        drop(first);
        let (_first, second) = (lanes.let_in(1).unwrap(), lanes.let_in(API_MAX_SIZE - 1).unwrap());
        assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)));
        lanes.push(Lane::Api, part(API_MAX_SIZE - 1)).unwrap();
        while lanes.lock().api.front().unwrap().since == Instant::now() {}
        assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
        drop(second);
        assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)), "others wait for long");
        lanes.push(Lane::Api, part(API_MAX_SIZE)).unwrap();
        assert_eq!(order_of(&lanes, &mut lanes.turns()), [1, 0]);
        lanes.close();
        assert!(matches!(lanes.let_in(1), Err(StoreError::Closed)));
    }

    #[test]
    fn the_api_is_refused_while_its_first_request_waits_for_too_long() {
        let lanes = Lanes { api_wait_max: Duration::ZERO, ..Lanes::new(10) };
        lanes.push(Lane::Api, request()).unwrap();
        while lanes.lock().api.front().unwrap().since == Instant::now() {}
        assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
        lanes.push(Lane::Attempts, request()).unwrap();
        lanes.push(Lane::Output, request()).unwrap();
        assert_eq!(order_of(&lanes, &mut lanes.turns()).len(), 3);
        lanes.push(Lane::Api, request()).unwrap();
    }

    #[test]
    fn retention_has_its_turn_although_the_api_has_no_end() {
        let lanes = Lanes::new(10_000);
        let mut turns = lanes.turns();
        for _ in 0..5 {
            lanes.push(Lane::Api, request()).unwrap();
        }
        lanes.push(Lane::Retention, request()).unwrap();
        lanes.push(Lane::Retention, request()).unwrap();
        turns.retention_at = Instant::now() - RETENTION_APART;
        assert_eq!(order_of(&lanes, &mut turns), [5, 4, 3, 2, 1, 0], "first, and once in a group");
        assert_eq!(order_of(&lanes, &mut turns), [0], "what is left of it, as nothing else waits");
    }
}
