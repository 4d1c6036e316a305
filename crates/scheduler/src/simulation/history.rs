//! One history: an agenda of what happens when, and the loop that lets it happen.

use super::book::Book;
use super::client::{Clients, Request};
use super::clock::SimulatedClock;
use super::dice::Dice;
use super::disk::Disk;
use super::freed::Freed;
use super::machine::{Place, SetUpError};
use super::plan::Plan;
use super::processes::Process;
use super::server::Server;
use super::tasks::TaskId;
use super::trace::Trace;
use super::violation::{Violation, ensure};
use oneoff_domain::{Clock, ExecutionId, Timestamp};
use oneoff_storage::Finish;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Notify;

/// More than this many happenings, and the history will never be over.
const HAPPENINGS_MAX: u64 = 200_000;
/// From here on a pause is slept through: the machine is suspended until something is due.
const SLEEPS_FROM_US: u64 = 2_000_000;

/// Something that is to happen. What belongs to a server names its number, and dies with it.
#[derive(Debug)]
pub(super) enum Happening {
    /// A client asks for something.
    Ask,
    /// Something bad.
    Disturb,
    /// The disk is well again.
    Heal,
    /// The server starts.
    Start,
    /// Somebody compares everything with the book.
    Look,
    /// A process ends.
    ProcessEnds(ExecutionId),
    /// An outcome of an attempt that was given up, or was recorded already, comes once more.
    Late(Box<Finish>),
    /// The writer commits.
    Commit(u64),
    /// The core steps.
    Wake(u64, u64),
    /// A task is polled.
    Poll(u64, TaskId),
    /// A pause of a task is over.
    Rested(u64, Arc<Notify>),
    /// An attempt's output is stored.
    Flush(u64, ExecutionId),
    /// An attempt's outcome is offered again.
    Record(u64, ExecutionId),
}

/// A history.
pub(super) struct History {
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    pub(super) random: Arc<Dice>,
    pub(super) clock: Arc<SimulatedClock>,
    pub(super) disk: Arc<Disk>,
    pub(super) file: PathBuf,
    pub(super) trace: Trace,
    pub(super) book: Book,
    pub(super) clients: Clients,
    pub(super) server: Option<Server>,
    /// The number of the present server.
    pub(super) generation: u64,
    pub(super) next_task: TaskId,
    /// What runs on the machine, whether or not a server knows of it.
    pub(super) processes: BTreeMap<ExecutionId, Process>,
    /// Requests that wait for an answer, by the task that asks.
    pub(super) asked: BTreeMap<TaskId, Request>,
    agenda: BTreeMap<(u64, u64), Happening>,
    added: u64,
    /// When something last went wrong or came back.
    pub(super) disturbed_at_us: u64,
    /// When an attempt last started, or a job was missed instead.
    pub(super) started_at_us: u64,
    /// What attempts have set free.
    pub(super) freed: Freed,
    /// When the machine last woke from a sleep.
    pub(super) woke_at_us: u64,
    /// The latest wall time there was.
    pub(super) latest_wall: Timestamp,
    pub(super) operations_left: u64,
    pub(super) disturbances_left: u64,
}

impl History {
    pub(super) fn new(seed: u64, place: &Place, trace_lines: usize) -> Result<Self, SetUpError> {
        let dice = Dice::new(seed, 1);
        let plan = Plan::new(&dice);
        let clock = Arc::new(SimulatedClock::default());
        let mut history = Self {
            random: Arc::new(Dice::new(seed, 2)),
            disk: Arc::new(Disk::new(seed, Arc::clone(&clock))),
            file: place.database()?,
            trace: Trace::keeping(trace_lines),
            book: Book::default(),
            clients: Clients::default(),
            server: None,
            generation: 0,
            next_task: 0,
            processes: BTreeMap::new(),
            asked: BTreeMap::new(),
            agenda: BTreeMap::new(),
            added: 0,
            disturbed_at_us: 0,
            started_at_us: 0,
            freed: Freed::default(),
            woke_at_us: 0,
            latest_wall: clock.now(),
            operations_left: plan.operations,
            disturbances_left: plan.disturbances,
            dice,
            plan,
            clock,
        };
        history.note(format_args!("{:?}", history.plan.clone()));
        for happening in [Happening::Start, Happening::Ask, Happening::Disturb, Happening::Look] {
            history.after(0, happening);
        }
        Ok(history)
    }

