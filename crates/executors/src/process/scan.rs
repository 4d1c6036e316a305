//! Finds the processes of attempts by what they carry in their environment and by whose children they are,
//! on Linux through `/proc`.
//!
//! Other Unix systems offer no safe way to read another process's environment: there the table is always
//! empty, and only the process groups that were registered can be ended.

use super::stat::{self, Environment, Identity, Stat};
use super::{EXECUTION_ID_VARIABLE, INSTANCE_VARIABLE};
use rustix::process::Pid;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How often a look is completed by those that were started during it, before it is given up as unsettled.
const ROUNDS: u32 = 32;
/// The pause for a process between two programs.
const BETWEEN_PROGRAMS: Duration = Duration::from_micros(200);

/// By what a process is known as one of those that are looked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Marks {
    /// It carries one of these execution ids.
    pub(crate) executions: HashSet<String>,
    /// Or the token of this server process.
    pub(crate) instance: Option<String>,
    /// Which lives, and may soon start others that are not meant: who was not found by its token at first is not.
    pub(crate) instance_lives: bool,
    /// Or is one of these, which are known to belong to the owner beside.
    pub(crate) processes: HashMap<Identity, String>,
    /// None of them was started before.
    pub(crate) earliest_start_ticks: u64,
}

impl Marks {
    /// The mark that an environment block, entries ended by NUL, carries: the execution's id before the
    /// server's token.
    pub(crate) fn carried_by(&self, environment: &[u8]) -> Option<&str> {
        let mut instance = None;
        for (name, value) in environment.split(|byte| *byte == 0).filter_map(split_entry) {
            let Ok(value) = std::str::from_utf8(value) else { continue };
            if name == EXECUTION_ID_VARIABLE.as_bytes() {
                if let Some(id) = self.executions.get(value) {
                    return Some(id);
                }
            } else if name == INSTANCE_VARIABLE.as_bytes() {
                instance = instance.or(self.instance.as_deref().filter(|token| *token == value));
            }
        }
        instance
    }
}

fn split_entry(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    // Cheap refusal first: a scan looks at every variable of every process.
    if !entry.starts_with(b"ONEOFF_") {
        return None;
    }
    let equals = entry.iter().position(|byte| *byte == b'=')?;
    Some((entry.get(..equals)?, entry.get(equals + 1..)?))
}

/// A process as a scan saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Which it is.
    pub(crate) identity: Identity,
    /// Its process group.
    pub(crate) group: Pid,
    /// The mark that it carries, or that it has from a parent or from being known.
    pub(crate) owner: Option<String>,
    parent: Option<Pid>,
    is_settled: bool,
}

/// Where a look begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// At every process.
    All,
    /// At the processes that were started after the one with this number. Only for a moment so short that
    /// numbers cannot have been used anew.
    After(Pid),
}

/// All living processes that were looked at, without this one.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) seen: Vec<Seen>,
    /// Whether nobody who descends from somebody unmarked can be missing: no process was started between
    /// the end of the look and its last addition, and the environment of all could be read.
    pub(crate) is_settled: bool,
}

impl Look {
    /// Those that are looked for.
    pub(crate) fn marked(&self) -> impl Iterator<Item = (&Seen, &String)> {
        self.seen.iter().filter_map(|process| Some((process, process.owner.as_ref()?)))
    }
}

/// Looks at the living processes, but for those of which it is known by their number that they are not meant.
///
/// A process that is started behind the look's back has a number after the newest at its begin: these are
/// looked at until there are no more. As a process appears before its parent ends, and numbers rise, none
/// can slip through by passing itself on to a child.
#[cfg(target_os = "linux")]
pub(crate) fn look(marks: &Marks, from: From, is_others: &dyn Fn(i32) -> bool) -> Look {
    let mut seen = BTreeMap::new();
    let ours =
        |pids: &mut dyn Iterator<Item = i32>| -> Vec<i32> { pids.filter(|pid| !is_others(*pid)).collect() };
    let mut newest = stat::newest_pid();
    match (from, newest) {
        (From::After(pid), Some(last)) if last >= pid.as_raw_nonzero().get() => {
            add(&mut seen, marks, ours(&mut (pid.as_raw_nonzero().get() + 1..=last)));
        }
        _ => add(&mut seen, marks, ours(&mut all_pids())),
    }
    let mut is_settled = false;
    for _ in 0..ROUNDS {
        let unsettled: Vec<i32> =
            seen.iter().filter(|(_, process)| !process.is_settled).map(|(pid, _)| *pid).collect();
        if !unsettled.is_empty() {
            std::thread::sleep(BETWEEN_PROGRAMS);
            add(&mut seen, marks, unsettled.clone());
        }
        let now_newest = stat::newest_pid();
        if unsettled.is_empty() && now_newest.is_some() && now_newest == newest {
            is_settled = true;
            break;
        }
        match (newest, now_newest) {
            (Some(before), Some(now)) if now >= before => {
                add(&mut seen, marks, ours(&mut (before + 1..=now)))
            }
            _ => add(&mut seen, marks, ours(&mut all_pids())),
        }
        newest = now_newest;
    }
    pass_on(&mut seen);
    Look { seen: seen.into_values().collect(), is_settled }
}

