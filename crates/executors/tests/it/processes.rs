//! Ending what a dead server has left behind, by the execution's id.

use crate::support::{PATIENCE, eventually, execution_id, lives};
use oneoff_domain::ExecutionId;
use oneoff_executors::process::{EXECUTION_ID_VARIABLE, end_processes};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A group as a dead server leaves it: it carries the id, and nobody watches it.
struct Orphans(Child);

impl Orphans {
    fn start(id: Option<ExecutionId>, script: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        if let Some(id) = id {
            command.env(EXECUTION_ID_VARIABLE, id.to_string());
        }
        Self(command.spawn().unwrap())
    }

    fn group(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    /// The members of its group, zombies not counted.
    fn members(&self) -> Vec<i32> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid| lives(*pid) && group_of(*pid) == Some(self.group())).collect()
    }
}

fn group_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(2)?.parse().ok()
}

fn descendants(pid: i32) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().map(|child| child.parse().unwrap());
    children.flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

impl Drop for Orphans {
    fn drop(&mut self) {
        for pid in self.members().into_iter().filter_map(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::KILL);
        }
        let _gone = self.0.wait();
    }
}

#[tokio::test]
async fn all_of_an_execution_ends_and_nothing_else() {
    let (id, other) = (execution_id(), execution_id());
    let ours = Orphans::start(Some(id), "sleep 300 & setsid sleep 300 & env -i /bin/sleep 300 & sleep 300");
    let others = Orphans::start(Some(other), "sleep 300 & sleep 300");
    let strangers = Orphans::start(None, "sleep 300 & sleep 300");
    eventually("all run", PATIENCE, || {
        crate::support::processes_of(id).len() == 4
            && ours.members().len() == 4
            && others.members().len() == 3
            && strangers.members().len() == 3
    })
    .await;
    let left = tokio::task::spawn_blocking(move || end_processes(&[id], PATIENCE)).await.unwrap();
    assert_eq!(left, 0);
    assert_eq!(crate::support::processes_of(id), [0_i32; 0]);
    eventually("with the one that had dropped its environment", PATIENCE, || ours.members().is_empty()).await;
    assert_eq!((others.members().len(), strangers.members().len()), (3, 3));
    assert_eq!(end_processes(&[other], PATIENCE), 0);
}

#[tokio::test]
async fn a_group_whose_leader_is_gone_ends() {
    let id = execution_id();
    let mut orphans = Orphans::start(Some(id), "sleep 300 & env -i /bin/sleep 300 & exit 0");
    orphans.0.wait().unwrap();
    eventually("both run without it", PATIENCE, || {
        orphans.members().len() == 2 && crate::support::processes_of(id).len() == 1
    })
    .await;
    assert_eq!(end_processes(&[id], PATIENCE), 0);
    eventually("both are gone", PATIENCE, || orphans.members().is_empty()).await;
}

#[tokio::test]
async fn one_that_cleared_its_environment_ends_with_its_living_parent() {
    let id = execution_id();
    for script in [
        "perl -e '$0=\"zzz9\"; setpgrp(0,0); sleep 300' & sleep 300",
        "env -i setsid sleep 300 & sleep 300",
        "env -i setsid sh -c 'setsid sleep 300; :' & sleep 300",
    ] {
        let orphans = Orphans::start(Some(id), script);
        // A name given to a process overwrites its environment before the process leaves the group.
        let escapers = || {
            let children = descendants(orphans.group());
            children.into_iter().filter(|pid| group_of(*pid) != Some(orphans.group())).collect::<Vec<_>>()
        };
        let expected = 1 + usize::from(script.contains("; :"));
        eventually("it has escaped", PATIENCE, || {
            let escapers = escapers();
            escapers.len() == expected
                && escapers.iter().all(|pid| !crate::support::processes_of(id).contains(pid))
        })
        .await;
        let escapers = escapers();
        let left = tokio::task::spawn_blocking(move || end_processes(&[id], PATIENCE)).await.unwrap();
        assert_eq!(left, 0);
        assert!(!escapers.iter().any(|pid| lives(*pid)), "{script}");
    }
}

#[test]
fn looking_for_nobody_takes_no_time() {
    let began = std::time::Instant::now();
    assert_eq!(end_processes(&[execution_id()], PATIENCE), 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