    /// The last lines of the trace.
    pub(super) fn into_trace(self) -> Vec<String> {
        self.trace.into_kept()
    }

    /// Adds a line to the trace.
    pub(super) fn note(&mut self, text: std::fmt::Arguments<'_>) {
        self.trace.add(self.clock.passed_us(), text);
    }

    /// Plans something so many microseconds from now.
    pub(super) fn after(&mut self, delay_us: u64, happening: Happening) {
        self.added += 1;
        let at_us = self.clock.passed_us().saturating_add(delay_us);
        self.agenda.insert((at_us, self.added), happening);
    }

    /// A delay as this history has them.
    pub(super) fn delay_us(&self) -> u64 {
        self.dice.spread(1..self.plan.delay_max_us)
    }

    /// Lets everything happen.
    pub(super) fn run(&mut self) -> Result<(), Violation> {
        for _ in 0..HAPPENINGS_MAX {
            let Some((&(at_us, number), happening)) = self.agenda.first_key_value() else {
                return Err(Violation::new("a history goes on until it is over", "nothing is planned"));
            };
            let sleeps =
                matches!(happening, Happening::Wake(..)) && at_us > self.clock.passed_us() + SLEEPS_FROM_US;
            let at_us = if sleeps { self.sleep_until(at_us)? } else { at_us };
            self.clock.pass_until(at_us);
            self.latest_wall = self.latest_wall.max(self.clock.now());
            let Some(happening) = self
                .agenda
                .remove(&(at_us, number))
                .or_else(|| self.agenda.pop_first().map(|(_, next)| next))
            else {
                continue;
            };
            if self.happen(happening)? {
                return Ok(());
            }
        }
        Err(Violation::new("a history comes to its end", format!("{HAPPENINGS_MAX} things happened")))
    }

    /// Until when the machine sleeps, instead of until `at_us`: alarms that ring every minute would make long
    /// histories slow. A machine may be suspended at any time.
    fn sleep_until(&mut self, at_us: u64) -> Result<u64, Violation> {
        let busy_us = self
            .agenda
            .iter()
            .find(|(_, next)| !matches!(next, Happening::Wake(..) | Happening::Look))
            .map(|((at_us, _), _)| *at_us);
        let due_us = self.next_due_us()?;
        let until = busy_us.into_iter().chain(due_us).min().unwrap_or(at_us);
        self.woke_at_us = self.woke_at_us.max(until);
        Ok(until.max(at_us))
    }

    fn happen(&mut self, happening: Happening) -> Result<bool, Violation> {
        match happening {
            Happening::Ask => self.ask(),
            Happening::Disturb => self.disturb()?,
            Happening::Heal => self.heal(),
            Happening::Start => self.start()?,
            Happening::Look => return self.look(),
            Happening::ProcessEnds(execution) => self.process_ends(execution),
            Happening::Late(finish) => self.late(*finish),
            Happening::Commit(server) if self.is_current(server) => self.commit()?,
            Happening::Wake(server, wake) if self.is_current(server) => self.wake(wake)?,
            Happening::Poll(server, task) if self.is_current(server) => self.poll(task)?,
            Happening::Rested(server, over) if self.is_current(server) => over.notify_one(),
            Happening::Flush(server, execution) if self.is_current(server) => self.flush(execution),
            Happening::Record(server, execution) if self.is_current(server) => self.record(execution),
            Happening::Commit(_)
            | Happening::Wake(..)
            | Happening::Poll(..)
            | Happening::Rested(..)
            | Happening::Flush(..)
            | Happening::Record(..) => {}
        }
        self.follow_up();
        Ok(false)
    }

