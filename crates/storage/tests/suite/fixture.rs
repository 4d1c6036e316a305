//! Stores in temporary directories, and jobs to put into them.

use oneoff_domain::*;
use oneoff_storage::*;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-11-21T12:00:00Z.
pub(crate) fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A time so many seconds after noon.
pub(crate) fn at(count: u64) -> Timestamp {
    noon().saturating_add(seconds(count))
}

/// Never twice the same, also not in two processes.
struct Unique;

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Random for Unique {
    fn fill(&self, buffer: &mut [u8]) {
        let tail = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let process = std::process::id().to_be_bytes();
        for (byte, value) in buffer.iter_mut().zip(process.into_iter().chain(tail.into_iter().skip(2))) {
            *byte = value;
        }
    }
}

pub(crate) fn job_id() -> JobId {
    JobId::generate(noon(), &Unique)
}

pub(crate) fn execution_id() -> ExecutionId {
    ExecutionId::generate(noon(), &Unique)
}

pub(crate) fn definition() -> JobDefinition {
    let serde_json::Value::Object(config) = json!({ "script": "echo 'häl lo'", "n": 1 }) else { panic!() };
    JobDefinition {
        name: "Grüße 🌍".to_owned(),
        job_type: "shell".to_owned(),
        config,
        project_id: "default".to_owned(),
        tags: vec!["a".to_owned(), "b c".to_owned()],
        priority: 7,
        timezone: "Europe/Madrid".to_owned(),
        timeout_seconds: Some(30),
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: serde_json::Map::new(),
    }
}

pub(crate) fn new_job(due: Timestamp) -> NewJob {
    NewJob {
        id: job_id(),
        definition: definition(),
        state: JobState::scheduled(due, Some("2026-11-21T13:00:00".to_owned())),
        origin: None,
        created_by: Actor::Local,
    }
}

/// A new job with its definition changed.
pub(crate) fn job_with(due: Timestamp, edit: impl FnOnce(&mut JobDefinition)) -> NewJob {
    let mut job = new_job(due);
    edit(&mut job.definition);
    job
}

pub(crate) fn held_job(scheduled_at: Option<Timestamp>, until: Option<Timestamp>) -> NewJob {
    let mut job = new_job(noon());
    job.state.scheduled_at = scheduled_at;
    job.state.status = JobStatus::Held;
    job.state.holds = vec![Hold { reason: HoldReason::Manual, by: "local".to_owned(), at: noon(), until }];
    job
}

pub(crate) fn context() -> Context {
    Context::new(Actor::Local)
}

pub(crate) fn with_key(key: &str, fingerprint: &str) -> Context {
    let key = IdempotencyKey { key: key.to_owned(), fingerprint: fingerprint.to_owned() };
    Context { idempotency_key: Some(key), ..context() }
}

pub(crate) fn change(state: JobState, action: &'static str, event: EventKind) -> JobChange {
    JobChange {
        state,
        definition: None,
        event: Some(event),
        event_data: serde_json::Map::new(),
        action,
        delete: false,
    }
}

/// Cancels, as the service would.
pub(crate) fn cancel() -> Decide {
    Box::new(|job| Ok(change(job.state.cancel()?, "job.cancel", EventKind::JobCancelled)))
}

pub(crate) fn delete() -> Decide {
    Box::new(|job| {
        state::next_status(job.state.status, Transition::Delete)?;
        let change = change(job.state.clone(), "job.delete", EventKind::JobDeleted);
        Ok(JobChange { delete: true, ..change })
    })
}

/// Makes a project whose id and name are this.
pub(crate) async fn project(store: &Store, id: &str) {
    let change = ProjectChange { name: Some(id.to_owned()), ..ProjectChange::default() };
    store.create_project(context(), noon(), id.to_owned(), change).await.unwrap();
}

/// Makes a tag whose id and name are this.
pub(crate) async fn tag(store: &Store, id: &str) {
    let change = TagChange { name: Some(id.to_owned()), ..TagChange::default() };
    store.create_tag(context(), noon(), id.to_owned(), change).await.unwrap();
}

pub(crate) async fn create(store: &Store, job: NewJob) -> Job {
    store.create_jobs(context(), noon(), vec![job]).await.unwrap().value.remove(0)
}

