//! Histories without a violation, the same twice, and sabotage that is found.

use super::{Length, Options, simulate};

fn histories(seed: u64, count: u64) -> Options {
    Options::new(seed, Length::Histories(count))
}

/// A number from the environment, for longer runs and for replays by hand.
fn given(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

#[test]
fn no_history_violates_a_promise() {
    let count = given("ONEOFF_HISTORIES").unwrap_or(300);
    let trace_lines = given("ONEOFF_TRACE_LINES").map_or(150, |lines| lines.try_into().unwrap());
    let options = Options { trace_lines, ..histories(given("ONEOFF_SEED").unwrap_or(1), count) };
    let report = simulate(&options).unwrap();
    if let Some(failed) = report.failed {
        panic!("{failed}");
    }
    println!("{report:?}");
    assert_eq!(report.histories, count);
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in 1000..1020 {
        let first = simulate(&histories(seed, 1)).unwrap();
        let second = simulate(&histories(seed, 1)).unwrap();
        assert_eq!(first, second, "seed {seed}");
    }
}