    fn is_current(&self, server: u64) -> bool {
        self.server.is_some() && self.generation == server
    }

    /// Plans what the last happening led to: polls of woken tasks, a commit, a step of the core, ends of processes.
    pub(super) fn follow_up(&mut self) {
        let Some(server) = &mut self.server else { return };
        let generation = self.generation;
        let woken = server.tasks.take_woken();
        let has_mail = server.take_mail();
        for (time, over) in server.rests.take() {
            let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.after(time_us, Happening::Rested(generation, over));
        }
        for task in woken {
            let delay_us = self.delay_us();
            self.after(delay_us, Happening::Poll(generation, task));
        }
        if has_mail {
            let delay_us = self.dice.within(0..1000);
            self.plan_wake(delay_us);
        }
        self.stop_processes();
    }

    /// Plans the next step of the core, instead of an earlier plan.
    pub(super) fn plan_wake(&mut self, delay_us: u64) {
        let Some(server) = &mut self.server else { return };
        server.wake += 1;
        let wake = server.wake;
        self.after(delay_us, Happening::Wake(self.generation, wake));
    }

    /// Plans a commit, where none is planned.
    pub(super) fn plan_commit(&mut self) {
        let delay_us = self.delay_us();
        let generation = self.generation;
        let Some(server) = &mut self.server else { return };
        if !std::mem::replace(&mut server.is_commit_planned, true) {
            self.after(delay_us, Happening::Commit(generation));
        }
    }

    fn ask(&mut self) {
        if self.operations_left == 0 {
            return;
        }
        self.operations_left -= 1;
        let pause_us = self.dice.spread(1..self.plan.pause_max_us);
        self.after(pause_us, Happening::Ask);
        let (now, passed_us) = (self.clock.now(), self.clock.passed_us());
        let (request, context) = self.clients.next(&self.dice, &self.plan, now, passed_us);
        let Some(server) = &mut self.server else { return };
        let service = server.service.clone();
        let task = server.tasks.next();
        let asking = super::client::ask(service, server.store.clone(), context, request.clone());
        server.tasks.spawn(async move { super::server::Done::Answered(task, Box::new(asking.await)) });
        let what = match &request {
            Request::Create(draft) => format!(
                "create {:?} {:?} at {:?} late {:?} {:?}",
                draft.name,
                draft.concurrency_key,
                draft.schedule.at,
                draft.max_lateness_seconds,
                draft.on_crash
            ),
            Request::CreateMany(many) => {
                format!("create {} together, atomic {}", many.drafts.len(), many.atomic)
            }
            other => format!("{other:?}"),
        };
        self.asked.insert(task, request);
        self.note(format_args!("ask {task}: {what}"));
    }

    /// Whether clients, disturbances and attempts are through.
    pub(super) fn is_calm_for(&self, calm_us: u64) -> bool {
        self.disk.is_well() && self.clock.passed_us() >= self.disturbed_at_us.saturating_add(calm_us)
    }

    /// A wall time as microseconds since the history began, by the clock as it is now.
    pub(super) fn passed_us_at(&self, wall: Timestamp) -> u64 {
        let left = u64::try_from(wall.micros_since(self.clock.now())).unwrap_or(0);
        self.clock.passed_us().saturating_add(left)
    }

    /// The server that must be there.
    pub(super) fn server(&mut self) -> Result<&mut Server, Violation> {
        self.server
            .as_mut()
            .ok_or_else(|| Violation::new("the simulation itself is right", "there is no server"))
    }

    /// A number of happenings of the same kind that lead nowhere is a busy loop.
    pub(super) fn ensure_not_spinning(&mut self) -> Result<(), Violation> {
        let server = self.server()?;
        server.idle_steps += 1;
        let idle_steps = server.idle_steps;
        ensure(idle_steps < 100, "the scheduler sleeps until something is due", || {
            format!("{idle_steps} steps in a row asked for the next one at once and did nothing")
        })
    }
}
