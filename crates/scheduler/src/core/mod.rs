//! The synchronous core: decides what starts when. `step(now, inputs) -> effects`, and nothing else.
//!
//! No thread, runtime, clock or randomness of its own, so that the same inputs always give the same effects.

mod alarms;
mod aside;
mod catalog;
mod clock_watch;
mod in_flight;
mod input;
mod lease;
mod limits;
mod ready;
mod slots;
mod window;

pub(crate) use input::{Alarm, Effect, Input, Now, Step, WindowLoad};
pub(crate) use limits::Limits;
pub(crate) use slots::SlotCounts;

pub(crate) use clock_watch::TRUST;

use aside::{Line, Lines};
use clock_watch::ClockWatch;
use in_flight::{GivenUp, InFlight};
use lease::Lease;
use oneoff_domain::{BootTime, ExecutionId, JobKey, Random, Timestamp};
use oneoff_storage::{Catalog, Change, ClaimRequest, ClaimResult, ClaimedJob, PendingJob};
use ready::Ready;
use slots::Slots;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use window::Window;

/// How long the core waits after the store refused claims.
const CLAIM_BACKOFF: Duration = Duration::from_millis(500);
/// How long jobs of a type rest of which as many run on all nodes as may.
const LIMIT_REST: Duration = Duration::from_millis(100);

/// What waits, what is due, and what runs.
pub(crate) struct Core {
    random: Arc<dyn Random>,
    limits: Limits,
    window: Window,
    ready: Ready,
    in_flight: InFlight,
    slots: Slots,
    /// What this process was started with; stored settings win over it.
    given: SlotCounts,
    /// Which projects are paused, and what of the settings is stored.
    catalog: Arc<Catalog>,
    clock: ClockWatch,
    lease: Lease,
    alarms: BTreeMap<Alarm, Timestamp>,
    claims_rest_until: Option<BootTime>,
    stopping: bool,
    quiet: bool,
}

impl Core {
    pub(crate) fn new(given: SlotCounts, random: Arc<dyn Random>) -> Self {
        Self::with_limits(given, random, Limits::default())
    }

    pub(crate) fn with_limits(given: SlotCounts, random: Arc<dyn Random>, limits: Limits) -> Self {
        Self {
            random,
            limits,
            window: Window::new(limits),
            ready: Ready::default(),
            in_flight: InFlight::default(),
            slots: Slots::new(given.clone()),
            given,
            catalog: Arc::default(),
            clock: ClockWatch::default(),
            lease: Lease::default(),
            alarms: BTreeMap::new(),
            claims_rest_until: None,
            stopping: false,
            quiet: false,
        }
    }

    /// Nothing is claimed from now on but while a lease is held.
    pub(crate) fn needs_lease(&mut self) {
        self.lease.is_needed();
    }

    /// Takes in what happened and says what is to be done now and when to be asked again.
    pub(crate) fn step(&mut self, now: Now, inputs: Vec<Input>) -> Step {
        let mut effects = Vec::new();
        self.ready.is_now(now.boot);
        if let Some(jumped_us) = self.clock.observe(now) {
            effects.push(Effect::ClockStepped { jumped_us });
            // When they were to ring was said by another clock.
            self.alarms.values_mut().for_each(|at| *at = Timestamp::MIN);
        }
        if self.lease.observe(now, &inputs) {
            effects.push(Effect::EndAttempts);
        }
        for input in inputs {
            self.take(now, input, &mut effects);
        }
        self.ring_alarms(now, &mut effects);
        let Self { ready, in_flight, slots, catalog, .. } = self;
        let lines = Lines { ready, in_flight, slots, catalog };
        let (startable, limits) = (lines.startable(), self.limits);
        if let Some(load) = self.window.wants_load(now.wall, startable, |line| lines.is_short(line, limits)) {
            effects.push(Effect::LoadWindow(load));
        }
        if !self.clock.pauses(now) {
            let due = self.window.take_due(now.wall, self.room());
            due.into_iter().for_each(|job| self.is_due(job));
        }
        if self.may_claim(now) {
            self.claim(now, &mut effects);
        }
        if self.stopping && !self.quiet && self.in_flight.no_claims() {
            self.quiet = true;
            effects.push(Effect::Quiet);
        }
        Step { effects, wake_at: self.wake_at(now) }
    }

    /// Jobs that are due and wait for a slot, a limit or a key.
    pub(crate) fn queued(&self) -> usize {
        self.ready.len() + self.in_flight.parked()
    }

