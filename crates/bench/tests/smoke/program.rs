//! The program under test, and the server that it starts.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The server, which is built as an example of this package, beside its tests.
pub(super) fn server() -> PathBuf {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_oneoff-bench"));
    let server = target.with_file_name("examples").join("bench-server");
    assert!(server.is_file(), "{} is missing: `cargo build -p oneoff-bench --examples`", server.display());
    server
}

/// Runs the program in a directory of its own, which must be empty in the end.
pub(super) fn run(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_oneoff-bench"))
        .args(["--directory".as_ref(), directory.path()])
        .args(arguments)
        .output()
        .unwrap();
    let left: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{arguments:?} leaves {left:?}");
    output
}

/// Runs a scenario of the program alone and reads what it prints.
pub(super) fn report(arguments: &[&str]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["scenario"], arguments[0]);
    assert!(report["disk"]["write_4_kib_and_sync"]["p50_ms"].as_f64().unwrap() > 0.0, "{report}");
    report
}

/// Runs a scenario that starts the server.
pub(super) fn report_of_server(arguments: &[&str]) -> Value {
    let server = server();
    let arguments: Vec<&str> =
        arguments.iter().copied().chain(["--server", server.to_str().unwrap()]).collect();
    report(&arguments)
}

/// A figure, which must be a number.
pub(super) fn figure(report: &Value, pointer: &str) -> f64 {
    let figure = report["figures"].pointer(pointer).and_then(Value::as_f64);
    figure.unwrap_or_else(|| panic!("no {pointer} in {report}"))
}

/// Figures that must be there and above zero.
pub(super) fn assert_found(report: &Value, pointers: &[&str]) {
    for pointer in pointers {
        assert!(figure(report, pointer) > 0.0, "{pointer} in {report}");
    }
}
