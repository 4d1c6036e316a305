//! A promise is broken on the thread that simulates, and a history has to notice.

use oneoff_faults::Sabotage;
use oneoff_faults::armed::break_here;
use oneoff_scheduler::simulation::{Failed, Length, Options, simulate};

/// The first of so many histories that violates a promise.
fn first_failure(histories: u64) -> Option<Failed> {
    let options = Options { threads: 1, ..Options::new(1, Length::Histories(histories)) };
    simulate(&options).unwrap().failed
}

fn finds(sabotage: Sabotage) {
    let broken = break_here(sabotage);
    let failed = first_failure(500).unwrap_or_else(|| panic!("{} is not noticed", sabotage.as_str()));
    drop(broken);
    println!("{}: {failed}", sabotage.as_str());
    let options = Options { threads: 1, ..Options::new(failed.seed, Length::Histories(1)) };
    assert_eq!(simulate(&options).unwrap().failed, None, "without the sabotage the same history is fine");
}

#[test]
fn a_missing_fence_is_found() {
    finds(Sabotage::NoFence);
}

#[test]
fn an_answer_before_the_commit_is_found() {
    finds(Sabotage::AcknowledgeBeforeCommit);
}

#[test]
fn a_claim_outside_of_its_transaction_is_found() {
    finds(Sabotage::ClaimOutsideTransaction);
}
