//! What the server does: its commits, the steps of its core, and the answers that its tasks get.

use super::client::{Answer, Request};
use super::history::{Happening, History};
use super::server::{Done, read_now};
use super::tasks::{Polled, TaskId};
use super::violation::{Violation, ensure};
use crate::ServiceError;
use crate::core::{Effect, Input, Step};
use oneoff_domain::{Clock, EventKind, Job, JobId, Timestamp};
use oneoff_storage::{BulkOutcome, ClaimRequest, ClaimResult};

/// Events that are read at once.
const EVENTS: usize = 500;

impl History {
    /// The writer commits some of what waits.
    pub(super) fn commit(&mut self) -> Result<(), Violation> {
        let at_most = usize::try_from(self.dice.within(1..self.plan.group_max + 1)).unwrap_or(1);
        let server = self.server()?;
        server.is_commit_planned = false;
        let count = server.inline.commit(at_most);
        let has_work = server.inline.has_work();
        if count > 0 {
            self.note(format_args!("commit of {count}"));
            self.read_events()?;
        }
        if has_work {
            self.plan_commit();
        }
        self.plan_reopening();
        Ok(())
    }

    /// The writer opens a lost connection anew, although nobody writes.
    fn plan_reopening(&mut self) {
        let generation = self.generation;
        let Some(server) = self.server.as_mut().filter(|server| !server.is_commit_planned) else { return };
        if let Some(left) = server.inline.reopens_in() {
            server.is_commit_planned = true;
            let left_us = u64::try_from(left.as_micros()).unwrap_or(u64::MAX);
            self.after(left_us.saturating_add(1), Happening::Commit(generation));
        }
    }

    /// Reads the outbox into the book.
    pub(super) fn read_events(&mut self) -> Result<(), Violation> {
        loop {
            let Some(server) = &self.server else { return Ok(()) };
            let cursor = self.book.sequence;
            let read = self.disk.quietly(|| read_now(server.store.events_after(cursor, EVENTS)));
            let Some(events) = read.map_err(|error| Violation::no_answer(&error))? else {
                return Err(Violation::new(
                    "a reader at the end of the outbox misses nothing",
                    format!("cursor {cursor}"),
                ));
            };
            let is_all = events.len() < EVENTS;
            for event in events {
                self.note(format_args!(
                    "event {} {} {:?} {:?}",
                    event.sequence, event.event.kind, event.event.job_id, event.event.execution_id
                ));
                self.book.tell(&event)?;
                if let (Some(job), Some(execution)) = (event.event.job_id, event.event.execution_id) {
                    self.note_end(execution, job)?;
                }
                self.look_at_event(
                    event.event.kind,
                    event.event.job_id,
                    event.event.data.get("lateness_us"),
                )?;
            }
            if is_all {
                return Ok(());
            }
        }
    }

    fn look_at_event(
        &mut self,
        kind: EventKind,
        job: Option<JobId>,
        lateness_us: Option<&serde_json::Value>,
    ) -> Result<(), Violation> {
        let Some(id) = job.filter(|_| matches!(kind, EventKind::JobCreated | EventKind::JobMissed)) else {
            return Ok(());
        };
        let Some(job) = self.stored(id)? else { return Ok(()) };
        if kind == EventKind::JobCreated {
            return self.clients.made(&job, self.clock.passed_us());
        }
        self.started_at_us = self.clock.passed_us();
        let late_us = lateness_us.and_then(serde_json::Value::as_i64).unwrap_or(0);
        let allowed_us = job.definition.max_lateness_seconds.map(|seconds| i64::from(seconds) * 1_000_000);
        ensure(
            allowed_us.is_some_and(|allowed_us| late_us > allowed_us),
            "only what is too late is missed",
            || format!("job {id} is missed, {late_us} us late, of {allowed_us:?}"),
        )
    }

    /// A job as the store has it.
    pub(super) fn stored(&mut self, id: JobId) -> Result<Option<Job>, Violation> {
        let disk = self.disk.clone();
        let store = self.server()?.store.clone();
        disk.quietly(|| read_now(store.job(id))).map_err(|error| Violation::no_answer(&error))
    }

    /// The core steps, if this is its last plan.
    pub(super) fn wake(&mut self, wake: u64) -> Result<(), Violation> {
        let clock = self.clock.clone();
        let server = self.server()?;
        if server.wake != wake {
            return Ok(());
        }
        let was_told = !server.inputs.is_empty();
        let Step { effects, wake_at } = server.step(&clock);
        let is_idle = !was_told && effects.is_empty();
        for effect in effects {
            self.carry_out(effect)?;
        }
        let delay_us = wake_at.map(|at| u64::try_from(at.micros_since(clock.now())).unwrap_or(0));
        match delay_us {
            Some(0) if is_idle => self.ensure_not_spinning()?,
            _ => self.server()?.idle_steps = 0,
        }
        if let Some(delay_us) = delay_us {
            let oversleeps_us = self.dice.within(0..2000);
            self.plan_wake(delay_us.saturating_add(oversleeps_us));
        }
        Ok(())
    }

