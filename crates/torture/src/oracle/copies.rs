//! Copies: a backup and what is restored of it are whole, and have every write that was acknowledged before.

use super::{Found, Rule};
use crate::copies::CopyRecord;
use crate::evidence::{Evidence, JobRecord};
use crate::ledger::Deed;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(evidence: &Evidence, found: &mut Found) {
    let deletes = evidence.asked.requests.iter().filter(|request| request.deed == Deed::Delete);
    let deleted: BTreeSet<&str> = deletes.map(|request| request.job.as_str()).collect();
    for copy in &evidence.copies {
        for fault in &copy.faults {
            found.add(Rule::CopyWhole, format!("{}: {fault}", copy.what));
        }
        judge_one(evidence, copy, &deleted, found);
    }
}

fn judge_one(evidence: &Evidence, copy: &CopyRecord, deleted: &BTreeSet<&str>, found: &mut Found) {
    let jobs: BTreeMap<&str, &JobRecord> = copy.jobs.iter().map(|job| (job.name.as_str(), job)).collect();
    for (name, id) in &copy.expected {
        let is_there = jobs.get(name.as_str()).is_some_and(|job| job.id == *id);
        if !is_there && !deleted.contains(name.as_str()) {
            let evidence = format!("{}: {name} ({id}) was acknowledged before and is not there", copy.what);
            found.add(Rule::CopyWhole, evidence);
        }
    }
    for job in &copy.jobs {
        let order = evidence.asked.orders.get(&job.name);
        if order.is_none_or(|order| order.script != job.script) {
            found.add(Rule::CopyWhole, format!("{}: {order:?} became {job:?}", copy.what));
        }
    }
}
