//! A server of a history: everything that dies with the process, around the real core, service and store.

use super::client::Answer;
use super::clock::SimulatedClock;
use super::dice::Dice;
use super::disk::Disk;
use super::executor::registry;
use super::plan::Plan;
use super::rests::Rests;
use super::tasks::{TaskId, Tasks};
use crate::core::{Alarm, Core, Input, SlotCounts, Step, WindowLoad};
use crate::driver::CoreStatus;
use crate::lease::{Leadership, RETENTION};
use crate::mailbox::Mailbox;
use crate::reconcile::bell::Bell;
use crate::reconcile::{holds, retention};
use crate::runner::Runner;
use crate::{SchedulerSettings, Service, ServiceError, StartError, cancelling, claiming, recovery};
use oneoff_domain::{AttemptOutcome, Clock, EventKind, ExecutionId, NewEvent, Timestamp};
use oneoff_executors::{StopSignal, StopTrigger, Unwatched};
use oneoff_storage::inline::{Commits, Inline};
use oneoff_storage::{
    CancelledAttempt, Change, ClaimRequest, ClaimedJob, Finish, FinishResult, NewOutputChunk, PendingJob,
    Store, StoreError, StoreOptions,
};
use serde_json::Map;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What a task of the server came to.
pub(super) enum Done {
    /// A part of the window was read.
    Window(WindowLoad, Result<Vec<PendingJob>, StoreError>),
    /// Claims were answered: what the core is to be told.
    Claims(Vec<Input>),
    /// Running attempts are to end, as was found after a failure.
    Cancelled(Vec<CancelledAttempt>),
    /// A step of the clock was recorded, or not.
    ClockStep,
    /// Output was stored, or not.
    Flushed(ExecutionId, Result<(), StoreError>),
    /// An outcome was recorded, or not.
    Finished(ExecutionId, Result<FinishResult, StoreError>),
    /// An operation of a client was answered.
    Answered(u64, Box<Result<Answer, ServiceError>>),
    /// A reconciler ended, as they do when the store is closed.
    Ended,
}

/// An attempt as the server knows it.
pub(super) struct Attempt {
    pub(super) claimed: Box<ClaimedJob>,
    pub(super) stop: StopSignal,
    /// How it will end, unless it is stopped.
    pub(super) outcome: AttemptOutcome,
    pub(super) began: Duration,
    /// Whether its process was told to end.
    pub(super) is_stopping: bool,
    /// Output that is not known to be stored.
    pub(super) unstored: Vec<NewOutputChunk>,
    pub(super) output_bytes: i64,
    /// The outcome, from the end of the process until it is recorded.
    pub(super) finish: Option<Finish>,
    /// Whether an outcome may have been recorded although the store said that it failed.
    pub(super) is_unknown: bool,
    pub(super) tries: u32,
}

/// The server.
pub(super) struct Server {
    // Before the store, so that nothing in them outlives it.
    pub(super) tasks: Tasks<Done>,
    pub(super) core: Core,
    pub(super) service: Service,
    pub(super) runner: Runner,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) store: Store,
    pub(super) inline: Inline,
    pub(super) alarms: BTreeMap<Alarm, Arc<Bell>>,
    pub(super) rests: Rests,
    pub(super) inputs: Vec<Input>,
    pub(super) attempts: BTreeMap<ExecutionId, Attempt>,
    /// Whether a commit is planned.
    pub(super) is_commit_planned: bool,
    /// The number of the planned step of the core; earlier ones are out of date.
    pub(super) wake: u64,
    /// Steps in a row that were asked for at once and led to nothing.
    pub(super) idle_steps: u32,
}

/// What a server stands on.
pub(super) struct Ground<'a> {
    pub(super) plan: &'a Plan,
    pub(super) clock: &'a Arc<SimulatedClock>,
    pub(super) disk: &'a Arc<Disk>,
    pub(super) random: &'a Arc<Dice>,
    pub(super) first_task: TaskId,
    /// Whether it dies after the processes of lost attempts were ended.
    pub(super) dies_in_recovery: bool,
}

