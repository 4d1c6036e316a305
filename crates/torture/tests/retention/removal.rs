//! Retention is killed around each of its commits, and removes all that is old and nothing else.

use oneoff_domain::{JobStatus, Timestamp};
use oneoff_torture::evidence::Evidence;
use oneoff_torture::gather::gather;
use oneoff_torture::history::{HistoryPlan, live};
use oneoff_torture::plan::{KillAt, LifePlan};
use oneoff_torture::server::Place;
use oneoff_torture::workload::Mix;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};
use std::time::Duration;

const SIGKILL: i32 = 9;

async fn evidence_of(place: &Place) -> Evidence {
    let mut evidence = Evidence::default();
    gather(place, &mut evidence).await.unwrap();
    evidence
}

fn retain(place: &Place, before: Timestamp, kill_at: Option<&str>) -> ExitStatus {
    let mut command = Command::new(&place.program);
    command.env_clear().env("DB_PATH", place.database()).env("ONEOFF_RETAIN_FROM", before.to_string());
    command.env("ONEOFF_KILL_AT", kill_at.unwrap_or_default());
    command.status().unwrap()
}

/// Some jobs with all that belongs to them, made by a server that was killed once.
async fn some_history(place: &Place) -> Evidence {
    let kill = KillAt { point: "finish.after_answer".to_owned(), passing: 40, after: Duration::ZERO };
    let plan = HistoryPlan {
        seed: 3,
        lives: vec![LifePlan { kill: Some(kill), ..LifePlan::default() }],
        mix: Mix { long: 5, ..Mix::default() },
        life_max: Duration::from_secs(5),
        quiet_within: Duration::from_secs(60),
        sabotage: None,
    };
    assert_eq!(live(place, &plan).await.unwrap().violations, []);
    evidence_of(place).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_removed_and_nothing_else_wherever_retention_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_oneoff-armed-server").into();
    let place = Place::with_file(program, directory.path().canonicalize().unwrap());
    let before = some_history(&place).await;
    let mut ends: Vec<Timestamp> =
        before.attempts.iter().filter_map(|attempt| attempt.completed_at).collect();
    ends.sort();
    let cut = ends[ends.len() / 2];
    for moment in ["before_commit", "after_commit", "after_listener", "after_answer"] {
        let status = retain(&place, cut, Some(&format!("retention.{moment}")));
        assert_eq!(status.signal(), Some(SIGKILL), "{moment}: {status}");
        check(&before, &evidence_of(&place).await, cut);
    }
    assert!(retain(&place, cut, None).success());
    let after = evidence_of(&place).await;
    check(&before, &after, cut);
    let is_old = |end: Option<Timestamp>| end.is_some_and(|end| end < cut);
    assert!(!after.attempts.iter().any(|attempt| is_old(attempt.completed_at)), "an old execution is left");
    // Events go from the beginning on, in their order. Two that come about at the same time may be numbered the
    // other way round than they are dated, and the later one keeps what is numbered behind it.
    assert!(
        after.events.first().is_some_and(|event| event.at >= cut),
        "an old event is left at the beginning"
    );
    assert!(after.jobs.len() < before.jobs.len(), "no job was removed");
}

/// Nothing is gone that is not old, and nothing is half gone.
fn check(before: &Evidence, after: &Evidence, cut: Timestamp) {
    let kept: BTreeSet<&str> = after.jobs.iter().map(|job| job.id.as_str()).collect();
    for job in before.jobs.iter().filter(|job| !kept.contains(job.id.as_str())) {
        assert!(job.status.is_final(), "gone before its end: {job:?}");
        let events = before.events.iter().filter(|event| event.job == job.id);
        assert!(events.clone().all(|event| event.at < cut), "gone too early: {job:?}");
    }
    let attempts: BTreeSet<&str> = after.attempts.iter().map(|attempt| attempt.id.as_str()).collect();
    for attempt in before.attempts.iter().filter(|attempt| attempt.completed_at >= Some(cut)) {
        assert!(attempts.contains(attempt.id.as_str()), "gone too early: {attempt:?}");
    }
    let has_job = after.attempts.iter().all(|attempt| kept.contains(attempt.job.as_str()));
    assert!(has_job, "an execution without its job");
    for pair in after.events.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1, "the events have a gap");
    }
    let events: BTreeSet<i64> = after.events.iter().map(|event| event.sequence).collect();
    for event in before.events.iter().filter(|event| event.at >= cut) {
        assert!(events.contains(&event.sequence), "gone too early: {event:?}");
    }
    let mut counted: BTreeMap<JobStatus, u64> = JobStatus::ALL.iter().map(|status| (*status, 0)).collect();
    after.jobs.iter().for_each(|job| *counted.entry(job.status).or_default() += 1);
    assert_eq!(after.counters, counted);
}
