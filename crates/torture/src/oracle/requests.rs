//! Requests: what was acknowledged is there, what was refused is not, and what is not known is whole.

use super::{Found, Rule};
use crate::evidence::{EventRecord, Evidence, JobRecord};
use crate::ledger::{Answer, Deed, Order, Request, Seen};
use oneoff_domain::EventKind;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    let mut requests: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in &evidence.asked.requests {
        requests.entry(&request.job).or_default().push(request);
    }
    let jobs: BTreeMap<&str, &JobRecord> = evidence.jobs.iter().map(|job| (job.name.as_str(), job)).collect();
    let ids: BTreeSet<&str> = evidence.jobs.iter().map(|job| job.id.as_str()).collect();
    if jobs.len() != evidence.jobs.len() || ids.len() != evidence.jobs.len() {
        found.add(Rule::RepeatedCreate, "two jobs have the same name or id".to_owned());
    }
    for job in evidence.jobs.iter().filter(|job| !requests.contains_key(job.name.as_str())) {
        found.add(Rule::AllOrNothing, format!("nobody asked for {job:?}"));
    }
    judge_bulks(evidence, &jobs, found);
    let events = evidence.events_by_job();
    for (name, requests) in requests {
        let Some(order) = evidence.asked.orders.get(name) else { continue };
        let releases = evidence.asked.releases.len();
        let one = OneJob { name, order, requests, job: jobs.get(name).copied(), events: &events, releases };
        one.judge(found);
    }
    judge_releases(evidence, found);
}

/// What was acknowledged as released was: one by one, and all that were held by hand at once.
fn judge_releases(evidence: &Evidence, found: &mut Found) {
    let one_by_one =
        evidence.asked.requests.iter().filter(|request| {
            request.deed == Deed::Release && matches!(request.answer, Answer::Acknowledged(_))
        });
    let together: u64 = evidence.asked.releases.iter().flatten().sum();
    let acknowledged = one_by_one.count() as u64 + together;
    let happened = evidence.events.iter().filter(|event| is_by_hand(event, EventKind::JobReleased)).count();
    if (happened as u64) < acknowledged {
        let evidence = format!(
            "{acknowledged} releases were acknowledged, {together} of them together; there were {happened}"
        );
        found.add(Rule::AcknowledgedChange, evidence);
    }
}

/// Whether the event is of this kind, and not of a hold that a server has made of itself.
fn is_by_hand(event: &EventRecord, kind: EventKind) -> bool {
    event.kind == kind && !event.is_of_downtime()
}

/// Of jobs that were asked for all or none, all are there, or were and are deleted, or none.
fn judge_bulks(evidence: &Evidence, jobs: &BTreeMap<&str, &JobRecord>, found: &mut Found) {
    let is_made = |name: &String| jobs.contains_key(name.as_str()) || evidence.asked.ids.contains_key(name);
    for (key, bulk) in evidence.asked.bulks.iter().filter(|(_, bulk)| bulk.atomic) {
        let made = bulk.jobs.iter().filter(|name| is_made(name)).count();
        if made != 0 && made != bulk.jobs.len() {
            let evidence = format!("of the {} jobs of {key} {made} were made", bulk.jobs.len());
            found.add(Rule::AllOrNothing, evidence);
        }
    }
}

struct OneJob<'a> {
    name: &'a str,
    order: &'a Order,
    requests: Vec<&'a Request>,
    job: Option<&'a JobRecord>,
    events: &'a BTreeMap<&'a str, Vec<&'a EventRecord>>,
    /// Requests that may have released it with others.
    releases: usize,
}

