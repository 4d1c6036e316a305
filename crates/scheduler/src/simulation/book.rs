//! The book of a history: what clients were promised, what was seen to run, and what the outbox said.
//!
//! It outlives every server, and it believes nothing but answers, processes and events.

use super::violation::{Violation, ensure};
use oneoff_domain::{Event, EventKind, ExecutionId, Job, JobId, JobStatus, OnCrash, Reason, Timestamp};
use oneoff_storage::ClaimedJob;
use std::collections::{BTreeMap, BTreeSet};

/// Where a job stands by its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Running(ExecutionId),
    Over,
    Deleted,
}

/// A job as its events tell of it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) phase: Phase,
    /// Events of it so far. Every version has one.
    pub(super) events: i64,
    /// When the last one was written.
    pub(super) last_at: Timestamp,
    attempt: Option<(u32, u32)>,
}

/// An attempt that was seen to start.
#[derive(Debug)]
pub(super) struct Started {
    /// How often its outcome was accepted.
    pub(super) recorded: u32,
}

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The latest state of each job that somebody was told of.
    promised: BTreeMap<JobId, Job>,
    /// Jobs of which somebody was told that they are deleted.
    deleted: BTreeSet<JobId>,
    pub(super) told: BTreeMap<JobId, Told>,
    pub(super) started: BTreeMap<ExecutionId, Started>,
    started_as: BTreeMap<(JobId, u32, u32), ExecutionId>,
    /// Attempts that ended badly by themselves, and not with their server.
    retried: BTreeSet<ExecutionId>,
    /// The number of the last event.
    pub(super) sequence: i64,
    /// When each event was written.
    written: BTreeMap<i64, Timestamp>,
    /// The job of each attempt that has an outcome, and when it ended.
    ended: BTreeMap<ExecutionId, (JobId, Timestamp)>,
}

impl Book {
    /// Somebody was told that the job is so.
    pub(super) fn promise(&mut self, job: &Job) -> Result<(), Violation> {
        if let Some(earlier) = self.promised.get(&job.id) {
            if earlier.state.version > job.state.version {
                return Ok(());
            }
            ensure(
                earlier.state.version < job.state.version || earlier.state == job.state,
                "one version is one state",
                || {
                    format!(
                        "job {} has version {} as {:?} and as {:?}",
                        job.id, job.state.version, earlier.state, job.state
                    )
                },
            )?;
        }
        self.promised.insert(job.id, job.clone());
        Ok(())
    }

    /// Somebody was told that the job is gone.
    pub(super) fn promise_deleted(&mut self, job: JobId) {
        self.deleted.insert(job);
    }

    /// The jobs that clients may know of.
    pub(super) fn jobs(&self) -> Vec<JobId> {
        self.told.keys().copied().collect()
    }

    /// A claimed job is handed to its executor.
    pub(super) fn start(&mut self, claimed: &ClaimedJob) -> Result<(), Violation> {
        let (job, state) = (&claimed.job, &claimed.job.state);
        if let Some(promised) = self.promised.get(&job.id) {
            let then = &promised.state;
            // Somebody may be told of the running attempt between the claim's commit and its answer.
            let is_it =
                then.status == JobStatus::Running && (then.run, then.attempt) == (state.run, state.attempt);
            ensure(then.version < state.version || is_it, "an acknowledged write is there", || {
                format!("job {} starts as {state:?} after {then:?}", job.id)
            })?;
            let follows = promised.state.version + 1 == state.version;
            ensure(
                !follows || promised.state.due_at() == Some(claimed.scheduled_for),
                "a job starts as it was last asked to",
                || format!("job {} starts for {} after {:?}", job.id, claimed.scheduled_for, promised.state),
            )?;
        }
        ensure(!self.deleted.contains(&job.id), "a deleted job does not start", || job.id.to_string())?;
        self.ensure_at_most_once(claimed)?;
        let started = Started { recorded: 0 };
        let place = (job.id, claimed.fence.run, claimed.fence.attempt);
        let twin = self.started_as.insert(place, claimed.execution_id);
        ensure(twin.is_none(), "an attempt starts once", || {
            format!("{place:?} as {twin:?} and {}", claimed.execution_id)
        })?;
        self.started.insert(claimed.execution_id, started);
        Ok(())
    }

    fn ensure_at_most_once(&self, claimed: &ClaimedJob) -> Result<(), Violation> {
        if claimed.job.definition.on_crash != OnCrash::Fail {
            return Ok(());
        }
        let run = (claimed.job.id, claimed.fence.run, 0)..=(claimed.job.id, claimed.fence.run, u32::MAX);
        let lost = self.started_as.range(run).find(|(_, earlier)| !self.retried.contains(*earlier));
        ensure(lost.is_none(), "on_crash=fail is at most once", || {
            format!("job {} starts again after {lost:?}", claimed.job.id)
        })
    }

    /// The outcome of an attempt was accepted.
    pub(super) fn record(&mut self, execution: ExecutionId) -> Result<(), Violation> {
        let Some(started) = self.started.get_mut(&execution) else {
            return Err(Violation::new("only what started has an outcome", execution.to_string()));
        };
        started.recorded += 1;
        ensure(started.recorded == 1, "an attempt has at most one outcome", || format!("{execution} has two"))
    }

    /// An attempt has an outcome, as the store has it.
    pub(super) fn ended(&mut self, execution: ExecutionId, job: JobId, at: Timestamp) {
        self.ended.insert(execution, (job, at));
    }

