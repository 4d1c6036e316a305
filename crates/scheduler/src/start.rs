//! Starting and stopping the scheduler with all its drivers.

use crate::core::{Alarm, Core, Input, Now, SlotCounts};
use crate::driver::{CoreStatus, Driver};
use crate::lease::{Ground, Held, Leadership, Leases, RETENTION, Role, WEBHOOKS};
use crate::mailbox::Mailbox;
use crate::reconcile::bell::Bell;
use crate::reconcile::{alive, holds, key_use, nodes, numbering, retention, search};
use crate::runner::Runner;
use crate::settings::worker_slots;
use crate::shared_clock::SharedClock;
use crate::{SchedulerSettings, Service, recovery};
use oneoff_domain::{Clock, Random};
use oneoff_executors::process::Guardian;
use oneoff_executors::{ProcessWatch, Registry, StopReason, Unwatched};
use oneoff_storage::{Change, Store, StoreError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// How long executors may take to end, and their outcomes to be recorded, once everything is told to stop.
const ENDING: Duration = Duration::from_secs(15);

/// Why the scheduler cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed during recovery.
    #[error("recovery of the jobs of the last run failed")]
    Recovery(#[source] StoreError),
    /// Processes of a dead server could not be ended: another attempt of their jobs might overlap.
    #[error(
        "{0} processes of the last run cannot be ended: end those whose environment has ONEOFF_EXECUTION_ID, then start again"
    )]
    Survivors(usize),
    /// Looking for processes of a dead server failed.
    #[error("looking for processes of the last run failed")]
    Sweep(#[source] tokio::task::JoinError),
    /// A thread or the guardian could not be started.
    #[error("cannot start {what}")]
    Spawn {
        /// What.
        what: &'static str,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

/// A running scheduler. Drop does not stop it: call [`Self::shutdown`].
pub struct Scheduler {
    service: Service,
    store: Store,
    mailbox: Arc<Mailbox>,
    runner: Arc<Runner>,
    guardian: Option<Arc<Guardian>>,
    thread: JoinHandle<()>,
    thread_ended: Arc<AtomicBool>,
    quiet: Arc<Notify>,
    grace: Duration,
    overdue_at_start: usize,
    leases: Option<Leases>,
    clock: Arc<dyn Clock>,
    webhooks: Role,
}

impl Scheduler {
    /// Recovers what an earlier process left behind, then starts to claim. Must be called within a tokio
    /// runtime, on which attempts run.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        store: Store,
        registry: Registry,
        settings: SchedulerSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Scheduler, StartError> {
        let measured = (store.is_shared() && !settings.clock_is_common).then(|| clock.clone());
        let clock: Arc<dyn Clock> = match &measured {
            Some(local) => {
                store.measure_clock(local.clone()).await.map_err(StartError::Recovery)?;
                Arc::new(SharedClock::new(clock, store.clone()))
            }
            None => clock,
        };
        store.limit_types(settings.type_limits.clone());
        let keep = settings.retention.with(&store.catalog().live);
        let began = Now { wall: clock.now(), boot: clock.boot_time() };
        let doubts_clock = recovery::doubts_clock(&store, clock.as_ref(), keep.longest_pause()).await?;
        let hold_after = settings.hold_overdue_after;
        let keeps_lease = store.is_shared() || settings.always_keep_lease;
        if keeps_lease {
            recovery::hold_overdue(&store, clock.as_ref(), hold_after).await?;
        } else {
            recovery::recover(&store, clock.as_ref(), hold_after, recovery::end_left_behind).await?;
        }
        let overdue_at_start = recovery::report_overdue(&store, clock.as_ref()).await?;
        let last_event = store.last_event_sequence().await.map_err(StartError::Recovery)?;
        let mailbox = Arc::new(Mailbox::new(last_event));
        store.listen(mailbox.clone());
        if doubts_clock {
            mailbox.send(Input::DoubtClock);
        }
        // Before anything is looked at that may be claimed.
        mailbox.send(Input::Committed(vec![Change::Catalog(store.catalog())]));

        let guardian = start_guardian(&settings, random.as_ref())?;
        let processes: Arc<dyn ProcessWatch> = match &guardian {
            Some(guardian) => guardian.clone(),
            None => Arc::new(Unwatched),
        };
        let held = Arc::new(match keeps_lease {
            true => Held::not_yet(Leases::ending(settings.lease)),
            false => Held::for_ever(),
        });
        let runner =
            Runner::new(store.clone(), registry, clock.clone(), random.clone(), mailbox.clone(), processes);
        let runner = Arc::new(runner.while_held(held.clone()));
        let look_at_holds = Arc::new(Bell::default());
        let look_at_retention = Arc::new(Bell::default());
        let given = SlotCounts {
            total: worker_slots(settings.workers_count),
            reserved: settings.reserved_slots,
            by_type: settings.type_limits.clone(),
        };
        let status = Arc::new(CoreStatus::default());
        let stored = store.catalog().live.workers_count;
        status.set_workers(stored.map_or(given.total, worker_slots));
        status.looks(began.boot);
        status.followed.store(last_event, Ordering::Relaxed);
        let quiet = Arc::new(Notify::new());
        let thread_ended = Arc::new(AtomicBool::new(false));
        let mut core = Core::new(given, random.clone());
        core.began(began);
        if keeps_lease {
            core.needs_lease();
        }
        let driver = Driver {
            core,
            mailbox: mailbox.clone(),
            store: store.clone(),
            clock: clock.clone(),
            runner: runner.clone(),
            runtime: Handle::current(),
            status: status.clone(),
            alarms: HashMap::from([
                (Alarm::Holds, look_at_holds.clone()),
                (Alarm::Retention, look_at_retention.clone()),
            ]),
            quiet: quiet.clone(),
            ended: thread_ended.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("oneoff-scheduler".to_owned())
            .spawn(move || driver.run())
            .map_err(|source| StartError::Spawn { what: "the scheduler's thread", source })?;
        let leases = keeps_lease.then(|| {
            Leases::start(Ground {
                store: store.clone(),
                clock: clock.clone(),
                measured,
                mailbox: mailbox.clone(),
                running: runner.running.clone(),
                guardian: guardian.clone(),
                held,
                slots: status.clone(),
                lease: settings.lease,
                hold_after,
            })
        });
        let leadership = match &leases {
            Some(leases) => leases.retention(),
            None => Arc::new(Leadership::for_ever(RETENTION)),
        };
        let webhooks = match &leases {
            Some(leases) => leases.webhooks(),
            None => Arc::new(Leadership::for_ever(WEBHOOKS)),
        };
        let webhooks = Role::new(webhooks, clock.clone());
        let keep = settings.retention.clone();
        tokio::spawn(holds::run(store.clone(), clock.clone(), mailbox.clone(), look_at_holds));
        tokio::spawn(retention::run(
            store.clone(),
            clock.clone(),
            mailbox.clone(),
            look_at_retention,
            keep,
            leadership,
        ));
        if let Some(absence) = hold_after {
            tokio::spawn(alive::run(store.clone(), clock.clone(), absence));
        }
        tokio::spawn(search::run(store.clone(), mailbox.clone()));
        tokio::spawn(key_use::run(store.clone(), mailbox.keys()));
        if let Some(leases) = leases.as_ref().filter(|_| store.is_shared()) {
            let events = leases.events();
            tokio::spawn(numbering::run(store.clone(), clock.clone(), mailbox.clone(), events));
            tokio::spawn(nodes::run(store.clone(), mailbox.clone(), status.clone(), last_event));
        }
        let grace = settings.shutdown_grace;
        let service = Service::new(store.clone(), &runner, settings, status);
        Ok(Scheduler {
            service,
            store,
            mailbox,
            runner,
            guardian,
            thread,
            thread_ended,
            quiet,
            grace,
            overdue_at_start,
            leases,
            clock,
            webhooks,
        })
    }

    /// The service, through which everything is asked and changed.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// How many jobs were overdue when it started, counted up to 10,000.
    #[must_use]
    pub fn overdue_at_start(&self) -> usize {
        self.overdue_at_start
    }

    /// The role of delivering webhooks: of several nodes one has it.
    #[must_use]
    pub fn webhooks_role(&self) -> Role {
        self.webhooks.clone()
    }

    /// The clock by which everything is due: where nodes share a store, that of its database.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// Stops claiming, waits for running attempts up to the grace, cancels and records the rest, and closes
    /// the store.
    pub async fn shutdown(self) {
        self.shutdown_after(std::future::ready(())).await;
    }

    /// The same, with something to be done before the store is closed: after the last outcome is recorded where this
    /// process is alone, and otherwise before the roles of this node go to others, who do what is left.
    pub async fn shutdown_after(self, drained: impl Future<Output = ()>) {
        self.service.stop_accepting();
        self.mailbox.send(Input::Stop);
        if tokio::time::timeout(ENDING, self.quiet.notified()).await.is_err() {
            tracing::error!("claims that were on their way are not answered");
        }
        let mut drained = Some(drained);
        if let Some(leases) = &self.leases {
            if let Some(drained) = drained.take() {
                drained.await;
            }
            leases.resign(&self.store).await;
        }
        let mut count = self.runner.running.count();
        let running = *count.borrow();
        if running > 0 {
            let grace_seconds = self.grace.as_secs();
            tracing::info!(running, grace_seconds, "waiting for running jobs");
        }
        if tokio::time::timeout(self.grace, count.wait_for(|running| *running == 0)).await.is_err() {
            let running = *count.borrow();
            tracing::warn!(running, "the grace is over: running jobs are ended");
            self.runner.running.stop_all(StopReason::Shutdown);
        }
        if tokio::time::timeout(ENDING, self.runner.wait_for_all()).await.is_err() {
            tracing::error!("not every outcome could be recorded; the next start records them as lost");
        }
        if let Some(drained) = drained {
            drained.await;
        }
        if let Some(leases) = self.leases {
            leases.end(&self.store, self.clock.as_ref()).await;
        }
        self.thread_ended.store(true, Ordering::Release);
        self.mailbox.send(Input::Stop);
        let (store, thread, guardian) = (self.store, self.thread, self.guardian);
        let closing = tokio::task::spawn_blocking(move || {
            let joined = thread.join();
            store.close();
            if let Some(guardian) = guardian {
                guardian.shutdown();
            }
            joined.is_ok()
        });
        if !matches!(closing.await, Ok(true)) {
            tracing::error!("the scheduler's thread had panicked");
        }
    }
}

fn start_guardian(
    settings: &SchedulerSettings,
    random: &dyn Random,
) -> Result<Option<Arc<Guardian>>, StartError> {
    let Some(command) = &settings.guardian else { return Ok(None) };
    let token = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
    Guardian::spawn(&command.program, &command.arguments, token)
        .map(|guardian| Some(Arc::new(guardian)))
        .map_err(|source| StartError::Spawn { what: "the guardian process", source })
}
