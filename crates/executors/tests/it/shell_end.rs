//! Nothing of a shell job outlives its attempt, however it ends.

use crate::support::{Attempt, PATIENCE, eventually, is_zombie, lives, processes_of, start, start_watched};
use oneoff_domain::{ExecutionId, ExecutionStatus, Reason};
use oneoff_executors::{BaseEnvironment, ProcessWatch, ShellExecutor, StopReason};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What tells an end from one that comes by itself after five minutes, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(10);

fn shell() -> ShellExecutor {
    ShellExecutor::new(BaseEnvironment::of_this_process())
}

async fn started(script: &str, processes: usize) -> Attempt {
    let attempt = start(&shell(), &json!({"script": script}));
    let id = attempt.id;
    eventually("its processes run", PATIENCE, || processes_of(id).len() >= processes).await;
    attempt
}

/// Stops an attempt; it and all its processes are gone soon, and none is a zombie of ours.
async fn stopped(attempt: Attempt, reason: StopReason) -> crate::support::Finished {
    let (id, processes) = (attempt.id, processes_of(attempt.id));
    let began = Instant::now();
    attempt.trigger.fire(reason);
    eventually("all processes are gone", SOON, || processes_of(id).is_empty()).await;
    let finished = attempt.finish().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert!(!processes.iter().any(|pid| lives(*pid)));
    finished
}

#[tokio::test]
async fn cancel_and_timeout_end_the_whole_tree() {
    for (reason, status, recorded) in [
        (StopReason::Cancelled, ExecutionStatus::Cancelled, Reason::Cancelled),
        (StopReason::TimedOut, ExecutionStatus::Failed, Reason::Timeout),
        (StopReason::Shutdown, ExecutionStatus::Failed, Reason::Shutdown),
    ] {
        let attempt = started("echo began; sleep 300 & sleep 300", 3).await;
        let finished = stopped(attempt, reason).await;
        assert_eq!((finished.outcome.status, finished.outcome.reason), (status, recorded));
        assert_eq!(finished.stdout, "began\n", "what it wrote is kept");
    }
}

#[tokio::test]
async fn one_that_ignores_the_request_to_end_is_killed() {
    let attempt = started("trap '' TERM HUP INT; echo trapped; sleep 300; sleep 300", 2).await;
    assert_eq!(stopped(attempt, StopReason::Cancelled).await.stdout, "trapped\n");
}

#[tokio::test]
async fn one_that_cleans_up_is_given_a_moment() {
    let (mut tries, mut has_cleaned_up) = (0, false);
    // A busy machine may not have it run within that moment, but not every time.
    while tries < 5 && !has_cleaned_up {
        tries += 1;
        let mut attempt =
            started("trap 'sleep 0.1; echo cleaned; exit 0' TERM; echo ready; sleep 300 & wait", 2).await;
        attempt.wrote("ready").await;
        let finished = stopped(attempt, StopReason::Cancelled).await;
        assert_eq!(finished.outcome.reason, Reason::Cancelled);
        has_cleaned_up = finished.stdout == "cleaned\n";
    }
    assert!(has_cleaned_up, "it never cleaned up");
}

#[tokio::test]
async fn one_that_left_the_group_is_found() {
    let script = "setsid sh -c 'trap \"\" TERM; sleep 300; :' >/dev/null 2>&1 & setsid sleep 300 & sleep 300";
    let attempt = started(script, 5).await;
    stopped(attempt, StopReason::Cancelled).await;
}

#[tokio::test]
async fn one_that_was_stopped_by_a_signal_ends_too() {
    let attempt = started("kill -STOP $$", 1).await;
    stopped(attempt, StopReason::TimedOut).await;
}

#[tokio::test]
async fn one_that_forks_without_end_is_overcome() {
    let attempt = started("trap '' TERM; echo began; f() { sleep 0.01; f & }; f; f; f; sleep 300", 2).await;
    let id = attempt.id;
    attempt.trigger.fire(StopReason::Cancelled);
    attempt.finish().await;
    assert_eq!(processes_of(id), [0_i32; 0]);
}

#[tokio::test]
async fn a_flood_is_stopped_although_nobody_reads_it() {
    let attempt = started("yes & yes >&2; sleep 300", 3).await;
    let id = attempt.id;
    attempt.trigger.fire(StopReason::Cancelled);
    eventually("all processes are gone", SOON, || processes_of(id).is_empty()).await;
    assert_eq!(attempt.finish().await.outcome.reason, Reason::Cancelled);
}

