//! Scenarios that start the real server.

use super::program::{assert_found, figure, report_of_server};

#[test]
fn create() {
    let report = report_of_server(&["create", "--seconds=1", "--connections=3"]);
    let found =
        ["/jobs_per_second", "/latency/p99_ms", "/server_cpu_us_per_request", "/server_resident_bytes"];
    assert_found(&report, &found);
}

#[test]
fn bulk() {
    for more in [&[][..], &["--per-item"][..]] {
        let settings = ["bulk", "--seconds=1", "--connections=2", "--jobs-per-request=20"];
        let report = report_of_server(&[&settings, more].concat());
        assert_found(&report, &["/jobs_per_second", "/latency/p99_ms", "/server_cpu_us_per_job"]);
        assert_eq!(report["settings"]["atomic"], more.is_empty());
    }
}

#[test]
fn http_jobs() {
    let report = report_of_server(&["http-jobs", "--jobs=40", "--pending=10"]);
    assert_found(&report, &["/jobs_per_second", "/target_cpu_us_per_job"]);
}

#[test]
fn shell_jobs() {
    let report = report_of_server(&["shell-jobs", "--jobs=10", "--workers=4"]);
    assert_found(&report, &["/jobs_per_second", "/server_resident_bytes", "/bare_starts_per_second"]);
}

#[test]
fn start_and_recovery() {
    for scenario in ["start", "recovery"] {
        let report = report_of_server(&[scenario, "--pending=100", "--rounds=2"]);
        assert_eq!(figure(&report, "/listening/count"), 2.0);
        assert_found(&report, &["/listening/p50_ms", "/next_start/p50_ms", "/resident_bytes"]);
    }
}

#[test]
fn idle() {
    let report = report_of_server(&["idle", "--pending=100", "--seconds=1", "--settle-seconds=1"]);
    assert_found(&report, &["/resident_bytes", "/guardian_resident_bytes", "/cpu_percent_of_a_core"]);
}

#[test]
fn punctual() {
    let report = report_of_server(&["punctual", "--pending=100", "--jobs=3", "--seconds=1"]);
    assert_eq!(figure(&report, "/lateness_by_own_output/count"), 3.0);
    assert_found(&report, &["/lateness_by_own_output/p50_ms"]);
}

#[test]
fn reads() {
    let report = report_of_server(&["reads", "--jobs=200", "--executions=300", "--requests=3"]);
    assert_eq!(figure(&report, "/jobs/count"), 3.0);
    let found =
        ["/search_one/p50_ms", "/executions_of_job/p50_ms", "/worst_served/p99_ms", "/worst_bounded/p99_ms"];
    assert_found(&report, &found);
}
