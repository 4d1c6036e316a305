//! A server is killed at every point there is, and keeps its promises, whatever its database is.

use oneoff_faults::points;
use oneoff_pg_fixture::{Cluster, Settings};
use oneoff_torture::campaign::Campaign;
use std::sync::Arc;
use tokio::sync::Mutex;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_breaks_no_promise() {
    every_point(points::points_of_files(), None, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_breaks_no_promise_on_postgres() {
    let cluster = Cluster::start(&Settings::default()).unwrap();
    // Most of the time is spent on waiting for the end of a lease.
    every_point(points::points_of_servers(), Some(Arc::new(cluster)), 6).await;
}

/// One after another: each takes all that the machine has.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn every_point(points: Vec<String>, cluster: Option<Arc<Cluster>>, side_by_side: usize) {
    let _alone = ALONE.lock().await;
    let mut campaign = Campaign {
        program: env!("CARGO_BIN_EXE_oneoff-armed-server").into(),
        seed: 1,
        kills: points.len() as u64,
        time: None,
        only: None,
        side_by_side,
        sabotage: None,
        points: points.clone(),
        cluster,
    };
    let mut missing = points;
    // What one workload did not come to, another one does.
    for seed in 1..=6 {
        (campaign.seed, campaign.points) = (seed, missing.clone());
        campaign.kills = missing.len() as u64;
        let report = campaign.run(|_progress| ()).await.unwrap();
        println!("{}", report.line());
        let failures: Vec<String> = report.failures.iter().map(|failure| failure.text(&campaign)).collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        missing.retain(|point| !report.reached.contains_key(point));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no workload came by {missing:?}");
}
