//! What the server was asked for and what it answered, kept outside of it: the oracle's measure.

use oneoff_api_types::JobView;
use oneoff_client::ClientError;
use oneoff_domain::{Clock as _, Timestamp};
use oneoff_scheduler::SystemClock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A job as it was asked for. Its name is its `external_id` and its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// Whether its attempts may not be repeated after a crash.
    pub fails_on_crash: bool,
    /// Retries after failures of its own.
    pub max_retries: u32,
    /// Up to which attempt (from 0) its script fails.
    pub failing_attempts: u32,
    /// From which lateness on it is skipped.
    pub skipped_after_seconds: Option<u32>,
    /// One of its key runs at a time.
    pub concurrency_key: Option<String>,
    /// From 1 to 10; 0 where none was asked for.
    pub priority: u32,
    /// Whether it was made on hold.
    pub held: bool,
    /// The script.
    pub script: String,
}

/// Jobs that were asked for with one request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bulk {
    /// Their names, in order.
    pub jobs: Vec<String>,
    /// Whether all of them are to be made or none.
    pub atomic: bool,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Create the job.
    Create,
    /// Move it to this time.
    Reschedule(Timestamp),
    /// Cancel it.
    Cancel,
    /// Hold it.
    Hold,
    /// Release it.
    Release,
    /// Start it now, or again.
    Execute,
    /// Delete it.
    Delete,
}

/// The job as an answer showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The job's id.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Its version.
    pub version: i64,
    /// Its time.
    pub scheduled_at: Option<Timestamp>,
}

/// How a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done, with the job as it was then (a deletion shows none).
    Acknowledged(Option<Seen>),
    /// Not done.
    Refused(String),
    /// No answer, or one that says that it is not known.
    Unknown,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The job's name.
    pub job: String,
    /// What was asked for.
    pub deed: Deed,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it was answered, or last not answered.
    pub answered_at: Timestamp,
    /// The answer.
    pub answer: Answer,
}

/// All requests of a history.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pages: Arc<Mutex<Pages>>,
}

/// What the ledger holds.
#[derive(Debug, Clone, Default)]
pub struct Pages {
    /// What was asked to be made, by name.
    pub orders: BTreeMap<String, Order>,
    /// In the order in which they were sent.
    pub requests: Vec<Request>,
    /// When each is to run, as it was asked for.
    pub due: BTreeMap<String, String>,
    /// What was asked to be made together, by idempotency key.
    pub bulks: BTreeMap<String, Bulk>,
    /// Answers to requests that release all jobs that were held by hand: how many that were.
    pub releases: Vec<Option<u64>>,
    /// The ids of jobs of which an answer told, by name.
    pub ids: BTreeMap<String, String>,
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds now.
    #[must_use]
    pub fn pages(&self) -> Pages {
        self.lock().clone()
    }

    /// Looks at what it holds.
    pub fn read<T>(&self, look: impl FnOnce(&Pages) -> T) -> T {
        look(&self.lock())
    }

    /// Notes an order that is to run at this time.
    pub fn order(&self, name: &str, order: Order, due: String) {
        let mut pages = self.lock();
        pages.orders.insert(name.to_owned(), order);
        pages.due.insert(name.to_owned(), due);
    }

    /// Notes that these jobs are asked for together.
    pub fn bulk(&self, key: &str, bulk: Bulk) {
        self.lock().bulks.insert(key.to_owned(), bulk);
    }

    /// Notes that all jobs that were held by hand are to be released, and whether the answer is known.
    pub fn release_all(&self) -> usize {
        let mut pages = self.lock();
        pages.releases.push(None);
        pages.releases.len() - 1
    }

    /// Notes how many that were, by the answer.
    pub fn released(&self, request: usize, count: u64) {
        if let Some(release) = self.lock().releases.get_mut(request) {
            *release = Some(count);
        }
    }

    /// Notes a request that is about to be sent; its answer is unknown until [`Self::answered`].
    pub fn sent(&self, job: &str, deed: Deed) -> usize {
        let now = SystemClock.now();
        let (job, answer) = (job.to_owned(), Answer::Unknown);
        let mut pages = self.lock();
        pages.requests.push(Request { job, deed, sent_at: now, answered_at: now, answer });
        pages.requests.len() - 1
    }

    /// Notes the answer to a request.
    pub fn answered(&self, request: usize, answer: Answer) {
        let mut pages = self.lock();
        let Pages { requests, ids, .. } = &mut *pages;
        let Some(request) = requests.get_mut(request) else { return };
        if let Answer::Acknowledged(Some(seen)) = &answer {
            ids.insert(request.job.clone(), seen.id.clone());
        }
        request.answered_at = SystemClock.now();
        request.answer = answer;
    }
}

impl From<Result<Option<JobView>, ClientError>> for Answer {
    fn from(result: Result<Option<JobView>, ClientError>) -> Self {
        match result {
            Ok(job) => Self::Acknowledged(job.map(Seen::from)),
            Err(error) if error.is_outcome_unknown() || error.status().is_none() => Self::Unknown,
            Err(error) => Self::Refused(format!("{} {error}", error.status().unwrap_or_default())),
        }
    }
}

impl From<JobView> for Seen {
    fn from(job: JobView) -> Self {
        let scheduled_at = job.scheduled_at.and_then(|text| text.parse().ok());
        Self { id: job.id, status: job.status, version: job.version, scheduled_at }
    }
}
