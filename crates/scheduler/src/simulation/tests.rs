//! Histories without a violation, the same twice, and sabotage that is found.

use super::history::History;
use super::machine::Place;
use super::{Length, Options, simulate};
use oneoff_domain::{JobKey, Timestamp};
use oneoff_storage::PendingJob;
use std::collections::BTreeMap;

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

#[test]
fn a_job_is_late_only_where_there_was_room_for_it_all_the_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let place = Place::new().unwrap();
    let job = PendingJob {
        key: JobKey(1),
        due_at: Timestamp::MIN,
        priority: 5,
        job_type: "narrow".to_owned(),
        project_id: "default".to_owned(),
        concurrency_key: Some("red".to_owned()),
    };
    let could_start = |(ended_us, job_type): (u64, &str), (recorded_us, key): (u64, &str)| {
        let mut history = History::new(1, &place, 1).unwrap();
        history.plan.workers = 2;
        history.plan.type_limits = BTreeMap::from([("narrow".to_owned(), 1)]);
        history.start().unwrap();
        history.freed.slot(ended_us, job_type.to_owned());
        history.freed.key(recorded_us, Some(key.to_owned()));
        history.could_start_since(40, &job)
    };
    assert!(could_start((39, "narrow"), (39, "red")));
    assert!(could_start((40, "plain"), (40, "blue")), "a slot, the type and the key were free before");
    assert!(!could_start((40, "narrow"), (39, "red")), "the place of the type was free from then on");
    assert!(!could_start((39, "narrow"), (40, "red")), "the key was free from then on");
}
