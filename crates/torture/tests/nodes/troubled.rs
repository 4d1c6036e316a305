//! Nodes that are killed, paused and cut off, and a database that is restarted, break no promise; nodes that break one
//! are found out.

use oneoff_faults::Sabotage;
use oneoff_torture::nodes::{Machines, NodesCampaign, NodesRound};
use oneoff_torture::oracle::Rule;
use oneoff_torture::workload::Mix;
use tokio::sync::Mutex;

fn campaign(seed: u64, jobs: u64, machines: Machines, sabotage: Option<Sabotage>) -> NodesCampaign {
    NodesCampaign {
        program: env!("CARGO_BIN_EXE_oneoff-armed-server").into(),
        seed,
        nodes: 3,
        jobs,
        mix: Mix::OF_NODES,
        time: None,
        machines: Some(machines),
        sabotage,
    }
}

/// One after another: each takes all that the machine has.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn one_round(campaign: &NodesCampaign) -> NodesRound {
    let _alone = ALONE.lock().await;
    let mut report = campaign.run(|round| println!("{}", round.line())).await.unwrap();
    report.rounds.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_in_all_kinds_of_trouble_break_no_promise() {
    let round = one_round(&campaign(1, 300, Machines::Apart, None)).await;
    assert!(round.violations.is_empty(), "{}", round.text());
    assert_eq!(round.restarts.len(), 2, "{}", round.line());
    assert!(round.jobs > 200, "{}", round.line());
    assert_eq!(round.troubles.len(), 6, "not every kind of trouble: {}", round.line());
}

/// Rounds that are tried before nodes count as not found out.
const TRIES: u64 = 6;

/// A node that was paused for longer than its lease comes back with outcomes of attempts that others have closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_fence_between_nodes_is_found_out() {
    let mut found = Vec::new();
    for seed in 1..=TRIES {
        let campaign = campaign(seed, 150, Machines::Apart, Some(Sabotage::NoFence));
        // Jobs that still run, again, when it does.
        let mix = Mix { failing: 0, chatty: 0, long: 0, patient: 60, at_most_once: 0 };
        found.extend(one_round(&NodesCampaign { mix, ..campaign }).await.violations);
        if found.iter().any(|violation| violation.rule == Rule::OneOutcome) {
            return;
        }
    }
    panic!("nodes without a fence are not found out: {found:#?}");
}
