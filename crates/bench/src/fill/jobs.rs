//! The jobs that databases are filled with.

use crate::random::Numbers;
use oneoff_domain::{Actor, Clock, JobDefinition, JobId, JobState, OnCrash, OnLate, RetryPolicy, Timestamp};
use oneoff_scheduler::{SystemClock, SystemRandom};
use oneoff_storage::NewJob;
use serde_json::{Map, Value};

/// Words of names: each is in about one of fifty.
const WORDS: [&str; 48] = [
    "invoice",
    "reminder",
    "trial",
    "expiry",
    "report",
    "export",
    "import",
    "backup",
    "cleanup",
    "digest",
    "renewal",
    "payment",
    "refund",
    "welcome",
    "survey",
    "archive",
    "sync",
    "webhook",
    "deploy",
    "rollback",
    "certificate",
    "rotation",
    "newsletter",
    "campaign",
    "shipment",
    "delivery",
    "order",
    "cart",
    "coupon",
    "loyalty",
    "account",
    "deletion",
    "password",
    "reset",
    "session",
    "audit",
    "billing",
    "usage",
    "quota",
    "alert",
    "incident",
    "maintenance",
    "window",
    "migration",
    "snapshot",
    "index",
    "cache",
    "warmup",
];

/// One of so many jobs has a name that the client gave it.
const NAMED_BY_CLIENT: u64 = 10;

/// A job that waits; no server starts it while anything is measured.
pub(crate) fn waiting(at: Timestamp) -> NewJob {
    job("http", "trial-expiry".to_owned(), at)
}

/// A job whose executor does nothing.
pub(crate) fn noop(at: Timestamp) -> NewJob {
    job("noop", "noop".to_owned(), at)
}

/// A job whose name is one of many, by which it can be searched.
pub(crate) fn named(number: u64, at: Timestamp, numbers: &mut Numbers) -> NewJob {
    let name = format!("{} {} {}", word(numbers), word(numbers), customer(number));
    let mut job = job("http", name, at);
    job.definition.external_id = number.is_multiple_of(NAMED_BY_CLIENT).then(|| external_id(number));
    job
}

/// The client's name of the job of this number, or of one before it: not every job has one.
pub(crate) fn external_id(number: u64) -> String {
    format!("order-{}", number / NAMED_BY_CLIENT * NAMED_BY_CLIENT)
}

/// What only the name of the job of this number has.
pub(crate) fn customer(number: u64) -> String {
    format!("customer-{number:07}")
}

/// What the names of many jobs have.
pub(crate) fn word(numbers: &mut Numbers) -> &'static str {
    let place = usize::try_from(numbers.below(WORDS.len() as u64)).unwrap_or(0);
    WORDS.get(place).copied().unwrap_or_default()
}

fn job(job_type: &str, name: String, at: Timestamp) -> NewJob {
    let url = Value::from("http://127.0.0.1:9/trial-expiry");
    NewJob {
        id: JobId::generate(SystemClock.now(), &SystemRandom),
        definition: JobDefinition {
            name,
            job_type: job_type.to_owned(),
            config: Map::from_iter([("url".to_owned(), url)]),
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
            metadata: Map::new(),
        },
        state: JobState::scheduled(at, None),
        origin: None,
        created_by: Actor::Library,
    }
}
