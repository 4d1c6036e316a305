//! Releases of many jobs at once that did not happen.

use super::{Rule, judge};
use crate::evidence::{EventRecord, Evidence};
use oneoff_domain::{EventKind, Timestamp};

fn breaks(releases: &[Option<u64>], reasons: &[Option<&str>]) -> bool {
    let released = |(sequence, reason): (i64, &Option<&str>)| EventRecord {
        sequence,
        kind: EventKind::JobReleased,
        job: String::new(),
        execution: None,
        at: Timestamp::EPOCH,
        reason: reason.map(str::to_owned),
        due_at: None,
    };
    let mut evidence = Evidence { events: (1..).zip(reasons).map(released).collect(), ..Evidence::default() };
    evidence.asked.releases = releases.to_vec();
    judge(&evidence).iter().any(|violation| violation.rule == Rule::AcknowledgedChange)
}

#[test]
fn as_many_are_released_as_was_acknowledged() {
    assert!(!breaks(&[Some(2), None], &[Some("manual"), Some("manual")]));
    assert!(!breaks(&[Some(1), None], &[Some("manual"), None]), "what is not known may have happened");
    assert!(breaks(&[Some(2)], &[Some("manual")]));
    assert!(breaks(&[Some(1)], &[Some("downtime")]), "that is another release");
}
