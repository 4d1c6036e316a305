//! The state machine of a chain execution: what follows once a link is over. Links run strictly one after another.
//!
//! | `run_if` | runs |
//! |---|---|
//! | `success` | unless an earlier link with `stop_on_failure` did not succeed |
//! | `failure` | if any earlier link did not succeed |
//! | `always` | always |
//!
//! A link did not succeed when its job failed, was missed, was cancelled or was deleted. A skipped link is neither
//! a success nor a failure. Once the execution is cancelled, no link starts.

use crate::chain::{ChainStatus, LinkStatus, RunIf, SkipReason};
use serde::{Deserialize, Serialize};

/// Whether a link runs, and what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRule {
    /// By what became of those before it.
    pub run_if: RunIf,
    /// Whether the chain fails when it does not succeed.
    pub stop_on_failure: bool,
}

impl Default for LinkRule {
    fn default() -> Self {
        Self { run_if: RunIf::Success, stop_on_failure: true }
    }
}

/// A link as far as it decides what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkState {
    /// Its rule.
    pub rule: LinkRule,
    /// Where it stands.
    pub status: LinkStatus,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing before the job of the active link is over.
    Wait,
    /// The job of this link is made.
    Start(usize),
    /// The execution is over.
    End(ChainStatus),
}

/// What follows from the present state of the links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// Waiting links that do not run, in order.
    pub skips: Vec<(usize, SkipReason)>,
    /// What happens after that.
    pub then: Then,
}

/// What follows from the present state of the links.
#[must_use]
pub fn advance(links: &[LinkState], is_cancelled: bool) -> Advance {
    let is_active = links.iter().any(|link| link.status.is_active());
    let waiting = |link: &LinkState| link.status == LinkStatus::Waiting;
    if is_cancelled {
        let rest = links.iter().enumerate().filter(|(_, link)| waiting(link));
        let skips = rest.map(|(index, _)| (index, SkipReason::ChainCancelled)).collect();
        let then = if is_active { Then::Wait } else { Then::End(ChainStatus::Cancelled) };
        return Advance { skips, then };
    }
    let mut skips = Vec::new();
    if is_active {
        return Advance { skips, then: Then::Wait };
    }
    let has_failure = links.iter().any(|link| link.status.is_failure());
    let is_stopped = links.iter().any(|link| link.rule.stop_on_failure && link.status.is_failure());
    for (index, link) in links.iter().enumerate().filter(|(_, link)| waiting(link)) {
        match link.rule.run_if {
            RunIf::Success if is_stopped => skips.push((index, SkipReason::EarlierFailure)),
            RunIf::Failure if !has_failure => skips.push((index, SkipReason::NoFailure)),
            RunIf::Success | RunIf::Failure | RunIf::Always => {
                return Advance { skips, then: Then::Start(index) };
            }
        }
    }
    let status = if is_stopped { ChainStatus::Failed } else { ChainStatus::Completed };
    Advance { skips, then: Then::End(status) }
}