    fn carry_out(&mut self, effect: Effect) -> Result<(), Violation> {
        let now = self.clock.now();
        match effect {
            Effect::LoadWindow(load) => {
                self.note(format_args!("load {load:?}"));
                self.server()?.load_window(load);
            }
            Effect::Claim(requests) => {
                self.note(format_args!("claim {}", keys(&requests)));
                self.ensure_may_claim(now, &requests)?;
                let clock = self.clock.clone();
                self.server()?.claim(clock, requests);
            }
            Effect::Start(claimed) => self.start_attempt(claimed)?,
            Effect::Cancel(attempt) => self.server()?.runner.running.cancel_attempt(attempt),
            Effect::FindCancelled => self.server()?.find_cancelled(),
            Effect::Ring(alarm) => {
                if let Some(alarm) = self.server()?.alarms.get(&alarm) {
                    alarm.ring(now);
                }
            }
            Effect::ClockStepped { jumped_us } => {
                self.note(format_args!("the core saw a step of {jumped_us} us"));
                self.server()?.record_clock_step(now);
            }
            // Only where a lease is needed.
            Effect::Quiet | Effect::Abandon(_) | Effect::EndAttempts | Effect::SlotsChanged(_) => {}
        }
        Ok(())
    }

    fn ensure_may_claim(&mut self, now: Timestamp, requests: &[ClaimRequest]) -> Result<(), Violation> {
        let early = requests.iter().find(|request| request.due_at > now);
        ensure(early.is_none(), "no job starts before its time", || format!("{early:?} at {now}"))?;
        let both = self.clock.both();
        let paused = self.server()?.core.paused(both);
        ensure(paused.is_none(), "nothing is claimed while claiming is paused", || format!("{paused:?}"))
    }

    /// A task is polled.
    pub(super) fn poll(&mut self, task: TaskId) -> Result<(), Violation> {
        if self.asked.contains_key(&task) && self.dice.chance(self.plan.leaving_per_mille) {
            self.note(format_args!("who asked {task} goes away"));
            self.asked.remove(&task);
            self.server()?.tasks.forget(task);
            return Ok(());
        }
        let polled = self.server()?.tasks.poll(task);
        self.plan_commit();
        match polled {
            Polled::Done(done) => self.done(done),
            Polled::Waits(polls) => self.waits(task, polls),
            Polled::Gone => Ok(()),
        }
    }

    /// Who cancelled a running job waits for its end, by the runtime's timers, which a history does not have.
    fn waits(&mut self, task: TaskId, polls: u32) -> Result<(), Violation> {
        let Some(Request::Cancel(id)) = self.asked.get(&task).filter(|_| polls > 1) else { return Ok(()) };
        let id = *id;
        self.asked.remove(&task);
        self.server()?.tasks.forget(task);
        let job = self.stored(id)?;
        self.note(format_args!("answer {task}: cancels a running job"));
        match job {
            Some(job) if job.state.cancel_requested => self.book.promise(&job),
            _ => Ok(()),
        }
    }

    fn done(&mut self, done: Done) -> Result<(), Violation> {
        match done {
            Done::Window(load, Ok(jobs)) => self.tell_core(Input::WindowLoaded { load, jobs }),
            Done::Window(_, Err(_)) => self.tell_core(Input::WindowFailed),
            Done::Claims(inputs) => self.claims_answered(inputs),
            Done::Flushed(execution, answer) => {
                self.flushed(execution, &answer);
                Ok(())
            }
            Done::Finished(execution, answer) => self.finished(execution, answer),
            Done::Answered(task, answer) => self.answered(task, &answer),
            Done::Cancelled(attempts) => {
                let running = self.server()?.runner.running.clone();
                attempts.into_iter().for_each(|attempt| running.cancel_attempt(attempt));
                Ok(())
            }
            Done::ClockStep | Done::Ended => Ok(()),
        }
    }

    fn tell_core(&mut self, input: Input) -> Result<(), Violation> {
        self.server()?.mailbox.send(input);
        Ok(())
    }

