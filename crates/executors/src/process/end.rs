//! Ends what is left of attempts: every process that carries a mark or descends from one that does, and the
//! groups that are theirs.
//!
//! A process that has left its group *and* dropped its environment *and* lost its parent before it was
//! looked for is not found; only a container or a cgroup could hold such a one.

use super::scan::{self, From, Look, Marks, Seen};
use oneoff_domain::ExecutionId;
use rustix::process::{Pid, Signal};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// The pause between two looks; it doubles up to [`PAUSE_MAX`] while something does not go.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// How often those that were found are only held still, and others looked for, before they are killed.
const HOLDS: u32 = 8;

/// Ends every process that carries one of these execution ids or descends from one that does, with its
/// process group, by SIGKILL. Blocks until none is left or `within` is over, and returns how many are left.
///
/// A server calls this at its start with the executions that a dead server left running, before any of them
/// may be attempted again.
#[must_use]
pub fn end_processes(execution_ids: &[ExecutionId], within: Duration) -> usize {
    if execution_ids.is_empty() {
        return 0;
    }
    let executions = execution_ids.iter().map(ToString::to_string).collect();
    end_marked(Marks { executions, ..Marks::default() }, &HashSet::new(), within).left
}

/// What came of ending processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Distinct processes that were found.
    pub(crate) found: usize,
    /// Those that would not go in time.
    pub(crate) left: usize,
}

/// Ends every process that is marked. `registered` are groups that are known to have been started for
/// an attempt: each is ended as a whole as long as one of its members is marked.
///
/// As long as a look finds new ones they are stopped first, so that none can start another, and that one
/// lose its parent, while the rest is looked for. Whoever was found once stays known.
pub(crate) fn end_marked(mut marks: Marks, registered: &HashSet<i32>, within: Duration) -> Ended {
    let deadline = Instant::now() + within;
    let mut found = HashSet::new();
    let (mut pause, mut holds, mut looks, mut clean_looks) = (PAUSE_MIN, HOLDS, 0, 0);
    loop {
        let look = scan::look(&marks, From::All, &|_number| false);
        looks += 1;
        if marks.instance_lives && (look.is_settled || looks == 3) {
            marks.instance = None;
        }
        let left = look.marked().count();
        clean_looks = if left == 0 { clean_looks + 1 } else { 0 };
        let is_over = Instant::now() >= deadline;
        // One clean look is not enough where it was not settled.
        if (left == 0 && look.is_settled) || clean_looks == 3 || (left > 0 && is_over) {
            return Ended { found: found.len(), left };
        }
        let mut is_new = false;
        for (process, owner) in look.marked() {
            is_new |= found.insert(process.identity);
            marks.processes.insert(process.identity, owner.clone());
        }
        if is_new && holds > 0 {
            holds -= 1;
            look.marked().for_each(|(process, _)| signal_verified(process, Signal::STOP, false));
            continue;
        }
        holds = HOLDS;
        kill(&look, registered);
        std::thread::sleep(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn kill(look: &Look, registered: &HashSet<i32>) {
    let groups = groups_to_kill(&look.seen, registered, rustix::process::getpgrp());
    for (process, _) in look.marked() {
        signal_verified(process, Signal::KILL, groups.contains(&process.group));
    }
}

/// The groups that belong to attempts: those whose leader is marked, and those that have lost their
/// leader, or are registered, and have a member that is marked. Never our own.
fn groups_to_kill(seen: &[Seen], registered: &HashSet<i32>, own: Pid) -> HashSet<Pid> {
    let leaders: HashMap<Pid, bool> = seen
        .iter()
        .filter(|process| process.identity.pid == process.group)
        .map(|process| (process.group, process.owner.is_some()))
        .collect();
    seen.iter()
        .filter(|process| process.owner.is_some() && process.group != own)
        .map(|process| process.group)
        .filter(|group| {
            let leader_marked = leaders.get(group).copied().unwrap_or(true);
            leader_marked || registered.contains(&group.as_raw_nonzero().get())
        })
        .collect()
}

/// Signals a process, and its group where that is asked for. The process is held by a file descriptor and
/// looked at again first, so that a number that was used anew since the scan is never hit.
#[cfg(target_os = "linux")]
fn signal_verified(process: &Seen, signal: Signal, with_group: bool) {
    use super::stat::Stat;
    use rustix::process::{PidfdFlags, kill_process, kill_process_group, pidfd_open, pidfd_send_signal};
    let pid = process.identity.pid;
    let held = pidfd_open(pid, PidfdFlags::empty());
    let Some(stat) = Stat::read(pid).filter(|stat| stat.identity == process.identity) else { return };
    if with_group && stat.group == process.group {
        let _gone_already = kill_process_group(process.group, signal);
    }
    let _gone_already = match held {
        Ok(descriptor) => pidfd_send_signal(descriptor, signal),
        // Kernels before 5.3 have no such descriptors.
        Err(rustix::io::Errno::NOSYS) => kill_process(pid, signal),
        Err(error) => Err(error),
    };
}

#[cfg(not(target_os = "linux"))]
fn signal_verified(_process: &Seen, _signal: Signal, _with_group: bool) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    fn seen(number: i32, group: i32, marked: bool) -> Seen {
        Seen::made_up(number, group, 1, marked.then_some("a"))
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
