//! The state machine of a chain execution: each row of its table, and what holds of every chain.

use oneoff_domain::chain_step::{Advance, LinkRule, LinkState, Then, advance};
use oneoff_domain::{ChainStatus, LinkStatus, RunIf, SkipReason};
use proptest::prelude::*;

fn link(run_if: RunIf, stop_on_failure: bool, status: LinkStatus) -> LinkState {
    LinkState { rule: LinkRule { run_if, stop_on_failure }, status }
}

/// What the second of two links does after a first one that ended so.
fn second(first: LinkStatus, stop_on_failure: bool, run_if: RunIf) -> Advance {
    let links = [link(RunIf::Success, stop_on_failure, first), link(run_if, true, LinkStatus::Waiting)];
    advance(&links, false)
}

#[test]
fn every_row_of_the_table_holds() {
    use ChainStatus::{Completed as Fine, Failed as Broken};
    use LinkStatus::{Cancelled, Completed, Failed, Skipped};
    use RunIf::{Always, Failure, Success};
    let starts = || Advance { skips: Vec::new(), then: Then::Start(1) };
    let skips = |reason, status| Advance { skips: vec![(1, reason)], then: Then::End(status) };
    let after_failure = |status| skips(SkipReason::EarlierFailure, status);
    let without_failure = || skips(SkipReason::NoFailure, Fine);
    for (first, stops, run_if, expected) in [
        (Completed, true, Success, starts()),
        (Completed, true, Failure, without_failure()),
        (Completed, true, Always, starts()),
        (Completed, false, Success, starts()),
        (Completed, false, Failure, without_failure()),
        (Completed, false, Always, starts()),
        (Failed, true, Success, after_failure(Broken)),
        (Failed, true, Failure, starts()),
        (Failed, true, Always, starts()),
        (Failed, false, Success, starts()),
        (Failed, false, Failure, starts()),
        (Failed, false, Always, starts()),
        (Cancelled, true, Success, after_failure(Broken)),
        (Cancelled, true, Failure, starts()),
        (Cancelled, true, Always, starts()),
        (Cancelled, false, Success, starts()),
        (Cancelled, false, Failure, starts()),
        (Cancelled, false, Always, starts()),
        (Skipped, true, Success, starts()),
        (Skipped, true, Failure, without_failure()),
        (Skipped, true, Always, starts()),
    ] {
        assert_eq!(second(first, stops, run_if), expected, "{first} {stops} {run_if}");
    }
}

#[test]
fn a_handler_of_a_failure_leaves_the_chain_failed_and_a_tolerated_failure_does_not() {
    let handled =
        [link(RunIf::Success, true, LinkStatus::Failed), link(RunIf::Failure, true, LinkStatus::Completed)];
    assert_eq!(advance(&handled, false).then, Then::End(ChainStatus::Failed));
    let tolerated =
        [link(RunIf::Success, false, LinkStatus::Failed), link(RunIf::Success, true, LinkStatus::Completed)];
    assert_eq!(advance(&tolerated, false).then, Then::End(ChainStatus::Completed));
}

#[test]
fn a_cancelled_chain_waits_for_its_link_and_starts_none() {
    let mut links = [
        link(RunIf::Success, true, LinkStatus::Running),
        link(RunIf::Always, true, LinkStatus::Waiting),
        link(RunIf::Failure, true, LinkStatus::Waiting),
    ];
    let skips = vec![(1, SkipReason::ChainCancelled), (2, SkipReason::ChainCancelled)];
    assert_eq!(advance(&links, true), Advance { skips: skips.clone(), then: Then::Wait });
    links[0].status = LinkStatus::Completed;
    assert_eq!(advance(&links, true), Advance { skips, then: Then::End(ChainStatus::Cancelled) });
}

fn rules() -> impl Strategy<Value = Vec<LinkRule>> {
    let run_if = prop::sample::select(RunIf::ALL.to_vec());
    let rule =
        (run_if, any::<bool>()).prop_map(|(run_if, stop_on_failure)| LinkRule { run_if, stop_on_failure });
    prop::collection::vec(rule, 1..12)
}

proptest! {
    /// Whatever becomes of the links: one runs at a time, each at most once and in order, by what the table says of
    /// those before it; the end comes, and says whether a failure counted.
    #[test]
    fn links_run_in_order_and_as_the_table_says(
        rules in rules(),
        ends in prop::collection::vec(0..3_usize, 12),
        cancel_before in prop::option::of(0..12_usize),
    ) {
        let mut links: Vec<LinkState> =
            rules.iter().map(|rule| LinkState { rule: *rule, status: LinkStatus::Waiting }).collect();
        let (mut started, mut is_cancelled) = (Vec::new(), false);
        let end = loop {
            is_cancelled |= cancel_before == Some(started.len());
            let Advance { skips, then } = advance(&links, is_cancelled);
            for (index, reason) in &skips {
                prop_assert_eq!(links[*index].status, LinkStatus::Waiting);
                prop_assert_eq!(*reason == SkipReason::ChainCancelled, is_cancelled);
                links[*index].status = LinkStatus::Skipped;
            }
            match then {
                Then::Wait => prop_assert!(false, "nothing is under way"),
                Then::Start(index) => {
                    prop_assert!(!is_cancelled);
                    prop_assert!(started.last().is_none_or(|last| *last < index), "in order, each once");
                    prop_assert!(links[..index].iter().all(|link| link.status.is_over()), "one at a time");
                    prop_assert!(runs(&links[..index], links[index].rule.run_if));
                    links[index].status = LinkStatus::Running;
                    prop_assert_eq!(advance(&links, false), Advance { skips: Vec::new(), then: Then::Wait });
                    links[index].status =
                        [LinkStatus::Completed, LinkStatus::Failed, LinkStatus::Cancelled][ends[started.len()]];
                    started.push(index);
                }
                Then::End(status) => break status,
            }
        };
        prop_assert!(links.iter().all(|link| link.status.is_over()));
        for (index, link) in links.iter().enumerate().filter(|(_, link)| link.status == LinkStatus::Skipped) {
            prop_assert!(is_cancelled || !runs(&links[..index], link.rule.run_if));
        }
        let counts = links.iter().any(|link| link.rule.stop_on_failure && link.status.is_failure());
        let expected = match (is_cancelled, counts) {
            (true, _) => ChainStatus::Cancelled,
            (false, true) => ChainStatus::Failed,
            (false, false) => ChainStatus::Completed,
        };
        prop_assert_eq!(end, expected);
    }
}

/// The table, once more, in its own words.
fn runs(before: &[LinkState], run_if: RunIf) -> bool {
    let did_not_succeed =
        |link: &&LinkState| matches!(link.status, LinkStatus::Failed | LinkStatus::Cancelled);
    match run_if {
        RunIf::Success => !before.iter().filter(did_not_succeed).any(|link| link.rule.stop_on_failure),
        RunIf::Failure => before.iter().any(|link| did_not_succeed(&link)),
        RunIf::Always => true,
    }
}
