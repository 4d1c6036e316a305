//! The scheduler's own thread: feeds the core with inputs and the clock, and carries out its effects.

use crate::core::{Alarm, Core, Effect, Input, Now, Step, WindowLoad};
use crate::mailbox::Mailbox;
use crate::reconcile::bell::Bell;
use crate::runner::Runner;
use crate::{attempt_metrics, cancelling, claiming};
use oneoff_domain::{BootTime, Clock, EventKind, NewEvent, Timestamp};
use oneoff_executors::StopReason;
use oneoff_storage::{ClaimRequest, Store};
use serde_json::{Map, json};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The longest sleep: the wall clock may be set while the thread sleeps.
const SLICE: Duration = Duration::from_secs(1);

/// What others may read of the core.
#[derive(Default)]
pub(crate) struct CoreStatus {
    workers: AtomicUsize,
    pub(crate) queued: AtomicUsize,
    pub(crate) paused: Mutex<Option<&'static str>>,
    /// Up to which event it is known what other nodes have changed.
    pub(crate) followed: AtomicI64,
    /// When the thread looked at what is to be done, in boot time.
    looked_us: AtomicU64,
}

impl CoreStatus {
    /// The worker slots there are.
    pub(crate) fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    pub(crate) fn set_workers(&self, workers: usize) {
        self.workers.store(workers, Ordering::Relaxed);
    }

    /// Why nothing is claimed, where that is so.
    pub(crate) fn paused(&self) -> Option<&'static str> {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the thread has not looked at what is to be done. It does so every second.
    pub(crate) fn silent_for(&self, now: BootTime) -> Duration {
        now.since(BootTime(Duration::from_micros(self.looked_us.load(Ordering::Relaxed))))
    }

    /// The thread looks at what is to be done.
    pub(crate) fn looks(&self, now: BootTime) {
        self.looked_us.store(u64::try_from(now.0.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// The thread's parts.
pub(crate) struct Driver {
    pub(crate) core: Core,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) runtime: Handle,
    pub(crate) status: Arc<CoreStatus>,
    pub(crate) alarms: HashMap<Alarm, Arc<Bell>>,
    /// Told when, after a stop, nothing can be started any more.
    pub(crate) quiet: Arc<Notify>,
    pub(crate) ended: Arc<AtomicBool>,
}

impl Driver {
    /// Runs until it is told to end. A panic must not end all scheduling in silence: what waits is read again.
    pub(crate) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.turn_until_ended())).is_err() {
            tracing::error!("the scheduler's thread panicked; it reads again what waits and goes on");
            self.core.forget_all();
            std::thread::sleep(SLICE);
        }
    }

    fn turn_until_ended(&mut self) {
        let mut inputs = Vec::new();
        while !self.ended.load(Ordering::Acquire) {
            let now = self.now();
            let Step { effects, wake_at } = self.core.step(now, inputs);
            self.publish(now);
            effects.into_iter().for_each(|effect| self.carry_out(effect, now.wall));
            let sleep = wake_at.map_or(SLICE, |at| at.since(self.clock.now())).min(SLICE);
            inputs = self.mailbox.receive(sleep);
        }
    }

    fn now(&self) -> Now {
        Now { wall: self.clock.now(), boot: self.clock.boot_time() }
    }

    fn publish(&self, now: Now) {
        self.status.looks(now.boot);
        attempt_metrics::waited(self.core.waits());
        self.status.queued.store(self.core.queued(), Ordering::Relaxed);
        *self.status.paused.lock().unwrap_or_else(PoisonError::into_inner) = self.core.paused(now);
    }

    fn carry_out(&self, effect: Effect, now: Timestamp) {
        match effect {
            Effect::LoadWindow(load) => self.load_window(load),
            Effect::Claim(requests) => self.claim(requests),
            Effect::Start(claimed) => self.runner.clone().start(claimed, &self.runtime),
            Effect::Abandon(claimed) => self.runner.clone().abandon(claimed, &self.runtime),
            Effect::EndAttempts => self.end_attempts(),
            Effect::Cancel(attempt) => self.runner.running.cancel_attempt(attempt),
            Effect::FindCancelled => self.find_cancelled(),
            Effect::SlotsChanged(counts) => self.status.set_workers(counts.total),
            Effect::Ring(alarm) => {
                if let Some(alarm) = self.alarms.get(&alarm) {
                    alarm.ring(now);
                }
            }
            Effect::Quiet => self.quiet.notify_one(),
            Effect::ClockStepped { jumped_us } => self.record_clock_step(jumped_us),
        }
    }

    fn load_window(&self, load: WindowLoad) {
        let (store, mailbox) = (self.store.clone(), self.mailbox.clone());
        self.runtime.spawn(async move {
            let answer = match store.pending_window(load.after, load.until, load.limit).await {
                Ok(jobs) => Input::WindowLoaded { load, jobs },
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "cannot read the next jobs");
                    Input::WindowFailed
                }
            };
            mailbox.send(answer);
        });
    }

    fn claim(&self, requests: Vec<ClaimRequest>) {
        let (store, mailbox, clock) = (self.store.clone(), self.mailbox.clone(), self.clock.clone());
        self.runtime.spawn(async move {
            for answer in claiming::claim(&store, clock, requests, tokio::time::sleep).await {
                mailbox.send(answer);
            }
        });
    }

    fn end_attempts(&self) {
        let running = *self.runner.running.count().borrow();
        if running > 0 {
            tracing::warn!(running, "this node's lease is over: what it runs is ended");
        }
        self.runner.running.stop_all(StopReason::LeaseLost);
    }

    fn find_cancelled(&self) {
        let (store, running) = (self.store.clone(), self.runner.running.clone());
        self.runtime.spawn(async move {
            for attempt in cancelling::find(&store, tokio::time::sleep).await {
                running.cancel_attempt(attempt);
            }
        });
    }

    fn record_clock_step(&self, jumped_us: i64) {
        let seconds = jumped_us / 1_000_000;
        tracing::warn!(seconds, "the wall clock jumped; nothing is started until it has held for a minute");
        let mut data = Map::new();
        data.insert("jumped_ms".to_owned(), json!(jumped_us / 1_000));
        let event = NewEvent {
            kind: EventKind::ClockStep,
            job_id: None,
            execution_id: None,
            project_id: "default".to_owned(),
            data,
        };
        let (store, now) = (self.store.clone(), self.clock.now());
        self.runtime.spawn(async move {
            if let Err(error) = store.record_event(now, event).await {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot record the clock's jump");
            }
        });
    }
}