    /// The first event of which what was written then holds.
    pub(super) fn first_event(&self, is_so: impl Fn(Timestamp) -> bool) -> Option<i64> {
        self.written.iter().find(|(_, at)| is_so(**at)).map(|(sequence, _)| *sequence)
    }

    /// The first attempts of which what ended then holds, and their jobs.
    pub(super) fn first_ended(
        &self,
        count: usize,
        is_so: impl Fn(Timestamp) -> bool,
    ) -> Vec<(ExecutionId, JobId)> {
        let so = self.ended.iter().filter(|(_, (_, at))| is_so(*at));
        so.take(count).map(|(execution, (job, _))| (*execution, *job)).collect()
    }

    /// An event was read from the outbox.
    pub(super) fn tell(&mut self, event: &Event) -> Result<(), Violation> {
        let (sequence, kind) = (event.sequence, event.event.kind);
        ensure(sequence == self.sequence + 1, "events have no gaps", || {
            format!("{sequence} follows {}", self.sequence)
        })?;
        self.sequence = sequence;
        self.written.insert(sequence, event.at);
        let Some(job) = event.event.job_id else { return Ok(()) };
        if kind == EventKind::JobCreated {
            let told = Told { phase: Phase::Waiting, events: 1, last_at: event.at, attempt: None };
            let twin = self.told.insert(job, told);
            return ensure(twin.is_none(), "a job is created once", || job.to_string());
        }
        let Some(told) = self.told.get_mut(&job) else {
            return Err(Violation::new("events begin with the creation", format!("{kind} of {job}")));
        };
        told.events += 1;
        told.last_at = event.at;
        let before = told.phase;
        let reason = event.event.data.get("reason").and_then(serde_json::Value::as_str);
        if kind == EventKind::JobRetrying && reason != Some(Reason::Lost.as_str()) {
            self.retried.extend(event.event.execution_id);
        }
        let wrong =
            || Violation::new("events are in order", format!("{kind} of job {job}, which was {before:?}"));
        told.phase = next_phase(before, event).ok_or_else(wrong)?;
        if let Phase::Running(execution) = told.phase
            && kind == EventKind::JobStarted
        {
            let number = |field| {
                event
                    .event
                    .data
                    .get(field)
                    .and_then(serde_json::Value::as_u64)
                    .and_then(|number| u32::try_from(number).ok())
            };
            let place = number("run").zip(number("attempt"));
            ensure(place.is_some() && place > told.attempt, "attempts count up", || {
                format!("{execution} of job {job} is {place:?} after {:?}", told.attempt)
            })?;
            told.attempt = place;
        }
        Ok(())
    }

    /// Compares a job as the store has it with the book.
    pub(super) fn compare(
        &self,
        id: JobId,
        found: Option<&Job>,
        may_be_removed: impl Fn(Timestamp) -> bool,
    ) -> Result<(), Violation> {
        let promised = self.promised.get(&id);
        let told = self.told.get(&id);
        let Some(job) = found else {
            let gone = told.is_some_and(|told| match told.phase {
                Phase::Deleted => true,
                Phase::Over => may_be_removed(told.last_at),
                Phase::Waiting | Phase::Running(_) => false,
            });
            return ensure(gone, "an acknowledged write is there", || {
                format!("job {id} is gone: {promised:?}, by its events {told:?}")
            });
        };
        ensure(!self.deleted.contains(&id), "an acknowledged write is there", || {
            format!("job {id} was deleted")
        })?;
        if let Some(promised) = promised {
            let (now, then) = (&job.state, &promised.state);
            ensure(now.version > then.version || now == then, "an acknowledged write is there", || {
                format!("job {id} is {now:?} after {then:?}")
            })?;
        }
        let Some(told) = told else {
            return Err(Violation::new("every change has an event", format!("job {id} has none")));
        };
        ensure(told.events == job.state.version, "every change has an event", || {
            format!("job {id} has version {} and {} events", job.state.version, told.events)
        })?;
        let fits = match told.phase {
            Phase::Waiting => matches!(job.state.status, JobStatus::Scheduled | JobStatus::Held),
            Phase::Running(execution) => {
                job.state.status == JobStatus::Running && job.last_execution == Some(execution)
            }
            Phase::Over => job.state.status.is_final(),
            Phase::Deleted => false,
        };
        ensure(fits, "events tell what is", || {
            format!("job {id} is {:?}, by its events {:?}", job.state, told.phase)
        })
    }
}

fn next_phase(before: Phase, event: &Event) -> Option<Phase> {
    use EventKind as K;
    let execution = event.event.execution_id;
    match (before, event.event.kind) {
        (Phase::Waiting | Phase::Over, K::JobUpdated) => Some(Phase::Waiting),
        (Phase::Running(_), K::JobUpdated) => Some(before),
        (Phase::Waiting, K::JobHeld | K::JobReleased) => Some(Phase::Waiting),
        (Phase::Waiting, K::JobStarted) => execution.map(Phase::Running),
        (Phase::Waiting, K::JobCancelled | K::JobMissed) => Some(Phase::Over),
        (Phase::Running(running), K::JobRetrying) if execution == Some(running) => Some(Phase::Waiting),
        (Phase::Running(running), K::JobCompleted | K::JobFailed | K::JobCancelled)
            if execution == Some(running) =>
        {
            Some(Phase::Over)
        }
        (Phase::Waiting | Phase::Over, K::JobDeleted) => Some(Phase::Deleted),
        _ => None,
    }
}
