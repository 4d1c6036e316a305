//! Nodes whose machines' clocks are wrong: they go by the database's time, and say that their clock is off.

use crate::harness::{Engine, beside, draft, server};
use oneoff_domain::{BootTime, Clock, JobStatus, Timestamp};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, NodeHealth, Schedule, SchedulerSettings, SystemClock};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A machine's clock that is so many seconds ahead of what it should be.
struct Wrong {
    ahead_seconds: i64,
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros_clamped(SystemClock.now().as_micros() + self.ahead_seconds * 1_000_000)
    }

    fn boot_time(&self) -> BootTime {
        SystemClock.boot_time()
    }
}

async fn node(place: TempDir, ahead_seconds: i64) -> Engine {
    let clock = Arc::new(Wrong { ahead_seconds });
    Engine::start_by(clock, place, FakeExecutor::new("fake"), SchedulerSettings::default()).await
}

/// How a node is, by what it says itself or another one says of it, and by how many seconds its clock is ahead.
async fn seen(by: &Engine, of: &Engine) -> Option<(NodeHealth, i64)> {
    let nodes = by.service.nodes().await;
    let node = nodes.into_iter().find(|node| node.info.epoch == of.store.epoch())?;
    Some((node.health, (node.info.clock_offset_us? + 500_000).div_euclid(1_000_000)))
}

async fn is_seen(by: &Engine, of: &Engine, wanted: (NodeHealth, i64)) {
    let look = async {
        while seen(by, of).await != Some(wanted) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, look).await.expect("the node is seen as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_off_starts_jobs_at_the_time_of_the_database() {
    for ahead_seconds in [7, -7] {
        let engine = node(server(), ahead_seconds).await;
        // The database is on this machine.
        let due = SystemClock.now().saturating_add(Duration::from_millis(1_500));
        let job = engine.create(JobDraft { schedule: Schedule::at(due.to_string()), ..draft("now") }).await;
        assert_eq!(engine.over(job.id).await.state.status, JobStatus::Completed);
        let now = SystemClock.now();
        assert!(now >= due, "{ahead_seconds}: it started {} too early", due.micros_since(now));
        assert!(now < due.saturating_add(Duration::from_secs(6)), "{ahead_seconds}: it started too late");
        let execution = engine.executions(job.id).await.remove(0);
        assert!(execution.started_at >= due && execution.started_at <= now, "{execution:?} {now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_clock_is_off_says_so_to_all_and_keeps_its_lease() {
    let place = server();
    let others = beside(place.path());
    let (wrong, right) = (node(place, 7).await, node(others, 0).await);
    for by in [&wrong, &right] {
        is_seen(by, &wrong, (NodeHealth::ClockOff, 7)).await;
        is_seen(by, &right, (NodeHealth::Ok, 0)).await;
    }
    let job = wrong.create(draft("now")).await;
    assert_eq!(right.over(job.id).await.state.status, JobStatus::Completed);
    assert!(wrong.service.worker_status().paused.is_none());
}
