//! Overlap: attempts of a job, and of a concurrency key, come one after another; so do their processes.

use super::{Found, Rule};
use crate::evidence::{AttemptRecord, Evidence};
use std::collections::BTreeMap;

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    let attempts = evidence.attempts_by_job();
    for (job, attempts) in &attempts {
        in_turn(attempts, &format!("job {job}"), found);
    }
    let mut by_key: BTreeMap<&str, Vec<&AttemptRecord>> = BTreeMap::new();
    for job in &evidence.jobs {
        let Some(key) = &job.concurrency_key else { continue };
        by_key.entry(key).or_default().extend(attempts.get(job.id.as_str()).into_iter().flatten());
    }
    for (key, mut attempts) in by_key {
        attempts.sort_by_key(|attempt| (attempt.started_at, attempt.completed_at));
        in_turn(&attempts, &format!("key {key}"), found);
    }
    judge_journal(evidence, found);
}

/// Each of these ended before the next one started.
fn in_turn(attempts: &[&AttemptRecord], whose: &str, found: &mut Found) {
    for pair in attempts.windows(2) {
        let [earlier, later] = pair else { continue };
        if earlier.completed_at.is_none_or(|end| end > later.started_at) {
            found.add(Rule::NoOverlap, format!("of {whose}: {earlier:?} and {later:?}"));
        }
    }
}

/// What the jobs themselves saw: no process of an earlier attempt was alive when one began, and none began or wrote a
/// line after that.
fn judge_journal(evidence: &Evidence, found: &mut Found) {
    let places =
        evidence.attempts.iter().map(|attempt| (attempt.id.as_str(), (attempt.run, attempt.attempt)));
    let places: BTreeMap<&str, (u32, u32)> = places.collect();
    let mut current: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &evidence.journal {
        match line.word.as_str() {
            "overlap" => {
                found.add(Rule::NoOverlap, format!("a process of an earlier attempt was alive: {line:?}"));
            }
            "start" => {
                let place = |execution: &str| places.get(execution).copied();
                let before = current.insert(&line.job, &line.execution);
                if before.and_then(place) > place(&line.execution) && place(&line.execution).is_some() {
                    found.add(Rule::NoOverlap, format!("{line:?} was written after {before:?} began"));
                }
            }
            _ => match current.get(line.job.as_str()) {
                Some(execution) if *execution == line.execution => {}
                Some(execution) => {
                    let evidence = format!("{line:?} was written after {execution} began");
                    found.add(Rule::NoOverlap, evidence);
                }
                None => found.add(Rule::OneOutcome, format!("{line:?} was written before it began")),
            },
        }
    }
}
