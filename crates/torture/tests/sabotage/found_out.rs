//! The suite is worth something: a server that breaks a promise is found out, and by the rule that is about it.

use oneoff_faults::Sabotage;
use oneoff_torture::history::{HistoryPlan, Outcome, live};
use oneoff_torture::oracle::Rule;
use oneoff_torture::plan::{KillAt, LifePlan};
use oneoff_torture::server::Place;
use oneoff_torture::workload::Mix;
use std::time::Duration;

/// Histories that are tried before a server counts as not found out. On a machine that does much else one in ten shows
/// nothing of a missing fence, and all others show what they are about.
const TRIES: u64 = 10;

fn kill_at(point: &str, passing: u64, after_ms: u64) -> Option<KillAt> {
    Some(KillAt { point: point.to_owned(), passing, after: Duration::from_millis(after_ms) })
}

async fn one_history(seed: u64, mut lives: Vec<LifePlan>, sabotage: Option<Sabotage>, mix: Mix) -> Outcome {
    for life in &mut lives {
        life.sabotage = sabotage;
    }
    let directory = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_oneoff-armed-server").into();
    let place = Place::with_file(program, directory.path().canonicalize().unwrap());
    let life_max = Duration::from_millis(1_500);
    // What a broken promise leaves open is never over.
    let quiet_within = Duration::from_secs(if sabotage.is_some() { 4 } else { 60 });
    live(&place, &HistoryPlan { seed, lives, mix, life_max, quiet_within, sabotage }).await.unwrap()
}

/// With the promise broken one of these rules is, too; with the promise kept the same history is clean.
async fn is_found_out(sabotage: Sabotage, lives: Vec<LifePlan>, mix: Mix, rules: &[Rule]) {
    let honest = one_history(1, lives.clone(), None, mix).await;
    assert_eq!(honest.violations, [], "without sabotage");
    let mut found = Vec::new();
    for seed in 1..=TRIES {
        found.extend(one_history(seed, lives.clone(), Some(sabotage), mix).await.violations);
        if rules.iter().all(|rule| found.iter().any(|violation| violation.rule == *rule)) {
            return;
        }
    }
    panic!("{sabotage:?} was not found out by {rules:?}: {found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_found_out() {
    let life =
        |passing| LifePlan { kill: kill_at("create.before_commit", passing, 40), ..LifePlan::default() };
    let lives = vec![life(6), life(9), life(3)];
    is_found_out(Sabotage::AcknowledgeBeforeCommit, lives, Mix::default(), &[Rule::AcknowledgedCreate]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_outside_of_its_transaction_is_found_out() {
    let lives = vec![LifePlan { kill: kill_at("create.after_answer", 25, 0), ..LifePlan::default() }];
    let rules = [Rule::OneOutcome, Rule::AtMostOnce];
    let mix = Mix { at_most_once: 60, ..Mix::default() };
    is_found_out(Sabotage::ClaimOutsideTransaction, lives, mix, &rules).await;
}

/// The fence keeps a finisher whose commit was answered as unknown, and who therefore tries again, from ending
/// the attempt that has begun since. That takes a next attempt that runs by then, as not each of them does: so several
/// commits of each life are answered so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_fence_is_found_out() {
    let life = |first: u64| {
        let passings = (first..).step_by(3).take(4);
        let fail = passings.map(|passing| format!("retry.after_commit:{passing}")).collect();
        LifePlan { fail, ..LifePlan::default() }
    };
    let lives = vec![life(1), life(2), life(3)];
    let mix = Mix { failing: 90, chatty: 0, long: 0, patient: 0, at_most_once: 0 };
    is_found_out(Sabotage::NoFence, lives, mix, &[Rule::OneOutcome]).await;
}