/// No process is found on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn look(_marks: &Marks, _from: From, _is_others: &dyn Fn(i32) -> bool) -> Look {
    Look { seen: Vec::new(), is_settled: true }
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn add(seen: &mut BTreeMap<i32, Seen>, marks: &Marks, pids: Vec<i32>) {
    let own = rustix::process::getpid();
    for number in pids {
        let Some(pid) = Pid::from_raw(number).filter(|pid| *pid != own) else { continue };
        match see(pid, marks) {
            Some(process) => seen.insert(number, process),
            None => seen.remove(&number),
        };
    }
}

/// One process; `None` if it is gone or dead.
fn see(pid: Pid, marks: &Marks) -> Option<Seen> {
    let stat = Stat::read(pid).filter(|stat| !stat.is_dead)?;
    let mut owner = marks.processes.get(&stat.identity).cloned();
    let mut is_settled = true;
    if owner.is_none() && stat.identity.start_ticks >= marks.earliest_start_ticks {
        match stat::environment(pid) {
            Environment::Entries(entries) => owner = marks.carried_by(&entries).map(str::to_owned),
            Environment::Unsettled => is_settled = false,
            Environment::Hidden => {}
        }
    }
    Some(Seen { identity: stat.identity, group: stat.group, owner, parent: stat.parent, is_settled })
}

/// A child belongs to whom its parent belongs to, whatever it has done to its environment.
fn pass_on(seen: &mut BTreeMap<i32, Seen>) {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, process) in seen.iter().filter(|(_, process)| process.owner.is_none()) {
        if let Some(parent) = process.parent {
            children.entry(parent.as_raw_nonzero().get()).or_default().push(*pid);
        }
    }
    let mut heirs: Vec<(i32, String)> =
        seen.iter().filter_map(|(pid, process)| Some((*pid, process.owner.clone()?))).collect();
    while let Some((pid, owner)) = heirs.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            if let Some(process) = seen.get_mut(&child) {
                process.owner = Some(owner.clone());
            }
            heirs.push((child, owner.clone()));
        }
    }
}

#[cfg(test)]
impl Seen {
    /// A process as the tests of its users make it up.
    pub(crate) fn made_up(number: i32, group: i32, parent: i32, owner: Option<&str>) -> Self {
        let pid = |number| Pid::from_raw(number).unwrap();
        Self {
            identity: Identity { pid: pid(number), start_ticks: 1 },
            group: pid(group),
            owner: owner.map(str::to_owned),
            parent: Pid::from_raw(parent),
            is_settled: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks {
            executions: ["abc".to_owned()].into(),
            instance: Some("secret".to_owned()),
            ..Marks::default()
        }
    }

    #[test]
    fn a_mark_counts_only_as_a_whole_entry() {
        assert_eq!(marks().carried_by(b"A=1\0ONEOFF_EXECUTION_ID=abc\0"), Some("abc"));
        assert_eq!(marks().carried_by(b"ONEOFF_INSTANCE=secret"), Some("secret"));
        let both = b"ONEOFF_INSTANCE=secret\0ONEOFF_EXECUTION_ID=abc\0";
        assert_eq!(marks().carried_by(both), Some("abc"));
        for other in [
            &b""[..],
            b"ONEOFF_EXECUTION_ID=abcd\0",
            b"ONEOFF_EXECUTION_ID=ab\0",
            b"X_ONEOFF_EXECUTION_ID=abc\0",
            b"NOTE=ONEOFF_EXECUTION_ID=abc\0",
            b"ONEOFF_INSTANCE=abc\0",
            b"ONEOFF_EXECUTION_ID\0",
            b"ONEOFF_EXECUTION_ID=\xff\xfe\0",
        ] {
            assert_eq!(marks().carried_by(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn children_belong_to_the_owner_of_their_parent() {
        let processes = [
            Seen::made_up(10, 10, 1, Some("a")),
            Seen::made_up(9, 9, 11, None),
            Seen::made_up(11, 11, 10, None),
            Seen::made_up(12, 12, 10, Some("b")),
            Seen::made_up(13, 13, 12, None),
            Seen::made_up(14, 14, 1, None),
            Seen::made_up(15, 15, 15, None),
        ];
        let mut seen =
            processes.into_iter().map(|process| (process.group.as_raw_nonzero().get(), process)).collect();
        pass_on(&mut seen);
        let owners: Vec<_> = seen.iter().map(|(pid, process)| (*pid, process.owner.as_deref())).collect();
        let expected = [
            (9, Some("a")),
            (10, Some("a")),
            (11, Some("a")),
            (12, Some("b")),
            (13, Some("b")),
            (14, None),
            (15, None),
        ];
        assert_eq!(owners, expected);
    }
}
