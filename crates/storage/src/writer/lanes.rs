//! Where write requests wait: lanes, each bounded, the urgent ones first and none of them starved.

pub(crate) use super::lane::{BESIDE, Lane, Takes};
use super::machine::{Machine, RealMachine};
use super::place::Place;
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

/// A request of the API that has waited for so long means that more come in than can be written: new ones are
/// refused, so that those who wait are answered while they still listen.
const API_WAIT_MAX: Duration = Duration::from_secs(3);

/// Records that the requests of the API write together that wait, unless a single one has more.
const API_MAX_SIZE: usize = 20_000;

struct Waiter {
    request: Box<dyn Request>,
    size: usize,
    since: Instant,
    place: Place,
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
    new: Queue,
    output: Queue,
    retention: Queue,
    /// Of the API and of new jobs.
    api_size: usize,
    /// Records of the requests that were let in as a whole and are not done.
    let_in_size: usize,
    closed: bool,
    /// Those that only make jobs first.
    writers: [AtWork; BESIDE + 1],
}

/// What one of the writers does.
#[derive(Default)]
struct AtWork {
    /// It has no connection, or had none when it looked last.
    is_down: bool,
    /// It waits, and is not woken yet.
    waits: bool,
    /// The requests for new jobs in its group.
    new_jobs: usize,
}

impl Waiting {
    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Attempts => &mut self.attempts,
            Lane::Api => &mut self.api,
            Lane::New => &mut self.new,
            Lane::Output => &mut self.output,
            Lane::Retention => &mut self.retention,
        }
    }

    /// The first request of a lane that somebody waits for. Those before it that were given up go to `given_up`.
    fn pop(&mut self, lane: Lane, given_up: &mut Vec<Box<dyn Request>>) -> Option<Box<dyn Request>> {
        while let Some(Waiter { request, size, place, .. }) = self.queue(lane).pop_front() {
            if lane.is_of_api() {
                self.api_size -= size;
            }
            if place.take() {
                return Some(request);
            }
            given_up.push(request);
        }
        None
    }

    fn change_writer(&mut self, takes: Takes, change: impl FnOnce(&mut AtWork)) {
        if let Some(writer) = self.writers.get_mut(takes.writer()) {
            change(writer);
        }
    }

    /// Whether this writer leaves new jobs to others: it has no connection, and would fail them. Where nobody has one it is
    /// for the writer of everything to say so.
    fn leaves_new(&self, writer: usize) -> bool {
        let of = |other: usize| self.writers.get(other).is_some_and(|of| !of.is_down);
        match writer == Takes::All.writer() && !self.closed {
            true => !of(writer) && (0..BESIDE).any(of),
            false => !of(writer) && writer != Takes::All.writer(),
        }
    }

    /// Whether there is a group to begin for this writer. One of new jobs is worth it that is half as large as the largest
    /// that another one writes, which takes smaller ones along when it is done: each group costs a commit.
    fn has_work(&self, writer: usize) -> bool {
        let others = [&self.attempts, &self.api, &self.output, &self.retention];
        let has_others = writer == Takes::All.writer() && others.into_iter().any(|lane| !lane.is_empty());
        let at_work = self.writers.iter().enumerate().filter(|(other, _)| *other != writer);
        let at_work = at_work.map(|(_, other)| other.new_jobs).max().unwrap_or_default();
        let is_worth_it = self.closed || self.new.len() * 2 >= at_work;
        has_others || (!self.new.is_empty() && is_worth_it && !self.leaves_new(writer))
    }

    /// Who is to be woken, if anybody waits who has work now.
    fn wake(&mut self) -> Option<usize> {
        let woken = (0..self.writers.len())
            .find(|writer| self.writers.get(*writer).is_some_and(|of| of.waits) && self.has_work(*writer))?;
        if let Some(writer) = self.writers.get_mut(woken) {
            writer.waits = false;
        }
        Some(woken)
    }
}

/// Whose turn it is, kept from group to group.
#[derive(Debug)]
pub(crate) struct Turns {
    takes: Takes,
    is_open: bool,
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

