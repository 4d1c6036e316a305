//! How the server stops: within the grace, beyond it, at once; and that nothing is left of its jobs.

use crate::process::{Place, Serving, block_on, get, shell, wait_for, wait_for_status};
use oneoff_client::ExecutionQuery;
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};

/// Processes whose command line contains `part`.
fn processes(part: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let says = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(part)
    };
    ids.filter(says).collect()
}

/// A number of seconds that no other process on this machine sleeps for.
fn unique_sleep() -> String {
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    format!("4{}.{nanos:09}", std::process::id())
}

fn running(serving: &Serving, script: &str) -> String {
    let client = serving.client();
    let job = block_on(client.create_job(&shell(script))).unwrap();
    wait_for_status(&client, &job.id, "running");
    job.id
}

#[test]
fn a_job_that_ends_within_the_grace_completes_while_changes_are_refused() {
    let place = Place::new().with("SHUTDOWN_GRACE_SECONDS", "30");
    let mut serving = place.serve();
    let flag = place.directory.path().join("go");
    let id = running(&serving, &format!("while [ ! -e {} ]; do sleep 0.05; done; echo done", flag.display()));
    serving.signal("TERM");
    serving.wait_for_line("stopping");
    let client = serving.client();
    wait_for(|| match block_on(client.create_job(&shell("true"))) {
        Err(error) if error.status() == Some(503) => Some(()),
        _ => None,
    });
    assert_eq!(get(serving.port(), &format!("/api/jobs/{id}"), &[]).0, 200);
    std::fs::write(&flag, "").unwrap();
    assert!(serving.wait().success(), "{:#?}", serving.log());
    drop(serving);
    let after = place.serve();
    assert_eq!(block_on(after.client().job(&id)).unwrap().status, "completed");
}

#[test]
fn a_job_that_outlasts_the_grace_is_ended_and_recorded() {
    let place = Place::new().with("SHUTDOWN_GRACE_SECONDS", "1");
    let serving = place.serve();
    let seconds = unique_sleep();
    let id = running(&serving, &format!("sleep {seconds} & sleep {seconds}"));
    wait_for(|| (processes(&format!("sleep {seconds}")).len() >= 2).then_some(()));
    serving.stop();
    assert_eq!(processes(&format!("sleep {seconds}")), Vec::<u32>::new());
    let after = place.with("DISABLED_JOB_TYPES", "").serve();
    let executions = block_on(
        after.client().executions(&ExecutionQuery { job_id: Some(id), ..ExecutionQuery::default() }),
    )
    .unwrap();
    let ended = executions.data.iter().find(|execution| execution.reason.as_deref() == Some("shutdown"));
    assert!(ended.is_some(), "{executions:?}");
}

#[test]
fn sigterm_leaves_no_process_of_the_server() {
    let place = Place::new();
    let serving = place.serve();
    let program = env!("CARGO_BIN_EXE_oneoff-server");
    let children =
        |id: u32| std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let id = serving.child.id();
    let guardian = children(id).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(!guardian.is_empty() || !processes(&format!("{program} guardian")).is_empty());
    serving.stop();
    for child in guardian {
        wait_for(|| (!std::path::Path::new(&format!("/proc/{child}")).exists()).then_some(()));
    }
}

#[test]
fn a_second_signal_ends_at_once_and_the_guardian_ends_the_rest() {
    let place = Place::new().with("SHUTDOWN_GRACE_SECONDS", "600");
    let mut serving = place.serve();
    let seconds = unique_sleep();
    running(&serving, &format!("sleep {seconds} & sleep {seconds}"));
    wait_for(|| (processes(&format!("sleep {seconds}")).len() >= 2).then_some(()));
    serving.signal("INT");
    serving.wait_for_line("stopping");
    let ended = wait_for(|| {
        let ended = serving.child.try_wait().unwrap();
        if ended.is_none() {
            serving.signal("INT");
        }
        ended
    });
    assert_eq!(ended.code(), Some(130));
    wait_for(|| processes(&format!("sleep {seconds}")).is_empty().then_some(()));
}

#[test]
fn a_signal_that_comes_twice_at_once_leaves_running_jobs_their_grace() {
    let place = Place::new().with("SHUTDOWN_GRACE_SECONDS", "30");
    let mut serving = place.serve();
    let flag = place.directory.path().join("go");
    let id = running(&serving, &format!("while [ ! -e {} ]; do sleep 0.05; done; echo done", flag.display()));
    // Without a program that sends them: starting it may take longer than the two may be apart.
    let server = Pid::from_child(&serving.child);
    kill_process(server, Signal::TERM).unwrap();
    // Two that wait for the server together would be one to it.
    std::thread::sleep(Duration::from_millis(5));
    kill_process(server, Signal::TERM).unwrap();
    serving.wait_for_line("stopping");
    std::fs::write(&flag, "").unwrap();
    assert!(serving.wait().success(), "{:#?}", serving.log());
    drop(serving);
    let after = place.serve();
    assert_eq!(block_on(after.client().job(&id)).unwrap().status, "completed");
}

#[test]
fn a_server_that_was_killed_in_a_long_job_was_not_away() {
    // So long a busy machine may take to start it again.
    let place = Place::new().with("HOLD_OVERDUE_AFTER_SECONDS", "10").with("SHUTDOWN_GRACE_SECONDS", "1");
    let mut serving = place.serve();
    let id = running(&serving, &format!("sleep {}", unique_sleep()));
    // Longer than that it writes nothing of jobs.
    let began = Instant::now();
    wait_for(|| (began.elapsed() > Duration::from_secs(11)).then_some(()));
    serving.child.kill().unwrap();
    drop(serving);
    let after = place.serve();
    wait_for_status(&after.client(), &id, "running");
    assert_eq!(block_on(after.client().job(&id)).unwrap().holds.len(), 0);
}

#[test]
fn sighup_changes_nothing() {
    let place = Place::new();
    let mut serving = place.serve();
    serving.signal("HUP");
    serving.wait_for_line("SIGHUP is ignored");
    assert_eq!(get(serving.port(), "/health", &[]).0, 200);
    serving.stop();
}
