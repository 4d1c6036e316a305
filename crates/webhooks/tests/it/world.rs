//! A store, webhooks on it, and a dispatcher that can be killed.

use crate::trouble::{Breakable, FlawedRandom, Switched};
use oneoff_domain::*;
use oneoff_secrets::SealingKey;
use oneoff_storage::inline::{Commits, Faults};
use oneoff_storage::webhooks::{DeliveryFilter, DeliveryRecord, NewDelivery};
use oneoff_storage::*;
use oneoff_webhooks::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The wall clock of this machine.
pub(crate) struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of these tests")]
    fn now(&self) -> Timestamp {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        Timestamp::from_micros(i64::try_from(micros).unwrap()).unwrap()
    }

    fn boot_time(&self) -> BootTime {
        BootTime(Duration::from_micros(self.now().as_micros().unsigned_abs()))
    }
}

/// The same, which a test can set ahead.
#[derive(Clone, Default)]
pub(crate) struct AheadClock(Arc<AtomicI64>);

impl AheadClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(RealClock.now().as_micros() + self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn boot_time(&self) -> BootTime {
        RealClock.boot_time()
    }
}

/// Tells of the newest event.
struct Newest(watch::Sender<i64>);

impl CommitListener for Newest {
    fn committed(&self, committed: Committed) {
        if let Some(last) = committed.last_event_sequence {
            self.0.send_if_modified(|newest| std::mem::replace(newest, last.max(*newest)) < last);
        }
    }
}

/// Where the database is.
enum Place {
    File(#[expect(dead_code, reason = "removed when it is dropped")] tempfile::TempDir),
    Server(#[expect(dead_code, reason = "dropped with it")] Arc<oneoff_pg_fixture::Database>),
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) webhooks: Webhooks,
    pub(crate) random: Arc<FlawedRandom>,
    pub(crate) clock: AheadClock,
    pub(crate) lead: Arc<Switched>,
    pub(crate) database: Arc<Breakable>,
    events: watch::Receiver<i64>,
    numbering: Option<JoinHandle<()>>,
    dispatch: Option<Dispatch>,
    _place: Place,
}

pub(crate) fn settings() -> WebhookSettings {
    WebhookSettings {
        schedule: Schedule::new([20, 60, 120, 200].map(Duration::from_millis)),
        timeout: Duration::from_secs(30),
        ..WebhookSettings::default()
    }
}

impl World {
    pub(crate) async fn in_file(settings: WebhookSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(directory.path().join("oneoff.db"));
        let store = Store::open(options, RealClock.now()).unwrap();
        Self::on(store, Arc::default(), Place::File(directory), settings)
    }

    /// The same, whose writes fail when they are told to.
    pub(crate) async fn in_breakable_file(settings: WebhookSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(directory.path().join("oneoff.db"));
        let database = Arc::new(Breakable::default());
        let faults = Arc::clone(&database) as Arc<dyn Faults>;
        let (store, _inline) = Store::open_inline(options, RealClock.now(), Commits::AtOnce, faults).unwrap();
        Self::on(store, database, Place::File(directory), settings)
    }

    pub(crate) async fn on_server(settings: WebhookSettings) -> Self {
        let database = Arc::new(oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap());
        let options = StoreOptions::on_server(DatabaseUrl::new(database.url()).unwrap());
        let store = Store::open(options, RealClock.now()).unwrap();
        let breakable = Arc::new(Breakable::on_server(Arc::clone(&database)));
        Self::on(store, breakable, Place::Server(database), settings)
    }

