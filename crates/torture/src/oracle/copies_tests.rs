//! Copies that are not what they should be.

use super::{Rule, judge};
use crate::copies::CopyRecord;
use crate::evidence::{Evidence, JobRecord};
use crate::ledger::{Answer, Deed, Order, Request};
use oneoff_domain::{JobStatus, Timestamp};
use std::collections::BTreeMap;

fn job(name: &str, id: &str) -> JobRecord {
    JobRecord {
        id: id.to_owned(),
        name: name.to_owned(),
        status: JobStatus::Completed,
        version: 1,
        scheduled_at: None,
        script: "true".to_owned(),
        fails_on_crash: false,
        concurrency_key: None,
        max_retries: 0,
        priority: 5,
        skipped_after_seconds: None,
    }
}

/// A copy of a database in which `x` was acknowledged before.
fn evidence(jobs: Vec<JobRecord>) -> Evidence {
    let mut evidence = Evidence::default();
    evidence.asked.orders.insert("x".to_owned(), Order { script: "true".to_owned(), ..Order::default() });
    let expected = BTreeMap::from([("x".to_owned(), "1".to_owned())]);
    evidence.copies.push(CopyRecord { expected, jobs, ..CopyRecord::default() });
    evidence
}

fn breaks(evidence: &Evidence) -> bool {
    judge(evidence).iter().any(|violation| violation.rule == Rule::CopyWhole)
}

#[test]
fn a_copy_has_what_was_acknowledged_before_it_was_begun() {
    assert!(!breaks(&evidence(vec![job("x", "1")])));
    assert!(breaks(&evidence(vec![])));
    assert!(breaks(&evidence(vec![job("x", "2")])));
    let mut deleted = evidence(vec![]);
    let request = Request {
        job: "x".to_owned(),
        deed: Deed::Delete,
        sent_at: Timestamp::EPOCH,
        answered_at: Timestamp::EPOCH,
        answer: Answer::Unknown,
    };
    deleted.asked.requests.push(request);
    assert!(!breaks(&deleted), "it may have been deleted before");
}

#[test]
fn a_copy_has_nothing_else_and_no_fault() {
    let other = JobRecord { script: "false".to_owned(), ..job("x", "1") };
    assert!(breaks(&evidence(vec![other])));
    assert!(breaks(&evidence(vec![job("x", "1"), job("nobody's", "2")])));
    let mut faulty = evidence(vec![job("x", "1")]);
    faulty.copies[0].faults.push("half".to_owned());
    assert!(breaks(&faulty));
}

#[test]
fn tables_that_contradict_each_other_are_a_violation() {
    let evidence = Evidence { inconsistencies: vec!["so".to_owned()], ..Evidence::default() };
    assert!(judge(&evidence).iter().any(|violation| violation.rule == Rule::TablesAgree));
}