    fn order(&self) -> &'static [Lane] {
        if self.takes != Takes::All {
            return &[Lane::New];
        }
        if self.retention_is_due() {
            return &[Lane::Attempts, Lane::Retention, Lane::Api, Lane::New, Lane::Output];
        }
        if self.turn % OUTPUT_EVERY == OUTPUT_EVERY - 1 {
            return &[Lane::Attempts, Lane::Output, Lane::Api, Lane::New, Lane::Retention];
        }
        &[Lane::Attempts, Lane::Api, Lane::New, Lane::Output, Lane::Retention]
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
    /// One for each writer.
    ready: [Condvar; BESIDE + 1],
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
        let ready = Default::default();
        Self { waiting: Mutex::default(), ready, max_waiting, api_wait_max, machine }
    }

    /// The turns of a writer, before its first group.
    pub(crate) fn turns(&self, takes: Takes) -> Turns {
        let now = self.machine.now();
        Turns {
            takes,
            is_open: true,
            turn: 0,
            taken: 0,
            retention_taken: false,
            retention_at: now,
            since: now,
        }
    }

    /// A new group begins.
    pub(crate) fn begin_group(&self, turns: &mut Turns) {
        turns.taken = 0;
        turns.retention_taken = false;
        turns.since = self.machine.now();
    }

    /// Whether this writer has a connection, where there are several. What it leaves to others is theirs from now on.
    pub(crate) fn opened(&self, turns: &mut Turns, is_open: bool) {
        if std::mem::replace(&mut turns.is_open, is_open) == is_open {
            return;
        }
        let mut waiting = self.lock();
        waiting.change_writer(turns.takes, |writer| writer.is_down = !is_open);
        let woken = waiting.wake();
        drop(waiting);
        self.notify(woken);
    }

    fn notify(&self, woken: Option<usize>) {
        if let Some(ready) = woken.and_then(|woken| self.ready.get(woken)) {
            ready.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a request wait, which can be given up by its place.
    pub(crate) fn push(&self, lane: Lane, request: Box<dyn Request>) -> Result<Place, StoreError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(StoreError::Closed);
        }
        let size = request.size();
        let since = self.machine.now();
        if !request.is_let_in() {
            let is_behind = lane.is_of_api() && self.is_behind(&waiting, size, since);
            if is_behind || waiting.queue(lane).len() >= self.max_waiting {
                return Err(StoreError::Overloaded);
            }
        }
        let place = Place::default();
        waiting.queue(lane).push_back(Waiter { request, size, since, place: place.clone() });
        if lane.is_of_api() {
            waiting.api_size += size;
        }
        let woken = waiting.wake();
        drop(waiting);
        self.notify(woken);
        Ok(place)
    }

    /// Whether the API has more to write than it should.
    fn is_behind(&self, waiting: &Waiting, size: usize, now: Instant) -> bool {
        let waits_long = |first: &Waiter| now.saturating_duration_since(first.since) > self.api_wait_max;
        let is_full = waiting.api_size > 0 && waiting.api_size + size > API_MAX_SIZE;
        is_full || [&waiting.api, &waiting.new].into_iter().any(|queue| queue.front().is_some_and(waits_long))
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
        let waiting = self.lock();
        let lanes = [&waiting.attempts, &waiting.api, &waiting.new, &waiting.output, &waiting.retention];
        lanes.into_iter().all(VecDeque::is_empty)
    }

    /// Takes no more requests; those that wait are still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.iter().for_each(Condvar::notify_one);
    }

    /// Waits until there is something to do, for at most so long.
    pub(crate) fn wait(&self, turns: &Turns, at_most: Option<Duration>) -> Waited {
        self.wait_as(turns.takes, true, at_most)
    }

    /// Takes nothing for so long, and leaves it to the other writer.
    pub(crate) fn stand_back(&self, turns: &Turns, at_most: Duration) -> Waited {
        self.wait_as(turns.takes, false, Some(at_most))
    }

    fn wait_as(&self, takes: Takes, listens: bool, at_most: Option<Duration>) -> Waited {
        let deadline = at_most.map(|at_most| Instant::now() + at_most);
        let Some(ready) = self.ready.get(takes.writer()) else { return Waited::Closed };
        let mut waiting = self.lock();
        waiting.change_writer(takes, |writer| writer.new_jobs = 0);
        if !listens {
            // What was left to this writer is another one's now.
            self.notify(waiting.wake());
        }
        let waited = loop {
            if listens && waiting.has_work(takes.writer()) {
                break Waited::Work;
            }
            if waiting.closed {
                break Waited::Closed;
            }
            waiting.change_writer(takes, |writer| writer.waits = listens);
            waiting = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => ready.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break Waited::TimeUp,
                Some(left) => ready.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        };
        waiting.change_writer(takes, |writer| writer.waits = false);
        waited
    }

    /// The next request of this group; `None` when nothing waits or the group is full.
    pub(crate) fn take(&self, turns: &mut Turns) -> Option<Box<dyn Request>> {
        let now = self.machine.now();
        if turns.group_is_full(now) {
            return None;
        }
        // Dropped without the lock: a request may hold the last handle of the store, whose end closes the lanes.
        let mut given_up = Vec::new();
        let mut waiting = self.lock();
        for &lane in turns.order() {
            if lane == Lane::Retention && turns.retention_taken {
                continue;
            }
            if lane == Lane::New && !turns.is_open && waiting.leaves_new(turns.takes.writer()) {
                continue;
            }
            if let Some(request) = waiting.pop(lane, &mut given_up) {
                if lane == Lane::New {
                    waiting.change_writer(turns.takes, |writer| writer.new_jobs += 1);
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
#[path = "lanes_tests.rs"]
mod tests;
