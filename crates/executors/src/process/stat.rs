//! What Linux tells about one process in `/proc`: who it is, whose child it is, and with which environment
//! it was started.

use rustix::process::Pid;
use std::fs::File;
use std::io::Read;

/// Enough for most environments at once.
const ENVIRONMENT_BYTES: usize = 8 * 1024;

/// One process for as long as it lives: its number alone may be used anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// Its number.
    pub(crate) pid: Pid,
    /// When it was started, in ticks since the machine was.
    pub(crate) start_ticks: u64,
}

/// The parts of `/proc/PID/stat` that are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) identity: Identity,
    /// `None` for a parent outside of the container.
    pub(crate) parent: Option<Pid>,
    pub(crate) group: Pid,
    pub(crate) is_dead: bool,
    /// Where its environment ends in memory; 0 while it is replaced by another program, or ends.
    environment_end: u64,
    is_empty: bool,
}

/// What a process carries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// Entries ended by NUL.
    Entries(Vec<u8>),
    /// In the moment between two programs nothing can be read; the next moment it can.
    Unsettled,
    /// It is not ours to read: that of another user, who could not be ended either.
    Hidden,
}

impl Stat {
    /// Looks at a process; `None` if it is gone, or is a thread of the kernel.
    #[cfg(target_os = "linux")]
    pub(crate) fn read(pid: Pid) -> Option<Self> {
        let mut buffer = [0; 1024];
        Self::parse(pid, read_start(&format!("/proc/{}/stat", pid.as_raw_nonzero()), &mut buffer)?)
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn read(_pid: Pid) -> Option<Self> {
        None
    }

    /// The second field is the program's name in parentheses, which may itself contain spaces and
    /// parentheses, so fields are counted from the last one.
    fn parse(pid: Pid, stat: &[u8]) -> Option<Self> {
        let name_end = stat.iter().rposition(|byte| *byte == b')')?;
        let mut fields = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok().filter(|parent| *parent > 0).and_then(Pid::from_raw);
        // Threads of the kernel are in group 0, and one that is just being reaped in -1.
        let group = fields.next()?.parse().ok().filter(|group| *group > 0).and_then(Pid::from_raw)?;
        let threads: u64 = fields.nth(14)?.parse().ok()?;
        let start_ticks = fields.nth(1)?.parse().ok()?;
        let mut last = fields.skip(27).map(|field| field.parse::<u64>().unwrap_or_default());
        let (environment_start, environment_end) =
            (last.next().unwrap_or_default(), last.next().unwrap_or_default());
        Some(Self {
            identity: Identity { pid, start_ticks },
            parent,
            group,
            // A program may go on in other threads after its first one has ended.
            is_dead: matches!(state, "X" | "x") || (state == "Z" && threads <= 1),
            environment_end,
            is_empty: environment_end != 0 && environment_start == environment_end,
        })
    }
}

/// Reads what a process carries.
pub(crate) fn environment(pid: Pid) -> Environment {
    // Another program may be started between any two reads; one that does nothing else stays unsettled.
    for _ in 0..3 {
        match read_environment(pid) {
            Some(entries) if entries.is_empty() => {}
            Some(entries) => return Environment::Entries(entries),
            None => return Environment::Hidden,
        }
        match Stat::read(pid) {
            Some(stat) if stat.is_empty => return Environment::Entries(Vec::new()),
            Some(stat) if stat.environment_end == 0 => return Environment::Unsettled,
            Some(_) => {}
            None => return Environment::Hidden,
        }
    }
    Environment::Unsettled
}

fn read_environment(pid: Pid) -> Option<Vec<u8>> {
    let directory = format!("/proc/{}", pid.as_raw_nonzero());
    let mut entries = Vec::with_capacity(ENVIRONMENT_BYTES);
    // A file of which nothing is known but its content: asking for its size only takes time.
    let file = File::open(format!("{directory}/environ")).ok()?;
    file.take(u64::MAX).read_to_end(&mut entries).ok()?;
    if !entries.is_empty() {
        return Some(entries);
    }
    // That of a program whose first thread has ended is found with its others.
    let threads = std::fs::read_dir(format!("{directory}/task")).ok()?.flatten();
    let of_threads = threads.filter_map(|thread| std::fs::read(thread.path().join("environ")).ok());
    Some(of_threads.into_iter().find(|entries| !entries.is_empty()).unwrap_or_default())
}

/// The number that was given to a process last. Numbers are given in rising order, and from the start again
/// after the highest. `None` where the system does not tell.
pub(crate) fn newest_pid() -> Option<i32> {
    let mut buffer = [0; 256];
    let load = std::str::from_utf8(read_start("/proc/loadavg", &mut buffer)?).ok()?;
    load.split_ascii_whitespace().nth(4)?.parse().ok().filter(|newest| *newest > 0)
}

/// The highest number of a process.
pub(crate) fn pid_max() -> Option<i32> {
    let mut buffer = [0; 32];
    std::str::from_utf8(read_start("/proc/sys/kernel/pid_max", &mut buffer)?).ok()?.trim().parse().ok()
}

/// What one read gives, which is the whole of a short file of the kernel.
fn read_start<'a>(path: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let count = File::open(path).ok()?.read(buffer).ok()?;
    buffer.get(..count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(number: i32) -> Pid {
        Pid::from_raw(number).unwrap()
    }

    #[test]
    fn a_program_name_with_parentheses_does_not_shift_the_fields() {
        let stat = |state: &str, threads: u32| {
            let numbers = "0 -1 4194560 0 0 0 0 0 0 0 0 20 0";
            let rest = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 500 600 0";
            let text = format!("4711 (a) b (c)) {state} 1 4700 4701 {numbers} {threads} 0 9876 {rest}");
            Stat::parse(pid(4711), text.as_bytes()).unwrap()
        };
        let living = stat("S", 1);
        assert_eq!(living.identity, Identity { pid: pid(4711), start_ticks: 9876 });
        assert_eq!((living.parent, living.group, living.is_dead), (Some(pid(1)), pid(4700), false));
        assert_eq!((living.environment_end, living.is_empty), (600, false));
        assert!(stat("Z", 1).is_dead);
        assert!(!stat("Z", 2).is_dead, "it goes on in another thread");
        assert_eq!(Stat::parse(pid(2), b"2 (kthreadd) S 0 0 0 0"), None);
        let reaped = "9 (true) Z 0 -1 -1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 0 0 9876 1 2";
        assert_eq!(Stat::parse(pid(9), reaped.as_bytes()), None);
        assert_eq!(Stat::parse(pid(2), b"nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_seen_as_it_is() {
        let own = rustix::process::getpid();
        let stat = Stat::read(own).unwrap();
        assert_eq!((stat.parent, stat.group), (rustix::process::getppid(), rustix::process::getpgrp()));
        assert!(stat.environment_end > 0 && stat.identity.start_ticks > 0 && !stat.is_dead);
        let is_set = |entry: &[u8]| entry.starts_with(b"PATH=");
        let Environment::Entries(entries) = environment(own) else { unreachable!() };
        assert!(entries.split(|byte| *byte == 0).any(is_set));
        assert!(newest_pid().unwrap() > 0 && pid_max().unwrap() > 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_environment_is_told_from_one_that_cannot_be_read() {
        let mut empty = std::process::Command::new("/bin/sleep").arg("300").env_clear().spawn().unwrap();
        let number = pid(i32::try_from(empty.id()).unwrap());
        let seen = (0..1000).map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            environment(number)
        });
        let settled = seen.into_iter().find(|seen| *seen == Environment::Entries(Vec::new()));
        empty.kill().unwrap();
        empty.wait().unwrap();
        assert!(settled.is_some());
        assert_eq!(environment(number), Environment::Hidden);
    }
}
