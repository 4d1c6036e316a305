//! Runs claimed jobs: one task per attempt, from its executor to its recorded outcome.

mod attempt;
mod finish;
mod output;

use crate::attempt_metrics;
use crate::core::Input;
use crate::lease::Held;
use crate::mailbox::Mailbox;
use crate::running::Running;
use attempt::{Began, Ended};
use oneoff_domain::{Clock, Random};
use oneoff_executors::{ProcessWatch, Registry};
use oneoff_storage::{ClaimedJob, Store};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Outcomes that may wait for their commit while their slots are used again.
const UNRECORDED_MAX: usize = 1024;

/// Everything that an attempt needs.
pub(crate) struct Runner {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) running: Arc<Running>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) processes: Arc<dyn ProcessWatch>,
    pub(crate) held: Arc<Held>,
    tasks: TaskTracker,
    unrecorded: Arc<Semaphore>,
}

impl Runner {
    pub(crate) fn new(
        store: Store,
        registry: Registry,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        mailbox: Arc<Mailbox>,
        processes: Arc<dyn ProcessWatch>,
    ) -> Self {
        Self {
            store,
            registry,
            clock,
            random,
            running: Arc::new(Running::new()),
            mailbox,
            processes,
            held: Arc::new(Held::for_ever()),
            tasks: TaskTracker::new(),
            unrecorded: Arc::new(Semaphore::new(UNRECORDED_MAX)),
        }
    }

    /// The same of a node that runs things only while it holds its lease.
    pub(crate) fn while_held(self, held: Arc<Held>) -> Self {
        Self { held, ..self }
    }

    /// Records that a claimed job was not started, as the lease by which it was claimed is over.
    pub(crate) fn abandon(self: Arc<Self>, claimed: Box<ClaimedJob>, runtime: &Handle) {
        let tasks = self.tasks.clone();
        let recording = async move {
            let ended = Ended::unstarted(self.clock.now());
            self.mailbox.send(slot_of(&claimed));
            let _recording = self.unrecorded.acquire().await;
            self.record(&claimed, ended).await;
            self.running.recorded(&claimed);
        };
        tasks.spawn_on(recording, runtime);
    }

    /// Starts a claimed job on the runtime.
    pub(crate) fn start(self: Arc<Self>, claimed: Box<ClaimedJob>, runtime: &Handle) {
        oneoff_faults::reach("start.before_task");
        let began = Began::now(self.clock.as_ref());
        attempt_metrics::started(&claimed, began.wall);
        self.running.enter(&claimed, began.wall, began.trigger.clone());
        let tasks = self.tasks.clone();
        tasks.spawn_on(async move { self.run(claimed, began).await }, runtime);
    }

    /// Waits until every outcome is recorded.
    pub(crate) async fn wait_for_all(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn run(&self, claimed: Box<ClaimedJob>, began: Began) {
        let slot = slot_of(&claimed);
        let ended = self.attempt(&claimed, began).await;
        let _recording = self.unrecorded.acquire().await;
        self.mailbox.send(slot);
        oneoff_faults::reach("finish.before_record");
        self.record(&claimed, ended).await;
        oneoff_faults::reach("finish.after_record");
        self.running.recorded(&claimed);
    }
}

/// The slot of an attempt is free.
pub(crate) fn slot_of(claimed: &ClaimedJob) -> Input {
    let definition = &claimed.job.definition;
    Input::AttemptEnded { job_type: definition.job_type.clone(), priority: definition.priority }
}
