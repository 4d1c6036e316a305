//! `all`, `compare` and kept files.

use super::program::{run, server};
use serde_json::Value;

#[test]
fn all_prints_a_table_and_writes_everything_as_json() {
    let (server, other) = (server(), tempfile::tempdir().unwrap());
    let json = other.path().join("all.json");
    let output = run(&[
        "all",
        "--quick",
        "--rounds=2",
        "--only=create,throughput,idle-empty,binary",
        "--server",
        server.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 4, "{text}");
    assert!(rows[0].starts_with("| durable single creates") && rows[0].contains("/s, p99 "), "{text}");
    assert!(rows[2].contains("1 M pending failed"), "what was not run has no figure: {text}");
    assert!(!rows[3].contains("failed"), "{text}");
    let document: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(document["reports"]["throughput"].as_array().map(Vec::len), Some(2), "{document}");
    assert_eq!(document["quick"], true);
}

#[test]
fn all_names_what_it_does_not_know_and_what_fails() {
    let unknown = run(&["all", "--only=creates", "--server=/bin/true"]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("is none of create, bulk"));
    let failing = run(&["all", "--quick", "--only=create", "--server=/bin/true"]);
    assert!(!failing.status.success());
    assert!(String::from_utf8_lossy(&failing.stdout).contains("| failed, p99 failed | **no** |"));
}

#[test]
fn two_builds_are_compared_and_the_worse_one_fails() {
    let server = server();
    let server = server.to_str().unwrap();
    let compare = |least: &str| {
        run(&[
            "compare",
            "create",
            "--rounds=1",
            "--fail-below",
            least,
            "--server",
            server,
            "--other-server",
            server,
            "--",
            "--seconds=1",
            "--connections=2",
        ])
    };
    let even = compare("0.001");
    let text = String::from_utf8_lossy(&even.stdout);
    assert!(even.status.success(), "{text}\n{}", String::from_utf8_lossy(&even.stderr));
    assert!(text.contains("| jobs_per_second | "), "{text}");
    let worse = compare("1000");
    assert_eq!(worse.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&worse.stdout).contains("**worse**"));
}

#[test]
fn a_scenario_of_the_program_itself_is_compared_by_two_programs() {
    let own = env!("CARGO_BIN_EXE_oneoff-bench");
    let line = ["compare", "throughput", "--rounds=1"];
    let settings = ["--own-arguments=--order=random", "--", "--jobs=50", "--pending=50"];
    let output = run(&[&line[..], &["--other-bench", own], &settings].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("| jobs_per_second | "), "{text}");
    let alone = run(&[&line[..], &settings].concat());
    assert!(String::from_utf8_lossy(&alone.stderr).contains("needs --other-bench"));
}

#[test]
fn a_filled_file_is_kept_and_used_again() {
    let kept = tempfile::tempdir().unwrap();
    let prepared = kept.path().join("prepared");
    let line = ["burst", "--pending=300", "--jobs=10", "--prepared", prepared.to_str().unwrap()];
    let file = || {
        let files: Vec<_> = std::fs::read_dir(&prepared).unwrap().map(|entry| entry.unwrap()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert!(files[0].file_name().to_string_lossy().starts_with("pending-300-"), "{files:?}");
        files[0].metadata().unwrap().modified().unwrap()
    };
    assert!(run(&line).status.success());
    let first = file();
    assert!(run(&line).status.success());
    assert_eq!(file(), first, "it was not made a second time");
}
