//! What is judged: the requests from outside, and what the database and the jobs themselves say.

use crate::copies::CopyRecord;
use crate::ledger::Pages;
use oneoff_domain::{EventKind, ExecutionStatus, JobStatus, Timestamp};
use std::collections::BTreeMap;

/// A job as the database has it in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRecord {
    /// Its id.
    pub id: String,
    /// Its `external_id`, by which the ledger knows it.
    pub name: String,
    /// Its status.
    pub status: JobStatus,
    /// Its version.
    pub version: i64,
    /// Its time.
    pub scheduled_at: Option<Timestamp>,
    /// Its script.
    pub script: String,
    /// Whether its attempts may not be repeated after a crash.
    pub fails_on_crash: bool,
    /// Its key.
    pub concurrency_key: Option<String>,
    /// Retries after failures of its own.
    pub max_retries: u32,
    /// Its priority.
    pub priority: u32,
    /// From which lateness on it is skipped.
    pub skipped_after_seconds: Option<u32>,
}

/// An execution as the database has it in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    /// Its id.
    pub id: String,
    /// The job's id.
    pub job: String,
    /// The run, from 1.
    pub run: u32,
    /// The attempt within the run, from 0.
    pub attempt: u32,
    /// How it ended.
    pub status: ExecutionStatus,
    /// Whether it was lost with its server.
    pub lost: bool,
    /// When it should have started.
    pub scheduled_for: Timestamp,
    /// When it did.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// What is kept of its output.
    pub output: String,
}

/// An event as the outbox has it in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place.
    pub sequence: i64,
    /// What happened.
    pub kind: EventKind,
    /// To which job.
    pub job: String,
    /// In which execution.
    pub execution: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Why, of a hold or its end.
    pub reason: Option<String>,
    /// When the job was due, of one that was missed.
    pub due_at: Option<Timestamp>,
}

impl EventRecord {
    /// Whether it tells of a hold that a server has made of itself, after a downtime.
    pub(crate) fn is_of_downtime(&self) -> bool {
        self.reason.as_deref() == Some("downtime")
    }
}

/// A line that a job has written, in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// `start`, `tick`, `fail`, `end`, `overlap`.
    pub word: String,
    /// The job's id.
    pub job: String,
    /// The execution's id.
    pub execution: String,
}

/// From when to when a server listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    /// Since when.
    pub from: Timestamp,
    /// Until when it was known to live.
    pub to: Timestamp,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Orders and requests.
    pub asked: Pages,
    /// The jobs.
    pub jobs: Vec<JobRecord>,
    /// The executions.
    pub attempts: Vec<AttemptRecord>,
    /// The events.
    pub events: Vec<EventRecord>,
    /// The journal.
    pub journal: Vec<JournalLine>,
    /// The counters that are summed with each commit.
    pub counters: BTreeMap<JobStatus, u64>,
    /// Where the database contradicts itself, or a search does not find what is there.
    pub inconsistencies: Vec<String>,
    /// Copies that were made.
    pub copies: Vec<CopyRecord>,
    /// When servers listened.
    pub uptimes: Vec<Uptime>,
    /// How many attempts may run at the same time, on all servers together.
    pub slots: usize,
    /// Processes that outlived the server under which they ran and were alive when the next one listened, or
    /// after the last one.
    pub left_over: Vec<String>,
    /// What went wrong with the servers themselves: one that died of itself, or did not start.
    pub incidents: Vec<String>,
}

impl Evidence {
    /// The executions of each job, in the order in which they started.
    pub(crate) fn attempts_by_job(&self) -> BTreeMap<&str, Vec<&AttemptRecord>> {
        let mut by_job: BTreeMap<&str, Vec<&AttemptRecord>> = BTreeMap::new();
        for attempt in &self.attempts {
            by_job.entry(&attempt.job).or_default().push(attempt);
        }
        for attempts in by_job.values_mut() {
            attempts.sort_by_key(|attempt| (attempt.run, attempt.attempt));
        }
        by_job
    }

    /// The events of each job, in order.
    pub(crate) fn events_by_job(&self) -> BTreeMap<&str, Vec<&EventRecord>> {
        let mut by_job: BTreeMap<&str, Vec<&EventRecord>> = BTreeMap::new();
        for event in &self.events {
            by_job.entry(&event.job).or_default().push(event);
        }
        by_job
    }
}
