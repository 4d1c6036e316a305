//! What the scheduler says of itself.

use oneoff_domain::{ExecutionId, JobId, JobStatus, Timestamp};
use oneoff_storage::{NodeInfo, RunNumbers, Space};
use std::collections::BTreeMap;
use std::time::Duration;

/// An attempt that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningJob {
    /// The job.
    pub job_id: JobId,
    /// Its name.
    pub job_name: String,
    /// Its type.
    pub job_type: String,
    /// The execution.
    pub execution_id: ExecutionId,
    /// When it started.
    pub started_at: Timestamp,
}

/// The worker slots.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkerStatus {
    /// Slots in all.
    pub total_workers: usize,
    /// Slots in use.
    pub active_workers: usize,
    /// Jobs that are due and wait for a slot.
    pub queued_jobs: usize,
    /// What runs.
    pub running: Vec<RunningJob>,
    /// Whether claiming is paused, and why: the wall clock jumped, or the server is stopping.
    pub paused: Option<String>,
}

/// How the scheduler of this process is, as far as it knows without asking the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Whether it is stopping: nothing is started or changed any more.
    pub is_stopping: bool,
    /// For how long its thread has not looked at what is to be done. It does so every second.
    pub silent_for: Duration,
    /// Whether claiming is paused, and why.
    pub paused: Option<String>,
    /// Whether the lease of this node holds; `None` where it needs none.
    pub holds_lease: Option<bool>,
    /// By how much this machine's clock is ahead of the database's, in microseconds, where that is worth a word.
    pub clock_off_us: Option<i64>,
}

/// From which difference on the clock of a machine is worth a word.
const CLOCK_OFF_US: u64 = 1_000_000;

/// Whether a clock that is so far ahead of the database's, or behind it, should be set.
pub(crate) fn is_clock_off(ahead_us: i64) -> bool {
    ahead_us.unsigned_abs() > CLOCK_OFF_US
}

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeHealth {
    /// It renews its lease in time.
    Ok,
    /// The same, but its clock differs from the database's by more than a second. It goes by the database's.
    ClockOff,
    /// More than half of its lease is over without a renewal, or it has begun and has no lease yet.
    Late,
    /// It has ended or was given up, or its lease is over.
    Gone,
}

impl NodeHealth {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Ok, Self::ClockOff, Self::Late, Self::Gone];

    /// As it is shown: `ok`, `clock_off`, `late`, `gone`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ClockOff => "clock_off",
            Self::Late => "late",
            Self::Gone => "gone",
        }
    }

    /// By what the store says of it.
    pub(crate) fn of(node: &NodeInfo, now: Timestamp) -> Self {
        let (Some(seen), Some(until)) = (node.last_seen_at, node.lease_until) else {
            return match (node.ended_at, node.last_seen_at) {
                (Some(_ended), _) => Self::Gone,
                // It has begun, and may have died before anybody saw it.
                (None, None) => Self::Late,
                (None, Some(_without_leases)) => Self::by_clock(node),
            };
        };
        if node.ended_at.is_some() || until < now {
            return Self::Gone;
        }
        if now.since(seen) > until.since(seen) / 2 { Self::Late } else { Self::by_clock(node) }
    }

    /// Of a node that renews its lease.
    pub(crate) fn by_clock(node: &NodeInfo) -> Self {
        if node.clock_offset_us.is_some_and(is_clock_off) { Self::ClockOff } else { Self::Ok }
    }
}

/// A node and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// What it said of itself.
    pub info: NodeInfo,
    /// How it is.
    pub health: NodeHealth,
}

/// The state of the whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SystemStatus {
    /// Jobs by status.
    pub jobs: BTreeMap<JobStatus, u64>,
    /// Executions that ended.
    pub runs: RunNumbers,
    /// The zone of times that name none.
    pub default_timezone: String,
    /// The slots.
    pub workers: WorkerStatus,
    /// When the next job is due, without those of paused projects.
    pub next_due_at: Option<Timestamp>,
    /// When this process started.
    pub started_at: Option<Timestamp>,
    /// The wall time.
    pub now: Option<Timestamp>,
    /// The absolute path of the database, or its address on a server without the password.
    pub database: String,
    /// How much space it takes.
    pub space: Space,
    /// The epoch: how often servers were started on this database.
    pub epoch: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn a_node_is_judged_by_its_lease() {
        let node = NodeInfo {
            node_id: "n".to_owned(),
            epoch: 1,
            started_at: at(0),
            last_seen_at: Some(at(10)),
            lease_until: Some(at(30)),
            ended_at: None,
            version: None,
            slots: None,
            running: None,
            clock_offset_us: None,
        };
        let judged: Vec<NodeHealth> = [10, 20, 21, 30, 31].map(|now| NodeHealth::of(&node, at(now))).into();
        let [ok, clock_off, late, gone] = NodeHealth::ALL;
        assert_eq!(judged, [ok, ok, late, late, gone]);
        let ended = NodeInfo { ended_at: Some(at(11)), ..node.clone() };
        assert_eq!(NodeHealth::of(&ended, at(12)), gone);
        let judged: Vec<NodeHealth> = [-1_000_001, -1_000_000, 1_000_000, 1_000_001]
            .map(|ahead| NodeInfo { clock_offset_us: Some(ahead), ..node.clone() })
            .iter()
            .map(|node| NodeHealth::of(node, at(10)))
            .collect();
        assert_eq!(judged, [clock_off, ok, ok, clock_off]);
        let late_and_off = NodeInfo { clock_offset_us: Some(9_000_000), ..node.clone() };
        assert_eq!(NodeHealth::of(&late_and_off, at(21)), late, "what is worse is said");
        let never_seen = NodeInfo { last_seen_at: None, lease_until: None, ..node.clone() };
        assert_eq!(NodeHealth::of(&never_seen, at(1)), late, "nobody knows whether it came up");
        let alone = NodeInfo { lease_until: None, ..node };
        assert_eq!(NodeHealth::of(&alone, at(1_000)), ok, "without leases nobody is late");
    }
}
