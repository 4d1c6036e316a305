//! Finds the processes of attempts by what they carry in their environment, on Linux through `/proc`.
//!
//! Other Unix systems offer no safe way to read another process's environment: there the table is always
//! empty, and only the process groups that were registered can be ended.

use super::{EXECUTION_ID_VARIABLE, INSTANCE_VARIABLE};
use rustix::process::Pid;
use std::collections::HashSet;

/// What a process must carry to be one of those that are looked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Marks {
    /// Any of these execution ids.
    pub(crate) executions: HashSet<String>,
    /// Or the token of this server process.
    pub(crate) instance: Option<String>,
}

impl Marks {
    /// Whether an environment block, entries ended by NUL, carries one of the marks.
    pub(crate) fn are_carried_by(&self, environment: &[u8]) -> bool {
        environment.split(|byte| *byte == 0).any(|entry| {
            let Some((name, value)) = split_entry(entry) else { return false };
            if name == EXECUTION_ID_VARIABLE.as_bytes() {
                return std::str::from_utf8(value).is_ok_and(|id| self.executions.contains(id));
            }
            name == INSTANCE_VARIABLE.as_bytes()
                && self.instance.as_ref().is_some_and(|token| token.as_bytes() == value)
        })
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its id.
    pub(crate) pid: Pid,
    /// Its process group.
    pub(crate) group: Pid,
    /// Whether it carries a mark.
    pub(crate) marked: bool,
}

/// All living processes that can be seen, without this one. Zombies are not living.
#[cfg(target_os = "linux")]
pub(crate) fn living(marks: &Marks) -> Vec<Seen> {
    let own = rustix::process::getpid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != own)
        .filter_map(|pid| look(pid, marks))
        .collect()
}

/// No process is found by its environment on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn living(_marks: &Marks) -> Vec<Seen> {
    Vec::new()
}

/// One process; `None` if it is gone, a zombie, or not ours to look at.
#[cfg(target_os = "linux")]
pub(crate) fn look(pid: Pid, marks: &Marks) -> Option<Seen> {
    let directory = format!("/proc/{}", pid.as_raw_nonzero());
    let (state, group) = state_and_group(&std::fs::read(format!("{directory}/stat")).ok()?)?;
    if matches!(state, b'Z' | b'X' | b'x') {
        return None;
    }
    // A process of another user cannot be read, and could not be ended either.
    let environment = std::fs::read(format!("{directory}/environ")).unwrap_or_default();
    Some(Seen { pid, group, marked: marks.are_carried_by(&environment) })
}

/// Third and fifth field of `/proc/PID/stat`. The second is the program's name in parentheses, which may
/// itself contain spaces and parentheses, so fields are counted from the last one.
#[cfg(target_os = "linux")]
fn state_and_group(stat: &[u8]) -> Option<(u8, Pid)> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let group = fields.nth(1)?.parse().ok()?;
    // Kernel threads are in group 0: none of them is looked for.
    Some((state, Pid::from_raw(group)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        Marks { executions: ["abc".to_owned()].into(), instance: Some("secret".to_owned()) }
    }

    #[test]
    fn a_mark_counts_only_as_a_whole_entry() {
        assert!(marks().are_carried_by(b"A=1\0ONEOFF_EXECUTION_ID=abc\0"));
        assert!(marks().are_carried_by(b"ONEOFF_INSTANCE=secret"));
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
            assert!(!marks().are_carried_by(other), "{}", String::from_utf8_lossy(other));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let stat = b"4711 (a) b (c)) S 1 4700 4700 0 -1 4194560 0";
        assert_eq!(state_and_group(stat), Some((b'S', Pid::from_raw(4700).unwrap())));
        assert_eq!(state_and_group(b"2 (kthreadd) S 0 0 0 0"), None);
        assert_eq!(state_and_group(b"nonsense"), None);
    }
}
