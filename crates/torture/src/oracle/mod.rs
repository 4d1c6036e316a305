//! The oracle: what must be true of every history, however often its servers were killed.
//!
//! It knows nothing of how the server works, only what is promised. Each rule is shown to fail in its test.

#[cfg(test)]
mod cancel_tests;
mod copies;
#[cfg(test)]
mod copies_tests;
mod events;
mod once;
mod overlap;
#[cfg(test)]
mod release_tests;
mod requests;
mod room;
#[cfg(test)]
mod room_tests;
mod runs;
#[cfg(test)]
mod tests;

use crate::evidence::Evidence;
use std::fmt;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub rule: Rule,
    /// What shows it.
    pub evidence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.evidence)
    }
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A create that was acknowledged is there, with all its content.
    AcknowledgedCreate,
    /// A change that was acknowledged happened; one that was refused did not; each at most once.
    AcknowledgedChange,
    /// What was not acknowledged is there as a whole or not at all, and nothing is there that nobody asked for.
    AllOrNothing,
    /// A create that is repeated makes no second job and is not refused.
    RepeatedCreate,
    /// A job ran when it was due and a slot was free, or its own policy accounts for it.
    RanWhenDue,
    /// No two attempts of a job, or of a concurrency key, at the same time; processes included.
    NoOverlap,
    /// An attempt starts once and has one outcome.
    OneOutcome,
    /// A job with `on_crash: fail` is not started again after a crash.
    AtMostOnce,
    /// The events are without gaps, in a legal order, and agree with jobs, executions and counters.
    EventsComplete,
    /// What a completed attempt has written is kept.
    OutputKept,
    /// No process outlives its attempt.
    NothingLeftOver,
    /// A backup, and what is restored of it, is there as a whole or not at all, with all that was acknowledged before.
    CopyWhole,
    /// Tables that say the same agree, and a search finds what is there.
    TablesAgree,
    /// The server itself neither dies of itself nor refuses to start.
    ServerIsWell,
}

/// Everything that is wrong with a history.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Found::default();
    requests::judge(evidence, &mut found);
    runs::judge(evidence, &mut found);
    overlap::judge(evidence, &mut found);
    once::judge(evidence, &mut found);
    events::judge(evidence, &mut found);
    copies::judge(evidence, &mut found);
    for fault in &evidence.inconsistencies {
        found.add(Rule::TablesAgree, fault.clone());
    }
    for process in &evidence.left_over {
        found.add(Rule::NothingLeftOver, process.clone());
    }
    for incident in &evidence.incidents {
        found.add(Rule::ServerIsWell, incident.clone());
    }
    found.violations
}

#[derive(Default)]
struct Found {
    violations: Vec<Violation>,
}

impl Found {
    fn add(&mut self, rule: Rule, evidence: String) {
        self.violations.push(Violation { rule, evidence });
    }
}
