//! A server is killed at every point there is, and keeps its promises.

use oneoff_faults::armed;
use oneoff_torture::campaign::Campaign;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_point_breaks_no_promise() {
    let points = armed::points();
    let mut campaign = Campaign {
        program: env!("CARGO_BIN_EXE_oneoff-armed-server").into(),
        seed: 1,
        kills: points.len() as u64,
        time: None,
        only: None,
        side_by_side: 3,
        sabotage: None,
        points: points.clone(),
    };
    let mut missing = points;
    // What one workload did not come to, another one does.
    for seed in 1..=4 {
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
