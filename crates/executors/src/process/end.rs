//! Ends what is left of attempts: every process that carries a mark, and the groups that are theirs.
//!
//! A process that has left its group *and* dropped its environment is not found; only a container or a
//! cgroup could hold such a one.

use super::scan::{self, Marks, Seen};
use oneoff_domain::ExecutionId;
use rustix::process::{Pid, Signal};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// The pause between two looks; it doubles up to [`PAUSE_MAX`] while something does not go.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Ends every process that carries one of these execution ids, with its process group, by SIGKILL. Blocks
/// until none is left or `within` is over, and returns how many are left.
///
/// A server calls this at its start with the executions that a dead server left running, before any of them
/// may be attempted again.
#[must_use]
pub fn end_processes(execution_ids: &[ExecutionId], within: Duration) -> usize {
    if execution_ids.is_empty() {
        return 0;
    }
    let executions = execution_ids.iter().map(ToString::to_string).collect();
    end_marked(&Marks { executions, instance: None }, &HashSet::new(), within).left
}

/// What came of ending processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Distinct processes that were found.
    pub(crate) found: usize,
    /// Those that would not go in time.
    pub(crate) left: usize,
}

/// Ends every process that carries a mark. `registered` are groups that are known to have been started for
/// an attempt: each is ended as a whole as long as one of its members still carries a mark.
pub(crate) fn end_marked(marks: &Marks, registered: &HashSet<i32>, within: Duration) -> Ended {
    let deadline = Instant::now() + within;
    let mut found = BTreeSet::new();
    let mut clean_looks = 0;
    let mut pause = PAUSE_MIN;
    loop {
        let seen = scan::living(marks);
        let left = seen.iter().filter(|process| process.marked).count();
        // Between fork and exec a process shows no environment of its own, so one clean look is not enough.
        clean_looks = if left == 0 { clean_looks + 1 } else { 0 };
        if clean_looks == 2 || (left > 0 && Instant::now() >= deadline) {
            return Ended { found: found.len(), left };
        }
        found
            .extend(seen.iter().filter(|process| process.marked).map(|process| process.pid.as_raw_nonzero()));
        kill(&seen, marks, registered);
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn kill(seen: &[Seen], marks: &Marks, registered: &HashSet<i32>) {
    let groups = groups_to_kill(seen, registered, rustix::process::getpgrp());
    for process in seen.iter().filter(|process| process.marked) {
        kill_verified(*process, marks, groups.contains(&process.group));
    }
}

/// The groups that belong to attempts: those whose leader carries a mark, and those that have lost their
/// leader, or are registered, and have a member that carries one. Never our own.
fn groups_to_kill(seen: &[Seen], registered: &HashSet<i32>, own: Pid) -> HashSet<Pid> {
    let leaders: HashMap<Pid, bool> = seen
        .iter()
        .filter(|process| process.pid == process.group)
        .map(|process| (process.group, process.marked))
        .collect();
    seen.iter()
        .filter(|process| process.marked && process.group != own)
        .map(|process| process.group)
        .filter(|group| {
            let leader_marked = leaders.get(group).copied().unwrap_or(true);
            leader_marked || registered.contains(&group.as_raw_nonzero().get())
        })
        .collect()
}

/// Kills a process, and its group where that is asked for. The process is held by a file descriptor and
/// looked at again first, so that a number that was used anew since the scan is never hit.
#[cfg(target_os = "linux")]
fn kill_verified(process: Seen, marks: &Marks, with_group: bool) {
    use rustix::process::{PidfdFlags, kill_process, kill_process_group, pidfd_open, pidfd_send_signal};
    let held = pidfd_open(process.pid, PidfdFlags::empty());
    if scan::look(process.pid, marks) != Some(process) {
        return;
    }
    if with_group {
        let _gone_already = kill_process_group(process.group, Signal::KILL);
    }
    let _gone_already = match held {
        Ok(descriptor) => pidfd_send_signal(descriptor, Signal::KILL),
        // Kernels before 5.3 have no such descriptors.
        Err(rustix::io::Errno::NOSYS) => kill_process(process.pid, Signal::KILL),
        Err(error) => Err(error),
    };
}

#[cfg(not(target_os = "linux"))]
fn kill_verified(_process: Seen, _marks: &Marks, _with_group: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    fn seen(number: i32, group: i32, marked: bool) -> Seen {
        Seen { pid: pid(number), group: pid(group), marked }
    }

    #[test]
    fn a_group_is_killed_only_when_it_belongs_to_an_attempt() {
        let processes = [
            seen(10, 10, true),
            seen(11, 10, false),
            seen(21, 20, true),
            seen(30, 30, false),
            seen(31, 30, true),
            seen(40, 40, false),
            seen(51, 5, true),
        ];
        let groups = groups_to_kill(&processes, &HashSet::new(), pid(5));
        assert_eq!(groups, HashSet::from([pid(10), pid(20)]), "led by a mark, or without a leader");
        let groups = groups_to_kill(&processes, &HashSet::from([30, 40]), pid(5));
        assert_eq!(groups, HashSet::from([pid(10), pid(20), pid(30)]), "40 was used anew: no mark");
    }

    #[test]
    fn nothing_to_end_is_no_work() {
        assert_eq!(end_processes(&[], Duration::ZERO), 0);
    }
}
