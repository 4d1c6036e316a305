//! Runs: every job ran when it was due, or its policy, its holds or a cancel account for it.

use super::{Found, Rule, room};
use crate::evidence::{AttemptRecord, EventRecord, Evidence, JobRecord};
use crate::ledger::{Answer, Deed, Request};
use oneoff_domain::{EventKind, ExecutionStatus, JobStatus, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How late a job may start while a server listens and has a free slot, on a busy machine with an unoptimized build.
const LATENESS_MAX: Duration = Duration::from_secs(10);

/// What is looked for again and again.
struct Known<'a> {
    evidence: &'a Evidence,
    /// The requests about each job, by its name.
    requests: BTreeMap<&'a str, Vec<&'a Request>>,
    /// Executions that have come to their end.
    ended: BTreeSet<&'a str>,
}

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    let mut requests: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in &evidence.asked.requests {
        requests.entry(&request.job).or_default().push(request);
    }
    let ended = evidence.journal.iter().filter(|line| line.word == "end");
    let known = Known { evidence, requests, ended: ended.map(|line| line.execution.as_str()).collect() };
    let (events, attempts) = (evidence.events_by_job(), evidence.attempts_by_job());
    for job in &evidence.jobs {
        let events = events.get(job.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let attempts = attempts.get(job.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        if let Some(why) = unaccounted(&known, job, attempts, events) {
            found.add(Rule::RanWhenDue, format!("{why}: {job:?} {attempts:?}"));
        }
        for attempt in attempts {
            if let Some(why) = at_the_wrong_time(&known, job, attempt, events) {
                found.add(Rule::RanWhenDue, format!("{why}: {attempt:?}"));
            }
            if let Some(why) = output_missing(evidence, job, attempt) {
                found.add(Rule::OutputKept, format!("{why}: {attempt:?}"));
            }
        }
    }
}

/// Why the end of a job is not one that it may have come to.
fn unaccounted(
    known: &Known<'_>,
    job: &JobRecord,
    attempts: &[&AttemptRecord],
    events: &[&EventRecord],
) -> Option<&'static str> {
    let last = attempts.last();
    let evidence = known.evidence;
    let asked = |deed: &Deed| {
        let of_job = known.requests.get(job.name.as_str()).into_iter().flatten();
        of_job
            .filter(|request| request.deed == *deed)
            .any(|request| !matches!(request.answer, Answer::Refused(_)))
    };
    let was_held = || evidence.asked.orders.get(&job.name).is_some_and(|order| order.held);
    match job.status {
        JobStatus::Scheduled => Some("it waits although it is due"),
        JobStatus::Running => Some("it runs although nothing does"),
        JobStatus::Held => (!asked(&Deed::Hold) && !was_held()).then_some("nobody held it"),
        JobStatus::Cancelled => (!asked(&Deed::Cancel)).then_some("nobody cancelled it"),
        JobStatus::Completed => match last {
            Some(last) if last.status == ExecutionStatus::Completed => {
                (!known.ended.contains(last.id.as_str()))
                    .then_some("it is completed and did not come to its end")
            }
            _ => Some("it is completed and its last attempt is not"),
        },
        JobStatus::Failed => match last {
            Some(last) if last.lost => (!job.fails_on_crash).then_some("it was lost and has on_crash=retry"),
            Some(last) if last.status == ExecutionStatus::Failed => {
                (last.attempt < job.max_retries).then_some("it failed and had a retry left")
            }
            _ => Some("it failed and its last attempt did not"),
        },
        JobStatus::Missed => {
            let missed = events.iter().rev().find(|event| event.kind == EventKind::JobMissed);
            let lateness = missed.and_then(|event| Some(event.at.since(event.due_at?)));
            let allowed = job.skipped_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
            match (lateness, allowed) {
                (Some(lateness), Some(allowed)) if lateness > allowed => None,
                _ => Some("it was not so late that it may be skipped"),
            }
        }
    }
}

fn at_the_wrong_time(
    known: &Known<'_>,
    job: &JobRecord,
    attempt: &AttemptRecord,
    events: &[&EventRecord],
) -> Option<&'static str> {
    if attempt.started_at < attempt.scheduled_for {
        return Some("it started before its time");
    }
    let lateness = attempt.started_at.since(attempt.scheduled_for);
    if job.skipped_after_seconds.is_some_and(|seconds| lateness > Duration::from_secs(seconds.into())) {
        return Some("it ran although it was later than it may be");
    }
    // A create or a move may be asked for again, or arrive, long after the time that it names.
    let begins = events.iter().filter(|event| {
        matches!(event.kind, EventKind::JobCreated | EventKind::JobUpdated | EventKind::JobReleased)
    });
    let began = begins.map(|event| event.at).filter(|at| *at <= attempt.started_at).max();
    let due =
        [began, accepted(known, job, attempt)].into_iter().flatten().fold(attempt.scheduled_for, Ord::max);
    if job.concurrency_key.is_some() || attempt.started_at.since(due) <= LATENESS_MAX {
        return None;
    }
    let room = room::longest(known.evidence, due, attempt.started_at, LATENESS_MAX)?;
    (room > LATENESS_MAX).then_some("it started late although a server listened and had a free slot")
}

/// When the last of what was asked for before an attempt started, and may be what it runs by, was answered: until then
/// it may not have been written, whatever time it names.
fn accepted(known: &Known<'_>, job: &JobRecord, attempt: &AttemptRecord) -> Option<Timestamp> {
    let plans = |request: &&&Request| {
        matches!(request.deed, Deed::Create | Deed::Reschedule(_) | Deed::Release | Deed::Execute)
            && !matches!(request.answer, Answer::Refused(_))
            && request.sent_at <= attempt.started_at
    };
    let of_job = known.requests.get(job.name.as_str()).into_iter().flatten();
    of_job.filter(plans).map(|request| request.answered_at).max()
}

/// A completed attempt of a job with output has all of it.
fn output_missing(evidence: &Evidence, job: &JobRecord, attempt: &AttemptRecord) -> Option<&'static str> {
    let order = evidence.asked.orders.get(&job.name)?;
    if attempt.status != ExecutionStatus::Completed {
        return None;
    }
    let expected = match order.script.contains("first of") {
        true => format!("first of {}\nsecond\n", attempt.id),
        false => String::new(),
    };
    (attempt.output != expected).then_some("it is completed and its output is not what it wrote")
}
