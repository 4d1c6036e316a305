//! What is to happen to a server during one life, from its start to its death.

use crate::random::Choices;
use crate::server::LEASE;
use oneoff_faults::Sabotage;
use std::fmt;
use std::time::Duration;

/// So much overdue, jobs are held where a server begins after a downtime.
pub(crate) const DOWNTIME: Duration = Duration::from_secs(1);

/// A life of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifePlan {
    /// Where it is killed; from outside after a while where no point is named or reached.
    pub kill: Option<KillAt>,
    /// Points at which a commit is answered as if its disk had not answered.
    pub fail: Vec<String>,
    /// A promise that it breaks.
    pub sabotage: Option<Sabotage>,
    /// Whether it begins so long after the last one that overdue jobs are held.
    pub after_downtime: bool,
    /// Whether no guardian ends what its death leaves behind, so that recovery has to.
    pub unguarded: bool,
    /// Whether its database is on a server.
    pub on_server: bool,
    /// Whether it is as if every node were on a machine of its own: none ends what another one has left behind.
    pub elsewhere: bool,
}

/// A kill at a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillAt {
    /// The point.
    pub point: String,
    /// Which passing of it.
    pub passing: u64,
    /// How long everything but the thread that came by goes on.
    pub after: Duration,
}

impl fmt::Display for KillAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.point, self.passing, self.after.as_millis())
    }
}

impl KillAt {
    /// A kill at a passing of this point that its kind of workload comes to.
    #[must_use]
    pub fn at(point: &str, choices: &Choices) -> Self {
        let operation = point.split('.').next().unwrap_or_default();
        let passings = match operation {
            "create" | "claim" | "start" | "finish" | "end" => 12,
            "output" | "cancel" | "retry" | "update" | "hold" => 4,
            "heartbeat" | "new_epoch" | "end_epoch" | "give_up" | "resign" | "epoch" | "rescue"
            | "retention" | "search" | "overdue" | "backup" | "restore" => 1,
            _ => 2,
        };
        let after = if choices.percent(40) { choices.below(30) } else { 0 };
        Self {
            point: point.to_owned(),
            passing: 1 + choices.below(passings),
            after: Duration::from_millis(after),
        }
    }

    /// Whether the process that it kills is one that makes a copy, and not the server.
    #[must_use]
    pub fn is_of_a_copy(&self) -> bool {
        matches!(self.operation(), "backup" | "restore")
    }

    /// The operation or step whose point it is.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.point.split('.').next().unwrap_or_default()
    }
}

impl LifePlan {
    /// How long it may take until the server comes to its point, where that is usually `usual`: the search index is
    /// filled some seconds after the first job, and where the database is on a server some has to wait until the lease
    /// of the last life is over.
    pub(crate) fn max(&self, usual: Duration) -> Duration {
        match (self.kill.as_ref().map(KillAt::operation), self.on_server) {
            (Some("search"), false) => usual.max(Duration::from_secs(8)),
            (Some("rescue" | "give_up" | "retention" | "number" | "new_epoch"), true) => usual.max(4 * LEASE),
            _ => usual,
        }
    }

    /// A life that ends at this point.
    #[must_use]
    pub fn to_be_killed_at(point: &str, choices: &Choices) -> Self {
        let failing = ["retry", "finish", "create", "claim", "cancel", "update", "output"];
        let fail = choices.percent(15).then(|| choices.one_of(&failing)).flatten();
        Self {
            kill: Some(KillAt::at(point, choices)),
            fail: fail
                .map(|operation| format!("{operation}.after_commit:{}", 1 + choices.below(4)))
                .into_iter()
                .collect(),
            sabotage: None,
            after_downtime: point.starts_with("overdue."),
            unguarded: choices.percent(33),
            on_server: false,
            elsewhere: false,
        }
    }

    /// The environment that tells the armed server of it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if let Some(kill) = self.kill.as_ref().filter(|kill| !kill.is_of_a_copy()) {
            variables.push(("ONEOFF_KILL_AT", kill.to_string()));
        }
        if !self.fail.is_empty() {
            variables.push(("ONEOFF_FAIL_AT", self.fail.join(",")));
        }
        if let Some(sabotage) = self.sabotage {
            variables.push(("ONEOFF_SABOTAGE", sabotage.as_str().to_owned()));
        }
        if self.after_downtime {
            variables.push(("HOLD_OVERDUE_AFTER_SECONDS", DOWNTIME.as_secs().to_string()));
        }
        if self.unguarded {
            variables.push(("ONEOFF_UNGUARDED", "1".to_owned()));
        }
        if self.elsewhere {
            variables.push(("ONEOFF_ELSEWHERE", "1".to_owned()));
        }
        variables
    }
}

/// These points, again and again, each time in another order.
pub fn walk(points: &[String], seed: u64) -> impl Iterator<Item = String> {
    (0_u64..).flat_map(move |round| {
        let mut points = points.to_vec();
        Choices::new(seed, round).shuffle(&mut points);
        points
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use oneoff_faults::armed::{Fault, Plan};
    use oneoff_faults::points;

    #[test]
    fn a_walk_comes_by_every_point_before_it_comes_by_one_again() {
        let points = points::points();
        let count = points.len();
        for skip in [0, count] {
            let mut seen: Vec<String> = walk(&points, 7).skip(skip).take(count).collect();
            seen.sort();
            let mut all = points::points();
            all.sort();
            assert_eq!(seen, all);
        }
        let beginning = |seed| walk(&points, seed).take(5).collect::<Vec<_>>();
        assert_eq!(beginning(7), beginning(7));
        assert_ne!(beginning(7), beginning(8));
    }

    #[test]
    fn what_a_plan_says_is_what_an_armed_server_reads() {
        for point in points::points() {
            let kill = KillAt::at(&point, &Choices::new(3, 1));
            let read = Plan::parse(&kill.to_string(), Fault::Kill { after: Duration::ZERO }).unwrap();
            assert_eq!((read.point, read.passing), (point, kill.passing));
            assert_eq!(read.fault, Fault::Kill { after: kill.after });
        }
    }
}
