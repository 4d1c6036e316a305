//! Processor time and memory of processes, as `/proc` has them.

use std::collections::HashMap;
use std::fs::{read_dir, read_to_string};

/// Processor time that a process has used so far, in seconds; `None` where `/proc` does not say.
pub(crate) fn cpu_seconds(process_id: u32) -> Option<f64> {
    let stat = read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    // Fields 14 and 15 of proc(5), counted from the state that follows the name; ticks are 10 ms on Linux.
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Processor time that the processes have used which this one has started and reaped, in seconds.
pub(crate) fn reaped_cpu_seconds() -> Option<f64> {
    let stat = read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// Processor time of each thread in nanoseconds: finer than the ticks, but threads that end take theirs along.
pub(crate) struct Threads(HashMap<String, u64>);

impl Threads {
    pub(crate) fn of(process_id: u32) -> Self {
        let tasks = read_dir(format!("/proc/{process_id}/task")).into_iter().flatten().flatten();
        Self(
            tasks
                .filter_map(|task| Some((task.file_name().into_string().ok()?, used_ns(&task.path())?)))
                .collect(),
        )
    }

    /// What the threads have used since `earlier`, in seconds.
    pub(crate) fn seconds_since(&self, earlier: &Self) -> f64 {
        let before = |thread: &String| earlier.0.get(thread).copied().unwrap_or(0);
        let used: u64 = self.0.iter().map(|(thread, now)| now.saturating_sub(before(thread))).sum();
        used as f64 / 1e9
    }
}

fn used_ns(task: &std::path::Path) -> Option<u64> {
    read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

/// Processor time of the threads of this process that have this name, in seconds.
pub(crate) fn own_threads_cpu_seconds(name: &str) -> f64 {
    let tasks = read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks
        .filter(|task| read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name));
    named.filter_map(|task| used_ns(&task.path())).sum::<u64>() as f64 / 1e9
}

/// Resident memory of a process in bytes.
pub(crate) fn resident_bytes(process_id: u32) -> Option<u64> {
    let status = read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The processes that a process has started and that live.
pub(crate) fn children(process_id: u32) -> Vec<u32> {
    let tasks = read_dir(format!("/proc/{process_id}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_computes_is_seen_to() {
        let own = std::process::id();
        let before = Threads::of(own);
        let mut sum = 0_u64;
        while Threads::of(own).seconds_since(&before) < 0.02 {
            sum = (0..100_000).fold(sum, |sum, value| std::hint::black_box(sum.wrapping_add(value)));
        }
        assert!(cpu_seconds(own).is_some_and(|seconds| seconds >= 0.01));
        assert!(resident_bytes(own).is_some_and(|bytes| bytes > 100_000));
    }

    #[test]
    fn a_process_that_is_gone_has_nothing() {
        assert_eq!((cpu_seconds(u32::MAX), resident_bytes(u32::MAX)), (None, None));
        assert!(children(u32::MAX).is_empty());
    }
}