    /// Why nothing is claimed, where that is so.
    pub(crate) fn paused(&self, now: Now) -> Option<&'static str> {
        if self.stopping {
            return Some("the server is stopping");
        }
        if !self.lease.holds() {
            return Some("this node's lease is over; claiming goes on when the database lets it be renewed");
        }
        self.clock.pauses(now).then_some("the clock jumped; claiming goes on when it has held for a minute")
    }

    fn take(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Committed(changes) => changes.into_iter().for_each(|change| self.apply(change, effects)),
            Input::WindowLoaded { load, jobs } => self.window.loaded(&load, jobs),
            Input::WindowFailed => self.window.load_failed(now.wall),
            Input::Reload => {
                self.forget_all();
                self.set_alarm(Alarm::Holds, Timestamp::MIN);
                effects.push(Effect::FindCancelled);
            }
            Input::ClaimsAnswered(results) => {
                results.into_iter().for_each(|result| self.answered(now, result, effects));
            }
            Input::ClaimsFailed(requests) => {
                self.claims_rest_until = Some(now.boot.after(CLAIM_BACKOFF));
                requests.iter().for_each(|request| self.unclaimed(request.job));
            }
            Input::AttemptEnded { job_type, priority } => self.slots.release(&job_type, priority),
            Input::SetAlarm(alarm, at) => self.set_alarm(alarm, at),
            Input::LeaseHeld { .. } | Input::LeaseLost => {}
            Input::DoubtClock => self.clock.doubt(now),
            Input::Stop => self.stopping = true,
        }
    }

    fn apply(&mut self, change: Change, effects: &mut Vec<Effect>) {
        match change {
            Change::Pending(job) => {
                self.forget(job.key);
                self.window.insert(job);
            }
            Change::NotPending(key) => self.forget(key),
            Change::KeyFree(key) => {
                if let Some(next) = self.in_flight.key_freed(&key) {
                    self.ready.insert(next);
                }
            }
            Change::HoldEnds(at) => self.set_alarm(Alarm::Holds, at),
            Change::Cancelled(attempt) => effects.push(Effect::Cancel(attempt)),
            Change::Catalog(catalog) => self.learn(catalog, effects),
        }
    }

    /// Everything that waits is read again; what is claimed or runs stays.
    pub(crate) fn forget_all(&mut self) {
        self.window = Window::new(self.limits);
        self.ready = Ready::default();
        self.in_flight.forget_lines();
    }

    fn forget(&mut self, key: JobKey) {
        self.window.remove(key);
        self.in_flight.unpark(key);
        // The commit of its own claim is told before the answer to that.
        if self.in_flight.job(key).is_none() {
            self.ready.is_left_out(key);
        }
        let next = self.ready.remove(key).and_then(|job| self.in_flight.passed_over(&job));
        if let Some(next) = next {
            self.ready.insert(next);
        }
    }

    fn answered(&mut self, now: Now, result: ClaimResult, effects: &mut Vec<Effect>) {
        match result {
            ClaimResult::Claimed(claimed) => {
                self.in_flight.claimed(claimed.job.key);
                self.ready.is_claimed(claimed.job.key, &claimed.job.definition.job_type);
                effects.push(match self.lease.permits(claimed.fence.epoch) {
                    true => Effect::Start(claimed),
                    false => Effect::Abandon(claimed),
                });
            }
            ClaimResult::KeyBusy(key) => {
                self.release_slot_of(key);
                if let Some(job) = self.in_flight.key_busy(key) {
                    self.ready.insert(job);
                }
            }
            ClaimResult::LimitReached(key) => self.limited_elsewhere(now, key),
            ClaimResult::Paused(key) => self.unclaimed(key),
            ClaimResult::Missed(key) | ClaimResult::Gone(key) | ClaimResult::Unreadable(key) => {
                self.release_slot_of(key);
                self.ready.is_left_out(key);
                let GivenUp { due_again, next, .. } = self.in_flight.given_up(key);
                due_again.into_iter().chain(next).for_each(|job| self.ready.insert(job));
            }
        }
    }

    /// The store could not be asked: the job is as due as before.
    fn unclaimed(&mut self, key: JobKey) {
        self.release_slot_of(key);
        let GivenUp { job, due_again, next } = self.in_flight.given_up(key);
        due_again.or(job).into_iter().chain(next).for_each(|job| self.ready.insert(job));
    }

    /// On all nodes together as many of its type run as may: it is as due as before, and asked for again in a moment.
    fn limited_elsewhere(&mut self, now: Now, key: JobKey) {
        self.release_slot_of(key);
        if let Some(job) = self.in_flight.job(key) {
            self.slots.rest(&job.job_type, now.boot.after(LIMIT_REST));
        }
        let GivenUp { job, due_again, next } = self.in_flight.given_up(key);
        due_again.or(job).into_iter().chain(next).for_each(|job| self.ready.insert(job));
    }

    fn release_slot_of(&mut self, key: JobKey) {
        if let Some(job) = self.in_flight.job(key) {
            self.slots.release(&job.job_type, job.priority);
        }
    }

    /// A job is due. Unless enough of its type are in memory, it is ranked among the others.
    fn is_due(&mut self, job: PendingJob) {
        if self.in_flight.is_parked(job.key) {
            return;
        }
        if self.catalog.is_paused(&job.project_id) {
            return self.window.leave_out(Line::Project(job.project_id.clone()), &job);
        }
        if self.slots.is_limited(&job.job_type) && !self.ready.contains(job.key) {
            let line = Line::Type(job.job_type.clone());
            if self.lines().is_full(&line, self.limits) {
                return self.window.leave_out(line, &job);
            }
        }
        self.ready.insert(job);
    }

    /// Whether so many jobs wait for this one's key that it is left out.
    fn leaves_out_for_key(&mut self, job: &PendingJob) -> bool {
        let Some(key) = job.concurrency_key.as_deref().filter(|key| self.in_flight.is_taken(key)) else {
            return false;
        };
        let line = Line::Key(key.to_owned());
        let is_full = self.lines().is_full(&line, self.limits);
        if is_full {
            self.ready.is_left_out(job.key);
            self.window.leave_out(line, job);
        }
        is_full
    }

    fn lines(&self) -> Lines<'_> {
        let Self { ready, in_flight, slots, catalog, .. } = self;
        Lines { ready, in_flight, slots, catalog }
    }

    fn may_claim(&mut self, now: Now) -> bool {
        if self.claims_rest_until.is_some_and(|until| until <= now.boot) {
            self.claims_rest_until = None;
        }
        !self.stopping && self.lease.holds() && self.claims_rest_until.is_none() && !self.clock.pauses(now)
    }

    fn claim(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let wall = now.wall;
        self.slots.end_rests(now.boot);
        let mut batch = Vec::new();
        while let Some(job) =
            self.ready.take_best(|job_type, priority| self.slots.has_room(job_type, priority))
        {
            if job.due_at > wall {
                self.put_back(job);
                continue;
            }
            if self.catalog.is_paused(&job.project_id) {
                self.set_aside(job);
                continue;
            }
            let Some(job) = self.in_flight.wait_if_claimed(job) else { continue };
            if self.leaves_out_for_key(&job) {
                continue;
            }
            let Some(job) = self.in_flight.park_if_key_taken(job) else { continue };
            self.slots.take(&job.job_type, job.priority);
            batch.push(self.request(&job));
            self.in_flight.begin(job);
            if batch.len() == self.limits.claim_batch {
                effects.push(Effect::Claim(std::mem::take(&mut batch)));
            }
        }
        if !batch.is_empty() {
            effects.push(Effect::Claim(batch));
        }
    }

    /// The clock was set back after the job had become due: it waits for its time again.
    fn put_back(&mut self, job: PendingJob) {
        self.ready.is_left_out(job.key);
        if let Some(next) = self.in_flight.passed_over(&job) {
            self.ready.insert(next);
        }
        self.window.insert(job);
    }

    fn request(&self, job: &PendingJob) -> ClaimRequest {
        ClaimRequest {
            job: job.key,
            due_at: job.due_at,
            execution_id: ExecutionId::generate(self.clock.last_wall(), self.random.as_ref()),
        }
    }

    /// Due jobs that may still be taken out of the window.
    fn room(&self) -> usize {
        self.limits.due_max.saturating_sub(self.lines().startable())
    }

    fn wake_at(&self, now: Now) -> Option<Timestamp> {
        let rest = self.claims_rest_until.map(|until| now.wall.saturating_add(until.since(now.boot)));
        let claiming = match (rest, self.clock.pause_ends(now)) {
            // What is said of it wakes.
            _ if !self.lease.holds() => None,
            (None, None) if self.room() == 0 => None,
            (None, None) => self.window.next_due(),
            (rest, pause) => rest.max(pause),
        };
        let type_rest = self.slots.rest_ends().map(|until| now.wall.saturating_add(until.since(now.boot)));
        let alarm = self.alarms.iter().map(|(alarm, at)| self.rings_at(*alarm, *at, now)).min();
        let lines = self.lines();
        let has_short = self.window.has_short(|line| lines.is_short(line, self.limits));
        let load = self.window.next_load(lines.startable(), has_short);
        [claiming, load, alarm, type_rest, self.lease.ends(now)].into_iter().flatten().min()
    }
}

/// A claimed job on its way to the runner.
pub(crate) type Claimed = Box<ClaimedJob>;

#[cfg(test)]
mod aside_tests;
#[cfg(test)]
mod catalog_tests;
#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod tests;
