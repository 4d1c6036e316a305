//! An engine by a clock that only moves when a test moves it.

use crate::harness::{Engine, PATIENCE, draft, place};
use oneoff_domain::{EventKind, Job, JobStatus, Timestamp};
use oneoff_fakes::{FakeExecutor, ManualClock};
use oneoff_scheduler::{JobDraft, Schedule, SchedulerSettings};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long the scheduler trusts no clock that was seen to step.
pub(crate) const PAUSE: Duration = Duration::from_secs(61);

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An engine and its clock.
pub(crate) struct Manual {
    pub(crate) engine: Engine,
    pub(crate) clock: ManualClock,
}

impl Manual {
    pub(crate) async fn at(now: &str) -> Manual {
        Self::with(ManualClock::at(instant(now)), place(), FakeExecutor::new("fake")).await
    }

    pub(crate) async fn with(clock: ManualClock, directory: TempDir, fake: FakeExecutor) -> Manual {
        // Time passes in leaps here, which no lease would outlast that is renewed in real time.
        let lease = 100_000 * YEAR;
        let settings = SchedulerSettings { clock_is_common: true, lease, ..SchedulerSettings::default() };
        let engine = Engine::start_by(Arc::new(clock.clone()), directory, fake, settings).await;
        Manual { engine, clock }
    }

    /// Lets time pass until then, as it does: boot time goes on as well.
    pub(crate) fn advance_to(&self, at: Timestamp) {
        use oneoff_domain::Clock as _;
        self.clock.advance(at.since(self.clock.now()));
    }

    /// Runs a job now: the scheduler has seen the clock as it is, and whatever was due before has been claimed.
    pub(crate) async fn tick(&self) {
        let last = JobDraft { priority: Some(1), ..draft("now") };
        let job = self.engine.create(last).await;
        self.engine.over(job.id).await;
    }

    /// Sets the wall clock, and waits until the scheduler has seen that.
    pub(crate) async fn step_to(&self, wall: Timestamp) {
        let steps = self.steps().await;
        self.clock.set_wall(wall);
        let seen = async {
            while self.steps().await == steps {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.expect("the step is seen");
    }

    /// How many steps of the clock are recorded.
    pub(crate) async fn steps(&self) -> usize {
        let events = self.engine.service.events_after(0, 10_000).await.unwrap().unwrap();
        events.iter().filter(|event| event.event.kind == EventKind::ClockStep).count()
    }

    /// Lets the minute pass for which a clock that stepped is not trusted.
    pub(crate) async fn trust(&self) {
        self.clock.advance(PAUSE);
        self.until("claiming goes on", || self.engine.service.worker_status().paused.is_none()).await;
    }

    /// Waits for something that the scheduler does by itself.
    pub(crate) async fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn status(&self, job: &Job) -> JobStatus {
        self.engine.service.job(job.id).await.unwrap().state.status
    }

    /// A job for a wall time in a zone.
    pub(crate) async fn create_at(&self, at: &str, timezone: &str) -> Job {
        let schedule = Schedule { timezone: Some(timezone.to_owned()), ..Schedule::at(at) };
        self.engine.create(JobDraft { schedule, ..draft("now") }).await
    }
}
