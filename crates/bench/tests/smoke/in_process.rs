//! Scenarios that run the store and the scheduler in the program itself.

use super::program::{assert_found, figure, report};

#[test]
fn throughput_in_both_orders() {
    for order in ["random", "created"] {
        let report = report(&["throughput", "--jobs=100", "--pending=200", "--order", order]);
        assert_found(&report, &["/jobs_per_second", "/seconds", "/resident_bytes"]);
        assert_eq!(report["settings"]["order"], order);
    }
}

#[test]
fn lateness() {
    let report = report(&["lateness", "--pending=200", "--rate=50", "--seconds=1"]);
    assert_eq!(figure(&report, "/lateness/count"), 50.0);
    assert_found(&report, &["/lateness/p99_ms", "/disk_sync/p50_ms"]);
    let beyond = figure(&report, "/lateness/p99_ms") - 2.0 * figure(&report, "/disk_sync/p50_ms");
    assert!((figure(&report, "/beyond_two_syncs/p99_ms") - beyond.max(0.0)).abs() < 1e-6, "{report}");
}

#[test]
fn burst() {
    let report = report(&["burst", "--pending=200", "--jobs=100"]);
    assert_found(&report, &["/first_start_ms", "/last_start_ms"]);
    assert!(figure(&report, "/first_start_ms") <= figure(&report, "/half_started_ms"));
    assert!(figure(&report, "/half_started_ms") <= figure(&report, "/last_start_ms"));
}