impl OneJob<'_> {
    fn judge(&self, found: &mut Found) {
        let created: BTreeSet<&str> =
            self.acknowledged(|deed| *deed == Deed::Create).map(|seen| seen.id.as_str()).collect();
        if created.len() > 1 {
            found.add(Rule::RepeatedCreate, format!("{} was created as {created:?}", self.name));
        }
        let id = created.first().copied().or(self.job.map(|job| job.id.as_str()));
        let deletes = self.count(|deed| *deed == Deed::Delete);
        self.judge_creates(id, deletes.maybe, found);
        match (self.job, id) {
            (Some(job), Some(id)) if job.id != id => {
                found.add(
                    Rule::AcknowledgedCreate,
                    format!("{} was created as {id} and is {job:?}", self.name),
                );
            }
            (Some(job), _) => self.judge_content(job, found),
            (None, Some(id)) if deletes.maybe == 0 => {
                let evidence = format!("{} was acknowledged as {id} and is not there", self.name);
                found.add(Rule::AcknowledgedCreate, evidence);
            }
            (None, _) => {}
        }
        if let Some(id) = id {
            self.judge_changes(id, found);
        }
    }

    /// A create is never refused: its name is its own. Only after a deletion a repetition finds nothing.
    fn judge_creates(&self, id: Option<&str>, deletes: usize, found: &mut Found) {
        for request in self.requests.iter().filter(|request| request.deed == Deed::Create) {
            if let Answer::Refused(why) = &request.answer
                && deletes == 0
                && !why.starts_with("503")
            {
                let evidence = format!("a create of {} ({id:?}) was refused: {why}", self.name);
                found.add(Rule::RepeatedCreate, evidence);
            }
        }
        let is_possible = self.count(|deed| *deed == Deed::Create).maybe > 0;
        if !is_possible && let Some(job) = self.job {
            found.add(
                Rule::AllOrNothing,
                format!("every create was refused, and there is {job:?}: {:?}", self.requests),
            );
        }
    }

    fn judge_content(&self, job: &JobRecord, found: &mut Found) {
        let order = self.order;
        let is_whole = job.script == order.script
            && job.fails_on_crash == order.fails_on_crash
            && job.concurrency_key == order.concurrency_key
            && job.max_retries == order.max_retries
            && (order.priority == 0 || job.priority == order.priority)
            && job.skipped_after_seconds == order.skipped_after_seconds;
        if !is_whole {
            let was_acknowledged = self.count(|deed| *deed == Deed::Create).surely > 0;
            let rule = if was_acknowledged { Rule::AcknowledgedCreate } else { Rule::AllOrNothing };
            found.add(rule, format!("{order:?} became {job:?}"));
        }
        let newest = self.acknowledged(|_any| true).map(|seen| seen.version).max().unwrap_or(0);
        if job.version < newest {
            found.add(
                Rule::AcknowledgedChange,
                format!("{} had version {newest} and has {}", self.name, job.version),
            );
        }
        self.judge_time(job, found);
    }

    /// The last acknowledged move of a job that was not started by hand is where it is.
    fn judge_time(&self, job: &JobRecord, found: &mut Found) {
        let is_move = |deed: &Deed| matches!(deed, Deed::Reschedule(_));
        let (moves, starts) = (self.count(is_move), self.count(|deed| *deed == Deed::Execute));
        if moves.surely != moves.maybe || starts.maybe > 0 {
            return;
        }
        let last = self.acknowledged(is_move).max_by_key(|seen| seen.version);
        if let Some(last) = last.filter(|last| last.scheduled_at != job.scheduled_at) {
            found.add(Rule::AcknowledgedChange, format!("{last:?} is scheduled at {:?}", job.scheduled_at));
        }
    }

    /// Each acknowledged change has its event, and there are no more events than changes that may have been.
    fn judge_changes(&self, id: &str, found: &mut Found) {
        let none = Vec::new();
        let events = self.events.get(id).unwrap_or(&none);
        let count =
            |is_kind: &dyn Fn(&EventRecord) -> bool| events.iter().filter(|event| is_kind(event)).count();
        let releases = self.count(|deed| *deed == Deed::Release);
        // A cancel that is answered by the end of the attempt need not be told of itself: there may be several of one
        // attempt, and it is ended, too, where the wish could not be recorded.
        let ends = count(&|event| event.kind == EventKind::JobCancelled && event.execution.is_some());
        let answered_by_the_end =
            self.acknowledged(|deed| *deed == Deed::Cancel).filter(|seen| seen.status == "cancelled").count();
        let untold = if ends > 0 { answered_by_the_end } else { 0 };
        let moves = self.count(|deed| matches!(deed, Deed::Reschedule(_) | Deed::Execute | Deed::Cancel));
        let checks: [(&str, Asked, usize); 4] = [
            (
                "moved, started or cancelled",
                Asked { surely: moves.surely - untold, ..moves },
                count(&|event| match event.kind {
                    EventKind::JobUpdated => true,
                    EventKind::JobCancelled => event.execution.is_none(),
                    _ => false,
                }),
            ),
            (
                "held",
                self.count(|deed| *deed == Deed::Hold),
                count(&|event| is_by_hand(event, EventKind::JobHeld)),
            ),
            (
                "released",
                Asked { maybe: releases.maybe + self.releases, ..releases },
                count(&|event| is_by_hand(event, EventKind::JobReleased)),
            ),
            (
                "deleted",
                self.count(|deed| *deed == Deed::Delete),
                count(&|event| event.kind == EventKind::JobDeleted),
            ),
        ];
        for (what, asked, happened) in checks {
            if !(asked.surely..=asked.maybe).contains(&happened) {
                let evidence = format!(
                    "{} ({id}) was {what} {happened} times; acknowledged: {}, sent and not refused: {}; \
                     requests: {:?}; events: {events:?}",
                    self.name, asked.surely, asked.maybe, self.requests
                );
                found.add(Rule::AcknowledgedChange, evidence);
            }
        }
    }

    fn acknowledged(&self, is_kind: impl Fn(&Deed) -> bool) -> impl Iterator<Item = &Seen> {
        self.requests.iter().filter(move |request| is_kind(&request.deed)).filter_map(
            |request| match &request.answer {
                Answer::Acknowledged(seen) => seen.as_ref(),
                Answer::Refused(_) | Answer::Unknown => None,
            },
        )
    }

    fn count(&self, is_kind: impl Fn(&Deed) -> bool) -> Asked {
        let mut asked = Asked { surely: 0, maybe: 0 };
        for request in self.requests.iter().filter(|request| is_kind(&request.deed)) {
            match &request.answer {
                Answer::Acknowledged(_) => {
                    asked.surely += 1;
                    asked.maybe += 1;
                }
                Answer::Unknown => asked.maybe += 1,
                Answer::Refused(_) => {}
            }
        }
        asked
    }
}

/// How often something was asked for.
#[derive(Clone, Copy)]
struct Asked {
    /// And acknowledged.
    surely: usize,
    /// And not refused.
    maybe: usize,
}