    fn claims_answered(&mut self, inputs: Vec<Input>) -> Result<(), Violation> {
        for input in inputs {
            match &input {
                Input::ClaimsAnswered(results) => {
                    let words: Vec<String> = results.iter().map(word).collect();
                    self.note(format_args!("claims answered: {}", words.join(" ")));
                    for result in results {
                        ensure_in_time(result)?;
                    }
                }
                Input::ClaimsFailed(requests) => self.note(format_args!("claims failed: {}", keys(requests))),
                _ => {}
            }
            self.tell_core(input)?;
        }
        Ok(())
    }

    fn answered(&mut self, task: TaskId, answer: &Result<Answer, ServiceError>) -> Result<(), Violation> {
        let Some(request) = self.asked.remove(&task) else { return Ok(()) };
        match answer {
            Ok(Answer::One(job, replayed)) => self.note(format_args!(
                "answer {task}: {} is {} version {}{}",
                job.id,
                job.state.status,
                job.state.version,
                if *replayed { ", again" } else { "" }
            )),
            Ok(Answer::Many(outcomes)) => self.note(format_args!("answer {task}: {outcomes:?}")),
            Ok(Answer::Done) => self.note(format_args!("answer {task}: done")),
            Err(error) => self.note(format_args!("answer {task}: {error}")),
        }
        let passed_us = self.clock.passed_us();
        match (&request, answer) {
            (Request::Create(draft), Ok(Answer::One(job, _))) => {
                let name = draft.name.as_deref().unwrap_or_default();
                self.clients.answered(name, Ok(job), passed_us)?;
                self.book.promise(job)
            }
            (Request::Create(draft), Err(error)) => {
                self.clients.answered(draft.name.as_deref().unwrap_or_default(), Err(error), passed_us)
            }
            (Request::CreateMany(many), Ok(Answer::Many(outcomes))) => {
                self.clients.answered_many(many, Ok(outcomes), passed_us)?;
                let jobs = outcomes.iter().filter_map(|outcome| match outcome {
                    BulkOutcome::Created(job) => Some(job),
                    _ => None,
                });
                jobs.into_iter().try_for_each(|job| self.book.promise(job))
            }
            (Request::CreateMany(many), Err(error)) => {
                self.clients.answered_many(many, Err(error), passed_us)
            }
            (Request::Delete(id), Ok(_)) => {
                self.book.promise_deleted(*id);
                Ok(())
            }
            (_, Ok(Answer::One(job, _))) => self.book.promise(job),
            (_, Ok(_) | Err(_)) => Ok(()),
        }
    }

    /// When something is due next, in microseconds since the history began; `None` if nothing waits.
    pub(super) fn next_due_us(&mut self) -> Result<Option<u64>, Violation> {
        let Some(server) = &self.server else { return Ok(None) };
        let store = server.store.clone();
        let (due, holds) =
            self.disk.quietly(|| (read_now(store.next_due()), read_now(store.holds_ending(1))));
        let due = due.map_err(|error| Violation::no_answer(&error))?;
        let holds = holds.map_err(|error| Violation::no_answer(&error))?;
        let next = due.into_iter().chain(holds.first().map(|(_, until)| *until)).min();
        Ok(next.map(|at| self.passed_us_at(at)))
    }

    /// Plans the next look.
    pub(super) fn plan_look(&mut self) {
        let delay_us = self.dice.spread(10_000_000..1_800_000_000);
        self.after(delay_us, Happening::Look);
    }
}

/// A claim is written at the time by which it judges what is too late.
fn ensure_in_time(result: &ClaimResult) -> Result<(), Violation> {
    let ClaimResult::Claimed(claimed) = result else { return Ok(()) };
    let is_late = claimed.job.definition.is_too_late(claimed.scheduled_for, claimed.job.updated_at);
    ensure(!is_late, "what is too late is missed", || {
        format!("{} at {}", claimed.execution_id, claimed.job.updated_at)
    })
}

fn keys(requests: &[ClaimRequest]) -> String {
    requests.iter().map(|request| request.job.0.to_string()).collect::<Vec<_>>().join(" ")
}

fn word(result: &ClaimResult) -> String {
    match result {
        ClaimResult::Claimed(claimed) => format!("claimed:{}", claimed.job.key.0),
        ClaimResult::Missed(key) => format!("missed:{}", key.0),
        ClaimResult::KeyBusy(key) => format!("key busy:{}", key.0),
        ClaimResult::LimitReached(key) => format!("limit reached:{}", key.0),
        ClaimResult::Paused(key) => format!("paused:{}", key.0),
        ClaimResult::Gone(key) => format!("gone:{}", key.0),
        ClaimResult::Unreadable(key) => format!("unreadable:{}", key.0),
    }
}