impl Server {
    /// Opens the file as a new process does, recovers, and begins to work. `end` ends processes that were left.
    pub(super) fn start(
        file: &Path,
        ground: &Ground<'_>,
        end: impl FnOnce(Vec<ExecutionId>),
    ) -> Result<Self, StartError> {
        let clock: Arc<dyn Clock> = ground.clock.clone();
        let (store, inline) = Store::open_inline(
            StoreOptions::new(file),
            clock.now(),
            Commits::WhenTold,
            Arc::clone(ground.disk) as _,
        )
        .map_err(|error| StartError::Recovery(StoreError::Unavailable(Arc::new(error))))?;
        let settings = settings(ground.plan);
        let keep = settings.retention.clone();
        let began = ground.clock.both();
        let doubts_clock = complete(
            &inline,
            recovery::doubts_clock(&store, clock.as_ref(), settings.retention.longest_pause()),
        )??;
        let sweep = async |lost| {
            end(lost);
            if ground.dies_in_recovery { Err(StartError::Survivors(0)) } else { Ok(()) }
        };
        complete(&inline, recovery::recover(&store, clock.as_ref(), None, sweep))??;
        let last_event = complete(&inline, store.last_event_sequence())?.map_err(StartError::Recovery)?;
        let mailbox = Arc::new(Mailbox::new(last_event));
        store.listen(mailbox.clone());
        if doubts_clock {
            mailbox.send(Input::DoubtClock);
        }
        let random = Arc::clone(ground.random);
        let runner = Runner::new(
            store.clone(),
            registry(),
            clock.clone(),
            random.clone(),
            mailbox.clone(),
            Arc::new(Unwatched),
        );
        mailbox.send(Input::Committed(vec![Change::Catalog(store.catalog())]));
        let given =
            SlotCounts { total: ground.plan.workers, reserved: 0, by_type: ground.plan.type_limits.clone() };
        let mut core = Core::with_limits(given, random, ground.plan.limits);
        core.began(began);
        let service = Service::new(store.clone(), &runner, settings, Arc::new(CoreStatus::default()));
        let (look_at_holds, look_at_retention) = (Arc::<Bell>::default(), Arc::<Bell>::default());
        let mut tasks = Tasks::starting_at(ground.first_task);
        let holds = holds::run(store.clone(), clock.clone(), mailbox.clone(), look_at_holds.clone());
        let leadership = Arc::new(Leadership::for_ever(RETENTION));
        let retention = retention::run(
            store.clone(),
            clock,
            mailbox.clone(),
            look_at_retention.clone(),
            keep,
            leadership,
        );
        tasks.spawn(async {
            holds.await;
            Done::Ended
        });
        tasks.spawn(async {
            retention.await;
            Done::Ended
        });
        Ok(Self {
            tasks,
            core,
            service,
            runner,
            mailbox,
            store,
            inline,
            alarms: BTreeMap::from([(Alarm::Holds, look_at_holds), (Alarm::Retention, look_at_retention)]),
            rests: Rests::default(),
            inputs: Vec::new(),
            attempts: BTreeMap::new(),
            is_commit_planned: false,
            wake: 0,
            idle_steps: 0,
        })
    }

    /// One step of the core with everything that has come in.
    pub(super) fn step(&mut self, clock: &SimulatedClock) -> Step {
        let inputs = std::mem::take(&mut self.inputs);
        self.core.step(clock.both(), inputs)
    }

    /// Takes in what the mailbox has; answers whether anything waits for the core.
    pub(super) fn take_mail(&mut self) -> bool {
        self.inputs.extend(self.mailbox.receive(Duration::ZERO));
        !self.inputs.is_empty()
    }

    pub(super) fn load_window(&mut self, load: WindowLoad) {
        let store = self.store.clone();
        self.tasks.spawn(async move {
            let answer = store.pending_window(load.after, load.until, load.limit).await;
            Done::Window(load, answer)
        });
    }

    pub(super) fn claim(&mut self, clock: Arc<SimulatedClock>, requests: Vec<ClaimRequest>) {
        let (store, rests) = (self.store.clone(), self.rests.clone());
        self.tasks.spawn(async move {
            let rest = async |time| rests.rest(time).await;
            Done::Claims(claiming::claim(&store, clock, requests, rest).await)
        });
    }

    pub(super) fn find_cancelled(&mut self) {
        let (store, rests) = (self.store.clone(), self.rests.clone());
        self.tasks.spawn(async move {
            let rest = async |time| rests.rest(time).await;
            Done::Cancelled(cancelling::find(&store, rest).await)
        });
    }

    pub(super) fn record_clock_step(&mut self, now: Timestamp) {
        let event = NewEvent {
            kind: EventKind::ClockStep,
            job_id: None,
            execution_id: None,
            project_id: "default".to_owned(),
            data: Map::new(),
        };
        let store = self.store.clone();
        self.tasks.spawn(async move {
            let _tried = store.record_event(now, event).await;
            Done::ClockStep
        });
    }

    /// Enters a claimed job as the runner does.
    pub(super) fn enter(
        &mut self,
        claimed: Box<ClaimedJob>,
        outcome: AttemptOutcome,
        now: Timestamp,
        began: Duration,
    ) {
        let (trigger, stop) = StopTrigger::new();
        self.runner.running.enter(&claimed, now, Arc::new(trigger));
        let attempt = Attempt {
            claimed,
            stop,
            outcome,
            began,
            is_stopping: false,
            unstored: Vec::new(),
            output_bytes: 0,
            finish: None,
            is_unknown: false,
            tries: 0,
        };
        self.attempts.insert(attempt.claimed.execution_id, attempt);
    }

    pub(super) fn flush(&mut self, execution: ExecutionId) {
        let Some(attempt) = self.attempts.get(&execution).filter(|attempt| attempt.finish.is_none()) else {
            return;
        };
        let (store, chunks, bytes) = (self.store.clone(), attempt.unstored.clone(), attempt.output_bytes);
        self.tasks.spawn(async move {
            Done::Flushed(execution, store.append_output(execution, chunks, bytes).await)
        });
    }

    pub(super) fn finish(&mut self, finish: Finish) {
        let store = self.store.clone();
        self.tasks.spawn(async move {
            let execution = finish.execution_id;
            Done::Finished(execution, store.finish(finish).await)
        });
    }
}

fn settings(plan: &Plan) -> SchedulerSettings {
    SchedulerSettings {
        workers_count: plan.workers,
        type_limits: plan.type_limits.clone(),
        retention: plan.retention.clone(),
        ..SchedulerSettings::default()
    }
}

/// Lets a future of a server that starts run to its end; nothing else runs beside it.
fn complete<T>(inline: &Inline, future: impl Future<Output = T>) -> Result<T, StartError> {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(value);
        }
        if inline.commit(usize::MAX) == 0 {
            return Err(StartError::Recovery(StoreError::Closed));
        }
    }
}

/// The answer of a read that is ready at once.
pub(super) fn read_now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(StoreError::Closed),
    }
}
