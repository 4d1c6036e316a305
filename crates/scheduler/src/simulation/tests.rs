//! Histories without a violation, the same twice, and sabotage that is found.

use super::{Length, Options, simulate};

fn histories(seed: u64, count: u64) -> Options {
    Options { seed, length: Length::Histories(count), threads: 2 }
}

#[test]
fn no_history_violates_a_promise() {
    let count =
        std::env::var_os("ONEOFF_HISTORIES").and_then(|count| count.to_str()?.parse().ok()).unwrap_or(300);
    let seed = std::env::var_os("ONEOFF_SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or(1);
    let report = simulate(&histories(seed, count)).unwrap();
    if let Some(failed) = report.failed {
        panic!("{failed}");
    }
    println!("{report:?}");
    assert_eq!(report.histories, count);
}
