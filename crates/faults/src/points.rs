//! The points by their names, and who comes by which of them.

use crate::Moment;

/// What shares a commit: each has the points `OPERATION.MOMENT`.
pub const OPERATIONS: [&str; 18] = [
    "create",
    "bulk",
    "update",
    "cancel",
    "execute",
    "hold",
    "release",
    "delete",
    "claim",
    "miss",
    "finish",
    "retry",
    "output",
    "rescue",
    "retention",
    "search",
    "overdue",
    "release_held",
];

/// The same of chains, to which a workload of their own comes by.
pub const OPERATIONS_OF_CHAINS: [&str; 6] =
    ["chain_create", "chain_update", "chain_delete", "chain_execute", "chain_cancel", "chain_step"];

/// The same of deliveries of webhooks: they are made of the outbox, claimed, ended, given up, taken up from a server that is
/// gone, and made again; and a webhook is switched off.
pub const OPERATIONS_OF_WEBHOOKS: [&str; 7] = [
    "webhook_intake",
    "webhook_claim",
    "webhook_end",
    "webhook_dead",
    "webhook_pause",
    "webhook_recover",
    "webhook_redeliver",
];

/// The moments of a commit.
pub const MOMENTS: [Moment; 4] =
    [Moment::BeforeCommit, Moment::AfterCommit, Moment::AfterListener, Moment::AfterAnswer];

/// Points beside commits: side effects, and the steps of a start.
pub const STEPS: [&str; 38] = [
    "epoch.before_commit",
    "epoch.after_commit",
    "rescue.before_sweep",
    "rescue.after_sweep",
    "start.before_task",
    "start.before_spawn",
    "start.after_spawn",
    "start.after_watch",
    "stop.before_signal",
    "stop.after_kill",
    "end.before_sweep",
    "end.after_sweep",
    "finish.before_record",
    "finish.after_record",
    "arrivals.before_commit",
    "arrivals.after_commit",
    "backup.after_copy",
    "backup.after_check",
    "backup.after_sync",
    "backup.after_rename",
    "restore.after_copy",
    "restore.after_mark",
    "restore.after_sync",
    "restore.after_rename",
    "heartbeat.before_commit",
    "heartbeat.after_commit",
    "new_epoch.before_commit",
    "new_epoch.after_commit",
    "end_epoch.before_commit",
    "end_epoch.after_commit",
    "give_up.before_commit",
    "give_up.after_commit",
    "lead.before_commit",
    "lead.after_commit",
    "resign.before_commit",
    "resign.after_commit",
    "number.before_commit",
    "number.after_commit",
];

/// What only happens where the database is a file.
const OF_FILES: [&str; 4] = ["search", "arrivals", "backup", "restore"];
/// What only happens where it is on a server, and others may share it.
const OF_SERVERS: [&str; 7] = ["heartbeat", "new_epoch", "end_epoch", "give_up", "lead", "resign", "number"];

/// The names of all points.
#[must_use]
pub fn points() -> Vec<String> {
    let steps = STEPS.iter().map(|step| (*step).to_owned());
    let of_others = points_of_chains().into_iter().chain(points_of_webhooks());
    around_commits(&OPERATIONS).chain(of_others).chain(steps).collect()
}

/// The names of the points around the commits of these operations.
fn around_commits(operations: &'static [&'static str]) -> impl Iterator<Item = String> {
    let each = |operation: &'static &'static str| {
        MOMENTS.iter().map(move |moment| format!("{operation}.{}", moment.as_str()))
    };
    operations.iter().flat_map(each)
}

/// The names of the points that a server comes to which executes chains, whatever its database is.
#[must_use]
pub fn points_of_chains() -> Vec<String> {
    around_commits(&OPERATIONS_OF_CHAINS).collect()
}

/// The names of the points that a server comes to which delivers webhooks, whatever its database is.
#[must_use]
pub fn points_of_webhooks() -> Vec<String> {
    around_commits(&OPERATIONS_OF_WEBHOOKS).collect()
}

/// The names of the points that a server comes to whose database is a file.
#[must_use]
pub fn points_of_files() -> Vec<String> {
    without(&OF_SERVERS)
}

/// The names of the points that a server comes to whose database is on a server.
#[must_use]
pub fn points_of_servers() -> Vec<String> {
    without(&OF_FILES)
}

fn without(operations: &[&str]) -> Vec<String> {
    let mut points = points();
    let have_their_own = [&OPERATIONS_OF_CHAINS[..], &OPERATIONS_OF_WEBHOOKS];
    let is_other = |operation: &str| {
        operations.contains(&operation) || have_their_own.iter().any(|of| of.contains(&operation))
    };
    points.retain(|point| point.split('.').next().is_none_or(|operation| !is_other(operation)));
    points
}

impl Moment {
    /// Its word in the name of a point.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before_commit",
            Self::AfterCommit => "after_commit",
            Self::AfterListener => "after_listener",
            Self::AfterAnswer => "after_answer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_points_have_the_same_name() {
        let mut names = points();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_point_is_of_files_or_of_servers_or_of_both_or_has_a_workload_of_its_own() {
        let (files, servers) = (points_of_files(), points_of_servers());
        let (chains, webhooks) = (points_of_chains(), points_of_webhooks());
        for point in points() {
            let walks = [
                files.contains(&point) || servers.contains(&point),
                chains.contains(&point),
                webhooks.contains(&point),
            ];
            assert_eq!(walks.iter().filter(|walk| **walk).count(), 1, "{point}");
        }
        let of = |points: &[String], operation: &str| points.iter().any(|point| point.starts_with(operation));
        assert!(of(&files, "backup.") && !of(&servers, "backup."));
        assert!(of(&servers, "number.") && !of(&files, "number."));
        assert!(of(&servers, "claim.") && of(&files, "claim."));
    }
}
