//! Lateness that has its reason.

use super::judge;
use super::tests::{at, good};
use crate::evidence::{AttemptRecord, Uptime};
use crate::ledger::Deed;

#[test]
fn lateness_while_no_server_listened_is_nobodys_fault() {
    let mut book = good();
    book.0.uptimes = vec![Uptime { from: at(0), to: at(25) }, Uptime { from: at(15_000), to: at(60_000) }];
    let attempt = &mut book.0.attempts[0];
    (attempt.started_at, attempt.completed_at) = (at(15_000), Some(at(15_010)));
    assert_eq!(judge(&book.0), []);
}

#[test]
fn lateness_while_all_slots_were_taken_is_nobodys_fault() {
    let late_behind = |others: [(i64, i64, bool); 2]| {
        let mut book = good();
        let attempt = &mut book.0.attempts[0];
        (attempt.started_at, attempt.completed_at) = (at(15_000), Some(at(15_010)));
        for (from, to, lost) in others {
            let (started_at, completed_at) = (at(from), Some(at(to)));
            let other = AttemptRecord { started_at, completed_at, lost, ..book.0.attempts[1].clone() };
            book.0.attempts.push(other);
        }
        let found = judge(&book.0);
        found.iter().any(|violation| violation.evidence.starts_with("it started late"))
    };
    assert!(!late_behind([(300, 15_000, false), (300, 15_000, false)]));
    assert!(!late_behind([(300, 14_000, false), (5_400, 15_000, false)]));
    assert!(late_behind([(300, 15_000, false), (10_700, 15_000, false)]), "one slot was free");
    assert!(late_behind([(150, 15_000, true), (300, 15_000, false)]), "its server died at 200");
}

#[test]
fn what_is_not_answered_yet_is_not_late() {
    let late = |answered_at| {
        let mut book = good();
        let attempt = &mut book.0.attempts[0];
        (attempt.started_at, attempt.completed_at) = (at(15_000), Some(at(15_010)));
        let job = attempt.job.clone();
        let name = book.0.jobs.iter().find(|known| known.id == job).unwrap().name.clone();
        let mut requests = book.0.asked.requests.iter_mut();
        let create = requests.find(|asked| asked.job == name && asked.deed == Deed::Create).unwrap();
        create.answered_at = at(answered_at);
        judge(&book.0).iter().any(|violation| violation.evidence.starts_with("it started late"))
    };
    assert!(late(200), "it was accepted and nobody ran it");
    assert!(!late(14_900), "it may have been written as late as that");
}
