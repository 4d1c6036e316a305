//! Once: an attempt starts once and has one outcome; what may not be repeated after a crash is not.

use super::{Found, Rule};
use crate::evidence::{AttemptRecord, EventRecord, Evidence};
use oneoff_domain::{EventKind, ExecutionStatus};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    let deleted: BTreeSet<&str> = evidence
        .events
        .iter()
        .filter(|event| event.kind == EventKind::JobDeleted)
        .map(|event| event.job.as_str())
        .collect();
    let attempts: BTreeMap<&str, &AttemptRecord> =
        evidence.attempts.iter().map(|attempt| (attempt.id.as_str(), attempt)).collect();
    let mut starts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in evidence.journal.iter().filter(|line| line.word == "start") {
        *starts.entry(&line.execution).or_default() += 1;
        let is_known = attempts.get(line.execution.as_str()).is_some_and(|attempt| attempt.job == line.job);
        if !is_known && !deleted.contains(line.job.as_str()) {
            found.add(Rule::OneOutcome, format!("a process ran of which there is no execution: {line:?}"));
        }
    }
    for (execution, times) in starts {
        if times > 1 {
            found.add(Rule::OneOutcome, format!("execution {execution} was started {times} times"));
        }
    }
    judge_outcomes(evidence, &attempts, &deleted, found);
    judge_crashes(evidence, found);
}

fn is_outcome(event: &EventRecord) -> bool {
    use EventKind::{JobCancelled, JobCompleted, JobFailed, JobRetrying};
    matches!(event.kind, JobCancelled | JobCompleted | JobFailed | JobRetrying)
}

fn judge_outcomes(
    evidence: &Evidence,
    attempts: &BTreeMap<&str, &AttemptRecord>,
    deleted: &BTreeSet<&str>,
    found: &mut Found,
) {
    let mut events: BTreeMap<&str, (usize, Vec<&EventRecord>)> = BTreeMap::new();
    for event in &evidence.events {
        let Some(execution) = &event.execution else { continue };
        let of_execution = events.entry(execution).or_default();
        match is_outcome(event) {
            true => of_execution.1.push(event),
            false => of_execution.0 += usize::from(event.kind == EventKind::JobStarted),
        }
        if !attempts.contains_key(execution.as_str()) && !deleted.contains(event.job.as_str()) {
            found.add(Rule::OneOutcome, format!("there is no such execution: {event:?}"));
        }
    }
    for (execution, (_, outcomes)) in events.iter().filter(|(_, (_, outcomes))| outcomes.len() > 1) {
        found.add(Rule::OneOutcome, format!("execution {execution} has the outcomes {outcomes:?}"));
    }
    for attempt in &evidence.attempts {
        let none = (0, Vec::new());
        let (starts, outcomes) = events.get(attempt.id.as_str()).unwrap_or(&none);
        let is_told = match (attempt.status, outcomes.first().map(|event| event.kind)) {
            (ExecutionStatus::Running, None) => true,
            (ExecutionStatus::Completed, Some(kind)) => kind == EventKind::JobCompleted,
            (ExecutionStatus::Failed | ExecutionStatus::Cancelled, Some(kind)) => {
                kind != EventKind::JobCompleted
            }
            _ => false,
        };
        if *starts != 1 || !is_told {
            let evidence = format!("{attempt:?} was started {starts} times with the outcomes {outcomes:?}");
            found.add(Rule::OneOutcome, evidence);
        }
    }
}

/// After a lost attempt of a job with `on_crash: fail` its run is over.
fn judge_crashes(evidence: &Evidence, found: &mut Found) {
    let attempts = evidence.attempts_by_job();
    let mut starts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in evidence.journal.iter().filter(|line| line.word == "start") {
        *starts.entry(&line.job).or_default() += 1;
    }
    for job in evidence.jobs.iter().filter(|job| job.fails_on_crash) {
        let attempts = attempts.get(job.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        for pair in attempts.windows(2) {
            let [earlier, later] = pair else { continue };
            if earlier.lost && earlier.run == later.run {
                found.add(Rule::AtMostOnce, format!("{earlier:?} was lost and followed by {later:?}"));
            }
        }
        let runs = attempts.iter().map(|attempt| attempt.run).max().unwrap_or(0);
        let starts = starts.get(job.id.as_str()).copied().unwrap_or(0);
        let allowed = u64::from(runs) * (u64::from(job.max_retries) + 1);
        if starts > allowed {
            let evidence = format!("{job:?} was started {starts} times, which may be {allowed}");
            found.add(Rule::AtMostOnce, evidence);
        }
    }
}
