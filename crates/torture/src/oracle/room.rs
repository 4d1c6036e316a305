//! Room: for how long a server that listened had a slot free for a job that was due.

use crate::evidence::{AttemptRecord, Evidence, Uptime};
use oneoff_domain::Timestamp;
use std::time::Duration;

/// The longest that a slot was free between `due` and `started` while the same server listened. Servers that listened
/// for no longer than `at_least` after `due` do not count: they may have died before they could begin.
pub(super) fn longest(
    evidence: &Evidence,
    due: Timestamp,
    started: Timestamp,
    at_least: Duration,
) -> Option<Duration> {
    let usable = evidence.uptimes.iter().filter(|up| up.to > due && up.to.since(up.from.max(due)) > at_least);
    usable.map(|up| free(evidence, up.from.max(due), up.to.min(started))).max()
}

/// For how long of this time less attempts ran than there are slots.
fn free(evidence: &Evidence, from: Timestamp, to: Timestamp) -> Duration {
    let mut changes = Vec::new();
    for attempt in &evidence.attempts {
        let (began, ended) = (attempt.started_at.max(from), end_of(evidence, attempt).min(to));
        if began < ended {
            changes.extend([(began, 1), (ended, -1)]);
        }
    }
    // At the same instant an end comes before a start.
    changes.sort_unstable();
    let slots = i64::try_from(evidence.slots).unwrap_or(i64::MAX);
    let (mut free, mut running, mut since) = (Duration::ZERO, 0, from);
    for (at, change) in changes.into_iter().chain([(to, 0)]) {
        if running < slots && at > since {
            free += at.since(since);
        }
        (running, since) = (running + change, at);
    }
    free
}

/// When the slot of an attempt was free again: with its end, or with that of its server.
fn end_of(evidence: &Evidence, attempt: &AttemptRecord) -> Timestamp {
    let began = attempt.started_at;
    let of_server = evidence.uptimes.iter().filter(|up| holds(up, began)).map(|up| up.to).max();
    let ends = [attempt.completed_at, of_server.filter(|_| attempt.lost)];
    ends.into_iter().flatten().min().unwrap_or(began)
}

fn holds(up: &Uptime, at: Timestamp) -> bool {
    up.from <= at && at <= up.to
}
