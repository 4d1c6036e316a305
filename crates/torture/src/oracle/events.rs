//! Events: without gaps, in an order that a job can go through, and in agreement with all that is stored.

use super::{Found, Rule};
use crate::evidence::{EventRecord, Evidence};
use crate::ledger::Pages;
use oneoff_domain::{EventKind, JobStatus};
use std::collections::BTreeMap;

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    for (index, event) in evidence.events.iter().enumerate() {
        if usize::try_from(event.sequence).ok() != Some(index + 1) {
            let evidence = format!("the event at place {} is {event:?}", index + 1);
            found.add(Rule::EventsComplete, evidence);
            break;
        }
    }
    let jobs: BTreeMap<&str, JobStatus> =
        evidence.jobs.iter().map(|job| (job.id.as_str(), job.status)).collect();
    let events = evidence.events_by_job();
    let of_jobs = evidence.jobs.iter().map(|job| (job.id.as_str(), job.name.as_str()));
    let of_answers = evidence.asked.ids.iter().map(|(name, id)| (id.as_str(), name.as_str()));
    let names: BTreeMap<&str, &str> = of_jobs.chain(of_answers).collect();
    for (id, events) in &events {
        let name = names.get(id).copied().unwrap_or_default();
        match walk(events, starts_held(&evidence.asked, name)) {
            Err(why) => found.add(Rule::EventsComplete, format!("job {id}: {why}: {events:?}")),
            Ok(end) if !end.agrees_with(jobs.get(id).copied()) => {
                let status = jobs.get(id);
                found.add(Rule::EventsComplete, format!("job {id} is {status:?} after {events:?}"));
            }
            Ok(_agrees) => {}
        }
    }
    for id in jobs.keys().filter(|id| !events.contains_key(*id)) {
        found.add(Rule::EventsComplete, format!("job {id} has no event"));
    }
    judge_counters(evidence, found);
}

fn starts_held(asked: &Pages, name: &str) -> bool {
    asked.orders.get(name).is_some_and(|order| order.held)
}

fn judge_counters(evidence: &Evidence, found: &mut Found) {
    let mut counted: BTreeMap<JobStatus, u64> = BTreeMap::new();
    for job in &evidence.jobs {
        *counted.entry(job.status).or_default() += 1;
    }
    for status in JobStatus::ALL {
        let of = |counts: &BTreeMap<JobStatus, u64>| counts.get(status).copied().unwrap_or(0);
        if of(&counted) != of(&evidence.counters) {
            let evidence =
                format!("{} jobs are {status}; {} are counted", of(&counted), of(&evidence.counters));
            found.add(Rule::EventsComplete, evidence);
        }
    }
}

/// Why a job is held. There is one hold for each reason, and releasing one leaves the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Holds {
    by_hand: bool,
    of_downtime: bool,
}

impl Holds {
    const BY_HAND: Self = Self { by_hand: true, of_downtime: false };

    fn with(self, held: &EventRecord) -> Self {
        match held.is_of_downtime() {
            true => Self { of_downtime: true, ..self },
            false => Self { by_hand: true, ..self },
        }
    }

    fn without(self, released: &EventRecord) -> Self {
        match released.is_of_downtime() {
            true => Self { of_downtime: false, ..self },
            false => Self { by_hand: false, ..self },
        }
    }
}

/// Where a job stands after some of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand<'a> {
    Nowhere,
    Waits,
    Held(Holds),
    Runs(&'a str),
    Over(JobStatus),
    Deleted,
}

impl Stand<'_> {
    fn agrees_with(self, status: Option<JobStatus>) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Waits => status == Some(JobStatus::Scheduled),
            Self::Held(_) => status == Some(JobStatus::Held),
            Self::Runs(_) => status == Some(JobStatus::Running),
            Self::Over(over) => status == Some(over),
            Self::Deleted => status.is_none(),
        }
    }
}

/// Follows a job through its events; the error says which step is none.
fn walk<'a>(events: &[&'a EventRecord], starts_held: bool) -> Result<Stand<'a>, String> {
    let mut stand = Stand::Nowhere;
    for event in events {
        let next = step(stand, event, starts_held);
        stand = next.ok_or_else(|| format!("{} cannot follow on {stand:?}", event.kind))?;
    }
    Ok(stand)
}

fn step<'a>(stand: Stand<'a>, event: &'a EventRecord, starts_held: bool) -> Option<Stand<'a>> {
    let execution = event.execution.as_deref();
    match (stand, event.kind) {
        (Stand::Nowhere, EventKind::JobCreated) => {
            Some(if starts_held { Stand::Held(Holds::BY_HAND) } else { Stand::Waits })
        }
        (Stand::Nowhere | Stand::Deleted, _) => None,
        (Stand::Waits | Stand::Over(_), EventKind::JobUpdated) => Some(Stand::Waits),
        (Stand::Held(_) | Stand::Runs(_), EventKind::JobUpdated) => Some(stand),
        (Stand::Waits, EventKind::JobHeld) => Some(Stand::Held(Holds::default().with(event))),
        (Stand::Held(holds), EventKind::JobHeld) => Some(Stand::Held(holds.with(event))),
        (Stand::Held(holds), EventKind::JobReleased) => Some(match holds.without(event) {
            Holds { by_hand: false, of_downtime: false } => Stand::Waits,
            others => Stand::Held(others),
        }),
        (Stand::Waits | Stand::Held(_), EventKind::JobCancelled) if execution.is_none() => {
            Some(Stand::Over(JobStatus::Cancelled))
        }
        (Stand::Waits, EventKind::JobMissed) => Some(Stand::Over(JobStatus::Missed)),
        (Stand::Waits, EventKind::JobStarted) => execution.map(Stand::Runs),
        (Stand::Runs(running), kind) if execution == Some(running) => match kind {
            EventKind::JobRetrying => Some(Stand::Waits),
            EventKind::JobCompleted => Some(Stand::Over(JobStatus::Completed)),
            EventKind::JobFailed => Some(Stand::Over(JobStatus::Failed)),
            EventKind::JobCancelled => Some(Stand::Over(JobStatus::Cancelled)),
            _ => None,
        },
        (Stand::Waits | Stand::Held(_) | Stand::Over(_), EventKind::JobDeleted) => Some(Stand::Deleted),
        _ => None,
    }
}