#[tokio::test]
async fn what_is_left_in_the_background_ends_with_its_leader() {
    for script in
        ["sleep 300 & echo $!", "setsid sleep 300 & echo $!", "(setsid sh -c 'sleep 300; :' & ) ; echo x"]
    {
        let attempt = start(&shell(), &json!({"script": script}));
        let (id, began) = (attempt.id, Instant::now());
        let finished = attempt.finish().await;
        assert_eq!(finished.outcome.reason, Reason::Success);
        assert_ne!(finished.stdout, "");
        assert!(began.elapsed() < SOON, "{script}: {:?}", began.elapsed());
        assert_eq!(processes_of(id), [0_i32; 0], "{script}");
    }
}

#[tokio::test]
async fn dropping_the_attempt_ends_it() {
    let attempt = started("setsid sleep 300 & sleep 300 & sleep 300", 4).await;
    let processes = processes_of(attempt.id);
    attempt.task.abort();
    eventually("all processes are gone", SOON, || !processes.iter().any(|pid| lives(*pid))).await;
    eventually("none is a zombie", SOON, || !processes.iter().any(|pid| is_zombie(*pid) && is_ours(*pid)))
        .await;
}

/// Whether a process is a child of this one, by the fourth field of its state.
fn is_ours(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(1)?.parse().ok());
    parent == Some(std::process::id())
}

#[derive(Default)]
struct Diary(Mutex<Vec<(String, ExecutionId, i32)>>);

impl ProcessWatch for Diary {
    fn started(&self, execution_id: ExecutionId, process_group: i32, _start_ticks: u64) {
        self.0.lock().unwrap().push(("started".to_owned(), execution_id, process_group));
    }
    fn ended(&self, execution_id: ExecutionId) {
        self.0.lock().unwrap().push(("ended".to_owned(), execution_id, 0));
    }
    fn environment(&self) -> Vec<(String, String)> {
        ["ONEOFF_INSTANCE", "ONEOFF_EXECUTION_ID"]
            .map(|name| (name.to_owned(), "of the watch".to_owned()))
            .into()
    }
}

#[tokio::test]
async fn the_watch_is_told_of_every_group_and_marks_it() {
    let diary = Arc::new(Diary::default());
    let script = "echo $$ $ONEOFF_INSTANCE; [ $ONEOFF_EXECUTION_ID = 'of the watch' ] && exit 9; exit 0";
    let attempt = start_watched(&shell(), &json!({"script": script}), diary.clone());
    let id = attempt.id;
    let finished = attempt.finish().await;
    let (group, instance) = finished.stdout.trim().split_once(' ').unwrap();
    assert_eq!(instance, "of the watch");
    let entries = diary.0.lock().unwrap().clone();
    let group = group.parse().unwrap();
    assert_eq!(entries, [("started".to_owned(), id, group), ("ended".to_owned(), id, 0)]);
    assert_eq!(finished.outcome.exit_code, Some(0), "the id is not the watch's to give");
}

#[tokio::test]
async fn a_stop_that_came_first_starts_nothing() {
    let diary = Arc::new(Diary::default());
    let (mut context, trigger, _output) = crate::support::context(&json!({"script": "true"}));
    context.processes = diary.clone();
    trigger.fire(StopReason::Shutdown);
    let outcome = oneoff_executors::Executor::run(&shell(), context).await;
    assert_eq!(outcome.reason, Reason::Shutdown);
    assert!(diary.0.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_ends_together() {
    let executor = shell();
    let config = json!({"script": "sleep 300 & sleep 300"});
    let attempts: Vec<_> = (0..100).map(|_| start(&executor, &config)).collect();
    for attempt in &attempts {
        eventually("it runs", PATIENCE, || processes_of(attempt.id).len() == 3).await;
    }
    let began = Instant::now();
    attempts.iter().for_each(|attempt| attempt.trigger.fire(StopReason::Shutdown));
    for attempt in attempts {
        let id = attempt.id;
        attempt.finish().await;
        assert_eq!(processes_of(id), [0_i32; 0]);
    }
    assert!(began.elapsed() < 2 * SOON, "{:?}", began.elapsed());
}
