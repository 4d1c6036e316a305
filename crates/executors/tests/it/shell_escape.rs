//! Processes that try to outlive their attempt: in a session of their own, without output, without the
//! environment that marks them.

use crate::support::{Attempt, PATIENCE, lives, processes_of, start};
use oneoff_domain::Reason;
use oneoff_executors::{BaseEnvironment, ShellExecutor, StopReason};
use serde_json::json;

fn shell() -> ShellExecutor {
    ShellExecutor::new(BaseEnvironment::of_this_process())
}

/// The first line that an attempt writes: the number of the process that tries to escape.
async fn escaper(attempt: &mut Attempt) -> i32 {
    let mut written = Vec::new();
    while !written.contains(&b'\n') {
        let chunk = tokio::time::timeout(PATIENCE, attempt.output.recv()).await.expect("output in time");
        written.extend_from_slice(&chunk.expect("output before the end").bytes);
    }
    String::from_utf8(written).unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_daemon_without_output_ends_with_its_leader() {
    for script in [
        "setsid sleep 300 >/dev/null 2>&1 </dev/null & sleep .3; exit 1",
        "setsid sleep 300 >/dev/null 2>&1 </dev/null & exit 1",
        "(setsid sh -c 'sleep 300 & sleep 300 & exit 0' >/dev/null 2>&1 </dev/null &); exit 1",
        "(setsid sh -c '(setsid sleep 300 &) & sleep .2' >/dev/null 2>&1 </dev/null &); sleep .1; exit 1",
    ] {
        let attempt = start(&shell(), &json!({"script": script}));
        let id = attempt.id;
        let finished = attempt.finish().await;
        assert_eq!(processes_of(id), [0_i32; 0], "{script}");
        assert_eq!(finished.outcome.reason, Reason::ExitCode, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_crowd_every_daemon_ends_before_its_outcome_is_known() {
    let executor = shell();
    let attempts = (0..60).map(|number| {
        // Short and long attempts, with and without something left, end in the same moments.
        let script = match number % 3 {
            0 => "(setsid sleep 300 >/dev/null 2>&1 </dev/null &); exit 1",
            1 => "setsid sleep 300 >/dev/null 2>&1 </dev/null & sleep .3; exit 1",
            _ => "exit 1",
        };
        let attempt = start(&executor, &json!({"script": script}));
        tokio::spawn(async move {
            let id = attempt.id;
            attempt.finish().await;
            assert_eq!(processes_of(id), [0_i32; 0], "{script}");
        })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        attempt.await.unwrap();
    }
}

#[tokio::test]
async fn one_without_its_environment_ends_with_a_stopped_parent() {
    for script in [
        "perl -e '$|=1; $0=\"zzz9\"; setpgrp(0,0); print \"$$\\n\"; sleep 300' & sleep 300",
        "env -i setsid sh -c 'echo $$; exec sleep 300' & sleep 300",
        "env -i setsid sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 300\" & wait' & sleep 300",
        // The leader itself.
        "exec perl -e '$|=1; $0=\"zzz9\"; system(\"env\", \"-i\", \"setsid\", \"sh\", \"-c\", \"echo \\$\\$; exec sleep 300\")'",
    ] {
        for reason in [StopReason::Cancelled, StopReason::TimedOut, StopReason::Shutdown] {
            let mut attempt = start(&shell(), &json!({"script": script}));
            let (id, escaper) = (attempt.id, escaper(&mut attempt).await);
            assert!(lives(escaper), "{script}");
            attempt.trigger.fire(reason);
            attempt.finish().await;
            assert!(!lives(escaper), "{reason:?}: {script}");
            assert_eq!(processes_of(id), [0_i32; 0], "{script}");
        }
    }
}

#[tokio::test]
async fn one_without_its_environment_ends_with_a_parent_that_outlived_the_leader() {
    let script = "sh -c 'env -i setsid sh -c \"echo \\$\\$; exec sleep 300\" & sleep 300' & sleep .3; exit 1";
    let mut attempt = start(&shell(), &json!({"script": script}));
    let (id, escaper) = (attempt.id, escaper(&mut attempt).await);
    assert!(lives(escaper));
    assert_eq!(attempt.finish().await.outcome.exit_code, Some(1));
    assert!(!lives(escaper));
    assert_eq!(processes_of(id), [0_i32; 0]);
}
