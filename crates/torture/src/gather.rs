//! Reads the evidence of a history out of its database and its journal. No server runs any more.

use crate::evidence::Evidence;
use crate::evidence::{AttemptRecord, EventRecord, JobRecord, JournalLine};
use crate::server::Place;
use anyhow::{Context as _, Result};
use oneoff_domain::limits::{OUTPUT_MAX_BYTES, PAGE_MAX};
use oneoff_domain::{Clock as _, Event, EventKind, Execution, Job, OnLate, Reason, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_storage::{ExecutionFilter, ExecutionSort, JobFilter, JobSort, PageRequest, SortOrder, Store};

const EVENTS_AT_A_TIME: usize = 1_000;
/// Of more jobs than these some are searched for.
const SEARCHES_MAX: usize = 2_000;

/// Adds what the database and the journal say to the evidence.
///
/// # Errors
/// They cannot be read.
pub async fn gather(place: &Place, evidence: &mut Evidence) -> Result<()> {
    let options = place.store()?;
    let store = tokio::task::spawn_blocking(move || Store::open(options, SystemClock.now()))
        .await?
        .context("the database cannot be opened")?;
    // What the last node wrote and had no time to number.
    while store.number_events().await?.more {}
    evidence.jobs = jobs(&store).await?;
    evidence.attempts = attempts(&store).await?;
    evidence.events = events(&store).await?;
    evidence.counters = store.counters().await?.jobs;
    evidence.inconsistencies = store.inconsistencies().await?;
    evidence.inconsistencies.extend(not_found(&store, &evidence.jobs).await?);
    tokio::task::spawn_blocking(move || store.close()).await?;
    let journal = tokio::fs::read_to_string(place.journal()).await.unwrap_or_default();
    evidence.journal = journal.lines().filter_map(journal_line).collect();
    Ok(())
}

/// The present.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The jobs that a search for their names does not find.
async fn not_found(store: &Store, jobs: &[JobRecord]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for job in jobs.iter().step_by(jobs.len().div_ceil(SEARCHES_MAX).max(1)) {
        if !search(store, &job.name).await?.contains(&job.id) {
            faults.push(format!("a search for {} does not find {}", job.name, job.id));
        }
    }
    Ok(faults)
}

/// All that a search finds.
async fn search(store: &Store, name: &str) -> Result<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest {
            sort: JobSort::CreatedAt,
            order: SortOrder::Ascending,
            limit: PAGE_MAX,
            cursor,
            with_total: false,
        };
        let page = store.search_jobs(name.to_owned(), JobFilter::default(), page).await?;
        found.extend(page.items.iter().map(|job| job.id.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

/// All jobs of a store.
pub(crate) async fn jobs(store: &Store) -> Result<Vec<JobRecord>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest {
            sort: JobSort::CreatedAt,
            order: SortOrder::Ascending,
            limit: PAGE_MAX,
            cursor,
            with_total: false,
        };
        let page = store.jobs(JobFilter::default(), page).await?;
        found.extend(page.items.into_iter().map(job_record));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

fn job_record(job: Job) -> JobRecord {
    let definition = job.definition;
    let script = definition.config.get("script").and_then(|script| script.as_str()).unwrap_or_default();
    JobRecord {
        id: job.id.to_string(),
        name: definition.external_id.unwrap_or_default(),
        status: job.state.status,
        version: job.state.version,
        scheduled_at: job.state.scheduled_at,
        script: script.to_owned(),
        fails_on_crash: definition.on_crash == oneoff_domain::OnCrash::Fail,
        concurrency_key: definition.concurrency_key,
        max_retries: definition.retry.max_retries,
        priority: u32::from(definition.priority),
        skipped_after_seconds: definition.max_lateness_seconds.filter(|_| definition.on_late == OnLate::Skip),
    }
}

async fn attempts(store: &Store) -> Result<Vec<AttemptRecord>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest {
            sort: ExecutionSort::StartedAt,
            order: SortOrder::Ascending,
            limit: PAGE_MAX,
            cursor,
            with_total: false,
        };
        let page = store.executions(ExecutionFilter::default(), page).await?;
        for execution in page.items {
            let output = output(store, &execution).await?;
            found.push(attempt_record(execution, output));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

async fn output(store: &Store, execution: &Execution) -> Result<String> {
    let limit = usize::try_from(OUTPUT_MAX_BYTES)?;
    let page = store.output(execution.id, 0, limit).await?;
    let slices = page.into_iter().flat_map(|page| page.slices);
    Ok(slices.map(|slice| String::from_utf8_lossy(&slice.bytes).into_owned()).collect())
}

fn attempt_record(execution: Execution, output: String) -> AttemptRecord {
    AttemptRecord {
        id: execution.id.to_string(),
        job: execution.job_id.to_string(),
        run: execution.run,
        attempt: execution.attempt,
        status: execution.status,
        lost: execution.reason == Some(Reason::Lost),
        scheduled_for: execution.scheduled_for,
        started_at: execution.started_at,
        completed_at: execution.completed_at,
        output,
    }
}

async fn events(store: &Store) -> Result<Vec<EventRecord>> {
    let mut found: Vec<EventRecord> = Vec::new();
    let mut beginning = 0;
    while store.events_after(beginning, 1).await?.is_none() {
        // Retention has removed the one after it.
        beginning += 1;
    }
    loop {
        let after = found.last().map_or(beginning, |event| event.sequence);
        let events = store.events_after(after, EVENTS_AT_A_TIME).await?.context("the events have a gap")?;
        if events.is_empty() {
            return Ok(found);
        }
        found.extend(events.into_iter().map(event_record));
    }
}

fn event_record(event: Event) -> EventRecord {
    let Event { sequence, at, event } = event;
    let word = |name: &str| event.data.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let due_at = word("due_at");
    EventRecord {
        sequence,
        kind: event.kind,
        job: event.job_id.map(|id| id.to_string()).unwrap_or_default(),
        execution: event.execution_id.map(|id| id.to_string()),
        at,
        reason: word("reason"),
        due_at: due_at.and_then(|text| text.parse().ok()).filter(|_| event.kind == EventKind::JobMissed),
    }
}

fn journal_line(line: &str) -> Option<JournalLine> {
    let mut words = line.split(' ').map(str::to_owned);
    Some(JournalLine { word: words.next()?, job: words.next()?, execution: words.next()? })
}
