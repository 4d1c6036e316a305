//! A running OneOff.

use crate::builder::WebhookParts;
use crate::{Error, OneOff, delivery};
use oneoff_domain::{Actor, Clock, Context, Execution, ExecutionId, Job, JobId, Random};
use oneoff_executors::Registry;
use oneoff_scheduler::{JobDraft, Scheduler, SchedulerSettings, Service, ServiceError};
use oneoff_storage::{ExecutionFilter, ExecutionSort, PageRequest, SortOrder, Store};
use oneoff_webhooks::{Dispatch, Sealing, Webhooks};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Bytes of output that are read at a time.
const OUTPUT_PAGE_BYTES: usize = 256 * 1024;

/// How long webhook deliveries that are under way may take at a stop, within the grace.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What was found in the database at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The absolute path of the database; of one on a server its address, without the password.
    pub database: PathBuf,
    /// Jobs in all.
    pub jobs: u64,
    /// Jobs whose time had passed, counted up to 10,000.
    pub overdue: usize,
    /// How often this database was opened by a scheduler, this one included.
    pub epoch: i64,
    /// Whether there is any API key, expired or not.
    pub has_api_keys: bool,
}

/// A running OneOff. Dropping it stops nothing: call [`Self::shutdown`].
pub struct Handle {
    scheduler: Scheduler,
    service: Service,
    found: Found,
    webhooks: Webhooks,
    dispatch: Dispatch,
    drain: Duration,
}

/// A OneOff whose database is open, and which starts no job yet.
pub struct Opened {
    store: Store,
    registry: Registry,
    settings: SchedulerSettings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    webhooks: WebhookParts,
    sealing: Sealing,
}

impl Opened {
    pub(crate) async fn open(built: OneOff) -> Result<Self, Error> {
        let OneOff { store: options, registry, settings, clock, random, webhooks } = built;
        let sealing = delivery::sealing(&options, webhooks.sealing_key_file.as_deref())?;
        let local = Arc::clone(&clock);
        let opening = tokio::task::spawn_blocking(move || Store::open_by(options, local.as_ref()));
        let store = opening.await.map_err(Error::Interrupted)??;
        Ok(Self { store, registry, settings, clock, random, webhooks, sealing })
    }

    /// Recovers what an earlier process left behind, and starts jobs as they are due. Must be called within a tokio
    /// runtime, on which the jobs run.
    ///
    /// # Errors
    /// [`Error::Start`], whose text says what to do.
    pub async fn start(self) -> Result<Handle, Error> {
        let Self { store, registry, settings, clock, random, webhooks, sealing } = self;
        let drain = settings.shutdown_grace.min(DRAIN_MAX);
        let counters = store.counters().await.map_err(ServiceError::from)?;
        let has_api_keys = store.has_api_keys().await.map_err(ServiceError::from)?;
        let (database, epoch) = (store.path().to_owned(), store.epoch());
        let scheduler = Scheduler::start(store, registry, settings, clock, random.clone()).await?;
        let service = scheduler.service();
        let overdue = scheduler.overdue_at_start();
        let found = Found { database, jobs: counters.jobs.values().sum(), overdue, epoch, has_api_keys };
        let (webhooks, dispatch) = delivery::start(&scheduler, random, sealing, webhooks)?;
        Ok(Handle { scheduler, service, found, webhooks, dispatch, drain })
    }
}

impl Handle {
    /// Accepts a job. When this returns, the job is on stable storage.
    ///
    /// # Errors
    /// Every field that is wrong, or that the store failed.
    pub async fn schedule(&self, job: impl Into<JobDraft>) -> Result<JobId, Error> {
        let written = self.service.create_job(context(), job.into()).await?;
        Ok(written.value.id)
    }

    /// Cancels a job: a waiting one at once, a running one by ending its attempt.
    ///
    /// # Errors
    /// There is no such job, it has ended, or the store failed.
    pub async fn cancel(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.service.cancel_job(context(), id).await?.value)
    }

    /// A job as it is now.
    ///
    /// # Errors
    /// There is no such job, or the store failed.
    pub async fn job(&self, id: JobId) -> Result<Job, Error> {
        Ok(self.service.job(id).await?)
    }

    /// Waits until a job is in a final status, or until `timeout` is over; answers it as it is then.
    ///
    /// # Errors
    /// There is no such job, or the store failed.
    pub async fn wait(&self, id: JobId, timeout: Duration) -> Result<Job, Error> {
        Ok(self.service.wait_for_job(id, timeout).await?)
    }

    /// The executions of a job, the newest first: up to the 200 newest.
    ///
    /// # Errors
    /// The store failed.
    pub async fn executions(&self, id: JobId) -> Result<Vec<Execution>, Error> {
        let filter = ExecutionFilter { job_id: Some(id), ..ExecutionFilter::default() };
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Descending,
            limit: oneoff_domain::limits::PAGE_MAX,
            cursor: None,
            with_total: false,
        };
        Ok(self.service.executions(filter, page).await?.items)
    }

    /// What an execution has written so far, as far as it is kept.
    ///
    /// # Errors
    /// There is no such execution, or the store failed.
    pub async fn output(&self, id: ExecutionId) -> Result<Vec<u8>, Error> {
        let (mut output, mut offset) = (Vec::new(), 0);
        loop {
            let page = self.service.output(id, offset, OUTPUT_PAGE_BYTES, Duration::ZERO).await?;
            for slice in &page.slices {
                output.extend_from_slice(&slice.bytes);
            }
            if page.complete || page.next_offset <= offset {
                return Ok(output);
            }
            offset = page.next_offset;
        }
    }

    /// Everything that can be asked and changed. Cheap to clone.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// The webhooks. Cheap to clone.
    #[must_use]
    pub fn webhooks(&self) -> Webhooks {
        self.webhooks.clone()
    }

    /// What was found in the database at the start.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The absolute path of the database.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.found.database
    }

    /// Starts no more jobs, waits for those that run up to the grace, cancels and records the rest, and closes
    /// the database. What was scheduled waits in it for the next start.
    pub async fn shutdown(self) {
        self.scheduler.shutdown_after(self.dispatch.drain(self.drain)).await;
    }
}

pub(crate) fn context() -> Context {
    Context::new(Actor::Library)
}