pub(crate) async fn try_claim(store: &Store, now: Timestamp, job: &Job) -> ClaimResult {
    let due_at = job.state.due_at().unwrap_or(now);
    let request = ClaimRequest { job: job.key, due_at, execution_id: execution_id() };
    store.claim(move || now, vec![request]).await.unwrap().remove(0)
}

pub(crate) async fn claim(store: &Store, now: Timestamp, job: &Job) -> ClaimedJob {
    match try_claim(store, now, job).await {
        ClaimResult::Claimed(claimed) => *claimed,
        other => panic!("not claimed: {other:?}"),
    }
}

pub(crate) fn ending(claimed: &ClaimedJob, outcome: AttemptOutcome, now: Timestamp) -> Finish {
    Finish {
        execution_id: claimed.execution_id,
        fence: claimed.fence,
        outcome,
        completed_at: now,
        duration_us: 1_500,
        output: Vec::new(),
        output_bytes: 0,
        output_truncated: false,
        random: 0,
    }
}

pub(crate) async fn finish(
    store: &Store,
    claimed: &ClaimedJob,
    outcome: AttemptOutcome,
    now: Timestamp,
) -> Job {
    match store.finish(ending(claimed, outcome, now)).await.unwrap() {
        FinishResult::Recorded(job) => *job,
        FinishResult::Fenced => panic!("fenced"),
    }
}

pub(crate) async fn job_now(store: &Store, id: JobId) -> Job {
    store.job(id).await.unwrap().unwrap()
}

/// Every event so far, by kind.
pub(crate) async fn event_kinds(store: &Store) -> Vec<EventKind> {
    let events = events_after(store, 0, 100_000).await.unwrap().unwrap();
    events.into_iter().map(|event| event.event.kind).collect()
}

/// Remembers what commits said.
#[derive(Default)]
pub(crate) struct HeardCommits(pub(crate) Mutex<Vec<Committed>>);

impl CommitListener for HeardCommits {
    fn committed(&self, committed: Committed) {
        self.0.lock().unwrap().push(committed);
    }
}

impl HeardCommits {
    pub(crate) fn on(store: &Store) -> Arc<HeardCommits> {
        let heard = Arc::new(HeardCommits::default());
        store.listen(Arc::clone(&heard) as Arc<dyn CommitListener>);
        heard
    }

    /// The changes since the last call.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.0.lock().unwrap().drain(..).flat_map(|committed| committed.changes).collect()
    }

    pub(crate) fn commits(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A store in a directory of its own.
pub(crate) struct TestStore {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Store,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(options(&directory), noon()).unwrap();
        Self { directory, store }
    }

    /// Closes the store and opens its file anew.
    pub(crate) fn reopen(self) -> Self {
        self.store.close();
        let store = Store::open(options(&self.directory), noon()).unwrap();
        Self { directory: self.directory, store }
    }
}

/// A store in a database of its own on a server.
pub(crate) struct ServerStore {
    pub(crate) store: Store,
    pub(crate) database: oneoff_pg_fixture::Database,
}

impl ServerStore {
    pub(crate) fn new() -> Self {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let store = Self::open(&database);
        Self { store, database }
    }

    /// Opens the same database, as another node does.
    pub(crate) fn open(database: &oneoff_pg_fixture::Database) -> Store {
        let server = Some(DatabaseUrl::new(database.url()).unwrap());
        Store::open(StoreOptions { server, ..StoreOptions::new("") }, noon()).unwrap()
    }
}

impl Drop for ServerStore {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Lets what is committed be read, as the holder of that role does on a server.
async fn number_events(store: &Store) {
    while store.number_events().await.unwrap().more {}
}

pub(crate) async fn events_after(
    store: &Store,
    sequence: i64,
    limit: usize,
) -> Result<Option<Vec<Event>>, StoreError> {
    number_events(store).await;
    store.events_after(sequence, limit).await
}

pub(crate) async fn retain(store: &Store, policy: RetentionPolicy) -> Result<RetentionSlice, StoreError> {
    number_events(store).await;
    store.retain(policy).await
}

pub(crate) async fn last_event_sequence(store: &Store) -> Result<i64, StoreError> {
    number_events(store).await;
    store.last_event_sequence().await
}

pub(crate) fn options(directory: &tempfile::TempDir) -> StoreOptions {
    StoreOptions::new(directory.path().join("oneoff.db"))
}

pub(crate) fn page<S>(sort: S, order: SortOrder, limit: u32) -> PageRequest<S> {
    PageRequest { sort, order, limit, cursor: None, with_total: true }
}
