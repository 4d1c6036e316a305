//! What a shell job is given, and what is recorded of it.

use crate::support::{run, start};
use oneoff_domain::{ExecutionStatus, Reason};
use oneoff_executors::{BaseEnvironment, Executor, ShellExecutor};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

fn shell() -> ShellExecutor {
    let path = std::env::var_os("PATH").unwrap();
    ShellExecutor::new(BaseEnvironment {
        path,
        user: Some("me".into()),
        home: "/home/me".into(),
        ..BaseEnvironment::default()
    })
}

async fn stdout(config: Value) -> String {
    let finished = run(&shell(), config).await;
    assert_eq!(finished.outcome.reason, Reason::Success, "{:?} {}", finished.outcome, finished.stderr);
    finished.stdout
}

/// Writes a file by a process of its own: a descriptor of this one could be held by a concurrent fork, and
/// the system refuses to run a file that is open for writing.
fn write_script(path: &Path, text: &str, mode: &str) {
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "printf %s \"$1\" > \"$2\" && chmod \"$3\" \"$2\"", "sh", text]).arg(path).arg(mode);
    assert!(command.status().unwrap().success());
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let success = run(&shell(), json!({"script": "echo out; echo err >&2"})).await;
    assert_eq!(success.outcome.status, ExecutionStatus::Completed);
    assert_eq!((success.outcome.exit_code, success.outcome.error), (Some(0), None));
    assert_eq!((success.stdout.as_str(), success.stderr.as_str()), ("out\n", "err\n"));

    let failure = run(&shell(), json!({"script": "exit 3"})).await.outcome;
    assert_eq!((failure.reason, failure.exit_code), (Reason::ExitCode, Some(3)));
    assert_eq!(failure.error.as_deref(), Some("exited with code 3"));

    let signal = run(&shell(), json!({"script": "kill -KILL $$"})).await.outcome;
    assert_eq!((signal.reason, signal.exit_code), (Reason::Signal, None));
    assert_eq!(signal.error.as_deref(), Some("ended by SIGKILL"));
    assert_eq!(signal.result, Some(json!({"signal": "SIGKILL", "signal_number": 9})));
}

#[tokio::test]
async fn a_policy_that_was_stored_in_a_config_does_no_harm_to_an_attempt() {
    let stored = json!({"script": "echo ran", "max_retries": 5000, "timeout": 5_000_000});
    let refused = shell().validate(stored.as_object().unwrap()).unwrap_err();
    let pointers: Vec<_> = refused.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/timeout", "/max_retries"]);
    assert_eq!(shell().validate_and_sum_up(stored.as_object().unwrap()).unwrap_err(), refused);
    assert_eq!(stdout(stored).await, "ran\n");
}

#[tokio::test]
async fn arguments_are_real_ones() {
    let args = json!(["a b", "$(id)", "", "*", "ü\n'\""]);
    let script = r#"for a in "$@"; do printf '<%s>' "$a"; done; printf %s "$0""#;
    let written = stdout(json!({"script": script, "args": args})).await;
    assert_eq!(written, "<a b><$(id)><><*><ü\n'\">oneoff");
    let python =
        json!({"interpreter": "python3", "script": "import sys; print(sys.argv[1:])", "args": ["a b"]});
    assert_eq!(stdout(python).await, "['a b']\n");
}

#[tokio::test]
async fn the_environment_is_clean() {
    let env = json!({"OWN": "ä b", "LANG": "de_DE.UTF-8"});
    let written = stdout(json!({"script": "exec env", "env": env})).await;
    let mut lines: Vec<_> = written.lines().filter_map(|line| line.split_once('=')).collect();
    lines.retain(|(name, _)| !["PWD", "OLDPWD", "SHLVL", "_"].contains(name));
    lines.sort_unstable();
    let names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    let expected = [
        "HOME",
        "LANG",
        "ONEOFF_ATTEMPT",
        "ONEOFF_EXECUTION_ID",
        "ONEOFF_JOB_ID",
        "ONEOFF_JOB_NAME",
        "ONEOFF_RUN",
        "ONEOFF_SCHEDULED_AT",
        "OWN",
        "PATH",
        "TZ",
        "USER",
    ];
    assert_eq!(names, expected);
    for expected in [
        ("LANG", "de_DE.UTF-8"),
        ("TZ", "Europe/Berlin"),
        ("OWN", "ä b"),
        ("USER", "me"),
        ("ONEOFF_RUN", "2"),
        ("ONEOFF_ATTEMPT", "1"),
        ("ONEOFF_SCHEDULED_AT", "2026-12-01T09:00:00Z"),
        ("ONEOFF_JOB_NAME", "a test"),
    ] {
        assert!(lines.contains(&expected), "{expected:?} in {lines:?}");
    }
}

#[tokio::test]
async fn standard_input_is_empty_and_no_descriptor_of_the_server_is_open() {
    assert_eq!(stdout(json!({"script": "cat; readlink /proc/self/fd/0"})).await, "/dev/null\n");
    let written = stdout(json!({"script": "ls /proc/self/fd"})).await;
    let open: BTreeSet<u32> = written.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let mut expected = inherited_by_every_child();
    expected.extend([0, 1, 2]);
    // One more is the directory that `ls` reads.
    let more: Vec<_> = open.difference(&expected).collect();
    assert_eq!(more.len(), 1, "{open:?} instead of {expected:?}");
}

