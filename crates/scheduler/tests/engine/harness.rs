//! A scheduler on a database of its own, with a fake executor of the type `fake`.

use oneoff_domain::{Actor, Clock, Context, Event, EventKind, Execution, Job, JobId, JobStatus};
use oneoff_executors::Registry;
use oneoff_fakes::FakeExecutor;
use oneoff_pg_fixture::Database;
use oneoff_scheduler::{
    JobDraft, Schedule, Scheduler, SchedulerSettings, Service, SystemClock, SystemRandom,
};
use oneoff_storage::{
    DatabaseUrl, ExecutionFilter, ExecutionSort, PageRequest, SortOrder, Store, StoreOptions,
};
use serde_json::Map;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Nothing that a test waits for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Engine {
    pub(crate) scheduler: Scheduler,
    pub(crate) service: Service,
    pub(crate) store: Store,
    pub(crate) fake: FakeExecutor,
    pub(crate) directory: TempDir,
    _closing: Closing,
}

impl Engine {
    pub(crate) async fn start(fake: FakeExecutor) -> Engine {
        Self::start_with(fake, SchedulerSettings::default()).await
    }

    pub(crate) async fn start_with(fake: FakeExecutor, settings: SchedulerSettings) -> Engine {
        Self::start_in(place(), fake, settings).await
    }

    pub(crate) async fn start_in(
        directory: TempDir,
        fake: FakeExecutor,
        settings: SchedulerSettings,
    ) -> Engine {
        Self::start_by(Arc::new(SystemClock), directory, fake, settings).await
    }

    /// An engine by another clock.
    pub(crate) async fn start_by(
        clock: Arc<dyn Clock>,
        directory: TempDir,
        fake: FakeExecutor,
        settings: SchedulerSettings,
    ) -> Engine {
        let store = Store::open(options(directory.path()), clock.now()).unwrap();
        let kept = store.clone();
        let mut registry = Registry::new();
        registry.register(fake.clone());
        let random = Arc::new(SystemRandom);
        let scheduler = Scheduler::start(store, registry, settings, clock, random).await.unwrap();
        let service = scheduler.service();
        let _closing = Closing(kept.clone());
        Engine { scheduler, service, store: kept, fake, directory, _closing }
    }

    pub(crate) async fn create(&self, draft: JobDraft) -> Job {
        self.service.create_job(context(), draft).await.unwrap().value
    }

    /// The job once it is over.
    pub(crate) async fn over(&self, id: JobId) -> Job {
        let job = self.service.wait_for_job(id, PATIENCE).await.unwrap();
        assert!(job.state.status.is_final(), "{job:?}");
        job
    }

    /// The job once it is running.
    pub(crate) async fn running(&self, id: JobId) -> Job {
        self.job_when(id, |job| job.state.status == JobStatus::Running).await
    }

    pub(crate) async fn job_when(&self, id: JobId, wanted: impl Fn(&Job) -> bool) -> Job {
        let mut events = self.service.event_sequence();
        let wait = async {
            loop {
                events.mark_unchanged();
                let job = self.service.job(id).await.unwrap();
                if wanted(&job) {
                    return job;
                }
                events.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the job came to be as wanted")
    }

    /// The executions of a job, oldest first.
    pub(crate) async fn executions(&self, id: JobId) -> Vec<Execution> {
        let filter = ExecutionFilter { job_id: Some(id), ..ExecutionFilter::default() };
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Ascending,
            limit: 200,
            cursor: None,
            with_total: false,
        };
        self.service.executions(filter, page).await.unwrap().items
    }

    /// The events of a job, in order.
    pub(crate) async fn events(&self, id: JobId) -> Vec<EventKind> {
        // Where nodes share a store, events are read once they are numbered.
        while self.store.number_events().await.unwrap().more {}
        let events: Vec<Event> = self.service.events_after(0, 10_000).await.unwrap().unwrap();
        let of_job = |event: Event| (event.event.job_id == Some(id)).then_some(event.event.kind);
        events.into_iter().filter_map(of_job).collect()
    }
}

/// The variable that says on which database the tests of this suite run: `postgres`, or a file.
const STORE: &str = "ONEOFF_TEST_STORE";

/// Whether nodes could share the stores of these tests.
#[expect(clippy::disallowed_methods, reason = "tests have no settings of their own")]
pub(crate) fn is_shared() -> bool {
    std::env::var(STORE).is_ok_and(|store| store == "postgres")
}

/// The databases that belong to directories; `None` is a file in it.
static PLACES: Mutex<BTreeMap<PathBuf, Option<Arc<Database>>>> = Mutex::new(BTreeMap::new());

fn place_of(database: Option<Arc<Database>>) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.path().to_owned(), database);
    directory
}

/// A place for a database of whatever kind these tests run on.
pub(crate) fn place() -> TempDir {
    if is_shared() { server() } else { file() }
}

/// A place for a database on a server, whatever the other tests run on.
pub(crate) fn server() -> TempDir {
    place_of(Some(Arc::new(oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap())))
}

/// Another place with the same database on a server.
pub(crate) fn beside(place: &Path) -> TempDir {
    place_of(database(place))
}

/// A place for a database in a file, whatever the other tests run on.
pub(crate) fn file() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The database on a server that belongs to a place; `None` of a file.
pub(crate) fn database(place: &Path) -> Option<Arc<Database>> {
    PLACES.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned().flatten()
}

/// The store of a place.
pub(crate) fn options(place: &Path) -> StoreOptions {
    let server = database(place).map(|database| DatabaseUrl::new(database.url()).unwrap());
    StoreOptions { server, ..StoreOptions::new(place.join("oneoff.db")) }
}

/// Closes a store when the test ends, however it does: its connections are not to add up.
pub(crate) struct Closing(pub(crate) Store);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub(crate) fn open(directory: &Path) -> Store {
    Store::open(options(directory), SystemClock.now()).unwrap()
}

pub(crate) fn context() -> Context {
    Context::new(Actor::Library)
}

/// A job of the type `fake`.
pub(crate) fn draft(at: &str) -> JobDraft {
    JobDraft::new("fake", Map::new(), Schedule::at(at))
}

/// An engine over a fake that succeeds at once.
pub(crate) async fn engine() -> Engine {
    Engine::start(FakeExecutor::new("fake")).await
}