    fn on(store: Store, database: Arc<Breakable>, place: Place, settings: WebhookSettings) -> Self {
        let (newest, events) = watch::channel(0);
        store.listen(Arc::new(Newest(newest)));
        // As the holder of that role does.
        let numbering = store.is_shared().then(|| {
            let store = store.clone();
            tokio::spawn(async move {
                while !matches!(store.number_events().await, Err(StoreError::Closed)) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        });
        let (random, clock) = (Arc::new(FlawedRandom::new(42)), AheadClock::default());
        let sealing = Sealing::with(SealingKey::from_bytes([9; 32]));
        let webhooks = webhooks_on(&store, &clock, &random, sealing, settings);
        let mut world = Self {
            store,
            webhooks,
            random,
            clock,
            lead: Arc::default(),
            database,
            events,
            numbering,
            dispatch: None,
            _place: place,
        };
        world.start();
        world
    }

    /// What another server on the same database has, whose secrets are sealed otherwise.
    pub(crate) fn webhooks_with(&self, sealing: Sealing) -> Webhooks {
        webhooks_on(&self.store, &self.clock, &self.random, sealing, settings())
    }

    /// A delivery of an event of this job.
    pub(crate) fn delivery(&self, webhook: &Webhook, event_sequence: i64, job: JobId) -> NewDelivery {
        NewDelivery {
            id: DeliveryId::generate(RealClock.now(), self.random.as_ref()),
            webhook_key: webhook.key,
            event_sequence,
            event: "job.updated".to_owned(),
            lane: job.to_string(),
            project_id: "default".to_owned(),
            payload: "{}".to_owned(),
            dead: None,
        }
    }

    /// Makes deliveries beside those of the outbox.
    pub(crate) async fn make(&self, new: Vec<NewDelivery>) {
        eventually(async || {
            let intake = self.store.webhook_intake(1, 0, |_, _| false).await.unwrap();
            let (from, to) = (intake.cursor, intake.newest);
            let is_made =
                self.store.make_deliveries(RealClock.now(), from, to, new.clone(), None).await.unwrap();
            is_made.then_some(())
        })
        .await;
    }

    pub(crate) fn start(&mut self) {
        let lead = Arc::clone(&self.lead) as Arc<dyn Lead>;
        self.dispatch = Some(Dispatch::start(self.webhooks.clone(), lead, self.events.clone()));
    }

    /// Ends the dispatcher in the midst of what it does.
    pub(crate) async fn kill(&mut self) {
        self.dispatch.take().unwrap().drain(Duration::ZERO).await;
    }

    pub(crate) async fn drain(&mut self) {
        self.dispatch.take().unwrap().drain(PATIENCE).await;
    }

    pub(crate) async fn webhook(&self, url: &str, events: &[&str]) -> Webhook {
        self.made(url, events, |_| {}).await.webhook.value
    }

    pub(crate) async fn made(
        &self,
        url: &str,
        events: &[&str],
        edit: impl FnOnce(&mut WebhookDraft),
    ) -> MadeWebhook {
        let mut draft = WebhookDraft {
            name: "hook".to_owned(),
            url: url.to_owned(),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            ..WebhookDraft::default()
        };
        edit(&mut draft);
        self.webhooks.create(context(), draft).await.unwrap()
    }

    pub(crate) async fn webhook_now(&self, webhook: &Webhook) -> Webhook {
        self.store.webhook(webhook.id).await.unwrap().unwrap()
    }

    /// A job that is created, runs and is over: three events.
    pub(crate) async fn run_job(&self) -> JobId {
        self.run_job_with(|_| {}).await
    }

    pub(crate) async fn run_job_with(&self, edit: impl FnOnce(&mut JobDefinition)) -> JobId {
        let now = RealClock.now();
        let mut definition = definition();
        edit(&mut definition);
        let new = NewJob {
            id: JobId::generate(now, self.random.as_ref()),
            definition,
            state: JobState::scheduled(now, None),
            origin: None,
            created_by: Actor::Local,
        };
        let job = self.store.create_jobs(context(), now, vec![new]).await.unwrap().value.remove(0);
        let execution_id = ExecutionId::generate(now, self.random.as_ref());
        let request = ClaimRequest { job: job.key, due_at: now, execution_id };
        let claimed = self.store.claim(wall_now, vec![request]).await.unwrap().remove(0);
        let ClaimResult::Claimed(claimed) = claimed else { panic!("{claimed:?}") };
        let finish = Finish {
            execution_id,
            fence: claimed.fence,
            outcome: AttemptOutcome::success(),
            completed_at: RealClock.now(),
            duration_us: 1_500,
            output: Vec::new(),
            output_bytes: 0,
            output_truncated: false,
            random: 0,
        };
        self.store.finish(finish).await.unwrap();
        job.id
    }

    /// Every delivery of a webhook, oldest first.
    pub(crate) async fn deliveries(&self, webhook: &Webhook) -> Vec<DeliveryRecord> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            // A connection may have been cut.
            let page = eventually(async || {
                let cursor = cursor.clone();
                let page = self.store.deliveries(webhook.id, DeliveryFilter::default(), 200, cursor, false);
                page.await.ok()
            });
            let page = page.await.unwrap();
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                all.reverse();
                return all;
            }
        }
    }

    /// Waits until a webhook has so many deliveries, of which none is still to be made.
    pub(crate) async fn settled(&self, webhook: &Webhook, count: usize) -> Vec<DeliveryRecord> {
        eventually(async || {
            let all = self.deliveries(webhook).await;
            let is_over = all.iter().all(|delivery| delivery.status != DeliveryStatus::Pending);
            (all.len() == count && is_over).then_some(all)
        })
        .await
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(numbering) = &self.numbering {
            numbering.abort();
        }
        self.store.close();
    }
}

fn webhooks_on(
    store: &Store,
    clock: &AheadClock,
    random: &Arc<FlawedRandom>,
    sealing: Sealing,
    settings: WebhookSettings,
) -> Webhooks {
    let (clock, random) = (Arc::new(clock.clone()), random.clone());
    Webhooks::new(store.clone(), clock, random, EgressPolicy::Default, sealing, settings).unwrap()
}

pub(crate) fn wall_now() -> Timestamp {
    RealClock.now()
}

pub(crate) fn context() -> Context {
    Context::new(Actor::Local)
}

pub(crate) fn definition() -> JobDefinition {
    JobDefinition {
        name: "job".to_owned(),
        job_type: "shell".to_owned(),
        config: serde_json::Map::new(),
        project_id: "default".to_owned(),
        tags: Vec::new(),
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: None,
        metadata: serde_json::Map::new(),
    }
}

/// Waits for something to be there.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs exercises, each on a store in a file, of one kind or another, and on one on PostgreSQL.
macro_rules! on_both {
    ($($exercise:ident($settings:expr)),+ $(,)?) => {
        $crate::world::on_both!(in_file: $($exercise($settings)),+);
    };
    ($file:ident: $($exercise:ident($settings:expr)),+ $(,)?) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $exercise() {
                super::exercise::$exercise($crate::world::World::$file($settings).await).await;
            })+
        }

        mod postgres {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $exercise() {
                super::exercise::$exercise($crate::world::World::on_server($settings).await).await;
            })+
        }
    };
}
pub(crate) use on_both;