/// The descriptors that whoever started this test has left open for all its children.
fn inherited_by_every_child() -> BTreeSet<u32> {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let stays_open = |number: &u32| {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or("02000000");
        u32::from_str_radix(flags.trim(), 8).unwrap() & CLOSE_ON_EXEC == 0
    };
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(stays_open).collect()
}

#[tokio::test]
async fn files_run_by_their_own_interpreter() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    write_script(&at("with shebang"), "#!/usr/bin/env python3\nimport sys; print('py', sys.argv[1])", "755");
    write_script(&at("plain.sh"), "echo plain $1", "644");
    write_script(&at("exec.sh"), "echo exec $1", "755");
    let workdir = directory.path().to_str().unwrap();
    for (config, expected) in [
        (json!({"file": at("with shebang"), "args": ["x"]}), "py x\n"),
        (json!({"file": at("plain.sh"), "args": ["x"]}), "plain x\n"),
        (json!({"file": at("exec.sh"), "args": ["x"]}), "exec x\n"),
        (json!({"file": "plain.sh", "workdir": workdir}), "plain\n"),
        (json!({"file": "$DIR/plain.sh", "env": {"DIR": workdir}}), "plain\n"),
        (json!({"file": "~/plain.sh", "env": {"HOME": workdir}}), "plain\n"),
        (json!({"script": at("plain.sh"), "is_path": true, "args": ["x y"]}), "plain x y\n"),
        (json!({"file": at("with shebang"), "interpreter": ["python3", "-u"], "args": ["x"]}), "py x\n"),
        (json!({"script": "pwd", "workdir": workdir}), &format!("{workdir}\n")),
    ] {
        assert_eq!(stdout(config.clone()).await, expected, "{config}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("bad");
    write_script(&bad, "#!/no/such/interpreter\n", "755");
    for (config, expected) in [
        (json!({"script": "true", "workdir": "/no/such"}), "cannot enter the workdir /no/such: No such file"),
        (
            json!({"script": "true", "workdir": "/etc/passwd"}),
            "cannot enter the workdir /etc/passwd: it is not a directory",
        ),
        (json!({"file": "/no/such"}), "cannot run the file /no/such: No such file"),
        (json!({"file": "/etc"}), "cannot run /etc: it is a directory"),
        (json!({"file": bad}), "the interpreter that its first line names does not exist"),
        (json!({"script": "1", "interpreter": "python9"}), "cannot start python9: no such program in PATH ("),
        (json!({"script": "1", "interpreter": "/no/sh"}), "cannot start /no/sh: No such file"),
    ] {
        let outcome = run(&shell(), config).await.outcome;
        assert_eq!(outcome.reason, Reason::Spawn);
        let error = outcome.error.unwrap();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_script_that_is_as_long_as_may_be_runs() {
    let comment = "#".repeat(128 * 1024 - 1 - "echo ok\n".len());
    let config = json!({"script": format!("echo ok\n{comment}")});
    assert_eq!(shell().validate(config.as_object().unwrap()), Ok(()));
    assert_eq!(stdout(config).await, "ok\n");
}

#[tokio::test]
async fn output_comes_while_the_job_runs_and_is_raw() {
    let mut attempt = start(&shell(), &json!({"script": "printf 'a\\377'; read never < /dev/zero & wait"}));
    let chunk = attempt.output.recv().await.unwrap();
    assert_eq!(chunk.bytes.as_ref(), b"a\xff");
    assert!(!attempt.task.is_finished());
    attempt.trigger.fire(oneoff_executors::StopReason::Cancelled);
    assert_eq!(attempt.finish().await.outcome.reason, Reason::Cancelled);
}

#[tokio::test]
async fn a_slow_collector_slows_the_job_and_loses_nothing() {
    const BYTES: usize = 10 * 1024 * 1024;
    let script = format!("head -c {BYTES} /dev/zero; echo done >&2");
    let mut attempt = start(&shell(), &json!({"script": script}));
    let (mut bytes, mut largest) = (0, 0);
    while let Some(chunk) = attempt.output.recv().await {
        if bytes == 0 {
            // The pipe and the channel are full long before the end: the writer waits.
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert!(!attempt.task.is_finished());
        }
        bytes += chunk.bytes.len();
        largest = largest.max(chunk.bytes.len());
    }
    assert_eq!(bytes, BYTES + "done\n".len());
    assert!(largest <= 32 * 1024, "{largest}");
    assert_eq!(attempt.task.await.unwrap().reason, Reason::Success);
}

#[test]
fn a_summary_is_the_first_thing_that_the_script_does() {
    let summary = |config: Value| shell().summary(config.as_object().unwrap());
    assert_eq!(summary(json!({"script": "#!/bin/sh\n\n# why\n  pg_dump   db > x\nrm y"})), "pg_dump db > x");
    assert_eq!(summary(json!({"file": "/opt/a.sh", "args": ["x", "y"]})), "/opt/a.sh x y");
    assert_eq!(summary(json!({"script": "# nothing"})), "shell script");
    assert_eq!(summary(json!({"script": "x".repeat(1000)})).chars().count(), 80);
}
